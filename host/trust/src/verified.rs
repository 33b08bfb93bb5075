//! The proof that a plugin was checked.

use std::borrow::Cow;
use std::fmt;

use crate::{Manifest, PublicKey};

/// A plugin whose signature was checked: these bytes, from keys that the user trusts for this name.
///
/// Only [`TrustStore::verify`](crate::TrustStore::verify) makes one.
pub struct Verified {
    pub(crate) origin: String,
    pub(crate) bytes: Cow<'static, [u8]>,
    pub(crate) digest: Digest,
    /// At least one.
    pub(crate) signers: Vec<PublicKey>,
    pub(crate) manifest: Manifest,
}

impl Verified {
    /// What messages call it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The component: the very bytes that were checked.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was signed.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The trusted keys that signed: at least one, each once.
    #[must_use]
    pub fn signers(&self) -> &[PublicKey] {
        &self.signers
    }

    /// What the plugin says about itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({}, {}, {})", self.origin, self.manifest.full_name(), self.digest)
    }
}

/// SHA-256 of a component without its preamble and its signature section: of exactly what is signed. It
/// stays the same when a signature is added. Prints as `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub(crate) [u8; 32]);

impl Digest {
    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}
