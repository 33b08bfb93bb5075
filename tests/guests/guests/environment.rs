//! Answers with all variables and arguments that it can see.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        let variables: Vec<String> =
            std::env::vars().map(|(name, value)| format!("{name}={value}")).collect();
        let arguments: Vec<String> = std::env::args().collect();
        Ok(Secret::new(format!("{variables:?} {arguments:?}")))
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
