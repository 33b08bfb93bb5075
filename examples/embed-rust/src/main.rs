//! Gets one secret through the embedding API:
//!
//! ```text
//! embed-rust PLUGIN.wasm SIGNER.pub VARIABLE
//! ```
//!
//! The plugin is the one for environment variables, or one that does the same. It is given VARIABLE and
//! nothing else, and the program prints how long the value is.

use std::collections::BTreeMap;
use std::error::Error;

use ptrun_host::{Grants, Limits, PluginSource, PublicKey, Runtime, SecretRef, TrustStore};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let (Some(plugin), Some(signer), Some(variable)) = (args.next(), args.next(), args.next()) else {
        return Err("usage: embed-rust PLUGIN.wasm SIGNER.pub VARIABLE".into());
    };

    let mut trust = TrustStore::new();
    trust.add(PublicKey::from_file_bytes(&std::fs::read(signer)?)?, "ptrun/*".parse()?);
    let plugin = trust.verify(PluginSource::file(plugin).read()?)?;
    let reference: SecretRef = format!("{}://{variable}", plugin.manifest().scheme).parse()?;

    let runtime = Runtime::new(Limits::default())?;
    let sandbox = runtime.compile(plugin)?.sandbox(Grants::none().env(variable), BTreeMap::new())?;
    for secret in sandbox.resolve(&[&reference]).await? {
        println!("{reference} has {} bytes", secret?.expose().len());
    }
    Ok(())
}
