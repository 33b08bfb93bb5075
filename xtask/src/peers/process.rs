//! Waits for processes, for a while, and says how they ended.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use crate::sh::{self, Result};

/// How long anything may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// How it ended; nothing if it did not.
pub(super) fn describe(status: Option<ExitStatus>) -> Result<String> {
    let Some(status) = status else { return Ok("hangs".to_owned()) };
    Ok(match (status.code(), status.signal()) {
        (Some(code), _) => code.to_string(),
        (_, Some(15)) => "signal TERM".to_owned(),
        (_, signal) => format!("signal {}", signal.ok_or("it did not end")?),
    })
}

/// Whether it is done before the deadline.
pub(super) fn in_time(mut done: impl FnMut() -> bool) -> bool {
    let begin = Instant::now();
    while !done() {
        if begin.elapsed() > DEADLINE {
            return false;
        }
        std::thread::sleep(Duration::from_micros(100));
    }
    true
}

/// Waits, and leaves it alone if it hangs.
pub(super) fn wait(child: &mut Child) -> Option<ExitStatus> {
    let mut status = None;
    in_time(|| {
        status = child.try_wait().ok().flatten();
        status.is_some()
    });
    status
}

/// Waits, and ends it with its group if it hangs.
pub(super) fn finish(child: &mut Child) -> Option<ExitStatus> {
    let status = wait(child);
    if status.is_none() {
        signal("KILL", &format!("-{}", child.id()));
        let _ = child.wait();
    }
    status
}

/// To a process, or to a group, with a minus.
pub(super) fn signal(name: &str, process: &str) {
    sh::command("sh").args(["-c", "kill -s \"$0\" -- \"$1\"", name, process]).output();
}

/// What has ended may still be in the list, until its parent looks (proc(5), state Z).
pub(super) fn alive(process: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}
