//! `ptrun --plugin aws -- myapp` starts `myapp` with the secrets that it needs. Read `run.rs` first.

mod account;
mod answer;
mod apart;
mod approval;
mod args;
mod audit;
mod both;
mod classes;
mod commands;
mod config;
mod confine;
mod credential;
mod defect;
mod deliver;
mod engines;
mod enter;
mod found;
mod harden;
mod lock;
mod names;
mod opener;
mod plan;
mod plugins;
mod prepare;
mod process;
mod profile;
mod progress;
mod relay;
mod report;
mod resolve;
mod room;
mod run;
mod shell;
mod user;

use std::process::ExitCode;

/// Wipes whatever is freed, so that nothing is left of a secret that a library copied on its way.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    match args::parse() {
        Ok(cli) => {
            let done = defect::guarded(|| cli.execute());
            report::exit(cli.global.error_format, done.unwrap_or_else(|defect| Err(defect.into())))
        }
        Err(stop) => stop,
    }
}
