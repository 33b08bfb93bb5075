//! The lines of a log, read forward in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::line::{self, READ};
use crate::{AuditError, Broken, Entry, Why, file};

/// A line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    /// With an end, which is left out here.
    Whole(&'a [u8]),
    /// With an end, and longer than 2 MiB.
    TooLong,
    /// Without an end: so many bytes.
    Torn(u64),
}

/// The lines of a reader.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    reader: R,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(crate) const fn new(reader: R) -> Self {
        Self { reader, line: Vec::new() }
    }

    /// The next line; `None` at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.line.clear();
        let mut length = 0;
        loop {
            let bytes = match self.reader.fill_buf() {
                Ok(bytes) => bytes,
                Err(why) if why.kind() == io::ErrorKind::Interrupted => continue,
                Err(why) => return Err(why),
            };
            if bytes.is_empty() {
                return Ok((length > 0).then_some(Line::Torn(length)));
            }
            let end = bytes.iter().position(|byte| *byte == b'\n');
            let part = &bytes[..end.unwrap_or(bytes.len())];
            length += part.len() as u64;
            if length <= READ as u64 {
                self.line.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.reader.consume(used);
            if end.is_some() {
                return Ok(Some(if length <= READ as u64 { Line::Whole(&self.line) } else { Line::TooLong }));
            }
        }
    }
}

/// The entries of a log, in its order, each with the number of its line, from 1.
///
/// A line that is none is an [`AuditError::Line`], and the next ones are read; a last line without an end is left out.
/// What cannot be read ends it, after an [`AuditError::Unreadable`]. Hashes are not looked at: that is for
/// [`verify`](crate::verify()).
#[derive(Debug)]
pub struct Entries<R> {
    // None at the end.
    lines: Option<Lines<R>>,
    number: u64,
    path: std::path::PathBuf,
}

/// The entries of a log.
///
/// # Errors
/// If the file cannot be opened, is a link, or is no regular file.
pub fn entries(path: &Path) -> Result<Entries<BufReader<File>>, AuditError> {
    let file = file::open_read(path)?;
    Ok(Entries { path: path.to_owned(), ..read(BufReader::new(file)) })
}

/// The same for what was opened already. Errors name no file.
pub fn read<R: BufRead>(log: R) -> Entries<R> {
    Entries { lines: Some(Lines::new(log)), number: 0, path: Path::new("").to_owned() }
}

impl<R: BufRead> Iterator for Entries<R> {
    type Item = Result<(u64, Entry), AuditError>;

    fn next(&mut self) -> Option<Self::Item> {
        let parsed = match self.lines.as_mut()?.next() {
            Ok(Some(Line::Whole(line))) => {
                line::parse(line).and_then(|line| line.entry()).ok_or(Why::Malformed)
            }
            Ok(Some(Line::TooLong)) => Err(Why::TooLong),
            Ok(Some(Line::Torn(_)) | None) => {
                self.lines = None;
                return None;
            }
            Err(why) => {
                self.lines = None;
                return Some(Err(AuditError::Unreadable { path: self.path.clone(), why }));
            }
        };
        self.number += 1;
        let line = self.number;
        Some(parsed.map(|entry| (line, entry)).map_err(|why| AuditError::Line(Broken { line, why })))
    }
}
