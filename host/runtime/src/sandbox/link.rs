//! The linker of one plugin: what is given to everybody, then what was granted, one interface at a time.

use wasmtime::component::{HasData, HasSelf, Linker, ResourceTable};
use wasmtime_wasi::cli::{WasiCli, WasiCliView as _};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView as _};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView as _};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, io, random};
use wasmtime_wasi::random::{WasiRandom, WasiRandomView as _};
use wasmtime_wasi_http::p2::bindings::{LinkOptions, http};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView as _};

use super::bindings::ptrun::plugin::{files, log, types};
use super::state::State;
use crate::Grants;

struct Io;

impl HasData for Io {
    type Data<'a> = &'a mut ResourceTable;
}

pub(crate) fn link(linker: &mut Linker<State>, grants: &Grants) -> wasmtime::Result<()> {
    let l = linker;

    types::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    log::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    cli::environment::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(l, State::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(l, State::cli)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(l, State::clocks)?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(l, State::clocks)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(l, State::filesystem)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(l, State::filesystem)?;
    io::error::add_to_linker::<_, Io>(l, State::table)?;
    io::poll::add_to_linker::<_, Io>(l, State::table)?;
    io::streams::add_to_linker::<_, Io>(l, State::table)?;

    if grants.has_files() {
        files::add_to_linker::<_, HasSelf<State>>(l, |state| state)?;
    }
    if grants.has_http() {
        let options = LinkOptions::default();
        http::outgoing_handler::add_to_linker::<_, WasiHttp>(l, State::http)?;
        http::types::add_to_linker::<_, WasiHttp>(l, &(&options).into(), State::http)?;
    }
    if grants.has_random() {
        random::random::add_to_linker::<_, WasiRandom>(l, State::random)?;
        random::insecure::add_to_linker::<_, WasiRandom>(l, State::random)?;
        random::insecure_seed::add_to_linker::<_, WasiRandom>(l, State::random)?;
    }
    Ok(())
}
