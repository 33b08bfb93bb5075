//! H3: takes all the memory that there is.
//!
//! ends: plugin/limit
//! lifted: memory

use ptrun_hostile::{hostile, loot};

hostile!(
    |_| {
        let mut taken = Vec::new();
        for _ in 0..200 {
            taken.push(vec![1u8; 1 << 20]);
        }
        loot(format!("{} MiB", taken.len()))
    },
    manifest = "plain.toml"
);
