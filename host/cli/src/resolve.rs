//! Asks the plugins, all at once, each for everything that the run wants from it.

use std::collections::BTreeMap;
use std::io::Write as _;

use ptrun_host::{
    Answers, Compiled, EgressOptions, Grant, Limits, LoadError, LogRecord, Roots, Runtime, Sandbox,
    SecretBytes, SecretRef, resolve_all,
};

use crate::args::Global;
use crate::credential;
use crate::plan::Wanted;
use crate::plugins::{Plugin, Plugins};
use crate::report::{Failure, Failures};
use crate::shell;

/// One secret for each that is wanted, in their order; or every reason why there is none. The credentials of
/// the plugins that are asked are secrets too, and come first.
pub(crate) fn all(
    global: &Global,
    plugins: Plugins,
    wanted: &[Wanted],
) -> Result<Vec<SecretBytes>, Failures> {
    let plugins = plugins.into_map();
    let asked = |scheme: &str| wanted.iter().any(|wanted| wanted.reference.scheme() == scheme);
    let (schemes, credentials): (Vec<String>, Vec<Wanted>) = plugins
        .iter()
        .filter(|(scheme, _)| asked(scheme))
        .filter_map(|(scheme, plugin)| {
            let reference = plugin.credential.as_ref()?.reference()?;
            Some((scheme.clone(), Wanted { name: None, reference: reference.clone() }))
        })
        .unzip();
    let references = credentials.iter().chain(wanted).map(|wanted| &wanted.reference).collect();

    // This thread alone: no pool is started for a look-up of a variable.
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let tokio = tokio.map_err(|why| Failure::new("system/runtime", format!("the system refused: {why}")))?;
    let runtime = runtime(global, Limits::default())?;
    let mut loaded = Loaded { global, runtime, plugins, references, sandboxes: BTreeMap::new() };
    tokio.block_on(async {
        loaded.load(&credentials, BTreeMap::new()).await?;
        let secrets = ask(&loaded.sandboxes, &credentials).await?;
        loaded.load(wanted, schemes.into_iter().zip(secrets).collect()).await?;
        ask(&loaded.sandboxes, wanted).await
    })
}

/// An engine with these limits, as the command line and the environment want it.
fn runtime(global: &Global, limits: Limits) -> Result<Runtime, LoadError> {
    let mut runtime = Runtime::new(limits)?;
    if global.verbose {
        runtime = runtime.with_log(show);
    }
    // As for curl and OpenSSL: whoever sets one of these wants the system's roots, or their own.
    if ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().any(|name| std::env::var_os(name).is_some()) {
        runtime = runtime.with_egress(EgressOptions { roots: Roots::System, ..EgressOptions::default() });
    }
    Ok(runtime)
}

/// The plugins of a run on their way into their sandboxes.
struct Loaded<'a> {
    global: &'a Global,
    /// With the limits that most plugins have.
    runtime: Runtime,
    plugins: BTreeMap<String, Plugin>,
    /// Everything that will be asked for, whose grants a sandbox holds from the beginning.
    references: Vec<&'a SecretRef>,
    sandboxes: BTreeMap<String, Sandbox>,
}

impl Loaded<'_> {
    /// Puts the plugins that `wanted` names into sandboxes, with the credentials of those that need one.
    async fn load(
        &mut self,
        wanted: &[Wanted],
        mut credentials: BTreeMap<String, SecretBytes>,
    ) -> Result<(), Failures> {
        for Wanted { reference, .. } in wanted {
            let scheme = reference.scheme();
            // The plan found a plugin for each scheme; it is taken once.
            let Some(plugin) = self.plugins.remove(scheme) else { continue };
            let references: Vec<_> =
                self.references.iter().copied().filter(|reference| reference.scheme() == scheme).collect();
            let (grants, missing) = plugin.approved.grants(&plugin.allowed, &references);
            let compiled = match plugin.limits == Limits::default() {
                true => plugin.approved.compile(&self.runtime)?,
                false => plugin.approved.compile(&runtime(self.global, plugin.limits)?)?,
            };
            if !missing.is_empty() {
                return Err(not_granted(scheme, &compiled, &missing).into());
            }
            let secret = match &plugin.credential {
                Some(credential) => Some(credential.value(credentials.remove(scheme))?),
                None => None,
            };
            let grants = credential::sign(grants, secret.as_ref(), &references).await?;
            let sandbox = compiled.sandbox(grants, BTreeMap::new())?;
            self.sandboxes.insert(scheme.to_owned(), sandbox);
        }
        Ok(())
    }
}

/// Asks all plugins at once, each for all that is wanted from it.
async fn ask(sandboxes: &BTreeMap<String, Sandbox>, wanted: &[Wanted]) -> Result<Vec<SecretBytes>, Failures> {
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
