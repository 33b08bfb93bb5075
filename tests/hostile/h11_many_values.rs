//! H11: answers with half a million secrets.
//!
//! ends: plugin/limit
//! lifted: call_bytes

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
        Ok((0..500_000 + references.len()).map(|_| Err(Error::NotFound)).collect())
    }
}

ptrun_plugin::export!(Guest, manifest = "plain.toml");
