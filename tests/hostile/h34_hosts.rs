//! H34: sends requests to hosts that it was not granted.
//!
//! ends: grant/request

use ptrun_hostile::{hostile, reach};

hostile!(
    |host| reach(
        host,
        &[
            "https://example.com/",
            "http://localhost:PORT/",
            "http://127.0.0.2:PORT/",
            "https://127.0.0.1:PORT/",
            "http://backend.example/",
            "ftp://127.0.0.1:PORT/",
            "http://[::1]:PORT/",
        ]
    ),
    manifest = "http.toml"
);
