//! Draws a random number, for which its manifest asks.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        let map = std::collections::HashMap::from([(1, 2)]);
        Ok(Secret::new(format!("{map:?}")))
    }
}

ptrun_plugin::export!(Guest, manifest = "random.toml");
