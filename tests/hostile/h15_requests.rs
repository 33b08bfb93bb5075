//! H15: sends ten thousand requests.
//!
//! ends: secret/denied
//! lifted: requests

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::http::send;

hostile!(
    |key| {
        let sent = (0..10_000).take_while(|_| send("GET", &format!("{key}/hello"), &[], b"").is_ok()).count();
        if sent > 16 { loot(format!("{sent} requests")) } else { contained() }
    },
    manifest = "http.toml"
);
