//! Logs what it should not, and more than it may.

use ptrun_plugin::log::{self, Level};
use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        let secret = std::env::var(&reference.key).unwrap_or_default();
        log::write(Level::Warn, "told", &[("value", &secret), ("screen", "\x1b[2J")]);
        for _ in 0..100 {
            log::write(Level::Info, "flood", &[("text", &"x".repeat(1000))]);
        }
        for _ in 0..100_000 {
            log::write(Level::Info, "", &[]);
        }
        println!("{secret}");
        eprintln!("{secret}");
        Ok(Secret::new("logged"))
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
