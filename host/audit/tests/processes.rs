//! Several who write at the same time, and some who are killed.

mod common;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::entry;
use ptrun_audit::{AuditError, Log, verify};

/// Says to a child what it is: a path, and how many entries it writes.
const PATH: &str = "PTRUN_TEST_AUDIT_PATH";
const COUNT: &str = "PTRUN_TEST_AUDIT_COUNT";

/// This program again, as a writer.
fn writer(path: &Path, count: u32) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--exact", "writes_if_it_is_told_to", "--nocapture"]);
    command.env(PATH, path).env(COUNT, count.to_string()).stdout(Stdio::piped());
    command
}

/// Not a test, unless it is started by one: writes entries, and a line to standard output after each.
#[test]
fn writes_if_it_is_told_to() {
    let Some(path) = std::env::var_os(PATH) else { return };
    let count: u32 = std::env::var(COUNT).expect("set").parse().expect("a number");
    for number in 0..count {
        let log = Log::open(Path::new(&path)).expect("opens");
        log.append(&entry(&format!("{}-{number}", std::process::id()))).expect("appends");
        println!("\nwrote {number}");
    }
}

fn wait_for(child: &mut Child, lines: usize) {
    let stdout = BufReader::new(child.stdout.as_mut().expect("piped"));
    let wrote = stdout.lines().map_while(Result::ok).filter(|line| line.starts_with("wrote "));
    assert_eq!(wrote.take(lines).count(), lines);
}

#[test]
fn fifty_writers_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let mut children: Vec<Child> = (0..10).map(|_| writer(&path, 100).spawn().expect("starts")).collect();
    std::thread::scope(|scope| {
        for number in 0..40 {
            let path = &path;
            scope.spawn(move || {
                let log = Log::open(path).expect("opens");
                for turn in 0..100 {
                    log.append(&entry(&format!("thread-{number}-{turn}"))).expect("appends");
                }
            });
        }
    });
    for child in &mut children {
        wait_for(child, 100);
        assert!(child.wait().expect("ends").success());
    }
    let report = verify(&path).expect("reads");
    assert!(report.is_intact() && report.torn.is_none(), "{report:?}");
    assert_eq!((report.records, report.repaired), (5000, 0));
    println!("writers at the same time: 50, {} records, all valid", report.records);
}

#[test]
fn two_hundred_kills_leave_a_chain_that_verifies() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let (mut torn, mut before) = (0, 0);
    for round in 0..200_usize {
        let mut child = writer(&path, u32::MAX).spawn().expect("starts");
        // Somewhere in the next one, which is another place each time.
        wait_for(&mut child, round % 3 + 1);
        child.kill().expect("killed");
        child.wait().expect("ended");
        let report = verify(&path).expect("reads");
        assert!(report.is_intact(), "{report:?}");
        assert!(report.records > before);
        before = report.records;
        torn += u64::from(report.torn.is_some());
    }
    Log::open(&path).expect("opens").append(&entry("last")).expect("appends");
    let report = verify(&path).expect("reads");
    assert!(report.is_intact() && report.torn.is_none() && report.repaired == torn, "{report:?}");
    println!("kills: 200, {} records, {torn} lines cut off and repaired", report.records);
}

#[test]
fn a_full_disk_is_an_error_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let written = |limit: u32| {
        // The shell's limit is in blocks of 512 bytes, or 1024; a signal that is ignored stays so.
        let child = writer(&path, 100);
        let script = format!("trap '' XFSZ; ulimit -f {limit}; exec \"$@\"");
        let mut shell = Command::new("bash");
        shell.args(["-c", &script, "bash"]).arg(child.get_program()).args(child.get_args());
        shell.env(PATH, &path).env(COUNT, "100").output().expect("starts")
    };
    let output = written(4);
    let said =
        String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("Unwritable"), "{said}");
    let report = verify(&path).expect("reads");
    assert!(report.is_intact() && report.torn.is_none() && report.records > 3, "{report:?}");
    let length = fs::metadata(&path).expect("there").len();
    assert!(length < 4096, "{length}");
    Log::open(&path).expect("opens").append(&entry("next")).expect("there is room again");
    assert_eq!(verify(&path).expect("reads").records, report.records + 1);
}

#[test]
fn what_cannot_be_opened_is_an_error() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("file"), "").expect("writes");
    assert!(matches!(Log::open(&folder.path().join("file/log")), Err(AuditError::Unwritable { .. })));
}
