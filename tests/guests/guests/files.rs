//! Answers with the file that the key names.

use ptrun_plugin::files::{self, ReadError};
use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        match files::read(&reference.key) {
            Ok(bytes) => Ok(Secret::new(bytes)),
            Err(ReadError::NotFound) => Err(Error::not_found()),
            Err(ReadError::NotGranted) => Err(Error::denied("not granted")),
            Err(other) => Err(Error::internal(format!("{other:?}"))),
        }
    }
}

ptrun_plugin::export!(Guest, manifest = "files.toml");
