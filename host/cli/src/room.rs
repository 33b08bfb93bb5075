//! A folder in memory that is the user's alone, and goes with everything in it: when it is dropped; if `ptrun` is
//! killed, by a shell that waits for that; and if that is killed, too, with the next folder that somebody makes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// What the names of folders begin with, before 24 digits.
const PREFIX: &str = "ptrun-";
/// statfs(2) of what is in memory: tmpfs, and ramfs.
const IN_MEMORY: [u64; 2] = [0x0102_1994, 0x8584_58f6];
/// What is wrong where there is no folder for folders.
const NOWHERE: &str = "there is no folder in memory: neither XDG_RUNTIME_DIR nor /dev/shm";

/// Such a folder.
pub(crate) struct Room {
    path: PathBuf,
    /// Locked as long as there is somebody who removes it.
    _lock: File,
    /// Where there is a shell.
    guard: Option<Child>,
}

impl Room {
    pub(crate) fn new() -> io::Result<Self> {
        let base = base().ok_or_else(|| io::Error::other(NOWHERE))?;
        sweep(&base);
        // Somebody who sweeps could take it for one that was left, before it is locked.
        for _ in 0..8 {
            let mut random = [0; 12];
            getrandom::fill(&mut random).map_err(io::Error::other)?;
            let path = base.join(format!("{PREFIX}{}", hex::encode(random)));
            DirBuilder::new().mode(0o700).create(&path)?;
            let lock = match File::open(&path) {
                Ok(lock) => lock,
                Err(why) if why.kind() == io::ErrorKind::NotFound => continue,
                Err(why) => return Err(why),
            };
            lock.lock()?;
            if path.exists() {
                let guard = guard(&path);
                return Ok(Self { path, _lock: lock, guard });
            }
        }
        Err(io::ErrorKind::Interrupted.into())
    }

    /// Makes a file in it that only the user can read.
    pub(crate) fn write(&self, name: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        let path = self.path.join(name);
        write_new(&path, bytes)?;
        Ok(path)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
        if let Some(guard) = &mut self.guard {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

/// Makes a file of the user's alone, where there is none.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    let written = file.write_all(bytes);
    if written.is_err() {
        let _ = fs::remove_file(path);
    }
    written
}

/// Whether there is room at all, for people.
pub(crate) fn there() -> Result<&'static str, &'static str> {
    base().map(|_| "there is a folder in memory for them").ok_or(NOWHERE)
}

/// A folder in memory in which the user can make others.
fn base() -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|path| path.is_absolute());
    runtime.into_iter().chain(["/dev/shm".into()]).find(|path| {
        let writable = rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK;
        rustix::fs::statfs(path).is_ok_and(|of| IN_MEMORY.contains(&of.f_type.cast_unsigned()))
            && rustix::fs::access(path, writable).is_ok()
    })
}

/// Waits for the end of a pipe, which ends with this process, and removes the folder.
fn guard(path: &Path) -> Option<Child> {
    let mut guard = Command::new("sh");
    guard.args(["-c", "cat >/dev/null; rm -rf \"$0\""]).arg(path).current_dir("/");
    guard.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    // Ctrl-C is not for it.
    guard.process_group(0).spawn().ok()
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
