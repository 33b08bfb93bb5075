//! Every class of error, as a user sees it: the message, the help, the exit code; and that the command
//! did not start.

mod approval;
mod plugins;
mod rest;
mod secrets;
mod trust;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ptrun_tests::{User, root, text};
use snapbox::{assert_data_eq, str};

/// What `ptrun` says, with what differs from run to run replaced.
fn said(user: &User, command: &mut Command, code: i32) -> String {
    let output = command.output().expect("starts");
    assert_eq!(text(&output.stdout), "", "nothing on standard output");
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    assert!(!user.home().join("started").exists(), "the command started");
    let said = text(&output.stderr)
        .replace(user.home().to_str().expect("text"), "[HOME]")
        .replace(&user.key.public().to_string(), "[KEY]");
    // Versions of WASI change with the compiler, and digests with every build of the guests.
    let said =
        ["0.2.6", "0.2.9", "0.2.12"].iter().fold(said, |said, version| said.replace(version, "0.2.[WASI]"));
    let mut parts = said.split("sha256:");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |said, part| {
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        if digits == 64 { said + "sha256:[DIGEST]" + &part[64..] } else { said + "sha256:" + part }
    })
}

/// What a run says that is refused.
fn refused(user: &User, options: &[&str]) -> String {
    said(user, user.ptrun().args(options).args(["--", "touch", "started"]), 125)
}

const USE: [&str; 2] = ["-s", "A=guest://x"];

#[test]
fn command_line_that_makes_no_sense() {
    let user = User::new();
    assert_data_eq!(
        said(&user, &mut user.ptrun(), 125),
        str![[r#"
error[usage]: there is no command to run
  help: put it after `--`: `ptrun [OPTIONS] -- COMMAND [ARG]...`

"#]]
    );
    assert_data_eq!(
        said(&user, user.ptrun().arg("--plugni"), 125),
        str![[r#"
error[usage]: unexpected argument '--plugni' found
  help: see `ptrun --help`; the command to run stands after `--`

"#]]
    );
    assert_data_eq!(
        said(&user, user.ptrun().args(["-s", "A=env://B", "printenv", "A"]), 125),
        str![[r#"
error[usage]: unexpected argument 'printenv' found
  help: see `ptrun --help`; the command to run stands after `--`

"#]]
    );
    assert_data_eq!(
        said(&user, user.ptrun().args(["-s", "A=env://B", "plugin", "list"]), 125),
        str![[r#"
error[usage]: the options of a run and the command stand after the name of a subcommand, and only `run` has all of them
  help: see `ptrun --help`

"#]]
    );
}

#[test]
fn command_that_is_missing_or_no_program() {
    let user = User::new();
    user.write("plain", "text");
    let run =
        |command: &str, code| said(&user, user.ptrun().args(["-s", "A=env://HOME", "--", command]), code);
    assert_data_eq!(
        run("no-such-command", 127),
        str![[r#"
error[exec/not-found]: the command `no-such-command` was not found
  help: check its spelling, and the variable PATH

"#]]
    );
    assert_data_eq!(
        run("./plain", 126),
        str![[r#"
error[exec/not-executable]: the command `./plain` cannot be executed: Permission denied (os error 13)
  help: check that it is a program, and that you may execute it

"#]]
    );
}

#[test]
fn errors_for_programs_are_json_a_line() {
    let user = User::new();
    let json = ["--error-format", "json", "-s", "A=env://X", "-s", "B=env://Y"];
    assert_data_eq!(
        refused(&user, &json),
        str![[r#"
{"class":"secret/not-found","message":"there is no such secret","facts":{"secret":["A"],"reference":["env://X"]},"help":"check the reference, and that the secret is there","exit":125}
{"class":"secret/not-found","message":"there is no such secret","facts":{"secret":["B"],"reference":["env://Y"]},"help":"check the reference, and that the secret is there","exit":125}

"#]]
    );
    assert_data_eq!(
        said(&user, user.ptrun().args(["--error-format=json", "--plugni"]), 125),
        str![[r#"
{"class":"usage","message":"unexpected argument '--plugni' found","facts":{},"help":"see `ptrun --help`; the command to run stands after `--`","exit":125}

"#]]
    );
}

#[test]
fn colour_is_for_terminals() {
    let user = User::new();
    let plain = refused(&user, &["-s", "A=hunter2"]);
    assert!(!plain.contains('\u{1b}'));
    let coloured = said(
        &user,
        user.ptrun().env("CLICOLOR_FORCE", "1").args(["-s", "A=hunter2", "--", "touch", "started"]),
        125,
    );
    assert!(coloured.contains("\u{1b}["));
    let mut command = user.ptrun();
    command.env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").args([
        "-s",
        "A=hunter2",
        "--",
        "touch",
        "started",
    ]);
    assert_eq!(said(&user, &mut command, 125), plain);
}

/// The files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// Every class that is in the sources of the command line.
fn classes() -> std::collections::BTreeSet<String> {
    let groups = [
        "audit",
        "config",
        "exec",
        "file",
        "grant",
        "inject",
        "key",
        "lock",
        "plugin",
        "reference",
        "secret",
        "sign",
        "system",
        "trust",
        "usage",
    ];
    let mut classes = std::collections::BTreeSet::new();
    for path in sources(&root().join("host/cli/src")) {
        let source = fs::read_to_string(path).expect("a source");
        classes.extend(source.split('"').filter_map(|literal| {
            let (group, name) = literal.split_once('/')?;
            let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            (good && groups.contains(&group)).then(|| literal.to_owned())
        }));
    }
    classes
}

#[test]
fn the_readme_lists_every_class() {
    let (classes, readme) = (classes(), fs::read_to_string(root().join("README.md")).expect("a page"));
    let missing: Vec<_> = classes.iter().filter(|class| !readme.contains(&format!("`{class}`"))).collect();
    assert!(missing.is_empty(), "not in the README: {missing:?}");
    assert!(classes.len() > 55, "only {} classes were found", classes.len());
}
