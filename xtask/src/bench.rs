//! Times whole processes against each other, in turn and in one run, so that the ratios hold on a
//! machine whose speed drifts. Passes no verdict.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ptrun_trust::{SecretKey, sign};

use crate::sh::{self, Result};

struct Case {
    name: &'static str,
    program: PathBuf,
    args: &'static [&'static str],
    times: Vec<Duration>,
}

fn cases() -> Result<Vec<Case>> {
    let ptrun = sh::target("release/ptrun");
    let case =
        |name, program: &Path, args| Case { name, program: program.to_owned(), args, times: Vec::new() };
    large_plugin()?;
    encrypted_file(&ptrun)?;
    Ok(vec![
        case("true", Path::new("true"), &[]),
        case("env true", Path::new("env"), &["true"]),
        case("ptrun --version", &ptrun, &["--version"]),
        case(
            "ptrun, env plugin",
            &ptrun,
            &["--plugin", "env", "-s", "SECRET=env://PTBENCH_SECRET", "--", "true"],
        ),
        case("ptrun, file plugin, 10 KB", &ptrun, &["-s", FILE, "--", "true"]),
        case("ptrun, verify 2 MB", &ptrun, &["plugin", "verify", LARGE]),
    ])
}

/// A secret in an encrypted file of 10 KB.
const FILE: &str = "SECRET=file://target/bench/config.encrypted#key0";

fn encrypted_file(ptrun: &Path) -> Result<()> {
    let folder = sh::target("bench");
    let (key, plain) = (folder.join(".key"), folder.join("config.json"));
    let _ = std::fs::remove_file(&key);
    let values: Vec<String> = (0..128).map(|at| format!("\"key{at}\": \"{at:040}\"")).collect();
    sh::write(&plain, format!("{{{}}}", values.join(", ")))?;
    sh::command(ptrun).args(["file", "keygen"]).args([&key]).run()?;
    let sealed = folder.join("config.encrypted");
    sh::command(ptrun).args(["file", "encrypt"]).args([&plain]).args(["-o"]).args([&sealed]).run()
}

/// A plugin of 2 MB, which the user of the benchmark trusts.
const LARGE: &str = "target/bench/large.wasm";

fn large_plugin() -> Result<()> {
    let folder = sh::target("bench/ptrun");
    sh::recreate(&folder)?;
    let key = SecretKey::generate()?;
    let manifest =
        "format=1\npublisher=\"a\"\nname=\"b\"\nversion=\"1.0.0\"\ninterface=\"0\"\nscheme=\"b\"\nsequence=1";
    // A component with one custom section, whose length takes three bytes.
    let mut component = b"\0asm\x0d\0\x01\0\0\x80\x80\x7a\x07payload".to_vec();
    component.resize(8 + 4 + 0x7a * 128 * 128, 7);
    sh::write(&sh::root().join(LARGE), sign(&component, Some(manifest), &key)?)?;
    let trust = format!("[[key]]\npublic = \"{}\"\nfor = [\"a/*\"]\n", key.public());
    let store = folder.join("trust.toml");
    sh::write(&store, trust)?;
    // Whatever the umask is: a store that others may write is refused.
    std::fs::set_permissions(store, std::os::unix::fs::PermissionsExt::from_mode(0o600)).map_err(Into::into)
}

/// `cargo xtask bench [RUNS]`: RUNS of each command, 200 unless said otherwise.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let runs: usize = args.first().map_or(Ok(200), |runs| runs.parse())?;
    crate::build()?;
    let mut cases = cases()?;
    for round in 0..=runs {
        for case in &mut cases {
            let time = time(case)?;
            // The first round warms the page cache.
            if round > 0 {
                case.times.push(time);
            }
        }
    }
    let medians: Vec<(&str, f64)> = cases
        .iter_mut()
        .map(|case| {
            case.times.sort();
            (case.name, case.times.get(runs / 2).copied().unwrap_or_default().as_secs_f64() * 1000.0)
        })
        .collect();
    let floor = medians.first().map_or(1.0, |(_, median)| *median);
    println!("{:<22}{:>12}{:>10}{:>12}", "command", "median ms", "× true", "over true");
    let mut json = format!("{{\"runs\": {runs}, \"median_ms\": {{");
    for (index, (name, median)) in medians.iter().enumerate() {
        println!("{name:<22}{median:>12.2}{:>10.2}{:>+12.2}", median / floor, median - floor);
        let comma = if index == 0 { "" } else { ", " };
        write!(json, "{comma}\"{name}\": {median:.4}")?;
    }
    json.push_str("}}\n");
    let report = sh::target("bench.json");
    sh::write(&report, json)?;
    println!("\n{runs} runs of each, in turn; also in {}\n", report.display());
    sh::cargo(&["bench", "--locked", "--package", "ptrun-builtins", "--bench", "embedding"])
        .env("PTBENCH_SECRET", "value")
        .run()
}

fn time(case: &Case) -> Result<Duration> {
    let mut command = Command::new(&case.program);
    command.args(case.args).current_dir(sh::root()).stdout(Stdio::null());
    command.env("PTBENCH_SECRET", "value").env("XDG_CONFIG_HOME", sh::target("bench"));
    let start = Instant::now();
    let status = command.status()?;
    let time = start.elapsed();
    if status.success() { Ok(time) } else { Err(format!("`{}` failed: {status}", case.name).into()) }
}
