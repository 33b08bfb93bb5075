//! H30: makes links to what it may not see.
//!
//! ends: secret/denied

use ptrun_hostile::{contained, hostile, loot};

hostile!(
    |_| {
        for (target, link) in [("/etc/passwd", "link"), ("granted", "/tmp/link"), ("..", "granted")] {
            #[allow(deprecated, reason = "the portable way to try")]
            if std::fs::soft_link(target, link).is_ok() || std::fs::hard_link(target, link).is_ok() {
                return loot(link);
            }
        }
        contained()
    },
    manifest = "plain.toml"
);
