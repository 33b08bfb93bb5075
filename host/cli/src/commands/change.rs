//! `ptrun set` and `ptrun rotate`.

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;
use ptrun_audit::Outcome;
use ptrun_host::{Limits, RunError, Sandbox, SecretError, SecretRef, Use};
use tokio::time::{Instant, sleep};

use super::typed;
use crate::args::Global;
use crate::audit::Audit;
use crate::config::Config;
use crate::harden;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};
use crate::resolve::{self, Session};

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
    wait: SignedDuration,
    /// Do not wait
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
}

/// Makes what standard input has the current value of a secret.
pub(crate) fn set(global: &Global, args: &SetArgs) -> Result<(), Failures> {
    // It ends here, and gives nothing back.
    let _ = harden::begin();
    let config = global.config()?;
    let reference = target(&config, &args.reference)?;
    let value = typed("The value: ", Limits::default().value_bytes as u64)?;
    write(global, &config, "set", reference, async move |sandbox, reference| {
        sandbox.put(reference, &value).await?;
        Ok(())
    })
}

/// Has the plugin of a reference do `work`, and records that.
fn write(
    global: &Global,
    config: &Config,
    event: &str,
    reference: SecretRef,
    work: impl AsyncFn(&Sandbox, &SecretRef) -> Result<(), Failures> + Send + 'static,
) -> Result<(), Failures> {
    Audit::begin(global, config, event)?.over(|audit| {
        let plugins = Plugins::for_reference(global, config, &reference)?;
        audit.plugins(&plugins);
        audit.secret(&reference);
        let session = Session { global, config, audit };
        let target = reference.clone();
        let work = async move |sandbox: &Sandbox| work(sandbox, &target).await;
        resolve::with_one(session, plugins, Use::Write, &reference, work)?;
        audit.outcomes([Outcome::Found]);
        Ok(())
    })
}

/// Has the backend make a new value, and waits until everybody reads it.
pub(crate) fn rotate(global: &Global, args: &RotateArgs) -> Result<(), Failures> {
    let _ = harden::begin();
    let config = global.config()?;
    let reference = target(&config, &args.reference)?;
    let (wait, no_wait) = (args.wait, args.no_wait);
    let limit = Duration::try_from(wait).unwrap_or_default();
    write(global, &config, "rotate", reference, async move |sandbox, reference| {
        let version = sandbox.rotate(reference).await?;
        let deadline = Instant::now().checked_add(limit);
        let (mut pause, longest) = LOOKS;
        while !no_wait && !is_current(sandbox, reference, &version).await? {
            let left =
                deadline.map_or(longest, |deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                let message = format!("the rotation did not end in {wait:#}");
                return Err(Failure::new("secret/rotation", message)
                    .fact("reference", reference)
                    .help("it goes on without ptrun; if it never ends, look at the log of what rotates it")
                    .into());
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(longest);
        }
        Ok(())
    })
}

/// Whether a version is what everybody reads. A backend that is busy is asked again.
async fn is_current(sandbox: &Sandbox, reference: &SecretRef, version: &str) -> Result<bool, Failure> {
    match sandbox.is_current(reference, version).await {
        Err(RunError::Refused {
            error: SecretError::Throttled { .. } | SecretError::Unavailable(_), ..
        }) => Ok(false),
        known => Ok(known?),
    }
}

/// What is changed.
fn target(config: &Config, text: &str) -> Result<SecretRef, Failure> {
    let reference = config.profile.reference(text)?;
    if reference.selector().is_some() || reference.format().is_some() {
        let failure = Failure::new("reference/selector", "what is changed is a whole secret");
        return Err(failure.help("leave out what is after `#`, and `format`"));
    }
    Ok(reference)
}
