//! Times whole processes against each other, in turn and in one run, so that the ratios hold on a
//! machine whose speed drifts. Passes no verdict.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ptrun_trust::{SecretKey, sign};

use crate::aws::{self, Aws};
use crate::sh::{self, Result};

struct Case {
    name: &'static str,
    program: PathBuf,
    args: Vec<String>,
    /// Every how many rounds it is run: what takes half a second is not run as often.
    every: usize,
    times: Vec<Duration>,
}

fn cases() -> Result<Vec<Case>> {
    // Copies, as people install them: what the linker leaves is mapped in smaller pieces.
    let ptrun = sh::target("dist/ptrun");
    let native = sh::target("bench/native");
    let case = |name, program: &Path, args: &[&str]| Case {
        name,
        program: program.to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        every: 1,
        times: Vec::new(),
    };
    large_plugin()?;
    encrypted_file(&ptrun)?;
    sh::copy(&sh::target("release/ptrun-native"), &native)?;
    let aws = format!("SECRET=aws://{}", aws::SECRET);
    let get = ["secretsmanager", "get-secret-value", "--output", "text", "--secret-id", aws::SECRET];
    Ok(vec![
        case("true", Path::new("true"), &[]),
        case("env true", Path::new("env"), &["true"]),
        case("ptrun --version", &ptrun, &["--version"]),
        case(ENV, &ptrun, &["--plugin", "env", "-s", "SECRET=env://PTBENCH_SECRET", "--", "true"]),
        case(
            "ptrun, env, no record",
            &ptrun,
            &["--audit", "off", "--plugin", "env", "-s", "SECRET=env://PTBENCH_SECRET", "--", "true"],
        ),
        case("ptrun, file plugin, 10 KB", &ptrun, &["-s", FILE, "--", "true"]),
        case("ptrun, verify 2 MB", &ptrun, &["plugin", "verify", LARGE]),
        case(AWS, &ptrun, &["--plugin", "aws", "-s", &aws, "--", "true"]),
        case(NATIVE, &native, &[aws::SECRET, "true"]),
        Case { every: 10, ..case(COMMAND, &sh::target("python/bin/aws"), &get) },
    ])
}

const ENV: &str = "ptrun, env plugin";
const AWS: &str = "ptrun, aws plugin";
const NATIVE: &str = "native program, AWS SDK";
const COMMAND: &str = "aws get-secret-value";

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
    crate::dist()?;
    sh::cargo(&["build", "--release", "--locked", "--package", "ptrun-native"]).run()?;
    let server = Aws::start()?;
    let mut cases = cases()?;
    for round in 0..=runs {
        for case in cases.iter_mut().filter(|case| round % case.every == 0) {
            let time = time(case, &server)?;
            // The first round warms the page cache.
            if round > 0 || case.every > 1 {
                case.times.push(time);
            }
        }
    }
    let medians: Vec<(&str, f64)> = cases
        .iter_mut()
        .map(|case| {
            case.times.sort();
            let median = case.times.get(case.times.len() / 2).copied().unwrap_or_default();
            (case.name, median.as_secs_f64() * 1000.0)
        })
        .collect();
    let floor = medians.first().map_or(1.0, |(_, median)| *median);
    println!("{:<26}{:>12}{:>10}{:>12}", "command", "median ms", "× true", "over true");
    let mut json = format!("{{\"runs\": {runs}, \"median_ms\": {{");
    for (index, (name, median)) in medians.iter().enumerate() {
        println!("{name:<26}{median:>12.2}{:>10.2}{:>+12.2}", median / floor, median - floor);
        let comma = if index == 0 { "" } else { ", " };
        write!(json, "{comma}\"{name}\": {median:.4}")?;
    }
    let median =
        |name: &str| medians.iter().find(|(known, _)| *known == name).map_or(f64::NAN, |found| found.1);
    println!("\n{AWS} / {NATIVE}: {:.2}", median(AWS) / median(NATIVE));
    println!("{COMMAND} / {AWS}: {:.1}", median(COMMAND) / median(AWS));
    json.push_str("}, \"peak_kib\": {");
    for (index, name) in [ENV, AWS, NATIVE].iter().enumerate() {
        let case = cases.iter().find(|case| case.name == *name).ok_or("a case is missing")?;
        let peak = peak(case, &server)?;
        println!("peak memory of {name}: {peak} KiB");
        write!(json, "{}\"{name}\": {peak}", if index == 0 { "" } else { ", " })?;
    }
    json.push_str("}}\n");
    let report = sh::target("bench.json");
    sh::write(&report, json)?;
    println!("\n{runs} runs of each, in turn; also in {}\n", report.display());
    sh::cargo(&["bench", "--locked", "--package", "ptrun-builtins", "--bench", "embedding"])
        .env("PTBENCH_SECRET", "value")
        .run()
}

fn prepared(program: &Path, args: &[String], server: &Aws) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(sh::root()).stdout(Stdio::null());
    command.env("PTBENCH_SECRET", "value").env("XDG_CONFIG_HOME", sh::target("bench"));
    // The record of what is done here is none of the user's.
    command.env("XDG_STATE_HOME", sh::target("bench"));
    command.envs(server.variables()).env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    command
}

fn time(case: &Case, server: &Aws) -> Result<Duration> {
    let mut command = prepared(&case.program, &case.args, server);
    let start = Instant::now();
    let status = command.status()?;
    let time = start.elapsed();
    if status.success() { Ok(time) } else { Err(format!("`{}` failed: {status}", case.name).into()) }
}

/// The most memory that a command had (getrusage(2), `RUSAGE_CHILDREN`), and at least what Python has, in KiB.
fn peak(case: &Case, server: &Aws) -> Result<u64> {
    let script = "import resource, subprocess, sys\n\
                  subprocess.run(sys.argv[1:], check=True)\n\
                  print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let program = case.program.to_str().ok_or("the path of this folder is not UTF-8")?;
    let mut args = vec!["-c".to_owned(), script.to_owned(), program.to_owned()];
    args.extend_from_slice(&case.args);
    let python = sh::target("python/bin/python");
    let output = prepared(&python, &args, server).stdout(Stdio::piped()).output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.trim().parse().map_err(|_| format!("`{}` failed: {}", case.name, output.status))?)
}
