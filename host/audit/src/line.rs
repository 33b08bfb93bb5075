//! One line of a log: an entry, and what ties it to the line before.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::Entry;

/// The longest line that is written, in bytes.
pub(crate) const WRITTEN: usize = 1 << 20;
/// The longest line that is read, in bytes without its end.
pub(crate) const READ: usize = 2 << 20;
/// The longest entry that is written: its line has a number, two hashes, and the names of the fields as well.
pub(crate) const ENTRY: usize = WRITTEN - 256;

/// What is hashed before the line, so that the hash means nothing else.
const DOMAIN: &[u8] = b"ptrun audit line v1\n";
/// How a line begins.
pub(crate) const START: &[u8] = b"{\"seq\":";
const BEFORE_PREV: &[u8] = b",\"prev\":\"";
const BEFORE_ENTRY: &[u8] = b"\",\"entry\":";
const BEFORE_HASH: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";
/// The digits of a hash.
const DIGITS: usize = 64;

/// A SHA-256, in 64 lowercase hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hash([u8; 32]);

impl Hash {
    /// Other spellings than the one that is written are none: a changed letter is a change.
    pub(crate) fn parse(digits: &[u8]) -> Option<Self> {
        let mut hash = [0; 32];
        hex::decode_to_slice(digits, &mut hash).ok()?;
        (!digits.iter().any(u8::is_ascii_uppercase)).then_some(Self(hash))
    }

    fn of(before: &[u8]) -> Self {
        Self(Sha256::new().chain_update(DOMAIN).chain_update(before).finalize().into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Ties a line to the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    /// The number of the line, from 1.
    pub(crate) seq: u64,
    pub(crate) hash: Hash,
}

impl Link {
    /// What comes before the first line.
    pub(crate) const NONE: Self = Self { seq: 0, hash: Hash([0; 32]) };

    /// The number of the line after this one. There is no line after the last number that there is: who claims to be
    /// that one makes the next one wrong.
    pub(crate) const fn next(&self) -> u64 {
        self.seq.saturating_add(1)
    }
}

/// The line after `before`, with its end, and what ties the next one to it.
pub(crate) fn write(entry: &str, before: &Link) -> (String, Link) {
    let seq = before.next();
    let mut line = format!("{{\"seq\":{seq},\"prev\":\"{}\",\"entry\":{entry}", before.hash);
    let hash = Hash::of(line.as_bytes());
    line.push_str(&format!(",\"hash\":\"{hash}\"}}\n"));
    (line, Link { seq, hash })
}

/// What a line says.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    /// Its number and its hash, as it claims them.
    pub(crate) link: Link,
    /// The hash of the line before.
    pub(crate) prev: Hash,
    /// Whether the hash that it claims is its own.
    pub(crate) is_right: bool,
    entry: &'a [u8],
}

impl Parsed<'_> {
    /// What it records; `None` if it is no entry.
    pub(crate) fn entry(&self) -> Option<Entry> {
        serde_json::from_slice(self.entry).ok()
    }
}

/// Reads a line without its end; `None` if it is none. It has the one form in which lines are written.
pub(crate) fn parse(line: &[u8]) -> Option<Parsed<'_>> {
    let rest = line.strip_suffix(END)?;
    let (rest, hash) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    let before = rest.strip_suffix(BEFORE_HASH)?;

    let rest = before.strip_prefix(START)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (seq, rest) = rest.split_at_checked(digits)?;
    let seq = std::str::from_utf8(seq).ok().filter(|digits| !digits.starts_with('0'))?;
    let (prev, rest) = rest.strip_prefix(BEFORE_PREV)?.split_at_checked(DIGITS)?;
    let entry = rest.strip_prefix(BEFORE_ENTRY)?;

    let link = Link { seq: seq.parse().ok()?, hash: Hash::parse(hash)? };
    Some(Parsed { link, prev: Hash::parse(prev)?, is_right: Hash::of(before) == link.hash, entry })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_as_it_was_written() {
        let (first, link) = write("{}", &Link::NONE);
        let zeros = "0".repeat(64);
        // printf 'ptrun audit line v1\n{"seq":1,"prev":"000…0","entry":{}' | sha256sum
        let hash = "9fe44076076e767e20e588a0d007ebc4f6b25be6dc9d608867645a6d0cdee72d";
        assert_eq!(first, format!("{{\"seq\":1,\"prev\":\"{zeros}\",\"entry\":{{}},\"hash\":\"{hash}\"}}\n"));
        let (second, _) = write("{}", &link);
        let parsed = parse(second.trim_end().as_bytes()).expect("a line");
        assert_eq!((parsed.link.seq, parsed.prev, parsed.is_right), (2, link.hash, true));
    }

    #[test]
    fn every_other_form_is_none_or_has_another_hash() {
        let (line, _) = write("{\"a\":1}", &Link::NONE);
        let line = line.trim_end().as_bytes();
        for at in 0..line.len() {
            for bit in 0..8 {
                let mut other = line.to_owned();
                other[at] ^= 1 << bit;
                assert!(parse(&other).is_none_or(|parsed| !parsed.is_right), "byte {at}, bit {bit}");
            }
            assert!(parse(&line[..at]).is_none(), "cut off at {at}");
        }
    }

    #[test]
    fn numbers_have_an_end() {
        let last = Link { seq: u64::MAX, ..Link::NONE };
        assert_eq!(write("{}", &last).1.seq, u64::MAX);
    }
}
