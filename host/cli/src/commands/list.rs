//! `ptrun list`.

use clap::Args;
use ptrun_audit::Outcome;
use ptrun_host::{Sandbox, SecretRef, Use};
use serde_json::json;

use super::{pretty, print};
use crate::args::Global;
use crate::audit::Audit;
use crate::harden;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};
use crate::resolve::{self, Session};

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// What references begin with: SCHEME://PREFIX, and options; without PREFIX, all of them
    #[arg(value_name = "PREFIX")]
    prefix: String,
    /// Print JSON: for each secret its reference, what its owner says about it, and when it was changed
    #[arg(long)]
    json: bool,
}

/// Prints a reference a line, to be used as they are. No value is read.
pub(crate) fn list(global: &Global, args: &ListArgs) -> Result<(), Failures> {
    // It ends here, and gives nothing back.
    let _ = harden::begin();
    let prefix = SecretRef::prefix(&args.prefix).map_err(Failure::from)?;
    if prefix.selector().is_some() || prefix.format().is_some() {
        let failure = Failure::new("reference/selector", "a list is of whole secrets");
        return Err(failure.help("leave out what is after `#`, and `format`").into());
    }
    let config = global.config()?;
    let found = Audit::begin(global, &config, "list")?.over(|audit| {
        let plugins = Plugins::for_reference(global, &config, &prefix)?;
        audit.plugins(&plugins);
        audit.secret(&prefix);
        let session = Session { global, config: &config, audit };
        let asked = prefix.clone();
        let list = async move |sandbox: &Sandbox| Ok(sandbox.list(&asked).await?);
        let found = resolve::with_one(session, plugins, Use::List, &prefix, list)?;
        audit.outcomes([Outcome::Found]);
        Ok(found)
    })?;
    if args.json {
        let time = |ms: u64| jiff::Timestamp::from_millisecond(ms.try_into().ok()?).ok();
        let rows = found.entries.iter().map(|entry| {
            json!({
                "reference": entry.reference.to_string(),
                "description": entry.description,
                "changed": entry.changed_at_ms.and_then(time).map(|time| time.to_string()),
            })
        });
        print(&pretty(&rows.collect::<Vec<_>>())?)?;
    } else {
        let lines: String = found.entries.iter().map(|entry| format!("{}\n", entry.reference)).collect();
        print(&lines)?;
    }
    match found.cut_off {
        true => Err(Failure::new("secret/too-many", "there are more secrets than one list has")
            .help("list a longer prefix")
            .into()),
        false => Ok(()),
    }
}
