//! What plugins and their publishers are called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ManifestError;

/// A name of a publisher, a plugin or a scheme: lower-case ASCII letters, digits and hyphens, at most
/// 63, a letter or a digit first. No two of them look alike, and none is a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if text.is_empty() || text.len() > 63 || text.starts_with('-') || !text.chars().all(good) {
            let message = "a name has 1 to 63 lower-case letters, digits and hyphens, and no hyphen first";
            return Err(ManifestError::new(message));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for Name {
    type Error = ManifestError;

    fn try_from(text: String) -> Result<Self, ManifestError> {
        text.parse()
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        let longest = "a".repeat(63);
        for good in ["a", "0", "a-b", "a-", "7z", &longest] {
            assert_eq!(good.parse::<Name>().map(|name| name.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "-", "-a", "A", "a_b", "a.b", "a/b", "..", "a b", "\u{e4}", "a\0", &"a".repeat(64)] {
            assert!(bad.parse::<Name>().is_err(), "{bad:?}");
        }
    }
}
