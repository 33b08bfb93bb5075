//! Computes for ever.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        loop {
            std::hint::black_box(());
        }
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
