//! Asks the plugins, all at once, each for everything that the run wants from it.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use ptrun_host::{LoadError, Sandbox, SecretBytes, SecretRef, Use, resolve_all};
use tokio::runtime::Runtime;
use tokio::task::yield_now;

use crate::answer::{Answered, Timed};
use crate::args::Global;
use crate::audit::Audit;
use crate::config::Config;
use crate::engines::{Coded, Engines};
use crate::enter::{Arrival, Entered, enter};
use crate::plan::Wanted;
use crate::plugins::Plugins;
use crate::prepare::{Prepared, Purpose, prepare};
use crate::process::deaf;
use crate::relay::{User, relay};
use crate::report::{Failure, Failures};
use crate::{confine, names, progress};

/// What plugins are asked under.
pub(crate) struct Session<'a> {
    pub(crate) global: &'a Global,
    pub(crate) config: &'a Config,
    pub(crate) audit: &'a mut Audit,
}

/// One secret for each that is wanted, in their order, and none for those that are not there and need not be; or every
/// reason why there is none. The credentials of the plugins that are asked are secrets too, and come first.
pub(crate) fn all(
    session: Session<'_>,
    plugins: Plugins,
    wanted: Vec<Wanted>,
) -> Result<Vec<Option<SecretBytes>>, Failures> {
    ask(session, plugins, &wanted.into())?.all()
}

/// The same, with what became of each.
pub(crate) fn ask(
    session: Session<'_>,
    plugins: Plugins,
    wanted: &Arc<[Wanted]>,
) -> Result<Answered, Failures> {
    let ask = async |sandbox: &Sandbox, references: &[&SecretRef]| -> Timed {
        let start = Instant::now();
        (sandbox.resolve(references).await, start.elapsed())
    };
    Ok(Answered::of(wanted, with(session, plugins, Use::Read, wanted, ask)?))
}

/// Does `work` with the plugin of a reference.
pub(crate) fn with_one<T: Send + 'static>(
    session: Session<'_>,
    plugins: Plugins,
    purpose: Use,
    reference: &SecretRef,
    work: impl AsyncFn(&Sandbox) -> Result<T, Failures> + Send + 'static,
) -> Result<T, Failures> {
    let wanted: Arc<[Wanted]> = Arc::new([Wanted::one(reference.clone())]);
    let mut done = with(session, plugins, purpose, &wanted, async move |sandbox, _| work(sandbox).await)?;
    done.remove(reference.scheme()).unwrap_or_else(|| Err(Plugins::unknown(reference.scheme()).into()))
}

/// Does `work` with each plugin that `wanted` names, in its sandbox, with what it is given for `purpose`, and with the
/// references that are its own: what came of it, by their scheme.
///
/// Two threads put plugins into their sandboxes: this one, which has everything that finding their machine code takes,
/// and the one on which they run. There, each begins when it is in its own and nothing has to be compiled any more, while
/// others are still on their way.
fn with<T: Send + 'static>(
    session: Session<'_>,
    plugins: Plugins,
    purpose: Use,
    wanted: &Arc<[Wanted]>,
    work: impl AsyncFn(&Sandbox, &[&SecretRef]) -> T + Send + 'static,
) -> Result<BTreeMap<String, T>, Failures> {
    let Session { global, config, audit } = session;
    let limit = global.timeout()?.or(config.run.timeout);
    let Prepared { plugins, handed, needs, egress } = prepare(plugins, purpose, wanted, global.offline)?;
    let online = !needs.ports.is_empty();
    let schemes = plugins.keys().cloned().collect();
    let sure = plugins.values().all(|ready| ready.given.missing.is_empty());
    let (finder, arriving) = relay();
    let before = || {
        let engines = Engines::new(global, egress)?;
        let clocks = engines.find(plugins, |scheme, coded| finder.add((scheme, coded)));
        finder.help(enter);
        drop(finder);
        Ok(clocks)
    };
    let run = Run { arriving, handed, wanted: Arc::clone(wanted), schemes, sure, limit };
    let (done, exchanges) = confine::run(needs, before, move |_| {
        let runtime = match tokio(online) {
            Ok(runtime) => runtime,
            Err(why) => return ((Err(why.into()), Vec::new()), None),
        };
        let mut entered = Entered::default();
        let done = runtime.block_on(run.all(&mut entered, work));
        let sent = entered.sandboxes.iter();
        let sent = sent.map(|(scheme, sandbox)| (scheme.clone(), sandbox.take_exchanges()));
        ((done, sent.collect()), Some((entered, runtime)))
    })?;
    for (scheme, exchanges) in exchanges {
        audit.requests(&scheme, exchanges);
    }
    done
}

/// What the thread of the plugins has to do.
struct Run {
    arriving: User<(String, Result<Coded, LoadError>), Arrival>,
    /// What plugins fetch for others.
    handed: Vec<((String, Purpose), Wanted)>,
    wanted: Arc<[Wanted]>,
    schemes: Vec<String>,
    /// Whether each is granted what it asks for, so that none is asked in vain.
    sure: bool,
    /// How long plugins may take when all have arrived.
    limit: Option<Duration>,
}

impl Run {
    async fn all<T>(
        self,
        entered: &mut Entered,
        work: impl AsyncFn(&Sandbox, &[&SecretRef]) -> T,
    ) -> Result<BTreeMap<String, T>, Failures> {
        let Self { arriving, handed, wanted, schemes, sure, limit } = self;
        let wanted: Vec<&SecretRef> = wanted.iter().map(|wanted| &wanted.reference).collect();
        let begun = async |scheme: String, sandbox: Rc<Sandbox>| {
            let theirs: Vec<_> = wanted.iter().copied().filter(|of| of.scheme() == scheme).collect();
            let done = if theirs.is_empty() { None } else { Some(work(&sandbox, &theirs).await) };
            (scheme, done)
        };
        let fetchers: BTreeSet<&str> = handed.iter().map(|(_, wanted)| wanted.reference.scheme()).collect();
        // Those that fetch for others do that first, and whether they can is known when all are here.
        let at_once = sure && fetchers.is_empty();
        let (mut working, mut waiting) = (Working::new(), Vec::new());
        let mut failed: BTreeMap<String, Failures> = BTreeMap::new();
        let next = async || {
            // What has begun sends its requests before this thread goes on with another.
            yield_now().await;
            arriving.next(enter).await
        };
        while let Some((scheme, entering)) = working.until(next()).await {
            match entering {
                Ok(entering) => {
                    waiting.extend(entered.add(&scheme, entering).map(|sandbox| (scheme, sandbox)))
                }
                Err(failures) => drop(failed.insert(scheme, failures)),
            }
            // The clock that interrupts plugins begins when all is found, and the compiler has ended then.
            if at_once && failed.is_empty() && arriving.is_complete() {
                working.extend(waiting.drain(..).map(|(scheme, sandbox)| begun(scheme, sandbox)));
            }
        }
        if let Some((_, failures)) = failed.pop_first() {
            return Err(failures);
        }
        let rest = async {
            let fetched = working.until(fetch(entered, &handed, &fetchers)).await?;
            let references: Vec<_> =
                handed.iter().map(|(_, wanted)| &wanted.reference).chain(wanted.iter().copied()).collect();
            let purposes = handed.iter().map(|(purpose, _)| purpose.clone());
            waiting.extend(entered.hand(purposes.zip(fetched).collect(), &references)?);
            working.extend(waiting.into_iter().map(|(scheme, sandbox)| begun(scheme, sandbox)));
            Ok(working.all().await)
        };
        let rest = progress::shown(rest, &schemes);
        let done = match limit {
            Some(limit) => tokio::time::timeout(limit, rest).await.unwrap_or_else(|_| Err(late(limit))),
            None => rest.await,
        };
        Ok(done?.into_iter().filter_map(|(scheme, done)| Some((scheme, done?))).collect())
    }
}

/// What plugins fetch for others, in their order.
async fn fetch(
    entered: &Entered,
    handed: &[((String, Purpose), Wanted)],
    fetchers: &BTreeSet<&str>,
) -> Result<Vec<SecretBytes>, Failures> {
    let handed: Vec<Wanted> = handed.iter().map(|(_, wanted)| wanted.clone()).collect();
    let theirs = |scheme: &str| {
        handed.iter().map(|wanted| &wanted.reference).filter(|of| of.scheme() == scheme).collect()
    };
    let mut questions: Vec<(&Sandbox, Vec<&SecretRef>)> = Vec::new();
    for scheme in fetchers {
        questions.push((entered.fetcher(scheme)?, theirs(scheme)));
    }
    let answers = fetchers.iter().map(|scheme| (*scheme).to_owned()).zip(resolve_all(&questions).await);
    let answered = Answered::of(&handed, answers.collect());
    // All of them are required, so that all of them are here.
    Ok(answered.all()?.into_iter().flatten().collect())
}

/// Work that is done beside other things.
struct Working<F: Future> {
    going_on: FuturesUnordered<F>,
    done: Vec<F::Output>,
}

impl<F: Future> Working<F> {
    fn new() -> Self {
        Self { going_on: FuturesUnordered::new(), done: Vec::new() }
    }

    fn extend(&mut self, work: impl IntoIterator<Item = F>) {
        self.going_on.extend(work);
    }

    /// Goes on until something else is there.
    async fn until<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = pin!(other);
        loop {
            tokio::select! {
                biased;
                Some(done) = self.going_on.next() => self.done.push(done),
                other = &mut other => return other,
            }
        }
    }

    async fn all(&mut self) -> Vec<F::Output> {
        let mut done = std::mem::take(&mut self.done);
        while let Some(next) = self.going_on.next().await {
            done.push(next);
        }
        done
    }
}

fn late(limit: Duration) -> Failures {
    let message = format!("the secrets were not there within {limit:?}");
    Failure::new("secret/timeout", message).help("allow more time: `--timeout 30s`").into()
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

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::{Working, tokio};

    #[test]
    fn work_goes_on_while_something_else_is_awaited() {
        let (tell, told) = oneshot::channel();
        let answer = |tell: oneshot::Sender<u8>| async move { tell.send(7).map(|()| "sent") };
        tokio(false).expect("a runtime").block_on(async {
            let mut working = Working::new();
            working.extend([answer(tell)]);
            // This comes from the work, and from nowhere else.
            assert_eq!(working.until(told).await, Ok(7));
            assert_eq!(working.all().await, [Ok("sent")]);
            assert!(working.all().await.is_empty());
        });
    }
}
