//! H37: hopes that a redirect is followed.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::http::send;

hostile!(
    |key| match send("GET", &format!("{key}/redirect"), &[], b"") {
        Ok(response) if response.status == 302 => contained(),
        Ok(response) => loot(format!("{}", response.status)),
        Err(_) => loot("the granted host did not answer"),
    },
    manifest = "http.toml"
);
