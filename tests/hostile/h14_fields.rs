//! H14: sends ten thousand header fields.
//!
//! ends: plugin/limit
//! lifted: field_bytes

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::http::send;

hostile!(
    |key| {
        let names: Vec<String> = (0..10_000).map(|index| format!("x-{index}")).collect();
        let headers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "value")).collect();
        match send("GET", &format!("{key}/hello"), &headers, b"") {
            Ok(response) => loot(format!("{}", response.status)),
            Err(_) => contained(),
        }
    },
    manifest = "http.toml"
);
