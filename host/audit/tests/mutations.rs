//! Whatever is done to a log is found.

mod support;

use std::fs;
use std::path::Path;

use ptrun_audit::{Head, Why, verify_lines};
use support::{Numbers, add, checked, entry, hashed, head, place};

const RECORDS: u64 = 50;

fn log(path: &Path, first: u64) -> String {
    (first..first + RECORDS).for_each(|number| add(path, &entry(number)));
    fs::read_to_string(path).expect("text")
}

const KINDS: [&str; 11] = [
    "a bit flipped",
    "a byte taken out",
    "a byte put in",
    "a line deleted",
    "the last lines deleted",
    "cut off anywhere",
    "two lines swapped",
    "a line doubled",
    "a line of another log put in",
    "a line changed, with its own hash again",
    "a line made up, with its own hash",
];

/// One change of a kind.
fn changed(kind: usize, text: &str, other: &[&str], numbers: &mut Numbers) -> Vec<u8> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut bytes = text.as_bytes().to_owned();
    let (line, second, byte) =
        (numbers.below(lines.len()), numbers.below(lines.len()), numbers.below(bytes.len()));
    match kind {
        0 => bytes[byte] ^= 1 << numbers.below(8),
        1 => drop(bytes.remove(byte)),
        2 => bytes.insert(byte, u8::try_from(numbers.below(256)).expect("a byte")),
        5 => bytes.truncate(byte),
        _ => {
            match kind {
                3 => drop(lines.remove(line)),
                4 => lines.truncate(line),
                6 => {
                    let second = if second == line { (line + 1) % lines.len() } else { second };
                    lines.swap(line, second);
                }
                7 => lines.insert(second, lines[line].clone()),
                8 => lines.insert(line, other[numbers.below(other.len())].to_owned()),
                9 => {
                    let number = format!("\"seq\":{}", line + 1);
                    let (_, prev) = lines[line].split_once("prev\":\"").expect("a hash");
                    let prev = &prev[..64];
                    let turned: String = prev.chars().rev().collect();
                    let (from, to) = match numbers.below(5) {
                        0 => ("alice", "mallory"),
                        1 => ("0.1.0", "0.1.1"),
                        2 => ("2026-01-31", "2026-02-01"),
                        // The first line has the same hash backward.
                        3 if line > 0 => (prev, turned.as_str()),
                        _ => (number.as_str(), "\"seq\":77"),
                    };
                    lines[line] = hashed(&lines[line].replacen(from, to, 1));
                }
                _ => {
                    let prev = lines[line].split('"').nth(5).expect("a hash").to_owned();
                    let made_up = format!(
                        "{{\"seq\":{},\"prev\":\"{prev}\",\"entry\":{},\"hash\":\"\"}}",
                        line + 1,
                        entry(99).to_json().expect("JSON")
                    );
                    lines.insert(line, hashed(&made_up));
                }
            }
            bytes = lines.iter().flat_map(|line| [line.as_bytes(), b"\n"]).collect::<Vec<_>>().concat();
        }
    }
    bytes
}

#[test]
fn a_thousand_changes_are_found() {
    let (_folder, path) = place();
    let text = log(&path, 0);
    let (_other_folder, other_path) = place();
    let other = log(&other_path, 1000);
    let other: Vec<&str> = other.lines().collect();
    let control = checked(&path);
    assert!(control.is_intact() && control.head == Some(Head::Same), "{control:?}");

    let mut numbers = Numbers(1);
    let mut counts = [0; KINDS.len()];
    let mut whys = std::collections::BTreeMap::<String, u32>::new();
    while counts.iter().sum::<u32>() < 1000 {
        let kind = numbers.below(KINDS.len());
        let bytes = changed(kind, &text, &other, &mut numbers);
        assert!(bytes != text.as_bytes(), "{} is no change", KINDS[kind]);
        fs::write(&path, &bytes).expect("space");
        let report = checked(&path);
        assert!(!report.is_intact(), "{}: {report:?}", KINDS[kind]);
        let is_beginning = text.as_bytes().starts_with(&bytes);
        if is_beginning {
            // The head alone can tell.
            assert_eq!(report.head, Some(Head::Ahead), "{}", KINDS[kind]);
            assert_eq!(report.broken.len(), 1, "{report:?}");
            assert_eq!(report.broken[0].why, Why::CutOff);
            assert_eq!(report.torn.is_some(), !bytes.is_empty() && !bytes.ends_with(b"\n"));
            assert!(verify_lines(bytes.as_slice()).expect("bytes").is_intact());
        }
        counts[kind] += 1;
        *whys.entry(format!("{:?}", report.broken[0].why)).or_default() += 1;
    }
    for (kind, count) in KINDS.iter().zip(counts) {
        println!("{count:4} x {kind}");
    }
    println!("{} of {} found; first: {whys:?}", counts.iter().sum::<u32>(), counts.iter().sum::<u32>());

    fs::write(&path, &text).expect("space");
    assert_eq!(checked(&path), control);
}

#[test]
fn every_cut_inside_the_last_line_is_torn_and_missing() {
    let (_folder, path) = place();
    let text = log(&path, 0);
    let start = text.trim_end().rfind('\n').expect("a line") + 1;
    for end in (start + 1..text.len()).step_by(7).chain([text.len() - 1]) {
        fs::write(&path, &text[..end]).expect("space");
        let report = checked(&path);
        assert_eq!(report.torn, Some((end - start) as u64));
        assert_eq!((report.broken[0].line, report.broken[0].why), (RECORDS, Why::CutOff));
    }
}

#[test]
fn every_changed_bit_of_a_head_is_found() {
    let (_folder, path) = place();
    log(&path, 0);
    let good = fs::read(head(&path)).expect("a head");
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bad = good.clone();
            bad[at] ^= 1 << bit;
            fs::write(head(&path), bad).expect("space");
            assert!(!checked(&path).is_intact(), "byte {at}, bit {bit}");
        }
    }
    for (bad, expected) in [(&good[..85], Head::Malformed), (&[], Head::Missing)] {
        fs::write(head(&path), bad).expect("space");
        let report = checked(&path);
        assert_eq!((report.head, report.broken[0].why), (Some(expected), Why::Headless));
    }
    fs::remove_file(head(&path)).expect("a head");
    assert_eq!(checked(&path).head, Some(Head::Missing));
    assert!(!checked(&path).is_intact());
}

#[test]
fn what_was_done_is_not_covered_up_by_what_is_added() {
    type Change = fn(&str, &Path);
    let cut: Change = |text, path| {
        let end = text.trim_end().rfind('\n').expect("a line") + 1;
        fs::write(path, &text[..end]).expect("space");
    };
    let empty: Change = |_, path| fs::write(path, "").expect("space");
    let other: Change = |text, path| {
        let start = text.trim_end().rfind('\n').expect("a line") + 1;
        let last = hashed(&text[start..].trim_end().replace("alice", "mallory"));
        fs::write(path, format!("{}{last}\n", &text[..start])).expect("space");
    };
    let headless: Change = |_, path| fs::remove_file(head(path)).expect("a head");
    let garbled: Change =
        |text, path| fs::write(path, format!("{}?\n", &text[..text.len() - 2])).expect("space");
    let wrong: Change =
        |text, path| fs::write(path, text.replace("program-49", "program-48")).expect("space");
    for (change, expected) in [
        (cut, (50, Why::CutOff)),
        (empty, (1, Why::CutOff)),
        (other, (51, Why::CutOff)),
        (headless, (51, Why::Headless)),
        (garbled, (50, Why::Malformed)),
        (wrong, (50, Why::Hash)),
    ] {
        let (_folder, path) = place();
        change(&log(&path, 0), &path);
        let before = checked(&path);
        for _ in 0..3 {
            add(&path, &entry(0));
            let report = checked(&path);
            let broken: Vec<_> = report.broken.iter().map(|broken| (broken.line, broken.why)).collect();
            assert_eq!(broken, [expected], "{before:?}");
            assert_eq!(report.head, Some(Head::Same));
        }
    }
}

#[test]
fn no_more_than_a_hundred_are_listed() {
    let (_folder, path) = place();
    add(&path, &entry(0));
    let text = fs::read_to_string(&path).expect("text") + &"{}\n".repeat(1000);
    let report = verify_lines(text.as_bytes()).expect("bytes");
    assert_eq!((report.records, report.broken.len(), report.unlisted), (1001, 100, 900));
    assert!(!report.is_intact());
}

#[test]
fn numbers_have_an_end_and_nobody_falls_over_it() {
    let (_folder, path) = place();
    add(&path, &entry(0));
    let text = fs::read_to_string(&path).expect("text");
    let last = hashed(&text.trim_end().replace("\"seq\":1,", "\"seq\":18446744073709551615,"));
    let over = hashed(&text.trim_end().replace("\"seq\":1,", "\"seq\":18446744073709551616,"));
    fs::write(&path, format!("{last}\n{last}\n{over}\n{last}\n")).expect("space");
    add(&path, &entry(1));
    let broken: Vec<_> = checked(&path).broken.iter().map(|broken| (broken.line, broken.why)).collect();
    assert_eq!(broken, [(1, Why::Seq), (2, Why::Seq), (3, Why::Malformed), (5, Why::Seq)]);
}
