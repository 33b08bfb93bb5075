//! Trust stores, approvals and lock files: read in full or refused, and written as they are read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptrun_trust::{Approvals, Lock, TrustStore};

fuzz_target!(|text: &str| {
    let mut trust = TrustStore::new();
    if trust.add_toml(text).is_err() {
        assert!(trust.keys().is_empty(), "read by half");
    }
    if let Ok(approvals) = Approvals::parse(text) {
        assert_eq!(Approvals::parse(&approvals.to_string()), Ok(approvals));
    }
    if let Ok(lock) = Lock::parse(text) {
        assert_eq!(Lock::parse(&lock.to_string()), Ok(lock));
    }
});
