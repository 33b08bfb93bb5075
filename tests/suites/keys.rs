//! `ptrun key`, `ptrun plugin sign` and `ptrun plugin verify`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use ptrun_tests::{User, guest, text};

/// Runs a command that must succeed and say nothing on standard error.
fn good(user: &User, args: &[&str]) -> String {
    let output = user.run(args.iter().copied());
    assert_eq!(text(&output.stderr), "", "{args:?}");
    assert!(output.status.success(), "{args:?}");
    text(&output.stdout)
}

/// Runs a command that must fail with this class.
fn bad(user: &User, args: &[&str], class: &str) {
    let output = user.run(args.iter().copied());
    let said = text(&output.stderr);
    assert!(said.starts_with(&format!("error[{class}]: ")), "{args:?}: {said}");
    assert_eq!(output.status.code(), Some(125));
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

const KEY: &str = ".config/ptrun/keys/acme";
const PUB: &str = ".config/ptrun/keys/acme.pub";

/// A user who has a key, and a plugin signed with it.
fn author() -> User {
    let user = User::new();
    user.write("greeting.wasm", guest("greeting"));
    good(&user, &["key", "generate", "acme"]);
    good(&user, &["plugin", "sign", "greeting.wasm", "--key", "acme"]);
    user
}

#[test]
fn from_a_key_to_a_secret() {
    let user = author();
    let get = ["get", "--plugin", "./greeting.wasm", "greeting://Ada"];
    bad(&user, &get, "trust/unknown-signer");
    bad(&user, &["plugin", "verify", "greeting.wasm"], "trust/unknown-signer");
    good(&user, &["key", "trust", PUB, "--for", "acme/*"]);
    bad(&user, &get, "trust/unapproved");
    good(&user, &["plugin", "trust", "greeting.wasm", "--yes"]);
    assert_eq!(good(&user, &get), "Hello, Ada!");
    good(&user, &["key", "revoke", PUB]);
    bad(&user, &get, "trust/revoked");
    bad(&user, &["key", "trust", PUB, "--for", "acme/*"], "key/revoked");
    bad(&user, &get, "trust/revoked");
}

#[test]
fn the_help_of_an_unknown_signer_is_a_command_that_works() {
    let user = author();
    let get = ["get", "--plugin", "./greeting.wasm", "greeting://Ada"];
    let said = text(&user.run(get).stderr);
    let command = said.split('`').find(|part| part.starts_with("ptrun key trust ")).expect("a command");
    let words: Vec<String> =
        command.split(' ').skip(1).map(|word| word.trim_matches('\'').to_owned()).collect();
    good(&user, &words.iter().map(String::as_str).collect::<Vec<_>>());
    bad(&user, &get, "trust/unapproved");
}

#[test]
fn a_key_is_private_and_never_written_over() {
    let user = author();
    let (secret, public) = (user.home().join(KEY), user.home().join(PUB));
    assert_eq!((mode(&secret), mode(&public)), (0o600, 0o644));
    let before = fs::read(&secret).expect("a key");
    bad(&user, &["key", "generate", "acme"], "key/exists");
    assert_eq!(fs::read(&secret).expect("a key"), before);
    for name in ["../acme", "/tmp/acme", ".", "..", ""] {
        bad(&user, &["key", "generate", name], "key/name");
    }
}

#[test]
fn a_key_that_others_may_read_is_not_used() {
    let user = author();
    let sign = ["plugin", "sign", "greeting.wasm", "--key", "acme"];
    let secret = user.home().join(KEY);
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o640)).expect("permissions");
    bad(&user, &sign, "key/insecure");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("permissions");
    fs::rename(&secret, user.home().join("elsewhere")).expect("moved");
    bad(&user, &sign, "key/not-found");
    symlink(user.home().join("elsewhere"), &secret).expect("a link");
    bad(&user, &sign, "key/insecure");
}

#[test]
fn a_passphrase_comes_from_the_variable_where_there_is_no_terminal() {
    let user = author();
    let locked = ptrun_trust::SecretKey::generate().expect("randomness");
    let file = locked.to_openssh("locked", Some("correct horse")).expect("written");
    user.write(".config/ptrun/keys/locked", file.as_bytes());
    user.write("other.wasm", guest("greeting"));
    let sign = ["plugin", "sign", "other.wasm", "--key", "locked"];
    bad(&user, &sign, "key/passphrase");
    bad(&user, &["key", "generate", "new", "--passphrase"], "key/passphrase");
    for (passphrase, works) in [("wrong horse", false), ("correct horse", true)] {
        let output =
            user.ptrun().env("PTRUN_KEY_PASSPHRASE", passphrase).args(sign).output().expect("starts");
        assert_eq!(output.status.success(), works, "{}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("horse"));
    }
}

#[test]
fn signing_needs_a_component_and_one_manifest() {
    fn sign<'a>(more: &[&'a str]) -> Vec<&'a str> {
        [&["plugin", "sign", "--key", "acme"], more].concat()
    }
    let user = author();
    user.write("text.wasm", "no wasm");
    bad(&user, &sign(&["text.wasm"]), "plugin/not-a-component");
    user.write("bare.wasm", wat::parse_str("(component)").expect("a component"));
    bad(&user, &sign(&["bare.wasm"]), "sign/manifest");
    user.write("plugin.toml", "format = 1\n");
    bad(&user, &sign(&["bare.wasm", "--manifest", "plugin.toml"]), "sign/manifest");
    let manifest = "format = 1\npublisher = \"acme\"\nname = \"bare\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme = \"bare\"\nsequence = 1\n";
    user.write("plugin.toml", manifest);
    let before = fs::read(user.home().join("bare.wasm")).expect("a file");
    good(&user, &sign(&["bare.wasm", "--manifest", "plugin.toml", "--output", "signed.wasm"]));
    assert_eq!(fs::read(user.home().join("bare.wasm")).expect("a file"), before);
    good(&user, &["key", "trust", PUB, "--for", "acme/bare"]);
    good(&user, &["plugin", "verify", "signed.wasm"]);
    bad(&user, &sign(&["signed.wasm", "--manifest", "plugin.toml"]), "sign/manifest");
    let mut altered = fs::read(user.home().join("signed.wasm")).expect("a file");
    *altered.last_mut().expect("not empty") ^= 1;
    user.write("altered.wasm", altered);
    bad(&user, &sign(&["altered.wasm"]), "sign/altered");
    bad(&user, &["plugin", "verify", "altered.wasm"], "trust/altered");
}

#[test]
fn verify_says_how_far_it_came() {
    let user = author();
    let output = user.run(["plugin", "verify", "greeting.wasm"]);
    let said = text(&output.stdout);
    assert!(said.contains("manifest   calls itself acme/greeting 1.0.0, sequence 1\n"), "{said}");
    assert!(!said.contains("signers"), "{said}");
    let output = user.run(["plugin", "verify", "greeting.wasm", "--json"]);
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["passed"].as_array().map(Vec::len), Some(4));
    assert!(said["failed"].as_str().is_some_and(|why| why.contains("trust/unknown-signer")), "{said}");
}

#[test]
fn the_trust_store_keeps_what_the_user_wrote() {
    let user = author();
    let before = "# my keys\n[[threshold]]\nfor = \"acme/x\"\nsigners = 2 # two";
    let store = user.write(".config/ptrun/trust.toml", before);
    let trust = ["key", "trust", PUB, "--for", "acme/*", "--for", "more/x", "--comment", "Acme \"site\""];
    good(&user, &[trust.as_slice(), &["--not-after", "2999-01-01T00:00:00Z"]].concat());
    let after = fs::read_to_string(&store).expect("a file");
    assert!(after.starts_with(before), "{after}");
    assert_eq!(mode(&store), 0o600);
    let list = good(&user, &["key", "list"]);
    let line = list.lines().find(|line| line.contains("more/x")).expect("listed");
    assert!(line.ends_with("  acme/* more/x  until 2999-01-01T00:00:00Z  # Acme \"site\""), "{line}");
    let list: serde_json::Value =
        serde_json::from_str(&good(&user, &["key", "list", "--json"])).expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(2), "the built-in key and ours");

    user.write(".config/ptrun/trust.toml", "[[key]]\n");
    bad(&user, &trust, "trust/store");
    assert_eq!(fs::read_to_string(&store).expect("a file"), "[[key]]\n", "what is wrong is not written over");
}

#[test]
fn what_is_no_key_or_a_weak_one_is_refused() {
    let user = User::new();
    let weak = format!("01{}", "00".repeat(31));
    user.write("weak.pub", &weak);
    user.write("text.pub", "no key");
    let trust = |key: &str, class: &str| bad(&user, &["key", "trust", key, "--for", "acme/*"], class);
    trust("weak.pub", "key/weak");
    trust("text.pub", "key/unreadable");
    trust("absent.pub", "key/unreadable");
    trust(&weak, "key/weak");
    bad(&user, &["key", "trust", &user.key.public().to_string(), "--for", "acme"], "usage");
    bad(&user, &["key", "trust", &user.key.public().to_string()], "usage");
}

#[test]
fn a_project_has_no_say_in_trust() {
    let user = author();
    let key = fs::read_to_string(user.home().join(PUB)).expect("a key");
    let key = ptrun_trust::PublicKey::from_file_bytes(key.as_bytes()).expect("a key");
    let entry = format!("[[key]]\npublic = \"{key}\"\nfor = [\"*/*\"]\n");
    for file in ["trust.toml", "ptrun.lock", ".ptrun/trust.toml", "ptrun/trust.toml", ".config/trust.toml"] {
        user.write(file, &entry);
    }
    let mut command = user.ptrun();
    // A relative folder is no folder of the user (XDG Base Directory Specification).
    command.env("XDG_CONFIG_HOME", ".").env("PTRUN_TRUST", "trust.toml");
    let output =
        command.args(["get", "--plugin", "./greeting.wasm", "greeting://Ada"]).output().expect("starts");
    assert!(text(&output.stderr).starts_with("error[trust/unknown-signer]: "), "{}", text(&output.stderr));
    user.write("ptrun.toml", &entry);
    bad(&user, &["get", "--plugin", "./greeting.wasm", "greeting://Ada"], "config/unknown-key");
}

/// A component with a manifest for this plugin, and a signature of the other tool.
fn signed_elsewhere(key: &wasmsign2::SecretKey, publisher: &str, name: &str) -> Vec<u8> {
    let manifest = format!(
        "format=1\npublisher=\"{publisher}\"\nname=\"{name}\"\nversion=\"1.0.0\"\ninterface=\"0\"\nscheme=\"v\"\nsequence=1"
    );
    let section = "ptrun:plugin";
    let length = u8::try_from(1 + section.len() + manifest.len()).ok().filter(|n| *n < 128).expect("short");
    let name_length = u8::try_from(section.len()).expect("short");
    let head = [b"\0asm\x0d\0\x01\0".as_slice(), &[0, length, name_length]].concat();
    let component = [head.as_slice(), section.as_bytes(), manifest.as_bytes()].concat();
    let module = wasmsign2::Module::deserialize(&mut component.as_slice()).expect("they read it");
    let mut signed = Vec::new();
    key.sign(module, None).expect("they sign it").serialize(&mut signed).expect("they write it");
    signed
}

#[test]
fn a_key_of_the_other_tool_is_trusted_for_what_it_is_trusted_for() {
    let user = User::new();
    let pair = wasmsign2::KeyPair::generate();
    user.write("their.pub", pair.pk.to_bytes());
    user.write("vault.wasm", signed_elsewhere(&pair.sk, "acme", "vault"));
    user.write("x.wasm", signed_elsewhere(&pair.sk, "other", "x"));
    bad(&user, &["plugin", "verify", "vault.wasm"], "trust/unknown-signer");
    good(&user, &["key", "trust", "their.pub", "--for", "acme/*"]);
    let said = good(&user, &["plugin", "verify", "vault.wasm"]);
    assert!(said.contains("calls itself acme/vault 1.0.0"), "{said}");
    bad(&user, &["plugin", "verify", "x.wasm"], "trust/out-of-scope");
}
