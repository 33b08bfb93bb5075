//! Which plugins a key may sign.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::{Manifest, Name};

/// Which plugins a key may sign: `acme/vault`, `acme/*`, or `*/*` for all.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Scope {
    publisher: Option<Name>,
    name: Option<Name>,
}

/// Why some text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is `publisher/name`, where each part may be `*`")]
pub struct ScopeError;

impl Scope {
    /// Every plugin: `*/*`.
    pub const ALL: Self = Self { publisher: None, name: None };

    /// Whether the plugin that calls itself this is in the scope.
    #[must_use]
    pub fn covers(&self, manifest: &Manifest) -> bool {
        self.publisher.as_ref().is_none_or(|publisher| *publisher == manifest.publisher)
            && self.name.as_ref().is_none_or(|name| *name == manifest.name)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let part = |text: &str| match text {
            "*" => Ok(None),
            name => name.parse().map(Some).map_err(|_| ScopeError),
        };
        let (publisher, name) = text.split_once('/').ok_or(ScopeError)?;
        Ok(Self { publisher: part(publisher)?, name: part(name)? })
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |name: &Option<Name>| name.as_ref().map_or_else(|| "*".to_owned(), Name::to_string);
        write!(f, "{}/{}", part(&self.publisher), part(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_prints_as_it_is_read() {
        for good in ["acme/vault", "acme/*", "*/vault", "*/*"] {
            assert_eq!(good.parse::<Scope>().map(|scope| scope.to_string()).as_deref(), Ok(good));
        }
        for bad in
            ["", "acme", "acme/", "/vault", "acme/*/x", "ac*/x", "../x", "ACME/x", "acme/v ault", "acme\0/x"]
        {
            assert_eq!(bad.parse::<Scope>(), Err(ScopeError), "{bad:?}");
        }
    }
}
