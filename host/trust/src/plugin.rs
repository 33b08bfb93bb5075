//! Where a plugin's bytes come from, and how they are read: once, and no more than a limit.

use std::borrow::Cow;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::Digest;

/// The largest component that is read: a plugin in Python, which brings its interpreter, has 18 MB.
pub const MAX_COMPONENT_BYTES: u64 = 32 * 1024 * 1024;

/// Why a plugin could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// There is no such file.
    #[error("there is no plugin at `{}`", path.display())]
    NotFound {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The system would not let it be read.
    #[error("the plugin `{}` cannot be read: {why}", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What the system says.
        why: io::Error,
    },
    /// A folder, a pipe or a device.
    #[error("the plugin `{}` is not a regular file", path.display())]
    NotAFile {
        /// Where it is.
        path: PathBuf,
    },
    /// More bytes than a plugin may have.
    #[error("the plugin `{}` is over {} MiB", path.display(), limit / (1024 * 1024))]
    TooLarge {
        /// Where it is.
        path: PathBuf,
        /// How many bytes it may have.
        limit: u64,
    },
}

/// Where a plugin is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum PluginSource {
    /// In a file.
    File(PathBuf),
    /// In memory, under a name for messages.
    Memory {
        /// What messages call it.
        name: String,
        /// The component.
        bytes: Cow<'static, [u8]>,
    },
    /// A constant of this program.
    Constant {
        /// What messages call it.
        name: &'static str,
        /// The component.
        bytes: &'static [u8],
        /// What was computed of it when the program was built.
        digest: Digest,
    },
}

/// A plugin that was read, and of which nothing is known yet. Only
/// [`TrustStore::verify`](crate::TrustStore::verify) makes something of it.
pub struct Unverified {
    pub(crate) origin: String,
    pub(crate) bytes: Cow<'static, [u8]>,
    /// What is known of the bytes because they are a part of this program.
    pub(crate) digest: Option<Digest>,
}

impl PluginSource {
    /// A plugin in a file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    /// A plugin in memory. The name is for messages.
    pub fn memory(name: impl Into<String>, bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        Self::Memory { name: name.into(), bytes: bytes.into() }
    }

    /// A plugin that is a part of this program, with the digest that was computed when the program was built. It is
    /// not computed again: who could alter these bytes could alter the check. The signature, the signer and all the
    /// rest is looked at as for every other plugin. Only for constants; a test compares them with their digest.
    #[doc(hidden)]
    #[must_use]
    pub const fn constant(name: &'static str, bytes: &'static [u8], digest: Digest) -> Self {
        Self::Constant { name, bytes, digest }
    }

    /// Reads the plugin, once. What is verified, and later compiled, is this copy.
    ///
    /// # Errors
    /// If there is no such file, or it is not a regular one, or is too large, or cannot be read.
    pub fn read(self) -> Result<Unverified, SourceError> {
        self.read_at_most(MAX_COMPONENT_BYTES)
    }

    /// Reads the plugin, if its file has no more than so many bytes.
    ///
    /// # Errors
    /// Those of [`read`](Self::read).
    pub fn read_at_most(self, limit: u64) -> Result<Unverified, SourceError> {
        match self {
            Self::File(path) => {
                let origin = path.display().to_string();
                Ok(Unverified { origin, bytes: read_file(path, limit)?.into(), digest: None })
            }
            Self::Memory { name, bytes } => Ok(Unverified { origin: name, bytes, digest: None }),
            Self::Constant { name, bytes, digest } => {
                Ok(Unverified { origin: name.to_owned(), bytes: bytes.into(), digest: Some(digest) })
            }
        }
    }
}

impl Unverified {
    /// What messages call it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The bytes, of which nothing is known: to be signed, not to be run.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl std::fmt::Debug for Unverified {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Unverified({}, {} bytes)", self.origin, self.bytes.len())
    }
}

fn read_file(path: PathBuf, limit: u64) -> Result<Vec<u8>, SourceError> {
    read_regular(&path, limit).map_err(|why| match why.kind() {
        io::ErrorKind::NotFound => SourceError::NotFound { path },
        io::ErrorKind::InvalidInput => SourceError::NotAFile { path },
        io::ErrorKind::FileTooLarge => SourceError::TooLarge { path, limit },
        _ => SourceError::Unreadable { path, why },
    })
}

/// Reads a regular file of at most `limit` bytes, and waits for nothing but the disk: opening a pipe that
/// nobody writes to would otherwise wait for ever.
///
/// # Errors
/// `InvalidInput` if it is a folder, a pipe or a device, `FileTooLarge` if it is larger, and what the
/// system says.
pub fn read_regular(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    let file = options.open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if metadata.len() > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    // With room for all of it, so that no copy is left behind when it grows.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default());
    // The file may grow while it is read.
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_file_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let read = |path: &Path| PluginSource::file(path).read();
        assert!(matches!(read(&folder.path().join("none")), Err(SourceError::NotFound { .. })));
        assert!(matches!(read(folder.path()), Err(SourceError::NotAFile { .. })));
        assert!(matches!(read(&folder.path().join("none/none")), Err(SourceError::NotFound { .. })));
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
        assert!(made.success());
        assert!(matches!(PluginSource::file(pipe).read(), Err(SourceError::NotAFile { .. })));
    }

    #[test]
    fn a_file_is_read_whole_under_its_name() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("plugin.wasm");
        std::fs::write(&path, b"content").expect("a file");
        let read = PluginSource::file(&path).read().expect("a file");
        assert_eq!((read.origin(), read.bytes()), (path.to_str().expect("text"), b"content".as_slice()));
        assert_eq!(format!("{read:?}"), format!("Unverified({}, 7 bytes)", path.display()));
        assert_eq!(read_regular(&path, 7).expect("as large as it may be"), b"content");
        assert_eq!(read_regular(&path, 6).map_err(|why| why.kind()), Err(io::ErrorKind::FileTooLarge));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_that_says_it_is_smaller_is_not_cut() {
        // The kernel gives these the size 0.
        let read = read_regular(Path::new("/proc/self/status"), 10);
        assert_eq!(read.map_err(|why| why.kind()), Err(io::ErrorKind::FileTooLarge));
    }

    #[test]
    fn a_file_over_the_limit_is_refused_without_reading_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("large");
        let file = std::fs::File::create(&path).expect("a file");
        assert_eq!(MAX_COMPONENT_BYTES, 33_554_432, "32 MiB");
        file.set_len(MAX_COMPONENT_BYTES + 1).expect("sparse");
        assert!(matches!(PluginSource::file(&path).read(), Err(SourceError::TooLarge { .. })));
        file.set_len(MAX_COMPONENT_BYTES).expect("sparse");
        assert!(PluginSource::file(&path).read().is_ok());
    }
}
