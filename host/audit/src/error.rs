//! Why something is not recorded.

use std::io;
use std::path::PathBuf;

/// Why something is not recorded, or the record cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// Others could read or change the file, or it is something else than a file.
    #[error("`{}` is not used: {why}", path.display())]
    Insecure {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The system refuses to read.
    #[error("`{}` cannot be read: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// The system refuses to write.
    #[error("`{}` cannot be written: {why}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// Nobody listens, or the record is too long for a datagram.
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
    /// The entry is none.
    #[error("the entry cannot be written as JSON")]
    Format,
}
