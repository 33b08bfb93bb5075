//! The user of the benchmark: folders of their own, a key that they trust, and plugins that they approved. Nothing of
//! the person who runs it is read or written.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

use ptrun_trust::{SecretKey, sign};

use crate::builtins;
use crate::sh::{self, Program, Result};

/// A plugin of 2 MB that does nothing.
pub(super) const LARGE: &str = "target/bench/large.wasm";
/// The plugin for AWS, as somebody else would publish it.
pub(super) const THIRD: &str = "target/bench/third.wasm";
/// The guest that asks a server, as five plugins.
pub(super) const BACKENDS: [&str; 5] = [
    "target/bench/backend1.wasm",
    "target/bench/backend2.wasm",
    "target/bench/backend3.wasm",
    "target/bench/backend4.wasm",
    "target/bench/backend5.wasm",
];

/// A secret in an encrypted file of 10 KB.
pub(super) const FILE: &str = "SECRET=file://target/bench/config.encrypted#key0";

/// The folders of a user, each a variable and where it is in `target/bench`.
const FOLDERS: [(&str, &str); 4] = [
    ("XDG_CONFIG_HOME", "config"),
    ("XDG_STATE_HOME", "state"),
    ("XDG_CACHE_HOME", "cache"),
    ("XDG_DATA_HOME", "data"),
];

/// The environment of this user.
pub(super) fn variables() -> Vec<(&'static str, String)> {
    let folders = FOLDERS.iter().map(|(name, path)| (*name, path_of(path)));
    folders.chain([("PTBENCH_SECRET", "value".to_owned())]).collect()
}

fn path_of(folder: &str) -> String {
    sh::target("bench").join(folder).display().to_string()
}

/// A folder of the user's alone, whatever the umask is.
pub(super) fn folder(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|why| format!("{}: {why}", path.display()).into())
}

/// Makes the user anew. The plugins of ptrun are built already.
pub(super) fn make(ptrun: &Path) -> Result<()> {
    let bench = sh::target("bench");
    sh::recreate(&bench)?;
    for (_, path) in FOLDERS {
        folder(&bench.join(path))?;
    }
    let key = SecretKey::generate()?;
    let of_ours = sh::read(&sh::target("plugins/wasm32-wasip2/release/aws.wasm"))?;
    builtins::build_guests()?;
    let of_guest = sh::read(&sh::target("guests/backend.wasm"))?;
    let manifest =
        "format=1\npublisher=\"a\"\nname=\"b\"\nversion=\"1.0.0\"\ninterface=\"0\"\nscheme=\"b\"\nsequence=1";
    let mut plugins = vec![(LARGE, empty(), Some(manifest)), (THIRD, of_ours, None)];
    plugins.extend((1..).zip(BACKENDS).map(|(number, path)| (path, renamed(&of_guest, number), None)));
    for (path, component, manifest) in plugins {
        let signed = sign(&component, manifest, &key).map_err(|why| format!("{path}: {why}"))?;
        sh::write(&sh::root().join(path), signed)?;
    }
    let scopes = "[\"a/*\", \"ptrun/*\", \"hostile/*\"]";
    let trust = format!("[[key]]\npublic = \"{}\"\nfor = {scopes}\n", key.public());
    let store = bench.join("config/ptrun/trust.toml");
    folder(&bench.join("config/ptrun"))?;
    sh::write(&store, trust)?;
    // Whatever the umask is: a store that others may write is refused.
    fs::set_permissions(store, Permissions::from_mode(0o600))?;
    for plugin in BACKENDS.iter().chain([&THIRD]) {
        as_user(ptrun).args(["plugin", "trust", plugin, "--yes"]).stdout_to_stderr().run()?;
    }
    encrypted_file(ptrun)
}

/// A component of 2 MB: one custom section, whose length takes three bytes.
fn empty() -> Vec<u8> {
    let mut component = b"\0asm\x0d\0\x01\0\0\x80\x80\x7a\x07payload".to_vec();
    component.resize(8 + 4 + 0x7a * 128 * 128, 7);
    component
}

/// The guest, under a name of the same length.
fn renamed(guest: &[u8], number: usize) -> Vec<u8> {
    let (from, to) = ("name = \"backend\"", format!("name = \"backen{number}\""));
    let mut renamed = guest.to_vec();
    for at in 0..guest.len() {
        if guest[at..].starts_with(from.as_bytes()) {
            renamed[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    renamed
}

fn encrypted_file(ptrun: &Path) -> Result<()> {
    let bench = sh::target("bench");
    let (key, plain) = (bench.join(".key"), bench.join("config.json"));
    let values: Vec<String> = (0..128).map(|at| format!("\"key{at}\": \"{at:040}\"")).collect();
    sh::write(&plain, format!("{{{}}}", values.join(", ")))?;
    as_user(ptrun).args(["file", "keygen"]).args([&key]).run()?;
    let sealed = bench.join("config.encrypted");
    as_user(ptrun).args(["file", "encrypt"]).args([&plain]).args(["-o"]).args([&sealed]).run()
}

fn as_user(ptrun: &Path) -> Program {
    variables().iter().fold(sh::command(ptrun), |program, (name, value)| program.env(name, value))
}
