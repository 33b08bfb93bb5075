//! Tests and lints.

use crate::sh::{self, Program, Result};
use crate::{build, builtins, python};

/// Every test, or one suite: a name from [`SUITES`].
pub(crate) fn test(args: &[String]) -> Result<()> {
    let suites: Vec<_> = match args {
        [] => SUITES.iter().collect(),
        [name] => SUITES.iter().filter(|(known, _)| known == name).collect(),
        _ => return Err("one suite at a time".into()),
    };
    if suites.is_empty() {
        let names: Vec<_> = SUITES.iter().map(|(name, _)| *name).collect();
        return Err(format!("the suites are {}", names.join(", ")).into());
    }
    build()?;
    ready()?;
    sh::cargo_beside_ptrun("embed-rust").run()?;
    suites.into_iter().try_for_each(|(_, suite)| suite())
}

/// What the suites need, beside ptrun.
fn ready() -> Result<()> {
    builtins::build_guests()?;
    python::install()
}

/// The suites that would notice another C library, and another linker, with what is shipped.
pub(crate) fn shipped() -> Result<()> {
    crate::dist::make()?;
    let program = sh::target("dist/ptrun");
    let loads = sh::command("ldd").args([&program]).output();
    if cfg!(all(target_os = "linux", target_env = "gnu")) && loads.as_deref() != Some("statically linked") {
        return Err(format!("{} loads libraries: {loads:?}", program.display()).into());
    }
    ready()?;
    let suites = ["process", "supervise", "delivery", "http", "aws"].map(|name| ["--test", name]);
    cargo_test(&["--package", "ptrun-tests"]).args(suites.concat()).env("PTRUN_UNDER_TEST", program).run()
}

type Suite = (&'static str, fn() -> Result<()>);

const SUITES: &[Suite] = &[
    ("plugins", plugins),
    ("signatures", || {
        cargo_test(&["--package", "ptrun-trust", "--", "--nocapture"]).run()?;
        suite(&["signatures"])
    }),
    ("host", || {
        let crates =
            ["ptrun-arn", "ptrun-egress", "ptrun-aws", "ptrun-sealed", "ptrun-host", "ptrun-builtins"];
        cargo_test(&crates.map(|name| ["--package", name]).concat()).run()
    }),
    ("tools", || cargo_test(&["--package", "xtask", "--package", "ptrun", "--package", "embed-rust"]).run()),
    ("hostile", || suite(&["hostile"])),
    ("files", || suite(&["files"])),
    ("aws", || suite(&["aws"])),
    ("bad-input", || suite(&["bad_input", "config", "messages"])),
    ("cache", || {
        cargo_test(&["--package", "ptrun-cache", "--", "--nocapture"]).run()?;
        suite(&["cache"])
    }),
    ("process", || suite(&["process", "supervise", "delivery"])),
    ("hygiene", || suite(&["hygiene", "canary"])),
    ("audit", || {
        cargo_test(&["--package", "ptrun-audit", "--", "--nocapture"]).run()?;
        suite(&["audit"])
    }),
    ("cli", || {
        suite(&[
            "advisories",
            "approval",
            "commands",
            "examples",
            "guides",
            "http",
            "keys",
            "sandbox",
            "tools",
        ])
    }),
];

/// Some of the suites that cut across the crates, with what they count.
fn suite(names: &[&str]) -> Result<()> {
    let named: Vec<&str> = names.iter().flat_map(|name| ["--test", name]).collect();
    cargo_test(&[&["--package", "ptrun-tests"], named.as_slice(), &["--", "--nocapture"]].concat()).run()
}

fn cargo_test(args: &[&str]) -> Program {
    sh::cargo_in_foreground(&["test", "--release", "--locked"]).args(args)
}

/// The plugins and their SDK, natively.
fn plugins() -> Result<()> {
    sh::cargo(&[
        "test",
        "--locked",
        "--package",
        "ptrun-plugin",
        "--package",
        "ptrun-plugin-env",
        "--package",
        "ptrun-plugin-aws",
        "--package",
        "greeting",
    ])
    .env("CARGO_TARGET_DIR", sh::target("plugins-native"))
    .current_dir(sh::root().join("plugins"))
    .run()
}

pub(crate) fn lint() -> Result<()> {
    let plugins = |args: &[&str]| {
        sh::cargo(args)
            .env("CARGO_TARGET_DIR", sh::target("plugins-native"))
            .current_dir(sh::root().join("plugins"))
    };
    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"];
    let docs = ["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"];
    let fuzz = sh::cargo(&["fmt", "--check"]).current_dir(sh::root().join("fuzz"));
    for format in [sh::cargo(&["fmt", "--check"]), plugins(&["fmt", "--check"]), fuzz] {
        format.run()?;
    }
    for lint in [sh::cargo(&clippy), plugins(&clippy)] {
        lint.run()?;
    }
    for docs in [sh::cargo(&docs), plugins(&docs)] {
        docs.env("RUSTDOCFLAGS", "--deny warnings").run()?;
    }
    Ok(())
}

/// Mutation testing of the trust crate, whose every line decides what runs.
pub(crate) fn mutants(args: &[String]) -> Result<()> {
    if sh::cargo(&["mutants", "--version"]).output().is_none() {
        return Err("cargo-mutants is not installed: `cargo install --locked cargo-mutants`".into());
    }
    sh::cargo(&["mutants", "--package", "ptrun-trust", "--no-shuffle", "--output"])
        .args([sh::target("")])
        .args(args)
        // Keys and digests at test speed; the checks of debug builds stay on.
        .env("CARGO_PROFILE_DEV_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .run()
}

/// All of `cargo deny check`, or the checks that are named.
pub(crate) fn deny(checks: &[String]) -> Result<()> {
    if sh::cargo(&["deny", "--version"]).output().is_none() {
        return Err("cargo-deny is not installed: `cargo install --locked cargo-deny`".into());
    }
    let config = sh::root().join("deny.toml");
    let config = config.to_str().ok_or("the path of this folder is not UTF-8")?;
    for manifest in ["Cargo.toml", "plugins/Cargo.toml"] {
        let check = ["deny", "--manifest-path", manifest, "--config", config, "check"];
        sh::cargo(&check).args(checks).run()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_suite_is_run() {
        let suites = include_str!("../../tests/Cargo.toml").split("[[test]]\nname = ").skip(1);
        for name in suites.filter_map(|rest| rest.lines().next()) {
            assert!(include_str!("check.rs").contains(name), "{name} is in no suite of `cargo xtask test`");
        }
    }
}
