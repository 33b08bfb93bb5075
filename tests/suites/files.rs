//! Encrypted files: read by the plugin `file`, made by Python and by ansible-vault, and the other way round.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use ptrun_tests::{User, root, text};

/// A program of Python's that `cargo xtask test` installed.
fn python(name: &str) -> Command {
    let path = root().join("target/python/bin").join(name);
    assert!(path.exists(), "`cargo xtask test` installs {}", path.display());
    Command::new(path)
}

/// `tests/python/fernet.py`, whose standard output is the answer.
fn fernet(arguments: &[&PathBuf], action: &str) -> Vec<u8> {
    let output =
        python("python").arg(root().join("tests/python/fernet.py")).arg(action).args(arguments).output();
    let output = output.expect("python");
    assert!(output.status.success(), "{}", text(&output.stderr));
    output.stdout
}

fn ansible(user: &User, arguments: &[&str]) -> Output {
    let mut command = python("ansible-vault");
    command.args(arguments).current_dir(user.home()).env("HOME", user.home()).env("ANSIBLE_NOCOLOR", "1");
    command.output().expect("ansible-vault")
}

/// `ptrun get`.
fn get(user: &User, reference: &str) -> Output {
    user.ptrun().args(["get", reference]).output().expect("starts")
}

/// `ptrun file`, with something on its standard input.
fn file(user: &User, arguments: &[&str], input: &[u8]) -> Output {
    let mut command = user.ptrun();
    command.arg("file").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    // One that fails early reads nothing.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("ends")
}

fn good(output: &Output) -> Vec<u8> {
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    output.stdout.clone()
}

/// The class of the error.
fn class(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(125), "{}", text(&output.stdout));
    let said = text(&output.stderr);
    let class = said.strip_prefix("error[").and_then(|rest| rest.split(']').next());
    class.unwrap_or_else(|| panic!("{said}")).to_owned()
}

/// Empty, a letter, every byte, and 60 KB of no pattern.
fn samples() -> Vec<Vec<u8>> {
    let mut state = 0x9e37_79b9_u32;
    let noise = (0..60_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    });
    vec![Vec::new(), b"x".to_vec(), (0..=255).collect(), noise.collect()]
}

const CONFIG: &str =
    r#"{"openai_api_key": "sk-canary-1", "nested": {"list": ["a", "b"]}, "text": "zw\u00f6lf\n"}"#;

/// A user with a key and an encrypted configuration, both made by Python.
fn made_by_python() -> User {
    let user = User::new();
    user.write(".key", fernet(&[], "key"));
    let plain = user.write("plain", CONFIG);
    let token = fernet(&[&user.home().join(".key"), &plain], "seal");
    user.write("config.encrypted", token);
    fs::remove_file(plain).expect("removed");
    user
}

#[test]
fn what_python_encrypted_is_delivered() {
    let user = made_by_python();
    let mut command = user.ptrun();
    let options = ["--plugin", "file.wasm", "-s", "K=file://config.encrypted#openai_api_key", "--"];
    let output = command.args(options).args(["printenv", "K"]).output().expect("starts");
    assert_eq!(text(&good(&output)), "sk-canary-1\n");
    for (selector, value) in [
        ("#/nested/list/1", "b"),
        ("#text", "zw\u{f6}lf\n"),
        ("?ttl=60#openai_api_key", "sk-canary-1"),
        ("", CONFIG),
    ] {
        let output = get(&user, &format!("file://config.encrypted{selector}"));
        assert_eq!(text(&good(&output)), value, "{selector}");
    }
    let absolute = format!("file://{}#openai_api_key", user.home().join("config.encrypted").display());
    assert_eq!(text(&good(&get(&user, &absolute))), "sk-canary-1");
}

#[test]
fn python_and_ptrun_open_what_the_other_sealed() {
    let user = User::new();
    good(&file(&user, &["keygen"], b""));
    let key = user.home().join(".key");
    assert_eq!(fs::metadata(&key).expect("made").mode() & 0o777, 0o600);
    for (at, sample) in samples().iter().enumerate() {
        let (ours, theirs) = (format!("ours.{at}"), format!("theirs.{at}"));
        good(&file(&user, &["encrypt", "-", "-o", &ours], sample));
        assert_eq!(&fernet(&[&key, &user.home().join(&ours)], "open"), sample, "sample {at}");
        let plain = user.write("plain", sample);
        user.write(&theirs, fernet(&[&key, &plain], "seal"));
        assert_eq!(&good(&get(&user, &format!("file://{theirs}"))), sample, "sample {at}");
        assert_eq!(&good(&file(&user, &["decrypt", &theirs], b"")), sample, "sample {at}");
    }
}

#[test]
fn ansible_and_ptrun_open_what_the_other_sealed() {
    let user = User::new();
    user.write(".key", "a pass phrase\n");
    for (at, sample) in samples().iter().enumerate() {
        let (ours, theirs) = (format!("ours.{at}"), format!("theirs.{at}"));
        let id = at % 2 == 1;
        let label: &[&str] = if id { &["--vault-id", "dev"] } else { &[] };
        good(&file(&user, &[&["encrypt", "-", "-o", &ours, "--vault"], label].concat(), sample));
        let header = if id { "$ANSIBLE_VAULT;1.2;AES256;dev\n" } else { "$ANSIBLE_VAULT;1.1;AES256\n" };
        let ours_text = fs::read_to_string(user.home().join(&ours)).expect("text");
        assert!(ours_text.starts_with(header), "{}", &ours_text[..40]);
        let password = if id { ["--vault-id", "dev@.key"] } else { ["--vault-password-file", ".key"] };
        let opened = ansible(&user, &[&["decrypt", "--output", "opened", &ours], &password[..]].concat());
        assert!(opened.status.success(), "{}", text(&opened.stderr));
        assert_eq!(&fs::read(user.home().join("opened")).expect("opened"), sample, "sample {at}");
        // ansible-vault refuses to encrypt an empty file.
        if !sample.is_empty() {
            user.write(&theirs, sample);
            let sealed = ansible(&user, &[&["encrypt", &theirs], &password[..]].concat());
            assert!(sealed.status.success(), "{}", text(&sealed.stderr));
            assert_eq!(&good(&get(&user, &format!("file://{theirs}"))), sample, "sample {at}");
        }
    }
}

#[test]
fn values_that_ansible_encrypted_in_yaml_are_selected() {
    let user = User::new();
    user.write("password", "hunter2\n");
    let value = |plain: &str, name: &str| {
        let arguments = ["encrypt_string", "--vault-password-file", "password", "--name", name, plain];
        let output = ansible(&user, &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let yaml = format!(
        "plain: 0123\n{}\n{}\n",
        value("it's \"quoted\": #1", "secret"),
        value("two\nlines", "other")
    );
    user.write("vars.yml", yaml);
    for (selector, expected) in
        [("secret", "it's \"quoted\": #1"), ("other", "two\nlines"), ("plain", "0123")]
    {
        let mut command = user.ptrun();
        command.args([
            "get",
            "--plugin",
            "file",
            "--unlock",
            "file=@password",
            &format!("file://vars.yml#{selector}"),
        ]);
        assert_eq!(text(&good(&command.output().expect("starts"))), expected);
    }
}

#[test]
fn a_key_comes_from_where_the_user_says() {
    let user = made_by_python();
    let key = fs::read_to_string(user.home().join(".key")).expect("a key");
    fs::remove_file(user.home().join(".key")).expect("removed");
    let reference = "file://config.encrypted#openai_api_key";
    assert_eq!(class(&get(&user, reference)), "key/not-found");
    user.write("keys/mine", format!("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n{key}\n"));
    assert_eq!(
        text(&good(&get(&user, "file://config.encrypted?key=keys/mine#openai_api_key"))),
        "sk-canary-1"
    );
    for from in ["file=@keys/mine", "file=env://FERNET_KEY"] {
        let mut command = user.ptrun();
        command.env("FERNET_KEY", &key).args(["get", "--plugin", "file", "--unlock", from, reference]);
        assert_eq!(text(&good(&command.output().expect("starts"))), "sk-canary-1", "{from}");
    }
    // Another file can be what holds the key, with a key of its own.
    user.write("outer/.key", fernet(&[], "key"));
    let plain = user.write("outer/plain", format!("{{\"key\": {key:?}}}"));
    user.write("outer/keys", fernet(&[&user.home().join("outer/.key"), &plain], "seal"));
    let mut command = user.ptrun();
    let outer =
        ["get", "--plugin", "file", "--plugin", "inner=file", "--unlock", "inner=file://outer/keys#key"];
    command.args(outer).arg("inner://config.encrypted#openai_api_key");
    assert_eq!(text(&good(&command.output().expect("starts"))), "sk-canary-1");
    for (from, said) in [
        ("file=ask", "usage/unlock"),
        ("file=hunter2", "usage/unlock"),
        ("other=@keys/mine", "usage/unlock"),
        ("file=@nowhere", "grant/credential"),
        ("file=env://UNSET", "secret/not-found"),
        ("file=file://outer/keys#key", "usage/credential"),
    ] {
        let mut command = user.ptrun();
        let output = command.args(["get", "--plugin", "file", "--unlock", from, reference]).output();
        let output = output.expect("starts");
        assert_eq!(class(&output), said, "{from}");
        assert!(!text(&output.stderr).contains("hunter2"));
    }
    let mut command = user.ptrun();
    let output =
        command.args(["get", "--plugin", "env", "--unlock", "env=@keys/mine", "env://HOME"]).output();
    assert_eq!(class(&output.expect("starts")), "usage/unlock");
}

#[test]
fn a_key_is_asked_for_on_the_terminal() {
    let user = made_by_python();
    let key = fs::read_to_string(user.home().join(".key")).expect("a key");
    fs::remove_file(user.home().join(".key")).expect("removed");
    let ptrun = user.ptrun();
    let ptrun = ptrun.get_program().to_str().expect("text");
    let line = format!("{ptrun} get --plugin file --unlock file=ask file://config.encrypted#openai_api_key");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--echo", "never", "--command", &line, "/dev/null"]);
    command.env("HOME", user.home()).current_dir(user.home()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("script, of util-linux");
    child.stdin.take().expect("a pipe").write_all(format!("{key}\n").as_bytes()).expect("typed");
    let output = child.wait_with_output().expect("ends");
    let said = text(&output.stdout);
    assert!(said.contains("The key for `file`: ") && said.contains("sk-canary-1"), "{said}");
    assert!(!said.contains(&key), "what is typed is not shown");
}

#[test]
fn a_profile_chooses_the_file() {
    let user = User::new();
    good(&file(&user, &["keygen"], b""));
    for name in ["development", "production"] {
        good(&file(&user, &["encrypt", "-", "-o", &format!("config.{name}.encrypted")], name.as_bytes()));
    }
    let reference = "file://config.{profile}.encrypted";
    let run = |profile: &[&str], variable: &str| {
        let mut command = user.ptrun();
        command.env("PTRUN_PROFILE", variable).arg("get").args(profile).arg(reference);
        command.output().expect("starts")
    };
    assert_eq!(text(&good(&run(&["--profile", "development"], ""))), "development");
    assert_eq!(text(&good(&run(&[], "production"))), "production");
    assert_eq!(text(&good(&run(&["--profile", "development"], "production"))), "development");
    assert_eq!(class(&run(&[], "")), "reference/profile");
    assert_eq!(class(&run(&["--profile", "staging"], "")), "secret/not-found");
    for bad in ["../x", ".", "a b", "a/b", &"a".repeat(65)] {
        assert_eq!(class(&run(&["--profile", bad], "")), "usage/profile", "{bad}");
    }
    // Nothing else is filled in.
    user.write("config.{key}", fs::read(user.home().join("config.production.encrypted")).expect("made"));
    assert_eq!(text(&good(&get(&user, "file://config.{key}"))), "production");
    let mut command = user.ptrun();
    command.args(["--profile", "production", "--plugin", "file"]).env("K", reference);
    let output = command.args(["--", "printenv", "K"]).output().expect("starts");
    assert_eq!(text(&good(&output)), "production\n");
}

#[test]
fn each_way_in_which_a_file_is_wrong_has_its_class() {
    let user = made_by_python();
    let token = fs::read(user.home().join("config.encrypted")).expect("made");
    let wrong = fernet(&[], "key");
    let other = user.write("other/.key", &wrong);
    let future = root().join("tests/python/fernet.py");
    assert!(future.exists() && other.exists());
    let mut altered = token.clone();
    altered[40] = if altered[40] == b'A' { b'B' } else { b'A' };
    user.write("altered", &altered);
    user.write("cut", &token[..60]);
    user.write("other/config", &token);
    user.write("empty", "");
    user.write("plain", "password: hunter2\n");
    user.write("huge", vec![b'x'; 2 << 20]);
    fs::create_dir(user.home().join("folder")).expect("made");
    symlink("config.encrypted", user.home().join("link")).expect("made");
    // From 2001, and from 2100.
    user.write("old", at(&user, 1_000_000_000));
    user.write("early", at(&user, 4_102_444_800));
    for (reference, expected) in [
        ("file://missing", "secret/not-found"),
        ("file://altered", "secret/wrong-key"),
        ("file://cut", "secret/altered"),
        ("file://other/config", "secret/wrong-key"),
        ("file://empty", "secret/empty"),
        ("file://plain", "secret/not-encrypted"),
        ("file://huge", "secret/too-large"),
        ("file://folder", "secret/unavailable"),
        ("file://old?ttl=60", "secret/expired"),
        ("file://early", "secret/future"),
        ("file://config.encrypted#missing", "reference/selector"),
        ("file://config.encrypted?format=toml#openai_api_key", "reference/selector"),
        ("file://config.encrypted?ttl=soon", "reference/refused"),
        ("file://config.encrypted?version=2", "reference/refused"),
        ("file://config.encrypted?format=xml", "reference/malformed"),
    ] {
        let output = get(&user, reference);
        assert_eq!(class(&output), expected, "{reference}");
        assert!(!text(&output.stderr).contains("hunter2") && !text(&output.stderr).contains("sk-canary"));
    }
    // A link to the file is the file, as for every program; a link to the key, or one that others can read, is not.
    assert_eq!(text(&good(&get(&user, "file://link#openai_api_key"))), "sk-canary-1");
    assert_eq!(text(&good(&get(&user, "file://old"))), "old");
    let key = user.home().join(".key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).expect("permissions");
    assert_eq!(class(&get(&user, "file://config.encrypted")), "key/insecure");
    fs::remove_file(&key).expect("removed");
    symlink("other/.key", &key).expect("made");
    assert_eq!(class(&get(&user, "file://config.encrypted")), "key/unreadable");
}

/// `old`, as a token of another time.
fn at(user: &User, time: u64) -> Vec<u8> {
    let program = "import sys; from cryptography.fernet import Fernet; \
        sys.stdout.buffer.write(Fernet(open(sys.argv[1], 'rb').read()).encrypt_at_time(b'old', int(sys.argv[2])))";
    let output =
        python("python").args(["-c", program]).arg(user.home().join(".key")).arg(time.to_string()).output();
    let output = output.expect("python");
    assert!(output.status.success(), "{}", text(&output.stderr));
    output.stdout
}

#[test]
fn values_are_set_one_by_one() {
    let user = User::new();
    good(&file(&user, &["keygen"], b""));
    good(&file(&user, &["set", "config", "A"], b"one\n"));
    good(&file(&user, &["set", "config", "B"], b"two\nlines\n"));
    good(&file(&user, &["set", "config", "A"], b"three"));
    assert_eq!(text(&good(&file(&user, &["get", "config", "B"], b""))), "two\nlines\n");
    assert_eq!(text(&good(&get(&user, "file://config#A"))), "three");
    assert_eq!(class(&file(&user, &["get", "config", "C"], b"")), "reference/selector");
    let path = user.home().join("config");
    assert_eq!(fs::metadata(&path).expect("made").mode() & 0o777, 0o600);
    // What is there keeps its mode.
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("permissions");
    good(&file(&user, &["set", "config", "D"], b"x"));
    assert_eq!(fs::metadata(&path).expect("made").mode() & 0o777, 0o644);
    assert_eq!(class(&file(&user, &["set", "config", "E"], b"\xff")), "file/format");
    user.write("list", "[1]");
    good(&file(&user, &["encrypt", "list", "-o", "list"], b""));
    assert_eq!(class(&file(&user, &["set", "list", "A"], b"x")), "file/format");
    assert_eq!(class(&file(&user, &["keygen"], b"")), "file/unwritable");
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let user = User::new();
    good(&file(&user, &["keygen"], b""));
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let user = &user;
            scope.spawn(move || {
                for round in 0..10 {
                    good(&file(user, &["set", "config", &format!("W{writer}_{round}")], b"x"));
                }
            });
        }
    });
    let text = text(&good(&file(&user, &["decrypt", "config"], b"")));
    let object: std::collections::BTreeMap<String, String> = serde_json::from_str(&text).expect("JSON");
    assert_eq!(object.len(), 40);
}

#[test]
fn who_is_killed_while_writing_leaves_the_old_file_or_the_new_one() {
    let user = User::new();
    good(&file(&user, &["keygen"], b""));
    let large = vec![b'x'; 4 << 20];
    good(&file(&user, &["encrypt", "-", "-o", "config"], &large));
    for round in 0..40_u64 {
        let mut command = user.ptrun();
        command.args(["file", "encrypt", "-", "-o", "config"]).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("starts");
        let mut input = child.stdin.take().expect("a pipe");
        let text = vec![b'a' + u8::try_from(round % 26).expect("small"); 4 << 20];
        let _ = input.write_all(&text);
        drop(input);
        // Somewhere between the last byte read and the end.
        std::thread::sleep(std::time::Duration::from_millis(round));
        let _ = child.kill();
        child.wait().expect("ends");
        let opened = good(&file(&user, &["decrypt", "config"], b""));
        assert!(opened.len() == 4 << 20 && opened.iter().all(|byte| *byte == opened[0]), "round {round}");
    }
    // What they left behind is encrypted.
    for entry in fs::read_dir(user.home()).expect("a folder") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).unwrap_or_default();
        assert!(!bytes.windows(64).any(|run| run.iter().all(|byte| *byte == run[0])), "{}", path.display());
    }
}

#[test]
fn a_full_disk_changes_nothing() {
    let user = User::new();
    good(&file(&user, &["keygen"], b""));
    good(&file(&user, &["set", "config", "A"], b"one"));
    let before = fs::read(user.home().join("config")).expect("made");
    // A limit on the size of files, which is what a full disk looks like.
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" file encrypt - -o config";
    let mut command = Command::new("sh");
    command
        .args(["-c", script])
        .arg(user.ptrun().get_program())
        .current_dir(user.home())
        .env("HOME", user.home());
    let mut child =
        command.stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("sh");
    let _ = child.stdin.take().expect("a pipe").write_all(&vec![b'x'; 1 << 20]);
    assert_eq!(class(&child.wait_with_output().expect("ends")), "file/unwritable");
    assert_eq!(fs::read(user.home().join("config")).expect("still there"), before);
    let names =
        fs::read_dir(user.home()).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    assert!(!names.into_iter().any(|name| name.to_string_lossy().ends_with(".new")));
}

#[test]
fn keys_are_rotated() {
    let user = made_by_python();
    user.write("plain", "second");
    good(&file(&user, &["encrypt", "plain", "-o", "second.encrypted"], b""));
    let old = fs::read_to_string(user.home().join(".key")).expect("a key");
    let old_file = fs::read(user.home().join("config.encrypted")).expect("a file");
    good(&file(&user, &["rotate-key", "config.encrypted"], b""));
    let both = fs::read_to_string(user.home().join(".key")).expect("keys");
    assert!(both.lines().count() == 2 && both.ends_with(&old) && !both.starts_with(old.trim()));
    assert_eq!(text(&good(&get(&user, "file://config.encrypted#openai_api_key"))), "sk-canary-1");
    assert_eq!(text(&good(&get(&user, "file://second.encrypted"))), "second");
    good(&file(&user, &["rotate-key", "--drop-old", "config.encrypted", "second.encrypted"], b""));
    let new = fs::read_to_string(user.home().join(".key")).expect("a key");
    assert_eq!(both.lines().next(), Some(new.trim()));
    assert_eq!(text(&good(&get(&user, "file://second.encrypted"))), "second");
    assert_eq!(
        fernet(&[&user.home().join(".key"), &user.home().join("second.encrypted")], "open"),
        b"second"
    );
    user.write("config.encrypted", old_file);
    assert_eq!(class(&get(&user, "file://config.encrypted")), "secret/wrong-key");
    assert_eq!(class(&file(&user, &["rotate-key", "config.encrypted"], b"")), "secret/wrong-key");
    user.write("vault/.key", "a password");
    good(&file(&user, &["encrypt", "plain", "--vault", "-o", "vault/file"], b""));
    assert_eq!(class(&file(&user, &["rotate-key", "vault/file"], b"")), "file/format");
}

/// Runs `ptrun file edit` with an editor that is a script.
fn edit(user: &User, script: &str) -> Output {
    let editor = user.write("editor", format!("#!/bin/sh\n{script}\n"));
    fs::set_permissions(&editor, fs::Permissions::from_mode(0o700)).expect("permissions");
    let mut command = user.ptrun();
    command.env("EDITOR", &editor).args(["file", "edit", "config.encrypted"]).output().expect("starts")
}

#[test]
fn a_file_is_edited_on_no_disk() {
    let user = made_by_python();
    let script =
        "stat -f -c %T \"$1\" > where; stat -c %a \"$1\" $(dirname \"$1\") >> where; echo \"$1\" > path
        sed -i s/sk-canary-1/sk-canary-2/ \"$1\"";
    good(&edit(&user, script));
    let whereabouts = fs::read_to_string(user.home().join("where")).expect("it ran");
    assert_eq!(whereabouts, "tmpfs\n600\n700\n");
    let copy = fs::read_to_string(user.home().join("path")).expect("it ran");
    assert!(!PathBuf::from(copy.trim()).parent().expect("a folder").exists(), "the copy is gone");
    assert_eq!(text(&good(&get(&user, "file://config.encrypted#openai_api_key"))), "sk-canary-2");
    // Nothing is written if nothing was changed, and if the editor fails.
    let before = fs::read(user.home().join("config.encrypted")).expect("a file");
    good(&edit(&user, "true"));
    assert_eq!(class(&edit(&user, "echo x > \"$1\"; exit 1")), "file/edit");
    assert_eq!(fs::read(user.home().join("config.encrypted")).expect("a file"), before);
    // Somebody else was faster.
    let ptrun = user.ptrun();
    let ptrun = ptrun.get_program().to_str().expect("text");
    let output =
        edit(&user, &format!("echo mine > \"$1\"; echo theirs | {ptrun} file encrypt - -o config.encrypted"));
    assert_eq!(class(&output), "file/conflict");
    assert_eq!(text(&good(&get(&user, "file://config.encrypted"))), "theirs\n");
    assert_eq!(text(&good(&get(&user, "file://config.encrypted.edited"))), "mine\n");
}

#[test]
fn who_is_killed_while_editing_leaves_no_copy() {
    let user = made_by_python();
    let copy = user.home().join("path");
    let script = "echo $$ > editor.pid; echo \"$1\" > path.new; mv path.new path; kill -9 $PPID
        exec sleep 60 >/dev/null 2>&1 </dev/null";
    let output = edit(&user, script);
    assert_eq!(output.status.code(), None, "it was killed");
    let folder = fs::read_to_string(copy).expect("it ran");
    let folder = PathBuf::from(folder.trim()).parent().expect("a folder").to_owned();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while folder.exists() && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    assert!(!folder.exists(), "{} is still there", folder.display());
    let editor = fs::read_to_string(user.home().join("editor.pid")).expect("it ran");
    let ended = Command::new("kill").arg(editor.trim()).status();
    assert!(ended.is_ok_and(|ended| ended.success()));
}
