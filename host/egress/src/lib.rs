//! The HTTP client of ptrun's plugins. A plugin says what it wants to send; this crate decides whether it may,
//! and sends it with the credential that the host holds.
//!
//! - [`Rules::decide`] compares scheme, host, port and method with what was granted, in one spelling.
//! - Names are resolved once. What is connected to is what was looked at, and it is on the public internet, or
//!   in a network that was granted ([`Rules::allows_address`]).
//! - An [`Authenticator`] adds the credential; what the plugin sent in its place is removed.
//! - Redirects are not followed, and no proxy is asked.
//! - A [`Budget`] bounds requests and bytes.
//!
//! It knows nothing of WebAssembly.

mod address;
mod auth;
mod body;
mod client;
mod exchange;
mod rules;

pub use address::is_global;
pub use auth::{Authenticator, Boxed, CredentialError, Token};
pub use body::{Budget, TooManyBytes};
pub use client::{BoxBody, Egress, EgressError, Options, Resolve, Roots, SystemResolver, failed};
pub use exchange::Exchange;
pub use ipnet::IpNet;
pub use rules::{Allowed, Denied, Rule, Rules};
