//! Crashes.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        panic!("\x1b[2J the reference was {}", reference.key)
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
