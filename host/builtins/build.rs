//! Embeds the plugins that `cargo xtask` left in the folder `PTRUN_BUILTINS`: for each `NAME.wasm` its
//! compiled code `NAME.cwasm`, and the key that signed them all, `signer.pub`. Without the folder there
//! are no built-in plugins, and everything still compiles.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Begins with a page, so that code can run where it is. Here, because without plugins there is no use for it.
const PAGES: &str = "#[repr(C, align(4096))]\nstruct Pages<T: ?Sized>(T);\n";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=PTRUN_BUILTINS");
    let folder = env::var_os("PTRUN_BUILTINS").map(PathBuf::from).unwrap_or_default();
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut code = String::new();
    let mut list = String::from("static EMBEDDED: &[Embedded] = &[\n");
    let names = if folder.join("signer.pub").is_file() { names(&folder)? } else { Vec::new() };
    if !names.is_empty() {
        code.push_str(PAGES);
    }
    for name in &names {
        let [component, compiled] = [".wasm", ".cwasm"].map(|end| folder.join(format!("{name}{end}")));
        let digest = folder.join(format!("{name}.digest"));
        for file in [&component, &compiled, &digest] {
            println!("cargo::rerun-if-changed={}", file.display());
        }
        let constant = name.to_uppercase().replace('-', "_");
        let bytes = fs::metadata(&compiled)?.len();
        writeln!(code, "static {constant}: &Pages<[u8; {bytes}]> = &Pages(*include_bytes!({compiled:?}));")?;
        writeln!(
            list,
            "    Embedded {{ name: {name:?}, component: include_bytes!({component:?}), digest: include_str!({digest:?}), code: &{constant}.0 }},",
        )?;
    }
    code.push_str(&list);
    code.push_str("];\n");
    let signer = if names.is_empty() { "None".to_owned() } else { format!("Some({:?})", signer(&folder)?) };
    writeln!(code, "const SIGNER: Option<&str> = {signer};")?;
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("embedded.rs"), code)?;
    Ok(())
}

/// The plugins that are there with their compiled code, in order.
fn names(folder: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|end| end == "wasm") && path.with_extension("cwasm").is_file() {
            names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
        }
    }
    names.sort();
    Ok(names)
}

fn signer(folder: &Path) -> Result<String, Box<dyn Error>> {
    let path = folder.join("signer.pub");
    println!("cargo::rerun-if-changed={}", path.display());
    Ok(fs::read_to_string(path)?.trim().to_owned())
}
