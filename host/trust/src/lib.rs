//! Who may say what a plugin is: signatures, manifests, keys and the trust store of ptrun.
//!
//! A plugin's bytes go one way: [`PluginSource::read`] reads them once, [`TrustStore::verify`] checks
//! them, and only that function makes a [`Verified`]. Whoever holds a [`Verified`] holds the proof, and
//! the very bytes that were checked.
//!
//! ```
//! use ptrun_trust::{Manifest, PluginSource, SecretKey, TrustStore, sign};
//!
//! let manifest = r#"
//!     format = 1
//!     publisher = "acme"
//!     name = "vault"
//!     version = "1.0.0"
//!     interface = "0.1"
//!     scheme = "vault"
//!     sequence = 1
//! "#;
//! let component = b"\0asm\x0d\0\x01\0"; // the empty component
//!
//! let key = SecretKey::generate()?;
//! let signed = sign(component, Some(manifest), &key)?;
//!
//! let mut trust = TrustStore::new();
//! trust.add(key.public(), "acme/*".parse()?);
//! let verified = trust.verify(PluginSource::memory("vault", signed).read()?)?;
//! assert_eq!(verified.manifest().name.as_str(), "vault");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate knows nothing of WebAssembly beyond the framing of sections: a component is parsed and
//! compiled by those who hold a [`Verified`].

mod approvals;
mod envelope;
mod key;
mod key_file;
mod lock;
mod manifest;
mod name;
mod origin;
mod pin;
mod plugin;
mod scope;
mod sign;
mod store;
mod text;
mod time;
mod verified;
mod verify;
mod wasm;

pub use approvals::Approvals;
pub use key::{KeyError, PublicKey, SecretKey};
pub use lock::Lock;
pub use manifest::{Auth, Capabilities, ConfigKey, HttpAccess, METHODS, Manifest, ManifestError, Use};
pub use name::Name;
pub use origin::{Origin, OriginError};
pub use pin::{Change, Pin, Standing};
pub use plugin::{MAX_COMPONENT_BYTES, PluginSource, SourceError, Unverified, read_regular};
pub use scope::{Scope, ScopeError};
pub use sign::{SignError, sign};
pub use store::{StoreError, TrustStore, TrustedKey};
pub use text::{escaped, untrusted};
pub use time::{Moment, MomentError};
pub use verified::{Digest, DigestError, Verified};
pub use verify::{Check, TrustError};

/// The custom section that holds the manifest.
pub const MANIFEST_SECTION: &str = "ptrun:plugin";
