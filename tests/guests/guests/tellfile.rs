//! Repeats in its error the file that it was given.

use ptrun_plugin::files;
use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        let bytes = files::read(&reference.key).unwrap_or_default();
        Err(Error::internal(format!("the file has {}", String::from_utf8_lossy(&bytes).trim())))
    }
}

ptrun_plugin::export!(Guest, manifest = "files.toml");
