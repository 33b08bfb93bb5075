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
        with(
            ONE,
            "missing",
            &["--config", "none.toml"],
            str![[r#"
error[config/not-found]: there is no file `none.toml`
  help: check the path after `--config`, or write one with `ptrun init`

"#]],
        ),
        with(
            ONE,
            "unreadable",
            &["--config", "ptrun.toml/none.toml"],
            str![[r#"
error[config/unreadable]: `ptrun.toml/none.toml` cannot be read: Not a directory (os error 20)
  help: check who may read it, or name another with `--config`

"#]],
        ),
        case(
            "directory",
            Made(|path| fs::create_dir(path).expect("a folder")),
            str![[r#"
error[config/unreadable]: `ptrun.toml` is a folder
  help: put a file there, or name another with `--config`

"#]],
        ),
        case(
            "fifo",
            Made(fifo),
            str![[r#"
error[config/unreadable]: `ptrun.toml` is no regular file
  help: put a file there, or name another with `--config`

"#]],
        ),
        case(
            "100 MiB",
            Made(|path| fs::File::create(path).and_then(|file| file.set_len(100 << 20)).expect("a file")),
            str![[r#"
error[config/too-large]: `ptrun.toml` has over 1048576 bytes
  help: it holds references and no data; check that it is the right file

"#]],
        ),
        case(
            "invalid UTF-8",
            Bytes(b"[secrets]\nA = \"env://\xff\"\n".to_vec()),
            str![[r#"
error[config/unreadable]: `ptrun.toml` is not UTF-8
  at: ptrun.toml:2
  help: save it as UTF-8

"#]],
        ),
        case(
            "no TOML",
            Text("[secrets]\nA = env://HOME\n"),
            str![[r#"
error[config/syntax]: `ptrun.toml` is not TOML: string values must be quoted, expected literal string
  at: ptrun.toml:2:5
  help: texts stand in quotes, and a table begins with `[NAME]`

"#]],
        ),
        case(
            "unknown key",
            Text("[secrets]\nA = { reff = \"env://HOME\" }\n"),
            str![[r#"
error[config/unknown-key]: `ptrun.toml` has a key `reff`, which is unknown
  at: ptrun.toml:2:7
  help: did you mean `ref`?

"#]],
        ),
        case(
            "unknown table",
            Text("[secret]\nA = \"env://HOME\"\n"),
            str![[r#"
error[config/unknown-key]: `ptrun.toml` has a key `secret`, which is unknown
  at: ptrun.toml:1:2
  help: did you mean `secrets`?

"#]],
        ),
        case(
            "duplicate key",
            Text("[secrets]\nA = \"env://HOME\"\nA = \"env://PATH\"\n"),
            str![[r#"
error[config/duplicate-key]: `ptrun.toml` has a key twice
  at: ptrun.toml:3:1
  help: remove one of them

"#]],
        ),
        case(
            "wrong type",
            Text("[secrets]\nA = 7\n"),
            str![[r#"
error[config/type]: `ptrun.toml` has a wrong value: expected a reference such as "env://NAME", or a table with `ref`, found integer
  at: ptrun.toml:2:5
  help: `ptrun schema` prints what belongs where, for editors and for people

"#]],
        ),
        case(
            "wrong word",
            Text("[secrets]\nA = { ref = \"env://HOME\", inject = \"hunter2\" }\n"),
            str![[r#"
error[config/type]: `ptrun.toml` has a wrong value: expected one of `env`, `file`, `fd`, `stdin`, `template`
  at: ptrun.toml:2:36
  help: `ptrun schema` prints what belongs where, for editors and for people

"#]],
        ),
        case(
            "wrong time",
            Text("[run]\ntimeout = \"hunter2\"\n"),
            str![[r#"
error[config/type]: `ptrun.toml` has a wrong value: expected a time
  at: ptrun.toml:2:11
  help: for example `500ms`, `30s` or `2m`

"#]],
        ),
        case(
            "empty",
            Text(""),
            str![[r#"
error[usage/no-secrets]: no secret was asked for
  help: name one with `--secret NAME=SCHEME://KEY`, or in `ptrun.toml`, which `ptrun init` writes

"#]],
        ),
        case(
            "bad variable name",
            Text("[secrets]\n\"A-B\" = \"env://HOME\"\n"),
            str![[r#"
error[usage/name]: the name of a variable has letters, digits and `_`, and no digit first
  at: ptrun.toml:2:1
  help: deliver the secret under another name

"#]],
        ),
        case(
            "name of the loader",
            Text("[secrets]\nLD_PRELOAD = \"env://HOME\"\n"),
            str![[r#"
error[usage/name]: the variable steers the dynamic loader, and a secret in it would be code
  at: ptrun.toml:2:1
  help: deliver the secret under another name

"#]],
        ),
        case(
            "bad reference",
            Text("[secrets]\nA = \"hunter2\"\n"),
            str![[r#"
error[reference/malformed]: a reference looks like `scheme://key`
  secret: A
  at: ptrun.toml:2:1
  help: for example `env://NAME`, or `aws://secret#field`

"#]],
        ),
        case(
            "unknown plugin",
            Text("[secrets]\nA = \"vault://x\"\n"),
            str![[r#"
error[reference/unknown-scheme]: no plugin answers to `vault://`
  secret: A
  at: ptrun.toml:2:1
  help: name one: `--plugin ./vault.wasm`, `--plugin vault=PATH`, or `[plugins.vault]` in a file

"#]],
        ),
        case(
            "plugin that is not there",
            Text("[plugins.vault]\npath = \"none.wasm\"\n[secrets]\nA = \"vault://x\"\n"),
            str![[r#"
error[plugin/not-found]: there is no plugin at `[HOME]/none.wasm`
  at: ptrun.toml:2:8
  help: check the path

"#]],
        ),
        case(
            "unknown profile",
            Text(
                "profile = \"one\"\n[secrets]\nA = \"env://HOME\"\n[profiles.one]\nextends = \"tow\"\n[profiles.two]\n",
            ),
            str![[r#"
error[config/profile]: there is no profile `tow`
  at: ptrun.toml:5:11
  help: there is `one`, `two`

"#]],
        ),
        case(
            "profile that extends itself",
            Text("profile = \"a\"\n[profiles.a]\nextends = \"b\"\n[profiles.b]\nextends = \"a\"\n"),
            str![[r#"
error[config/profile]: the profile `a` extends itself
  at: ptrun.toml:5:11
  help: remove one `extends`

"#]],
        ),
        case(
            "unsupported version",
            Text("version = 2\n[secrets]\nA = \"env://HOME\"\n"),
            str![[r#"
error[config/version]: `ptrun.toml` has a version that this ptrun does not know
  at: ptrun.toml:1:11
  help: it is written for a newer ptrun; this one knows version 1

"#]],
        ),
        case(
            "world-writable file",
            Made(|path| {
                fs::write(path, ONE).expect("a file");
                fs::set_permissions(path, fs::Permissions::from_mode(0o666)).expect("permissions");
            }),
            str![[r#"
error[config/insecure]: `ptrun.toml` is not used: everybody may write it
  help: mend that: `chmod o-w ptrun.toml`

"#]],
        ),
        case(
            "selector on a non-object",
            Text("[secrets]\nA = \"env://HOME#x\"\n"),
            str![[r#"
error[reference/selector]: the secret is neither JSON, YAML, TOML nor dotenv, so that `#x` selects nothing
  secret: A
  reference: env://HOME#x
  at: ptrun.toml:2:1
  help: leave the selector out to get the whole secret

"#]],
        ),
        case(
            "selector that hits nothing",
            Text("[secrets]\nA = \"env://OBJECT#x\"\n"),
            str![[r#"
error[reference/selector]: the secret has no `#x`
  secret: A
  reference: env://OBJECT#x
  at: ptrun.toml:2:1
  help: check the spelling; names are case-sensitive

"#]],
        ),
        case(
            "no profile for a template",
            Text("[secrets]\nA = \"env://{profile}\"\n"),
            str![[r#"
error[reference/profile]: the reference has `{profile}` in it, and the run has no profile
  secret: A
  at: ptrun.toml:2:1
  help: name one: `--profile staging`

"#]],
        ),
        with(
            ONE,
            "host *",
            &["--plugin", "env", "--allow", "env:http=https://*"],
            str![[r#"
error[usage/grant]: a grant is `ALIAS:env=NAME`, `:file=PATH`, `:http=ORIGIN`, `:network=RANGE` or `:random`
  help: for example `--allow vault:env=VAULT_ADDR`

"#]],
        ),
        with(
            ONE,
            "host with path",
            &["--plugin", "env", "--allow", "env:http=https://a.example/x"],
            str![[r#"
error[usage/grant]: a grant is `ALIAS:env=NAME`, `:file=PATH`, `:http=ORIGIN`, `:network=RANGE` or `:random`
  help: for example `--allow vault:env=VAULT_ADDR`

"#]],
        ),
        with(
            ONE,
            "directory /",
            &["--plugin", "env", "--allow", "env:file=/"],
            str![[r#"
error[usage/grant]: a grant is `ALIAS:env=NAME`, `:file=PATH`, `:http=ORIGIN`, `:network=RANGE` or `:random`
  help: for example `--allow vault:env=VAULT_ADDR`

"#]],
        ),
        with(
            ONE,
            "two references to one name",
            &["-s", "A=env://HOME", "-s", "A=env://PATH"],
            str![[r#"
error[usage/duplicate-name]: two secrets are called `A`
  help: give each secret a name of its own

"#]],
        ),
        with(
            ONE,
            "sink",
            &["--audit", "off", "--audit", "stderr"],
            str![[r#"
error[usage/audit]: `off` is no place for the record: there are others
  help: a path, `stderr`, `journald`, `syslog`, or `off` alone

"#]],
        ),
        with(
            ONE,
            "no time",
            &["--timeout", "0s"],
            str![[r#"
error[usage]: the time after `--timeout` is not positive
  help: for example `--timeout 30s`

"#]],
        ),
        with(
            ONE,
            "template",
            &["--template", "in"],
            str![[r#"
error[usage]: invalid value 'in' for '--template <IN:OUT>': a template is `IN:OUT`, two paths
  help: see `ptrun --help`; the command to run stands after `--`

"#]],
        ),
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
