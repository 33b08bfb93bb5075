//! H33: writes, cuts, moves and removes.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile, loot};
use std::fs;

hostile!(
    |_| {
        for path in ["granted", "new", "/tmp/new", "./granted"] {
            let written = fs::write(path, "mine").is_ok()
                || fs::OpenOptions::new().write(true).truncate(true).open(path).is_ok()
                || fs::OpenOptions::new().append(true).open(path).is_ok()
                || fs::create_dir(path).is_ok()
                || fs::rename(path, "elsewhere").is_ok()
                || fs::remove_file(path).is_ok();
            if written {
                return loot(path);
            }
        }
        contained()
    },
    manifest = "plain.toml"
);
