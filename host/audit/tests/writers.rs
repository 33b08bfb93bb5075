//! Many add to one log at the same time.

mod support;

use std::collections::BTreeSet;

use ptrun_audit::{Head, Log, entries};
use support::{checked, entry, place, task};

#[test]
fn fifty_threads_add_a_hundred_records_each() {
    let (_folder, path) = place();
    std::thread::scope(|scope| {
        for thread in 0..50 {
            let path = &path;
            scope.spawn(move || {
                let mut log = Log::open(path).expect("a log");
                for number in 0..100 {
                    log.append(&entry(thread * 100 + number)).expect("space");
                }
            });
        }
    });
    let report = checked(&path);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(
        (report.records, report.repaired, report.torn, report.head),
        (5000, 0, None, Some(Head::Same))
    );
    let programs = entries(&path).expect("a log").map(|entry| entry.expect("a line").1.program);
    assert_eq!(programs.collect::<BTreeSet<_>>().len(), 5000);
}

#[test]
fn eight_processes_add_a_hundred_records_each() {
    let (_folder, path) = place();
    let children: Vec<_> = (0..8).map(|_| support::child(&path, 100).spawn().expect("a child")).collect();
    for mut child in children {
        assert!(child.wait().expect("an end").success());
    }
    let report = checked(&path);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.repaired, report.torn), (800, 0, None));
    let processes = entries(&path).expect("a log").map(|entry| entry.expect("a line").1.process);
    assert_eq!(processes.collect::<BTreeSet<_>>().len(), 8);
}

/// One of the eight.
#[test]
fn child() {
    let Some((path, count)) = task() else { return };
    for number in 0..count {
        // Each run of ptrun opens the log.
        Log::open(&path).expect("a log").append(&entry(number as u64)).expect("space");
    }
}
