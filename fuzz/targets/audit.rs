//! Logs that somebody may have written over: read line by line, and never believed by half.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptrun_audit::{Entry, read, verify_lines};

fuzz_target!(|log: &[u8]| {
    let report = verify_lines(log).expect("a slice can be read");
    let entries: Vec<_> = read(log).collect();
    assert_eq!(entries.len() as u64, report.records);
    assert_eq!(report.broken.len() as u64 + report.unlisted == 0, report.is_intact());
    if report.is_intact() {
        assert!(entries.iter().all(Result::is_ok), "a broken line in a whole log");
    }
    for (_, entry) in entries.into_iter().flatten() {
        let json = entry.to_json().expect("an entry");
        assert!(json.len() <= 1 << 20 && !json.chars().any(char::is_control));
        let again: Entry = serde_json::from_str(&json).expect("an entry");
        assert_eq!(again.to_json().expect("an entry"), json);
    }
});
