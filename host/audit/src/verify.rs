//! Whether a log is what was written.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use jiff::Timestamp;

use crate::head::{Head, Noted};
use crate::line::{self, Link, Parsed, READ};
use crate::lines::{Line, Lines};
use crate::log::read_head;
use crate::{AuditError, file};

/// How many broken lines are listed.
const LISTED: usize = 100;

/// What was found in a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many lines there are, with broken ones, and without one that has no end.
    pub records: u64,
    /// When the first and the last of them were written, as they say.
    pub times: Option<(Timestamp, Timestamp)>,
    /// How many records say that the log was mended before them.
    pub repaired: u64,
    /// How many bytes a last line without an end has. Somebody was killed while writing it, before anything was done;
    /// the next record removes it.
    pub torn: Option<u64>,
    /// What is not as it was written; the first hundred.
    pub broken: Vec<Broken>,
    /// How many more there are.
    pub unlisted: u64,
    /// How the head stands to the log; `None` if it was not looked at.
    pub head: Option<Head>,
}

/// A line that is not as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken {
    /// Which, from 1. What is missing at the end has the number after the last one.
    pub line: u64,
    /// What is wrong with it.
    pub why: Why,
}

/// What is wrong with a line: the first of these that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// It is longer than 2 MiB.
    TooLong,
    /// It is no line of a log.
    Malformed,
    /// It does not have the hash that it claims.
    Hash,
    /// It does not have the number after that of the line before.
    Seq,
    /// The line before does not have the hash that it claims for that.
    Prev,
    /// Lines that were here are missing: the head of the log names them, or did when this record was added.
    CutOff,
    /// The head of the log is no head, or missing, or was when this record was added: lines may have been here.
    Headless,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "this is too long to be a line of a record",
            Self::Malformed => "this is no line of a record",
            Self::Hash => "this line was changed",
            Self::Seq => "lines before this one were taken out, added or moved",
            Self::Prev => "this line does not follow the one before",
            Self::CutOff => "lines that were here are missing",
            Self::Headless => "lines that were here may be missing: nothing says which was the last",
        })
    }
}

impl Report {
    /// Whether everything is as it was written. A last line without an end is what a crash leaves, and no change.
    #[must_use]
    pub const fn is_intact(&self) -> bool {
        self.broken.is_empty()
    }

    fn add(&mut self, line: u64, why: Why) {
        if self.broken.len() < LISTED {
            self.broken.push(Broken { line, why });
        } else {
            self.unlisted += 1;
        }
    }

    fn add_head(&mut self, line: u64, head: Head) {
        match head {
            Head::Same | Head::Behind => {}
            Head::Ahead | Head::Other => self.add(line, Why::CutOff),
            Head::Missing | Head::Malformed => self.add(line, Why::Headless),
        }
    }
}

/// Checks a log, and by its head that no lines are missing at its end.
///
/// It is the log as it was at one moment; others can add to it meanwhile.
///
/// # Errors
/// If the file cannot be read, is a link, or is no regular file. What is wrong with its content is in the report.
pub fn verify(path: &Path) -> Result<Report, AuditError> {
    let unreadable = |why| AuditError::Unreadable { path: path.to_owned(), why };
    let log = file::open_read(path)?;
    // Whoever writes a line also writes the head before this is unlocked.
    file::retry(|| log.lock_shared()).map_err(unreadable)?;
    let head = noted(&file::head_path(path))?;
    let length = log.metadata().map_err(unreadable)?.len();
    log.unlock().map_err(unreadable)?;
    check(BufReader::new(log.take(length)), Some(&head)).map_err(unreadable)
}

/// Checks the lines of a log, without its head: what is missing at the end is not found.
///
/// # Errors
/// If they cannot be read.
pub fn verify_lines(log: impl BufRead) -> io::Result<Report> {
    check(log, None)
}

fn noted(path: &Path) -> Result<Noted, AuditError> {
    match file::open_read(path) {
        Ok(head) => read_head(&head).map_err(|why| AuditError::Unreadable { path: path.to_owned(), why }),
        Err(AuditError::Unreadable { why, .. }) if why.kind() == io::ErrorKind::NotFound => {
            Ok(Noted::Nothing)
        }
        Err(why) => Err(why),
    }
}

fn check(log: impl BufRead, head: Option<&Noted>) -> io::Result<Report> {
    let mut lines = Lines::new(log);
    let mut checker = Checker {
        report: Report::default(),
        before: Some(Link::NONE),
        last: Link::NONE,
        named: if let Some(Noted::Link(link)) = head { Some(*link) } else { None },
        is_named: None,
    };
    while let Some(line) = lines.next()? {
        match line {
            Line::Whole(line) => checker.line(line::parse(line)),
            Line::TooLong => checker.unknown(Why::TooLong),
            Line::Torn(length) => {
                checker.report.torn = Some(length);
                if length > READ as u64 {
                    let after = checker.report.records + 1;
                    checker.report.add(after, Why::TooLong);
                }
            }
        }
    }
    Ok(checker.end(head))
}

struct Checker {
    report: Report,
    /// What ties the next line to the one before it. After a line that says nothing, any goes: it is reported already.
    before: Option<Link>,
    /// The last line that says something.
    last: Link,
    /// The line that the head names.
    named: Option<Link>,
    /// Whether a line of that number has that hash; `None` while there is none.
    is_named: Option<bool>,
}

impl Checker {
    fn line(&mut self, line: Option<Parsed<'_>>) {
        let entry = line.as_ref().and_then(Parsed::entry);
        let (Some(line), Some(entry)) = (line, entry) else {
            return self.unknown(Why::Malformed);
        };
        self.report.records += 1;
        let number = self.report.records;
        let before = self.before.replace(line.link);
        self.last = line.link;
        if !line.is_right {
            self.report.add(number, Why::Hash);
        } else if before.is_some_and(|before| before.seq.checked_add(1) != Some(line.link.seq)) {
            self.report.add(number, Why::Seq);
        } else if before.is_some_and(|before| before.hash != line.prev) {
            self.report.add(number, Why::Prev);
        }
        if let Some(named) = self.named.filter(|named| named.seq == line.link.seq) {
            self.is_named = Some(self.is_named == Some(true) || named == line.link);
        }
        if let Some(repair) = entry.repair {
            self.report.repaired += 1;
            repair.head.iter().for_each(|head| self.report.add_head(number, *head));
        }
        let first = self.report.times.map_or(entry.time, |(first, _)| first);
        self.report.times = Some((first, entry.time));
    }

    fn unknown(&mut self, why: Why) {
        self.report.records += 1;
        self.before = None;
        self.report.add(self.report.records, why);
    }

    fn end(mut self, head: Option<&Noted>) -> Report {
        self.report.head = head.map(|head| match (Head::at(head, &self.last), self.is_named) {
            (Head::Behind, Some(false)) => Head::Other,
            (Head::Ahead, Some(true)) => Head::Behind,
            (head, _) => head,
        });
        // A log in which nothing was written yet need not have one; and a last line that says nothing, which was
        // reported, may be the one that is named.
        let is_new = self.report.records == 0 && self.report.torn.is_none();
        match self.report.head {
            Some(Head::Missing) if is_new => {}
            Some(Head::Ahead) if self.before.is_none() => {}
            Some(head) => self.report.add_head(self.report.records + 1, head),
            None => {}
        }
        self.report
    }
}
