//! The types of the interface, with the helpers that plugins want.

use crate::bindings::exports::ptrun::plugin::secret_source as wit;

pub use wit::{Error, SecretRef};

impl SecretRef {
    /// A reference with this key and no options, for tests.
    pub fn new(key: impl Into<String>) -> Self {
        Self { key: key.into(), options: Vec::new() }
    }

    /// The same reference with one more option, for tests.
    #[must_use]
    pub fn option(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options.push((name.into(), value.into()));
        self
    }

    /// Refuses every option, for plugins that have none.
    ///
    /// # Errors
    /// [`Error::InvalidRef`] that names the first option.
    pub fn no_options(&self) -> Result<(), Error> {
        match self.options.first() {
            None => Ok(()),
            Some((name, _)) => Err(Error::invalid_ref(format!("there is no option `{name}`"))),
        }
    }
}

/// A secret, byte for byte as the backend keeps it.
///
/// It cannot be printed or copied: what holds a secret should show where the secret goes.
#[allow(
    missing_debug_implementations,
    reason = "a secret that cannot be printed cannot be leaked by printing"
)]
pub struct Secret {
    /// The value. Nothing is trimmed or added on its way.
    pub value: Vec<u8>,
    /// The backend's name for this version of the value.
    pub version: Option<String>,
    /// When the value stops being valid, in milliseconds since 1970-01-01T00:00:00Z.
    pub expires_at_ms: Option<u64>,
    /// The handle by which the value could be renewed or revoked.
    pub lease_id: Option<String>,
}

impl Secret {
    /// A value about which nothing else is known.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self { value: value.into(), version: None, expires_at_ms: None, lease_id: None }
    }

    /// The backend's name for this version of the value.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }
}

impl From<Secret> for wit::Secret {
    fn from(secret: Secret) -> Self {
        let Secret { value, version, expires_at_ms, lease_id } = secret;
        Self { value, version, expires_at_ms, lease_id }
    }
}

/// Constructors that take anything that becomes text.
impl Error {
    /// The backend has no such secret.
    #[must_use]
    pub const fn not_found() -> Self {
        Self::NotFound
    }

    /// The backend refuses. Say which permission is missing.
    pub fn denied(why: impl Into<String>) -> Self {
        Self::Denied(why.into())
    }

    /// Credentials are missing, wrong or expired.
    pub fn unauthenticated(why: impl Into<String>) -> Self {
        Self::Unauthenticated(why.into())
    }

    /// The reference makes no sense to this plugin.
    pub fn invalid_ref(why: impl Into<String>) -> Self {
        Self::InvalidRef(why.into())
    }

    /// The configuration makes no sense to this plugin.
    pub fn invalid_config(why: impl Into<String>) -> Self {
        Self::InvalidConfig(why.into())
    }

    /// The backend cannot be reached, or fails. Asking again may help.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::Unavailable(why.into())
    }

    /// Anything else. Never put a value into the text.
    pub fn internal(why: impl Into<String>) -> Self {
        Self::Internal(why.into())
    }
}
