//! H27: looks for variables and arguments of others.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile, loot};

hostile!(
    |_| {
        let found: Vec<String> =
            std::env::vars().map(|(name, value)| format!("{name}={value}")).chain(std::env::args()).collect();
        if found.is_empty() { contained() } else { loot(found.join(" ")) }
    },
    manifest = "plain.toml"
);
