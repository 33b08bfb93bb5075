//! Repeats in its error the variable that it was given, after an attack on the terminal.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        let value = std::env::var(&reference.key).unwrap_or_default();
        Err(Error::internal(format!("\x1b[2Jthe value is\n{value}")))
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
