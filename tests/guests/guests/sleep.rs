//! Waits for longer than anybody would.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        std::thread::sleep(std::time::Duration::from_secs(3600));
        Err(Error::not_found())
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
