//! Asks the plugins, all at once, each for everything that the run wants from it.

use std::collections::BTreeMap;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use ptrun_host::{Answers, Sandbox, SecretBytes, SecretError, SecretRef, SelectError, Use, resolve_all};
use tokio::runtime::Runtime;

use crate::args::Global;
use crate::audit::Audit;
use crate::both::line;
use crate::config::Config;
use crate::engines::Engines;
use crate::enter::{Entered, Sandboxes, Share, share};
use crate::plan::Wanted;
use crate::plugins::Plugins;
use crate::prepare::{Prepared, Purpose, prepare};
use crate::process::deaf;
use crate::report::{Failure, Failures};
use crate::{confine, names, progress};

/// One secret for each that is wanted, in their order, and none for those that are not there and need not be; or every
/// reason why there is none. The credentials of the plugins that are asked are secrets too, and come first.
pub(crate) fn all(
    session: Session<'_>,
    plugins: Plugins,
    wanted: Vec<Wanted>,
) -> Result<Vec<Option<SecretBytes>>, Failures> {
    with(session, plugins, Use::Read, wanted, async |sandboxes, wanted| ask(sandboxes, wanted).await.all())
}

/// What plugins are asked under.
pub(crate) struct Session<'a> {
    pub(crate) global: &'a Global,
    pub(crate) config: &'a Config,
    pub(crate) audit: &'a mut Audit,
}

/// Does `work` with the plugins that `wanted` names, each in its sandbox, with what it is given for `purpose`.
///
/// Two threads put them there: this one, which has everything that finding their machine code takes, and the one on
/// which they run.
pub(crate) fn with<T: Send + 'static>(
    session: Session<'_>,
    plugins: Plugins,
    purpose: Use,
    wanted: Vec<Wanted>,
    work: impl AsyncFnOnce(&Sandboxes, &[Wanted]) -> Result<T, Failures> + Send + 'static,
) -> Result<T, Failures> {
    let Session { global, config, audit } = session;
    let limit = global.timeout()?.or(config.run.timeout);
    let Prepared { plugins, handed, needs, egress } = prepare(plugins, purpose, &wanted, global.offline)?;
    let online = !needs.ports.is_empty();
    let schemes: Vec<String> = plugins.keys().cloned().collect();
    let (found, line) = line();
    let (give, take) = sync_channel(1);
    let before = {
        let line = line.clone();
        || {
            let engines = Engines::new(global, egress).map_err(Failures::from);
            let clocks =
                engines.as_ref().map_or_else(|_| Vec::new(), |engines| engines.find(plugins, &found));
            drop(found);
            let _ = give.send(engines.map(|_| share(line)));
            clocks
        }
    };
    let asked = move |runtime: &Runtime, mine: Share| {
        // Nothing comes if the other thread panicked, which goes on from there.
        let theirs = take.recv().unwrap_or_else(|_| Err(Failures::new(Vec::new())))?;
        let mut entered = Entered::all(mine, theirs)?;
        let (purposes, handed): (Vec<(String, Purpose)>, Vec<Wanted>) = handed.into_iter().unzip();
        let all = async {
            entered.can_fetch(&handed)?;
            // All of them are required, so that all of them are here.
            let secrets = ask(&entered.sandboxes, &handed).await.all()?.into_iter().flatten();
            let references: Vec<_> = handed.iter().chain(&wanted).map(|wanted| &wanted.reference).collect();
            entered.hand(purposes.into_iter().zip(secrets).collect(), &references)?;
            work(&entered.sandboxes, &wanted).await
        };
        let all = progress::shown(all, &schemes);
        let done = runtime.block_on(async {
            match limit {
                Some(limit) => tokio::time::timeout(limit, all).await.unwrap_or_else(|_| Err(late(limit))),
                None => all.await,
            }
        });
        Ok::<_, Failures>((done, entered.sandboxes))
    };
    let (done, exchanges) = confine::run(needs, before, move |_| {
        let runtime = tokio(online);
        let mine = share(line);
        let asked = runtime.map_err(Failures::from).and_then(|runtime| Ok((asked(&runtime, mine)?, runtime)));
        match asked {
            Ok(((done, sandboxes), runtime)) => {
                let exchanges = sandboxes.iter();
                let exchanges = exchanges.map(|(scheme, sandbox)| (scheme.clone(), sandbox.take_exchanges()));
                ((done, exchanges.collect()), Some((sandboxes, runtime)))
            }
            Err(failures) => ((Err(failures), Vec::new()), None),
        }
    })?;
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
pub(crate) fn tokio(online: bool) -> Result<Runtime, Failure> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().on_thread_start(deaf);
    if online {
        names::from_files_and_dns();
        builder.enable_io();
    }
    builder.build().map_err(|why| Failure::new("system/runtime", format!("the system refused: {why}")))
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
