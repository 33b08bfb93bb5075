//! `ptrun doctor`.

use clap::Args;
use ptrun_host::{Limits, Runtime};
use serde_json::json;

use super::{pretty, print};
use crate::args::Global;
use crate::confine::{self, Needs};
use crate::report::{Failure, Failures};
use crate::{harden, user};

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

/// Says what this machine has of what ptrun makes use of, and fails with what would make a run fail.
pub(crate) fn doctor(global: &Global, args: &DoctorArgs) -> Result<(), Failures> {
    let confined = confine::run(&Needs::default(), |confined| *confined)?;
    let text = |found: Result<&str, &str>| found.map(str::to_owned).map_err(str::to_owned);
    let findings = [
        Finding { name: "landlock", found: text(confined.landlock) },
        Finding { name: "seccomp", found: text(confined.seccomp) },
        Finding { name: "memory", found: text(harden::begin().closed) },
    ];
    // What a run would read.
    let mut failures: Vec<Failure> = Vec::new();
    failures.extend(Runtime::new(Limits::default()).err().map(Failure::from));
    failures.extend(global.trust().err());
    failures.extend(user::approvals().err());
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
