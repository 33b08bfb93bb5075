//! H32: reads what the system says about the host.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile, loot};

hostile!(
    |_| {
        for path in ["/proc/self/environ", "/proc/1/environ", "/proc/self/fd/0", "/dev/stdin", "/sys"] {
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
