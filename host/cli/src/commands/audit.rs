//! `ptrun audit`: what was recorded, and whether the record is whole.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use ptrun_audit::{AuditError, Decision, Entry};
use ptrun_host::escaped;
use serde_json::json;

use super::{pretty, print};
use crate::audit::usual;
use crate::report::{Failure, Failures};

/// What `verify` ends with if the record is not what was written.
const BROKEN: u8 = 1;

#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Print what was recorded, the oldest first
    Show(ShowArgs),
    /// Check that nothing was changed, added or taken out; ends with 1 if something was
    Verify {
        /// The file, instead of the one in your folder for states
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The file, instead of the one in your folder for states
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Only what was done with this secret: its name, or what its reference begins with
    #[arg(long, value_name = "NAME|REF")]
    secret: Option<String>,
    /// Only what this command was started with
    #[arg(long, value_name = "NAME")]
    program: Option<String>,
    /// Only what this user did: a name or a number
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only what is newer: a time (`2026-01-31T12:00:00Z`), or how long ago (`2h`)
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: Option<Timestamp>,
    /// Only what is older
    #[arg(long, value_name = "TIME", value_parser = time)]
    until: Option<Timestamp>,
    /// Print JSON, a record a line
    #[arg(long)]
    json: bool,
}

fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>() {
        let start = day.to_zoned(jiff::tz::TimeZone::UTC).map_err(|why| why.to_string())?;
        return Ok(start.timestamp());
    }
    let ago: SignedDuration =
        text.parse().map_err(|_| "a time such as 2026-01-31T12:00:00Z, or 2h".to_owned())?;
    Timestamp::now().checked_sub(ago).map_err(|why| why.to_string())
}

pub(crate) fn execute(command: &AuditCommand) -> Result<ExitCode, Failures> {
    match command {
        AuditCommand::Show(args) => show(args).map(|()| ExitCode::SUCCESS),
        AuditCommand::Verify { file, json } => Ok(verify(&place(file.as_deref())?, *json)?),
    }
}

fn place(file: Option<&Path>) -> Result<PathBuf, Failure> {
    let none = || {
        Failure::new("system/home", "there is no folder for your states")
            .help("set the variable HOME, or name a file")
    };
    file.map(Path::to_owned).or_else(usual).ok_or_else(none)
}

fn unreadable(why: AuditError) -> Failure {
    Failure::new("audit/unreadable", format!("the record cannot be read: {why}"))
        .help("check the path; nothing is recorded before the first run")
}

impl ShowArgs {
    fn wants(&self, entry: &Entry) -> bool {
        let secret = |wanted: &String| {
            entry.secrets.iter().any(|secret| {
                secret.name.as_ref() == Some(wanted) || secret.reference.starts_with(wanted.as_str())
            })
        };
        let user =
            |wanted: &String| entry.user.name.as_ref() == Some(wanted) || wanted.parse() == Ok(entry.user.id);
        self.secret.as_ref().is_none_or(secret)
            && self.program.as_ref().is_none_or(|wanted| entry.program.as_ref() == Some(wanted))
            && self.user.as_ref().is_none_or(user)
            && self.since.is_none_or(|since| entry.time >= since)
            && self.until.is_none_or(|until| entry.time < until)
    }
}

fn show(args: &ShowArgs) -> Result<(), Failures> {
    let entries = ptrun_audit::entries(&place(args.file.as_deref())?).map_err(unreadable)?;
    for entry in entries {
        // A line that is none is for `verify` to report.
        let Ok((_, entry)) = entry else { continue };
        if args.wants(&entry) {
            let line = if args.json { entry.to_json().map_err(unreadable)? + "\n" } else { text(&entry) };
            print(&line)?;
        }
    }
    Ok(())
}

/// A line for people, in which nothing steers the terminal: somebody else may have written the file.
fn text(entry: &Entry) -> String {
    let user = entry.user.name.clone().unwrap_or_else(|| entry.user.id.to_string());
    let what = entry
        .program
        .as_deref()
        .map_or_else(|| entry.event.clone(), |program| format!("{} {program}", entry.event));
    let decision = match entry.decision {
        Decision::Allowed => "allowed".to_owned(),
        Decision::Refused => format!("refused ({})", entry.classes.join(", ")),
    };
    let secrets: Vec<String> = entry
        .secrets
        .iter()
        .map(|secret| match &secret.name {
            Some(name) => format!("{name}={}", secret.reference),
            None => secret.reference.clone(),
        })
        .collect();
    escaped(&format!("{:.3} {user} {what}: {decision} {}", entry.time, secrets.join(" "))) + "\n"
}

fn verify(path: &Path, json: bool) -> Result<ExitCode, Failure> {
    let report = ptrun_audit::verify(path).map_err(unreadable)?;
    let mut broken: Vec<String> =
        report.broken.iter().map(|broken| format!("line {}: {}", broken.line, broken.why)).collect();
    if report.unlisted > 0 {
        broken.push(format!("and {} more", report.unlisted));
    }
    if json {
        print(&pretty(&json!({
            "records": report.records,
            "intact": report.is_intact(),
            "broken": broken,
            "repaired": report.repaired,
            "torn": report.torn,
        }))?)?;
    } else {
        let mut text = format!("{} records\n", report.records);
        if report.repaired > 0 {
            text.push_str(&format!("{} of them say that it was mended before\n", report.repaired));
        }
        if let Some(bytes) = report.torn {
            text.push_str(&format!(
                "the last line was cut off after {bytes} bytes: the next record removes it\n"
            ));
        }
        text.extend(broken.iter().map(|broken| format!("{broken}\n")));
        text.push_str(if report.is_intact() { "the record is whole\n" } else { "the record was changed\n" });
        print(&text)?;
    }
    Ok(if report.is_intact() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}
