//! Where entries go.

use std::io::{self, Write as _};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::AuditError;
use crate::entry::{Decision, Entry};
use crate::line;
use crate::log::Log;

/// Where journald listens (systemd, "Native Journal Protocol").
const JOURNAL: &str = "/run/systemd/journal/socket";
/// Where syslog listens.
const SYSLOG: &str = "/dev/log";
/// `auth` (RFC 5424, 6.2.1).
const FACILITY: u8 = 4;

/// A place for entries.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sink {
    /// A [`Log`].
    File(PathBuf),
    /// Standard error: an entry a line, as JSON.
    Stderr,
    /// The journal of systemd, at this socket.
    Journald(PathBuf),
    /// The system's log, at this socket (RFC 3164, as C libraries write it).
    Syslog(PathBuf),
}

/// A text that names no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is empty")]
pub struct SinkError;

/// `stderr`, `journald`, `syslog`, either of these with `:` and the path of a socket, or the path of a file.
impl FromStr for Sink {
    type Err = SinkError;

    fn from_str(text: &str) -> Result<Self, SinkError> {
        let socket = |rest: &str, usual: &str| match rest.strip_prefix(':') {
            Some(path) if !path.is_empty() => Some(path.into()),
            None if rest.is_empty() => Some(usual.into()),
            _ => None,
        };
        if let Some(path) = text.strip_prefix("journald").and_then(|rest| socket(rest, JOURNAL)) {
            return Ok(Self::Journald(path));
        }
        if let Some(path) = text.strip_prefix("syslog").and_then(|rest| socket(rest, SYSLOG)) {
            return Ok(Self::Syslog(path));
        }
        match text {
            "" => Err(SinkError),
            "stderr" => Ok(Self::Stderr),
            path => Ok(Self::File(path.into())),
        }
    }
}

impl Sink {
    /// Records an entry, and returns when it is safe as far as this place goes: on the disk, or handed over.
    ///
    /// # Errors
    /// If it is not.
    pub fn write(&self, entry: &Entry) -> Result<(), AuditError> {
        match self {
            Self::File(path) => Log::open(path)?.append(entry),
            Self::Stderr => {
                let text = line::text(entry)? + "\n";
                io::stderr().lock().write_all(text.as_bytes()).map_err(AuditError::Stderr)
            }
            Self::Journald(path) => send(path, &journal(entry)?),
            Self::Syslog(path) => {
                let (severity, process) = (severity(entry), std::process::id());
                let text = format!("<{}>ptrun[{process}]: {}", FACILITY * 8 + severity, line::text(entry)?);
                send(path, text.as_bytes())
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

/// Fields with a length, so that nothing in a value is taken for another field.
fn journal(entry: &Entry) -> Result<Vec<u8>, AuditError> {
    let decision = match entry.decision {
        Decision::Allowed => "allowed",
        Decision::Refused => "refused",
    };
    let fields = [
        ("MESSAGE", line::text(entry)?),
        ("PRIORITY", severity(entry).to_string()),
        ("SYSLOG_IDENTIFIER", "ptrun".to_owned()),
        ("PTRUN_EVENT", entry.event.clone()),
        ("PTRUN_DECISION", decision.to_owned()),
        ("PTRUN_PROGRAM", entry.program.clone().unwrap_or_default()),
    ];
    let mut text = Vec::new();
    for (name, value) in fields {
        text.extend_from_slice(name.as_bytes());
        text.push(b'\n');
        text.extend_from_slice(&(value.len() as u64).to_le_bytes());
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
    Ok(text)
}

fn send(path: &Path, text: &[u8]) -> Result<(), AuditError> {
    let sent = UnixDatagram::unbound().and_then(|socket| socket.send_to(text, path));
    sent.map(drop).map_err(|why| AuditError::Socket { path: path.to_owned(), why })
}
