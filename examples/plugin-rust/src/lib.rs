//! A plugin of one's own. `greeting://NAME` is a greeting for NAME, which is no secret, but shows all
//! that a plugin has: a setting, an error and a value.

use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};

/// What the greeting begins with.
#[derive(Debug)]
pub struct Greeting {
    word: String,
}

impl SecretSource for Greeting {
    fn configure(mut config: Config) -> Result<Self, Error> {
        let word = config.optional("word")?.unwrap_or_else(|| "Hello".to_owned());
        config.finish()?;
        Ok(Self { word })
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        reference.no_options()?;
        if reference.key == "nobody" {
            return Err(Error::not_found());
        }
        Ok(Secret::new(format!("{}, {}!", self.word, reference.key)))
    }
}

ptrun_plugin::export!(Greeting, manifest = "../plugin.toml");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greets() {
        let mut plugin =
            Greeting::configure(Config::new([("word".into(), "Salut".into())])).expect("good settings");
        assert!(plugin.get(&SecretRef::new("Ada")).is_ok_and(|secret| secret.value == b"Salut, Ada!"));
        assert!(matches!(plugin.get(&SecretRef::new("nobody")), Err(Error::NotFound)));
    }
}
