//! `ptrun plugin sign`.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use ptrun_host::{PluginSource, TrustStore};

use crate::args::Global;
use crate::commands::key;
use crate::report::Failure;
use crate::user;

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// The component
    file: PathBuf,
    /// The key: a name from `ptrun key generate`, or a path
    #[arg(long, default_value = "default")]
    key: String,
    /// The manifest, if the component does not have it inside
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// Where to write the signed plugin, instead of over the component
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn sign(global: &Global, args: &SignArgs) -> Result<(), Failure> {
    let component = PluginSource::file(&args.file).read_at_most(global.largest_component()?)?;
    let manifest = args.manifest.as_deref().map(read_manifest).transpose()?;
    let key = key::secret(&args.key)?;
    let signed = ptrun_host::sign(component.bytes(), manifest.as_deref(), &key)?;
    // What is written is what a user will verify.
    let mut trust = TrustStore::new();
    trust.add(key.public(), ptrun_host::Scope::ALL);
    let verified = trust.verify(PluginSource::memory(args.file.display().to_string(), signed).read()?)?;
    let output = args.output.as_ref().unwrap_or(&args.file);
    user::replace(output, verified.bytes(), 0o644).map_err(|why| {
        Failure::new("sign/unwritable", format!("`{}` cannot be written: {why}", output.display()))
            .help("check the folder, and that there is space")
    })
}

fn read_manifest(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|why| {
        Failure::new("sign/manifest", format!("the manifest `{}` cannot be read: {why}", path.display()))
            .help("give the path of `plugin.toml`")
    })
}
