//! References to secrets, and the names under which they are delivered.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

use crate::Format;

/// The longest reference, in bytes.
const MAX_BYTES: usize = 2048;

/// What is encoded in a key.
const IN_KEY: &AsciiSet = &CONTROLS.add(b'%').add(b'?').add(b'#');
/// What is encoded in the name or the value of an option.
const IN_OPTION: &AsciiSet = &IN_KEY.add(b'&').add(b'=');
/// What is encoded in a selector.
const IN_SELECTOR: &AsciiSet = &CONTROLS.add(b'%');

/// Why some text is no reference. It never repeats the text: a malformed reference may be a secret that
/// somebody put in the wrong place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// There is no `scheme://`.
    #[error("a reference looks like `scheme://key`")]
    NoScheme,
    /// There is nothing after `scheme://`.
    #[error("the reference has no key after `{0}://`")]
    NoKey(String),
    /// An option without a name, or without `=`.
    #[error("an option of a reference looks like `name=value`")]
    BadOption,
    /// An option that occurs twice.
    #[error("the option `{0}` occurs twice")]
    DuplicateOption(String),
    /// The option `format` with another value.
    #[error("the format of a secret is `json`, `yaml`, `toml` or `dotenv`")]
    BadFormat,
    /// A selector that selects nothing: empty, or `/` with a `~` that RFC 6901 does not know.
    #[error("the part after `#` is `name`, or a JSON pointer such as `/a/b/0`")]
    BadSelector,
    /// Percent-encoding that is not UTF-8, or a control character.
    #[error("a reference is text: UTF-8 without control characters")]
    NotText,
    /// Over 2,048 bytes.
    #[error("a reference has at most {MAX_BYTES} bytes")]
    TooLong,
}

/// Where a secret is: `scheme://key[?option=value&…][#selector]`.
///
/// The option `format` (`json`, `yaml`, `toml`, `dotenv`) says what the selector selects in; the others are for the
/// plugin.
///
/// The scheme names a plugin. Key, options and selector may be percent-encoded (RFC 3986, section 2.1),
/// and are kept decoded.
///
/// ```
/// use ptrun_host::SecretRef;
///
/// let reference: SecretRef = "aws://projects/keys?stage=AWSPREVIOUS#/openai/key".parse()?;
/// assert_eq!(reference.scheme(), "aws");
/// assert_eq!(reference.key(), "projects/keys");
/// assert_eq!(reference.options(), [("stage".to_owned(), "AWSPREVIOUS".to_owned())]);
/// assert_eq!(reference.to_string(), "aws://projects/keys?stage=AWSPREVIOUS#/openai/key");
/// # Ok::<(), ptrun_host::ReferenceError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SecretRef {
    scheme: String,
    key: String,
    options: Vec<(String, String)>,
    format: Option<Format>,
    selector: Option<Selector>,
}

/// Which part of a secret is meant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Selector {
    /// `#name`: a key at the top of an object.
    Name(String),
    /// `#/a/b/0`: the reference tokens of a JSON pointer (RFC 6901), unescaped.
    Pointer(Vec<String>),
}

impl SecretRef {
    /// The same reference to something else; none, if the key can be in no reference.
    #[must_use]
    pub fn with_key(&self, key: String) -> Option<Self> {
        let good = !key.is_empty() && key.len() <= MAX_BYTES && !key.contains(char::is_control);
        good.then(|| Self { key, ..self.clone() })
    }

    /// The same reference with another value of an option, if it has the option.
    #[must_use]
    pub fn with_option_changed(mut self, name: &str, change: impl FnOnce(&str) -> String) -> Self {
        if let Some((_, value)) = self.options.iter_mut().find(|(other, _)| other == name) {
            *value = change(value);
        }
        self
    }

    /// Which plugin is asked.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// What it is asked for.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How, in order. A name occurs once. The option `format` is the host's, and not among them.
    #[must_use]
    pub fn options(&self) -> &[(String, String)] {
        &self.options
    }

    /// The format of the answer, if the reference says it: the option `format`.
    #[must_use]
    pub const fn format(&self) -> Option<Format> {
        self.format
    }

    /// Which part of the answer is wanted.
    #[must_use]
    pub const fn selector(&self) -> Option<&Selector> {
        self.selector.as_ref()
    }

    /// Reads what a list is asked for: a reference whose key is the beginning of others, and may be empty.
    ///
    /// # Errors
    /// Those of [`from_str`](Self::from_str), but [`ReferenceError::NoKey`].
    pub fn prefix(text: &str) -> Result<Self, ReferenceError> {
        Self::parse(text)
    }

    fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > MAX_BYTES {
            return Err(ReferenceError::TooLong);
        }
        let scheme = Self::scheme_of(text).ok_or(ReferenceError::NoScheme)?.to_owned();
        let rest = &text[scheme.len() + "://".len()..];
        let (rest, selector) = match rest.split_once('#') {
            Some((rest, selector)) => (rest, Some(decode(selector)?.parse()?)),
            None => (rest, None),
        };
        let (key, mut options) = match rest.split_once('?') {
            Some((key, options)) => (key, parse_options(options)?),
            None => (rest, Vec::new()),
        };
        let format = match options.iter().position(|(name, _)| name == "format") {
            Some(at) => Some(options.remove(at).1.parse().map_err(|()| ReferenceError::BadFormat)?),
            None => None,
        };
        Ok(Self { scheme, key: decode(key)?, options, format, selector })
    }

    /// The scheme that `text` would have as a reference, whether the rest is one or not.
    #[must_use]
    pub fn scheme_of(text: &str) -> Option<&str> {
        let (scheme, _) = text.split_once("://")?;
        is_scheme(scheme).then_some(scheme)
    }
}

/// RFC 3986, section 3.1, in lower case.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
}

fn decode(text: &str) -> Result<String, ReferenceError> {
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| ReferenceError::NotText)?;
    if decoded.contains(char::is_control) {
        return Err(ReferenceError::NotText);
    }
    Ok(decoded.into_owned())
}

impl FromStr for SecretRef {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference = Self::parse(text)?;
        match reference.key.is_empty() {
            true => Err(ReferenceError::NoKey(reference.scheme)),
            false => Ok(reference),
        }
    }
}

fn parse_options(text: &str) -> Result<Vec<(String, String)>, ReferenceError> {
    let mut options: Vec<(String, String)> = Vec::new();
    for option in text.split('&') {
        let (name, value) = option.split_once('=').ok_or(ReferenceError::BadOption)?;
        let (name, value) = (decode(name)?, decode(value)?);
        if name.is_empty() {
            return Err(ReferenceError::BadOption);
        }
        if options.iter().any(|(other, _)| *other == name) {
            return Err(ReferenceError::DuplicateOption(name));
        }
        options.push((name, value));
    }
    Ok(options)
}

impl FromStr for Selector {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let Some(pointer) = text.strip_prefix('/') else {
            return if text.is_empty() {
                Err(ReferenceError::BadSelector)
            } else {
                Ok(Self::Name(text.to_owned()))
            };
        };
        pointer
            .split('/')
            .map(unescape)
            .collect::<Option<_>>()
            .map(Self::Pointer)
            .ok_or(ReferenceError::BadSelector)
    }
}

/// RFC 6901, section 4: `~1` is `/`, `~0` is `~`, and no other `~` is allowed.
fn unescape(token: &str) -> Option<String> {
    let mut parts = token.split('~');
    let mut unescaped = parts.next()?.to_owned();
    for part in parts {
        let rest = part.strip_prefix('0').map(|rest| ('~', rest));
        let (character, rest) = rest.or_else(|| part.strip_prefix('1').map(|rest| ('/', rest)))?;
        unescaped.push(character);
        unescaped.push_str(rest);
    }
    Some(unescaped)
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, utf8_percent_encode(&self.key, IN_KEY))?;
        let format = self.format.map(|format| ("format".to_owned(), format.to_string()));
        for (index, (name, value)) in self.options.iter().chain(&format).enumerate() {
            let (name, value) = (utf8_percent_encode(name, IN_OPTION), utf8_percent_encode(value, IN_OPTION));
            write!(f, "{}{name}={value}", if index == 0 { '?' } else { '&' })?;
        }
        match &self.selector {
            None => Ok(()),
            Some(selector) => write!(f, "#{}", utf8_percent_encode(&selector.to_string(), IN_SELECTOR)),
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Pointer(tokens) => tokens
                .iter()
                .try_for_each(|token| write!(f, "/{}", token.replace('~', "~0").replace('/', "~1"))),
        }
    }
}

/// Why some text is no name for a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not a name of a variable as POSIX has it.
    #[error("the name of a variable has letters, digits and `_`, and no digit first")]
    Invalid,
    /// A variable that makes the dynamic loader run other code in the program.
    #[error("the variable steers the dynamic loader, and a secret in it would be code")]
    Loader,
}

/// The variable that a secret is delivered in: letters, digits and `_`, no digit first (POSIX.1-2017,
/// section 8.1), and none that the dynamic loader obeys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SecretName(String);

impl SecretName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SecretName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(good) {
            return Err(NameError::Invalid);
        }
        if text.starts_with("LD_") || text.starts_with("DYLD_") || text == "GLIBC_TUNABLES" {
            return Err(NameError::Loader);
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for SecretName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<SecretRef, ReferenceError> {
        text.parse()
    }

    #[test]
    fn a_reference_has_up_to_four_parts() {
        let all = parse("a+b.c-1://k/e?y=x#/z").expect("well formed");
        assert_eq!((all.scheme(), all.key()), ("a+b.c-1", "k/e"));
        assert_eq!(all.options(), [("y".to_owned(), "x".to_owned())]);
        assert_eq!(all.selector(), Some(&Selector::Pointer(vec!["z".to_owned()])));
        let arn = "aws://arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf";
        assert_eq!(parse(arn).expect("well formed").key(), &arn["aws://".len()..]);
    }

    #[test]
    fn encoded_parts_are_decoded() {
        let encoded = parse("file://a%20b%23c%3f?x=%26%3d#n%25").expect("well formed");
        assert_eq!(encoded.key(), "a b#c?");
        assert_eq!(encoded.options(), [("x".to_owned(), "&=".to_owned())]);
        assert_eq!(encoded.selector(), Some(&Selector::Name("n%".to_owned())));
    }

    #[test]
    fn pointers_are_unescaped() {
        let pointer = |text: &str| match text.parse() {
            Ok(Selector::Pointer(tokens)) => tokens,
            other => panic!("{other:?}"),
        };
        assert_eq!(pointer("/a~1b/~0/~01/"), ["a/b", "~", "~1", ""]);
        assert_eq!("/a~2".parse::<Selector>(), Err(ReferenceError::BadSelector));
        assert_eq!("/a~".parse::<Selector>(), Err(ReferenceError::BadSelector));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        use ReferenceError as E;
        let cases = [
            ("", E::NoScheme),
            ("key", E::NoScheme),
            ("env:KEY", E::NoScheme),
            ("ENV://KEY", E::NoScheme),
            ("1a://KEY", E::NoScheme),
            ("://KEY", E::NoScheme),
            ("env://", E::NoKey("env".to_owned())),
            ("env://?a=b", E::NoKey("env".to_owned())),
            ("env://#a", E::NoKey("env".to_owned())),
            ("env://K?", E::BadOption),
            ("env://K?a", E::BadOption),
            ("env://K?=b", E::BadOption),
            ("env://K?a=1&a=2", E::DuplicateOption("a".to_owned())),
            ("env://K#", E::BadSelector),
            ("env://K#/~", E::BadSelector),
            ("env://K%00", E::NotText),
            ("env://K\n", E::NotText),
            ("env://%ff", E::NotText),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text), Err(expected), "{text:?}");
        }
        assert_eq!(parse(&format!("env://{}", "k".repeat(MAX_BYTES))), Err(E::TooLong));
    }

    #[test]
    fn names_are_variables_that_run_no_code() {
        for good in ["A", "_", "a_1", "OPENAI_API_KEY", "LDAP_PASSWORD"] {
            assert!(good.parse::<SecretName>().is_ok(), "{good}");
        }
        for bad in ["", "1A", "A-B", "A=B", "A B", "\u{c4}", "A\0"] {
            assert_eq!(bad.parse::<SecretName>(), Err(NameError::Invalid), "{bad:?}");
        }
        for loader in ["LD_PRELOAD", "LD_X", "DYLD_INSERT_LIBRARIES", "GLIBC_TUNABLES"] {
            assert_eq!(loader.parse::<SecretName>(), Err(NameError::Loader), "{loader}");
        }
    }

    fn text() -> impl Strategy<Value = String> {
        "[^\\pC]{1,20}"
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read(
            scheme in "[a-z][a-z0-9+.-]{0,8}",
            key in text(),
            options in prop::collection::btree_map(text(), "[^\\pC]{0,8}", 0..4),
            format in prop::option::of(prop::sample::select(vec!["json", "yaml", "toml", "dotenv"])),
            name in prop::option::of(text()),
        ) {
            let format = format.and_then(|format| format.parse().ok());
            let selector = name.map(|name| name.parse()).transpose();
            prop_assume!(selector.is_ok());
            let selector = selector.ok().flatten();
            let options = options.into_iter().filter(|(name, _)| name != "format").collect();
            let reference = SecretRef { scheme, key, options, format, selector };
            prop_assert_eq!(parse(&reference.to_string()), Ok(reference));
        }

        #[test]
        fn no_text_is_too_odd_to_be_refused(text in "\\PC*") {
            let _ = parse(&text);
            let _ = parse(&format!("env://{text}"));
        }
    }
}
