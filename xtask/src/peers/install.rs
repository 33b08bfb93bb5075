//! Installs the peers from their registries into `target/peers`, unless they are there.

use std::fs;
use std::path::PathBuf;

use crate::sh::{self, Result};

pub(super) const SECRETSPEC: &str = "0.21.1";
pub(super) const DOTENVX: &str = "2.38.2";
pub(super) const VARLOCK: &str = "1.20.0";
/// What runs the last two: one that both of them support, whatever the machine has.
pub(super) const NODE: &str = "22.23.3";

/// What to do about a peer that is not there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Missing {
    Install,
    Leave,
}

impl Missing {
    fn may_be_installed(self) -> Result<()> {
        if self == Self::Install { Ok(()) } else { Err("not installed".into()) }
    }
}

/// The one that would be shipped, or what was built last.
pub(super) fn ptrun() -> Option<PathBuf> {
    ["dist/ptrun", "release/ptrun"].map(sh::target).into_iter().find(|program| program.is_file())
}

pub(super) fn secretspec(missing: Missing) -> Result<PathBuf> {
    let program = sh::target("peers/bin/secretspec");
    let version = sh::command(&program).args(["--version"]).output();
    if version.is_none_or(|version| version != format!("secretspec {SECRETSPEC}")) {
        missing.may_be_installed()?;
        sh::cargo(&["install", "--locked", "--force", "--version", SECRETSPEC, "secretspec", "--root"])
            .args([sh::target("peers")])
            .env("CARGO_TARGET_DIR", sh::target("peers/build"))
            .stdout_to_stderr()
            .run()
            .map_err(|why| format!("not installed: {why}"))?;
    }
    Ok(program)
}

/// A package, whose last name is its program.
pub(super) fn npm(package: &str, version: &str, missing: Missing) -> Result<PathBuf> {
    let modules = sh::target("peers/node_modules");
    let program = modules.join(".bin").join(package.rsplit('/').next().unwrap_or(package));
    let manifest = modules.join(package).join("package.json");
    let wanted = format!("\"version\": \"{version}\"");
    if fs::read_to_string(manifest).is_ok_and(|text| text.contains(&wanted)) {
        return Ok(program);
    }
    missing.may_be_installed()?;
    fs::create_dir_all(sh::target("peers"))?;
    sh::command("npm")
        .args(["install", "--no-audit", "--no-fund", "--prefix"])
        .args([sh::target("peers")])
        .args([format!("{package}@{version}")])
        .stdout_to_stderr()
        .run()
        .map_err(|why| format!("not installed: {why}"))?;
    Ok(program)
}

/// The packages come first, so that what they start is the Node.js beside them.
pub(crate) fn path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{}:{path}", sh::target("peers/node_modules/.bin").display())
}
