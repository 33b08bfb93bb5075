//! Places for entries that are no files of ours.

mod common;

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use common::entry;
use ptrun_audit::{AuditError, Decision, Sink};

#[test]
fn places_have_names() {
    for (text, sink) in [
        ("stderr", Sink::Stderr),
        ("journald", Sink::Journald("/run/systemd/journal/socket".into())),
        ("journald:/x", Sink::Journald("/x".into())),
        ("syslog", Sink::Syslog("/dev/log".into())),
        ("syslog:/x", Sink::Syslog("/x".into())),
        ("syslog.jsonl", Sink::File("syslog.jsonl".into())),
        ("./stderr", Sink::File("./stderr".into())),
    ] {
        assert_eq!(text.parse(), Ok(sink), "{text}");
    }
    assert!("".parse::<Sink>().is_err());
}

#[test]
fn journald_and_syslog_get_a_datagram() {
    let folder = tempfile::tempdir().expect("a folder");
    let path: PathBuf = folder.path().join("socket");
    let socket = UnixDatagram::bind(&path).expect("binds");
    let receive = || {
        let mut buffer = vec![0; 1 << 16];
        let length = socket.recv(&mut buffer).expect("a datagram");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    };
    let mut entry = entry("two\nlines");
    Sink::Journald(path.clone()).write(&entry).expect("sent");
    let text = receive();
    for part in [
        "MESSAGE\n",
        "PRIORITY\n\u{1}\0\0\0\0\0\0\06\n",
        "SYSLOG_IDENTIFIER\n",
        "PTRUN_EVENT\n\u{3}",
        "two\nlines\n",
    ] {
        assert!(text.contains(part), "{part:?}: {text:?}");
    }
    entry.decision = Decision::Refused;
    Sink::Syslog(path.clone()).write(&entry).expect("sent");
    let text = receive();
    assert!(
        text.starts_with("<36>ptrun[") && text.contains("]: {\"time\":") && !text.contains('\n'),
        "{text}"
    );
    drop(socket);
    assert!(matches!(Sink::Syslog(path).write(&entry), Err(AuditError::Socket { .. })));
}
