//! H20: answers twice to one reference.
//!
//! ends: plugin/crashed

use ptrun_hostile::{hostile, loot};

hostile!(
    batch = |references| Ok(references.iter().chain(references).map(|_| loot("x")).collect()),
    manifest = "plain.toml"
);
