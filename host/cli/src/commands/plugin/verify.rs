//! `ptrun plugin verify`.

use ptrun_host::{Check, Moment, PluginSource};
use serde_json::{Value, json};

use crate::args::Global;
use crate::commands::{pretty, print};
use crate::report::{Failure, Failures};

/// Says in words what was checked, and fails with what did not hold.
pub(crate) fn verify(global: &Global, file: &str, json: bool) -> Result<(), Failures> {
    let plugin = PluginSource::file(file).read_at_most(global.largest_component()?)?;
    let (passed, verified) = global.trust()?.explain(plugin, Moment::now());
    let verdict = verified.as_ref().err().map(|error| Failure::from(error.clone()).to_string());
    let lines: Vec<(&str, String)> = passed.iter().map(describe).collect();
    if json {
        let passed: Vec<Value> =
            lines.iter().map(|(check, what)| json!({"check": check, "found": what})).collect();
        print(&pretty(&json!({ "passed": passed, "failed": verdict }))?)?;
    } else {
        for (check, what) in &lines {
            print(&format!("{check:<11}{what}\n"))?;
        }
    }
    verified.map(drop).map_err(Failures::from)
}

fn describe(check: &Check) -> (&'static str, String) {
    match check {
        Check::Component(size) => ("component", format!("{size} bytes")),
        Check::Signatures(1) => ("signatures", "1, well formed".to_owned()),
        Check::Signatures(count) => ("signatures", format!("{count}, well formed")),
        Check::Content(digest) => ("content", format!("{digest} is what was signed")),
        Check::Allowed(digest) => ("content", format!("{digest} is what you allowed without a signature")),
        Check::Manifest(manifest) => {
            let (name, version, sequence) = (manifest.full_name(), &manifest.version, manifest.sequence);
            ("manifest", format!("calls itself {name} {version}, sequence {sequence}"))
        }
        Check::Signers(keys) => {
            let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
            ("signers", format!("{}, which you trust for this name", keys.join(", ")))
        }
        _ => ("other", "passed".to_owned()),
    }
}
