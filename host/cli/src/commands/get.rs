//! `ptrun get REF`.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;

use crate::args::Global;
use crate::harden;
use crate::plan::Wanted;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};
use crate::resolve;

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Which secret: SCHEME://KEY[?OPTION=VALUE&...][#SELECTOR]
    #[arg(value_name = "REF")]
    reference: String,
}

/// Prints the secret, with a line end on a terminal only.
pub(crate) fn get(global: &Global, args: &GetArgs) -> Result<(), Failures> {
    // It ends here, and gives nothing back.
    let _ = harden::begin();
    let reference = global.profile()?.reference(&args.reference)?;
    let mut plugins = Plugins::named(global)?;
    plugins.want(reference.scheme())?;
    let secrets = resolve::all(global, plugins, &[Wanted { name: None, reference }])?;
    let mut stdout = io::stdout().lock();
    let print = |secret: &[u8]| {
        stdout.write_all(secret)?;
        if stdout.is_terminal() {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    };
    let printed: io::Result<()> = secrets.iter().map(ptrun_host::SecretBytes::expose).try_for_each(print);
    printed.map_err(|why| {
        Failure::new("system/output", format!("the secret could not be printed: {why}")).into()
    })
}
