//! The record of what was done with secrets: who, when, with which plugins, and whether it was allowed. It never holds
//! a value.
//!
//! A [`Log`] is a file of JSON lines. Each line holds the hash of the one before, so that none can be changed, added or
//! taken out without that being found by [`verify`]:
//!
//! ```text
//! {"seq":2,"prev":"9f86…","entry":{"time":"2026-01-31T12:00:00.123Z","event":"run",…},"hash":"60b7…"}
//! ```
//!
//! `hash` is the SHA-256 of a prefix that names this format, and of the bytes of the line before `,"hash":`. The file
//! `FILE.head` beside it holds the number and the hash of the last line, so that it is also found if lines are missing
//! at the end. Whoever can write both files can write another history: to be safe from the user's own programs, send
//! the record to a second place, too ([`Sink`]).
//!
//! [`Log::append`] returns when the line is on the disk. Lines that were cut off by a crash are removed by the next one,
//! which says so.

#![forbid(unsafe_code)]

mod entry;
mod error;
mod line;
mod log;
mod sink;
mod verify;

pub use entry::{Decision, Entry, Outcome, Plugin, Request, Secret, User};
pub use error::AuditError;
pub use log::Log;
pub use sink::{Sink, SinkError};
pub use verify::{Broken, Report, Why, entries, read, verify, verify_lines};
