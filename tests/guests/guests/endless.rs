//! Has a list without an end.

use ptrun_plugin::{Config, Entries, Entry, Enumerate, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, _: &SecretRef) -> Result<Secret, Error> {
        Ok(Secret::new(b"x".to_vec()))
    }
}

impl Enumerate for Guest {
    fn list(&mut self, prefix: &str, _: &[(String, String)], cursor: Option<&str>) -> Result<Entries, Error> {
        let page: u32 = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
        let entry = Entry { key: format!("{prefix}{page}"), description: None, changed_at_ms: None };
        Ok(Entries { entries: vec![entry], next: Some((page + 1).to_string()) })
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml", with enumerate);
