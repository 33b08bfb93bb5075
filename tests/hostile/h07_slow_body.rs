//! H7: reads a body that never ends, and comes a byte at a time.
//!
//! ends: plugin/limit

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::http::send;

hostile!(
    |key| match send("GET", &format!("{key}/drip"), &[], b"") {
        Ok(response) => loot(format!("{} bytes", response.body.len())),
        Err(_) => contained(),
    },
    manifest = "http.toml"
);
