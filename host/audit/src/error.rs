//! Why something is not recorded, or cannot be read.

use std::io;
use std::path::PathBuf;

use crate::Broken;

/// Why something is not recorded, or the record cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Others could read or change the file, or it is something else than a file.
    #[error("`{}` is not used: {why}", path.display())]
    Insecure {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, in words that follow a colon.
        why: &'static str,
    },
    /// The file holds something else than a record. Nothing was added, and nothing was taken out.
    #[error("`{}` is no record of ptrun: {why}", path.display())]
    NotALog {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, in words that follow a colon.
        why: &'static str,
    },
    /// The system refuses to read.
    #[error("`{}` cannot be read: {why}", path.display())]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The system refuses to write.
    #[error("`{}` cannot be written: {why}", path.display())]
    Unwritable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// Nobody listens, or nobody takes it, or the record is too long for a datagram of this system.
    #[error("nothing can be sent to `{}`: {why}", path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// Standard error is closed, or full.
    #[error("standard error cannot be written: {0}")]
    Stderr(io::Error),
    /// A line that was read is none of a record.
    #[error("line {}: {}", .0.line, .0.why)]
    Line(Broken),
    /// The entry is none.
    #[error("the entry cannot be written as JSON")]
    Format,
}
