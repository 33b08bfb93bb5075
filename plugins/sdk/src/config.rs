//! Typed settings.

use std::fmt::Display;
use std::str::FromStr;

use crate::Error;

/// The settings of a plugin, from `plugins.NAME.config` in `ptrun.toml`.
///
/// Take each by its type, then call [`finish`](Self::finish): a setting that nothing asked for is a
/// spelling mistake, and is reported as one.
#[derive(Debug, Clone)]
pub struct Config {
    left: Vec<(String, String)>,
}

impl Config {
    /// These settings.
    pub fn new(settings: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { left: settings.into_iter().collect() }
    }

    /// Takes a setting that may be absent.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] if it is there and not a `T`.
    pub fn optional<T: FromStr<Err: Display>>(&mut self, key: &str) -> Result<Option<T>, Error> {
        let Some(at) = self.left.iter().position(|(name, _)| name == key) else {
            return Ok(None);
        };
        let (_, text) = self.left.swap_remove(at);
        text.parse().map(Some).map_err(|why| Error::invalid_config(format!("`{key}`: {why}")))
    }

    /// Takes a setting that must be there.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] if it is absent, or not a `T`.
    pub fn required<T: FromStr<Err: Display>>(&mut self, key: &str) -> Result<T, Error> {
        self.optional(key)?.ok_or_else(|| Error::invalid_config(format!("`{key}` is missing")))
    }

    /// Refuses what is left.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] that names a setting which nothing took.
    pub fn finish(self) -> Result<(), Error> {
        match self.left.first() {
            None => Ok(()),
            Some((key, _)) => Err(Error::invalid_config(format!("there is no setting `{key}`"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new([("region".into(), "eu".into()), ("tries".into(), "3".into())])
    }

    #[test]
    fn settings_have_types() {
        let mut config = config();
        assert_eq!(config.required::<String>("region").ok().as_deref(), Some("eu"));
        assert!(matches!(config.optional::<u8>("tries"), Ok(Some(3))));
        assert!(matches!(config.optional::<u8>("absent"), Ok(None)));
        assert!(config.finish().is_ok());
    }

    #[test]
    fn mistakes_are_named() {
        let mut config = config();
        let wrong = config.required::<u8>("region").expect_err("not a number");
        assert!(matches!(wrong, Error::InvalidConfig(text) if text.starts_with("`region`: ")));
        let absent = config.required::<u8>("absent").expect_err("not there");
        assert!(matches!(absent, Error::InvalidConfig(text) if text == "`absent` is missing"));
        let left = config.finish().expect_err("nobody asked for tries");
        assert!(matches!(left, Error::InvalidConfig(text) if text == "there is no setting `tries`"));
    }
}
