//! H28: climbs out of where it is.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile, loot};

hostile!(
    |_| {
        for path in ["..", "../home", "granted/../../etc/passwd", "./../../../etc/hostname"] {
            if let Ok(bytes) = std::fs::read(path) {
                return loot(format!("{path}: {} bytes", bytes.len()));
            }
            if let Ok(bytes) = ptrun_plugin::files::read(path) {
                return loot(format!("{path}: {} bytes", bytes.len()));
            }
            if std::fs::read_dir(path).is_ok() || std::fs::metadata(path).is_ok() {
                return loot(path);
            }
        }
        contained()
    },
    manifest = "files.toml"
);
