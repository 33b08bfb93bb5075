//! Says on a terminal what is waited for, if it takes long. Nothing is said to a file or a pipe.

use std::io::{self, IsTerminal as _, Write as _};
use std::pin::pin;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::process::deaf;

/// How long nothing is said.
const PATIENCE: Duration = Duration::from_millis(500);
/// Takes back what stands in the line (ECMA-48, EL).
const ERASE: &str = "\r\x1b[K";

/// Waits for `work`, which asks these plugins.
pub(crate) async fn shown<T>(work: impl Future<Output = T>, schemes: &[String]) -> T {
    let mut work = pin!(work);
    if !io::stderr().is_terminal() {
        return work.await;
    }
    if let Ok(done) = tokio::time::timeout(PATIENCE, &mut work).await {
        return done;
    }
    // If nobody can be told, the work goes on.
    let _ = write!(io::stderr(), "waiting for {}...", schemes.join(", "));
    let _erased = Erased;
    work.await
}

/// Does `work`, and says what it is if it takes long.
pub(crate) fn told<T>(what: &str, work: impl FnOnce() -> T) -> T {
    if !io::stderr().is_terminal() {
        return work();
    }
    thread::scope(|scope| {
        let (working, ended) = channel::<()>();
        let tell = move || {
            deaf();
            if ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let _ = write!(io::stderr(), "{what}...");
                let _erased = Erased;
                let _ = ended.recv();
            }
        };
        // Without it, nothing is said.
        let _ = thread::Builder::new().spawn_scoped(scope, tell);
        let done = work();
        drop(working);
        done
    })
}

/// Erases the line, also if nobody waits any more.
struct Erased;

impl Drop for Erased {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "{ERASE}");
    }
}
