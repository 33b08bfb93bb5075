//! Whom the user trusts, and what was signed.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use ptrun_tests::{User, guest, text};
use ptrun_trust::{SecretKey, sign};
use snapbox::{assert_data_eq, str};

use crate::refused;

#[test]
fn plugin_that_is_unsigned() {
    let user = User::new();
    user.write("json.wasm", guest("json"));
    assert_data_eq!(
        refused(&user, &["--plugin", "./json.wasm"]),
        str![[r#"
error[trust/unsigned]: the plugin `./json.wasm` is not signed
  help: ask the publisher for a signed one; if it is your own, add `--allow-unsigned=sha256:[DIGEST]`

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
  help: ask the publisher for a file that another key signed

"#]]
    );
}
