//! What is shipped: one program, and the plugins in it as files.
//!
//! It is linked twice. A start calls two thousand functions, which are spread over 20 MB if nothing is said; each of
//! them brings its neighbours into memory, and the kernel maps and unmaps them all. So the program is linked, started
//! under callgrind, and linked once more with what was called in one place. cargo calls this program in the place of
//! the linker for that.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::builtins;
use crate::sh::{self, Result};
use crate::starts;

/// Set where this program is the linker.
const LINKS: &str = "XTASK_LINKS";

/// Where the C library is linked in, nobody can ask whether it has a function: `getrandom` would be read from a device
/// instead, which plugins cannot open.
const STATIC: &str =
    r#"["-C", "target-feature=+crt-static", "--cfg", "getrandom_backend=\"linux_getrandom\""]"#;

/// Leaves ptrun and the signed plugins in `target/dist`.
pub(crate) fn make() -> Result<()> {
    builtins::build()?;
    if let Err(why) = starts::install_valgrind() {
        eprintln!("xtask: ptrun will not be linked in the order of use: {why}");
    }
    let triple = host()?;
    let link = format!("linker={}", std::env::current_exe()?.display());
    let mut cargo =
        sh::cargo(&["rustc", "--profile", "shipped", "--locked", "--package", "ptrun", "--bin", "ptrun"]);
    if triple.ends_with("-linux-gnu") {
        // The C library is in it: nothing to load at a start, and it runs wherever there is Linux.
        cargo = cargo.args(["--config".to_owned(), format!("target.{triple}.rustflags={STATIC}")]);
    }
    cargo.args(["--target", &triple, "--", "-C", &link]).env(LINKS, "1").run()?;
    let dist = sh::target("dist");
    sh::recreate(&dist.join("plugins"))?;
    sh::copy(&sh::target(&triple).join("shipped/ptrun"), &dist.join("ptrun"))?;
    for plugin in builtins::NAMES {
        let file = format!("{plugin}.wasm");
        sh::copy(&sh::target("builtins").join(&file), &dist.join("plugins").join(&file))?;
    }
    sh::copy(&sh::target("builtins/signer.pub"), &dist.join("plugins/signer.pub"))?;
    println!("{}", dist.join("ptrun").display());
    Ok(())
}

/// What this machine is to the compiler, such as `x86_64-unknown-linux-gnu`.
fn host() -> Result<String> {
    let version = sh::command("rustc").args(["-vV"]).output().ok_or("there is no rustc")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc does not say what this machine is")?.to_owned())
}

/// Whether this program was called by the compiler.
pub(crate) fn is_linker() -> bool {
    std::env::var_os(LINKS).is_some()
}

/// Links what the compiler says, in the order of use where the linker can.
pub(crate) fn link(args: &[String]) -> Result<()> {
    let says = |what: &str| args.iter().any(|arg| arg == what);
    let packed = (says("-static-pie") && starts_packed()).then_some("-Wl,-z,pack-relative-relocs");
    let cc = || sh::command("cc").args(args).args(packed).without_env(LINKS);
    let output = args.iter().position(|arg| arg == "-o").and_then(|at| args.get(at + 1)).map(PathBuf::from);
    let Some(program) = output.filter(|_| says("-fuse-ld=lld") && starts::has_valgrind()) else {
        return cc().args(["-Wl,-s"]).run();
    };
    cc().run()?;
    let order = program.with_extension("order");
    sh::write(&order, called(&program)?.join("\n"))?;
    let ordered = format!("-Wl,--symbol-ordering-file={}", order.display());
    // What is not a function of the program is somebody else's: the C library's, or the dynamic linker's.
    cc().args([&ordered, "-Wl,--no-warn-symbol-ordering", "-Wl,-s"]).run()
}

/// Whether a program that has the C library of this machine in it can start with its addresses written in a tenth of the
/// space (`DT_RELR`).
fn starts_packed() -> bool {
    let version = sh::command("getconf").args(["GNU_LIBC_VERSION"]).output();
    let version =
        version.as_deref().and_then(|text| text.strip_prefix("glibc 2.")?.split('.').next()?.parse().ok());
    version.is_some_and(|minor: u32| minor >= 36)
}

/// The functions that starts of a program call, by name.
fn called(program: &Path) -> Result<Vec<String>> {
    let profile = program.with_extension("callgrind");
    let mut called = BTreeSet::new();
    for start in starts::ALL {
        starts::under_callgrind(program, start, &profile)?;
        let text = String::from_utf8(sh::read(&profile)?)?;
        called.extend(text.lines().filter_map(function).map(str::to_owned));
    }
    Ok(called.into_iter().collect())
}

/// The name that a line of a profile defines: `fn=(12) name` or `cfn=(12) name`, with `'2` behind it in a recursion.
fn function(line: &str) -> Option<&str> {
    let (key, value) = line.split_once("=(")?;
    let (_, name) = value.split_once(") ").filter(|_| matches!(key, "fn" | "cfn"))?;
    name.split('\'').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_have_their_names_where_they_come_first() {
        assert_eq!(function("fn=(7) _ZN4main17h1E"), Some("_ZN4main17h1E"));
        assert_eq!(function("cfn=(8) _ZN3get17h2E'2"), Some("_ZN3get17h2E"));
        assert_eq!(function("fn=(7)"), None);
        assert_eq!(function("fl=(7) main.rs"), None);
        assert_eq!(function("12 34"), None);
    }
}
