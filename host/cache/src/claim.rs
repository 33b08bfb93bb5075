//! The right to make code that is not there. The file that it is written to is the lock: whoever has it is the only one
//! who writes, and whoever is killed leaves it to the next.

use std::fs::{File, TryLockError};
use std::io::BufWriter;
use std::time::{Duration, Instant};

use crate::folder::Folder;
use crate::key::Key;
use crate::{CacheError, Name, code};

/// How often a lock is tried that somebody has: the system does not wait for a limited time.
const LOOK: Duration = Duration::from_millis(5);

/// Nobody else makes this code as long as this is there.
#[derive(Debug)]
pub struct Claim {
    folder: Folder,
    key: Key,
    name: Name,
    /// Locked.
    file: File,
    kept: bool,
}

impl Claim {
    pub(crate) fn wait(folder: Folder, key: Key, name: Name, patience: Duration) -> Result<Self, CacheError> {
        let start = Instant::now();
        let path = name.file();
        loop {
            let file = folder.open_new(&path)?;
            match file.try_lock() {
                // Whoever had it has given it another name, or removed it: then there is nothing to write to.
                Ok(()) if folder.is_new(&path, &file) => {
                    return Ok(Self { folder, key, name, file, kept: false });
                }
                Ok(()) => continue,
                Err(TryLockError::Error(why)) => return Err(folder.unusable(&path, why)),
                Err(TryLockError::WouldBlock) if start.elapsed() >= patience => {
                    return Err(folder.busy(&path));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOOK),
            }
        }
    }

    /// Keeps the code. It is complete on the disk before anybody can find it.
    ///
    /// # Errors
    /// If the disk is full, for example. Nothing is left of it then.
    pub fn keep(mut self, code: &[u8]) -> Result<(), CacheError> {
        let path = self.name.file();
        let written = || {
            // Somebody may have been killed in the middle of it.
            self.file.set_len(0)?;
            let mut file = BufWriter::with_capacity(1 << 16, &self.file);
            code::write(&mut file, &self.name, code, &self.key)?;
            file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
            self.folder.publish(&path)
        };
        written().map_err(|why| self.folder.unusable(&path, why))?;
        self.kept = true;
        self.folder.sweep();
        Ok(())
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // What was kept has another name by now, and this one may be somebody else's.
        if !self.kept {
            self.folder.remove_new(&self.name.file());
        }
    }
}
