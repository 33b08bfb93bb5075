#![doc = "x"]
mod compiled;
mod engine;
mod grant;
mod limits;
mod reference;
mod runtime;
mod sandbox;
mod secret;
mod select;
mod text;

pub use compiled::{Precompiled, precompile};
pub use grant::{Grant, GrantError, Grants};
pub use limits::{Limit, Limits};
pub use ptrun_trust::{
    Capabilities, Digest, KeyError, Manifest, PluginSource, PublicKey, Scope, ScopeError, SourceError,
    StoreError, TrustError, TrustStore, Unverified, Verified,
};
pub use reference::{NameError, ReferenceError, SecretName, SecretRef, Selector};
pub use runtime::{Compiled, INTERFACE_VERSION, LoadError, Runtime};
pub use sandbox::{LogLevel, LogRecord, RunError, Sandbox, SecretError};
pub use secret::SecretBytes;
pub use select::SelectError;
