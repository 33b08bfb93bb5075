//! A plugin in its sandbox. The only module that runs guests.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use ptrun_egress::{CredentialError, Egress};
use wasmtime::component::{Linker, ResourceTableError};
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::FieldMapError;
use zeroize::Zeroizing;

use crate::runtime::Compiled;
use crate::select::SelectError;
use crate::{Grants, Limit, LoadError, SecretBytes, SecretRef};

mod http;
pub(crate) mod interfaces;
mod link;
mod state;

use http::Http;
use state::State;

/// The host's half of the WIT interface.
#[allow(missing_docs, reason = "generated from wit/, where every item is documented")]
mod bindings {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "source",
        exports: { default: async },
    });
}

use bindings::exports::ptrun::plugin::secret_source as wit;

/// Why there is no such secret. Texts are what the plugin said: shortened, escaped, and without the
/// values that it was given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The backend has no such secret.
    #[error("there is no such secret")]
    NotFound,
    /// The backend refuses.
    #[error("the backend refuses: {0}")]
    Denied(String),
    /// The backend does not know who asks.
    #[error("the backend does not accept the credentials: {0}")]
    Unauthenticated(String),
    /// The reference makes no sense to the plugin.
    #[error("the plugin does not understand the reference: {0}")]
    InvalidRef(String),
    /// The settings make no sense to the plugin.
    #[error("the plugin does not understand its settings: {0}")]
    InvalidConfig(String),
    /// The backend asks for patience.
    #[error("the backend asks to wait{}", retry_after_ms.map_or_else(String::new, |ms| format!(" {ms} ms")))]
    Throttled {
        /// For how long, if it said.
        retry_after_ms: Option<u32>,
    },
    /// The backend cannot be reached, or fails.
    #[error("the backend is not available: {0}")]
    Unavailable(String),
    /// The plugin does not do this.
    #[error("the plugin does not do this")]
    Unsupported,
    /// Anything else.
    #[error("the plugin failed: {0}")]
    Internal(String),
    /// A value over [`Limits::value_bytes`](crate::Limits::value_bytes).
    #[error("the value has {size} bytes, and at most {limit} are allowed")]
    TooLarge {
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// The selector selects nothing.
    #[error(transparent)]
    Select(#[from] SelectError),
}

/// Why a plugin answered nothing at all. In each, `plugin` is its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It ran into a limit.
    #[error("the plugin `{plugin}` used more {limit} than it may")]
    Limit {
        /// The plugin.
        plugin: String,
        /// Which limit.
        limit: Limit,
    },
    /// It crashed, or did something that a component may not.
    #[error("the plugin `{plugin}` crashed: {why}")]
    Crashed {
        /// The plugin.
        plugin: String,
        /// How.
        why: String,
    },
    /// It ended itself instead of answering, whatever status it gave.
    #[error("the plugin `{plugin}` ended itself without an answer")]
    Exited {
        /// The plugin.
        plugin: String,
    },
    /// It answered more or fewer results than there were references.
    #[error("the plugin `{plugin}` answered {results} results for {references} references")]
    WrongCount {
        /// The plugin.
        plugin: String,
        /// How many it was asked for.
        references: usize,
        /// How many it answered.
        results: usize,
    },
    /// It reported that nothing could be asked.
    #[error("{error}")]
    Refused {
        /// The plugin.
        plugin: String,
        /// What it said.
        error: SecretError,
    },
    /// A request of it was not signed.
    #[error("a request of the plugin `{plugin}` was not signed: {error}")]
    Credential {
        /// The plugin.
        plugin: String,
        /// Why.
        error: CredentialError,
    },
    /// A granted variable is not UTF-8, which WASI has no way to hand over.
    #[error("the variable `{variable}`, which the plugin `{plugin}` is granted, is not UTF-8")]
    NotUnicode {
        /// The plugin.
        plugin: String,
        /// The variable.
        variable: String,
    },
}

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
/// questions. See [`Sandbox::resolve`].
pub async fn resolve_all(questions: &[(&Sandbox, Vec<&SecretRef>)]) -> Vec<Answers> {
    let answers = questions.iter().map(|(sandbox, references)| sandbox.resolve(references));
    futures_util::future::join_all(answers).await
}

/// A plugin that holds what it was granted, and can be asked. Every call runs in a fresh instance.
pub struct Sandbox {
    compiled: Compiled,
    grants: Grants,
    config: Vec<(String, String)>,
    egress: Option<Arc<Egress>>,
    source: bindings::SourcePre<State>,
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
        let source = bindings::SourcePre::new(instance).map_err(LoadError::compiler)?;
        let egress = match grants.has_http() {
            true => Some(Egress::new(grants.rules(), &compiled.egress).map_err(|why| LoadError::Egress {
                plugin: compiled.plugin.manifest().full_name(),
                why: why.to_string(),
            })?),
            false => None,
        };
        let config = config.into_iter().collect();
        Ok(Self { compiled, grants, config, egress: egress.map(Arc::new), source })
    }

    /// The plugin.
    #[must_use]
    pub const fn plugin(&self) -> &ptrun_trust::Verified {
        self.compiled.plugin()
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
        let mut store = self.store(questions.len())?;
        let answer = {
            let _ticking = self.compiled.ticker.run();
            tokio::time::timeout(limits.wall, self.ask(&mut store, &questions)).await
        };
        let plugin = || self.plugin().manifest().full_name();
        if let Some(error) = store.data().unsigned().filter(|_| !all_there(&answer)) {
            let text = store.data().clean(&error.to_string(), &[]);
            let error = match error {
                CredentialError::Missing(_) => CredentialError::Missing(text),
                CredentialError::Refused(_) => CredentialError::Refused(text),
            };
            return Err(RunError::Credential { plugin: plugin(), error });
        }
        let secrets = match answer {
            Err(_) => return Err(RunError::Limit { plugin: plugin(), limit: Limit::Wall }),
            Ok(Err(trap)) => return Err(self.trapped(store.data(), &trap)),
            Ok(Ok(Err(error))) => {
                let error = refusal(&error, |text| store.data().clean(text, &[]));
                return Err(RunError::Refused { plugin: plugin(), error });
            }
            Ok(Ok(Ok(secrets))) => secrets,
        };
        // Values are wrapped first, so that they are wiped whatever comes next, and no error of the same
        // answer can repeat one of them.
        let secrets: Vec<_> =
            secrets.into_iter().map(|secret| secret.map(|secret| SecretBytes::new(secret.value))).collect();
        if secrets.len() != questions.len() {
            let (references, results) = (questions.len(), secrets.len());
            return Err(RunError::WrongCount { plugin: plugin(), references, results });
        }
        let values: Vec<&[u8]> = secrets.iter().flatten().map(SecretBytes::expose).collect();
        let clean = |text: &str| store.data().clean(text, &values);
        let checked: Vec<Result<&SecretBytes, SecretError>> = secrets
            .iter()
            .map(|secret| match secret {
                Err(error) => Err(refusal(error, clean)),
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

    /// A store for one instance, with the grants in it and the limits around it.
    fn store(&self, references: usize) -> Result<Store<State>, RunError> {
        let plugin = self.plugin().manifest().full_name();
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
        let http = Http::new(self.egress.clone(), limits);
        let state = State::new(plugin, self.grants.clone(), given, limits, log, http);
        let mut store = Store::new(self.compiled.component.engine(), state);
        store.limiter(|state| state);
        // A batch may answer with as many values as it has references, each with its version and handle.
        let answers = references.saturating_mul(limits.value_bytes + 1024);
        store.set_hostcall_fuel(limits.call_bytes.saturating_add(answers));
        store.set_max_component_handles(limits.handles);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(State::tick);
        Ok(store)
    }

    async fn ask(&self, store: &mut Store<State>, references: &[&SecretRef]) -> wasmtime::Result<Answered> {
        let source = self.source.instantiate_async(&mut *store).await?;
        let source = source.ptrun_plugin_secret_source();
        if let Err(error) = source.call_configure(&mut *store, &self.config).await? {
            return Ok(Err(error));
        }
        let references: Vec<_> = references
            .iter()
            .map(|reference| wit::SecretRef {
                key: reference.key().to_owned(),
                options: reference.options().to_vec(),
            })
            .collect();
        source.call_get_many(store, &references).await
    }

    fn trapped(&self, state: &State, trap: &wasmtime::Error) -> RunError {
        let plugin = self.plugin().manifest().full_name();
        if let Some(limit) = state.stopped {
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
        RunError::Crashed { plugin, why: state.clean(&why, &[]) }
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

/// What comes back from a plugin that did not crash.
type Answered = Result<Vec<Result<wit::Secret, wit::Error>>, wit::Error>;

/// Whether a plugin had every secret that it was asked for.
fn all_there<E>(answer: &Result<wasmtime::Result<Answered>, E>) -> bool {
    matches!(answer, Ok(Ok(Ok(secrets))) if secrets.iter().all(Result::is_ok))
}

/// What a plugin said, with its texts cleaned.
fn refusal(error: &wit::Error, clean: impl Fn(&str) -> String) -> SecretError {
    match error {
        wit::Error::NotFound => SecretError::NotFound,
        wit::Error::Denied(why) => SecretError::Denied(clean(why)),
        wit::Error::Unauthenticated(why) => SecretError::Unauthenticated(clean(why)),
        wit::Error::InvalidRef(why) => SecretError::InvalidRef(clean(why)),
        wit::Error::InvalidConfig(why) => SecretError::InvalidConfig(clean(why)),
        wit::Error::Throttled(retry_after_ms) => SecretError::Throttled { retry_after_ms: *retry_after_ms },
        wit::Error::Unavailable(why) => SecretError::Unavailable(clean(why)),
        wit::Error::Unsupported => SecretError::Unsupported,
        wit::Error::Internal(why) => SecretError::Internal(clean(why)),
    }
}
