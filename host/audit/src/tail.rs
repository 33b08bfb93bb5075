//! The end of a log, read backward: what it costs does not grow with the log.

use std::io;
use std::os::unix::fs::FileExt;

use crate::line::{self, Link, READ, START};

/// How much is read first; then twice as much, until it is enough.
const STEP: u64 = 4096;
/// The most that is read: a line without an end, one with an end, and the end of the line before.
const MOST: u64 = 2 * READ as u64 + 2;

/// The end of a log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tail {
    /// Where the last whole line ends. What follows is a line without an end.
    pub(crate) whole: u64,
    pub(crate) last: Last,
}

/// The last whole line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Last {
    /// There is none.
    None,
    /// What it claims.
    Link(Link),
    /// It is no line of a log.
    Malformed,
}

/// Why a file is not continued.
#[derive(Debug)]
pub(crate) enum Stop {
    Unreadable(io::Error),
    /// It is something else, and is left as it is: half a line is only removed from a log.
    NotALog(&'static str),
}

impl From<io::Error> for Stop {
    fn from(why: io::Error) -> Self {
        Self::Unreadable(why)
    }
}

impl Tail {
    /// Looks at the end of a file of this length.
    pub(crate) fn of(file: &impl FileExt, length: u64) -> Result<Self, Stop> {
        let start = read(file, 0, length.min(START.len() as u64))?;
        if !START.starts_with(&start) {
            return Err(Stop::NotALog("it begins with something else"));
        }
        let mut size = STEP;
        loop {
            size = size.min(length).min(MOST);
            let (is_all, is_most) = (size == length, size == MOST);
            let bytes = read(file, length - size, size)?;
            let mut ends = (0..bytes.len()).rev().filter(|at| bytes[*at] == b'\n');
            let (end, before) = (ends.next(), ends.next());
            let line = match (end, before) {
                (None, _) if is_all && size <= READ as u64 => return Ok(Self { whole: 0, last: Last::None }),
                (Some(end), _) if bytes.len() - end - 1 > READ => None,
                (Some(end), Some(before)) => Some(&bytes[before + 1..end]),
                (Some(end), None) if is_all => Some(&bytes[..end]),
                // It is longer than any line.
                (Some(_), None) if is_most => Some(&[][..]),
                (None, _) if size > READ as u64 => None,
                _ => {
                    size *= 2;
                    continue;
                }
            };
            let (Some(line), Some(end)) = (line, end) else {
                return Err(Stop::NotALog("a line has no end"));
            };
            let last = line::parse(line).map_or(Last::Malformed, |line| Last::Link(line.link));
            return Ok(Self { whole: length - size + end as u64 + 1, last });
        }
    }
}

fn read(file: &impl FileExt, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}
