//! H13: writes for as long as it may to its output and its errors.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile};
use std::io::Write as _;

hostile!(
    |_| {
        let line = "flood canary ".repeat(1000);
        for _ in 0..2000 {
            let _ = std::io::stdout().write_all(line.as_bytes());
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
        contained()
    },
    manifest = "plain.toml"
);
