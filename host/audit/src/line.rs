//! One line of a record: an entry, and what ties it to the line before.

use std::io;

use serde::{Deserialize, Serialize};
use serde_json::ser::{CharEscape, Formatter};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use crate::{AuditError, Entry};

/// What is hashed before the line, so that the hash means nothing else.
const DOMAIN: &[u8] = b"ptrun audit line v1\n";
/// What stands between a line and its own hash.
const BEFORE_HASH: &[u8] = b",\"hash\":\"";
/// What stands after it.
const END: &[u8] = b"\"}";
/// The digits of a hash.
pub(crate) const DIGITS: usize = 64;

/// Ties a line to the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// The number of the line, from 1.
    pub(crate) seq: u64,
    /// Its hash, in hexadecimal digits.
    pub(crate) hash: String,
}

impl Link {
    /// What comes before the first line.
    pub(crate) fn none() -> Self {
        Self { seq: 0, hash: "0".repeat(DIGITS) }
    }
}

/// A line without its own hash.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    seq: u64,
    prev: &'a str,
    #[serde(borrow)]
    entry: &'a RawValue,
}

/// The line after `before`, with its end, and what ties the next one to it.
pub(crate) fn write(entry: &Entry, before: &Link) -> Result<(Vec<u8>, Link), AuditError> {
    let entry = RawValue::from_string(text(entry)?).map_err(|_| AuditError::Format)?;
    let seq = before.seq + 1;
    let body = Body { seq, prev: &before.hash, entry: &entry };
    let mut line = serde_json::to_vec(&body).map_err(|_| AuditError::Format)?;
    line.pop();
    let hash = hash(&line);
    line.extend_from_slice(BEFORE_HASH);
    line.extend_from_slice(hash.as_bytes());
    line.extend_from_slice(END);
    line.push(b'\n');
    Ok((line, Link { seq, hash }))
}

/// An entry as JSON that can be shown anywhere, in one line.
pub(crate) fn text(entry: &Entry) -> Result<String, AuditError> {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Plain);
    entry.bounded().serialize(&mut serializer).map_err(|_| AuditError::Format)?;
    String::from_utf8(text).map_err(|_| AuditError::Format)
}

/// What a line holds.
pub(crate) struct Parsed {
    pub(crate) seq: u64,
    pub(crate) prev: String,
    /// The hash that it claims.
    pub(crate) hash: String,
    /// Whether it is the hash of this line.
    pub(crate) is_right: bool,
    pub(crate) entry: Entry,
}

/// Reads a line without its end; `None` if it is none.
pub(crate) fn parse(line: &[u8]) -> Option<Parsed> {
    let rest = line.strip_suffix(END)?;
    let (before, claimed) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    let before = before.strip_suffix(BEFORE_HASH)?;
    let claimed = std::str::from_utf8(claimed).ok()?;
    let body = [before, b"}"].concat();
    let Body { seq, prev, entry } = serde_json::from_slice(&body).ok()?;
    Some(Parsed {
        seq,
        prev: prev.to_owned(),
        hash: claimed.to_owned(),
        is_right: hash(before) == claimed,
        entry: serde_json::from_str(entry.get()).ok()?,
    })
}

fn hash(before: &[u8]) -> String {
    hex::encode(Sha256::new().chain_update(DOMAIN).chain_update(before).finalize())
}

/// JSON in which nothing steers a terminal or turns text around: controls and marks of direction are escaped, too.
struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, to: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some(at) = rest.find(steers) {
            to.write_all(&rest.as_bytes()[..at])?;
            let mut characters = rest[at..].chars();
            if let Some(character) = characters.next() {
                write!(to, "\\u{:04x}", u32::from(character))?;
            }
            rest = characters.as_str();
        }
        to.write_all(rest.as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(&mut self, to: &mut W, escape: CharEscape) -> io::Result<()> {
        serde_json::ser::CompactFormatter.write_char_escape(to, escape)
    }
}

/// DEL and the controls of ISO 6429; ends of lines and marks of direction of Unicode (UAX #9). None is outside of the
/// Basic Multilingual Plane. What is below a space is escaped by JSON itself.
const fn steers(c: char) -> bool {
    matches!(c,
        '\u{7f}'..='\u{9f}' | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
