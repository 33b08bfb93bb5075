//! What the file beside a log says about its last line.

use serde::{Deserialize, Serialize};

use crate::line::{Hash, Link};

/// The bytes of a head: the number in 20 digits, a space, the hash, and an end of line.
pub(crate) const LENGTH: usize = 86;

/// How a log's head stands to the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Head {
    /// It names the last line.
    Same,
    /// It names an earlier line. Somebody was killed, or the power failed, between a line and its head: it is no fault.
    Behind,
    /// It names a line after the last one: lines are missing at the end.
    Ahead,
    /// The line that it names has another hash.
    Other,
    /// It is not there, or empty. It is there before the first line, and stays.
    Missing,
    /// It is no head.
    Malformed,
}

impl Head {
    /// Whether lines may be missing at the end of the log.
    #[must_use]
    pub const fn is_fault(self) -> bool {
        !matches!(self, Self::Same | Self::Behind)
    }

    /// How a head stands to a log that ends with `last`. That an earlier line is the one that the head names is not
    /// looked at.
    pub(crate) fn at(head: &Noted, last: &Link) -> Self {
        match head {
            Noted::Nothing => Self::Missing,
            Noted::Malformed => Self::Malformed,
            Noted::Link(link) if link == last => Self::Same,
            Noted::Link(link) if link.seq < last.seq => Self::Behind,
            Noted::Link(link) if link.seq == last.seq => Self::Other,
            Noted::Link(_) => Self::Ahead,
        }
    }
}

/// What is in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Noted {
    Nothing,
    Malformed,
    Link(Link),
}

impl Noted {
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            return Self::Nothing;
        }
        link(bytes).map_or(Self::Malformed, Self::Link)
    }
}

fn link(bytes: &[u8]) -> Option<Link> {
    let (seq, hash) = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once(' ')?;
    let is_number = seq.len() == 20 && seq.bytes().all(|byte| byte.is_ascii_digit());
    let link = Link { seq: seq.parse().ok()?, hash: Hash::parse(hash.as_bytes())? };
    is_number.then_some(link)
}

/// What is written for a line.
pub(crate) fn text(last: &Link) -> String {
    format!("{:020} {}\n", last.seq, last.hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_have_one_form() {
        for seq in [0, 7, u64::MAX] {
            let link = Link { seq, ..Link::NONE };
            let text = text(&link);
            assert_eq!(text.len(), LENGTH);
            assert_eq!(Noted::parse(text.as_bytes()), Noted::Link(link));
            for bad in [&text[1..], &text[..85], &text.replacen('0', "+", 1), &format!("{text}\n")] {
                assert_eq!(Noted::parse(bad.as_bytes()), Noted::Malformed, "{bad}");
            }
        }
        assert_eq!(Noted::parse(b""), Noted::Nothing);
    }
}
