//! `#name` and `#/a/b/0`: the part of a secret that a reference means.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::{SecretBytes, Selector};

/// Why a selector selects nothing. The secret's own text is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The secret is not JSON.
    #[error("the secret is not JSON, so that `#{0}` selects nothing")]
    NotJson(Selector),
    /// There is no such part.
    #[error("the secret has no `#{0}`")]
    Missing(Selector),
}

impl Selector {
    /// The part of `secret` that is meant: a string without its quotes, anything else as JSON.
    ///
    /// # Errors
    /// If the secret is not JSON, or has no such part.
    pub(crate) fn select(&self, secret: &SecretBytes) -> Result<SecretBytes, SelectError> {
        let not_json = || SelectError::NotJson(self.clone());
        let missing = || SelectError::Missing(self.clone());
        // Slices of the secret are held, not copies of it. (A string with escapes is decoded in a buffer of the
        // parser, which is not wiped.)
        let mut value: &RawValue = serde_json::from_slice(secret.expose()).map_err(|_| not_json())?;
        let tokens = match self {
            Self::Name(name) => std::slice::from_ref(name),
            Self::Pointer(tokens) => tokens.as_slice(),
        };
        for token in tokens {
            value = step(value, token, matches!(self, Self::Pointer(_))).ok_or_else(missing)?;
        }
        let text = value.get();
        if text.starts_with('"') {
            let string: Zeroizing<String> =
                serde_json::from_str(text).map(Zeroizing::new).map_err(|_| not_json())?;
            return Ok(SecretBytes::new(string.as_bytes().to_vec()));
        }
        Ok(SecretBytes::new(text.as_bytes().to_vec()))
    }
}

/// The member or the element that one token names (RFC 6901, section 4). A plain name never means the
/// index of an array.
fn step<'a>(value: &'a RawValue, token: &str, arrays: bool) -> Option<&'a RawValue> {
    /// A key, which is a slice of the secret unless it has escapes.
    #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

    let text = value.get();
    if text.starts_with('{') {
        let members: BTreeMap<Key<'a>, &'a RawValue> = serde_json::from_str(text).ok()?;
        return members.get(&Key(token.into())).copied();
    }
    if !arrays || !text.starts_with('[') || (token.len() > 1 && token.starts_with('0')) {
        return None;
    }
    let elements: Vec<&'a RawValue> = serde_json::from_str(text).ok()?;
    elements.get(token.parse::<usize>().ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn select(secret: &str, selector: &str) -> Result<String, SelectError> {
        let selector: Selector = selector.parse().expect("a selector");
        let selected = selector.select(&SecretBytes::new(secret.into()))?;
        Ok(String::from_utf8(selected.expose().to_vec()).expect("UTF-8"))
    }

    #[test]
    fn names_and_pointers_select() {
        let secret =
            r#" {"a": "x\n\u00e9", "b": {"c": [1, {"d": null}], "": "empty"}, "e/f": true, "0": "zero"} "#;
        let cases = [
            ("a", "x\n\u{e9}"),
            ("0", "zero"),
            ("b", r#"{"c": [1, {"d": null}], "": "empty"}"#),
            ("e/f", "true"),
            ("/a", "x\n\u{e9}"),
            ("/b/c/0", "1"),
            ("/b/c/1/d", "null"),
            ("/b/", "empty"),
            ("/e~1f", "true"),
        ];
        for (selector, expected) in cases {
            assert_eq!(select(secret, selector).as_deref(), Ok(expected), "{selector}");
        }
        assert_eq!(select(r#"["x"]"#, "/0").as_deref(), Ok("x"));
        assert_eq!(select(r#"{"\u0061": 1}"#, "a").as_deref(), Ok("1"));
    }

    #[test]
    fn what_is_not_there_is_missing() {
        for (secret, selector) in [
            (r#"{"a": 1}"#, "b"),
            (r#"{"a": 1}"#, "/a/b"),
            ("[1]", "0"),
            ("[1]", "/1"),
            ("[1]", "/00"),
            ("[1]", "/-"),
            ("\"text\"", "a"),
            ("7", "a"),
        ] {
            assert!(matches!(select(secret, selector), Err(SelectError::Missing(_))), "{secret} {selector}");
        }
    }

    #[test]
    fn what_is_not_json_is_said_without_repeating_it() {
        for secret in ["", "hunter2", "{\"a\": hunter2}", "{} hunter2", "{\"a\": 1,}", "\u{feff}{}"] {
            let error = select(secret, "a").expect_err(secret);
            assert!(matches!(error, SelectError::NotJson(_)), "{secret}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }
}
