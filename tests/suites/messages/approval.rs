//! What may run: approvals, the lock file, and unsigned components.

use ptrun_tests::{User, allow_unsigned, guest};
use ptrun_trust::{SecretKey, sign};
use snapbox::{assert_data_eq, str};

use crate::{USE, refused, said};

/// A component that is signed, with this manifest after the first lines.
fn plugin(user: &User, key: &SecretKey, more: &str) -> std::path::PathBuf {
    let manifest = format!(
        "format = 1\npublisher = \"hostile\"\nname = \"guest\"\ninterface = \"0.1\"\nscheme = \"guest\"\n{more}"
    );
    let component = wat::parse_str("(component)").expect("a component");
    user.write("guest.wasm", sign(&component, Some(&manifest), key).expect("signs"))
}

const RUN: [&str; 4] = ["--plugin", "./guest.wasm", "-s", "A=guest://x"];

#[test]
fn plugin_that_was_not_approved() {
    let user = User::new();
    plugin(
        &user,
        &user.key,
        "version = \"1.2.0\"\nsequence = 7\n[capabilities]\nenv = [\"TOKEN\"]\nfiles = [\"{key}\"]\nrandom = true\n",
    );
    assert_data_eq!(
        refused(&user, &RUN),
        str![[r#"
error[trust/unapproved]: you have not approved the plugin `hostile/guest`
  plugin: hostile/guest 1.2.0 (./guest.wasm)
  signer: [KEY]
  digest: sha256:[DIGEST]
  asks for: env=TOKEN
  asks for: file={key}
  asks for: random
  help: if it may run and have this, run `ptrun plugin trust ./guest.wasm --digest sha256:[DIGEST]`

"#]]
    );
}

#[test]
fn plugin_that_is_not_what_was_approved() {
    let user = User::new();
    user.approve(&plugin(&user, &user.key, "version = \"1.2.0\"\nsequence = 7\n"));
    plugin(&user, &user.key, "version = \"1.3.0\"\nsequence = 8\n[capabilities]\nenv = [\"TOKEN\"]\n");
    assert_data_eq!(
        refused(&user, &RUN),
        str![[r#"
error[trust/changed]: the plugin `hostile/guest` is not what you approved under this name
  plugin: hostile/guest 1.3.0 (./guest.wasm)
  signer: [KEY]
  digest: sha256:[DIGEST]
  asks for: env=TOKEN
  change: it asks for env=TOKEN in addition
  help: if it may run and have this, run `ptrun plugin trust ./guest.wasm --digest sha256:[DIGEST]`

"#]]
    );
    plugin(&user, &user.key, "version = \"1.1.0\"\nsequence = 6\n");
    assert_data_eq!(
        refused(&user, &RUN),
        str![[r#"
error[trust/rollback]: the plugin `hostile/guest` is older than the one that you approved
  plugin: hostile/guest 1.1.0 (./guest.wasm)
  signer: [KEY]
  digest: sha256:[DIGEST]
  asks for: nothing
  change: its sequence was 7, and is 6
  help: if it may run and have this, run `ptrun plugin trust ./guest.wasm --digest sha256:[DIGEST]`

"#]]
    );
}

#[test]
fn plugin_of_another_signer() {
    let user = User::new();
    user.approve(&plugin(&user, &user.key, "version = \"1.2.0\"\nsequence = 7\n"));
    let other = SecretKey::generate().expect("randomness");
    let key = other.public().to_string();
    assert!(user.run(["key", "trust", &key, "--for", "hostile/*"]).status.success());
    plugin(&user, &other, "version = \"1.3.0\"\nsequence = 8\n");
    assert_data_eq!(
        refused(&user, &RUN).replace(&key, "[OTHER]"),
        str![[r#"
error[trust/changed]: the plugin `hostile/guest` is not what you approved under this name
  plugin: hostile/guest 1.3.0 (./guest.wasm)
  signer: [OTHER]
  digest: sha256:[DIGEST]
  asks for: nothing
  change: the key [KEY] has not signed it
  help: if it may run and have this, run `ptrun plugin trust ./guest.wasm --digest sha256:[DIGEST]`

"#]]
    );
}

#[test]
fn plugin_that_the_lock_file_does_not_pin() {
    let user = User::new();
    user.install("json");
    let locked = ["--locked", "--plugin", "./json.wasm"];
    assert_data_eq!(
        refused(&user, &[&locked, USE.as_slice()].concat()),
        str![[r#"
error[lock/missing]: the plugin `guest` is not in `[HOME]/ptrun.lock`
  help: pin it with `ptrun plugin lock guest=./json.wasm`, or run with `--locked=false`

"#]]
    );
    assert!(user.run(["plugin", "lock", "./json.wasm"]).status.success());
    user.install("large");
    assert_data_eq!(
        refused(&user, &[&["--locked", "--plugin", "./large.wasm"], USE.as_slice()].concat()),
        str![[r#"
error[lock/mismatch]: the plugin `guest` is not what `[HOME]/ptrun.lock` pins
  plugin: hostile/guest 1.0.0 (./large.wasm)
  signer: [KEY]
  digest: sha256:[DIGEST]
  asks for: nothing
  pinned: hostile/guest 1.0.0, sha256:[DIGEST]
  help: if it should be this one, run `ptrun plugin lock guest=./large.wasm`

"#]]
    );
    // The same name and signer, and it asks for more.
    user.install("randomly");
    assert_data_eq!(
        refused(&user, &[&["--plugin", "./randomly.wasm"], USE.as_slice()].concat()),
        str![[r#"
error[lock/mismatch]: the plugin `guest` is not what `[HOME]/ptrun.lock` pins
  plugin: hostile/guest 1.0.0 (./randomly.wasm)
  signer: [KEY]
  digest: sha256:[DIGEST]
  asks for: random
  change: it asks for random in addition
  pinned: hostile/guest 1.0.0, sha256:[DIGEST]
  help: if it should be this one, run `ptrun plugin lock guest=./randomly.wasm`

"#]]
    );
    // Signed once, signed for ever.
    user.write("bare.wasm", guest("json"));
    let unsigned = ["--plugin", "./bare.wasm", &allow_unsigned(guest("json"))];
    assert_data_eq!(
        refused(&user, &[unsigned.as_slice(), USE.as_slice()].concat()),
        str![[r#"
error[lock/mismatch]: the plugin `guest` is not what `[HOME]/ptrun.lock` pins
  plugin: hostile/guest 1.0.0 (./bare.wasm)
  digest: sha256:[DIGEST]
  asks for: nothing
  change: the key [KEY] has not signed it
  pinned: hostile/guest 1.0.0, sha256:[DIGEST]
  help: a plugin that was signed must stay so

"#]]
    );
}

#[test]
fn lock_file_that_is_wrong() {
    let user = User::new();
    user.install("json");
    let run = || refused(&user, &[&["--plugin", "./json.wasm"], USE.as_slice()].concat());
    user.write("ptrun.lock", "format = 1\n[plugin.\"\\u001b[2J\"]\npublisher = \"\\u001b[2J\"\n");
    assert_data_eq!(
        run(),
        str![[r#"
error[lock/malformed]: the lock file `[HOME]/ptrun.lock` is wrong: line 3: a name has 1 to 63 lower-case letters, digits and hyphens, and no hyphen first
  help: take it from version control, or remove it and write it anew with `ptrun plugin lock`

"#]]
    );
    user.write("ptrun.lock", "format = 2\n");
    assert_data_eq!(
        run(),
        str![[r#"
error[lock/malformed]: the lock file `[HOME]/ptrun.lock` is wrong: it has format 2, and this ptrun knows format 1
  help: take it from version control, or remove it and write it anew with `ptrun plugin lock`

"#]]
    );
}

#[test]
fn list_of_approvals_that_is_wrong() {
    let user = User::new();
    user.install("json");
    user.write(".config/ptrun/approved.toml", "[[plugins]]\n");
    assert_data_eq!(
        refused(&user, &[&["--plugin", "./json.wasm"], USE.as_slice()].concat()),
        str![[r#"
error[trust/store]: the list of approved plugins `[HOME]/.config/ptrun/approved.toml` is wrong: line 1: unknown field `plugins`, expected `plugin`
  help: it is a file that only you may write: `chmod 600`, no link; without it, you are asked again

"#]]
    );
}

#[test]
fn trusting_what_is_not_what_was_meant() {
    let user = User::new();
    user.copy("json");
    let trust = |more: &[&str]| {
        let mut command = user.ptrun();
        said(&user, command.args(["plugin", "trust", "json.wasm"]).args(more), 125)
    };
    assert_data_eq!(
        trust(&[]),
        str![[r#"
error[trust/unapproved]: you have not approved the plugin `hostile/guest`
  plugin: hostile/guest 1.0.0 (json.wasm)
  signer: [KEY]
  digest: sha256:[DIGEST]
  asks for: nothing
  help: if it may run and have this, run `ptrun plugin trust json.wasm --digest sha256:[DIGEST]`

"#]]
    );
    assert_data_eq!(
        trust(&["--digest", &format!("sha256:{}", "0".repeat(64))]),
        str![[r#"
error[trust/changed]: the plugin `json.wasm` has another content than the one that you name
  named: sha256:[DIGEST]
  digest: sha256:[DIGEST]
  help: look at it again before you trust it

"#]]
    );
    let other = SecretKey::generate().expect("randomness").public().to_string();
    assert_data_eq!(
        trust(&["--yes", "--signer", &other]).replace(&other, "[OTHER]"),
        str![[r#"
error[trust/unknown-signer]: the plugin `json.wasm` is not signed by the key that you name
  key: [OTHER]
  help: ask the publisher which key it is

"#]]
    );
    assert_data_eq!(
        trust(&["--digest", "0"]),
        str![[r#"
error[usage]: invalid value '0' for '--digest <DIGEST>': a digest is `sha256:` and 64 hexadecimal digits
  help: see `ptrun --help`; the command to run stands after `--`

"#]]
    );
}

#[test]
fn trusting_a_plugin_whose_signer_nobody_named() {
    let user = User::new();
    let other = SecretKey::generate().expect("randomness");
    let key = other.public().to_string();
    user.write("json.wasm", sign(&guest("json"), None, &other).expect("signs"));
    assert_data_eq!(
        said(&user, user.ptrun().args(["plugin", "trust", "json.wasm", "--yes"]), 125)
            .replace(&key, "[OTHER]"),
        str![[r#"
error[trust/unapproved]: you have not approved the plugin `hostile/guest`
  plugin: hostile/guest 1.0.0 (json.wasm)
  signer: [OTHER]
  digest: sha256:[DIGEST]
  asks for: nothing
  help: if you expected this signer, add `--signer [OTHER] --yes`

"#]]
    );
}
