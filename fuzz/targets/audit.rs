//! A record that somebody else wrote: reading and checking it ends, with a report.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptrun_audit::{read, verify_lines};

fuzz_target!(|lines: &[u8]| {
    let report = verify_lines(lines).expect("memory can be read");
    let entries = read(lines).filter(Result::is_ok).count() as u64;
    assert!(entries <= report.records);
    // Whatever is whole can be shown.
    assert!(!report.is_intact() || entries == report.records);
});
