//! H31: swaps the granted file for a link, ten thousand times, and reads it.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile, loot};

hostile!(
    |_| {
        for _ in 0..10_000 {
            #[allow(deprecated, reason = "the portable way to try")]
            let _ = (std::fs::remove_file("granted"), std::fs::soft_link("../secret", "granted"));
            if let Ok(bytes) = ptrun_plugin::files::read("granted")
                && bytes != b"granted"
            {
                return loot(String::from_utf8_lossy(&bytes));
            }
        }
        contained()
    },
    manifest = "files.toml"
);
