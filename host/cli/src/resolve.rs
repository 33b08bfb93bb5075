//! Asks the plugins, all at once, each for everything that the run wants from it.

use std::collections::BTreeMap;
use std::io::Write as _;

use ptrun_host::{
    Answers, Compiled, EgressOptions, Grant, Limits, LoadError, LogRecord, Runtime, Sandbox, SecretBytes,
    SecretRef, Use, resolve_all,
};

use crate::args::Global;
use crate::plan::Wanted;
use crate::plugins::Plugins;
use crate::prepare::{Given, Prepared, Purpose, Ready, prepare};
use crate::report::{Failure, Failures};
use crate::{confine, credential, opener, shell};

/// One secret for each that is wanted, in their order; or every reason why there is none. The credentials of
/// the plugins that are asked are secrets too, and come first.
pub(crate) fn all(
    global: &Global,
    plugins: Plugins,
    wanted: &[Wanted],
) -> Result<Vec<SecretBytes>, Failures> {
    with(global, plugins, Use::Read, wanted, async |sandboxes| ask(sandboxes, wanted).await)
}

/// The plugins of a run, by the scheme of their references.
pub(crate) type Sandboxes = BTreeMap<String, Sandbox>;

/// Does `work` with the plugins that `wanted` names, each in its sandbox, with what it is given for `purpose`.
pub(crate) fn with<T: Send>(
    global: &Global,
    plugins: Plugins,
    purpose: Use,
    wanted: &[Wanted],
    work: impl AsyncFnOnce(&Sandboxes) -> Result<T, Failures> + Send,
) -> Result<T, Failures> {
    let Prepared { plugins, handed, needs, egress } = prepare(plugins, purpose, wanted)?;
    let (purposes, handed): (Vec<(String, Purpose)>, Vec<Wanted>) = handed.into_iter().unzip();
    confine::run(&needs, |_| {
        let references = handed.iter().chain(wanted).map(|wanted| &wanted.reference).collect();
        let engine = Engine { verbose: global.verbose, egress };
        let usual = engine.start(Limits::default())?;
        let mut loaded = Loaded { engine, usual, plugins, references, sandboxes: BTreeMap::new() };
        tokio(!needs.ports.is_empty())?.block_on(async {
            loaded.load(&handed, Vec::new())?;
            let secrets = ask(&loaded.sandboxes, &handed).await?;
            loaded.load(wanted, purposes.into_iter().zip(secrets).collect())?;
            work(&loaded.sandboxes).await
        })
    })?
}

/// The plugin of a reference.
pub(crate) fn sandbox<'a>(sandboxes: &'a Sandboxes, reference: &SecretRef) -> Result<&'a Sandbox, Failure> {
    let scheme = reference.scheme();
    let gone = || Failure::new("reference/unknown-scheme", format!("no plugin answers to `{scheme}://`"));
    sandboxes.get(scheme).ok_or_else(gone)
}

/// What waits for plugins and servers: this thread alone. No pool is started for a look-up of a variable.
pub(crate) fn tokio(online: bool) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time();
    if online {
        builder.enable_io();
    }
    builder.build().map_err(|why| Failure::new("system/runtime", format!("the system refused: {why}")))
}

/// How engines are started in this run.
struct Engine {
    verbose: bool,
    egress: EgressOptions,
}

impl Engine {
    fn start(&self, limits: Limits) -> Result<Runtime, LoadError> {
        let runtime = Runtime::new(limits)?.with_egress(self.egress.clone());
        Ok(if self.verbose { runtime.with_log(show) } else { runtime })
    }
}

/// What plugins fetched for others.
type Handed = Vec<((String, Purpose), SecretBytes)>;

/// The plugins of a run on their way into their sandboxes.
struct Loaded<'a> {
    engine: Engine,
    /// With the limits that most plugins have.
    usual: Runtime,
    plugins: BTreeMap<String, Ready>,
    /// Everything that will be asked for.
    references: Vec<&'a SecretRef>,
    sandboxes: Sandboxes,
}

impl Loaded<'_> {
    /// Puts the plugins that `wanted` names into sandboxes, with what others fetched for them.
    fn load(&mut self, wanted: &[Wanted], mut handed: Handed) -> Result<(), Failures> {
        for Wanted { reference, .. } in wanted {
            let scheme = reference.scheme();
            // There is one for each scheme; it is taken once.
            let Some(ready) = self.plugins.remove(scheme) else { continue };
            let Ready { approved, limits, given, mut keys, awaits } = ready;
            let Given { mut grants, missing, settings, accounts } = given;
            let compiled = match limits == Limits::default() {
                true => approved.compile(&self.usual)?,
                false => approved.compile(&self.engine.start(limits)?)?,
            };
            if !missing.is_empty() {
                return Err(not_granted(scheme, &compiled, &missing).into());
            }
            let of_scheme = |of: &((String, Purpose), SecretBytes)| of.0.0 == scheme;
            let (theirs, others): (Handed, Handed) = handed.into_iter().partition(of_scheme);
            handed = others;
            if theirs.len() != awaits {
                let message =
                    format!("the plugin `{scheme}` fetches a secret for another, and awaits one itself");
                return Err(Failure::new("usage/credential", message)
                    .help("take the secret from a plugin that needs none, such as `env`")
                    .into());
            }
            let references: Vec<_> =
                self.references.iter().copied().filter(|of| of.scheme() == scheme).collect();
            let before = keys.len();
            for ((_, purpose), secret) in theirs {
                match purpose {
                    Purpose::Sign => grants = credential::sign(grants, &accounts, &secret, &references)?,
                    Purpose::Open => keys.push(secret),
                }
            }
            if keys.len() > before {
                grants = opener::from_options(grants, &keys, &references);
            }
            let sandbox = compiled.sandbox(grants, settings)?;
            self.sandboxes.insert(scheme.to_owned(), sandbox);
        }
        Ok(())
    }
}

/// Asks all plugins at once, each for all that is wanted from it.
async fn ask(sandboxes: &Sandboxes, wanted: &[Wanted]) -> Result<Vec<SecretBytes>, Failures> {
    let mut batches: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, wanted) in wanted.iter().enumerate() {
        batches.entry(wanted.reference.scheme()).or_default().push(index);
    }
    let batches: Vec<(&Sandbox, Vec<usize>)> =
        batches.into_iter().filter_map(|(scheme, indices)| Some((sandboxes.get(scheme)?, indices))).collect();
    let batch = |indices: &[usize]| indices.iter().map(|&index| &wanted[index].reference).collect();
    let questions: Vec<(&Sandbox, Vec<&SecretRef>)> =
        batches.iter().map(|(sandbox, indices)| (*sandbox, batch(indices))).collect();
    let answers = resolve_all(&questions).await;

    let mut secrets: Vec<Option<SecretBytes>> = wanted.iter().map(|_| None).collect();
    let mut failures = Vec::new();
    for ((_, indices), answer) in batches.iter().zip(answers) {
        collect(indices, answer, wanted, &mut secrets, &mut failures);
    }
    match secrets.into_iter().collect::<Option<Vec<_>>>() {
        Some(secrets) if failures.is_empty() => Ok(secrets),
        _ => Err(Failures::new(failures)),
    }
}

/// Names what a plugin asks for and is not given, the interfaces that it would use, and what would allow it.
fn not_granted(scheme: &str, plugin: &Compiled, missing: &[Grant]) -> Failure {
    let message = format!("the plugin `{scheme}` asks for something that it is not granted");
    let mut failure = Failure::new("grant/missing", message);
    for grant in missing {
        failure = failure.fact("asks for", grant);
        failure = plugin.interfaces_for(grant).fold(failure, |failure, name| failure.fact("imports", name));
    }
    let allow: Vec<_> = missing
        .iter()
        .map(|grant| format!("--allow {}", shell::word(&format!("{scheme}:{grant}"))))
        .collect();
    failure.help(format!("if it should have this, add `{}`", allow.join(" ")))
}

/// Puts one plugin's answers where they belong.
fn collect(
    indices: &[usize],
    answer: Answers,
    wanted: &[Wanted],
    secrets: &mut [Option<SecretBytes>],
    failures: &mut Vec<Failure>,
) {
    match answer {
        Err(error) => failures.push(error.into()),
        Ok(answers) => {
            for (&index, answer) in indices.iter().zip(answers) {
                match answer {
                    Ok(secret) => secrets[index] = Some(secret),
                    Err(error) => {
                        let Wanted { name, reference } = &wanted[index];
                        let failure = name
                            .iter()
                            .fold(error.into(), |failure: Failure, name| failure.fact("secret", name));
                        failures.push(failure.fact("reference", reference));
                    }
                }
            }
        }
    }
}

fn show(record: &LogRecord) {
    let level = match record.level {
        ptrun_host::LogLevel::Debug => "debug",
        ptrun_host::LogLevel::Info => "info",
        ptrun_host::LogLevel::Warn => "warn",
        _ => "error",
    };
    let fields: String = record.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    // A closed standard error is no reason to fail.
    let _ = writeln!(anstream::stderr(), "{level}[{}]: {}{fields}", record.plugin, record.code);
}
