//! Answers fewer results than it was asked for.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        Err(Error::not_found())
    }

    fn get_many(&mut self, _: &[SecretRef]) -> Result<Vec<Result<Secret, Error>>, Error> {
        Ok(Vec::new())
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
