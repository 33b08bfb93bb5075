//! A folder of bytes that the same user made before, each under a [`Name`] that says of what and for what.
//!
//! What is in it is machine code, and whoever could put other bytes there would run them as the user. So every file ends
//! in nothing but what its header authenticates:
//!
//! ```text
//! 16 bytes   "ptrun code 1", padded with zeros
//! 32 bytes   the name
//!  8 bytes   how long the code is, the lowest byte first
//! 32 bytes   BLAKE3, keyed, of all of the above and the code
//!            the code
//! ```
//!
//! The key is 32 random bytes in a file of the user's alone, outside of the folder: a folder that is copied, shared or
//! restored is of no use to anybody else. The code is checked in the very memory that is handed out, which nothing else
//! maps; and only with the name that was asked for, so that no file can be put in the place of another.
//!
//! Nothing here is needed: whatever is wrong, the answer is that there is no code, or an error after which it can be
//! made again. No two processes make the same code at the same time, if they can wait for each other.
//!
//! ```
//! use std::time::Duration;
//!
//! use ptrun_cache::{Cache, Found, Name};
//!
//! # let folder = tempfile::tempdir()?;
//! let cache = Cache::new(folder.path().join("code"), folder.path().join("cache.key"));
//! let name = Name::of(&[b"a component", b"a compiler"]);
//! let Found::Missing(claim) = cache.find(&name, Duration::from_secs(10))? else { panic!("it is empty") };
//! claim.keep(b"machine code")?;
//!
//! let Found::Here(code) = cache.find(&name, Duration::ZERO)? else { panic!("it is there") };
//! assert_eq!(code.bytes(), b"machine code");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod claim;
mod code;
mod folder;
mod key;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use claim::Claim;
pub use code::{Code, Name};

use folder::Folder;
use key::Key;

/// Why code is neither read nor kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// Others could change what is there, or it is not what it should be.
    #[error("`{}` is not used: {why}", path.display())]
    Insecure {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it, in words that follow a colon.
        why: &'static str,
    },
    /// The system refuses.
    #[error("`{}` cannot be used: {why}", path.display())]
    Unusable {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        why: io::Error,
    },
    /// Somebody else has been making the same code for too long.
    #[error("`{}` is being made by another process, which takes too long", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
}

impl CacheError {
    fn unusable(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |why| Self::Unusable { path, why }
    }
}

/// Where code is kept. Nothing is opened or made before somebody asks for some.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: PathBuf,
    key: PathBuf,
}

/// What became of a search.
#[derive(Debug)]
pub enum Found {
    /// The code.
    Here(Code),
    /// There is none, and nobody else makes it now.
    Missing(Claim),
}

/// What a cache holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// How many pieces of code.
    pub entries: usize,
    /// How large all of them are, in bytes.
    pub bytes: u64,
}

impl Cache {
    /// Code in `folder`, authenticated by the key in the file `key`, which is not in that folder. What is missing is
    /// made for the first code that is kept.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), key: key.into() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The code of this name, if there is some that this user made.
    ///
    /// # Errors
    /// If the folder or the key is not this user's alone, or cannot be read. Code that is not what was kept is none.
    pub fn get(&self, name: &Name) -> Result<Option<Code>, CacheError> {
        let Some(folder) = Folder::open(&self.folder)? else { return Ok(None) };
        let Some(key) = Key::read(&self.key)? else { return Ok(None) };
        Ok(folder.open_file(&name.file())?.and_then(|file| Code::read(file, name, &key)))
    }

    /// The same; or the right to make it. If another process is at it, this waits for it, at most for `patience`.
    ///
    /// # Errors
    /// If code can be neither read nor kept.
    pub fn find(&self, name: &Name, patience: Duration) -> Result<Found, CacheError> {
        if let Some(code) = self.get(name)? {
            return Ok(Found::Here(code));
        }
        let folder = Folder::make(&self.folder)?;
        let key = Key::read_or_make(&self.key)?;
        let claim = Claim::wait(folder, key, *name, patience)?;
        // Whoever was waited for has made it.
        Ok(match self.get(name)? {
            Some(code) => Found::Here(code),
            None => Found::Missing(claim),
        })
    }

    /// What is there.
    ///
    /// # Errors
    /// Those of [`get`](Self::get); and if nothing can be kept.
    pub fn usage(&self) -> Result<Usage, CacheError> {
        let folder = Folder::make(&self.folder)?;
        Key::read_or_make(&self.key)?;
        folder.usage()
    }
}
