//! Finds a compiler for `wasm32-wasip2`, or installs one where it may.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::debian;
use crate::sh::{self, Program, Result};

const TARGET: &str = "wasm32-wasip2";
/// What builds for the target without rustup: a compiler with the sources of the standard library, and
/// the C library that those need.
const DEBIAN_PACKAGES: [&str; 4] = ["rustc-web", "cargo-web", "rust-web-src", "wasi-libc"];
/// Where those packages put things.
const DEBIAN_FILES: [&str; 4] = [
    "/usr/bin/rustc",
    "/usr/bin/cargo",
    "/usr/lib/rustlib/src/rust/library/std",
    "/usr/lib/wasm32-wasi/libc.a",
];

/// A compiler that builds plugins.
pub(crate) enum Toolchain {
    /// The active one has the target.
    Active,
    /// Debian's compiler, which builds the standard library from its sources, with the linker of the
    /// active toolchain, whose folder this is.
    Debian { linkers: PathBuf },
}

impl Toolchain {
    /// Looks for one, and installs it if there is none and this user may.
    pub(crate) fn find() -> Result<Self> {
        let found = Self::present();
        if let Some(found) = found {
            return Ok(found);
        }
        eprintln!("xtask: no compiler for {TARGET} yet");
        let mut problems = Vec::new();
        for install in [install_debian, add_with_rustup] {
            match install() {
                Ok(()) => match Self::present() {
                    Some(found) => return Ok(found),
                    None => problems.push("it was installed, and is not where it should be".to_owned()),
                },
                Err(why) => problems.push(why.to_string()),
            }
        }
        Err(format!(
            "plugins need a compiler for {TARGET}, and none could be installed:\n  {}\n\
             install one of these by hand:\n  rustup target add {TARGET}\n  sudo apt-get install {}",
            problems.join("\n  "),
            DEBIAN_PACKAGES.join(" "),
        )
        .into())
    }

    fn present() -> Option<Self> {
        let library = sh::command("rustc").args(["--print", "target-libdir", "--target", TARGET]).output();
        if library.is_some_and(|folder| Path::new(&folder).is_dir()) {
            return Some(Self::Active);
        }
        let linkers = linkers()?;
        let version = sh::command(DEBIAN_FILES[0]).args(["--version"]).output()?;
        let complete = DEBIAN_FILES.iter().all(|file| Path::new(file).exists());
        (complete && is_new_enough(&version)).then_some(Self::Debian { linkers })
    }

    /// What it is, for people.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Active => "the active toolchain, which has the target",
            Self::Debian { .. } => "Debian's rustc, with the standard library from source",
        }
    }

    /// `cargo build --release` for the target.
    pub(crate) fn build(&self) -> Program {
        let build = ["build", "--release", "--target", TARGET];
        match self {
            Self::Active => sh::cargo(&build),
            Self::Debian { linkers } => {
                let flags = [
                    "-C link-self-contained=no",
                    "-L/usr/lib/wasm32-wasi",
                    // This C library lacks two functions of threads, which std names and no plugin calls.
                    "-C link-arg=--unresolved-symbols=ignore-all",
                ];
                let mut path = vec![linkers.clone(), linkers.join("gcc-ld")];
                path.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
                sh::command("/usr/bin/cargo")
                    .args(build)
                    .args(["-Zbuild-std=std,panic_abort"])
                    .env("PATH", std::env::join_paths(path).unwrap_or_default())
                    .env("RUSTC", "/usr/bin/rustc")
                    // Building the standard library is what it is for.
                    .env("RUSTC_BOOTSTRAP", "1")
                    .env("CARGO_TARGET_WASM32_WASIP2_LINKER", linkers.join("wasm-component-ld"))
                    .env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", flags.join(" "))
                    .without_env("RUSTFLAGS")
                    .without_env("CARGO_ENCODED_RUSTFLAGS")
            }
        }
    }
}

/// Whether `rustc --version` is one that plugins can be built with: 1.95, as their manifests have it.
fn is_new_enough(version: &str) -> bool {
    let numbers = version.strip_prefix("rustc ").unwrap_or_default();
    let mut numbers = numbers.split('.').map(|number| number.parse::<u32>().unwrap_or_default());
    (numbers.next(), numbers.next()) >= (Some(1), Some(95))
}

/// The folder of the linkers that come with the active toolchain.
fn linkers() -> Option<PathBuf> {
    let sysroot = sh::command("rustc").args(["--print", "sysroot"]).output()?;
    let host = sh::command("rustc").args(["--print", "host-tuple"]).output()?;
    let folder = Path::new(&sysroot).join("lib/rustlib").join(host).join("bin");
    folder.join("wasm-component-ld").is_file().then_some(folder)
}

fn install_debian() -> Result<()> {
    if linkers().is_none() {
        return Err("the active toolchain has no wasm-component-ld, so that apt-get was not tried".into());
    }
    debian::install(&DEBIAN_PACKAGES)
}

fn add_with_rustup() -> Result<()> {
    eprintln!("xtask: rustup target add {TARGET}");
    sh::command("rustup").args(["target", "add", TARGET]).run_at_most(Duration::from_secs(180))
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn versions_are_compared_as_numbers() {
        for good in ["rustc 1.95.0 (abc 2026-04-14)", "rustc 1.96.0", "rustc 1.100.0", "rustc 2.0.0-nightly"]
        {
            assert!(is_new_enough(good), "{good}");
        }
        for old in ["rustc 1.63.0", "rustc 1.9.0", "rustc 0.99.0", "", "gcc 12.2.0"] {
            assert!(!is_new_enough(old), "{old}");
        }
    }
}
