//! What a plugin is, asks for and does.

use std::fs;

use ptrun_tests::{User, allow_unsigned, guest};
use ptrun_trust::sign;
use snapbox::{assert_data_eq, str};

use crate::{USE, refused};

#[test]
fn plugin_that_is_missing() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["--plugin", "vault"]),
        str![[r#"
error[plugin/not-found]: there is no plugin `vault`
  built in: aws, env, file
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
fn plugin_for_another_version_of_the_interface() {
    let user = User::new();
    let manifest = "format = 1\npublisher = \"hostile\"\nname = \"new\"\nversion = \"1.0.0\"\ninterface = \"0.2\"\nscheme = \"guest\"\nsequence = 1\n";
    let component = wat::parse_str(
        r#"(component (instance $i) (export "ptrun:plugin/secret-source@0.2.0" (instance $i)))"#,
    );
    user.approve(&user.write(
        "new.wasm",
        sign(&component.expect("a component"), Some(manifest), &user.key).expect("signs"),
    ));
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
    user.approve(&user.write("none.wasm", sign(&component, Some(manifest), &user.key).expect("signs")));
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
fn plugin_that_imports_what_it_does_not_ask_for() {
    let user = User::new();
    user.install("random");
    assert_data_eq!(
        refused(&user, &[&["--plugin", "./random.wasm"], USE.as_slice()].concat()),
        str![[r#"
error[plugin/undeclared-import]: the plugin `hostile/guest` imports `wasi:random/insecure-seed@0.2.[WASI]`, for which its manifest does not ask
  help: its publisher must ask for it in `plugin.toml`

"#]]
    );
}

/// What a run says of a guest that is not signed, and is given nothing.
fn unsigned(name: &str, reference: &str) -> String {
    let user = User::new();
    user.write("guest.wasm", guest(name));
    let secret = format!("A={reference}");
    refused(&user, &["--plugin", "./guest.wasm", &allow_unsigned(guest(name)), "-s", &secret])
}

#[test]
fn unsigned_plugin_that_was_not_granted_what_it_asks_for() {
    assert_data_eq!(
        unsigned("randomly", "guest://x"),
        str![[r#"
error[grant/missing]: the plugin `guest` asks for something that it is not granted
  asks for: random
  imports: wasi:random/insecure-seed@0.2.[WASI]
  help: if it should have this, add `--allow guest:random`

"#]]
    );
    assert_data_eq!(
        unsigned("files", "guest://x"),
        str![[r#"
error[grant/missing]: the plugin `guest` asks for something that it is not granted
  asks for: file=x
  imports: ptrun:plugin/files@0.1.0
  help: if it should have this, add `--allow guest:file=x`

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
  help: the plugin is defective, or hostile, or needs `--limit ALIAS:LIMIT=VALUE`

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
fn grant_that_is_malformed() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["--plugin", "env", "--allow", "env:net"]),
        str![[r#"
error[usage/grant]: a grant is `ALIAS:env=NAME`, `:file=PATH`, `:http=ORIGIN`, `:network=RANGE` or `:random`
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
fn plugin_that_imports_what_nobody_is_given() {
    let user = User::new();
    let manifest = "format = 1\npublisher = \"hostile\"\nname = \"net\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme = \"guest\"\nsequence = 1\n";
    let component = r#"(component
        (import "wasi:sockets/tcp@0.2.6" (instance))
        (instance $i)
        (export "ptrun:plugin/secret-source@0.1.0" (instance $i)))"#;
    let component = wat::parse_str(component).expect("a component");
    user.approve(&user.write("net.wasm", sign(&component, Some(manifest), &user.key).expect("signs")));
    assert_data_eq!(
        refused(&user, &["--plugin", "./net.wasm", "-s", "A=guest://x"]),
        str![[r#"
error[plugin/forbidden-import]: the plugin `hostile/net` imports `wasi:sockets/tcp@0.2.[WASI]`, which no plugin is given
  help: its publisher must do without it

"#]]
    );
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
    let said = unsigned("files", "guest://x'; touch pwned; echo '");
    assert!(said.contains(r"--allow 'guest:file=x'\''; touch pwned; echo '\'''"), "{said}");
}

/// What is said of a component, written as text, with this at the end of its manifest.
fn said_of(component: &str, more: &str) -> String {
    let user = User::new();
    let manifest = format!(
        "format = 1\npublisher = \"hostile\"\nname = \"odd\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme = \"guest\"\nsequence = 1\n{more}"
    );
    let component = wat::parse_str(component).expect("a component");
    user.approve(&user.write("odd.wasm", sign(&component, Some(&manifest), &user.key).expect("signs")));
    refused(&user, &[&["--plugin", "./odd.wasm"], USE.as_slice()].concat())
}

#[test]
fn plugin_that_asks_for_what_it_does_not_use() {
    let component = r#"(component (instance $i) (export "ptrun:plugin/secret-source@0.1.0" (instance $i)))"#;
    assert_data_eq!(
        said_of(component, "[capabilities]\nrandom = true\n"),
        str![[r#"
error[plugin/unused-capability]: the manifest of the plugin `hostile/odd` asks for `random`, which the component does not import
  help: its publisher must take it out of `plugin.toml`

"#]]
    );
}

#[test]
fn plugin_of_the_right_name_and_the_wrong_type() {
    let component = r#"(component (instance $i) (export "ptrun:plugin/secret-source@0.1.0" (instance $i)))"#;
    assert_data_eq!(
        said_of(component, ""),
        str![[r#"
error[plugin/invalid]: the component cannot be compiled: instance export `ptrun:plugin/secret-source@0.1.0` does not have export `configure`
  help: its publisher must build it again

"#]]
    );
}

#[test]
fn limits_of_a_plugin() {
    let user = User::new();
    user.install("memory");
    // Compiled anew each time.
    let plugin = ["--cache", "off", "--plugin", "./memory.wasm"];
    let with = |limit: &str| refused(&user, &[&plugin[..], &["--limit", limit], &USE].concat());
    assert_data_eq!(
        with("guest:memory"),
        str![[r#"
error[usage/limit]: a limit is `ALIAS:NAME=VALUE`
  help: for example `--limit vault:memory=128MiB --limit vault:wall=30s`

"#]]
    );
    assert_data_eq!(
        with("guest:memory=much"),
        str![[r#"
error[usage/limit]: a limit is a size such as `64MiB`, a time such as `500ms`, or a number, and more than nothing
  limit: guest:memory=much
  help: for example `--limit vault:memory=128MiB --limit vault:wall=30s`

"#]]
    );
    assert_data_eq!(
        with("guest:size=1"),
        str![[r#"
error[usage/limit]: there is no limit of this name; there are component-bytes, compile-time, compile-memory, stack, memory, table-elements, instances, call-bytes, handles, value-bytes, file-bytes, log-bytes, requests, http-bytes, field-bytes, random-bytes, cpu, wall
  limit: guest:size=1
  help: for example `--limit vault:memory=128MiB --limit vault:wall=30s`

"#]]
    );
    assert_data_eq!(
        with("other:memory=1MiB"),
        str![[r#"
error[usage/limit]: `--limit` names `other`, which is no plugin of this run
  help: add `--plugin other`

"#]]
    );
    assert_data_eq!(
        with("guest:memory=1KiB"),
        str![[r#"
error[plugin/limit]: the plugin `hostile/guest` used more memory than it may
  help: the plugin is defective, or hostile, or needs `--limit ALIAS:LIMIT=VALUE`

"#]]
    );
    assert_data_eq!(
        with("guest:stack=1"),
        str![[r#"
error[plugin/limit]: the plugin `hostile/guest` used more stack than it may
  help: the plugin is defective, or hostile, or needs `--limit ALIAS:LIMIT=VALUE`

"#]]
    );
    assert_data_eq!(
        with("guest:component-bytes=1KiB"),
        str![[r#"
error[plugin/too-large]: the plugin `hostile/guest` has [..] bytes, and at most 1024 are allowed
  help: build it for release, or allow it: `--limit ALIAS:component-bytes=64MiB`

"#]]
    );
    assert_data_eq!(
        with("guest:compile-memory=1"),
        str![[r#"
error[plugin/limit]: the plugin `hostile/guest` needs more memory to compile than it may
  help: the plugin is defective, or hostile, or needs `--limit ALIAS:LIMIT=VALUE`

"#]]
    );
}
