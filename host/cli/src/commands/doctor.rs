//! `ptrun doctor`.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use ptrun_host::{Limits, Runtime};
use serde_json::json;

use super::{pretty, print};
use crate::args::Global;
use crate::confine::{self, Needs};
use crate::report::{Failure, Failures};
use crate::{audit, config, harden, opener, room, user};

#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What was looked at: what it is called, and what there is, or what is missing and how that is mended. What is
/// missing makes ptrun less safe, and does not stop it.
struct Finding {
    name: &'static str,
    found: Result<String, String>,
}

/// Certificates, signatures and tokens depend on it. A program cannot be newer than now.
fn clock() -> Result<String, String> {
    let built = std::env::current_exe().and_then(|program| program.metadata()?.modified());
    let now = SystemTime::now();
    match built {
        Ok(built) if built > now => {
            Err("it is behind: this program is newer than now; `timedatectl set-ntp true`".to_owned())
        }
        _ => Ok(format!("{:.0}", jiff::Timestamp::now())),
    }
}

/// What was recorded so far.
fn recorded() -> Result<String, String> {
    let none = "nothing is recorded yet".to_owned();
    let Some(path) = audit::usual().filter(|path| path.exists()) else { return Ok(none) };
    match ptrun_audit::verify(&path) {
        Ok(report) if report.is_intact() => Ok(format!("{} records, none changed", report.records)),
        Ok(_) => Err("records were changed: `ptrun audit verify` says which".to_owned()),
        Err(why) => Err(why.to_string()),
    }
}

/// The compiled code of plugins.
fn compiled(global: &Global) -> Result<String, String> {
    let Some(cache) = global.cache().map_err(|failure| failure.sentence().to_owned())? else {
        return Ok("compiled code is not kept, as you want it".to_owned());
    };
    let usage = cache.usage().map_err(|why| why.to_string())?;
    Ok(format!("{} plugins are compiled, {:.1} MB", usage.entries, usage.bytes as f64 / 1e6))
}

/// The keys of this folder, and of the project.
fn keys() -> impl Iterator<Item = PathBuf> {
    let folders: BTreeSet<PathBuf> =
        [std::env::current_dir().ok(), config::project()].into_iter().flatten().collect();
    folders.into_iter().map(|folder| folder.join(".key")).filter(|key| key.symlink_metadata().is_ok())
}

/// Says what this machine has of what ptrun makes use of, and fails with what would make a run fail.
pub(crate) fn doctor(global: &Global, args: &DoctorArgs) -> Result<(), Failures> {
    let confined = confine::run(Needs::default(), confine::nothing, |confined| (*confined, ()))?;
    let text = |found: Result<&str, &str>| found.map(str::to_owned).map_err(str::to_owned);
    let findings = [
        Finding { name: "landlock", found: text(confined.landlock) },
        Finding { name: "seccomp", found: text(confined.seccomp) },
        Finding { name: "memory", found: text(harden::begin().closed) },
        Finding { name: "files", found: text(room::there()) },
        Finding { name: "clock", found: clock() },
        Finding { name: "audit", found: recorded() },
        Finding { name: "cache", found: compiled(global) },
    ];
    // What a run would read, or write.
    let mut failures: Vec<Failure> = Vec::new();
    failures.extend(Runtime::new(Limits::default()).err().map(Failure::from));
    failures.extend(global.trust().err());
    failures.extend(user::approvals().err());
    match global.config() {
        Ok(config) => failures.extend(audit::writable(global, &config).err()),
        Err(failure) => failures.push(failure),
    }
    failures.extend(keys().filter_map(|key| opener::read(&key, None).err()));
    if args.json {
        let row = |finding: &Finding| {
            let (ok, text) = match &finding.found {
                Ok(text) => (true, text),
                Err(text) => (false, text),
            };
            json!({ "name": finding.name, "ok": ok, "text": text })
        };
        print(&pretty(&findings.iter().map(row).collect::<Vec<_>>())?)?;
    } else {
        for Finding { name, found } in &findings {
            let (verdict, text) = match found {
                Ok(text) => ("ok", text),
                Err(text) => ("missing", text),
            };
            print(&format!("{verdict:<9}{name:<10}{text}\n"))?;
        }
    }
    if failures.is_empty() { Ok(()) } else { Err(Failures::new(failures)) }
}
