//! `ptrun get REF`.

use std::io::{self, IsTerminal as _, Write as _};

use clap::Args;
use ptrun_audit::Outcome;
use ptrun_host::SecretName;

use crate::args::Global;
use crate::audit::Audit;
use crate::harden;
use crate::plan::Wanted;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};
use crate::resolve::{self, Session};

#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// Which secret: SCHEME://KEY[?OPTION=VALUE&...][#SELECTOR], or the name of one in `ptrun.toml`
    #[arg(value_name = "REF|NAME")]
    reference: String,
}

/// Prints the secret, with a line end on a terminal only.
pub(crate) fn get(global: &Global, args: &GetArgs) -> Result<(), Failures> {
    // It ends here, and gives nothing back.
    let _ = harden::begin();
    let config = global.config()?;
    let secrets = Audit::begin(global, &config, "get")?.over(|audit| {
        let named = args.reference.parse().ok().and_then(|name: SecretName| config.secrets.get(&name));
        let (plugins, wanted) = match named {
            Some(secret) => {
                let plugins = Plugins::for_reference(global, &config, &secret.reference)?;
                let reference = plugins.based(secret.reference.clone(), secret.place.folder());
                let place = Some(secret.place.clone());
                (plugins, Wanted { place, ..Wanted::one(reference) })
            }
            None => {
                let reference = config.profile.reference(&args.reference)?;
                (Plugins::for_reference(global, &config, &reference)?, Wanted::one(reference))
            }
        };
        audit.plugins(&plugins);
        audit.secret(&wanted.reference);
        let secrets = resolve::all(Session { global, config: &config, audit }, plugins, vec![wanted])?;
        audit.outcomes([Outcome::Found]);
        Ok(secrets)
    })?;
    let mut stdout = io::stdout().lock();
    let print = |secret: &[u8]| {
        stdout.write_all(secret)?;
        if stdout.is_terminal() {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    };
    let printed: io::Result<()> =
        secrets.iter().flatten().map(ptrun_host::SecretBytes::expose).try_for_each(print);
    printed.map_err(|why| {
        Failure::new("system/output", format!("the secret could not be printed: {why}")).into()
    })
}
