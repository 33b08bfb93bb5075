//! What happens if ptrun itself is defective: an error like others, and none of the text of the panic, which could
//! hold a value.

use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;

use crate::report::Failure;

/// Where the first panic was.
static PLACE: OnceLock<String> = OnceLock::new();

/// Does `work`, and makes an error of a panic.
pub(crate) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, Failure> {
    panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            let _ = PLACE.set(place.to_string());
        }
    }));
    panic::catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        let failure = Failure::new("system/defect", "ptrun is defective");
        let failure = PLACE.get().into_iter().fold(failure, |failure, place| failure.fact("at", place));
        failure.help("report this, with the command line that led to it")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_without_its_text() {
        assert_eq!(guarded(|| 7).ok(), Some(7));
        let failure = guarded(|| {
            std::thread::scope(|scope| {
                let thread = scope.spawn(|| -> u8 { panic!("canary-2c7e") });
                thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
            })
        });
        let said = format!("{:?}", failure.expect_err("it panicked"));
        assert!(
            said.contains("system/defect") && said.contains("defect.rs:") && !said.contains("canary"),
            "{said}"
        );
    }
}
