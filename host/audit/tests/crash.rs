//! Whoever adds is killed, or the disk is full.

mod support;

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use ptrun_audit::{AuditError, Head, Log, Repair, Report, Why, entries};
use support::{Numbers, add, checked, entry, place, request, task};

/// The records that a child adds are long, so that it is killed within one now and then.
fn long(number: usize) -> ptrun_audit::Entry {
    let mut entry = entry(number as u64);
    entry.requests = (0..number as u64 * 137 % 250).map(request).collect();
    entry
}

/// Adds until it is killed, or cannot, and says so.
#[test]
fn child() {
    let Some((path, count)) = task() else { return };
    let mut log = Log::open(&path).expect("a log");
    for number in 0..count {
        if let Err(why) = log.append(&long(number)) {
            // Again, and nothing is there that was not before.
            let before = fs::read(&path).expect("a file");
            assert!(before.is_empty() || before.ends_with(b"\n"));
            assert!(log.append(&long(number)).is_err());
            assert!(fs::read(&path).expect("a file") == before, "the log was changed");
            assert!(matches!(why, AuditError::Unwritable { .. }), "{why}");
            eprintln!("{why}");
            std::process::exit(7);
        }
        io::stderr().write_all(b"added\n").expect("a reader");
    }
}

/// The child with a limit to the size of files, in blocks of 512 bytes. What goes over it ends in a signal, or, if that
/// is ignored, which it still is after `exec`, in an error.
fn limited(path: &Path, blocks: u64, signal: &str) -> (Output, u64) {
    let child = support::child(path, usize::MAX);
    let script = format!("{signal} ulimit -c 0; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    let variables = child.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let output = Command::new("sh")
        .args(["-c", &script])
        .arg(child.get_program())
        .args(child.get_args())
        .envs(variables)
        .output()
        .expect("a shell");
    let said = output.stderr.split(|byte| *byte == b'\n').filter(|line| line == b"added").count();
    (output, said as u64)
}

#[test]
fn a_full_disk_is_an_error_and_leaves_the_log_as_it_was() {
    for blocks in [8, 33, 100, 1000] {
        let (_folder, path) = place();
        add(&path, &entry(0));
        let (output, said) = limited(&path, blocks, "trap '' XFSZ;");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(7), "{errors}");
        assert!(errors.contains("File too large"), "{errors}");
        let report = checked(&path);
        assert!(report.is_intact(), "{report:?}");
        assert_eq!((report.records, report.torn, report.head), (1 + said, None, Some(Head::Same)));

        add(&path, &entry(1));
        let report = checked(&path);
        assert!(report.is_intact() && report.repaired == 0, "{report:?}");
        println!("{} bytes: {said} added, then {}", blocks * 512, errors.lines().last().unwrap_or_default());
    }
}

/// What was done to a log, and what is therefore in it.
#[derive(Default)]
struct Expected {
    /// Records that somebody was told of, or that were seen.
    records: u64,
    /// Lines that were cut off.
    torn: u64,
    /// How many times the head was behind.
    behind: u64,
}

impl Expected {
    fn killed(&mut self, path: &Path, said: u64) {
        // It may have been killed before it made the file.
        let report = if path.exists() { checked(path) } else { Report::default() };
        assert!(report.is_intact(), "{report:?}");
        assert!(report.records - report.repaired >= self.records + said, "{said} more in {report:?}");
        // What was torn before was repaired, if something was added.
        assert!(report.repaired <= self.torn, "{report:?}");
        self.torn = report.repaired + u64::from(report.torn.is_some());
        self.behind += u64::from(report.head == Some(Head::Behind));
        // The ones that it could not speak of any more are there as well.
        self.records = report.records - report.repaired;
    }
}

#[test]
fn two_hundred_kills_lose_nothing_that_was_said_to_be_there() {
    let mut numbers = Numbers(7);
    let (mut torn, mut behind, mut records) = (0, 0, 0);
    for _ in 0..20 {
        let (_folder, path) = place();
        let mut expected = Expected::default();
        for _ in 0..10 {
            let mut child =
                support::child(&path, usize::MAX).stderr(Stdio::piped()).spawn().expect("a child");
            let lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
            // A line for each record that is on the disk; and then a moment, which is another one each time.
            let said = lines.take(numbers.below(5)).filter(Result::is_ok).count();
            (0..numbers.below(1 << 18)).for_each(|number| std::hint::black_box(drop)(number));
            child.kill().expect("a child");
            child.wait().expect("an end");
            expected.killed(&path, said as u64);
        }
        // So is one that is killed by a signal in the middle of a line.
        let length = fs::metadata(&path).map_or(0, |file| file.len());
        let (output, said) = limited(&path, length / 512 + 1 + numbers.below(60) as u64, "");
        assert_eq!(output.status.code(), None, "{output:?}");
        expected.killed(&path, said);

        add(&path, &entry(0));
        let report = checked(&path);
        assert!(report.is_intact(), "{report:?}");
        assert_eq!((report.torn, report.head), (None, Some(Head::Same)));
        assert_eq!((report.repaired, report.records), (expected.torn, expected.records + expected.torn + 1));
        torn += expected.torn;
        behind += expected.behind;
        records += report.records;
    }
    println!(
        "220 kills, {records} records: {torn} torn lines, all repaired; the head was behind {behind} times"
    );
    assert!(torn >= 15, "a limit cuts off nearly every time");
}

#[test]
fn half_a_line_is_removed_and_a_record_says_so() {
    for half in ["{", "{\"seq\":4,\"prev\":\"00", "?", "\0\0\0\0", &"x".repeat(10_000), &"x".repeat(2 << 20)]
    {
        let (_folder, path) = place();
        (0..3).for_each(|number| add(&path, &entry(number)));
        let before = fs::read_to_string(&path).expect("text");
        fs::write(&path, format!("{before}{half}")).expect("space");
        let report = checked(&path);
        assert!(report.is_intact(), "{report:?}");
        assert_eq!((report.records, report.torn, report.repaired), (3, Some(half.len() as u64), 0));

        add(&path, &entry(3));
        let report = checked(&path);
        assert!(report.is_intact(), "{report:?}");
        assert_eq!((report.records, report.torn, report.repaired), (5, None, 1));
        let read: Vec<_> = entries(&path).expect("a log").map(|entry| entry.expect("a line").1).collect();
        assert_eq!(read[3].event, "repair");
        assert_eq!(read[3].repair, Some(Repair { removed: half.len() as u64, head: None }));
        assert_eq!(read[3].user, entry(0).user);
        assert_eq!(read[4], entry(3));
        assert!(fs::read_to_string(&path).expect("text").starts_with(&before));
    }
}

#[test]
fn the_first_line_can_be_half_a_line() {
    let (_folder, path) = place();
    add(&path, &entry(0));
    let line = fs::read(&path).expect("a file");
    let (_folder, path) = place();
    drop(Log::open(&path).expect("a log"));
    fs::write(support::head(&path), format!("{:020} {}\n", 0, "0".repeat(64))).expect("space");
    fs::write(&path, &line[..9]).expect("space");
    assert!(checked(&path).is_intact());
    add(&path, &entry(0));
    let report = checked(&path);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.repaired), (2, 1));
}

#[test]
fn a_record_cannot_say_that_it_is_a_repair() {
    let (_folder, path) = place();
    let mut forged = entry(0);
    forged.repair = Some(Repair { removed: 7, head: Some(Head::Missing) });
    add(&path, &forged);
    let report = checked(&path);
    assert!(report.is_intact() && report.repaired == 0, "{report:?}");
}

#[test]
fn what_is_no_log_is_left_as_it_is() {
    for text in ["password", "password\n", "\n", "{\"a\":1}", &format!("{{\"seq\":{}", "1".repeat(3 << 20))] {
        let (_folder, path) = place();
        drop(Log::open(&path).expect("a file"));
        fs::write(&path, text).expect("space");
        let refused = Log::open(&path).expect("a file").append(&entry(0));
        assert!(matches!(refused, Err(AuditError::NotALog { .. })), "{refused:?}");
        assert!(fs::read_to_string(&path).expect("text") == text);
        assert!(!checked(&path).is_intact());
    }
    let (_folder, path) = place();
    add(&path, &entry(0));
    let long = fs::read_to_string(&path).expect("text") + &"x".repeat((2 << 20) + 1);
    fs::write(&path, &long).expect("space");
    let refused = Log::open(&path).expect("a file").append(&entry(0));
    assert!(matches!(refused, Err(AuditError::NotALog { .. })), "{refused:?}");
    assert_eq!(checked(&path).broken[0].why, Why::TooLong);

    // With an end it is a broken line, after which the log goes on.
    fs::write(&path, long + "\n").expect("space");
    add(&path, &entry(1));
    let broken: Vec<_> = checked(&path).broken.iter().map(|broken| (broken.line, broken.why)).collect();
    assert_eq!(broken, [(2, Why::TooLong)]);
}

#[test]
fn the_end_is_found_wherever_the_blocks_end() {
    let (_folder, path) = place();
    let mut log = Log::open(&path).expect("a log");
    for number in 0..300 {
        let mut entry = entry(number);
        entry.event = "x".repeat(usize::try_from(number * 13 % 1000).expect("a size"));
        entry.requests = (0..number % 40).map(request).collect();
        log.append(&entry).expect("space");
    }
    let report = checked(&path);
    assert!(report.is_intact() && report.records == 300, "{report:?}");
}
