//! Whether a record is what was written.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use jiff::Timestamp;

use crate::line::{self, Link, Parsed};
use crate::log::{LONGEST, head_path, read_head};
use crate::{AuditError, Entry};

/// How many broken lines are described.
const DESCRIBED: usize = 100;

/// What was found in a record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many lines there are, whole ones.
    pub records: u64,
    /// When the first and the last of them were written.
    pub times: Option<(Timestamp, Timestamp)>,
    /// How many times a line that was cut off was removed.
    pub repaired: u64,
    /// How long the last line is, if it was cut off: by a crash, before anything was done.
    pub torn: Option<u64>,
    /// What is not as it was written; the first hundred.
    pub broken: Vec<Broken>,
}

/// A line that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// Which, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It is no line of a record.
    Malformed,
    /// It was changed.
    Changed,
    /// It does not come after the line before: one was taken out, added or moved.
    Order,
    /// Lines that were there after it are missing.
    CutOff,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "this is no line of a record",
            Self::Changed => "this line was changed",
            Self::Order => "this line does not come after the one before: one was taken out, added or moved",
            Self::CutOff => "lines that were here are missing",
        })
    }
}

impl Report {
    /// Whether all of it is as it was written. A last line that was cut off by a crash is no change.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.broken.is_empty()
    }

    fn add(&mut self, line: u64, why: Why) {
        if self.broken.len() < DESCRIBED {
            self.broken.push(Broken { line, why });
        }
    }
}

/// Checks a record, and that no lines are missing at its end.
///
/// # Errors
/// If it cannot be read.
pub fn verify(path: &Path) -> Result<Report, AuditError> {
    let unreadable = |why| AuditError::Unreadable { path: path.to_owned(), why };
    let file = File::open(path).map_err(unreadable)?;
    // Nobody writes meanwhile.
    file.lock_shared().map_err(unreadable)?;
    let head = File::open(head_path(path)).ok().and_then(|head| read_head(&head));
    check(BufReader::new(&file), head.as_ref()).map_err(unreadable)
}

/// Checks the lines of a record.
///
/// # Errors
/// If they cannot be read.
pub fn verify_lines(lines: impl BufRead) -> io::Result<Report> {
    check(lines, None)
}

fn check(mut lines: impl BufRead, head: Option<&Link>) -> io::Result<Report> {
    let mut report = Report::default();
    let mut last = Link::none();
    // A crash comes between a line and the head, so that the head may name an earlier line, and never a later one.
    let mut head_is_there = head.is_none();
    while let Some(line) = next(&mut lines)? {
        let (line, parsed) = match line {
            Line::Torn(length) => {
                report.torn = Some(length);
                break;
            }
            Line::Whole(text) => {
                report.records += 1;
                (report.records, line::parse(&text))
            }
            Line::TooLong => {
                report.records += 1;
                (report.records, None)
            }
        };
        let Some(Parsed { seq, prev, hash, is_right, entry }) = parsed else {
            report.add(line, Why::Malformed);
            continue;
        };
        if !is_right {
            report.add(line, Why::Changed);
        } else if seq != last.seq + 1 || prev != last.hash || seq != line {
            report.add(line, Why::Order);
        }
        last = Link { seq, hash };
        head_is_there |= head == Some(&last);
        report.repaired += u64::from(entry.event == "repair");
        let first = report.times.map_or(entry.time, |(first, _)| first);
        report.times = Some((first, entry.time));
    }
    if !head_is_there {
        report.add(report.records, Why::CutOff);
    }
    Ok(report)
}

/// The entries of a record, with the numbers of their lines. A line that is none is an error of its own, and the next
/// ones are read.
///
/// # Errors
/// If the file cannot be opened.
pub fn entries(
    path: &Path,
) -> Result<impl Iterator<Item = Result<(u64, Entry), Broken>> + use<>, AuditError> {
    let file = File::open(path).map_err(|why| AuditError::Unreadable { path: path.to_owned(), why })?;
    Ok(read(BufReader::new(file)))
}

/// The same for what was opened already. It ends where it cannot be read any more.
pub fn read(mut lines: impl BufRead) -> impl Iterator<Item = Result<(u64, Entry), Broken>> {
    let mut number = 0;
    std::iter::from_fn(move || {
        let line = next(&mut lines).ok()??;
        number += 1;
        let parsed = match &line {
            Line::Whole(text) => line::parse(text),
            Line::TooLong => None,
            Line::Torn(_) => return None,
        };
        Some(parsed.map(|line| (number, line.entry)).ok_or(Broken { line: number, why: Why::Malformed }))
    })
}

enum Line {
    Whole(Vec<u8>),
    /// Without an end, so many bytes.
    Torn(u64),
    TooLong,
}

/// The next line, if there is one.
fn next(lines: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut text = Vec::new();
    let mut length = lines.by_ref().take(LONGEST).read_until(b'\n', &mut text)? as u64;
    if length == 0 {
        return Ok(None);
    }
    if text.last() == Some(&b'\n') {
        text.pop();
        return Ok(Some(Line::Whole(text)));
    }
    loop {
        text.clear();
        let more = lines.by_ref().take(LONGEST).read_until(b'\n', &mut text)? as u64;
        length += more;
        if more == 0 {
            return Ok(Some(Line::Torn(length)));
        }
        if text.last() == Some(&b'\n') {
            return Ok(Some(Line::TooLong));
        }
    }
}
