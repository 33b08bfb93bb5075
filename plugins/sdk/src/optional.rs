//! What a plugin can do besides reading.

use crate::{Error, SecretRef, SecretSource};

pub use crate::listing::exports::ptrun::plugin::enumerate::{Entries, Entry};

/// A source that can say which secrets there are. Export it with `with enumerate`.
pub trait Enumerate: SecretSource {
    /// Secrets whose key begins with `prefix`: the first ones, or those after `cursor`, which is the
    /// [`next`](Entries::next) of an earlier call.
    ///
    /// # Errors
    /// Those of [`SecretSource::get`].
    fn list(
        &mut self,
        prefix: &str,
        options: &[(String, String)],
        cursor: Option<&str>,
    ) -> Result<Entries, Error>;
}

/// A source that can change secrets. Export it with `with writer`.
pub trait Writer: SecretSource {
    /// Makes `value` the current value of a secret, and makes the secret if there is none. Answers the name of the
    /// new version.
    ///
    /// # Errors
    /// Those of [`SecretSource::get`].
    fn put(&mut self, reference: &SecretRef, value: &[u8]) -> Result<Option<String>, Error>;

    /// Has the backend make a new value, and answers the name of the version that it will be.
    ///
    /// # Errors
    /// Those of [`SecretSource::get`].
    fn rotate(&mut self, reference: &SecretRef) -> Result<String, Error>;

    /// Whether that version is what everybody reads now.
    ///
    /// # Errors
    /// Those of [`SecretSource::get`].
    fn is_current(&mut self, reference: &SecretRef, version: &str) -> Result<bool, Error>;
}
