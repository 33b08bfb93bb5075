//! The user's own files: whom they trust, their keys, and where their plugins are. A project never has a
//! say in them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, chown,
};
use std::path::{Path, PathBuf};

use ptrun_host::{Approvals, StoreError, TrustStore};

use crate::report::Failure;

/// The largest file that is read.
pub(crate) const MAX_BYTES: u64 = 1024 * 1024;

/// What others may not do with a file.
#[derive(Clone, Copy)]
pub(crate) enum Private {
    /// Write it.
    Write = 0o022,
    /// Write or read it.
    ReadWrite = 0o077,
}

/// A file in which the user decides something, and into which ptrun writes what they decided.
pub(crate) struct Decisions {
    file: &'static str,
    what: &'static str,
    help: &'static str,
}

/// Whom the user trusts for what: `$XDG_CONFIG_HOME/ptrun/trust.toml`.
pub(crate) const TRUST: Decisions = Decisions {
    file: "trust.toml",
    what: "trust store",
    help: "it is a file that only you may write: `chmod 600`, no link, `[[key]]` with `public` and `for`",
};

/// Which plugins the user approved: `$XDG_CONFIG_HOME/ptrun/approved.toml`.
pub(crate) const APPROVED: Decisions = Decisions {
    file: "approved.toml",
    what: "list of approved plugins",
    help: "it is a file that only you may write: `chmod 600`, no link; without it, you are asked again",
};

impl Decisions {
    /// The text of the file, if there is one.
    pub(crate) fn text(&self) -> Result<Option<String>, Failure> {
        let Some(folder) = config() else {
            return Ok(None);
        };
        match read_text(&folder.join(self.file), |path| read(path, Private::Write)) {
            Ok(text) => Ok(text),
            Err(why) => Err(self.refused(format!("cannot be used: {why}"))),
        }
    }

    pub(crate) fn refused(&self, why: impl std::fmt::Display) -> Failure {
        let path = config().unwrap_or_default().join(self.file);
        Failure::new("trust/store", format!("the {} `{}` {why}", self.what, path.display())).help(self.help)
    }

    /// Replaces the text, while nobody else does.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(&str) -> Result<String, StoreError>,
    ) -> Result<(), Failure> {
        let folder = config().ok_or_else(no_home)?;
        change_file(&folder.join(self.file), 0o600, || {
            let before = self.text()?.unwrap_or_default();
            change(&before).map_err(|why| self.refused(format!("cannot be written: {why}")))
        })
        .unwrap_or_else(|why| Err(self.refused(format!("cannot be written: {why}"))))
    }
}

/// The keys of the built-in plugins, and those in the user's `trust.toml`.
pub(crate) fn trust() -> Result<TrustStore, Failure> {
    let mut trust = ptrun_builtins::trust();
    if let Some(text) = TRUST.text()? {
        trust.add_toml(&text).map_err(|why| TRUST.refused(format!("is wrong: {why}")))?;
    }
    Ok(trust)
}

/// The plugins that the user approved.
pub(crate) fn approvals() -> Result<Approvals, Failure> {
    let text = APPROVED.text()?.unwrap_or_default();
    Approvals::parse(&text).map_err(|why| APPROVED.refused(format!("is wrong: {why}")))
}

pub(crate) fn no_home() -> Failure {
    Failure::new("system/home", "there is no folder for your settings").help("set the variable HOME")
}

/// `$XDG_CONFIG_HOME/ptrun/keys`.
pub(crate) fn keys() -> Option<PathBuf> {
    Some(config()?.join("keys"))
}

/// `$XDG_DATA_HOME/ptrun/plugins`.
pub(crate) fn plugins() -> Option<PathBuf> {
    Some(xdg("XDG_DATA_HOME", ".local/share")?.join("ptrun/plugins"))
}

/// `$XDG_STATE_HOME/ptrun`.
pub(crate) fn state() -> Option<PathBuf> {
    Some(xdg("XDG_STATE_HOME", ".local/state")?.join("ptrun"))
}

/// `$XDG_CACHE_HOME/ptrun`.
pub(crate) fn cache() -> Option<PathBuf> {
    Some(xdg("XDG_CACHE_HOME", ".cache")?.join("ptrun"))
}

pub(crate) fn config() -> Option<PathBuf> {
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
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("others may {what} it")));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

/// The text of a file, if there is one.
pub(crate) fn read_text(
    path: &Path,
    read: impl FnOnce(&Path) -> io::Result<Vec<u8>>,
) -> io::Result<Option<String>> {
    match read(path) {
        Ok(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| io::Error::other("it is not UTF-8")),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(why) => Err(why),
    }
}

/// Replaces a file by what `content` makes, or leaves it if that fails. It keeps its mode and its owner; `mode` is
/// for a new one. Those who change a file of the same folder in this way wait for each other, so that no change is
/// lost.
pub(crate) fn change_file<E>(
    path: &Path,
    mode: u32,
    content: impl FnOnce() -> Result<String, E>,
) -> io::Result<Result<(), E>> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let lock = File::open(folder)?;
    lock.lock()?;
    match content() {
        Ok(text) => {
            let before = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_file);
            let mode = before.as_ref().map_or(mode, |before| before.mode() & 0o777);
            replace_like(path, text.as_bytes(), mode, before.as_ref()).map(Ok)
        }
        Err(why) => Ok(Err(why)),
    }
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
    replace_like(path, bytes, mode, None)
}

fn replace_like(path: &Path, bytes: &[u8], mode: u32, before: Option<&fs::Metadata>) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    // What somebody left who was killed has the same name only by chance, and is of no use to anybody.
    let _ = fs::remove_file(&new);
    let replaced = create(&new, bytes, mode).and_then(|()| {
        if let Some(before) = before {
            // The mask of the process has taken something away; and only root can give a file to somebody else.
            fs::set_permissions(&new, fs::Permissions::from_mode(mode))?;
            let _ = chown(&new, Some(before.uid()), Some(before.gid()));
        }
        fs::rename(&new, path)
    });
    if replaced.is_err() {
        let _ = fs::remove_file(&new);
    }
    replaced
}
