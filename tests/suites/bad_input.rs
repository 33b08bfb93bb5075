//! Bad input: each case has a class, a sentence, the place, a line of help and exit code 125, and the command does not
//! start. Input that only looks bad works.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ptrun_tests::{User, text};
use snapbox::data::Inline;
use snapbox::{assert_data_eq, str};

/// A bad `ptrun.toml`.
struct Case {
    name: &'static str,
    content: Content,
    args: &'static [&'static str],
    expected: Inline,
}

enum Content {
    Text(&'static str),
    Bytes(Vec<u8>),
    Made(fn(&Path)),
}

use Content::{Bytes, Made, Text};

const ONE: &str = "[secrets]\nA = \"env://HOME\"\n";

fn case(name: &'static str, content: Content, expected: Inline) -> Case {
    Case { name, content, args: &[], expected }
}

fn with(content: &'static str, name: &'static str, args: &'static [&'static str], expected: Inline) -> Case {
    Case { name, content: Text(content), args, expected }
}

fn fifo(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::from_bits_retain(0o600)).expect("a FIFO");
}

fn cases() -> Vec<Case> {
    vec![
        with(ONE, "missing", &["--config", "none.toml"], str![""]),
        with(ONE, "unreadable", &["--config", "ptrun.toml/none.toml"], str![""]),
        case("directory", Made(|path| fs::create_dir(path).expect("a folder")), str![""]),
        case("fifo", Made(fifo), str![""]),
        case("100 MiB", Made(|path| fs::File::create(path).and_then(|file| file.set_len(100 << 20)).expect("a file")), str![""]),
        case("invalid UTF-8", Bytes(b"[secrets]\nA = \"env://\xff\"\n".to_vec()), str![""]),
        case("no TOML", Text("[secrets]\nA = env://HOME\n"), str![""]),
        case("unknown key", Text("[secrets]\nA = { reff = \"env://HOME\" }\n"), str![""]),
        case("unknown table", Text("[secret]\nA = \"env://HOME\"\n"), str![""]),
        case("duplicate key", Text("[secrets]\nA = \"env://HOME\"\nA = \"env://PATH\"\n"), str![""]),
        case("wrong type", Text("[secrets]\nA = 7\n"), str![""]),
        case("wrong word", Text("[secrets]\nA = { ref = \"env://HOME\", inject = \"hunter2\" }\n"), str![""]),
        case("wrong time", Text("[run]\ntimeout = \"hunter2\"\n"), str![""]),
        case("empty", Text(""), str![""]),
        case("bad variable name", Text("[secrets]\n\"A-B\" = \"env://HOME\"\n"), str![""]),
        case("name of the loader", Text("[secrets]\nLD_PRELOAD = \"env://HOME\"\n"), str![""]),
        case("bad reference", Text("[secrets]\nA = \"hunter2\"\n"), str![""]),
        case("unknown plugin", Text("[secrets]\nA = \"vault://x\"\n"), str![""]),
        case("plugin that is not there", Text("[plugins.vault]\npath = \"none.wasm\"\n[secrets]\nA = \"vault://x\"\n"), str![""]),
        case("unknown profile", Text("[secrets]\nA = \"env://HOME\"\n[profiles.one]\nextends = \"tow\"\n[profiles.two]\n"), str![""]),
        case("profile that extends itself", Text("profile = \"a\"\n[profiles.a]\nextends = \"b\"\n[profiles.b]\nextends = \"a\"\n"), str![""]),
        case("unsupported version", Text("version = 2\n[secrets]\nA = \"env://HOME\"\n"), str![""]),
        case(
            "world-writable file",
            Made(|path| {
                fs::write(path, ONE).expect("a file");
                fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("permissions");
            }),
            str![""],
        ),
        case("selector on a non-object", Text("[secrets]\nA = \"env://HOME#x\"\n"), str![""]),
        case("selector that hits nothing", Text("[secrets]\nA = \"env://OBJECT#x\"\n"), str![""]),
        case("no profile for a template", Text("[secrets]\nA = \"env://{profile}\"\n"), str![""]),
        with(ONE, "host *", &["--plugin", "env", "--allow", "env:http=https://*"], str![""]),
        with(ONE, "host with path", &["--plugin", "env", "--allow", "env:http=https://a.example/x"], str![""]),
        with(ONE, "directory /", &["--plugin", "env", "--allow", "env:file=/"], str![""]),
        with(ONE, "two references to one name", &["-s", "A=env://HOME", "-s", "A=env://PATH"], str![""]),
        with(ONE, "sink", &["--audit", "off", "--audit", "stderr"], str![""]),
        with(ONE, "no time", &["--timeout", "0s"], str![""]),
        with(ONE, "template", &["--template", "in"], str![""]),
    ]
}

#[test]
fn every_bad_input_is_refused_in_words() {
    let cases = cases();
    for Case { name, content, args, expected } in &cases {
        let user = User::new();
        let path = user.home().join("ptrun.toml");
        match content {
            Text(text) => drop(user.write("ptrun.toml", text)),
            Bytes(bytes) => drop(user.write("ptrun.toml", bytes)),
            Made(make) => make(&path),
        }
        let mut command = user.ptrun();
        command.env("OBJECT", "{}").args(*args).args(["--", "touch", "started"]);
        let output = command.output().expect("starts");
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(125), ""), "{name}: {said}");
        assert!(!user.home().join("started").exists(), "{name}");
        assert!(!said.contains("hunter2"), "{name}: {said}");
        assert_data_eq!(said.replace(user.home().to_str().expect("text"), "[HOME]"), expected.clone());
    }
    println!("bad input: {} of {} refused", cases.len(), cases.len());
}

#[test]
fn input_that_only_looks_bad_works() {
    for (name, content) in [
        ("BOM", format!("\u{feff}{ONE}")),
        ("CRLF", ONE.replace('\n', "\r\n")),
        ("comments", format!("# a\n\n{ONE}# b")),
        ("version", format!("version = 1\n{ONE}")),
    ] {
        let user = User::new();
        user.write("ptrun.toml", content);
        let output = user.run(["--", "printenv", "A"]);
        assert_eq!(text(&output.stderr), "", "{name}");
        assert_eq!(text(&output.stdout), format!("{}\n", user.home().display()), "{name}");
    }
    // The place is right where a mark or other line ends stand before it.
    let user = User::new();
    user.write("ptrun.toml", "\u{feff}[secrets]\r\n\u{e9} = 1\r\n");
    assert!(text(&user.run(["--", "true"]).stderr).contains("  at: ptrun.toml:2:1\n"));
}

#[test]
fn ten_thousand_secrets_are_too_many_for_an_environment_and_few_enough_for_a_file() {
    let user = User::new();
    let lines: String = (0..10_000).map(|n| format!("S{n} = \"env://ONE\"\n")).collect();
    user.write("ptrun.toml", format!("[secrets]\n{lines}"));
    let run = |value: &str, args: &[&str]| {
        let mut command = user.ptrun();
        command.env("ONE", value).args(args).args(["--", "sh", "-c", "env | grep -c ^S[0-9]"]);
        command.output().expect("starts")
    };
    let output = run("1", &[]);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("10000\n".to_owned(), String::new()));
    let output = run(&"x".repeat(1000), &[]);
    assert!(text(&output.stderr).starts_with("error[inject/too-long]: "), "{}", text(&output.stderr));
    let output = run(&"x".repeat(1000), &["--inject", "template"]);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("0\n".to_owned(), String::new()));
}
