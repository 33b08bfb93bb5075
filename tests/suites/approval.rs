//! From the first run of a plugin to its updates: what is asked, what is written down, and what no project can
//! change.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ptrun_tests::{User, allow_unsigned, guest, program, text};
use ptrun_trust::sign;

const RUN: [&str; 4] = ["get", "--plugin", "./guest.wasm", "guest://x"];

/// The guest that answers with JSON, as a release with this sequence.
fn release(user: &User, sequence: u64) -> PathBuf {
    let manifest = format!(
        "format = 1\npublisher = \"hostile\"\nname = \"guest\"\nversion = \"1.0.{sequence}\"\ninterface = \"0.1\"\nscheme = \"guest\"\nsequence = {sequence}\n"
    );
    user.write("guest.wasm", sign(&guest("json"), Some(&manifest), &user.key).expect("signs"))
}

/// The class of the error, or nothing.
fn class(user: &User, args: &[&str]) -> String {
    class_of(user.ptrun().args(args))
}

fn class_of(command: &mut Command) -> String {
    let output = command.output().expect("starts");
    let said = text(&output.stderr);
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said.strip_prefix("error[").and_then(|rest| rest.split(']').next()).unwrap_or_default().to_owned()
}

fn read(user: &User, path: &str) -> String {
    fs::read_to_string(user.home().join(path)).unwrap_or_default()
}

#[test]
fn the_command_in_the_help_approves() {
    let user = User::new();
    release(&user, 1);
    let said = text(&user.run(RUN).stderr);
    let command = said.split('`').find(|part| part.starts_with("ptrun plugin trust ")).expect("a command");
    assert_eq!(class(&user, &command.split(' ').skip(1).collect::<Vec<_>>()), "");
    assert_eq!(class(&user, &RUN), "");
}

#[test]
fn an_update_needs_no_word_and_an_older_release_does() {
    let user = User::new();
    user.approve(&release(&user, 3));
    release(&user, 5);
    assert_eq!(class(&user, &RUN), "");
    assert!(read(&user, ".config/ptrun/approved.toml").contains("sequence = 5"));
    // Approved once, and superseded since.
    release(&user, 3);
    assert_eq!(class(&user, &RUN), "trust/rollback");
    assert_eq!(class(&user, &["plugin", "trust", "guest.wasm", "--yes"]), "");
    assert_eq!(class(&user, &RUN), "");
    release(&user, 5);
    assert_eq!(class(&user, &RUN), "", "the newer one is still approved");
    release(&user, 4);
    assert_eq!(class(&user, &RUN), "trust/rollback");
}

/// Runs a command on a terminal of its own, where somebody types `answer`.
fn on_a_terminal(user: &User, args: &str, answer: &str) -> String {
    let mut command = Command::new("script");
    command
        .args(["--quiet", "--return", "--echo", "never", "--command"])
        .arg(format!("{} {args}", program().display()))
        .arg("/dev/null");
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", user.home());
    command.current_dir(user.home()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("script, of util-linux");
    child.stdin.take().expect("a pipe").write_all(answer.as_bytes()).expect("typed");
    text(&child.wait_with_output().expect("ends").stdout)
}

#[test]
fn a_terminal_is_asked_once() {
    let user = User::new();
    release(&user, 1);
    let run = RUN.join(" ");
    let said = on_a_terminal(&user, &run, "n\n");
    assert!(said.contains("asks for: nothing"), "{said}");
    assert!(said.contains("[y/N]") && said.contains("error[trust/unapproved]"), "{said}");
    assert_eq!(class(&user, &RUN), "trust/unapproved");
    let said = on_a_terminal(&user, &run, "\n");
    assert!(said.contains("error[trust/unapproved]"), "{said}");
    let said = on_a_terminal(&user, &run, "y\n");
    assert!(said.contains("[y/N]") && !said.contains("error["), "{said}");
    let said = on_a_terminal(&user, &run, "");
    assert!(!said.contains("[y/N]") && !said.contains("error["), "{said}");
    assert_eq!(class(&user, &RUN), "");
}

#[test]
fn a_changed_plugin_is_not_asked_about() {
    let user = User::new();
    user.approve(&release(&user, 2));
    release(&user, 1);
    let said = on_a_terminal(&user, &RUN.join(" "), "y\n");
    assert!(!said.contains("[y/N]") && said.contains("error[trust/rollback]"), "{said}");
}

#[test]
fn a_terminal_can_trust_a_signer_and_a_plugin_in_one_step() {
    let user = User::new();
    release(&user, 1);
    user.write(".config/ptrun/trust.toml", "");
    assert_eq!(class(&user, &RUN), "trust/unknown-signer");
    let said = on_a_terminal(&user, "plugin trust guest.wasm", "y\n");
    let key = user.key.public().to_string();
    assert!(said.contains(&format!("You do not trust its signer {key} yet.")), "{said}");
    assert_eq!(class(&user, &RUN), "");
    let trust = read(&user, ".config/ptrun/trust.toml");
    assert!(trust.contains("for = [\"hostile/guest\"]"), "for this name alone: {trust}");
}

#[test]
fn a_lock_file_pins_and_follows() {
    let user = User::new();
    user.approve(&release(&user, 1));
    assert_eq!(class(&user, &RUN), "");
    assert_eq!(read(&user, "ptrun.lock"), "", "nobody asked for one");
    assert_eq!(class(&user, &["plugin", "lock", "./guest.wasm"]), "");
    let first = read(&user, "ptrun.lock");
    assert!(first.contains("[plugin.guest]\n") && first.contains("sequence = 1\n"), "{first}");

    release(&user, 2);
    let locked = [RUN.as_slice(), &["--locked"]].concat();
    assert_eq!(class(&user, &locked), "lock/mismatch");
    assert_eq!(class_of(user.ptrun().env("CI", "true").args(RUN)), "lock/mismatch");
    assert_eq!(read(&user, "ptrun.lock"), first);
    assert_eq!(class_of(user.ptrun().env("CI", "true").args(RUN).arg("--locked=false")), "");
    assert!(read(&user, "ptrun.lock").contains("sequence = 2\n"));
    assert_eq!(class(&user, &locked), "");

    let alias = ["get", "--plugin", "other=./guest.wasm", "other://x"];
    assert_eq!(class(&user, &[alias.as_slice(), &["--locked"]].concat()), "lock/missing");
    assert_eq!(class(&user, &alias), "");
    assert!(read(&user, "ptrun.lock").contains("[plugin.other]\n"));
}

#[test]
fn a_lock_file_is_found_upward_and_beside_the_configuration() {
    let user = User::new();
    let plugin = release(&user, 1);
    user.approve(&plugin);
    user.write("project/ptrun.toml", "");
    user.write("project/deep/er/file", "");
    let plugin = plugin.to_str().expect("text");
    let run =
        |args: &[&str]| class_of(user.ptrun().current_dir(user.home().join("project/deep/er")).args(args));
    assert_eq!(run(&["plugin", "lock", plugin]), "");
    assert!(user.home().join("project/ptrun.lock").exists());
    assert_eq!(run(&["get", "--locked", "--plugin", plugin, "guest://x"]), "");
}

#[test]
fn a_lock_file_approves_nothing() {
    let user = User::new();
    user.approve(&release(&user, 1));
    assert_eq!(class(&user, &["plugin", "lock", "./guest.wasm"]), "");
    fs::remove_file(user.home().join(".config/ptrun/approved.toml")).expect("removed");
    assert_eq!(class(&user, &RUN), "trust/unapproved");
    assert_eq!(class(&user, &[RUN.as_slice(), &["--locked"]].concat()), "trust/unapproved");
    assert_eq!(class(&user, &["plugin", "lock", "./guest.wasm"]), "trust/unapproved");
}

#[test]
fn only_the_command_line_allows_an_unsigned_component() {
    let user = User::new();
    user.write("guest.wasm", guest("json"));
    let allow = allow_unsigned(guest("json"));
    let digest = allow.trim_start_matches("--allow-unsigned=").to_owned();
    assert_eq!(class(&user, &[RUN.as_slice(), &[&allow]].concat()), "");
    assert_eq!(read(&user, ".config/ptrun/approved.toml"), "", "for this run alone");
    assert_eq!(class(&user, &RUN), "trust/unsigned");

    for name in ["PTRUN_ALLOW_UNSIGNED", "ALLOW_UNSIGNED"] {
        assert_eq!(class_of(user.ptrun().env(name, &digest).args(RUN)), "trust/unsigned", "{name}");
    }
    let setting = format!("allow-unsigned = [\"{digest}\"]\nallow_unsigned = [\"{digest}\"]\n");
    for file in ["ptrun.toml", "ptrun.local.toml", ".config/ptrun/config.toml"] {
        let path = user.write(file, &setting);
        assert_eq!(class(&user, &RUN), "config/unknown-key", "{file}");
        fs::remove_file(path).expect("removed");
    }
    for file in ["ptrun.lock", ".config/ptrun/trust.toml", ".config/ptrun/approved.toml"] {
        let before = read(&user, file);
        user.write(file, format!("{setting}{before}"));
        assert_ne!(class(&user, &RUN), "", "{file}");
        user.write(file, before);
    }

    // Another content than the one that is named.
    let other = allow_unsigned(guest("large"));
    assert_eq!(class(&user, &[RUN.as_slice(), &[&other]].concat()), "trust/unsigned");
    // A signature by somebody unknown is not the absence of one.
    let stranger = ptrun_trust::SecretKey::generate().expect("randomness");
    user.write("guest.wasm", sign(&guest("json"), None, &stranger).expect("signs"));
    assert_eq!(class(&user, &[RUN.as_slice(), &[&allow]].concat()), "trust/unknown-signer");
}

#[test]
fn approvals_by_several_at_once_are_all_kept() {
    let user = User::new();
    let names: Vec<String> = (0..12).map(|index| format!("plugin-{index}")).collect();
    for name in &names {
        let manifest = format!(
            "format = 1\npublisher = \"hostile\"\nname = \"{name}\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme = \"guest\"\nsequence = 1\n"
        );
        let component = wat::parse_str("(component)").expect("a component");
        user.write(&format!("{name}.wasm"), sign(&component, Some(&manifest), &user.key).expect("signs"));
    }
    let trust = |name: &String| {
        let mut command = user.ptrun();
        command.args(["plugin", "trust", "--yes"]).arg(format!("{name}.wasm")).stdout(Stdio::null());
        command.spawn().expect("starts")
    };
    for mut child in names.iter().map(trust).collect::<Vec<_>>() {
        assert!(child.wait().expect("ends").success());
    }
    let list = read(&user, ".config/ptrun/approved.toml");
    for name in &names {
        assert!(list.contains(&format!("name = \"{name}\"\n")), "{name} is lost");
    }
}

#[test]
fn a_list_of_approvals_that_others_may_write_is_not_used() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let user = User::new();
    user.approve(&release(&user, 1));
    let list = user.home().join(".config/ptrun/approved.toml");
    fs::set_permissions(&list, fs::Permissions::from_mode(0o620)).expect("permissions");
    assert_eq!(class(&user, &RUN), "trust/store");
    fs::set_permissions(&list, fs::Permissions::from_mode(0o600)).expect("permissions");
    assert_eq!(class(&user, &RUN), "");
    fs::rename(&list, user.home().join("elsewhere")).expect("moved");
    symlink(user.home().join("elsewhere"), &list).expect("a link");
    assert_eq!(class(&user, &RUN), "trust/store");
}
