//! A run, from the command line to the program that takes the place of ptrun:
//!
//! ```text
//! plugins are read and verified → the plan says which secret comes from where →
//! each plugin answers in its sandbox → the values go into the environment → exec
//! ```
//!
//! All or nothing: the program does not start unless every secret is there.

use crate::args::{Global, RunArgs};
use crate::plan::Plan;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};
use crate::resolve;
use crate::{harden, inject};

/// Returns only if the program could not be started.
pub(crate) fn run(global: &Global, args: &RunArgs) -> Result<(), Failures> {
    let Some((program, arguments)) = args.command.split_first() else {
        let failure = Failure::new("usage", "there is no command to run");
        return Err(failure.help("put it after `--`: `ptrun [OPTIONS] -- COMMAND [ARG]...`").into());
    };
    let hardened = harden::begin();
    let mut plugins = Plugins::named(global)?;
    let plan = Plan::new(&args.secrets, &global.profile()?, &mut plugins)?;
    let secrets = resolve::all(global, plugins, &plan.wanted())?;
    let environment = inject::environment(plan.into_names(), secrets)?;
    Err(inject::exec(program, arguments, environment, hardened).into())
}
