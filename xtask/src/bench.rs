//! Times whole processes against each other, in turn and in one run, so that the ratios hold on a
//! machine whose speed drifts. Passes no verdict.

mod backend;
mod case;
mod cases;
mod report;
mod user;

use crate::aws::Aws;
use crate::sh::{self, Result};
use cases::{AWS, ENCRYPTED, ENV, NATIVE};
use report::{Seen, size};

/// `cargo xtask bench [RUNS]`: RUNS of each command, 200 unless said otherwise.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let rounds: usize = args.first().map_or(Ok(200), |rounds| rounds.parse())?;
    crate::dist::make()?;
    sh::cargo(&["build", "--release", "--locked", "--package", "ptrun-native"]).run()?;
    let ptrun = sh::target("dist/ptrun");
    user::make(&ptrun)?;
    // A copy, as people install programs: what the linker leaves is mapped in smaller pieces.
    let native = sh::target("bench/native");
    sh::copy(&sh::target("release/ptrun-native"), &native)?;
    let server = Aws::start()?;
    let (mut cases, missing) = cases::all(&ptrun, &native, &server)?;
    for round in 0..=rounds {
        cases.iter_mut().try_for_each(|case| case.run(round))?;
    }
    let medians = cases.iter_mut().map(|case| (case.name, case.median())).collect();
    let mut peaks = Vec::new();
    for name in [ENV, ENCRYPTED, AWS, NATIVE] {
        let case = cases.iter().find(|case| case.name == name).ok_or("a case is missing")?;
        peaks.push((name, case.peak()?));
    }
    let sizes = vec![("ptrun", size("dist/ptrun")?), ("third.wasm", size("bench/third.wasm")?)];
    let seen = Seen { rounds, medians, peaks, sizes };
    seen.print(&missing);
    seen.write()?;
    println!("\n{rounds} rounds, each command in turn; also in target/bench.json and target/bench.md\n");
    sh::cargo(&["bench", "--locked", "--package", "ptrun-builtins", "--bench", "embedding"])
        .env("PTBENCH_SECRET", "value")
        .run()
}
