//! H28: climbs out of where it is, and spells the granted file in another way.
//!
//! ends: secret/denied

use ptrun_hostile::{hostile, open};

hostile!(
    |_| open(&[
        "..",
        "../home",
        "granted/../../etc/passwd",
        "./../../../etc/hostname",
        "granted/",
        "granted/.",
        "./granted",
        "granted\0",
        "secret",
    ]),
    manifest = "files.toml"
);
