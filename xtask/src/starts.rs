//! The starts of ptrun that everybody waits for, under valgrind's callgrind: how many instructions they need is
//! counted, and which functions are called decides the order of the program.

use std::path::Path;
use std::process::Command;

use crate::debian;
use crate::sh::{self, Result};

/// A way to start ptrun.
pub(crate) struct Start {
    pub(crate) name: &'static str,
    pub(crate) args: &'static [&'static str],
    code: i32,
}

/// Where a command is started, there is none: callgrind's count would be lost with ptrun.
const NOT_FOUND: i32 = 127;

pub(crate) const ALL: &[Start] = &[
    Start { name: "version", args: &["--version"], code: 0 },
    Start { name: "get-env", args: &["get", "env://SECRET"], code: 0 },
    Start {
        name: "run-env",
        args: &["--plugin", "env", "-s", "A=env://SECRET", "--", "/nothing"],
        code: NOT_FOUND,
    },
    Start { name: "run-file", args: &["-s", "A=file://sealed", "--", "/nothing"], code: NOT_FOUND },
];

pub(crate) fn has_valgrind() -> bool {
    sh::command("valgrind").args(["--version"]).output().is_some()
}

pub(crate) fn install_valgrind() -> Result<()> {
    if has_valgrind() { Ok(()) } else { debian::install(&["valgrind"]) }
}

/// What callgrind says of a start. The profile is left in `profile`, with names as the linker knows them.
pub(crate) fn under_callgrind(ptrun: &Path, start: &Start, profile: &Path) -> Result<String> {
    // A home of its own, so that nothing of the user's is read, and the record begins anew.
    let home = sh::target("instructions");
    sh::recreate(&home)?;
    let prepared = |program: &Path| {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", &home).env("SECRET", "value").current_dir(&home);
        command
    };
    sh::write(&home.join("plain"), "value")?;
    for args in [&["file", "keygen"][..], &["file", "encrypt", "plain", "-o", "sealed"]] {
        prepared(ptrun).args(args).status()?;
    }
    // Where programs are found, which `env_clear` took away.
    let valgrind = sh::command("which").args(["valgrind"]).output().ok_or("valgrind is not there")?;
    let mut counted = prepared(Path::new(&valgrind));
    counted.args(["--tool=callgrind", "--demangle=no"]);
    counted.arg(format!("--callgrind-out-file={}", profile.display()));
    let output = counted.arg(ptrun).args(start.args).output()?;
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() == Some(start.code) {
        true => Ok(text),
        false => Err(format!("`ptrun {}`: {}\n{text}", start.args.join(" "), output.status).into()),
    }
}
