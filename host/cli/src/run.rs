//! A run, from the command line to the program that takes the place of ptrun:
//!
//! ```text
//! files say what is wanted → plugins are read and verified → the plan says which secret comes from where →
//! each plugin answers in its sandbox → the values are put where the command finds them →
//! all of it is recorded → exec
//! ```
//!
//! All or nothing: the program does not start unless every secret is there.

use std::process::ExitCode;

use crate::args::{Global, RunArgs};
use crate::audit::Audit;
use crate::plan::Plan;
use crate::plugins::Plugins;
use crate::process::{Inherited, Launch, Signals};
use crate::report::{Failure, Failures};
use crate::resolve::{self, Session};
use crate::{deliver, harden};

/// Returns if the command could not be started, or with its exit code if ptrun stayed its parent.
pub(crate) fn run(global: &Global, args: &RunArgs) -> Result<ExitCode, Failures> {
    let Some((program, arguments)) = args.command.split_first() else {
        let failure = Failure::new("usage", "there is no command to run");
        return Err(failure.help("put it after `--`: `ptrun [OPTIONS] -- COMMAND [ARG]...`").into());
    };
    let inherited = Inherited::now();
    let hardened = harden::begin();
    let config = global.config()?;
    let supervise = args.supervise || (config.run.supervise && !args.exec);
    let keep = [args.keep.as_slice(), config.run.keep.as_slice()].concat();
    let mut audit = Audit::begin(global, &config, "run")?;
    audit.program(program);
    let (delivery, without, signals) = audit.over(|audit| {
        let mut plugins = Plugins::named(global, &config)?;
        let plan = Plan::new(&args.secrets, &config, &mut plugins)?;
        audit.plugins(&plugins);
        audit.plan(&plan);
        let without = plugins.own_variables();
        let answers = resolve::all(Session { global, config: &config, audit }, plugins, plan.wanted())?;
        audit.outcomes(plan.outcomes(answers.iter().map(Option::is_some)));
        let usual = args.inject.or(config.run.inject).unwrap_or_default();
        let secrets = deliver::check(plan.deliver(answers, usual)?)?;

        let needs_parent = secrets.need_parent(&args.templates);
        if needs_parent && args.exec {
            let failure = Failure::new("usage/exec", "files are removed by the parent of the command");
            return Err(failure.help("leave out `--exec`, or use `--inject fd`").into());
        }
        // From here on, nothing ends this process before files are removed.
        let signals = (needs_parent || supervise).then(Signals::hold).transpose().map_err(|why| {
            Failure::new("system/runtime", format!("the system does not hand over signals: {why}"))
        })?;
        Ok((deliver::prepare(secrets, &args.templates)?, without, signals))
    })?;
    let pristine = (args.pristine || config.run.pristine).then_some(keep.as_slice());
    let launch = Launch { program, arguments, pristine, without: &without, inherited };
    match signals {
        Some(signals) => Ok(launch.supervise(delivery, hardened, &signals)?),
        None => Err(launch.exec(delivery, hardened).into()),
    }
}
