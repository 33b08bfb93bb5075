//! H11: answers with half a million secrets.
//!
//! ends: plugin/limit
//! lifted: call_bytes

use ptrun_hostile::hostile;
use ptrun_plugin::Error;

hostile!(
    batch = |references| Ok((0..500_000 + references.len()).map(|_| Err(Error::NotFound)).collect()),
    manifest = "plain.toml"
);
