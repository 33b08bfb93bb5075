//! H6: sleeps for ever.
//!
//! ends: plugin/limit

use ptrun_hostile::{hostile, loot};

hostile!(
    |_| {
        std::thread::sleep(std::time::Duration::from_secs(1_000_000));
        loot("slept")
    },
    manifest = "plain.toml"
);
