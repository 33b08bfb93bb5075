//! H8: opens a million handles.
//!
//! ends: plugin/limit
//! lifted: handles

use ptrun_hostile::{hostile, loot};
use wasip2::clocks::monotonic_clock::subscribe_duration;

hostile!(
    |_| {
        let handles: Vec<_> = (0..1_000_000).map(|_| subscribe_duration(u64::MAX)).collect();
        loot(format!("{} handles", handles.len()))
    },
    manifest = "plain.toml"
);
