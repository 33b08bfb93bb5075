//! What is wrong with a file, and where. Nothing of what it says is repeated, but names of keys: a secret could have
//! been written there by mistake.

use std::sync::Arc;

use super::source::{Place, Source};
use crate::report::Failure;

/// The class, the sentence and the place of an error of the parser.
pub(super) fn malformed(source: &Arc<Source>, why: &toml::de::Error) -> Failure {
    let message = why.message();
    let at = Place::new(source, &why.span().unwrap_or_default());
    let name = source.name();
    let failure = if toml::from_str::<toml::Table>(&source.text).is_err() {
        match message.starts_with("duplicate key") {
            true => Failure::new("config/duplicate-key", format!("`{name}` has a key twice"))
                .help("remove one of them"),
            false => Failure::new("config/syntax", format!("`{name}` is not TOML: {}", first_line(message)))
                .help("texts stand in quotes, and a table begins with `[NAME]`"),
        }
    } else if let Some((unknown, known)) = unknown_key(message) {
        let failure =
            Failure::new("config/unknown-key", format!("`{name}` has a key `{unknown}`, which is unknown"));
        match similar(unknown, known.iter().copied()) {
            Some(similar) => failure.help(format!("did you mean `{similar}`?")),
            None => failure.help(format!("there is {}", list(&known))),
        }
    } else {
        Failure::new("config/type", format!("`{name}` has a wrong value: {}", without_value(message)))
            .help("`ptrun schema` prints what belongs where, for editors and for people")
    };
    failure.fact("at", at)
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default()
}

/// serde's words: "unknown field `x`, expected one of `a`, `b`".
fn unknown_key(message: &str) -> Option<(&str, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (unknown, rest) = rest.split_once('`')?;
    Some((unknown, rest.split('`').skip(1).step_by(2).collect()))
}

/// serde's words, without what is there: "invalid type: string "x", expected a boolean", "unknown variant `x`, expected
/// one of `a`, `b`".
fn without_value(message: &str) -> String {
    let Some((found, expected)) = message.split_once(", expected ") else {
        return match message.split_once('`') {
            Some((before, _)) if before.starts_with("missing field") => first_line(message).to_owned(),
            _ => "it is not what belongs here".to_owned(),
        };
    };
    let kind = found.strip_prefix("invalid type: ").and_then(|found| found.split_whitespace().next());
    match kind {
        Some(kind) => format!("expected {}, found {kind}", first_line(expected)),
        None => format!("expected {}", first_line(expected)),
    }
}

/// The most similar of some names, if one is similar at all.
pub(super) fn similar<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(name, known), known));
    scored
        .filter(|(score, _)| *score > 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|of| of.1)
}

/// Names for people.
pub(super) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
