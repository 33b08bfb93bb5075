//! H29: opens absolute paths.
//!
//! ends: secret/denied

use ptrun_hostile::{hostile, open};

hostile!(
    |_| open(&["/", "/etc/passwd", "/tmp", "//etc/hostname", "/proc/self/maps"]),
    manifest = "files.toml"
);
