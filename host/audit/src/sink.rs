//! Where entries go.

use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::entry::{Decision, Entry};
use crate::{AuditError, Log, bound, line};

/// Where journald listens (systemd, "Native Journal Protocol").
const JOURNAL: &str = "/run/systemd/journal/socket";
/// Where syslog listens.
const SYSLOG: &str = "/dev/log";
/// `authpriv`, which systems keep from the eyes of others (RFC 5424, 6.2.1).
const FACILITY: u8 = 10;
/// The longest entry for journald, in bytes. The kernel takes datagrams of 208 KiB, unless it was told otherwise.
const JOURNAL_ENTRY: usize = 128 << 10;
/// The longest entry for syslog, in bytes. Servers cut what is longer than 8 KiB, and half an entry is none.
const SYSLOG_ENTRY: usize = 8000;
/// How long a socket whose queue is full is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// A place for entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sink {
    /// A [`Log`].
    File(PathBuf),
    /// Standard error: an entry a line, as JSON.
    Stderr,
    /// The journal of systemd, at this socket. `MESSAGE` is the entry as JSON, of at most 128 KiB.
    Journald(PathBuf),
    /// The system's log, at this socket (RFC 3164, as C libraries write it): the entry as JSON, of at most 8,000 bytes.
    Syslog(PathBuf),
}

/// A text that names no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is empty")]
pub struct SinkError;

/// `stderr`, `journald`, `syslog`, either of these with `:` and the path of a socket; everything else is the path of a
/// file.
impl FromStr for Sink {
    type Err = SinkError;

    fn from_str(text: &str) -> Result<Self, SinkError> {
        let socket = |path: &str| if path.is_empty() { Err(SinkError) } else { Ok(PathBuf::from(path)) };
        match text.split_once(':') {
            Some(("journald", path)) => socket(path).map(Self::Journald),
            Some(("syslog", path)) => socket(path).map(Self::Syslog),
            _ => match text {
                "" => Err(SinkError),
                "stderr" => Ok(Self::Stderr),
                "journald" => Ok(Self::Journald(JOURNAL.into())),
                "syslog" => Ok(Self::Syslog(SYSLOG.into())),
                path => Ok(Self::File(path.into())),
            },
        }
    }
}

impl Sink {
    /// Records an entry, and returns when it is safe as far as this place goes: on the disk, or handed over. An entry
    /// that is too long for the place is shortened as [`Entry`] says, and is whole JSON.
    ///
    /// # Errors
    /// If it is not safe. A socket is waited for five seconds.
    pub fn write(&self, entry: &Entry) -> Result<(), AuditError> {
        match self {
            Self::File(path) => Log::open(path)?.append(entry),
            Self::Stderr => {
                let text = bound::text(entry, line::ENTRY)? + "\n";
                io::stderr().lock().write_all(text.as_bytes()).map_err(AuditError::Stderr)
            }
            Self::Journald(path) => send(path, &journal(entry)?),
            Self::Syslog(path) => {
                let (priority, process) = (FACILITY * 8 + severity(entry), entry.process);
                let text = bound::text(entry, SYSLOG_ENTRY)?;
                send(path, format!("<{priority}>ptrun[{process}]: {text}").as_bytes())
            }
        }
    }
}

/// `info`, or `warning`, if it was refused (RFC 5424, 6.2.1).
const fn severity(entry: &Entry) -> u8 {
    match entry.decision {
        Decision::Allowed => 6,
        Decision::Refused => 4,
    }
}

fn journal(entry: &Entry) -> Result<Vec<u8>, AuditError> {
    let decision = match entry.decision {
        Decision::Allowed => "allowed",
        Decision::Refused => "refused",
    };
    let severity = severity(entry).to_string();
    let message = bound::text(entry, JOURNAL_ENTRY)?;
    let mut text = Vec::new();
    field(&mut text, "MESSAGE", &message);
    field(&mut text, "PRIORITY", &severity);
    field(&mut text, "SYSLOG_IDENTIFIER", "ptrun");
    field(&mut text, "PTRUN_EVENT", &bound::short(&entry.event));
    field(&mut text, "PTRUN_DECISION", decision);
    if let Some(program) = &entry.program {
        field(&mut text, "PTRUN_PROGRAM", &bound::short(program));
    }
    Ok(text)
}

/// `NAME=value`; or the name, the length in 64 bits, the lowest first, and a value that may have ends of lines, none of
/// which is then taken for the next field.
fn field(text: &mut Vec<u8>, name: &str, value: &str) {
    text.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        text.push(b'\n');
        text.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        text.push(b'=');
    }
    text.extend_from_slice(value.as_bytes());
    text.push(b'\n');
}

fn send(path: &Path, text: &[u8]) -> Result<(), AuditError> {
    let sent = UnixDatagram::unbound().and_then(|socket| {
        socket.set_write_timeout(Some(PATIENCE))?;
        socket.send_to(text, path)
    });
    sent.map(drop).map_err(|why| AuditError::Socket { path: path.to_owned(), why })
}
