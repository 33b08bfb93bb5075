//! Every class of error, as a user sees it: the message, the help, the exit code; and that the command
//! did not start.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Command;

use ptrun_tests::{User, guest, root, text};
use ptrun_trust::{SecretKey, sign};
use snapbox::{assert_data_eq, str};

/// What `ptrun` says, with what differs from run to run replaced.
fn said(user: &User, command: &mut Command, code: i32) -> String {
    let output = command.output().expect("starts");
    assert_eq!(text(&output.stdout), "", "nothing on standard output");
    assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    assert!(!user.home().join("started").exists(), "the command started");
    text(&output.stderr)
        .replace(user.home().to_str().expect("text"), "[HOME]")
        .replace(&user.key.public().to_string(), "[KEY]")
}

/// What a run says that is refused.
fn refused(user: &User, options: &[&str]) -> String {
    said(user, user.ptrun().args(options).args(["--", "touch", "started"]), 125)
}

const USE: [&str; 2] = ["-s", "A=guest://x"];

#[test]
fn plugin_that_is_missing() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["--plugin", "vault"]),
        str![[r#"
error[plugin/not-found]: there is no plugin `vault`
  built in: env
  looked in: [HOME]/.local/share/ptrun/plugins
  help: give the path of its file: `--plugin ./NAME.wasm`

"#]]
    );
    assert_data_eq!(
        refused(&user, &["--plugin", "./vault.wasm"]),
        str![[r#"
error[plugin/not-found]: there is no plugin at `./vault.wasm`
  help: check the path

"#]]
    );
}

#[test]
fn plugin_that_is_no_file() {
    let user = User::new();
    fs::create_dir(user.home().join("folder.wasm")).expect("a folder");
    assert_data_eq!(
        refused(&user, &["--plugin", "./folder.wasm"]),
        str![[r#"
error[plugin/unreadable]: the plugin `./folder.wasm` is not a regular file
  help: a plugin is one file, `NAME.wasm`

"#]]
    );
}

#[test]
fn plugin_that_is_too_large() {
    let user = User::new();
    let file = fs::File::create(user.home().join("large.wasm")).expect("a file");
    file.set_len(33 << 20).expect("sparse");
    assert_data_eq!(
        refused(&user, &["--plugin", "./large.wasm"]),
        str![[r#"
error[plugin/too-large]: the plugin `./large.wasm` is over 32 MiB
  help: build it for release, and without debug information

"#]]
    );
}

#[test]
fn plugin_that_is_no_component() {
    let user = User::new();
    user.write("text.wasm", "not wasm");
    assert_data_eq!(
        refused(&user, &["--plugin", "./text.wasm"]),
        str![[r#"
error[plugin/not-a-component]: `./text.wasm` is not a WebAssembly component
  help: a plugin is a component: build it for `wasm32-wasip2`, or make one of the module

"#]]
    );
}

#[test]
fn plugin_that_is_unsigned() {
    let user = User::new();
    user.write("json.wasm", guest("json"));
    assert_data_eq!(
        refused(&user, &["--plugin", "./json.wasm"]),
        str![[r#"
error[trust/unsigned]: the plugin `./json.wasm` is not signed
  help: only signed plugins run; ask the publisher for a signed one

"#]]
    );
}

#[test]
fn plugin_that_was_altered() {
    let user = User::new();
    let file = user.install("json");
    let mut bytes = fs::read(&file).expect("a file");
    *bytes.last_mut().expect("not empty") ^= 1;
    user.write("json.wasm", bytes);
    assert_data_eq!(
        refused(&user, &["--plugin", "./json.wasm"]),
        str![[r#"
error[trust/altered]: the plugin `./json.wasm` was altered after it was signed
  help: ask the publisher for an intact file

"#]]
    );
}

#[test]
fn plugin_that_has_more_than_was_signed() {
    let user = User::new();
    let mut component = guest("json");
    component.extend(b"\0\x0a\x09signature");
    user.write("json.wasm", sign(&component, None, &user.key).expect("signs"));
    assert_data_eq!(
        refused(&user, &["--plugin", "./json.wasm"]),
        str![[r#"
error[trust/malformed]: the plugin `./json.wasm` is signed in parts
  help: ask the publisher for an intact file

"#]]
    );
}

#[test]
fn plugin_with_an_unknown_signer() {
    let user = User::new();
    let other = SecretKey::generate().expect("randomness");
    user.write("json.wasm", sign(&guest("json"), None, &other).expect("signs"));
    let said = refused(&user, &["--plugin", "./json.wasm"]).replace(&other.public().to_string(), "[OTHER]");
    assert_data_eq!(
        said,
        str![[r#"
error[trust/unknown-signer]: the plugin `./json.wasm` is signed by a key that you do not trust
  signer: [OTHER] (claims to be `hostile/guest`)
  help: if you expected this, run `ptrun key trust [OTHER] --for 'hostile/*'`

"#]]
    );
}

#[test]
fn plugin_whose_signer_speaks_for_another_name() {
    let user = User::new();
    let key = user.key.public();
    user.write(".config/ptrun/trust.toml", format!("[[key]]\npublic = \"{key}\"\nfor = [\"acme/*\"]\n"));
    user.install("json");
    assert_data_eq!(
        refused(&user, &["--plugin", "./json.wasm"]),
        str![[r#"
error[trust/out-of-scope]: the plugin `./json.wasm` calls itself `hostile/guest`, for which you do not trust its signer
  signer: [KEY]
  help: if it may speak for this name, run `ptrun key trust [KEY] --for 'hostile/guest'`

"#]]
    );
}

#[test]
fn trust_store_that_others_may_write() {
    let user = User::new();
    user.install("json");
    let store = user.home().join(".config/ptrun/trust.toml");
    fs::set_permissions(&store, fs::Permissions::from_mode(0o620)).expect("permissions");
    assert_data_eq!(
        refused(&user, &["--plugin", "./json.wasm"]),
        str![[r#"
error[trust/store]: the trust store `[HOME]/.config/ptrun/trust.toml` cannot be used: others may write it
  help: it is a file that only you may write: `chmod 600`, no link, `[[key]]` with `public` and `for`

"#]]
    );
}

#[test]
fn trust_store_that_is_a_link_or_wrong() {
    let user = User::new();
    user.install("json");
    let store = user.home().join(".config/ptrun/trust.toml");
    fs::rename(&store, user.home().join("elsewhere")).expect("moved");
    symlink(user.home().join("elsewhere"), &store).expect("a link");
    assert!(refused(&user, &["--plugin", "./json.wasm"]).starts_with("error[trust/store]: "));
    fs::remove_file(&store).expect("removed");
    user.write(".config/ptrun/trust.toml", "[[keys]]\n");
    assert_data_eq!(
        refused(&user, &["--plugin", "./json.wasm"]),
        str![[r#"
error[trust/store]: the trust store `[HOME]/.config/ptrun/trust.toml` is wrong: line 1: unknown field `keys`, expected `key` or `threshold`
  help: it is a file that only you may write: `chmod 600`, no link, `[[key]]` with `public` and `for`

"#]]
    );
}

#[test]
fn plugin_for_another_version_of_the_interface() {
    let user = User::new();
    let manifest = "format = 1\npublisher = \"hostile\"\nname = \"new\"\nversion = \"1.0.0\"\ninterface = \"0.2\"\nscheme = \"guest\"\nsequence = 1\n";
    let component = wat::parse_str(
        r#"(component (instance $i) (export "ptrun:plugin/secret-source@0.2.0" (instance $i)))"#,
    );
    user.write("new.wasm", sign(&component.expect("a component"), Some(manifest), &user.key).expect("signs"));
    let said = refused(&user, &["--plugin", "./new.wasm", "-s", "A=guest://x"]);
    assert_data_eq!(
        said,
        str![[r#"
error[plugin/interface]: the plugin `hostile/new` needs version ^0.2 of the interface, and this host has 0.1.0
  help: get a version of the plugin, or of ptrun, that fits

"#]]
    );
}

#[test]
fn plugin_that_is_no_source() {
    let user = User::new();
    let manifest = "format = 1\npublisher = \"hostile\"\nname = \"none\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme = \"guest\"\nsequence = 1\n";
    let component = wat::parse_str("(component)").expect("a component");
    user.write("none.wasm", sign(&component, Some(manifest), &user.key).expect("signs"));
    let said = refused(&user, &["--plugin", "./none.wasm", "-s", "A=guest://x"]);
    assert_data_eq!(
        said,
        str![[r#"
error[plugin/not-a-source]: the plugin `hostile/none` does not export the interface `ptrun:plugin/secret-source`
  help: this component is no plugin for ptrun

"#]]
    );
}

#[test]
fn plugin_that_imports_what_it_does_not_ask_for_or_was_not_granted() {
    let user = User::new();
    for name in ["random", "randomly", "files"] {
        user.install(name);
    }
    let run = |name: &str| refused(&user, &[&["--plugin", name], USE.as_slice()].concat());
    assert_data_eq!(
        run("./random.wasm"),
        str![[r#"
error[plugin/undeclared-import]: the plugin `hostile/guest` imports `wasi:random/insecure-seed@0.2.6`, for which its manifest does not ask
  help: its publisher must ask for it in `plugin.toml`

"#]]
    );
    assert_data_eq!(
        run("./randomly.wasm"),
        str![[r#"
error[grant/missing]: the plugin `guest` asks for something that it is not granted
  asks for: random
  imports: wasi:random/insecure-seed@0.2.6
  help: if it should have this, add `--allow 'guest:random'`

"#]]
    );
    assert_data_eq!(
        run("./files.wasm"),
        str![[r#"
error[grant/missing]: the plugin `guest` asks for something that it is not granted
  asks for: file=x
  imports: ptrun:plugin/files@0.1.0
  help: if it should have this, add `--allow 'guest:file=x'`

"#]]
    );
}

#[test]
fn plugin_that_crashes_or_runs_into_a_limit() {
    let user = User::new();
    for name in ["panic", "memory"] {
        user.install(name);
    }
    let run = |name: &str| refused(&user, &[&["--plugin", name], USE.as_slice()].concat());
    assert_data_eq!(
        run("./panic.wasm"),
        str![[r#"
error[plugin/crashed]: the plugin `hostile/guest` crashed: wasm trap: wasm `unreachable` instruction executed
  help: this is a defect of the plugin: tell its publisher

"#]]
    );
    assert_data_eq!(
        run("./memory.wasm"),
        str![[r#"
error[plugin/limit]: the plugin `hostile/guest` used more memory than it may
  help: the plugin is defective, or hostile

"#]]
    );
}

#[test]
fn two_plugins_of_one_scheme() {
    let user = User::new();
    user.install("json");
    assert_data_eq!(
        refused(&user, &["--plugin", "./json.wasm", "--plugin", "json"]),
        str![[r#"
error[plugin/same-scheme]: two plugins answer to `guest://`
  help: give one of them another scheme with `--plugin ALIAS=PLUGIN`

"#]]
    );
}

#[test]
fn scheme_that_no_plugin_has() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["-s", "A=vault://x"]),
        str![[r#"
error[reference/unknown-scheme]: no plugin answers to `vault://`
  secret: A
  help: name one: `--plugin ./vault.wasm`, or `--plugin vault=PATH`

"#]]
    );
}

#[test]
fn reference_that_is_malformed() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["-s", "A=hunter2"]),
        str![[r#"
error[reference/malformed]: a reference looks like `scheme://key`
  secret: A
  help: for example `env://NAME`, or `aws://secret#field`

"#]]
    );
    assert_data_eq!(
        refused(&user, &["-s", "A=env://"]),
        str![[r#"
error[reference/malformed]: the reference has no key after `env://`
  secret: A
  help: for example `env://NAME`, or `aws://secret#field`

"#]]
    );
    let mut command = user.ptrun();
    command.env("B", "env://X?").args(["--plugin", "env", "--", "touch", "started"]);
    assert_data_eq!(
        said(&user, &mut command, 125),
        str![[r#"
error[reference/malformed]: an option of a reference looks like `name=value`
  variable: B
  help: for example `env://NAME`, or `aws://secret#field`

"#]]
    );
}

#[test]
fn reference_that_the_plugin_refuses() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["-s", "A=env://HOME?version=1"]),
        str![[r#"
error[reference/refused]: the plugin does not understand the reference: there is no option `version`
  secret: A
  reference: env://HOME?version=1
  help: see which references the plugin understands

"#]]
    );
}

#[test]
fn reference_to_a_reference() {
    let user = User::new();
    let mut command = user.ptrun();
    command.env("B", "env://B").args(["--plugin", "env", "--", "touch", "started"]);
    assert_data_eq!(
        said(&user, &mut command, 125),
        str![[r#"
error[reference/chained]: the variable `B` is read as a secret, and holds a reference itself
  help: refer to the secret where it is kept, in one step

"#]]
    );
}

#[test]
fn selector_that_selects_nothing() {
    let user = User::new();
    user.install("json");
    assert_data_eq!(
        refused(&user, &["--plugin", "json", "-s", "A=guest://x#nothing"]),
        str![[r#"
error[reference/selector]: the secret has no `#nothing`
  secret: A
  reference: guest://x#nothing
  help: check the spelling; names are case-sensitive

"#]]
    );
    assert_data_eq!(
        refused(&user, &["-s", "A=env://HOME#name"]),
        str![[r#"
error[reference/selector]: the secret is not JSON, so that `#name` selects nothing
  secret: A
  reference: env://HOME#name
  help: leave the selector out to get the whole secret

"#]]
    );
}

#[test]
fn variables_that_are_unset() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["-s", "A=env://X", "-s", "B=env://Y", "-s", "C=env://HOME"]),
        str![[r#"
error[secret/not-found]: there is no such secret
  secret: A
  reference: env://X
  help: check the reference, and that the secret is there
error[secret/not-found]: there is no such secret
  secret: B
  reference: env://Y
  help: check the reference, and that the secret is there

"#]]
    );
}

#[test]
fn value_that_no_variable_can_hold() {
    let user = User::new();
    user.install("nul");
    assert_data_eq!(
        refused(&user, &["--plugin", "nul", "-s", "A=guest://x"]),
        str![[r#"
error[inject/nul]: the value has a NUL byte, which no environment variable can hold
  secret: A
  help: refer to a part of it, or keep it in another form, such as base64

"#]]
    );
}

#[test]
fn value_that_is_too_large() {
    let user = User::new();
    user.install("large");
    assert_data_eq!(
        refused(&user, &["--plugin", "large", "-s", "A=guest://x"]),
        str![[r#"
error[secret/too-large]: the value has 65537 bytes, and at most 65536 are allowed
  secret: A
  reference: guest://x
  help: keep large data elsewhere, and its key here

"#]]
    );
}

#[test]
fn nothing_asked_for() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["--plugin", "env"]),
        str![[r#"
error[usage/no-secrets]: no secret was asked for
  help: name one with `--secret NAME=SCHEME://KEY`, or start the command without ptrun

"#]]
    );
}

#[test]
fn name_that_is_none_or_is_there_twice() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["-s", "A-B=env://HOME"]),
        str![[r#"
error[usage/name]: the name of a variable has letters, digits and `_`, and no digit first
  help: deliver the secret under another name

"#]]
    );
    assert_data_eq!(
        refused(&user, &["-s", "LD_PRELOAD=env://HOME"]),
        str![[r#"
error[usage/name]: the variable steers the dynamic loader, and a secret in it would be code
  help: deliver the secret under another name

"#]]
    );
    assert_data_eq!(
        refused(&user, &["-s", "A=env://HOME", "-s", "A=env://PATH"]),
        str![[r#"
error[usage/duplicate-name]: two secrets are called `A`
  help: give each secret a name of its own

"#]]
    );
    assert_data_eq!(
        refused(&user, &["-s", "hunter2"]),
        str![[r#"
error[usage/secret]: a secret is asked for as `NAME=SCHEME://KEY`
  help: for example `--secret TOKEN=env://CI_TOKEN`

"#]]
    );
}

#[test]
fn grant_that_is_malformed() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["--plugin", "env", "--allow", "env:net"]),
        str![[r#"
error[usage/grant]: a grant is `ALIAS:env=NAME`, `ALIAS:file=PATH` or `ALIAS:random`
  help: for example `--allow vault:env=VAULT_ADDR`

"#]]
    );
    assert_data_eq!(
        refused(&user, &["--allow", "vault:env=A"]),
        str![[r#"
error[usage/grant]: `--allow` names `vault`, which is no plugin of this run
  help: add `--plugin vault`

"#]]
    );
}

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
error[usage]: `--secret` and the command stand after the name of a subcommand, and only `run` has them
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

/// What a run says of a plugin whose signer stands in the trust store with this addition.
fn with_trust(more: &str) -> String {
    let user = User::new();
    let key = user.key.public();
    user.write(
        ".config/ptrun/trust.toml",
        format!("[[key]]\npublic = \"{key}\"\nfor = [\"hostile/*\"]\n{more}"),
    );
    user.install("json");
    refused(&user, &["--plugin", "./json.wasm"])
}

#[test]
fn signer_whom_the_user_does_not_trust_now() {
    assert_data_eq!(
        with_trust("revoked = true\n"),
        str![[r#"
error[trust/revoked]: the plugin `./json.wasm` is signed by a key that you revoked
  signer: [KEY]
  help: ask the publisher for a file that another key signed

"#]]
    );
    assert_data_eq!(
        with_trust("not-after = 2020-01-01T00:00:00Z\n"),
        str![[r#"
error[trust/key-expired]: the plugin `./json.wasm` is signed by a key that you trusted until an earlier time
  signer: [KEY]
  help: if you still trust the key, move its `not-after`

"#]]
    );
    assert_data_eq!(
        with_trust("not-before = 2999-01-01T00:00:00Z\n"),
        str![[r#"
error[trust/key-not-yet-valid]: the plugin `./json.wasm` is signed by a key that you trust from a later time on
  signer: [KEY]
  help: check the clock, and the `not-before` of the key

"#]]
    );
    assert_data_eq!(
        with_trust("[[threshold]]\nfor = \"*/*\"\nsigners = 2\n"),
        str![[r#"
error[trust/too-few-signers]: the plugin `./json.wasm` is signed by 1 of the keys that you trust, and needs 2
  help: ask the publisher for a file with more signatures, or lower the threshold

"#]]
    );
}

#[test]
fn plugin_that_is_past_its_time() {
    let user = User::new();
    let manifest = "format = 1\npublisher = \"hostile\"\nname = \"old\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme = \"guest\"\nsequence = 1\nexpires = 2020-01-01T00:00:00Z\n";
    let component = wat::parse_str("(component)").expect("a component");
    user.write("old.wasm", sign(&component, Some(manifest), &user.key).expect("signs"));
    assert_data_eq!(
        refused(&user, &["--plugin", "./old.wasm"]),
        str![[r#"
error[trust/expired]: the plugin `./old.wasm` expired at 2020-01-01T00:00:00Z
  help: get a newer version of the plugin

"#]]
    );
}

#[test]
fn plugin_that_imports_what_nobody_is_given() {
    let user = User::new();
    let manifest = "format = 1\npublisher = \"hostile\"\nname = \"net\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme = \"guest\"\nsequence = 1\n";
    let component = r#"(component
        (import "wasi:sockets/tcp@0.2.6" (instance))
        (instance $i)
        (export "ptrun:plugin/secret-source@0.1.0" (instance $i)))"#;
    let component = wat::parse_str(component).expect("a component");
    user.write("net.wasm", sign(&component, Some(manifest), &user.key).expect("signs"));
    assert_data_eq!(
        refused(&user, &["--plugin", "./net.wasm", "-s", "A=guest://x"]),
        str![[r#"
error[plugin/forbidden-import]: the plugin `hostile/net` imports `wasi:sockets/tcp@0.2.6`, which no plugin is given
  help: its publisher must do without it

"#]]
    );
}

#[test]
fn plugin_whose_manifest_attacks_the_terminal() {
    let user = User::new();
    let manifest = section("ptrun:plugin", b"\"\\u001b[2J\\u202e\" = 1");
    // The signer refuses such a manifest, so the file is put together by hand, with a signature by nobody.
    let set = [&[1], sha256(&manifest).as_slice(), &[1, 67, 0, 1, 64], &[7; 64]].concat();
    let envelope = section("signature", &[&[1, 1, 1, 1, 102], set.as_slice()].concat());
    user.write("evil.wasm", [b"\0asm\x0d\0\x01\0", envelope.as_slice(), &manifest].concat());
    assert_data_eq!(
        refused(&user, &["--plugin", "./evil.wasm"]),
        str![[r#"
error[trust/manifest]: the manifest of the plugin `./evil.wasm` is wrong: unknown field `/u{1b}[2J/u{202e}`, expected one of `format`, `publisher`, `name`, `version`, `description`, `interface`, `scheme`, `sequence`, `expires`, `config`, `capabilities`
  help: its publisher must mend `plugin.toml` and sign again

"#]]
    );
}

/// A custom section whose lengths fit in a byte each.
fn section(name: &str, body: &[u8]) -> Vec<u8> {
    let length = |n: usize| u8::try_from(n).ok().filter(|n| *n < 128).expect("short");
    let head = [0, length(1 + name.len() + body.len()), length(name.len())];
    [&head, name.as_bytes(), body].concat()
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).to_vec()
}

#[test]
fn plugin_that_takes_the_scheme_of_a_built_in_one() {
    let user = User::new();
    let manifest = "format = 1\npublisher = \"hostile\"\nname = \"env\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme = \"env\"\nsequence = 1\n";
    let component = wat::parse_str("(component)").expect("a component");
    user.write("mine.wasm", sign(&component, Some(manifest), &user.key).expect("signs"));
    assert_data_eq!(
        refused(&user, &["--plugin", "./mine.wasm"]),
        str![[r#"
error[plugin/same-scheme]: the plugin `./mine.wasm` answers to `env://`, which is built in
  help: give it another scheme with `--plugin ALIAS=./mine.wasm`

"#]]
    );
}

#[test]
fn alias_that_is_no_scheme() {
    let user = User::new();
    user.install("json");
    assert_data_eq!(
        refused(&user, &["--plugin", "Work=json.wasm"]),
        str![[r#"
error[usage/alias]: an alias is a scheme: lower-case letters, digits, `+-.`
  help: for example `--plugin work=./vault.wasm`, for references such as `work://key`

"#]]
    );
}

#[test]
fn grant_in_the_help_is_safe_to_paste() {
    let user = User::new();
    user.install("files");
    let said = refused(&user, &["--plugin", "./files.wasm", "-s", "A=guest://x'; touch pwned; echo '"]);
    assert!(said.contains(r"--allow 'guest:file=x'\''; touch pwned; echo '\'''"), "{said}");
}

#[test]
fn built_in_plugin_whose_key_was_revoked() {
    let user = User::new();
    let list = text(&user.run(["key", "list"]).stdout);
    let key = list.split_whitespace().next().expect("the built-in key").to_owned();
    assert!(user.run(["key", "revoke", &key]).status.success());
    let said = refused(&user, &["-s", "A=env://HOME"]).replace(&key, "[BUILT-IN]");
    assert_data_eq!(
        said,
        str![[r#"
error[trust/revoked]: the plugin `env` is signed by a key that you revoked
  signer: [BUILT-IN]
  secret: A
  help: ask the publisher for a file that another key signed

"#]]
    );
}

#[test]
fn reference_to_a_reference_of_a_plugin_that_was_not_named() {
    let user = User::new();
    let mut command = user.ptrun();
    command.env("B", "env://HOME").args(["-s", "A=env://B", "--", "touch", "started"]);
    assert!(said(&user, &mut command, 125).starts_with("error[reference/chained]: "));
}

#[test]
fn the_readme_lists_every_class() {
    let modules = ["args", "classes", "inject", "plan", "plugins", "report", "resolve", "run", "user"];
    let commands = ["get", "key", "mod", "plugin/mod", "plugin/sign", "plugin/verify"];
    let modules = modules.iter().map(|name| format!("host/cli/src/{name}.rs"));
    let paths = modules.chain(commands.iter().map(|name| format!("host/cli/src/commands/{name}.rs")));
    let groups = [
        "exec",
        "grant",
        "inject",
        "key",
        "plugin",
        "reference",
        "secret",
        "sign",
        "system",
        "trust",
        "usage",
    ];
    let readme = fs::read_to_string(root().join("README.md")).expect("a page");
    let mut classes = std::collections::BTreeSet::new();
    for path in paths {
        let source = fs::read_to_string(root().join(path)).expect("a source");
        classes.extend(source.split('"').filter_map(|literal| {
            let (group, name) = literal.split_once('/')?;
            let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '-');
            (good && groups.contains(&group)).then(|| literal.to_owned())
        }));
    }
    let missing: Vec<_> = classes.iter().filter(|class| !readme.contains(&format!("`{class}`"))).collect();
    assert!(missing.is_empty(), "not in the README: {missing:?}");
    assert!(classes.len() > 55, "only {} classes were found", classes.len());
}
