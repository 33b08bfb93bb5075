//! One module a command. Running a program, which is what ptrun is for, is in `run.rs`.

use std::io::{self, Write as _};

use crate::report::Failure;

pub(crate) mod doctor;
pub(crate) mod file;
pub(crate) mod get;
pub(crate) mod key;
pub(crate) mod plugin;

/// Writes what a command was asked for.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let printed = io::stdout().lock().write_all(text.as_bytes());
    printed.map_err(|why| Failure::new("system/output", format!("the output could not be written: {why}")))
}

/// JSON for programs.
pub(crate) fn pretty(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    let text =
        text.map_err(|why| Failure::new("system/output", format!("the output could not be made: {why}")))?;
    Ok(text + "\n")
}
