//! What the host knows of an instance, also when it is gone.

use std::sync::{Mutex, OnceLock, PoisonError};

use ptrun_trust::untrusted;
use zeroize::Zeroizing;

use super::http::Unsent;

/// The most lines of a file that are taken out of texts one by one. Keys have a line each.
const MAX_LINES: usize = 16;

pub(crate) struct Known {
    /// Values that the plugin was given, to take out of what it says.
    given: Mutex<Vec<Zeroizing<String>>>,
    /// Why a request has no answer.
    pub(crate) unsent: OnceLock<Unsent>,
}

impl Known {
    pub(crate) const fn new(given: Vec<Zeroizing<String>>) -> Self {
        Self { given: Mutex::new(given), unsent: OnceLock::new() }
    }

    /// Text of the plugin, fit to be shown: without what the plugin was given, and without `answered`.
    pub(crate) fn clean(&self, text: &str, answered: &[&[u8]]) -> String {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let given = given.iter().map(|value| value.as_bytes());
        untrusted(text, &given.chain(answered.iter().copied()).collect::<Vec<_>>())
    }

    /// Takes what the plugin was handed, and each line of a few, out of what it will say.
    pub(crate) fn remember(&self, bytes: &[u8]) {
        if let Ok(text) = std::str::from_utf8(bytes) {
            let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
            given.push(Zeroizing::new(text.trim().to_owned()));
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            given.extend(lines.take(MAX_LINES).map(|line| Zeroizing::new(line.to_owned())));
        }
    }
}
