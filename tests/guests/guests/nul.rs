//! Answers with a NUL in the value, which no environment variable can hold.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        Ok(Secret::new("before\0after"))
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
