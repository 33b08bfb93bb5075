//! A record that was changed is found out, and one that was not is whole.

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use common::entry;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use ptrun_audit::{AuditError, Log, Report, Why, entries, verify};

const RECORDS: usize = 50;

/// A record, and what verifies it after `change` made something else of it.
fn report(lines: &str, head: &str, change: impl FnOnce(&str) -> Vec<u8>) -> Report {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    fs::write(&path, change(lines)).expect("writes");
    fs::write(folder.path().join("log.head"), head).expect("writes");
    verify(&path).expect("reads")
}

fn written(records: usize) -> (String, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("deep/er/log");
    let log = Log::open(&path).expect("opens");
    for number in 0..records {
        log.append(&entry(&format!("program-{number}"))).expect("appends");
    }
    let head = path.with_file_name("log.head");
    (fs::read_to_string(path).expect("text"), fs::read_to_string(head).expect("text"))
}

fn joined(lines: &[&str]) -> Vec<u8> {
    lines.iter().flat_map(|line| [line.as_bytes(), b"\n"].concat()).collect()
}

/// One of the ways in which a record is changed.
#[derive(Debug, Clone)]
enum Change {
    Flip(prop::sample::Index, u8),
    Insert(prop::sample::Index, u8),
    Remove(prop::sample::Index),
    DropLine(prop::sample::Index),
    DropLast(usize),
    Swap(prop::sample::Index, prop::sample::Index),
    Repeat(prop::sample::Index, prop::sample::Index),
    /// Another program in a line, with the hash that this line would have.
    Forge(prop::sample::Index),
    Cut(usize),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<prop::sample::Index>;
    prop_oneof![
        (index(), 1..=255_u8).prop_map(|(at, mask)| Change::Flip(at, mask)),
        (index(), any::<u8>()).prop_map(|(at, byte)| Change::Insert(at, byte)),
        index().prop_map(Change::Remove),
        index().prop_map(Change::DropLine),
        (1..RECORDS).prop_map(Change::DropLast),
        (index(), index()).prop_map(|(one, other)| Change::Swap(one, other)),
        (index(), index()).prop_map(|(one, to)| Change::Repeat(one, to)),
        index().prop_map(Change::Forge),
        (2..200_usize).prop_map(Change::Cut),
    ]
}

fn forged(line: &str) -> String {
    use sha2::{Digest as _, Sha256};
    let (before, _) = line.rsplit_once(",\"hash\":").expect("a hash");
    let before = before.replace("program-", "forged-");
    let hash = Sha256::new().chain_update("ptrun audit line v1\n").chain_update(&before).finalize();
    format!("{before},\"hash\":\"{}\"}}", hex::encode(hash))
}

impl Change {
    fn apply(&self, text: &str) -> Vec<u8> {
        let mut lines: Vec<&str> = text.lines().collect();
        let mut bytes = text.as_bytes().to_vec();
        match self {
            Self::Flip(at, mask) => {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            }
            Self::Insert(at, byte) => bytes.insert(at.index(bytes.len()), *byte),
            Self::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
            Self::DropLine(at) => {
                lines.remove(at.index(lines.len()));
                bytes = joined(&lines);
            }
            Self::DropLast(count) => {
                lines.truncate(lines.len() - count);
                bytes = joined(&lines);
            }
            Self::Swap(one, other) => {
                lines.swap(one.index(RECORDS), other.index(RECORDS));
                bytes = joined(&lines);
            }
            Self::Repeat(one, to) => {
                lines.insert(to.index(RECORDS), lines[one.index(RECORDS)]);
                bytes = joined(&lines);
            }
            Self::Forge(at) => {
                let at = at.index(RECORDS);
                let line = forged(lines[at]);
                lines[at] = &line;
                bytes = joined(&lines);
            }
            Self::Cut(count) => bytes.truncate(bytes.len() - count),
        }
        bytes
    }
}

#[test]
fn a_thousand_changes_are_found() {
    let (lines, head) = written(RECORDS);
    let whole = report(&lines, &head, |text| text.as_bytes().to_vec());
    assert!(whole.is_intact() && whole.records == RECORDS as u64 && whole.torn.is_none(), "{whole:?}");
    assert!(whole.times.is_some_and(|(first, last)| first <= last));

    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut found = 0;
    while found < 1000 {
        let change = change().new_tree(&mut runner).expect("a change").current();
        let changed = change.apply(&lines);
        if changed == lines.as_bytes() {
            continue;
        }
        let report = report(&lines, &head, |_| changed);
        assert!(!report.is_intact(), "{change:?}: {report:?}");
        found += 1;
    }
    println!("changes of the record: {found} of {found} found");
}

#[test]
fn what_is_wrong_is_said() {
    let (lines, head) = written(3);
    let lines: Vec<&str> = lines.lines().collect();
    let broken = |lines: &[&str]| {
        let report = report("", &head, |_| joined(lines));
        report.broken.iter().map(|broken| (broken.line, broken.why)).collect::<Vec<_>>()
    };
    assert_eq!(broken(&lines), []);
    assert_eq!(broken(&[lines[0], lines[2]]), [(2, Why::Order)]);
    assert_eq!(broken(&[lines[1], lines[2]]), [(1, Why::Order), (2, Why::Order)]);
    assert_eq!(broken(&lines[..2]), [(2, Why::CutOff)]);
    assert_eq!(broken(&[]), [(0, Why::CutOff)]);
    let changed = lines[1].replace("program-1", "program-2");
    assert_eq!(broken(&[lines[0], &changed, lines[2]]), [(2, Why::Changed)]);
    assert_eq!(broken(&[lines[0], "{}", lines[2]]), [(2, Why::Malformed), (3, Why::Order)]);
    // The last line, forged: the head knows another.
    assert_eq!(broken(&[lines[0], lines[1], &forged(lines[2])]), [(3, Why::CutOff)]);
}

#[test]
fn a_line_that_was_cut_off_is_removed_by_the_next_and_reported() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    for number in 0..3 {
        Log::open(&path).expect("opens").append(&entry("program")).expect("appends");
        let mut bytes = fs::read(&path).expect("reads");
        bytes.extend_from_slice(b"{\"seq\":9,\"prev\":\"00");
        fs::write(&path, bytes).expect("writes");
        let report = verify(&path).expect("reads");
        assert!(report.is_intact() && report.torn == Some(19) && report.repaired == number, "{report:?}");
    }
    Log::open(&path).expect("opens").append(&entry("program")).expect("appends");
    let report = verify(&path).expect("reads");
    assert_eq!((report.records, report.repaired, report.torn, report.is_intact()), (7, 3, None, true));
    let removed: u64 = entries(&path).expect("reads").map(|entry| entry.expect("an entry").1.removed).sum();
    assert_eq!(removed, 3 * 19);
}

#[test]
fn nothing_that_was_changed_is_made_whole_by_what_comes_after() {
    let (lines, _) = written(3);
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    for garbage in ["not a line\n", "{}\n", "\n"] {
        fs::write(&path, format!("{lines}{garbage}")).expect("writes");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("permissions");
        Log::open(&path).expect("opens").append(&entry("program")).expect("appends");
        let report = verify(&path).expect("reads");
        assert!(!report.is_intact() && report.records == 5, "{report:?}");
    }
}

#[test]
fn the_file_is_the_users_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let mode = |path: &Path| fs::symlink_metadata(path).expect("there").permissions().mode() & 0o777;
    Log::open(&at("new/folder/log")).expect("opens");
    assert_eq!(mode(&at("new/folder/log")), 0o600);
    assert_eq!(mode(&at("new/folder/log.head")), 0o600);
    assert_eq!(mode(&at("new/folder")), 0o700);

    let refused = |name: &str| match Log::open(&at(name)) {
        Err(AuditError::Insecure { why, .. }) => why.to_owned(),
        Err(other) => other.to_string(),
        Ok(_) => panic!("{name} was opened"),
    };
    fs::write(at("readable"), "").expect("writes");
    fs::set_permissions(at("readable"), Permissions::from_mode(0o640)).expect("permissions");
    assert_eq!(refused("readable"), "others may read or write it: `chmod 600`");
    std::os::unix::fs::symlink(at("new/folder/log"), at("link")).expect("a link");
    assert_eq!(refused("link"), "it is a link");
    fs::create_dir(at("folder")).expect("a folder");
    assert!(refused("folder").contains("directory"), "{}", refused("folder"));
    rustix::fs::mkfifoat(rustix::fs::CWD, at("fifo"), rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR)
        .expect("a FIFO");
    assert_eq!(refused("fifo"), "it is no regular file");
    assert!(refused("readable/log").contains("cannot be written"));
}

#[test]
fn what_a_line_holds_steers_nothing_and_is_one_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let odd: String = (0..0x3000).filter_map(char::from_u32).chain(['\u{feff}', '\u{1f511}']).collect();
    let log = Log::open(&path).expect("opens");
    for part in odd.chars().collect::<Vec<_>>().chunks(200) {
        let program: String = part.iter().collect();
        log.append(&entry(&program)).expect("appends");
        let last = entries(&path).expect("reads").last().expect("one").expect("a line").1;
        assert_eq!(last.program.as_deref(), Some(program.as_str()), "nothing is lost");
    }
    let text = fs::read_to_string(&path).expect("text");
    let steers = |c: char| (c.is_control() && c != '\n') || ('\u{2028}'..='\u{202e}').contains(&c);
    assert_eq!(text.chars().find(|c| steers(*c)), None);
    assert_eq!(text.lines().count() as u64, verify(&path).expect("reads").records);
}

#[test]
fn what_is_too_long_is_cut_and_recorded() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let mut long = entry(&"\u{e9}".repeat(10_000));
    long.classes = vec!["x".repeat(5000); 5000];
    Log::open(&path).expect("opens").append(&long).expect("appends");
    let (_, read) = entries(&path).expect("reads").next().expect("one").expect("a line");
    assert!(read.program.is_some_and(|program| program.len() <= 1024 && program.ends_with('\u{2026}')));
    assert_eq!((read.classes.len(), read.omitted), (1000, 4000));
    // The end of such a line is found, too.
    Log::open(&path).expect("opens").append(&entry("next")).expect("appends");
    assert!(verify(&path).expect("reads").is_intact());
}
