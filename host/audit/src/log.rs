//! The file, and how it grows.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use crate::entry::{Decision, Entry, Repair};
use crate::head::{self, Head, Noted};
use crate::line::{self, Link};
use crate::tail::{Last, Stop, Tail};
use crate::{AuditError, bound, file};

/// A file of lines that are tied to each other, to which this process may add some.
#[derive(Debug)]
pub struct Log {
    path: PathBuf,
    file: File,
    head_path: PathBuf,
    head: File,
}

impl Log {
    /// Opens a log and its head, or makes them (0600), and the folders to them (0700).
    ///
    /// # Errors
    /// If one of both is a link or no regular file, belongs to another user than the effective one, or others may read
    /// or write it; or if the system refuses.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        file::create_folder(file::folder(path))?;
        let head_path = file::head_path(path);
        let file = file::open_own(path, true)?;
        let head = file::open_own(&head_path, false)?;
        Ok(Self { path: path.to_owned(), file, head_path, head })
    }

    /// Adds an entry after all others, and returns when it is on the disk. Others who add wait meanwhile, and this one
    /// waits for them, without an end if somebody who has the lock is stopped.
    ///
    /// A last line without an end, which somebody left who was killed, is removed first, and a record says so. So it
    /// does if the head of the log contradicts it: the traces of lines that were taken out are not covered up by what
    /// is added.
    ///
    /// # Errors
    /// If the system refuses, or the file is no log. Then the entry was not added, as far as it could be taken back.
    // A lock is the file's that was opened: two threads that share one would not wait for each other.
    pub fn append(&mut self, entry: &Entry) -> Result<(), AuditError> {
        file::retry(|| self.file.lock()).map_err(|why| self.unwritable(why))?;
        let done = self.append_locked(entry);
        // If this fails, it is unlocked when the file is closed, as it is when this process is killed.
        let _ = self.file.unlock();
        done
    }

    fn append_locked(&self, entry: &Entry) -> Result<(), AuditError> {
        let length = self.file.metadata().map_err(|why| self.unreadable(why))?.len();
        let tail = Tail::of(&self.file, length).map_err(|why| match why {
            Stop::Unreadable(why) => self.unreadable(why),
            Stop::NotALog(why) => AuditError::NotALog { path: self.path.clone(), why },
        })?;
        let mut head = self.noted()?;
        if length == 0 && head == Noted::Nothing {
            // From now on, a head that is missing was taken away.
            self.note(&Link::NONE).and_then(|()| self.head.sync_all()).map_err(|why| self.no_head(why))?;
            head = Noted::Link(Link::NONE);
        }
        if length == 0 {
            // Nothing was recorded, and who made the files may have been killed.
            file::sync_folder(file::folder(&self.path))?;
        }
        let (last, fault) = continued(&tail.last, &head);
        let (lines, last) = lines(entry, last, length - tail.whole, fault)?;
        let written = self.write(&lines, length, tail.whole).map_err(|why| self.unwritable(why));
        let noted = written.and_then(|()| self.note(&last).map_err(|why| self.no_head(why)));
        if noted.is_err() {
            // Half a line is worth nothing, and a whole one would say that this was recorded. If this fails as well,
            // the next one removes half a line, and a whole one stays: somebody wanted to do it.
            let _ = self.file.set_len(tail.whole).and_then(|()| self.file.sync_data());
        }
        noted
    }

    /// Writes after the last whole line, and returns when it is on the disk.
    fn write(&self, lines: &str, length: u64, whole: u64) -> io::Result<()> {
        if whole < length {
            self.file.set_len(whole)?;
        }
        (&self.file).write_all(lines.as_bytes())?;
        file::retry(|| self.file.sync_data())
    }

    fn noted(&self) -> Result<Noted, AuditError> {
        let unreadable = |why| AuditError::Unreadable { path: self.head_path.clone(), why };
        read_head(&self.head).map_err(unreadable)
    }

    /// Names the last line in the head. If this is lost in a crash, the head is behind, and that is no fault: it costs
    /// nothing to wait for.
    fn note(&self, last: &Link) -> io::Result<()> {
        self.head.write_all_at(head::text(last).as_bytes(), 0)
    }

    fn unreadable(&self, why: io::Error) -> AuditError {
        AuditError::Unreadable { path: self.path.clone(), why }
    }

    fn unwritable(&self, why: io::Error) -> AuditError {
        AuditError::Unwritable { path: self.path.clone(), why }
    }

    fn no_head(&self, why: io::Error) -> AuditError {
        AuditError::Unwritable { path: self.head_path.clone(), why }
    }
}

/// What a head says. A longer file is no head.
pub(crate) fn read_head(head: &File) -> io::Result<Noted> {
    let mut bytes = [0; head::LENGTH + 1];
    let mut length = 0;
    while let rest @ [_, ..] = &mut bytes[length..] {
        match head.read_at(rest, length as u64) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            Err(why) => return Err(why),
        }
    }
    Ok(Noted::parse(&bytes[..length]))
}

/// What the chain goes on from, and how the head contradicts it.
///
/// A last line whose hash is wrong is taken at its word. To refuse would let whoever changed a byte, or a defect of the
/// disk, stop everything that is to be recorded; to hash the line again would make it a good one. As it is, the line
/// stays wrong for good, and `verify` says so. The same goes for a line that says nothing, in whose place the head is
/// taken.
fn continued(last: &Last, head: &Noted) -> (Link, Option<Head>) {
    let last = match (last, head) {
        (Last::Link(last), _) => *last,
        (Last::Malformed, Noted::Link(noted)) => *noted,
        (Last::None | Last::Malformed, _) => Link::NONE,
    };
    (last, Some(Head::at(head, &last)).filter(|head| head.is_fault()))
}

/// The lines to add, the entry's as the last one, and what ties the next line to it.
fn lines(entry: &Entry, last: Link, removed: u64, head: Option<Head>) -> Result<(String, Link), AuditError> {
    let write = |entry: &Entry, last: &Link| Ok(line::write(&bound::text(entry, line::ENTRY)?, last));
    let entry = match entry.repair {
        None => Cow::Borrowed(entry),
        Some(_) => Cow::Owned(Entry { repair: None, ..entry.clone() }),
    };
    if removed == 0 && head.is_none() {
        return write(&entry, &last);
    }
    let mut repair = Entry::new("repair", entry.user.clone());
    repair.decision = Decision::Allowed;
    repair.repair = Some(Repair { removed, head });
    let (first, last) = write(&repair, &last)?;
    let (second, last) = write(&entry, &last)?;
    Ok((first + &second, last))
}
