//! Builds the plugins that ptrun carries, signs them, and compiles them to machine code.

use std::fs;
use std::path::Path;

use ptrun_trust::{PluginSource, Scope, SecretKey, TrustStore, sign};
use sha2::{Digest as _, Sha256};

use crate::sh::{self, Result};
use crate::toolchain::Toolchain;

/// The built-in plugins, each in a folder of `plugins/`.
pub(crate) const NAMES: &[&str] = &["aws", "env", "file"];

/// Where the compiler leaves components.
const COMPILED: &str = "plugins/wasm32-wasip2/release";

/// Leaves in `target/builtins`, for each plugin, the signed component and its machine code, and the
/// public key. What is there and still right is left alone.
pub(crate) fn build() -> Result<()> {
    let folder = sh::target("builtins");
    let toolchain = Toolchain::find()?;
    let mut components = Vec::new();
    eprintln!("xtask: plugins are built by {}", toolchain.describe());
    cargo(&toolchain, &["--workspace", "--lib"])?;
    for name in NAMES {
        components.push((*name, sh::read(&sh::target(COMPILED).join(format!("{name}.wasm")))?));
    }
    sign_all(&folder, &components)?;
    precompile(&folder)
}

/// Builds the plugins that the tests run, most of which misbehave, and leaves them unsigned in
/// `target/guests`.
pub(crate) fn build_guests() -> Result<()> {
    let folder = sh::target("guests");
    cargo(&Toolchain::find()?, &["--package", "ptrun-guests", "--package", "ptrun-hostile", "--examples"])?;
    sh::recreate(&folder)?;
    // The example of a plugin was built with the built-in ones.
    sh::copy(&sh::target(COMPILED).join("greeting.wasm"), &folder.join("greeting.wasm"))?;
    for sources in ["tests/guests/guests", "tests/hostile"] {
        for entry in fs::read_dir(sh::root().join(sources))? {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|end| end == "rs") && name != "lib" {
                let file = format!("{name}.wasm");
                sh::copy(&sh::target(COMPILED).join("examples").join(&file), &folder.join(&file))?;
            }
        }
    }
    Ok(())
}

fn cargo(toolchain: &Toolchain, args: &[&str]) -> Result<()> {
    toolchain
        .build()
        .args(["--locked"])
        .args(args)
        .env("CARGO_TARGET_DIR", sh::target("plugins"))
        .current_dir(sh::root().join("plugins"))
        .run()
}

/// Signs with a key that is made here and thrown away. Keeps the last signatures if they are still of
/// these components: another key would mean another ptrun.
fn sign_all(folder: &Path, components: &[(&str, Vec<u8>)]) -> Result<()> {
    let mut hash = Sha256::new();
    for (name, component) in components {
        hash.update(name);
        hash.update(Sha256::digest(component));
    }
    let (stamp, record) = (hash.finalize(), folder.join("stamp"));
    let there = |(name, _): &(&str, _)| folder.join(format!("{name}.digest")).exists();
    if fs::read(&record).is_ok_and(|last| last == stamp.as_slice()) && components.iter().all(there) {
        return Ok(());
    }
    sh::recreate(folder)?;
    let key = SecretKey::generate()?;
    let mut trust = TrustStore::new();
    trust.add(key.public(), Scope::ALL);
    for (name, component) in components {
        let signed = sign(component, None, &key).map_err(|why| format!("{name}.wasm: {why}"))?;
        let plugin = trust.verify(PluginSource::memory(*name, signed.clone()).read()?)?;
        sh::write(&folder.join(format!("{name}.digest")), plugin.digest().to_string())?;
        sh::write(&folder.join(format!("{name}.wasm")), signed)?;
    }
    sh::write(&folder.join("signer.pub"), format!("{}\n", key.public()))?;
    sh::write(&record, stamp)
}

/// Compiles the plugins to machine code, unless this very compiler did so with these very plugins.
fn precompile(folder: &Path) -> Result<()> {
    sh::cargo_beside_ptrun("ptrun-precompile").run()?;
    let compiler = sh::target("release/ptrun-precompile");
    let (stamp, record) = (Sha256::digest(sh::read(&compiler)?), folder.join("compiled-by"));
    let compiled = |name: &&str| folder.join(format!("{name}.cwasm")).exists();
    // `sign_all` empties the folder when a plugin changes.
    if fs::read(&record).is_ok_and(|last| last == stamp.as_slice()) && NAMES.iter().all(compiled) {
        return Ok(());
    }
    sh::command(&compiler).args([folder]).run()?;
    sh::write(&record, stamp)
}
