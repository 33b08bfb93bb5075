//! How secrets get to the command.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ptrun_tests::{User, text};
use serde_json::Value;

/// `ptrun` that delivers the variable `GREETING` as `A`.
fn ptrun(user: &User, how: &str) -> Command {
    let mut command = user.ptrun();
    command.env("GREETING", "hi\n").args(["-s", "A=env://GREETING", "--inject", how]);
    command
}

fn output(command: &mut Command, args: &[&str]) -> String {
    let output = command.arg("--").args(args).output().expect("starts");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{args:?}");
    text(&output.stdout)
}

fn refused(command: &mut Command, class: &str) -> String {
    let output = command.args(["--", "touch", "started"]).output().expect("starts");
    let said = text(&output.stderr);
    assert!(said.starts_with(&format!("error[{class}]: ")), "{said}");
    assert_eq!(output.status.code(), Some(125));
    said
}

/// The folders in memory that runs of this user made.
fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir("/dev/shm").expect("a folder").flatten();
    let ours = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with("ptrun-");
    entries.filter(ours).map(|entry| entry.path()).collect()
}

#[test]
fn a_file_is_in_memory_is_the_users_alone_and_goes_with_the_command() {
    let user = User::new();
    let script =
        "cat \"$A\"; echo \"$A\"; stat -f -c %T \"$A\"; stat -c '%a' \"$A\" \"${A%/*}\"; ls \"${A%/*}\"";
    let printed = output(&mut ptrun(&user, "file"), &["sh", "-c", script]);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        [lines[0], lines[2], lines[3], lines[4], lines[5]],
        ["hi", "tmpfs", "600", "700", "A"],
        "{printed}"
    );
    let path = Path::new(lines[1]);
    assert!(!path.exists() && !path.parent().expect("a folder").exists());
    // Also if the command fails, or dies.
    for (script, code) in [("echo \"$A\"; exit 7", 7), ("echo \"$A\"; kill -KILL $$", 128 + 9)] {
        let output = ptrun(&user, "file").args(["--", "sh", "-c", script]).output().expect("starts");
        assert_eq!(output.status.code(), Some(code));
        let path = text(&output.stdout);
        assert!(path.starts_with('/') && !Path::new(path.trim()).exists(), "{path}");
    }
    // And if it is never found.
    let output = ptrun(&user, "file").args(["--", "no-such-command"]).output().expect("starts");
    assert_eq!(output.status.code(), Some(127));
}

#[test]
fn files_go_with_ptrun_if_it_is_killed_and_with_the_next_run_if_all_are() {
    let user = User::new();
    let mut command = ptrun(&user, "file");
    command.args(["--", "sh", "-c", "trap '' TERM; echo \"$A\"; exec sleep 60"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a line");
    let left = PathBuf::from(line.trim()).parent().expect("a folder").to_owned();
    assert!(left.exists());
    // While it runs, nobody takes its folder.
    output(&mut ptrun(&user, "file"), &["true"]);
    assert!(left.exists(), "it belongs to a run");
    child.kill().expect("killed");
    child.wait().expect("ended");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while left.exists() && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    assert!(!left.exists(), "{:?}", folders());
    // What nobody holds, and nobody removed.
    fs::create_dir(&left).expect("made");
    fs::write(left.join("A"), "hi").expect("written");
    output(&mut ptrun(&user, "file"), &["true"]);
    assert!(!left.exists(), "{:?}", folders());
}

#[test]
fn an_open_file_has_no_name_and_cannot_be_changed() {
    let user = User::new();
    let script = "echo \"$A\"; cat \"$A\" \"$A\"; echo x 2>/dev/null >>\"$A\" || echo sealed; readlink \"/proc/$$/fd/${A##*/}\"";
    let printed = output(&mut ptrun(&user, "fd"), &["sh", "-c", script]);
    let lines: Vec<&str> = printed.lines().collect();
    assert!(lines[0].starts_with("/dev/fd/"), "{printed}");
    assert_eq!(&lines[1..4], ["hi", "hi", "sealed"]);
    assert!(lines[4].starts_with("/memfd:ptrun"), "{printed}");
    // It takes no parent: the command has the number of ptrun.
    let child = ptrun(&user, "fd")
        .args(["--", "sh", "-c", "echo $$"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let number = child.id().to_string();
    assert_eq!(text(&child.wait_with_output().expect("ends").stdout).trim(), number);
    // Only what was delivered is open besides what was.
    let list = ["sh", "-c", "ls /proc/$$/fd"];
    let bare = Command::new(list[0]).args(&list[1..]).stdin(Stdio::null()).output().expect("starts");
    let open = output(&mut ptrun(&user, "fd"), &list);
    assert_eq!(open.lines().count(), text(&bare.stdout).lines().count() + 1, "{open}");
    assert_eq!(output(ptrun(&user, "fd").arg("--supervise"), &["sh", "-c", "cat $A"]), "hi\n");
}

#[test]
fn standard_input_is_an_object() {
    let user = User::new();
    let mut command = ptrun(&user, "stdin");
    command.env("OTHER", "\"\u{1f511}\u{7}").args(["-s", "B=env://OTHER"]);
    let printed = output(&mut command, &["sh", "-c", "cat; echo \"${A-unset}\""]);
    let (object, rest) = printed.split_once('\n').expect("a line");
    let object: Value = serde_json::from_str(object).expect("JSON");
    assert_eq!(object, serde_json::json!({ "A": "hi\n", "B": "\"\u{1f511}\u{7}" }));
    assert_eq!(rest, "unset\n");
    user.write("bytes", b"\xff");
    for args in [&["file", "keygen"][..], &["file", "encrypt", "bytes", "-o", "sealed"]] {
        assert!(user.run(args.iter().copied()).status.success());
    }
    let mut command = user.ptrun();
    command.args(["-s", "A=file://sealed", "--inject", "stdin"]);
    refused(&mut command, "inject/not-unicode");
}

#[test]
fn each_secret_goes_its_own_way() {
    let user = User::new();
    user.write(
        "ptrun.toml",
        "[run]\ninject = \"fd\"\n[secrets]\nA = { ref = \"env://ONE\", inject = \"env\" }\nB = { ref = \"env://TWO\", inject \
         = \"file\" }\nC = \"env://THREE\"\nD = { ref = \"env://FOUR\", inject = \"stdin\" }\n",
    );
    let mut command = user.ptrun();
    command.env("ONE", "1").env("TWO", "2").env("THREE", "3").env("FOUR", "4");
    assert_eq!(output(&mut command, &["sh", "-c", "echo $A $(cat $B $C) $(cat)"]), "1 23 {\"D\":\"4\"}\n");
}

#[test]
fn whoever_removes_files_holds_no_open_file() {
    let user = User::new();
    user.write("ptrun.toml", "[secrets]\nA = { ref = \"env://ONE\", inject = \"fd\" }\nB = { ref = \"env://TWO\", inject = \"file\" }\n");
    let mut command = user.ptrun();
    command.env("ONE", "1").env("TWO", "2");
    // All whom ptrun started, and which files in memory they have.
    let script = "for each in $(cat /proc/$PPID/task/*/children); do echo $(ls -l /proc/$each/fd | grep -c memfd:); done";
    assert_eq!(output(&mut command, &["sh", "-c", script]), "0\n1\n");
}

#[test]
fn a_value_that_no_variable_can_hold_goes_into_a_file() {
    let user = User::new();
    user.install("nul");
    for how in ["file", "fd"] {
        let mut command = user.ptrun();
        command.args(["--plugin", "nul", "-s", "A=guest://x", "--inject", how]);
        assert!(output(&mut command, &["sh", "-c", "cat $A"]).contains('\0'));
    }
}

#[test]
fn a_template_is_filled_and_removed() {
    let user = User::new();
    user.write("in", "a={{ A }};\n{{ .Values.x }}\n");
    let mut command = ptrun(&user, "template");
    command.args(["--template", "in:out"]);
    assert_eq!(
        output(&mut command, &["sh", "-c", "cat out; stat -c %a out; echo ${A-unset}"]),
        "a=hi\n;\n{{ .Values.x }}\n600\nunset\n"
    );
    assert!(!user.home().join("out").exists());
    // Nothing is overwritten.
    user.write("out", "mine");
    let mut command = ptrun(&user, "env");
    refused(command.args(["--template", "in:out"]), "inject/template");
    assert_eq!(fs::read_to_string(user.home().join("out")).expect("a file"), "mine");
    // A name that is none is an error, and what was made before it goes.
    user.write("bad", "\n  {{ B }}");
    let mut command = ptrun(&user, "env");
    let said = refused(command.args(["--template", "in:new", "--template", "bad:other"]), "inject/template");
    assert!(said.contains("  at: bad:2:3\n") && said.contains("`B`"), "{said}");
    assert!(!user.home().join("new").exists() && !user.home().join("other").exists());
    let mut command = ptrun(&user, "env");
    refused(command.args(["--exec", "--template", "in:new"]), "usage/exec");
}

#[test]
fn a_pristine_environment_has_what_is_kept_and_the_secrets() {
    let user = User::new();
    let mut command = ptrun(&user, "env");
    command.env("KEPT", "1").env("LOST", "2").args(["--pristine", "--keep", "KEPT", "--keep", "NONE"]);
    assert_eq!(output(&mut command, &["env"]), "A=hi\n\nKEPT=1\n");
    user.write("ptrun.toml", "[run]\npristine = true\nkeep = [\"LOST\"]\n");
    let mut command = ptrun(&user, "env");
    assert_eq!(output(command.env("LOST", "2"), &["env"]), "A=hi\n\nLOST=2\n");
}

#[test]
fn a_run_that_takes_too_long_ends_without_the_command() {
    let user = User::new();
    user.install("sleep");
    let mut command = user.ptrun();
    command.args(["--plugin", "sleep", "-s", "A=guest://x", "--timeout", "200ms"]);
    refused(&mut command, "secret/timeout");
    user.write("ptrun.toml", "[run]\ntimeout = \"200ms\"\n");
    let mut command = user.ptrun();
    refused(command.args(["--plugin", "sleep", "-s", "A=guest://x"]), "secret/timeout");
}

#[test]
fn offline_means_no_requests() {
    let user = User::new();
    let mut command = user.ptrun();
    command.args(["--offline", "-s", "A=aws://x?region=us-east-1"]).env("AWS_EC2_METADATA_DISABLED", "true");
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "x");
    refused(&mut command, "grant/offline");
    assert_eq!(output(ptrun(&user, "env").arg("--offline"), &["printenv", "A"]), "hi\n\n");
}
