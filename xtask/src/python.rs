//! Python with the packages that are the other side of the interop tests, in a folder of its own.

use std::fs;

use crate::debian;
use crate::sh::{self, Result};

/// Leaves `target/python/bin/python`, with what `tests/python/requirements.txt` says.
pub(crate) fn install() -> Result<()> {
    let (folder, wanted) = (sh::target("python"), sh::root().join("tests/python/requirements.txt"));
    let (stamp, text) = (folder.join("stamp"), fs::read_to_string(&wanted)?);
    if fs::read_to_string(&stamp).is_ok_and(|last| last == text) {
        return Ok(());
    }
    let make = || sh::command("python3").args(["-m", "venv", "--clear"]).args([&folder]).run();
    if make().is_err() {
        // Debian has the module in a package of its own.
        debian::install(&["python3-venv"])?;
        make()?;
    }
    sh::command(folder.join("bin/pip"))
        .args(["install", "--quiet", "--disable-pip-version-check", "--requirement"])
        .args([&wanted])
        .run()?;
    fs::write(stamp, text)?;
    Ok(())
}
