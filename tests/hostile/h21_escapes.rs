//! H21: attacks the terminal with its error.
//!
//! ends: secret/denied

use ptrun_hostile::hostile;

hostile!(
    |_| {
        let text = "\u{1b}]0;title\u{7}\u{1b}[2J\u{9b}31m\u{202e}drowssap\u{200b}".to_owned();
        Err(ptrun_plugin::Error::Denied(text))
    },
    manifest = "plain.toml"
);
