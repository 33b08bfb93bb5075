//! H38: hides where a request goes behind a name, a password or a port.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::http::send;

hostile!(
    |key| {
        let port = key.rsplit(':').next().unwrap_or_default();
        for target in [
            "http://127.0.0.1:PORT@example.com/",
            "http://example.com@127.0.0.1:PORT/",
            "http://:@127.0.0.1:PORT/",
            "http://127.0.0.1:PORT:80/",
            "http://127.0.0.1:/",
            "http://127.0.0.1:0/",
            "http://127.0.0.1:99999/",
            "http://127.0.0.1:+PORT/",
            "http://127.0.0.1%00.example.com:PORT/",
            "http://127.0.0.1\\\\@example.com:PORT/",
            "http://127.0.0.1#@example.com/",
        ] {
            if let Ok(response) = send("GET", &target.replace("PORT", port), &[], b"") {
                return loot(format!("{target}: {}", response.status));
            }
        }
        contained()
    },
    manifest = "http.toml"
);
