//! The record of what was done with secrets: who, when, with which plugins, and whether it was allowed. It never holds
//! a value.
//!
//! A [`Log`] is a file of JSON lines. Each line holds the hash of the one before, so that none can be changed, added or
//! taken out without [`verify()`] finding it:
//!
//! ```text
//! {"seq":2,"prev":"9f86…","entry":{"time":"2026-01-31T12:00:00.123Z","event":"run",…},"hash":"60b7…"}
//! ```
//!
//! `seq` counts from 1. `hash` is the SHA-256 of `ptrun audit line v1`, an end of line, and the bytes of the line before
//! `,"hash":`. `prev` is the hash of the line before, and of the first line 64 zeros. The file `FILE.head` beside it
//! holds the number and the hash of the last line, so that it is also found if lines are missing at the end. They belong
//! together: who moves one moves both.
//!
//! No keys are involved. Whoever can write both files can write another history: to be safe from the user's own
//! programs, send the record to a second place, too ([`Sink`]).
//!
//! ```
//! use ptrun_audit::{Entry, Log, User, verify};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = &folder.path().join("audit.jsonl");
//! let entry = Entry::new("run", User { id: 1000, name: Some("alice".to_owned()) });
//! Log::open(path)?.append(&entry)?;
//!
//! let report = verify(path)?;
//! assert!(report.is_intact());
//! assert_eq!(report.records, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod bound;
mod entry;
mod error;
mod file;
mod head;
mod json;
mod line;
mod lines;
mod log;
mod sink;
mod tail;
mod verify;

pub use entry::{Decision, Entry, Omitted, Outcome, Plugin, Repair, Request, Secret, User};
pub use error::AuditError;
pub use head::Head;
pub use lines::{Entries, entries, read};
pub use log::Log;
pub use sink::{Sink, SinkError};
pub use verify::{Broken, Report, Why, verify, verify_lines};
