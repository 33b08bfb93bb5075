//! Asks the plugins, all at once, each for everything that the run wants from it.

use std::collections::BTreeMap;
use std::time::Duration;

use ptrun_host::{
    Answers, Compiled, Grant, Sandbox, SecretBytes, SecretError, SecretRef, SelectError, Use, resolve_all,
};

use crate::args::Global;
use crate::audit::Audit;
use crate::config::Config;
use crate::engines::{Engines, Loaded};
use crate::plan::Wanted;
use crate::plugins::Plugins;
use crate::prepare::{Given, Prepared, Purpose, prepare};
use crate::process::deaf;
use crate::report::{Failure, Failures};
use crate::{confine, credential, names, opener, progress, shell};

/// One secret for each that is wanted, in their order, and none for those that are not there and need not be; or every
/// reason why there is none. The credentials of the plugins that are asked are secrets too, and come first.
pub(crate) fn all(
    session: Session<'_>,
    plugins: Plugins,
    wanted: &[Wanted],
) -> Result<Vec<Option<SecretBytes>>, Failures> {
    with(session, plugins, Use::Read, wanted, async |sandboxes| ask(sandboxes, wanted).await.all())
}

/// What plugins are asked under.
pub(crate) struct Session<'a> {
    pub(crate) global: &'a Global,
    pub(crate) config: &'a Config,
    pub(crate) audit: &'a mut Audit,
}

/// The plugins of a run, by the scheme of their references.
pub(crate) type Sandboxes = BTreeMap<String, Sandbox>;

/// Does `work` with the plugins that `wanted` names, each in its sandbox, with what it is given for `purpose`.
pub(crate) fn with<T: Send>(
    session: Session<'_>,
    plugins: Plugins,
    purpose: Use,
    wanted: &[Wanted],
    work: impl AsyncFnOnce(&Sandboxes) -> Result<T, Failures> + Send,
) -> Result<T, Failures> {
    let Session { global, config, audit } = session;
    let limit = global.timeout()?.or(config.run.timeout);
    let Prepared { plugins, handed, needs, egress } = prepare(plugins, purpose, wanted, global.offline)?;
    let schemes: Vec<String> = plugins.keys().cloned().collect();
    let (purposes, handed): (Vec<(String, Purpose)>, Vec<Wanted>) = handed.into_iter().unzip();
    let load = || {
        let loaded = Engines::new(global, egress).map_err(Failures::from);
        match loaded.and_then(|engines| engines.load(plugins)) {
            Ok((plugins, clocks)) => (Ok(plugins), clocks),
            Err(failures) => (Err(failures), Vec::new()),
        }
    };
    let (done, exchanges) = confine::run(&needs, load, |_, plugins| {
        let plugins = plugins?;
        let references = handed.iter().chain(wanted).map(|wanted| &wanted.reference).collect();
        let mut entering = Entering { plugins, references, sandboxes: BTreeMap::new() };
        let all = async {
            entering.enter(&handed, Vec::new())?;
            // All of them are required, so that all of them are here.
            let secrets = ask(&entering.sandboxes, &handed).await.all()?.into_iter().flatten();
            entering.enter(wanted, purposes.into_iter().zip(secrets).collect())?;
            work(&entering.sandboxes).await
        };
        let schemes: Vec<&str> = schemes.iter().map(String::as_str).collect();
        let all = progress::shown(all, &schemes);
        let done = tokio(!needs.ports.is_empty())?.block_on(async {
            match limit {
                Some(limit) => tokio::time::timeout(limit, all).await.unwrap_or_else(|_| Err(late(limit))),
                None => all.await,
            }
        });
        let exchanges = entering.sandboxes.iter();
        let exchanges = exchanges.map(|(scheme, sandbox)| (scheme.clone(), sandbox.take_exchanges()));
        Ok::<_, Failures>((done, exchanges.collect::<Vec<_>>()))
    })??;
    for (scheme, exchanges) in exchanges {
        audit.requests(&scheme, exchanges);
    }
    done
}

fn late(limit: Duration) -> Failures {
    let message = format!("the secrets were not there within {limit:?}");
    Failure::new("secret/timeout", message).help("allow more time: `--timeout 30s`").into()
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
    builder.enable_time().on_thread_start(deaf);
    if online {
        names::from_files_and_dns();
        builder.enable_io();
    }
    builder.build().map_err(|why| Failure::new("system/runtime", format!("the system refused: {why}")))
}

/// What plugins fetched for others.
type Handed = Vec<((String, Purpose), SecretBytes)>;

/// The plugins of a run on their way into their sandboxes.
struct Entering<'a> {
    plugins: BTreeMap<String, Loaded>,
    /// Everything that will be asked for.
    references: Vec<&'a SecretRef>,
    sandboxes: Sandboxes,
}

impl Entering<'_> {
    /// Puts the plugins that `wanted` names into sandboxes, with what others fetched for them.
    fn enter(&mut self, wanted: &[Wanted], mut handed: Handed) -> Result<(), Failures> {
        for Wanted { reference, .. } in wanted {
            let scheme = reference.scheme();
            // There is one for each scheme; it is taken once.
            let Some(plugin) = self.plugins.remove(scheme) else { continue };
            let Loaded { compiled, given, mut keys, awaits } = plugin;
            let Given { mut grants, missing, settings, accounts } = given;
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

/// What became of one secret that was wanted.
pub(crate) struct Answer {
    pub(crate) secret: Option<SecretBytes>,
    /// Whether something went wrong; a secret that need not be there is none otherwise.
    pub(crate) failed: bool,
    /// How long its plugin took, for all that it was asked for.
    pub(crate) took: Duration,
}

/// What became of each secret, in their order, and everything that went wrong.
pub(crate) struct Answered {
    pub(crate) answers: Vec<Answer>,
    pub(crate) failures: Vec<Failure>,
}

impl Answered {
    /// All of them, or none.
    fn all(self) -> Result<Vec<Option<SecretBytes>>, Failures> {
        match self.failures.is_empty() {
            true => Ok(self.answers.into_iter().map(|answer| answer.secret).collect()),
            false => Err(Failures::new(self.failures)),
        }
    }
}

/// Asks all plugins at once, each for all that is wanted from it.
pub(crate) async fn ask(sandboxes: &Sandboxes, wanted: &[Wanted]) -> Answered {
    let mut batches: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, wanted) in wanted.iter().enumerate() {
        batches.entry(wanted.reference.scheme()).or_default().push(index);
    }
    let batches: Vec<(&Sandbox, Vec<usize>)> =
        batches.into_iter().filter_map(|(scheme, indices)| Some((sandboxes.get(scheme)?, indices))).collect();
    let batch = |indices: &[usize]| indices.iter().map(|&index| &wanted[index].reference).collect();
    let questions: Vec<(&Sandbox, Vec<&SecretRef>)> =
        batches.iter().map(|(sandbox, indices)| (*sandbox, batch(indices))).collect();

    let nothing = || Answer { secret: None, failed: true, took: Duration::ZERO };
    let mut answered = Answered { answers: wanted.iter().map(|_| nothing()).collect(), failures: Vec::new() };
    for ((_, indices), (answer, took)) in batches.iter().zip(resolve_all(&questions).await) {
        answered.collect(indices, answer, took, wanted);
    }
    answered
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

impl Answered {
    /// Puts one plugin's answers where they belong.
    fn collect(&mut self, indices: &[usize], answers: Answers, took: Duration, wanted: &[Wanted]) {
        for &index in indices {
            self.answers[index].took = took;
        }
        let answers = match answers {
            Ok(answers) => answers,
            Err(error) => return self.failures.push(error.into()),
        };
        for (&index, answer) in indices.iter().zip(answers) {
            let (secret, failed) = match answer {
                Ok(secret) => (Some(secret), false),
                Err(error) if !wanted[index].required && is_missing(&error) => (None, false),
                Err(error) => {
                    self.failures.push(wanted[index].failed(error.into()));
                    (None, true)
                }
            };
            self.answers[index] = Answer { secret, failed, took };
        }
    }
}

/// Whether there is no such secret, or no such part of it.
const fn is_missing(error: &SecretError) -> bool {
    matches!(error, SecretError::NotFound | SecretError::Select(SelectError::Missing(_)))
}

impl Wanted {
    fn failed(&self, failure: Failure) -> Failure {
        let Self { name, reference, place, .. } = self;
        let failure = name.iter().fold(failure, |failure, name| failure.fact("secret", name));
        let failure = failure.fact("reference", reference);
        place.iter().fold(failure, |failure, place| failure.fact("at", place))
    }
}
