//! H22: answers with an error of half a MiB.
//!
//! ends: secret/denied

use ptrun_hostile::hostile;

hostile!(|_| Err(ptrun_plugin::Error::Denied("x".repeat(512 << 10))), manifest = "plain.toml");
