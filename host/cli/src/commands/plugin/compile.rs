//! `ptrun plugin compile`.

use std::time::Instant;

use clap::Args;
use ptrun_host::{EgressOptions, Limits};

use crate::args::Global;
use crate::commands::print;
use crate::engines::Engines;
use crate::found::Found;
use crate::report::Failures;

#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// NAME.wasm, or paths; the built-in ones are compiled with ptrun
    #[arg(required = true)]
    names: Vec<String>,
}

/// Keeps the machine code of plugins, so that the first run need not wait for it.
pub(crate) fn compile(global: &Global, args: &CompileArgs) -> Result<(), Failures> {
    let engines = Engines::new(global, EgressOptions::default())?;
    let (trust, largest) = (global.trust()?, global.largest_component()?);
    for name in &args.names {
        let found = Found::find(name, &trust, largest)?;
        let full_name = found.verified.manifest().full_name();
        if found.is_built_in() {
            print(&format!("{full_name}: compiled with ptrun\n"))?;
            continue;
        }
        let start = Instant::now();
        let (_, code) = engines.code_of(found, Limits::default())?;
        if let Some(failure) = engines.unkept(&code) {
            return Err(failure.help("mend that, or name another folder: `--cache PATH`").into());
        }
        print(&match code.is_new() {
            true => format!("{full_name}: compiled in {:.1?}\n", start.elapsed()),
            false => format!("{full_name}: compiled before\n"),
        })?;
    }
    Ok(())
}
