//! Files in a folder that is in memory, and the user's alone. The folder goes with the command; and if `ptrun` was
//! killed, with the next one that makes a folder.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use ptrun_host::{SecretBytes, SecretName};

use crate::report::Failure;

/// What the names of folders begin with.
const PREFIX: &str = "ptrun-";
/// What is wrong where there is no folder for folders.
const NOWHERE: &str = "there is no folder in memory: neither XDG_RUNTIME_DIR nor /dev/shm";
/// statfs(2) of what is in memory: tmpfs, and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];

/// A folder that is removed when this goes.
pub(super) struct Folder {
    path: PathBuf,
    /// Locked as long as there is somebody who removes it.
    _lock: File,
}

impl Folder {
    pub(super) fn new() -> Result<Self, Failure> {
        let base = base().ok_or_else(|| {
            Failure::new("inject/memory", NOWHERE).help("deliver the secrets in open files: `--inject fd`")
        })?;
        sweep(&base);
        let failure = |why: io::Error| {
            Failure::new("inject/memory", format!("no folder can be made in `{}`: {why}", base.display()))
                .help("deliver the secrets in open files: `--inject fd`")
        };
        // Somebody who sweeps could take it for one that was left, before it is locked.
        for _ in 0..8 {
            let path = base.join(name()?);
            DirBuilder::new().mode(0o700).create(&path).map_err(failure)?;
            let lock = match File::open(&path) {
                Ok(lock) => lock,
                Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
                Err(why) => return Err(failure(why)),
            };
            lock.lock().map_err(failure)?;
            if path.exists() {
                return Ok(Self { path, _lock: lock });
            }
        }
        Err(failure(io::ErrorKind::Interrupted.into()))
    }

    /// Makes a file that only the user can read. Its path.
    pub(super) fn write(&self, name: &SecretName, value: &SecretBytes) -> Result<Vec<u8>, Failure> {
        let path = self.path.join(name.as_str());
        write_new(&path, value.expose()).map_err(|why| {
            Failure::new("inject/memory", format!("the file for a secret cannot be written: {why}"))
                .fact("secret", name)
                .help("check what is left of the memory, or deliver it in a variable")
        })?;
        Ok(OsString::from(path).into_vec())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

/// Makes a file of the user's alone, where there is none.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(bytes);
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// A folder in memory in which the user can make others.
fn base() -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    runtime.into_iter().chain(["/dev/shm".into()]).find(|path| {
        let statistics = rustix::fs::statfs(path);
        statistics.is_ok_and(|of| IN_MEMORY.contains(&of.f_type.cast_unsigned()))
            && rustix::fs::access(path, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
    })
}

/// Whether secrets can be delivered in files, for people.
pub(crate) fn in_memory() -> Result<&'static str, &'static str> {
    base().map(|_| "there is a folder in memory for them").ok_or(NOWHERE)
}

fn name() -> Result<String, Failure> {
    let mut random = [0; 12];
    getrandom::fill(&mut random).map_err(|why| {
        Failure::new("system/entropy", format!("the system has no randomness: {why}"))
            .help("check that the system has a source of randomness")
    })?;
    Ok(format!("{PREFIX}{}", hex::encode(random)))
}

/// Removes what was left by those who were killed: folders of this user that nobody holds.
fn sweep(base: &Path) {
    let user = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(|name| {
            name.strip_prefix(PREFIX).is_some_and(|rest| rest.len() == 24 && hex::decode(rest).is_ok())
        });
        let path = entry.path();
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|of| of.is_dir() && of.uid() == user);
        if ours && is_folder && File::open(&path).is_ok_and(|folder| folder.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}
