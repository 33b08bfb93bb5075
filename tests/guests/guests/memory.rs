//! Takes memory until there is none.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        let mut all = Vec::new();
        loop {
            all.push(vec![1u8; 1 << 20]);
            std::hint::black_box(&all);
        }
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
