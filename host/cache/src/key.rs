//! The key of the user, with which code is recognised.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::CacheError;

/// It is never shown.
pub(crate) struct Key(Zeroizing<[u8; 32]>);

impl Key {
    /// The key, if there is one.
    pub(crate) fn read(path: &Path) -> Result<Option<Self>, CacheError> {
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let opened = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path);
        let insecure = |why| Err(CacheError::Insecure { path: path.to_owned(), why });
        let mut file = match opened {
            Ok(file) => file,
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) if Errno::from_io_error(&why) == Some(Errno::LOOP) => return insecure("it is a link"),
            Err(why) => return Err(CacheError::unusable(path)(why)),
        };
        let metadata = file.metadata().map_err(CacheError::unusable(path))?;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return insecure("it belongs to another user");
        }
        if metadata.mode() & 0o077 != 0 {
            return insecure("others may read or write it: `chmod 600`");
        }
        let mut key = Self(Zeroizing::default());
        if !metadata.is_file() || metadata.len() != 32 || file.read_exact(&mut *key.0).is_err() {
            return insecure("it is no key: remove it");
        }
        Ok(Some(key))
    }

    /// The key, or a new one: the same for all who come at the same time.
    pub(crate) fn read_or_make(path: &Path) -> Result<Self, CacheError> {
        if let Some(key) = Self::read(path)? {
            return Ok(key);
        }
        Self::make(path).map_err(CacheError::unusable(path))?;
        let gone = || io::Error::from(io::ErrorKind::NotFound);
        Self::read(path)?.ok_or_else(|| CacheError::unusable(path)(gone()))
    }

    fn make(path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut random = Zeroizing::new([0; 48]);
        getrandom::fill(&mut *random).map_err(io::Error::other)?;
        let (key, name) = random.split_at(32);
        let mut new = path.as_os_str().to_owned();
        new.push(format!(".{}.new", hex::encode(name)));
        let new = Path::new(&new);
        let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
        let written = file.write_all(key).and_then(|()| file.sync_all());
        // A link is made at once or not at all, and never over another.
        let linked = written.and_then(|()| match fs::hard_link(new, path) {
            Err(why) if why.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            done => done,
        });
        let _ = fs::remove_file(new);
        linked
    }

    pub(crate) fn mac(&self, header: &[u8], code: &[u8]) -> blake3::Hash {
        blake3::Hasher::new_keyed(&self.0).update(header).update(code).finalize()
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}
