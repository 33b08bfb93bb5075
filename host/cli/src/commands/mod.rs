//! One module a command. Running a program, which is what ptrun is for, is in `run.rs`.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use ptrun_host::SecretBytes;
use zeroize::Zeroizing;

use crate::report::Failure;

pub(crate) mod audit;
pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod file;
pub(crate) mod get;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod pages;
pub(crate) mod plugin;

/// Writes what a command was asked for. If nobody reads on, that is nobody's mistake.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let printed = io::stdout().lock().write_all(text.as_bytes());
    let printed =
        printed.or_else(|why| if why.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(why) });
    printed.map_err(|why| Failure::new("system/output", format!("the output could not be written: {why}")))
}

/// JSON for programs.
pub(crate) fn pretty(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    let text =
        text.map_err(|why| Failure::new("system/output", format!("the output could not be made: {why}")))?;
    Ok(text + "\n")
}

/// What standard input has, up to `most` bytes: on a terminal, what is typed after `question`, which nobody sees. A
/// single line has no end; anything else is kept byte for byte.
pub(crate) fn typed(question: &str, most: u64) -> Result<SecretBytes, Failure> {
    let failure = |why: String| {
        Failure::new("system/input", format!("the value could not be read: {why}"))
            .help("give it to standard input: `ptrun set REF < FILE`")
    };
    let stdin = io::stdin();
    if stdin.is_terminal() {
        let typed = rpassword::prompt_password(question).map_err(|why| failure(why.to_string()))?;
        return Ok(SecretBytes::new(typed.into_bytes()));
    }
    let mut value = Zeroizing::new(Vec::new());
    let read = stdin.lock().take(most + 1).read_to_end(&mut value);
    read.map_err(|why| failure(why.to_string()))?;
    if value.len() as u64 > most {
        return Err(failure(format!("it has over {most} bytes")));
    }
    let line = value.strip_suffix(b"\n").map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let line = line.filter(|line| !line.contains(&b'\n'));
    Ok(SecretBytes::new(line.unwrap_or(&value).to_vec()))
}
