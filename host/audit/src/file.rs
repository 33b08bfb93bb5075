//! Files of the user's own.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use crate::AuditError;

/// What the file with the last line's number and hash is called: as the log, and this.
const HEAD: &str = ".head";

/// The file beside a log that names its last line.
pub(crate) fn head_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(HEAD);
    name.into()
}

/// Opens a file that is this user's alone to read and write it, or makes it, empty. It is closed on exec, as every file
/// of std is.
pub(crate) fn open_own(path: &Path, append: bool) -> Result<File, AuditError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).append(append).create(true).mode(0o600);
    let file = open(path, &mut options, |why| AuditError::Unwritable { path: path.to_owned(), why })?;
    let metadata = file.metadata().map_err(|why| AuditError::Unreadable { path: path.to_owned(), why })?;
    let insecure = |why| Err(AuditError::Insecure { path: path.to_owned(), why });
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return insecure("it belongs to another user");
    }
    if metadata.mode() & 0o077 != 0 {
        return insecure("others may read or write it: `chmod 600`");
    }
    Ok(file)
}

/// Opens a file to read it. Whose it is does not matter: root reads the logs of others.
pub(crate) fn open_read(path: &Path) -> Result<File, AuditError> {
    open(path, OpenOptions::new().read(true), |why| AuditError::Unreadable { path: path.to_owned(), why })
}

/// Opens a regular file that is no link, and waits for nobody: a pipe has nobody at its other end.
fn open(
    path: &Path,
    options: &mut OpenOptions,
    failed: impl Fn(io::Error) -> AuditError,
) -> Result<File, AuditError> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
    let insecure = |why| AuditError::Insecure { path: path.to_owned(), why };
    let opened = options.custom_flags(flags.bits().cast_signed()).open(path);
    let file = opened.map_err(|why| match why.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP) => insecure("it is a link"),
        // A folder; a socket, or a device that is not there.
        Some(Errno::ISDIR | Errno::NXIO | Errno::NODEV) => insecure("it is no regular file"),
        _ => failed(why),
    })?;
    if !file.metadata().map_err(&failed)?.is_file() {
        return Err(insecure("it is no regular file"));
    }
    Ok(file)
}

/// The folder of a file.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."))
}

/// Makes the folders that are missing, for this user alone. They are on the disk when this returns.
pub(crate) fn create_folder(folder: &Path) -> Result<(), AuditError> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|folder| !is_there(folder)).collect();
    for new in missing.into_iter().rev() {
        match DirBuilder::new().mode(0o700).create(new) {
            Err(why) if why.kind() != io::ErrorKind::AlreadyExists => {
                return Err(AuditError::Unwritable { path: new.to_owned(), why });
            }
            // Somebody else who made it may not have come to this yet.
            _ => sync_folder(self::folder(new))?,
        }
    }
    Ok(())
}

/// A path that is empty is the folder in which we are.
fn is_there(folder: &Path) -> bool {
    folder == Path::new("") || folder.exists()
}

/// Returns when the names in a folder are on the disk.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), AuditError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|why| AuditError::Unwritable { path: folder.to_owned(), why })
}

/// Calls again what a signal interrupted.
pub(crate) fn retry(mut call: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    loop {
        match call() {
            Err(why) if why.kind() == io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
