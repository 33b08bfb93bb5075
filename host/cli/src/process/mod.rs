//! The command: it takes the place of `ptrun`, or `ptrun` stays its parent.

mod supervise;
mod sys;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};

pub(crate) use self::supervise::{Signals, deaf};
pub(crate) use self::sys::Inherited;
use crate::deliver::Delivery;
use crate::harden::Hardened;
use crate::report::{Failure, NOT_EXECUTABLE, NOT_FOUND};

/// What variables of ptrun itself begin with. The program has no business with them.
const OWN_PREFIX: &str = "PTRUN_";

/// What is started, and with which environment besides the secrets.
pub(crate) struct Launch<'a> {
    pub(crate) program: &'a OsStr,
    pub(crate) arguments: &'a [OsString],
    /// Whether it starts from an empty environment, with these variables in it.
    pub(crate) pristine: Option<&'a [String]>,
    /// Variables that hold credentials of ptrun, or references.
    pub(crate) without: &'a [String],
    pub(crate) inherited: Inherited,
}

impl Launch<'_> {
    fn command(&self, delivery: &mut Delivery) -> Command {
        let mut command = Command::new(self.program);
        command.args(self.arguments);
        if let Some(keep) = self.pristine {
            command.env_clear();
            command.envs(keep.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
        }
        for (name, _) in std::env::vars_os() {
            let own = name.as_bytes().starts_with(OWN_PREFIX.as_bytes());
            if own || self.without.iter().any(|other| name == other.as_str()) {
                command.env_remove(name);
            }
        }
        for (name, value) in &delivery.variables {
            command.env(name.as_str(), OsStr::from_bytes(value.expose()));
        }
        if let Some(stdin) = delivery.stdin.take() {
            command.stdin(stdin);
        }
        command
    }

    /// Replaces this process by the command, which keeps its number, its terminal and its open files. Returns only if
    /// that fails.
    pub(crate) fn exec(&self, mut delivery: Delivery, hardened: Hardened) -> Failure {
        let mut command = self.command(&mut delivery);
        sys::restore(&mut command, self.inherited, None);
        hardened.end();
        let why = command.exec();
        self.failed(&why, &delivery)
    }

    /// Starts the command, passes signals on to it, and waits for its end: its exit code, or 128 and the number of the
    /// signal that ended it.
    pub(crate) fn supervise(
        &self,
        mut delivery: Delivery,
        hardened: Hardened,
        signals: &Signals,
    ) -> Result<ExitCode, Failure> {
        let mut command = self.command(&mut delivery);
        sys::restore(&mut command, self.inherited, Some(std::process::id()));
        hardened.end();
        let child = command.spawn().map_err(|why| self.failed(&why, &delivery))?;
        // Nothing of the values stays here.
        drop(command);
        delivery.forget();
        signals.pass_on(&child).map_err(|why| {
            Failure::new("system/runtime", format!("the command could not be waited for: {why}"))
                .help("it was started, and may still run")
        })
    }

    fn failed(&self, why: &io::Error, delivery: &Delivery) -> Failure {
        let name = self.program.display();
        match why.kind() {
            io::ErrorKind::ArgumentListTooLong => {
                let largest = delivery.variables.iter().max_by_key(|(_, secret)| secret.expose().len());
                let failure = Failure::new(
                    "inject/too-long",
                    "the environment and the arguments are too long for the system",
                );
                let named =
                    largest.iter().fold(failure, |failure, (name, _)| failure.fact("largest secret", name));
                named.help("deliver less in variables: `--inject fd`")
            }
            io::ErrorKind::NotFound if self.is_there() => {
                let message = format!("the command `{name}` needs an interpreter that was not found");
                let failure = Failure::new("exec/not-executable", message);
                failure.exit(NOT_EXECUTABLE).help("check its first line, or for which system it was built")
            }
            io::ErrorKind::NotFound => {
                Failure::new("exec/not-found", format!("the command `{name}` was not found"))
                    .exit(NOT_FOUND)
                    .help("check its spelling, and the variable PATH")
            }
            _ => {
                let message = format!("the command `{name}` cannot be executed: {why}");
                Failure::new("exec/not-executable", message)
                    .exit(NOT_EXECUTABLE)
                    .help("check that it is a program, and that you may execute it")
            }
        }
    }

    /// Whether there is a file of this name where execvp(3) looks.
    fn is_there(&self) -> bool {
        if self.program.as_bytes().contains(&b'/') {
            return Path::new(self.program).exists();
        }
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(self.program).is_file())
    }
}
