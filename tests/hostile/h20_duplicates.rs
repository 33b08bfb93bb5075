//! H20: answers twice to one reference.
//!
//! ends: plugin/crashed

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        Err(Error::Unsupported)
    }

    fn get_many(&mut self, references: &[SecretRef]) -> Result<Vec<Result<Secret, Error>>, Error> {
        Ok(references.iter().chain(references).map(|_| Ok(Secret::new("x"))).collect())
    }
}

ptrun_plugin::export!(Guest, manifest = "plain.toml");
