//! The keys that open files. For each file, the one that its reference names with `?key=PATH`; or those of the command
//! line; or `.key`, in the folder of the file.

use std::io;
use std::path::Path;

use ptrun_host::{Grants, SecretBytes, SecretRef};

use crate::credential::{self, Credential, OPEN};
use crate::report::Failure;
use crate::user::{self, Private};

/// The option of a reference that names the file of a key.
pub(crate) const OPTION: &str = "key";

/// What the plugin calls the key to a file.
fn name(reference: &SecretRef) -> String {
    format!("key:{}", reference.key())
}

/// The key that a reference names.
fn own(reference: &SecretRef) -> Option<&Path> {
    let option = reference.options().iter().find(|(name, _)| name == OPTION);
    option.map(|(_, path)| Path::new(path))
}

/// Grants the keys that are in files beside what they open, or that references name. `keys` are those of the
/// command line, all of which are here.
pub(crate) fn from_files(
    mut grants: Grants,
    keys: &[SecretBytes],
    are_named: bool,
    references: &[&SecretRef],
) -> Result<Grants, Failure> {
    for reference in references {
        let path = match own(reference) {
            Some(path) => path.to_owned(),
            None if are_named => continue,
            None => Path::new(reference.key()).with_file_name(".key"),
        };
        grants = grants.content(name(reference), read(&path, Some(reference))?);
    }
    if are_named {
        grants = from_options(grants, keys, references);
    }
    Ok(grants)
}

/// Grants the keys of the command line to the files whose references name none.
pub(crate) fn from_options(mut grants: Grants, keys: &[SecretBytes], references: &[&SecretRef]) -> Grants {
    for reference in references.iter().filter(|reference| own(reference).is_none()) {
        let lines: Vec<&[u8]> = keys.iter().map(SecretBytes::expose).collect();
        grants = grants.content(name(reference), SecretBytes::new(lines.join(&b'\n')));
    }
    grants
}

/// The keys of the command line that are here; the others are fetched by plugins.
pub(crate) fn here(keys: &[Credential]) -> Result<Vec<SecretBytes>, Failure> {
    keys.iter().filter_map(|key| key.read(&OPEN)).collect()
}

/// Reads a file of keys, if it is the user's alone.
pub(crate) fn read(path: &Path, reference: Option<&SecretRef>) -> Result<SecretBytes, Failure> {
    user::read(path, Private::ReadWrite).map(credential::trimmed).map_err(|why| {
        let shown = path.display();
        let failure = match why.kind() {
            io::ErrorKind::NotFound => {
                Failure::new("key/not-found", format!("there is no key at `{shown}`")).help(
                    "put it there, or name it: `?key=PATH` in the reference, or `--unlock ALIAS=SCHEME://KEY`",
                )
            }
            // What the system refuses has a number.
            io::ErrorKind::PermissionDenied if why.raw_os_error().is_none() => {
                Failure::new("key/insecure", format!("the key `{shown}` is no secret: {why}"))
                    .help(format!("make it yours alone: `chmod 600 {shown}`"))
            }
            _ => Failure::new("key/unreadable", format!("the key `{shown}` cannot be read: {why}"))
                .help("it is a file of your own, and no link"),
        };
        reference.into_iter().fold(failure, |failure, reference| failure.fact("reference", reference))
    })
}
