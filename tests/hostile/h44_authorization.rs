//! H44: says itself who it is, in every header for that, beside or in the place of what the host says.
//!
//! ends: secret/denied
//! signed: bearer

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::http::send;

hostile!(
    |host| {
        for name in
            ["authorization", "Authorization", "proxy-authorization", "cookie", "x-amz-security-token"]
        {
            let headers = [(name, "theirs"), (name, "Bearer theirs")];
            match send("GET", &format!("{host}/whoami"), &headers, b"") {
                Ok(answer) if answer.body == b"theirs" => return loot(format!("{name} went out")),
                _ => {}
            }
        }
        contained()
    },
    manifest = "http.toml"
);
