//! H28: climbs out of where it is.
//!
//! ends: secret/denied

use ptrun_hostile::{hostile, open};

hostile!(
    |_| open(&["..", "../home", "granted/../../etc/passwd", "./../../../etc/hostname"]),
    manifest = "files.toml"
);
