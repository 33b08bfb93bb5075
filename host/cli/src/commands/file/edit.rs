//! `ptrun file edit`.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;
use zeroize::Zeroizing;

use super::MAX_BYTES;
use super::sealed::{Sealed, Style};
use crate::report::Failure;
use crate::user;

/// Opens the editor on a copy that is on no disk, and encrypts what it leaves. The copy is removed whatever happens
/// but a power cut, which takes the memory with it.
pub(crate) fn edit(file: &Sealed) -> Result<(), Failure> {
    let (before, style) = match file.exists() {
        true => file.read()?,
        false => (Zeroizing::new(Vec::new()), Style::Token),
    };
    let room = Room::new()?;
    let copy = room.path.join(file.path.file_name().unwrap_or("file".as_ref()));
    let failure = |why: String| {
        Failure::new("file/edit", why)
            .help("nothing was changed; set $VISUAL or $EDITOR to an editor that waits")
    };
    user::create(&copy, &before, 0o600)
        .map_err(|why| failure(format!("there is no room to edit in: {why}")))?;
    let editor =
        ["VISUAL", "EDITOR"].into_iter().find_map(|name| std::env::var_os(name).filter(|it| !it.is_empty()));
    let editor = editor.unwrap_or_else(|| OsString::from("vi"));
    // As `git` and `crontab` do it: the variable is a command for the shell. Ctrl-C is for the editor.
    for signal in [SIGINT, SIGQUIT, SIGTERM, SIGHUP] {
        let seen = flag::register(signal, Arc::default());
        seen.map_err(|why| failure(format!("the system refused: {why}")))?;
    }
    let status = Command::new("sh").args(["-c", "exec $0 \"$1\""]).arg(&editor).arg(&copy).status();
    let status = status.map_err(|why| failure(format!("the editor did not start: {why}")))?;
    if !status.success() {
        return Err(failure(format!("the editor failed: {status}")));
    }
    let after = ptrun_host::read_regular(&copy, MAX_BYTES).map(Zeroizing::new);
    let after = after.map_err(|why| failure(format!("what the editor left cannot be read: {why}")))?;
    if after == before && file.exists() {
        return Ok(());
    }
    file.change_from(&before, &after, &style)
}

/// A folder of its own in memory, which goes with everything in it. Also if this process is killed: a shell waits for
/// the end of a pipe, and removes it.
struct Room {
    path: PathBuf,
    guard: Child,
}

impl Room {
    fn new() -> Result<Self, Failure> {
        let folders =
            [std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from), Some(PathBuf::from("/dev/shm"))];
        let in_memory = |folder: &Path| {
            // statfs(2): TMPFS_MAGIC and RAMFS_MAGIC.
            rustix::fs::statfs(folder).is_ok_and(|found| [0x0102_1994, 0x8584_58f6].contains(&found.f_type))
        };
        let nowhere = |why: &str| {
            Failure::new("file/edit", format!("there is no folder in memory to edit in: {why}"))
                .help("mount a tmpfs at /dev/shm, or set XDG_RUNTIME_DIR")
        };
        let folder = folders.into_iter().flatten().find(|folder| in_memory(folder));
        let folder = folder.ok_or_else(|| nowhere("neither XDG_RUNTIME_DIR nor /dev/shm is one"))?;
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|why| nowhere(&why.to_string()))?;
        let room = folder.join(format!("ptrun-edit-{}", hex::encode(random)));
        DirBuilder::new().mode(0o700).create(&room).map_err(|why| nowhere(&why.to_string()))?;
        let guard = Command::new("sh")
            .args(["-c", "cat >/dev/null; rm -rf \"$0\""])
            .arg(&room)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C is not for it.
            .process_group(0)
            .spawn();
        match guard {
            Ok(guard) => Ok(Self { path: room, guard }),
            Err(why) => {
                let _ = fs::remove_dir(&room);
                Err(nowhere(&why.to_string()))
            }
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}
