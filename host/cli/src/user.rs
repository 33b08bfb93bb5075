//! The user's own files: whom they trust, their keys, and where their plugins are. A project never has a
//! say in them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ptrun_host::TrustStore;

use crate::report::Failure;

/// The largest file that is read.
const MAX_BYTES: u64 = 1024 * 1024;

/// What others may not do with a file.
#[derive(Clone, Copy)]
pub(crate) enum Private {
    /// Write it.
    Write = 0o022,
    /// Write or read it.
    ReadWrite = 0o077,
}

/// The keys of the built-in plugins, and those in the user's `trust.toml`.
pub(crate) fn trust() -> Result<TrustStore, Failure> {
    let mut trust = ptrun_builtins::trust();
    if let Some(text) = trust_text()? {
        trust.add_toml(&text).map_err(|why| refused(format!("is wrong: {why}")))?;
    }
    Ok(trust)
}

/// The text of `trust.toml`, if there is one.
pub(crate) fn trust_text() -> Result<Option<String>, Failure> {
    let Some(path) = trust_path() else {
        return Ok(None);
    };
    match read(&path, Private::Write) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(refused("is not UTF-8".to_owned())),
        },
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(refused(format!("cannot be used: {why}"))),
    }
}

fn refused(why: String) -> Failure {
    let path = trust_path().unwrap_or_default();
    Failure::new("trust/store", format!("the trust store `{}` {why}", path.display()))
        .help("it is a file that only you may write: `chmod 600`, no link, `[[key]]` with `public` and `for`")
}

/// `$XDG_CONFIG_HOME/ptrun/trust.toml`.
pub(crate) fn trust_path() -> Option<PathBuf> {
    Some(config()?.join("trust.toml"))
}

/// `$XDG_CONFIG_HOME/ptrun/keys`.
pub(crate) fn keys() -> Option<PathBuf> {
    Some(config()?.join("keys"))
}

/// `$XDG_DATA_HOME/ptrun/plugins`.
pub(crate) fn plugins() -> Option<PathBuf> {
    Some(xdg("XDG_DATA_HOME", ".local/share")?.join("ptrun/plugins"))
}

fn config() -> Option<PathBuf> {
    Some(xdg("XDG_CONFIG_HOME", ".config")?.join("ptrun"))
}

/// A base folder (XDG Base Directory Specification 0.8): a relative path in the variable is ignored.
fn xdg(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))
}

/// Reads a file that belongs to this user, or to root, is no link, and with which others may not do
/// what `private` says.
pub(crate) fn read(path: &Path, private: Private) -> io::Result<Vec<u8>> {
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
    if metadata.mode() & private as u32 != 0 {
        let what = if matches!(private, Private::Write) { "write" } else { "read" };
        return Err(io::Error::other(format!("others may {what} it")));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// Makes a file that is not there yet, in a folder of the user's own.
pub(crate) fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Replaces a file, or makes it: whoever reads it sees the old content or the new, and a crash leaves one
/// of them.
pub(crate) fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let replaced = create(&new, bytes, mode).and_then(|()| fs::rename(&new, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&new);
    }
    replaced
}
