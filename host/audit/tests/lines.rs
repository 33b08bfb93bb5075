//! What is written is what is read, on one line that steers nothing, and never too long.

mod support;

use std::fs;

use proptest::prelude::*;
use ptrun_audit::{
    AuditError, Decision, Entry, Omitted, Outcome, Plugin, Request, Secret, User, Why, entries, read,
};
use support::{add, checked, entry, place, request};

fn all(path: &std::path::Path) -> Vec<Entry> {
    let entries = entries(path).expect("a log").enumerate();
    entries
        .map(|(at, entry)| {
            let (line, entry) = entry.expect("a line");
            assert_eq!(line, at as u64 + 1);
            entry
        })
        .collect()
}

#[test]
fn what_is_written_is_read() {
    let (_folder, path) = place();
    let written: Vec<Entry> = (0..5).map(entry).collect();
    written.iter().for_each(|entry| add(&path, entry));
    assert_eq!(all(&path), written);

    let report = checked(&path);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.records, report.repaired, report.torn), (5, 0, None));
    assert_eq!(report.times, Some((written[0].time, written[4].time)));
}

#[test]
fn a_line_has_a_form_that_others_can_read() {
    let (_folder, path) = place();
    let mut entry = Entry::new("get", User { id: 7, name: None });
    entry.time = "2026-01-31T12:00:00.123999Z".parse().expect("a time");
    entry.process = 8;
    add(&path, &entry);
    add(&path, &support::entry(1));
    let text = fs::read_to_string(&path).expect("text");
    let (first, second) = text.split_once('\n').expect("two lines");

    let zeros = "0".repeat(64);
    let body = "{\"time\":\"2026-01-31T12:00:00.123Z\",\"event\":\"get\",\"decision\":\"refused\",\
        \"user\":{\"id\":7},\"process\":8}";
    let line = format!("{{\"seq\":1,\"prev\":\"{zeros}\",\"entry\":{body},\"hash\":\"{zeros}\"}}");
    assert_eq!(first, support::hashed(&line));

    let value: serde_json::Value = serde_json::from_str(second).expect("JSON");
    assert_eq!(value["seq"], 2);
    assert!(first.contains(value["prev"].as_str().expect("a hash")));
    let head = fs::read_to_string(support::head(&path)).expect("text");
    assert_eq!(head, format!("{:020} {}\n", 2, value["hash"].as_str().expect("a hash")));
}

#[test]
fn nothing_in_a_line_steers_a_terminal() {
    let (_folder, path) = place();
    let mut odd = entry(0);
    let hidden = "\0\u{1}\n\r\t\u{1b}[2J\u{7f}\u{80}\u{9b}\u{9f}\u{61c}\u{200e}\u{202a}\u{202e}\u{2028}\u{2029}\u{2066}\u{2069}";
    odd.event = hidden.to_owned();
    odd.user.name = Some(hidden.to_owned());
    odd.classes = vec![hidden.to_owned()];
    odd.requests[0].origin = format!("é\u{1f600}{hidden}\"\\");
    add(&path, &odd);
    let text = fs::read_to_string(&path).expect("text");
    let line = text.strip_suffix('\n').expect("an end");
    assert!(!line.chars().any(|character| hidden.contains(character)
        && character != '['
        && character != '2'
        && character != 'J'));
    assert!(line.contains("é\u{1f600}"));
    assert_eq!(all(&path), [odd]);
}

#[test]
fn what_is_long_is_cut_and_never_refused() {
    let (_folder, path) = place();
    let mut long = entry(0);
    let controls = "\u{9b}".repeat(1 << 16);
    long.event = "é".repeat(1000);
    long.program = Some(controls.clone());
    long.classes = vec![controls.clone(); 50];
    long.secrets = (0..15_000)
        .map(|number| Secret { name: None, reference: format!("env://{number}"), outcome: Outcome::Found })
        .collect();
    long.plugins[0].signers = vec![controls; 100];
    long.requests = (0..15_000).map(request).collect();
    add(&path, &long);
    add(&path, &entry(1));

    let text = fs::read_to_string(&path).expect("text");
    let first = text.lines().next().expect("a line");
    assert!((900 << 10..=1 << 20).contains(&first.len()), "{}", first.len());
    let read = &all(&path)[0];
    assert_eq!(read.event.len(), 1023);
    assert!(read.event.ends_with("é…[+986]"), "{}", read.event);
    assert!(read.program.as_ref().is_some_and(|program| program.ends_with("]") && program.len() <= 1024));
    let Omitted { classes, secrets, plugins, signers, requests } = read.omitted;
    assert_eq!((classes, plugins, signers), (0, 0, 84));
    assert_eq!(read.secrets.len() as u64 + secrets, 15_000);
    assert_eq!(read.requests.len() as u64 + requests, 15_000);
    assert!(secrets > 0 && requests > 0 && !read.secrets.is_empty() && !read.requests.is_empty());
    // What is there is the beginning, as it was.
    assert_eq!(read.secrets[..], long.secrets[..read.secrets.len()]);
    assert!(checked(&path).is_intact());
}

#[test]
fn lines_that_are_none_are_passed_over() {
    let (_folder, path) = place();
    (0..3).for_each(|number| add(&path, &entry(number)));
    let text = fs::read_to_string(&path).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    let long = "x".repeat((2 << 20) + 1);
    let torn = &lines[2][..50];
    let text = [lines[0], "{}", lines[1], &long, "", lines[2], torn].join("\n");
    let found: Vec<Result<u64, (u64, Why)>> = read(text.as_bytes())
        .map(|entry| match entry {
            Ok((line, _)) => Ok(line),
            Err(AuditError::Line(broken)) => Err((broken.line, broken.why)),
            Err(other) => panic!("{other}"),
        })
        .collect();
    let expected =
        [Ok(1), Err((2, Why::Malformed)), Ok(3), Err((4, Why::TooLong)), Err((5, Why::Malformed)), Ok(6)];
    assert_eq!(found, expected);
}

#[test]
fn an_entry_with_something_unknown_is_none() {
    let json = entry(0).to_json().expect("JSON");
    assert_eq!(serde_json::from_str::<Entry>(&json).expect("an entry"), entry(0));
    for other in [
        json.replacen('{', "{\"value\":\"x\",", 1),
        json.replacen("\"id\":1000", "\"id\":1000,\"value\":\"x\"", 1),
        json.replace("\"found\"", "\"Found\""),
        json.replace("\"event\":\"run\",", ""),
        json.replace("\"event\":\"run\",", "\"event\":\"run\",\"event\":\"get\","),
    ] {
        assert_ne!(other, json);
        assert!(serde_json::from_str::<Entry>(&other).is_err(), "{other}");
    }
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(any::<String>(), 0..4)
}

fn secret() -> impl Strategy<Value = Secret> {
    let outcome =
        prop::sample::select(vec![Outcome::Found, Outcome::Default, Outcome::Missing, Outcome::Failed]);
    (any::<Option<String>>(), any::<String>(), outcome).prop_map(|(name, reference, outcome)| Secret {
        name,
        reference,
        outcome,
    })
}

fn plugin() -> impl Strategy<Value = Plugin> {
    (any::<[String; 4]>(), texts()).prop_map(|([scheme, name, version, digest], signers)| Plugin {
        scheme,
        name,
        version,
        digest,
        signers,
    })
}

fn requests() -> impl Strategy<Value = Request> {
    (any::<[String; 3]>(), any::<(Option<u16>, u64, u64, Option<String>)>()).prop_map(
        |([plugin, method, origin], (status, sent, received, failed))| Request {
            plugin,
            method,
            origin,
            status,
            sent,
            received,
            failed,
        },
    )
}

prop_compose! {
    fn entries_of_any_kind()(
        millisecond in -377_705_023_201_000_i64..253_402_207_200_000,
        (event, program, profile) in any::<(String, Option<String>, Option<String>)>(),
        (is_allowed, id, name, process) in any::<(bool, u32, Option<String>, u32)>(),
        classes in texts(),
        secrets in prop::collection::vec(secret(), 0..4),
        plugins in prop::collection::vec(plugin(), 0..3),
        requests in prop::collection::vec(requests(), 0..3),
    ) -> Entry {
        let mut entry = Entry::new(&event, User { id, name });
        entry.time = jiff::Timestamp::from_millisecond(millisecond).expect("a time");
        entry.decision = if is_allowed { Decision::Allowed } else { Decision::Refused };
        Entry { classes, process, program, profile, secrets, plugins, requests, ..entry }
    }
}

proptest! {
    // What fails is in the report; there is no file for it.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_entry_is_read_as_it_was_written(entry in entries_of_any_kind()) {
        let json = entry.to_json().expect("JSON");
        prop_assert!(!json.chars().any(char::is_control));
        prop_assert_eq!(serde_json::from_str::<Entry>(&json).expect("an entry"), entry);
    }

    #[test]
    fn any_text_is_cut_between_characters(start in "\\PC{0,4}", part in "[é€😀a\u{9b}]{1,4}", times in 300_usize..3000) {
        let text = start + &part.repeat(times);
        let mut entry = entry(0);
        entry.event.clone_from(&text);
        let read: Entry = serde_json::from_str(&entry.to_json().expect("JSON")).expect("an entry");
        prop_assert!(read.event.len() <= 1024);
        if text.len() <= 1024 {
            prop_assert_eq!(read.event, text);
        } else {
            let (kept, mark) = read.event.rsplit_once("…[+").expect("a mark");
            let cut: usize = mark.strip_suffix(']').expect("a mark").parse().expect("a number");
            prop_assert!(text.starts_with(kept) && kept.len() + cut == text.len());
        }
    }
}
