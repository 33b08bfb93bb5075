//! Manifests. What is accepted has names that are no paths, and texts that a terminal shows as they are.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptrun_trust::Manifest;

fuzz_target!(|bytes: &[u8]| {
    match Manifest::parse(bytes) {
        Ok(manifest) => {
            assert!(manifest.full_name().matches('/').count() == 1 && !manifest.full_name().contains(".."));
            for request in manifest.capabilities.requests() {
                assert!(!request.contains(char::is_control));
            }
        }
        Err(why) => assert!(!why.to_string().contains('\u{1b}'), "an escape reaches the terminal"),
    }
});
