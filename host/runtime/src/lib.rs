//! Embeds ptrun: secrets from signed WebAssembly components, each in a sandbox of its own.
//!
//! A plugin goes one way, and each step takes what the one before it made:
//!
//! ```text
//! PluginSource::read → Unverified → TrustStore::verify → Verified → Runtime::code → Code
//!   → Runtime::load → Compiled; Compiled + Grants → Sandbox → resolve → SecretBytes
//! ```
//!
//! Only [`TrustStore::verify`] makes a [`Verified`], and nothing else reaches the compiler; only a
//! [`Sandbox`] makes [`SecretBytes`] of what a plugin answers. This library prints nothing, never ends
//! the process, and reads no configuration. What it asks of the environment is what the
//! [`Grants`] name.
//!
//! ```no_run
//! use std::collections::BTreeMap;
//!
//! use ptrun_host::{Grants, Limits, PluginSource, Runtime, SecretRef, TrustStore};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Whom to trust, and for which plugins.
//! let mut trust = TrustStore::new();
//! let key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
//! trust.add(key.parse()?, "acme/*".parse()?);
//! let plugin = trust.verify(PluginSource::file("vault.wasm").read()?)?;
//!
//! // What it may use, and what it is given: one variable.
//! let runtime = Runtime::new(Limits::default())?;
//! let grants = Grants::none().env("VAULT_ADDR");
//! let sandbox = runtime.compile(plugin)?.sandbox(grants, BTreeMap::new())?;
//!
//! // Every call runs in a fresh instance, and asks for any number of secrets.
//! let reference: SecretRef = "vault://web/password".parse()?;
//! for secret in sandbox.resolve(&[&reference]).await? {
//!     let secret = secret?;
//!     println!("{} bytes", secret.expose().len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Errors are enums, one for each step, and hold no values: [`SourceError`], [`TrustError`],
//! [`LoadError`], [`RunError`], [`SecretError`].

mod code;
mod compiled;
mod engine;
mod grant;
mod limits;
mod reference;
mod runtime;
mod sandbox;
mod secret;
mod select;

pub use code::{Code, CodeCache};
pub use compiled::{Precompiled, precompile};
pub use engine::Ticks;
pub use grant::{Grant, GrantError, Grants};
pub use limits::{Limit, LimitError, Limits};
pub use ptrun_cache::{CacheError, Usage};
pub use ptrun_egress::{
    Authenticator, Boxed, CredentialError, EgressError, Exchange, IpNet, Options as EgressOptions, Resolve,
    Roots, SystemResolver, Token,
};
pub use ptrun_trust::{
    Approvals, Auth, Capabilities, Change, Check, Digest, DigestError, HttpAccess, KeyError, Lock, METHODS,
    Manifest, Moment, Name, Origin, OriginError, Pin, PluginSource, PublicKey, Scope, ScopeError, SecretKey,
    SignError, SourceError, Standing, StoreError, TrustError, TrustStore, TrustedKey, Unverified, Use,
    Verified, escaped, read_regular, sign,
};
pub use reference::{NameError, ReferenceError, SecretName, SecretRef, Selector};
pub use runtime::{Compiled, INTERFACE_VERSION, LoadError, Runtime};
pub use sandbox::{
    Answers, Entry, LogLevel, LogRecord, RunError, Sandbox, SecretError, SecretList, resolve_all,
};
pub use secret::SecretBytes;
pub use select::{Format, SelectError, members};
