//! Answers with far more than a value may have.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        Ok(Secret::new(vec![b'x'; 16 << 20]))
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
