//! References, names and values.

use ptrun_tests::User;
use snapbox::{assert_data_eq, str};

use crate::{refused, said};

#[test]
fn scheme_that_no_plugin_has() {
    let user = User::new();
    assert_data_eq!(
        refused(&user, &["-s", "A=vault://x"]),
        str![[r#"
error[reference/unknown-scheme]: no plugin answers to `vault://`
  secret: A
  help: name one: `--plugin ./vault.wasm`, `--plugin vault=PATH`, or `[plugins.vault]` in a file

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
error[reference/selector]: the secret is neither JSON, YAML, TOML nor dotenv, so that `#name` selects nothing
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
  help: refer to a part of it, or deliver it in a file: `inject = "file"`

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
  help: name one with `--secret NAME=SCHEME://KEY`, or in `ptrun.toml`, which `ptrun init` writes

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
fn reference_to_a_reference_of_a_plugin_that_was_not_named() {
    let user = User::new();
    let mut command = user.ptrun();
    command.env("B", "env://HOME").args(["-s", "A=env://B", "--", "touch", "started"]);
    assert!(said(&user, &mut command, 125).starts_with("error[reference/chained]: "));
}

#[test]
fn refusals_of_a_backend() {
    let user = User::new();
    user.install("refuse");
    let keys =
        ["denied", "unauthenticated", "config", "throttled", "unavailable", "unsupported", "internal", "x"];
    let secrets: Vec<String> =
        keys.iter().enumerate().map(|(at, key)| format!("S{at}=guest://{key}")).collect();
    let mut options = vec!["--plugin", "refuse"];
    options.extend(secrets.iter().flat_map(|secret| ["-s", secret.as_str()]));
    assert_data_eq!(
        refused(&user, &options),
        str![[r#"
error[secret/denied]: the backend refuses: read is missing
  secret: S0
  reference: guest://denied
  help: ask for the permission, or use another identity
error[secret/unauthenticated]: the backend does not accept the credentials: the token is expired
  secret: S1
  reference: guest://unauthenticated
  help: log in again, or renew the credentials
error[plugin/setting]: the plugin does not understand its settings: `region` is missing
  secret: S2
  reference: guest://config
  help: `ptrun plugin inspect` shows the settings that it has
error[secret/throttled]: the backend asks to wait 1500 ms
  secret: S3
  reference: guest://throttled
  help: try again later
error[secret/unavailable]: the backend is not available: no answer
  secret: S4
  reference: guest://unavailable
  help: check the network and the service, and try again
error[secret/unsupported]: the plugin does not do this
  secret: S5
  reference: guest://unsupported
  help: use another plugin for this
error[plugin/failed]: the plugin failed: an answer made no sense
  secret: S6
  reference: guest://internal
  help: this is a defect of the plugin: tell its publisher
error[secret/not-found]: there is no such secret
  secret: S7
  reference: guest://x
  help: check the reference, and that the secret is there

"#]]
    );
}

#[test]
fn variable_that_is_not_unicode() {
    use std::os::unix::ffi::OsStrExt as _;
    let user = User::new();
    let mut command = user.ptrun();
    command.env("B", std::ffi::OsStr::from_bytes(b"hunter2\xff"));
    command.args(["-s", "A=env://B", "--", "touch", "started"]);
    assert_data_eq!(
        said(&user, &mut command, 125),
        str![[r#"
error[secret/not-unicode]: the variable `B`, which the plugin `ptrun/env` is granted, is not UTF-8
  help: only text can be passed to a plugin in a variable

"#]]
    );
}
