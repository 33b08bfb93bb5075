//! `ptrun plugin lock`.

use clap::Args;

use crate::args::Global;
use crate::report::Failures;
use crate::{approval, lock, plugins};

#[derive(Debug, Args)]
pub(crate) struct LockArgs {
    /// As `--plugin` has them: NAME.wasm, a path, or ALIAS=PATH
    #[arg(required = true)]
    names: Vec<String>,
}

/// Pins plugins that are approved, whatever was pinned before. The built-in ones are pinned by ptrun itself.
pub(crate) fn lock(global: &Global, args: &LockArgs) -> Result<(), Failures> {
    let found = plugins::find(&args.names, &global.trust()?, global.largest_component()?)?;
    approval::gate(found, lock::Policy::Accept).map(drop)
}
