//! Why there is no answer.

use ptrun_egress::CredentialError;

use super::http::Unsent;
use super::wit;
use crate::Limit;
use crate::select::SelectError;

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
    /// A request of it may not be sent, and that is why it has no answer.
    #[error("a request of the plugin `{plugin}` was not sent: {why}")]
    Request {
        /// The plugin.
        plugin: String,
        /// Why.
        why: String,
    },
    /// It does not export the interface that was asked for.
    #[error("the plugin `{plugin}` does not export the interface `{interface}`")]
    Unable {
        /// The plugin.
        plugin: String,
        /// The interface.
        interface: &'static str,
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

/// What a plugin said, with its texts cleaned; and with what the host knows of a request that nobody answered.
pub(super) fn refusal(
    error: &wit::Error,
    unsent: Option<&Unsent>,
    clean: impl Fn(&str) -> String,
) -> SecretError {
    match error {
        wit::Error::NotFound => SecretError::NotFound,
        wit::Error::Denied(why) => SecretError::Denied(clean(why)),
        wit::Error::Unauthenticated(why) => SecretError::Unauthenticated(clean(why)),
        wit::Error::InvalidRef(why) => SecretError::InvalidRef(clean(why)),
        wit::Error::InvalidConfig(why) => SecretError::InvalidConfig(clean(why)),
        wit::Error::Throttled(retry_after_ms) => SecretError::Throttled { retry_after_ms: *retry_after_ms },
        wit::Error::Unavailable(said) => SecretError::Unavailable(match unsent {
            Some(Unsent::Failed(why)) => format!("{}: {}", clean(said), clean(why)),
            _ => clean(said),
        }),
        wit::Error::Unsupported => SecretError::Unsupported,
        wit::Error::Internal(why) => SecretError::Internal(clean(why)),
    }
}
