//! Answers with an object.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        Ok(Secret::new(r#"{"a": {"b": ["zero", 1]}, "text": "x\u00e9"}"#))
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
