//! What is recorded of what was done: who, when, with what, and whether it was allowed; and never a value.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use ptrun_tests::{User, text};
use serde_json::{Value, json};

const CANARY: &str = "canary-7f3e91";

fn place(user: &User) -> PathBuf {
    user.home().join(".local/state/ptrun/audit.jsonl")
}

/// The entries, as `ptrun audit show --json` prints them.
fn entries(user: &User, filter: &[&str]) -> Vec<Value> {
    let output = user.run(["audit", "show", "--json"].into_iter().chain(filter.iter().copied()));
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    text(&output.stdout).lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn ptrun(user: &User) -> Command {
    let mut command = user.ptrun();
    command.env("GREETING", CANARY).args(["-s", "MESSAGE=env://GREETING"]);
    command
}

fn verified(user: &User) -> (Option<i32>, String) {
    let output = user.run(["audit", "verify"]);
    (output.status.code(), text(&output.stdout))
}

#[test]
fn a_run_is_recorded_with_everything_but_values() {
    let user = User::new();
    assert!(ptrun(&user).args(["--", "sh", "-c", "exit 0", CANARY]).status().expect("starts").success());
    let recorded = fs::read_to_string(place(&user)).expect("a record");
    assert_eq!(recorded.lines().count(), 1);
    assert!(!recorded.contains(CANARY), "{recorded}");
    assert_eq!(fs::metadata(place(&user)).expect("there").permissions().mode() & 0o777, 0o600);
    let mut entry = entries(&user, &[]).remove(0);
    let plugin = entry["plugins"][0].take();
    let list: Value =
        serde_json::from_slice(&user.run(["plugin", "inspect", "env", "--json"]).stdout).expect("JSON");
    for (name, known) in
        [("digest", "digest"), ("signers", "signers"), ("version", "version"), ("name", "plugin")]
    {
        assert_eq!(plugin[name], list[known], "{name}");
    }
    assert!(entry["time"].as_str().is_some_and(|time| time.ends_with('Z')));
    assert_eq!(entry["user"]["id"], u64::from(rustix::process::geteuid().as_raw()));
    assert_eq!(
        (&entry["event"], &entry["decision"], &entry["program"], &entry["classes"]),
        (&json!("run"), &json!("allowed"), &json!("sh"), &Value::Null)
    );
    assert_eq!(
        entry["secrets"],
        json!([{ "name": "MESSAGE", "reference": "env://GREETING", "outcome": "found" }])
    );
}

#[test]
fn what_is_refused_is_recorded_with_its_class() {
    let user = User::new();
    let output =
        ptrun(&user).args(["-s", "B=env://NONE", "--", "touch", "started"]).output().expect("starts");
    assert_eq!(output.status.code(), Some(125));
    user.copy("json");
    user.run(["--plugin", "./json.wasm", "-s", "A=guest://x", "--", "touch", "started"]);
    user.run(["get", "env://NONE"]);
    let seen: Vec<(Value, Value, Value)> = entries(&user, &[])
        .into_iter()
        .map(|mut entry| (entry["event"].take(), entry["decision"].take(), entry["classes"].take()))
        .collect();
    let refused = |event: &str, class: &str| (json!(event), json!("refused"), json!([class]));
    assert_eq!(
        seen,
        [
            refused("run", "secret/not-found"),
            refused("run", "trust/unapproved"),
            refused("get", "secret/not-found")
        ]
    );
    assert!(!user.home().join("started").exists());
}

#[test]
fn every_way_to_a_secret_is_recorded() {
    let user = User::new();
    user.write("ptrun.toml", "[secrets]\nA = \"env://GREETING\"\n");
    for args in [&["get", "env://GREETING"][..], &["get", "A"], &["check"], &["export"], &["--", "true"]] {
        let output = user.ptrun().env("GREETING", CANARY).args(args).output().expect("starts");
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    }
    let events: Vec<Value> = entries(&user, &[]).into_iter().map(|mut entry| entry["event"].take()).collect();
    assert_eq!(events, ["get", "get", "check", "export", "run"]);
    assert!(!fs::read_to_string(place(&user)).expect("a record").contains(CANARY));
    // What starts nothing and reads nothing leaves no trace.
    user.run(["explain"]);
    user.run(["plugin", "list"]);
    assert_eq!(entries(&user, &[]).len(), 5);
}

#[test]
fn what_cannot_be_recorded_is_not_done() {
    let user = User::new();
    let refused = |command: &mut Command| {
        let output = command.args(["--", "touch", "started"]).output().expect("starts");
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(125), "{said}");
        assert!(said.starts_with("error[audit/unwritable]: "), "{said}");
        assert!(said.contains("--audit stderr"), "the help names the way out: {said}");
        assert!(!user.home().join("started").exists());
    };
    user.write("file", "");
    refused(ptrun(&user).args(["--audit", "file/log"]));
    refused(ptrun(&user).args(["--audit", "/proc/log"]));
    refused(ptrun(&user).args(["--audit", "journald:none"]));
    refused(ptrun(&user).args(["--audit", "fine.jsonl", "--audit", "syslog:none"]));
    refused(ptrun(&user).env_remove("HOME"));
    // Where it could be recorded, it is said that it was not done after all.
    let last = entries(&user, &["fine.jsonl"]).pop().expect("an entry");
    assert_eq!((&last["decision"], &last["classes"]), (&json!("refused"), &json!(["audit/unwritable"])));
    // Somebody else could have written it, or could read it.
    let log = user.write("log", "");
    fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).expect("permissions");
    refused(ptrun(&user).args(["--audit", "log"]));
    std::os::unix::fs::symlink(user.home().join("other"), user.home().join("link")).expect("a link");
    refused(ptrun(&user).args(["--audit", "link"]));
    // Full: the limit is a block.
    let inner = ptrun(&user);
    let mut full = Command::new("bash");
    full.args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "bash"])
        .arg(inner.get_program())
        .args(inner.get_args());
    full.current_dir(user.home()).env_clear();
    full.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    refused(full.args(["--audit", "new"]));
}

#[test]
fn it_goes_where_it_is_told_to() {
    let user = User::new();
    let socket = user.home().join("socket");
    let journal = UnixDatagram::bind(&socket).expect("binds");
    let to = format!("journald:{}", socket.display());
    let status =
        ptrun(&user).args(["--audit", "log", "--audit", &to, "--", "true"]).status().expect("starts");
    assert!(status.success());
    let mut datagram = vec![0; 1 << 16];
    let length = journal.recv(&mut datagram).expect("sent before the command started");
    let datagram = text(&datagram[..length]);
    assert!(datagram.contains("PTRUN_DECISION=allowed\n") && !datagram.contains(CANARY), "{datagram}");
    let show = user.run(["audit", "show", "log"]);
    assert!(
        text(&show.stdout).contains(" run true: allowed MESSAGE=env://GREETING\n"),
        "{}",
        text(&show.stdout)
    );

    let output = ptrun(&user).args(["--audit", "stderr", "--", "true"]).output().expect("starts");
    let said = text(&output.stderr);
    assert!(said.starts_with("{\"time\":") && said.lines().count() == 1 && !said.contains(CANARY), "{said}");
    let output = ptrun(&user).env("PTRUN_AUDIT", "off").args(["--", "env"]).output().expect("starts");
    assert!(output.status.success() && !text(&output.stdout).contains("PTRUN_"));
    assert!(!place(&user).exists());
    // The user's own file says where; a flag is stronger.
    user.write(".config/ptrun/config.toml", format!("audit = [\"{}/mine\"]\n", user.home().display()));
    assert!(ptrun(&user).args(["--", "true"]).status().expect("starts").success());
    assert!(user.home().join("mine").exists() && !place(&user).exists());
}

#[test]
fn it_can_be_searched() {
    let user = User::new();
    user.write("ptrun.toml", "[secrets]\nA = \"env://GREETING\"\n");
    for program in ["true", "printenv"] {
        ptrun(&user).args(["--", program, "MESSAGE"]).stdout(Stdio::null()).status().expect("starts");
    }
    user.ptrun().env("GREETING", CANARY).args(["get", "A"]).output().expect("starts");
    let count = |filter: &[&str]| entries(&user, filter).len();
    let number = rustix::process::geteuid().as_raw().to_string();
    assert_eq!(count(&["--program", "true"]), 1);
    assert_eq!(
        (count(&["--secret", "MESSAGE"]), count(&["--secret", "env://"]), count(&["--secret", "X"])),
        (2, 3, 0)
    );
    assert_eq!((count(&["--user", &number]), count(&["--user", "nobody-at-all"])), (3, 0));
    assert_eq!((count(&["--since", "1h"]), count(&["--until", "1h"])), (3, 0));
    assert_eq!((count(&["--since", "2020-01-01"]), count(&["--since", "2999-01-01T00:00:00Z"])), (3, 0));
    let output = user.run(["audit", "show", "--since", "yesterday"]);
    assert_eq!(output.status.code(), Some(125));
    let output = user.run(["audit", "show", "none"]);
    assert!(text(&output.stderr).starts_with("error[audit/unreadable]: "));
}

#[test]
fn what_somebody_wrote_into_it_steers_no_terminal() {
    let user = User::new();
    let odd = "a\u{1b}[2J\u{9b}\u{202e}b";
    let mut command = ptrun(&user);
    command.args(["--", odd]).output().expect("starts");
    for args in [&["audit", "show"][..], &["audit", "show", "--json"]] {
        let shown = text(&user.run(args.iter().copied()).stdout);
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(steers) && shown.contains("[2J"), "{shown:?}");
        assert_eq!(shown.lines().count(), 1);
    }
}

#[test]
fn what_was_changed_is_found() {
    let user = User::new();
    for _ in 0..3 {
        assert!(ptrun(&user).args(["--", "true"]).status().expect("starts").success());
    }
    assert_eq!(verified(&user), (Some(0), "3 records\nthe record is whole\n".to_owned()));
    let whole = fs::read_to_string(place(&user)).expect("a record");
    fs::write(place(&user), whole.replacen("allowed", "refused", 1)).expect("writes");
    assert_eq!(
        verified(&user),
        (Some(1), "3 records\nline 1: this line was changed\nthe record was changed\n".to_owned())
    );
    let without_end: String = whole.lines().take(2).map(|line| format!("{line}\n")).collect();
    fs::write(place(&user), without_end).expect("writes");
    assert_eq!(verified(&user).0, Some(1));
    fs::write(place(&user), &whole[..whole.len() - 9]).expect("writes");
    let (code, said) = verified(&user);
    assert!(code == Some(1) && said.contains("cut off"), "{said}");
    let json: Value = serde_json::from_slice(&user.run(["audit", "verify", "--json"]).stdout).expect("JSON");
    assert_eq!((&json["intact"], &json["records"]), (&json!(false), &json!(2)));
    let output = user.run(["audit", "verify", "none"]);
    assert_eq!(output.status.code(), Some(125));
}

#[test]
fn two_hundred_kills_during_runs_leave_a_chain_that_verifies() {
    let user = User::new();
    let whole = || {
        let start = Instant::now();
        assert!(ptrun(&user).args(["--", "true"]).status().expect("starts").success());
        start.elapsed()
    };
    let mut killed = 0_u64;
    for round in 0..200_u32 {
        // A run lasts a few milliseconds, or many on a busy machine, which the one before shows: the kill falls into
        // another part of each, or after it.
        let length = whole();
        let mut child = ptrun(&user).args(["--", "true"]).spawn().expect("starts");
        let end = Instant::now() + length * 2 * round / 200;
        while Instant::now() < end {
            std::hint::spin_loop();
        }
        child.kill().expect("killed, or gone");
        killed += u64::from(!child.wait().expect("ended").success());
    }
    let json: Value = serde_json::from_slice(&user.run(["audit", "verify", "--json"]).stdout).expect("JSON");
    assert_eq!(json["intact"], true, "{json}");
    let (records, torn) = (json["records"].as_u64().expect("a number"), json["torn"].is_u64());
    println!("kills during runs: {killed} of 200, {records} records, last line cut off: {torn}");
    assert!(killed > 50 && killed < 190 && records >= 200, "{killed} {records}");
    assert!(ptrun(&user).args(["--", "true"]).status().expect("starts").success());
    assert_eq!(verified(&user).0, Some(0));
}

#[test]
fn fifty_runs_at_the_same_time_are_all_recorded() {
    let user = User::new();
    let runs: Vec<_> = (0..50).map(|_| ptrun(&user).args(["--", "true"]).spawn().expect("starts")).collect();
    for mut run in runs {
        assert!(run.wait().expect("ends").success());
    }
    assert_eq!(verified(&user), (Some(0), "50 records\nthe record is whole\n".to_owned()));
}

#[test]
fn it_is_on_the_disk_before_the_command_starts() {
    let user = User::new();
    let output =
        ptrun(&user).args(["--", "cat", place(&user).to_str().expect("text")]).output().expect("starts");
    assert!(text(&output.stdout).contains("\"decision\":\"allowed\""), "{}", text(&output.stdout));
    let strace = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    if strace.is_err() {
        println!("the order of system calls was not looked at: there is no strace");
        return;
    }
    let inner = ptrun(&user);
    let mut traced = Command::new("strace");
    traced.args(["-f", "-o", "trace", "-e", "trace=execve,fdatasync,fsync,write"]).arg(inner.get_program());
    traced.args(inner.get_args()).args(["--", "true"]).current_dir(user.home());
    traced.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert!(traced.status().expect("starts").success());
    let trace = fs::read_to_string(user.home().join("trace")).expect("a trace");
    let at = |what: &str| trace.rfind(what).unwrap_or_else(|| panic!("{what}: {trace}"));
    assert!(at("write(") < at("fdatasync(") && at("fdatasync(") < at("execve("), "{trace}");
}
