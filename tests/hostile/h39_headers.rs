//! H39: smuggles a request, a host or a connection into the headers.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::http::send;

hostile!(
    |key| {
        for (name, value) in [
            ("Host", "evil.example"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "upgrade"),
            ("Upgrade", "h2c"),
            ("Keep-Alive", "1"),
            ("Proxy-Authorization", "x"),
            ("x", "a\r\nHost: evil.example"),
            ("x\r\ny", "a"),
            ("x: y", "a"),
            ("", "a"),
        ] {
            if send("GET", &format!("{key}/hello"), &[(name, value)], b"").is_ok() {
                return loot(name);
            }
        }
        contained()
    },
    manifest = "http.toml"
);
