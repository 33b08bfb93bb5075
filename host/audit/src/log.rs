//! The file.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::AuditError;
use crate::entry::{Decision, Entry};
use crate::line::{self, DIGITS, Link};

/// How much is read at once, backward from the end.
const STEP: u64 = 4096;
/// The longest line, in bytes. Ours are shorter: entries are bounded.
pub(crate) const LONGEST: u64 = 16 << 20;
/// What the file with the last line's number and hash is called: that of the record, and this.
const HEAD: &str = ".head";
/// The digits of a number in it.
const NUMBER: usize = 20;

/// A file of lines that are tied to each other.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    head: File,
}

impl Log {
    /// Opens the file, or makes it, and the folders to it, for this user alone.
    ///
    /// # Errors
    /// If it is a link or no regular file, belongs to somebody else, or others may read or write it; or if the system
    /// refuses.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let unwritable = |why| AuditError::Unwritable { path: path.to_owned(), why };
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let is_new = !path.exists();
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unwritable)?;
        let (file, head) = (open(path, true)?, open(&head_path(path), false)?);
        if is_new {
            // Its name is to survive a crash as well.
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritable)?;
        }
        Ok(Self { path: path.to_owned(), file, head })
    }

    /// Adds an entry after all others, and returns when it is on the disk.
    ///
    /// A last line that was cut off, because somebody was killed or the power failed, is removed before, and an entry
    /// says so. A last line that was changed stays as it is: [`crate::verify`] reports it.
    ///
    /// # Errors
    /// If the system refuses. Then nothing was added.
    pub fn append(&self, entry: &Entry) -> Result<(), AuditError> {
        let unwritable = |why| AuditError::Unwritable { path: self.path.clone(), why };
        // It is unlocked when the last one of this process closes it, and also if the process is killed.
        self.file.lock().map_err(unwritable)?;
        let done = self.append_locked(entry);
        let _ = self.file.unlock();
        done
    }

    fn append_locked(&self, entry: &Entry) -> Result<(), AuditError> {
        let unwritable = |why| AuditError::Unwritable { path: self.path.clone(), why };
        let length = self.file.metadata().map_err(unwritable)?.len();
        let (whole, mut last) = self.end(length).map_err(unwritable)?;
        let mut lines = Vec::new();
        if whole < length {
            self.file.set_len(whole).map_err(unwritable)?;
            let mut repair = Entry::new("repair", entry.user.clone());
            repair.decision = Decision::Allowed;
            repair.removed = length - whole;
            let (line, link) = line::write(&repair, &last)?;
            lines = line;
            last = link;
        }
        let (line, last) = line::write(entry, &last)?;
        lines.extend(line);
        let written = (&self.file).write_all(&lines).and_then(|()| self.file.sync_data());
        if let Err(why) = written {
            // Half a line is worth nothing. If this fails as well, the next one removes it.
            let _ = self.file.set_len(whole);
            return Err(unwritable(why));
        }
        let head = format!("{:0NUMBER$} {}\n", last.seq, last.hash);
        self.head.write_all_at(head.as_bytes(), 0).map_err(unwritable)
    }

    /// Where the last whole line ends, and what ties the next one to it.
    fn end(&self, length: u64) -> io::Result<(u64, Link)> {
        let mut tail: Vec<u8> = Vec::new();
        let mut start = length;
        // Enough is read when there is a whole line: between two ends of lines, or the beginning and one.
        loop {
            let ends: Vec<usize> = tail
                .iter()
                .enumerate()
                .rev()
                .filter(|(_, byte)| **byte == b'\n')
                .map(|(at, _)| at)
                .take(2)
                .collect();
            let (line, whole) = match (ends.as_slice(), start) {
                ([end, before], _) => (&tail[before + 1..*end], start + *end as u64 + 1),
                ([end], 0) => (&tail[..*end], *end as u64 + 1),
                ([], 0) => return Ok((0, Link::none())),
                _ if length - start > LONGEST => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "it is no record: a line has no end",
                    ));
                }
                _ => {
                    let step = STEP.max(length - start).min(start);
                    let mut more = vec![0; usize::try_from(step).unwrap_or_default()];
                    start -= step;
                    self.file.read_exact_at(&mut more, start)?;
                    more.extend_from_slice(&tail);
                    tail = more;
                    continue;
                }
            };
            return Ok((whole, self.link(line)));
        }
    }

    /// What ties the next line to this one, as far as it says so. If somebody made something else of it, the head still
    /// knows the number; what was there is not made whole again in either case.
    fn link(&self, line: &[u8]) -> Link {
        let parsed = line::parse(line).map(|line| Link { seq: line.seq, hash: line.hash });
        parsed.or_else(|| read_head(&self.head)).unwrap_or_else(Link::none)
    }
}

/// Opens a file that is this user's alone, or makes it.
fn open(path: &Path, append: bool) -> Result<File, AuditError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).write(true).append(append).create(true).mode(0o600);
    let opened = options.custom_flags(flags.bits().cast_signed()).open(path);
    let insecure = |why| AuditError::Insecure { path: path.to_owned(), why };
    let file = opened.map_err(|why| match why.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::LOOP) => insecure("it is a link"),
        _ => AuditError::Unwritable { path: path.to_owned(), why },
    })?;
    let metadata = file.metadata().map_err(|why| AuditError::Unwritable { path: path.to_owned(), why })?;
    if !metadata.is_file() {
        return Err(insecure("it is no regular file"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(insecure("it belongs to another user"));
    }
    if metadata.mode() & 0o077 != 0 {
        return Err(insecure("others may read or write it: `chmod 600`"));
    }
    Ok(file)
}

pub(crate) fn head_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(HEAD);
    name.into()
}

/// The number and the hash of the last line, if the file says so.
pub(crate) fn read_head(mut file: &File) -> Option<Link> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(NUMBER as u64 + DIGITS as u64 + 2).read_to_string(&mut text).ok()?;
    let (seq, hash) = text.strip_suffix('\n')?.split_once(' ')?;
    (hash.len() == DIGITS).then_some(Link { seq: seq.parse().ok()?, hash: hash.to_owned() })
}
