//! `#name` and `#/a/b/0`: the part of a secret that a reference means, in the format that the secret has.

mod dotenv;
mod json;
mod node;
mod toml;
mod yaml;

use std::fmt;
use std::str::FromStr;

use crate::{SecretBytes, Selector};

/// How a secret is written that has parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// RFC 8259.
    Json,
    /// YAML 1.2. A scalar is what is written: `0123` and `yes` stay so.
    Yaml,
    /// TOML 1.0.
    Toml,
    /// Lines of `NAME=value`, quoted as a shell does it. Nothing is expanded.
    Dotenv,
}

impl Format {
    /// All of them, with their names in references.
    const ALL: [(&str, Self); 4] =
        [("json", Self::Json), ("yaml", Self::Yaml), ("toml", Self::Toml), ("dotenv", Self::Dotenv)];
}

impl FromStr for Format {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, format)| *format).ok_or(())
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Self::ALL.iter().find(|(_, format)| format == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// Why a selector selects nothing. The secret's own text is never repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// The secret has no format that is known.
    #[error("the secret is neither JSON, YAML, TOML nor dotenv, so that `#{0}` selects nothing")]
    NotStructured(Selector),
    /// The secret does not have the format that the reference says.
    #[error("the secret is not {1}, so that `#{0}` selects nothing")]
    NotOfFormat(Selector, Format),
    /// The secret could have several formats, and what is selected depends on which.
    #[error("the secret could be {1} or {2}, and `#{0}` selects another value in each")]
    Ambiguous(Selector, Format, Format),
    /// There is no such part.
    #[error("the secret has no `#{0}`")]
    Missing(Selector),
}

/// What is there, if anything is.
type Found = Option<SecretBytes>;

impl Selector {
    /// The part of `secret` that is meant: text as it is, an object or a list as JSON. Without a format, the
    /// secret has the one that it can be read as; if there are several, they must agree.
    ///
    /// # Errors
    /// If the secret does not have the format, or no such part, or the formats disagree.
    pub fn select(&self, secret: &SecretBytes, format: Option<Format>) -> Result<SecretBytes, SelectError> {
        let text = std::str::from_utf8(secret.expose()).ok();
        let read = |format| Some((format, read(format, text?, self)?));
        if let Some(format) = format {
            let (_, found) = read(format).ok_or_else(|| SelectError::NotOfFormat(self.clone(), format))?;
            return found.ok_or_else(|| SelectError::Missing(self.clone()));
        }
        // All JSON is YAML as well, with the same values.
        let readings: Vec<(Format, Found)> = match read(Format::Json) {
            Some(reading) => vec![reading],
            None => [Format::Yaml, Format::Toml, Format::Dotenv].into_iter().filter_map(read).collect(),
        };
        if readings.is_empty() {
            return Err(SelectError::NotStructured(self.clone()));
        }
        let mut values = readings.into_iter().filter_map(|(format, found)| Some((format, found?)));
        let (first, value) = values.next().ok_or_else(|| SelectError::Missing(self.clone()))?;
        match values.find(|(_, other)| other.expose() != value.expose()) {
            Some((other, _)) => Err(SelectError::Ambiguous(self.clone(), first, other)),
            None => Ok(value),
        }
    }

    fn tokens(&self) -> &[String] {
        match self {
            Self::Name(name) => std::slice::from_ref(name),
            Self::Pointer(tokens) => tokens,
        }
    }

    /// Whether a token may be the index of a list. A plain name is none.
    const fn counts(&self) -> bool {
        matches!(self, Self::Pointer(_))
    }
}

/// The members of a secret that is an object, in the order of their names: text as it is, an object or a list as JSON.
/// Nothing at all (`null`) is no member.
///
/// # Errors
/// If the secret does not have the format, or formats disagree about its members.
pub fn members(
    secret: &SecretBytes,
    format: Option<Format>,
) -> Result<Vec<(String, SecretBytes)>, SelectError> {
    let all = Selector::Name("*".to_owned());
    let text = std::str::from_utf8(secret.expose()).ok();
    let read = |format| Some((format, members_in(format, text?)?));
    if let Some(format) = format {
        let found = read(format).map(|(_, members)| members);
        return found.ok_or(SelectError::NotOfFormat(all, format));
    }
    let mut readings = match read(Format::Json) {
        Some(reading) => vec![reading],
        None => [Format::Yaml, Format::Toml, Format::Dotenv].into_iter().filter_map(read).collect(),
    }
    .into_iter();
    let (first, members) = readings.next().ok_or_else(|| SelectError::NotStructured(all.clone()))?;
    let same = |other: &Members| {
        let values = |members: &Members| -> Vec<(String, Vec<u8>)> {
            members.iter().map(|(name, value)| (name.clone(), value.expose().to_vec())).collect()
        };
        values(other) == values(&members)
    };
    match readings.find(|(_, other)| !same(other)) {
        Some((other, _)) => Err(SelectError::Ambiguous(all, first, other)),
        None => Ok(members),
    }
}

type Members = Vec<(String, SecretBytes)>;

/// The members of a text; `None` if it does not have this format, or is no object in it.
fn members_in(format: Format, text: &str) -> Option<Members> {
    let mut members = match format {
        Format::Json => json::members(text)?,
        Format::Yaml => yaml::read(text)?.members()?,
        Format::Toml => toml::read(text)?.members()?,
        Format::Dotenv => dotenv::read(text)?.members()?,
    };
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    Some(members)
}

/// What a text has at a selector; `None` if it does not have this format.
fn read(format: Format, text: &str, selector: &Selector) -> Option<Found> {
    match format {
        Format::Json => json::select(text, selector),
        Format::Yaml => yaml::read(text).map(|node| node.select(selector)),
        Format::Toml => toml::read(text).map(|node| node.select(selector)),
        Format::Dotenv => dotenv::read(text).map(|node| node.select(selector)),
    }
}

#[cfg(test)]
mod tests;
