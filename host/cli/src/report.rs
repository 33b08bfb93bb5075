//! What ptrun says when it fails: a stable class, a sentence, facts, a line of help, and an exit code.

use std::fmt;
use std::io::Write as _;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use serde_json::{Map, json};

use crate::args::ErrorFormat;

/// ptrun itself failed, and the command was not started.
pub(crate) const FAILED: u8 = 125;
/// The command was found, and could not be executed.
pub(crate) const NOT_EXECUTABLE: u8 = 126;
/// The command was not found.
pub(crate) const NOT_FOUND: u8 = 127;

/// One thing that went wrong. It never holds the value of a secret.
#[derive(Debug)]
pub(crate) struct Failure {
    class: &'static str,
    message: String,
    facts: Vec<(&'static str, String)>,
    help: Option<String>,
    exit: u8,
}

/// How much something matters that went wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Severity {
    /// Ptrun ends with an exit code. In JSON that is `exit`.
    Error,
    /// Ptrun goes on. In JSON there is no exit code: `null`.
    Warning,
}

/// Everything that went wrong.
#[derive(Debug)]
pub(crate) struct Failures(Vec<Failure>);

impl Failure {
    pub(crate) fn new(class: &'static str, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), facts: Vec::new(), help: None, exit: FAILED }
    }

    /// A mistake in the command line, in clap's words.
    pub(crate) fn usage(error: &clap::Error) -> Self {
        let text = error.to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        // The first paragraph says what is wrong; the others are usage and tips.
        let message =
            text.split("\n\n").next().unwrap_or(text).split_whitespace().collect::<Vec<_>>().join(" ");
        Self::new("usage", message).help("see `ptrun --help`; the command to run stands after `--`")
    }

    pub(crate) fn fact(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.facts.push((name, value.to_string()));
        self
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) const fn exit(mut self, exit: u8) -> Self {
        self.exit = exit;
        self
    }

    /// What went wrong, alone.
    pub(crate) fn sentence(&self) -> &str {
        &self.message
    }

    /// Says it on standard error, when it is no reason to fail.
    pub(crate) fn warn(&self, format: ErrorFormat) {
        self.say(Severity::Warning, format);
    }

    fn say(&self, severity: Severity, format: ErrorFormat) {
        let written = match format {
            ErrorFormat::Human => anstream::stderr().write_all(self.human(severity).as_bytes()),
            ErrorFormat::Json => std::io::stderr().write_all(self.json(severity).as_bytes()),
        };
        // If nobody can be told, the exit code still tells.
        let _ = written;
    }

    fn human(&self, severity: Severity) -> String {
        let (word, colour) = match severity {
            Severity::Error => ("error", AnsiColor::Red),
            Severity::Warning => ("warning", AnsiColor::Yellow),
        };
        let colour = Style::new().bold().fg_color(Some(colour.into()));
        let bold = Style::new().bold();
        let mut text = format!("{colour}{word}[{}]{colour:#}{bold}: {}{bold:#}\n", self.class, self.message);
        for (name, value) in &self.facts {
            text.push_str(&format!("  {name}: {value}\n"));
        }
        if let Some(help) = &self.help {
            text.push_str(&format!("  {bold}help{bold:#}: {help}\n"));
        }
        text
    }

    fn json(&self, severity: Severity) -> String {
        let mut facts: Map<String, serde_json::Value> = Map::new();
        for (name, value) in &self.facts {
            let values = facts.entry((*name).to_owned()).or_insert_with(|| json!([]));
            values.as_array_mut().into_iter().for_each(|values| values.push(json!(value)));
        }
        let error = json!({
            "class": self.class,
            "message": self.message,
            "facts": facts,
            "help": self.help,
            "exit": if severity == Severity::Error { Some(self.exit) } else { None },
        });
        format!("{error}\n")
    }
}

/// The sentence alone, with its class.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.class)
    }
}

impl Failures {
    pub(crate) const fn new(failures: Vec<Failure>) -> Self {
        Self(failures)
    }

    /// What happened besides.
    pub(crate) fn and(mut self, more: Vec<Failure>) -> Self {
        self.0.extend(more);
        self
    }

    pub(crate) fn classes(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|failure| failure.class)
    }
}

impl<F: Into<Failure>> From<F> for Failures {
    fn from(failure: F) -> Self {
        Self(vec![failure.into()])
    }
}

/// Says what failed, on standard error, and with which code ptrun ends.
pub(crate) fn exit(format: ErrorFormat, result: Result<ExitCode, Failures>) -> ExitCode {
    let Failures(failures) = match result {
        Ok(code) => return code,
        Err(failures) => failures,
    };
    failures.iter().for_each(|failure| failure.say(Severity::Error, format));
    ExitCode::from(failures.first().map_or(FAILED, |failure| failure.exit))
}
