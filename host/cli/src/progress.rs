//! Says on a terminal what is waited for, if it takes long. Nothing is said to a file or a pipe.

use std::io::{self, IsTerminal as _, Write as _};
use std::pin::pin;
use std::time::Duration;

/// How long nothing is said.
const PATIENCE: Duration = Duration::from_millis(500);
/// Takes back what stands in the line (ECMA-48, EL).
const ERASE: &str = "\r\x1b[K";

/// Waits for `work`, which asks these plugins.
pub(crate) async fn shown<T>(work: impl Future<Output = T>, schemes: &[&str]) -> T {
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

/// Erases the line, also if nobody waits any more.
struct Erased;

impl Drop for Erased {
    fn drop(&mut self) {
        let _ = write!(io::stderr(), "{ERASE}");
    }
}
