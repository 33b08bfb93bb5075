//! Signs the requests of plugins for AWS (Signature Version 4). The plugin signs with credentials of its own
//! invention, as its SDK wants it; the host takes that off and signs again with the real ones, for one service and
//! the regions of the plan.
//!
//! [`Chain`] finds credentials where every AWS SDK does: variables, profiles, SSO, web identity, ECS, the
//! instance's metadata, a process. Nothing is read before the first request is signed.

mod chain;
mod sigv4;

pub use chain::{Chain, ChainError};
pub use sigv4::Sigv4;
