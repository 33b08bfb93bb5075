//! What is made of the definitions of the command line: completions for shells, and man pages.

use std::io;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::print;
use crate::args::Cli;
use crate::config;
use crate::report::Failure;

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write the pages of all commands into this folder, instead of the first to standard output
    #[arg(value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Prints what a shell needs to complete the command line.
pub(crate) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ptrun", &mut text);
    print(&String::from_utf8_lossy(&text))
}

/// Writes man pages.
pub(crate) fn man(args: &ManArgs) -> Result<(), Failure> {
    let failed = |why: io::Error| {
        Failure::new("system/output", format!("the pages could not be written: {why}"))
            .help("name a folder that is there")
    };
    match &args.folder {
        Some(folder) => clap_mangen::generate_to(Cli::command(), folder).map_err(failed),
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut text).map_err(failed)?;
            print(&String::from_utf8_lossy(&text))
        }
    }
}

/// Prints the schema of `ptrun.toml` (JSON Schema 2020-12).
pub(crate) fn schema() -> Result<(), Failure> {
    print(config::SCHEMA)
}
