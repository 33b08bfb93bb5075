//! H32: reads what the system says about the host.
//!
//! ends: secret/denied

use ptrun_hostile::{hostile, open};

hostile!(
    |_| open(&["/proc/self/environ", "/proc/1/environ", "/proc/self/fd/0", "/dev/stdin", "/sys"]),
    manifest = "files.toml"
);
