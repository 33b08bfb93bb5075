//! What the suites share.

#![allow(dead_code, reason = "each suite uses a part of it")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ptrun_audit::{Decision, Entry, Log, Outcome, Plugin, Report, Request, Secret, User, verify};
use sha2::{Digest as _, Sha256};

/// The same numbers in each run (SplitMix64).
pub(crate) struct Numbers(pub(crate) u64);

impl Numbers {
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((number ^ (number >> 31)) % end as u64).expect("a size")
    }
}

/// An entry with something in every field.
pub(crate) fn entry(number: u64) -> Entry {
    let mut entry = Entry::new("run", User { id: 1000, name: Some("alice".to_owned()) });
    entry.time = format!("2026-01-31T12:00:{:02}.123Z", number % 60).parse().expect("a time");
    entry.decision = if number.is_multiple_of(2) { Decision::Allowed } else { Decision::Refused };
    entry.classes = vec!["secret/not-found".to_owned()];
    entry.program = Some(format!("program-{number}"));
    entry.profile = Some("test".to_owned());
    entry.secrets = vec![
        Secret { name: Some("A".to_owned()), reference: "env://A".to_owned(), outcome: Outcome::Found },
        Secret { name: None, reference: format!("env://{number}"), outcome: Outcome::Default },
    ];
    entry.plugins = vec![Plugin {
        scheme: "env".to_owned(),
        name: "ptrun/env".to_owned(),
        version: "0.1.0".to_owned(),
        digest: format!("sha256:{number:064x}"),
        signers: vec!["ab".repeat(32)],
    }];
    entry.requests = vec![request(number)];
    entry
}

pub(crate) fn request(number: u64) -> Request {
    Request {
        plugin: "aws".to_owned(),
        method: "POST".to_owned(),
        origin: "https://secretsmanager.eu-west-1.amazonaws.com".to_owned(),
        status: Some(200),
        sent: number,
        received: 7,
        failed: None,
    }
}

/// A folder that is removed, and the path of a log in it that is not there yet.
pub(crate) fn place() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("audit.jsonl");
    (folder, path)
}

pub(crate) fn add(path: &Path, entry: &Entry) {
    Log::open(path).expect("a log").append(entry).expect("space");
}

pub(crate) fn checked(path: &Path) -> Report {
    verify(path).expect("a file")
}

/// The head of a log, where it is.
pub(crate) fn head(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".head");
    name.into()
}

/// The line with the hash that its content has.
pub(crate) fn hashed(line: &str) -> String {
    let (before, _) = line.rsplit_once(",\"hash\":").expect("a hash");
    let hash = Sha256::new().chain_update("ptrun audit line v1\n").chain_update(before).finalize();
    format!("{before},\"hash\":\"{}\"}}", hex::encode(hash))
}

/// This program, to run the test `child` alone, which does something only now.
pub(crate) fn child(path: &Path, count: usize) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["child", "--exact", "--nocapture"]).env("CHILD_PATH", path);
    command.env("CHILD_COUNT", count.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// What `child` was given.
pub(crate) fn task() -> Option<(PathBuf, usize)> {
    let path = std::env::var_os("CHILD_PATH")?;
    Some((path.into(), std::env::var("CHILD_COUNT").ok()?.parse().ok()?))
}
