//! Build step: compiles every signed plugin in a folder, so that the built-in ones start at once.
//!
//! `ptrun-precompile FOLDER` reads `signer.pub` and each `NAME.wasm`, and writes `NAME.cwasm`.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

use ptrun_host::{PluginSource, PublicKey, TrustStore, precompile};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::args_os().nth(1).ok_or("usage: ptrun-precompile FOLDER")?);
    let signer = PublicKey::from_file_bytes(&fs::read(folder.join("signer.pub"))?)?;
    let mut trust = TrustStore::new();
    trust.add(signer, "ptrun/*".parse()?);
    for entry in fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "wasm") {
            let plugin = trust.verify(PluginSource::file(&path).read()?)?;
            // Whoever finds the file finds all of it.
            let new = path.with_extension("cwasm.new");
            fs::write(&new, precompile(&plugin)?)?;
            fs::rename(&new, path.with_extension("cwasm"))?;
        }
    }
    Ok(())
}
