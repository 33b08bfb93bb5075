//! H17: answers with a NUL byte in the value.
//!
//! ends: inject/nul

use ptrun_hostile::{hostile, loot};

hostile!(|_| loot("before\0after"), manifest = "plain.toml");
