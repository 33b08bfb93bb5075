//! Times whole processes against each other, in turn and in one run, so that the ratios hold on a
//! machine whose speed drifts. Passes no verdict.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::sh::{self, Result};

struct Case {
    name: &'static str,
    program: PathBuf,
    args: &'static [&'static str],
    times: Vec<Duration>,
}

fn cases() -> Vec<Case> {
    let ptrun = sh::target("release/ptrun");
    let case =
        |name, program: &Path, args| Case { name, program: program.to_owned(), args, times: Vec::new() };
    vec![
        case("true", Path::new("true"), &[]),
        case("env true", Path::new("env"), &["true"]),
        case("ptrun --version", &ptrun, &["--version"]),
        case(
            "ptrun, env plugin",
            &ptrun,
            &["--plugin", "env", "-s", "SECRET=env://PTBENCH_SECRET", "--", "true"],
        ),
    ]
}

/// `cargo xtask bench [RUNS]`: RUNS of each command, 200 unless said otherwise.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let runs: usize = args.first().map_or(Ok(200), |runs| runs.parse())?;
    crate::build()?;
    let mut cases = cases();
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
    println!("\n{runs} runs of each, in turn; also in {}", report.display());
    Ok(())
}

fn time(case: &Case) -> Result<Duration> {
    let mut command = Command::new(&case.program);
    command.args(case.args).env("PTBENCH_SECRET", "value").stdout(Stdio::null());
    let start = Instant::now();
    let status = command.status()?;
    let time = start.elapsed();
    if status.success() { Ok(time) } else { Err(format!("`{}` failed: {status}", case.name).into()) }
}
