//! H38: hides where a request goes behind a name, a password or a port.
//!
//! ends: grant/request

use ptrun_hostile::{hostile, reach};

hostile!(
    |host| reach(
        host,
        &[
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
        ]
    ),
    manifest = "http.toml"
);
