//! Packages of Debian, where they may be installed.

use crate::sh::{self, Result};

/// Installs packages, if this is Debian and the user is root. It removes nothing to make room.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let root = sh::command("id").args(["-u"]).output().is_some_and(|id| id == "0");
    if !root || sh::command("apt-get").args(["--version"]).output().is_none() {
        let command = format!("apt-get install {}", packages.join(" "));
        return Err(format!("not root on Debian, so that this was not tried: {command}").into());
    }
    eprintln!("xtask: installing {}", packages.join(" "));
    let apt = |args: &[&str]| {
        // What it prints is not what the user asked for.
        let quiet = ["-qq", "-o", "Dpkg::Use-Pty=0"];
        // `timeout` ends it with a signal that it can handle.
        sh::command("timeout")
            .args(["900", "apt-get", "--no-remove"])
            .args(quiet)
            .args(args)
            .env("DEBIAN_FRONTEND", "noninteractive")
    };
    apt(&["update"]).run()?;
    apt(&["install", "-y", "--no-install-recommends"]).args(packages).stdout_to_stderr().run()
}
