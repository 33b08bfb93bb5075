//! A plugin in its sandbox. The only module that runs guests.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ptrun_egress::{Egress, Exchange};
use wasmtime::component::{InstancePre, Linker, ResourceTableError};
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::FieldMapError;
use zeroize::Zeroizing;

use crate::runtime::Compiled;
use crate::{Grants, Limit, LoadError, SecretBytes, SecretRef};

mod error;
mod http;
pub(crate) mod interfaces;
mod known;
mod link;
mod optional;
mod state;

pub use error::{RunError, SecretError};
pub use optional::{Entry, SecretList};

use error::refusal;
use http::{Http, Unsent};
use known::Known;
use state::State;

/// The host's half of the WIT interface.
#[allow(missing_docs, reason = "generated from wit/, where every item is documented")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "source",
        exports: { default: async },
    });

    /// What a plugin may export besides.
    pub(super) mod listing {
        wasmtime::component::bindgen!({
            path: "../../wit",
            world: "listing",
            exports: { default: async },
            with: { "ptrun:plugin/types": super::ptrun::plugin::types },
        });
    }

    /// And this.
    pub(super) mod writing {
        wasmtime::component::bindgen!({
            path: "../../wit",
            world: "writing",
            exports: { default: async },
            with: { "ptrun:plugin/types": super::ptrun::plugin::types },
        });
    }
}

use bindings::exports::ptrun::plugin::secret_source as wit;

/// A message of a plugin, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogRecord {
    /// Whose it is.
    pub plugin: String,
    /// How much it matters.
    pub level: LogLevel,
    /// A constant of the plugin.
    pub code: String,
    /// What belongs to it.
    pub fields: Vec<(String, String)>,
}

/// How much a message of a plugin matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum LogLevel {
    /// For the author of the plugin.
    Debug,
    /// Worth knowing.
    Info,
    /// Something should be mended.
    Warn,
    /// The run will fail because of this.
    Error,
}

/// What a plugin answered: one result for each reference, in their order.
pub type Answers = Result<Vec<Result<SecretBytes, SecretError>>, RunError>;

/// Asks several plugins at the same time, each for its references, with the answers in the order of the
/// questions, and how long each plugin took. See [`Sandbox::resolve`].
pub async fn resolve_all(questions: &[(&Sandbox, Vec<&SecretRef>)]) -> Vec<(Answers, Duration)> {
    let answers = questions.iter().map(async |(sandbox, references)| {
        let start = Instant::now();
        (sandbox.resolve(references).await, start.elapsed())
    });
    futures_util::future::join_all(answers).await
}

/// A plugin that holds what it was granted, and can be asked. Every call runs in a fresh instance.
pub struct Sandbox {
    compiled: Compiled,
    grants: Grants,
    config: Vec<(String, String)>,
    egress: Option<Arc<Egress>>,
    instance: InstancePre<State>,
    source: bindings::SourceIndices,
    exchanges: Mutex<Vec<Exchange>>,
    /// The instance that ended last, if it is [left](crate::Runtime::leave_instances).
    last: Mutex<Option<Store<State>>>,
}

/// A configured instance.
struct Instance {
    instance: wasmtime::component::Instance,
    source: bindings::Source,
}

/// The requests of a call, which are written down when it ends, also if nobody waits for that.
struct Requests<'a> {
    sandbox: &'a Sandbox,
    known: Arc<Known>,
}

impl Drop for Requests<'_> {
    fn drop(&mut self) {
        let exchanges = self.sandbox.egress.iter().flat_map(|egress| egress.take_exchanges());
        let exchanges = exchanges.map(|mut exchange| {
            // What the plugin made up could have a value in it.
            exchange.origin = self.known.clean(&exchange.origin, &[]);
            exchange
        });
        self.sandbox.exchanges.lock().unwrap_or_else(PoisonError::into_inner).extend(exchanges);
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sandbox({:?}, {:?})", self.compiled, self.grants)
    }
}

impl Sandbox {
    pub(crate) fn new(
        compiled: Compiled,
        grants: Grants,
        config: BTreeMap<String, String>,
    ) -> Result<Self, LoadError> {
        let mut linker = Linker::new(compiled.component.engine());
        link::link(&mut linker, &grants).map_err(LoadError::engine)?;
        let instance = linker.instantiate_pre(&compiled.component).map_err(LoadError::compiler)?;
        let source = bindings::SourceIndices::new(&instance).map_err(LoadError::compiler)?;
        let egress = match grants.has_http() {
            true => Some(Egress::new(grants.rules(), &compiled.egress).map_err(|why| LoadError::Egress {
                plugin: compiled.plugin.manifest().full_name(),
                why: why.to_string(),
            })?),
            false => None,
        };
        let config = config.into_iter().collect();
        Ok(Self {
            compiled,
            grants,
            config,
            egress: egress.map(Arc::new),
            instance,
            source,
            exchanges: Mutex::default(),
            last: Mutex::default(),
        })
    }

    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &ptrun_trust::Verified {
        self.compiled.plugin()
    }

    /// The requests that it sent, or wanted to send, and what became of each, in their order; and then forgets them.
    #[must_use]
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.exchanges.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Asks for secrets, all in one call of the plugin: one result for each reference, in their order,
    /// with its selector applied. References that differ in their selector alone are one question to the plugin. The
    /// schemes of the references are not looked at.
    ///
    /// Dropping the future ends the plugin. It needs a tokio runtime with time enabled.
    ///
    /// # Errors
    /// The outer error means that the plugin answered nothing at all; the inner ones are about one
    /// reference each.
    pub async fn resolve(&self, references: &[&SecretRef]) -> Answers {
        let limits = &self.compiled.limits;
        let (questions, places) = questions(references);
        let wanted: Vec<wit::SecretRef> = questions.iter().map(|reference| of(reference)).collect();
        let there = |secrets: &Vec<Result<wit::Secret, wit::Error>>| secrets.iter().all(Result::is_ok);
        let asked = self.call(questions.len(), there, async |store, instance| {
            instance.source.ptrun_plugin_secret_source().call_get_many(store, &wanted).await
        });
        let (secrets, known) = asked.await?;
        // Values are wrapped first, so that they are wiped whatever comes next, and no error of the same
        // answer can repeat one of them.
        let secrets: Vec<_> =
            secrets.into_iter().map(|secret| secret.map(|secret| SecretBytes::new(secret.value))).collect();
        if secrets.len() != questions.len() {
            let (references, results) = (questions.len(), secrets.len());
            return Err(RunError::WrongCount { plugin: self.name(), references, results });
        }
        let values: Vec<&[u8]> = secrets.iter().flatten().map(SecretBytes::expose).collect();
        let clean = |text: &str| known.clean(text, &values);
        let checked: Vec<Result<&SecretBytes, SecretError>> = secrets
            .iter()
            .map(|secret| match secret {
                Err(error) => Err(refusal(error, known.unsent.get(), clean)),
                Ok(secret) if secret.expose().len() > limits.value_bytes => {
                    Err(SecretError::TooLarge { size: secret.expose().len(), limit: limits.value_bytes })
                }
                Ok(secret) => Ok(secret),
            })
            .collect();
        let finish = |(place, reference): (usize, &&SecretRef)| {
            let secret = checked[place].clone()?;
            match reference.selector() {
                Some(selector) => Ok(selector.select(secret, reference.format())?),
                None => Ok(SecretBytes::new(secret.expose().to_vec())),
            }
        };
        Ok(places.into_iter().zip(references).map(finish).collect())
    }

    fn name(&self) -> String {
        self.plugin().manifest().full_name()
    }

    /// Calls the plugin in a fresh instance, within its limits: the answer, and what the host knows of the instance.
    /// It is configured before `work`. `questions` is how many secrets it is asked for, and `there` is whether an answer has all of them.
    async fn call<T>(
        &self,
        questions: usize,
        there: impl Fn(&T) -> bool,
        work: impl AsyncFnOnce(&mut Store<State>, Instance) -> wasmtime::Result<Result<T, wit::Error>>,
    ) -> Result<(T, Arc<Known>), RunError> {
        // The last one has the memory for this one.
        drop(self.last.lock().unwrap_or_else(PoisonError::into_inner).take());
        let (mut store, known) = self.store(questions)?;
        let requests = Requests { sandbox: self, known: Arc::clone(&known) };
        let asked = async {
            let instance = self.instance.instantiate_async(&mut store).await?;
            let source = self.source.load(&mut store, &instance)?;
            let configured = source.ptrun_plugin_secret_source().call_configure(&mut store, &self.config);
            match configured.await? {
                Ok(()) => work(&mut store, Instance { instance, source }).await,
                Err(error) => Ok(Err(error)),
            }
        };
        let answer = {
            let _ticking = self.compiled.ticker.run();
            tokio::time::timeout(self.compiled.limits.wall, asked).await
        };
        let plugin = || self.name();
        let complete = matches!(&answer, Ok(Ok(Ok(answer))) if there(answer));
        let stopped = store.data().stopped;
        // What ended it otherwise is said as it is.
        let ended = matches!(&answer, Ok(Ok(_)));
        self.end(store, ended);
        drop(requests);
        match known.unsent.get().filter(|_| ended && !complete) {
            Some(Unsent::Unsigned(error)) => {
                let error = error.map(|text| known.clean(text, &[]));
                return Err(RunError::Credential { plugin: plugin(), error });
            }
            Some(Unsent::Refused(why, to)) => {
                let why = format!("{why}: {}", known.clean(to, &[]));
                return Err(RunError::Request { plugin: plugin(), why });
            }
            _ => {}
        }
        match answer {
            Err(_) => Err(RunError::Limit { plugin: plugin(), limit: Limit::Wall }),
            Ok(Err(trap)) => Err(self.trapped(stopped, &known, &trap)),
            Ok(Ok(Err(error))) => {
                let error = refusal(&error, known.unsent.get(), |text| known.clean(text, &[]));
                Err(RunError::Refused { plugin: plugin(), error })
            }
            Ok(Ok(Ok(answer))) => Ok((answer, known)),
        }
    }

    /// A store for one instance, with the grants in it and the limits around it.
    fn store(&self, references: usize) -> Result<(Store<State>, Arc<Known>), RunError> {
        let plugin = self.name();
        let mut given = HashMap::new();
        for variable in self.grants.variables() {
            if let Some(value) = std::env::var_os(variable) {
                let value = value.into_string().map_err(|_| {
                    let (plugin, variable) = (plugin.clone(), variable.to_owned());
                    RunError::NotUnicode { plugin, variable }
                })?;
                given.insert(variable.to_owned(), Zeroizing::new(value));
            }
        }
        let limits = &self.compiled.limits;
        let log = std::sync::Arc::clone(&self.compiled.log);
        let known = Arc::new(Known::new(given.values().cloned().collect()));
        let http = Http::new(self.egress.clone(), limits, references, Arc::clone(&known));
        let state = State::new(plugin, self.grants.clone(), &given, Arc::clone(&known), limits, log, http);
        let mut store = Store::new(self.compiled.component.engine(), state);
        store.limiter(|state| state);
        // A batch may answer with as many values as it has references, each with its version and handle.
        let answers = references.saturating_mul(limits.value_bytes + 1024);
        store.set_hostcall_fuel(limits.call_bytes.saturating_add(answers));
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(State::tick);
        Ok((store, known))
    }

    /// Ends an instance: nothing that it began goes on. It is taken apart, or left until there is another one, if it
    /// `ended` by itself.
    fn end(&self, mut store: Store<State>, ended: bool) {
        store.data_mut().give_up();
        if ended && self.compiled.leaves_instances {
            *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(store);
        }
    }

    fn trapped(&self, stopped: Option<Limit>, known: &Known, trap: &wasmtime::Error) -> RunError {
        let plugin = self.name();
        if let Some(limit) = stopped {
            return RunError::Limit { plugin, limit };
        }
        if matches!(trap.downcast_ref(), Some(ResourceTableError::Full)) {
            return RunError::Limit { plugin, limit: Limit::Handles };
        }
        if matches!(trap.downcast_ref(), Some(FieldMapError::TotalSizeTooBig | FieldMapError::TooManyFields))
        {
            return RunError::Limit { plugin, limit: Limit::FieldBytes };
        }
        if matches!(trap.downcast_ref(), Some(Trap::StackOverflow)) {
            return RunError::Limit { plugin, limit: Limit::Stack };
        }
        // The engine has no public types for these errors.
        let why = trap.root_cause().to_string();
        for (words, limit) in [
            ("fuel allocated for hostcalls", Limit::CallBytes),
            ("resource limit exceeded", Limit::Instances),
            ("exceeds limit", Limit::RandomBytes),
        ] {
            if why.contains(words) {
                return RunError::Limit { plugin, limit };
            }
        }
        if trap.downcast_ref::<I32Exit>().is_some() {
            return RunError::Exited { plugin };
        }
        RunError::Crashed { plugin, why: known.clean(&why, &[]) }
    }
}

/// The different questions among some references, and which of them each reference is.
fn questions<'a>(references: &[&'a SecretRef]) -> (Vec<&'a SecretRef>, Vec<usize>) {
    let mut known = HashMap::new();
    let mut questions = Vec::new();
    let places = references.iter().map(|reference| {
        *known.entry((reference.key(), reference.options())).or_insert_with(|| {
            questions.push(*reference);
            questions.len() - 1
        })
    });
    let places = places.collect();
    (questions, places)
}

/// A reference, as plugins see it.
fn of(reference: &SecretRef) -> wit::SecretRef {
    wit::SecretRef { key: reference.key().to_owned(), options: reference.options().to_vec() }
}
