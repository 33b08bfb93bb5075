//! Answers with what it finds where the key says, in the file system.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        let folder = std::fs::read_dir(&reference.key).map(|entries| entries.count());
        let file = std::fs::read(&reference.key).map(|bytes| bytes.len());
        let written = std::fs::write(&reference.key, "x");
        Ok(Secret::new(format!("{} {} {}", folder.is_ok(), file.is_ok(), written.is_ok())))
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
