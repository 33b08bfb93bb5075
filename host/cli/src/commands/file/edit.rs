//! `ptrun file edit`.

use std::ffi::OsString;
use std::io;
use std::process::Command;
use std::sync::Arc;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;
use zeroize::Zeroizing;

use super::MAX_BYTES;
use super::sealed::{Sealed, Style};
use crate::report::Failure;
use crate::room::Room;

/// Opens the editor on a copy that is on no disk, and encrypts what it leaves. The copy is removed whatever happens
/// but a power cut, which takes the memory with it.
pub(crate) fn edit(file: &Sealed) -> Result<(), Failure> {
    let (before, style) = match file.exists() {
        true => file.read()?,
        false => (Zeroizing::new(Vec::new()), Style::Token),
    };
    let failure = |why: String| {
        Failure::new("file/edit", why)
            .help("nothing was changed; set $VISUAL or $EDITOR to an editor that waits")
    };
    let nowhere = |why: io::Error| {
        Failure::new("file/edit", format!("there is no room to edit in: {why}"))
            .help("mount a tmpfs at /dev/shm, or set XDG_RUNTIME_DIR")
    };
    let room = Room::new().map_err(nowhere)?;
    let name = file.path.file_name().unwrap_or("file".as_ref());
    let copy = room.write(name.as_ref(), &before).map_err(nowhere)?;
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
