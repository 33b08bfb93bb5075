//! H34: sends requests to hosts that it was not granted.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::http::send;

hostile!(
    |key| {
        let port = key.rsplit(':').next().unwrap_or_default();
        for target in [
            "https://example.com/",
            "http://localhost:PORT/",
            "http://127.0.0.2:PORT/",
            "https://127.0.0.1:PORT/",
            "http://backend.example/",
            "ftp://127.0.0.1:PORT/",
            "http://[::1]:PORT/",
        ] {
            if let Ok(response) = send("GET", &target.replace("PORT", port), &[], b"") {
                return loot(format!("{target}: {}", response.status));
            }
        }
        contained()
    },
    manifest = "http.toml"
);
