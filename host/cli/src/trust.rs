//! The user's own files: whom they trust, and where their plugins are. A project never has a say in them.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ptrun_host::TrustStore;

use crate::report::Failure;

/// The largest trust store that is read.
const MAX_BYTES: u64 = 1024 * 1024;

/// The keys of the built-in plugins, and those in the user's `trust.toml`.
pub(crate) fn store() -> Result<TrustStore, Failure> {
    let mut trust = ptrun_builtins::trust();
    let Some(path) = store_path() else {
        return Ok(trust);
    };
    let refused = |why: String| {
        Failure::new("trust/store", format!("the trust store `{}` {why}", path.display())).help(
            "it is a file that only you may write: `chmod 600`, no link, `[[key]]` with `public` and `for`",
        )
    };
    match read_private(&path) {
        Ok(text) => trust.add_toml(&text).map_err(|why| refused(format!("is wrong: {why}")))?,
        Err(why) if why.kind() == io::ErrorKind::NotFound => {}
        Err(why) => return Err(refused(format!("cannot be used: {why}"))),
    }
    Ok(trust)
}

/// `$XDG_CONFIG_HOME/ptrun/trust.toml`.
pub(crate) fn store_path() -> Option<PathBuf> {
    Some(xdg("XDG_CONFIG_HOME", ".config")?.join("ptrun/trust.toml"))
}

/// `$XDG_DATA_HOME/ptrun/plugins`.
pub(crate) fn user_plugins() -> Option<PathBuf> {
    Some(xdg("XDG_DATA_HOME", ".local/share")?.join("ptrun/plugins"))
}

/// A base folder (XDG Base Directory Specification 0.8): a relative path in the variable is ignored.
fn xdg(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))
}

/// Reads a file that nobody but this user, or root, can have written.
fn read_private(path: &Path) -> io::Result<String> {
    use rustix::fs::OFlags;
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file: File = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let metadata = file.metadata()?;
    let user = rustix::process::geteuid().as_raw();
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.uid() != user && metadata.uid() != 0 {
        return Err(io::Error::other("it belongs to another user"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(io::Error::other("others may write it"));
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
