//! Answers with the error that the key names.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

struct Guest;

impl SecretSource for Guest {
    fn configure(_: Config) -> Result<Self, Error> {
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        Err(match reference.key.as_str() {
            "denied" => Error::denied("read is missing"),
            "unauthenticated" => Error::unauthenticated("the token is expired"),
            "config" => Error::invalid_config("`region` is missing"),
            "throttled" => Error::Throttled(Some(1500)),
            "unavailable" => Error::unavailable("no answer"),
            "unsupported" => Error::Unsupported,
            "internal" => Error::internal("an answer made no sense"),
            _ => Error::not_found(),
        })
    }
}

ptrun_plugin::export!(Guest, manifest = "plugin.toml");
