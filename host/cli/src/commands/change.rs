//! `ptrun set` and `ptrun rotate`.

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use ptrun_host::{Limits, SecretRef, Use};
use tokio::time::{Instant, sleep};

use super::typed;
use crate::args::Global;
use crate::plan::Wanted;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};
use crate::{harden, resolve};

/// How long ptrun waits between two looks at a rotation: the first time, and at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Which secret: SCHEME://KEY[?OPTION=VALUE&...]
    #[arg(value_name = "REF")]
    reference: String,
}

#[derive(Debug, Args)]
pub(crate) struct RotateArgs {
    /// Which secret: SCHEME://KEY[?OPTION=VALUE&...]
    #[arg(value_name = "REF")]
    reference: String,
    /// Wait so long at most for the new value: `90s`, `10m`
    #[arg(long, value_name = "TIME", default_value = "5m")]
    timeout: SignedDuration,
    /// Do not wait
    #[arg(long, conflicts_with = "timeout")]
    no_wait: bool,
}

/// Makes what standard input has the current value of a secret.
pub(crate) fn set(global: &Global, args: &SetArgs) -> Result<(), Failures> {
    // It ends here, and gives nothing back.
    let _ = harden::begin();
    let (plugins, reference, wanted) = target(global, &args.reference)?;
    let value = typed("The value: ", Limits::default().value_bytes as u64)?;
    resolve::with(global, plugins, Use::Write, &wanted, async |sandboxes| {
        resolve::sandbox(sandboxes, &reference)?.put(&reference, &value).await?;
        Ok(())
    })
}

/// Has the backend make a new value, and waits until everybody reads it.
pub(crate) fn rotate(global: &Global, args: &RotateArgs) -> Result<(), Failures> {
    let _ = harden::begin();
    let (plugins, reference, wanted) = target(global, &args.reference)?;
    let limit = Duration::try_from(args.timeout).unwrap_or_default();
    resolve::with(global, plugins, Use::Write, &wanted, async |sandboxes| {
        let sandbox = resolve::sandbox(sandboxes, &reference)?;
        let version = sandbox.rotate(&reference).await?;
        let deadline = Instant::now() + limit;
        let (mut pause, longest) = LOOKS;
        while !args.no_wait && !sandbox.is_current(&reference, &version).await? {
            if Instant::now() + pause > deadline {
                let message = format!("the rotation did not end in {:#}", args.timeout);
                return Err(Failure::new("secret/rotation", message)
                    .fact("reference", &reference)
                    .help("it goes on without ptrun; if it never ends, look at the log of what rotates it")
                    .into());
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
        Ok(())
    })
}

/// What is changed, and the plugin for it.
fn target(global: &Global, text: &str) -> Result<(Plugins, SecretRef, [Wanted; 1]), Failures> {
    let reference = global.profile()?.reference(text)?;
    if reference.selector().is_some() || reference.format().is_some() {
        let failure = Failure::new("reference/selector", "what is changed is a whole secret");
        return Err(failure.help("leave out what is after `#`, and `format`").into());
    }
    let mut plugins = Plugins::named(global)?;
    plugins.want(reference.scheme())?;
    let wanted = [Wanted { name: None, reference: reference.clone() }];
    Ok((plugins, reference, wanted))
}
