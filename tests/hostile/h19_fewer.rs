//! H19: answers with fewer results than it was asked for.
//!
//! ends: plugin/crashed

use ptrun_hostile::{hostile, loot};

hostile!(
    batch = |references| Ok(references.iter().skip(1).map(|_| loot("x")).collect()),
    manifest = "plain.toml"
);
