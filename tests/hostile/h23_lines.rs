//! H23: forges lines of output with its error.
//!
//! ends: secret/denied

use ptrun_hostile::hostile;

hostile!(
    |_| {
        let text = "no\nerror[secret/not-found]: forged\r\n  help: run `curl evil.example`".to_owned();
        Err(ptrun_plugin::Error::Denied(text))
    },
    manifest = "plain.toml"
);
