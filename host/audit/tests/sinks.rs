//! Places other than a file.

mod support;

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Stdio;

use ptrun_audit::{AuditError, Decision, Entry, Sink};
use support::{checked, entry, place, request, task};

fn socket() -> (tempfile::TempDir, PathBuf, UnixDatagram) {
    let (folder, path) = place();
    let socket = UnixDatagram::bind(&path).expect("a socket");
    (folder, path, socket)
}

fn received(socket: &UnixDatagram) -> Vec<u8> {
    let mut bytes = vec![0; 1 << 20];
    let length = socket.recv(&mut bytes).expect("a datagram");
    bytes.truncate(length);
    bytes
}

/// The fields of a datagram for journald.
fn fields(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let end = bytes.iter().position(|byte| *byte == b'\n').expect("an end");
        let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
        let (name, value, rest) = match line.iter().position(|byte| *byte == b'=') {
            Some(at) => (&line[..at], &line[at + 1..], rest),
            None => {
                let (length, rest) = rest.split_first_chunk().expect("a length");
                let length = usize::try_from(u64::from_le_bytes(*length)).expect("a size");
                assert_eq!(rest[length], b'\n');
                (line, &rest[..length], &rest[length + 1..])
            }
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_owned()).expect("text");
        fields.push((text(name), text(value)));
        bytes = rest;
    }
    fields
}

#[test]
fn journald_gets_fields() {
    let (_folder, path, socket) = socket();
    let sink = Sink::Journald(path);
    let mut odd = entry(0);
    odd.event = "run\nPRIORITY=0".to_owned();
    for (entry, priority, decision) in [(odd, "6", "allowed"), (entry(1), "4", "refused")] {
        sink.write(&entry).expect("a listener");
        let fields = fields(&received(&socket));
        let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("MESSAGE", &*entry.to_json().expect("JSON")),
            ("PRIORITY", priority),
            ("SYSLOG_IDENTIFIER", "ptrun"),
            ("PTRUN_EVENT", &entry.event),
            ("PTRUN_DECISION", decision),
            ("PTRUN_PROGRAM", entry.program.as_deref().expect("a program")),
        ];
        assert_eq!(fields, expected);
    }
}

#[test]
fn syslog_gets_a_line() {
    let (_folder, path, socket) = socket();
    let sink = Sink::Syslog(path);
    for (number, priority) in [(0, 86), (1, 84)] {
        let mut entry = entry(number);
        entry.process = 42;
        sink.write(&entry).expect("a listener");
        let expected = format!("<{priority}>ptrun[42]: {}", entry.to_json().expect("JSON"));
        assert_eq!(String::from_utf8(received(&socket)).expect("text"), expected);
    }
}

#[test]
fn what_is_long_is_shortened_to_whole_json() {
    let (_folder, path, socket) = socket();
    let mut long = entry(0);
    long.requests = (0..100_000).map(request).collect();
    long.event = "\u{9b}".repeat(1 << 20);
    long.program = Some("\u{9b}".repeat(1 << 20));
    long.profile = Some("\u{9b}".repeat(1 << 20));

    Sink::Syslog(path.clone()).write(&long).expect("a listener");
    let text = String::from_utf8(received(&socket)).expect("text");
    let (_, json) = text.split_once(": ").expect("a start");
    assert!(json.len() <= 8000);
    let read: Entry = serde_json::from_str(json).expect("an entry");
    assert_eq!(
        (read.decision, read.omitted.requests),
        (Decision::Allowed, 100_000 - read.requests.len() as u64)
    );

    Sink::Journald(path).write(&long).expect("a listener");
    let fields = fields(&received(&socket));
    assert!((100 << 10..=128 << 10).contains(&fields[0].1.len()));
    let read: Entry = serde_json::from_str(&fields[0].1).expect("an entry");
    assert_eq!(read.omitted.requests, 100_000 - read.requests.len() as u64);
}

#[test]
fn nobody_who_listens_is_an_error() {
    let (_folder, path) = place();
    for sink in [Sink::Journald(path.clone()), Sink::Syslog(path)] {
        assert!(matches!(sink.write(&entry(0)), Err(AuditError::Socket { .. })));
    }
}

#[test]
fn a_file_is_a_log() {
    let (_folder, path) = place();
    let sink = Sink::File(path.clone());
    (0..3).for_each(|number| sink.write(&entry(number)).expect("space"));
    assert!(checked(&path).is_intact() && checked(&path).records == 3);
}

#[test]
fn standard_error_gets_a_line_and_tells_if_it_is_full() {
    let (_folder, path) = place();
    let output = support::child(&path, 2).stderr(Stdio::piped()).output().expect("a child");
    assert!(output.status.success());
    let lines = String::from_utf8(output.stderr).expect("text");
    let read: Vec<Entry> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(read, [entry(0), entry(1)].map(|entry| Entry { process: read[0].process, ..entry }));

    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux");
    let status = support::child(&path, 1).stderr(full).status().expect("a child");
    assert!(!status.success());
}

/// Writes to standard error.
#[test]
fn child() {
    let Some((_, count)) = task() else { return };
    for number in 0..count {
        Sink::Stderr.write(&entry(number as u64)).expect("somebody who reads");
    }
}

#[test]
fn places_have_names() {
    for (text, expected) in [
        ("stderr", Some(Sink::Stderr)),
        ("journald", Some(Sink::Journald("/run/systemd/journal/socket".into()))),
        ("journald:/a:b", Some(Sink::Journald("/a:b".into()))),
        ("syslog", Some(Sink::Syslog("/dev/log".into()))),
        ("syslog:/a", Some(Sink::Syslog("/a".into()))),
        ("/a/b", Some(Sink::File("/a/b".into()))),
        ("./stderr", Some(Sink::File("./stderr".into()))),
        ("syslog.jsonl", Some(Sink::File("syslog.jsonl".into()))),
        ("a:b", Some(Sink::File("a:b".into()))),
        ("", None),
        ("journald:", None),
        ("syslog:", None),
    ] {
        assert_eq!(text.parse::<Sink>().ok(), expected, "{text}");
    }
}
