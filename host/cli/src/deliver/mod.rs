//! How secrets get to the command: in variables, in files, in open files without a name, on standard input, and in
//! files that are made of templates.

mod memory;
mod template;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt as _;

use ptrun_host::{SecretBytes, SecretName};
use zeroize::Zeroizing;

use crate::config::Inject;
use crate::report::{Failure, Failures};
use crate::room::Room;
pub(crate) use template::{Filled, Template};

/// A secret, and how it is delivered.
pub(crate) struct Delivered {
    pub(crate) name: SecretName,
    pub(crate) value: SecretBytes,
    pub(crate) inject: Inject,
}

/// What the command finds. What is in files is removed when this goes.
pub(crate) struct Delivery {
    /// Values, or paths of files.
    pub(crate) variables: Vec<(SecretName, SecretBytes)>,
    pub(crate) stdin: Option<OwnedFd>,
    /// What stays open.
    pub(crate) open: Vec<OwnedFd>,
    /// What is removed.
    _files: (Option<Room>, Vec<Filled>),
}

impl Delivery {
    /// Drops what the command has by now; its files stay.
    pub(crate) fn forget(&mut self) {
        self.variables.clear();
        self.open.clear();
    }
}

/// Secrets that can be delivered as they are to be: nothing of them is anywhere yet.
pub(crate) struct Checked(Vec<Delivered>);

impl Checked {
    /// Whether somebody has to stay who removes files when the command ends.
    pub(crate) fn need_parent(&self, templates: &[Template]) -> bool {
        !templates.is_empty() || self.0.iter().any(|secret| secret.inject == Inject::File)
    }
}

/// Checks that every value can be delivered.
pub(crate) fn check(secrets: Vec<Delivered>) -> Result<Checked, Failures> {
    let failures: Vec<Failure> = secrets
        .iter()
        .filter_map(|Delivered { name, value, inject }| {
            let value = value.expose();
            match inject {
                Inject::Env if value.contains(&0) => Some(
                    Failure::new(
                        "inject/nul",
                        "the value has a NUL byte, which no environment variable can hold",
                    )
                    .fact("secret", name)
                    .help("refer to a part of it, or deliver it in a file: `inject = \"file\"`"),
                ),
                Inject::Stdin if std::str::from_utf8(value).is_err() => Some(
                    Failure::new("inject/not-unicode", "the value is not UTF-8, which no JSON can hold")
                        .fact("secret", name)
                        .help("deliver it in a file: `inject = \"file\"`"),
                ),
                _ => None,
            }
        })
        .collect();
    if failures.is_empty() { Ok(Checked(secrets)) } else { Err(Failures::new(failures)) }
}

/// Puts secrets where the command will find them.
pub(crate) fn prepare(Checked(secrets): Checked, templates: &[Template]) -> Result<Delivery, Failures> {
    let filled = templates.iter().map(|template| template.fill(&secrets)).collect::<Result<_, _>>()?;
    // Before anything is open that an exec leaves open: the room starts a shell.
    let first = secrets.iter().find(|secret| secret.inject == Inject::File);
    let room = first.map(|first| Room::new().map_err(|why| no_memory(&first.name, &why))).transpose()?;
    let (mut variables, mut open, mut on_stdin) = (Vec::new(), Vec::new(), Vec::new());
    for Delivered { name, value, inject } in secrets {
        match inject {
            Inject::Env => variables.push((name, value)),
            Inject::File => {
                // Made above.
                let Some(room) = &room else { continue };
                let path = room.write(name.as_str().as_ref(), value.expose());
                let path = path.map_err(|why| no_memory(&name, &why))?;
                variables.push((name, SecretBytes::new(path.into_os_string().into_vec())));
            }
            Inject::Fd => {
                let (file, path) = memory::named(&value).map_err(|why| no_memory(&name, &why))?;
                open.push(file);
                variables.push((name, SecretBytes::new(path)));
            }
            Inject::Stdin => on_stdin.push((name, value)),
            Inject::Template => {}
        }
    }
    let stdin = match on_stdin.first() {
        None => None,
        Some((name, _)) => {
            let object = SecretBytes::new(object(&on_stdin));
            Some(memory::sealed(&object).map_err(|why| no_memory(name, &why))?)
        }
    };
    Ok(Delivery { variables, stdin, open, _files: (room, filled) })
}

fn no_memory(name: &SecretName, why: &io::Error) -> Failure {
    Failure::new("inject/memory", format!("no file in memory could be made: {why}"))
        .fact("secret", name)
        .help("check what is left of the memory, or deliver it in a variable: `inject = \"env\"`")
}

/// `{"NAME":"value",…}`, in the order of the names.
pub(crate) fn object(secrets: &[(SecretName, SecretBytes)]) -> Vec<u8> {
    let mut text: Zeroizing<Vec<u8>> = Zeroizing::new(vec![b'{']);
    for (name, value) in secrets {
        if text.len() > 1 {
            text.push(b',');
        }
        text.extend([b"\"", name.as_str().as_bytes(), b"\":"].concat());
        text.extend_from_slice(quoted(value).as_bytes());
    }
    text.extend(b"}\n");
    std::mem::take(&mut *text)
}

/// A value as a JSON text; what is not UTF-8 was refused before.
pub(crate) fn quoted(value: &SecretBytes) -> Zeroizing<String> {
    let text = std::str::from_utf8(value.expose()).unwrap_or_default();
    Zeroizing::new(serde_json::to_string(text).unwrap_or_default())
}
