//! `ptrun check`.

use clap::Args;
use ptrun_audit::Outcome;
use serde_json::json;

use super::{pretty, print};
use crate::answer::Answered;
use crate::args::{Global, SecretArgs};
use crate::audit::Audit;
use crate::harden;
use crate::plan::Plan;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};
use crate::resolve::{self, Session};

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    secrets: SecretArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Gets every secret that a run would get, says which are there, and prints no value.
pub(crate) fn check(global: &Global, args: &CheckArgs) -> Result<(), Failures> {
    // It ends here, and gives nothing back.
    let _ = harden::begin();
    let config = global.config()?;
    let checked = Audit::begin(global, &config, "check")?.over(|audit| {
        let mut plugins = Plugins::named(global, &config)?;
        let plan = Plan::new(&args.secrets, &config, &mut plugins)?;
        audit.plugins(&plugins);
        audit.plan(&plan);
        let wanted = plan.wanted().into();
        let session = Session { global, config: &config, audit };
        let Answered { answers, failures } = resolve::ask(session, plugins, &wanted)?;
        let outcomes = plan.outcomes(answers.iter().map(|answer| answer.secret.is_some()));
        let failed = answers.iter().map(|answer| answer.failed);
        let or_failed = |(outcome, failed)| if failed { Outcome::Failed } else { outcome };
        audit.outcomes(outcomes.zip(failed).map(or_failed));
        let rows: Vec<Row> = wanted
            .iter()
            .zip(&answers)
            .map(|(wanted, answer)| Row {
                name: wanted.name.as_ref().map(ToString::to_string),
                reference: wanted.reference.to_string(),
                state: match (answer.failed, &answer.secret) {
                    (true, _) => "failed",
                    (false, Some(_)) => "ok",
                    (false, None) => "missing",
                },
                milliseconds: answer.took.as_secs_f64() * 1e3,
            })
            .collect();
        Ok(Checked { rows, failures })
    })?;
    print(&if args.json { pretty(&checked.json())? } else { checked.text() })?;
    if checked.failures.is_empty() { Ok(()) } else { Err(Failures::new(checked.failures)) }
}

struct Checked {
    rows: Vec<Row>,
    failures: Vec<Failure>,
}

/// One secret.
struct Row {
    name: Option<String>,
    reference: String,
    /// `ok`, `failed`, or `missing`, if it need not be there.
    state: &'static str,
    /// How long its plugin took, for all that it was asked for.
    milliseconds: f64,
}

impl Checked {
    fn json(&self) -> serde_json::Value {
        let row = |row: &Row| {
            json!({
                "name": row.name,
                "reference": row.reference,
                "state": row.state,
                "milliseconds": (row.milliseconds * 1e3).round() / 1e3,
            })
        };
        self.rows.iter().map(row).collect()
    }

    fn text(&self) -> String {
        let name = |row: &Row| row.name.clone().unwrap_or_else(|| "(members)".to_owned());
        let width = self.rows.iter().map(|row| name(row).len()).max().unwrap_or_default();
        let line = |row: &Row| {
            format!(
                "{:<8} {:<width$} {:>8.1} ms  {}\n",
                row.state,
                name(row),
                row.milliseconds,
                row.reference
            )
        };
        self.rows.iter().map(line).collect()
    }
}
