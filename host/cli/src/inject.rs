//! Delivers the secrets, and becomes the program.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use ptrun_host::{SecretBytes, SecretName};

use crate::harden::Hardened;
use crate::report::{Failure, Failures, NOT_EXECUTABLE, NOT_FOUND};

/// What variables of ptrun itself begin with. The program has no business with them.
const OWN_PREFIX: &str = "PTRUN_";

/// Variables with their values, fit for an environment.
pub(crate) struct Environment(Vec<(SecretName, SecretBytes)>);

/// Checks that every value can be a variable.
pub(crate) fn environment(
    names: impl Iterator<Item = SecretName>,
    secrets: Vec<SecretBytes>,
) -> Result<Environment, Failures> {
    let secrets: Vec<_> = names.zip(secrets).collect();
    let nul = secrets.iter().filter(|(_, secret)| secret.expose().contains(&0)).map(|(name, _)| {
        Failure::new("inject/nul", "the value has a NUL byte, which no environment variable can hold")
            .fact("secret", name)
            .help("refer to a part of it, or keep it in another form, such as base64")
    });
    let failures: Vec<_> = nul.collect();
    if failures.is_empty() { Ok(Environment(secrets)) } else { Err(Failures::new(failures)) }
}

/// Replaces this process by `program`, which keeps its number, its terminal and its open files. Returns
/// only if that fails.
pub(crate) fn exec(
    program: &OsStr,
    arguments: &[OsString],
    environment: Environment,
    hardened: Hardened,
) -> Failure {
    let mut command = Command::new(program);
    command.args(arguments);
    for (name, _) in std::env::vars_os() {
        if name.as_bytes().starts_with(OWN_PREFIX.as_bytes()) {
            command.env_remove(name);
        }
    }
    for (name, secret) in &environment.0 {
        command.env(name.as_str(), OsStr::from_bytes(secret.expose()));
    }
    hardened.end();
    let why = command.exec();
    let name = program.display();
    match why.kind() {
        io::ErrorKind::ArgumentListTooLong => {
            let largest = environment.0.iter().max_by_key(|(_, secret)| secret.expose().len());
            let failure = Failure::new(
                "inject/too-long",
                "the environment and the arguments are too long for the system",
            );
            let named =
                largest.iter().fold(failure, |failure, (name, _)| failure.fact("largest secret", name));
            named.help("deliver less in variables")
        }
        io::ErrorKind::NotFound if found(program) => {
            let message = format!("the command `{name}` needs an interpreter that was not found");
            let failure = Failure::new("exec/not-executable", message);
            failure.exit(NOT_EXECUTABLE).help("check its first line, or for which system it was built")
        }
        io::ErrorKind::NotFound => {
            Failure::new("exec/not-found", format!("the command `{name}` was not found"))
                .exit(NOT_FOUND)
                .help("check its spelling, and the variable PATH")
        }
        _ => Failure::new("exec/not-executable", format!("the command `{name}` cannot be executed: {why}"))
            .exit(NOT_EXECUTABLE)
            .help("check that it is a program, and that you may execute it"),
    }
}

/// Whether there is a file of this name where execvp(3) looks.
fn found(program: &OsStr) -> bool {
    if program.as_bytes().contains(&b'/') {
        return Path::new(program).exists();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
