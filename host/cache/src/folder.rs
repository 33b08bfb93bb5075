//! The folder: the user's alone, and opened once, so that it stays the one that was looked at.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, fstat, openat, renameat, statat, unlinkat};
use rustix::io::Errno;

use crate::{CacheError, Usage};

/// What the names of code end in.
pub(crate) const KEPT: &str = ".code";
/// What the names of code end in that is being made.
const NEW: &str = ".new";
/// Code that nobody has used for so long is removed, when other code is kept: the plugin or ptrun was replaced.
const UNUSED: Duration = Duration::from_hours(30 * 24);

#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    handle: OwnedFd,
}

impl Folder {
    /// The folder, if there is one.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, CacheError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let insecure = |why| Err(CacheError::Insecure { path: path.to_owned(), why });
        let handle = match rustix::fs::open(path, flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) => return insecure("it is no folder, or a link"),
            Err(why) => return Err(CacheError::unusable(path)(why.into())),
        };
        let metadata = fstat(&handle).map_err(|why| CacheError::unusable(path)(why.into()))?;
        if metadata.st_uid != rustix::process::geteuid().as_raw() {
            return insecure("it belongs to another user");
        }
        if metadata.st_mode & 0o022 != 0 {
            return insecure("others may write into it: `chmod 700`");
        }
        Ok(Some(Self { path: path.to_owned(), handle }))
    }

    /// The folder, which is made if need be.
    pub(crate) fn make(path: &Path) -> Result<Self, CacheError> {
        if let Some(folder) = Self::open(path)? {
            return Ok(folder);
        }
        let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(CacheError::unusable(path))?;
        let gone = || CacheError::unusable(path)(io::ErrorKind::NotFound.into());
        Self::open(path)?.ok_or_else(gone)
    }

    /// A file of the user's, if there is one of this name.
    pub(crate) fn open_file(&self, name: &str) -> Result<Option<File>, CacheError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        match openat(&self.handle, name, flags, Mode::empty()) {
            Ok(file) => {
                let file = File::from(file);
                let metadata = file.metadata().map_err(|why| self.unusable(name, why))?;
                let own = metadata.uid() == rustix::process::geteuid().as_raw();
                // What others may write is made again.
                Ok((metadata.is_file() && own && metadata.mode() & 0o022 == 0).then_some(file))
            }
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => Ok(None),
            Err(why) => Err(self.unusable(name, why.into())),
        }
    }

    /// Opens what is being made, or begins with it.
    pub(crate) fn open_new(&self, name: &str) -> Result<File, CacheError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat(&self.handle, new(name), flags, Mode::RUSR | Mode::WUSR);
        opened.map(File::from).map_err(|why| self.unusable(name, why.into()))
    }

    /// Whether this is still the file that is being made.
    pub(crate) fn is_new(&self, name: &str, file: &File) -> bool {
        let there = statat(&self.handle, new(name), AtFlags::SYMLINK_NOFOLLOW);
        match (there, fstat(file)) {
            (Ok(there), Ok(this)) => (there.st_dev, there.st_ino) == (this.st_dev, this.st_ino),
            _ => false,
        }
    }

    /// Puts what was made in its place.
    pub(crate) fn publish(&self, name: &str) -> io::Result<()> {
        Ok(renameat(&self.handle, new(name), &self.handle, name)?)
    }

    pub(crate) fn remove_new(&self, name: &str) {
        // It is empty, or half a file, and the next one begins with that.
        let _ = unlinkat(&self.handle, new(name), AtFlags::empty());
    }

    pub(crate) fn unusable(&self, name: &str, why: io::Error) -> CacheError {
        CacheError::Unusable { path: self.path.join(name), why }
    }

    pub(crate) fn busy(&self, name: &str) -> CacheError {
        CacheError::Busy { path: self.path.join(name) }
    }

    /// Removes what nobody uses any more. It is no loss if that fails.
    pub(crate) fn sweep(&self) {
        let Some(then) = SystemTime::now().checked_sub(UNUSED) else { return };
        let Ok(then) = then.duration_since(SystemTime::UNIX_EPOCH) else { return };
        let then = i64::try_from(then.as_secs()).unwrap_or(0);
        for (name, of) in self.files().into_iter().flatten() {
            // A system that does not say when a file was read says when it was written.
            if of.st_atime.max(of.st_mtime) < then {
                let _ = unlinkat(&self.handle, name, AtFlags::empty());
            }
        }
    }

    pub(crate) fn usage(&self) -> Result<Usage, CacheError> {
        let files = self.files().map_err(|why| CacheError::unusable(&self.path)(why))?;
        let kept = files.into_iter().filter(|(name, _)| name.ends_with(KEPT));
        Ok(kept.fold(Usage::default(), |usage, (_, of)| Usage {
            entries: usage.entries + 1,
            bytes: usage.bytes + u64::try_from(of.st_size).unwrap_or(0),
        }))
    }

    /// Its files, as far as they could be ours.
    fn files(&self) -> io::Result<Vec<(String, rustix::fs::Stat)>> {
        let mut files = Vec::new();
        for entry in Dir::read_from(&self.handle)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if !name.ends_with(KEPT) && !name.ends_with(NEW) {
                continue;
            }
            let Ok(of) = statat(&self.handle, name, AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if FileType::from_raw_mode(of.st_mode) == FileType::RegularFile {
                files.push((name.to_owned(), of));
            }
        }
        Ok(files)
    }
}

fn new(name: &str) -> String {
    format!("{name}{NEW}")
}
