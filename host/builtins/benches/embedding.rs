//! What the embedding API costs: `cargo xtask bench` runs it. Passes no verdict.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::time::{Duration, Instant};

use ptrun_host::{Grants, Limits, Runtime, SecretRef};

const ROUNDS: u32 = 10_000;
const VARIABLE: &str = "PTBENCH_SECRET";

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::var_os(VARIABLE).is_none() {
        return Err(format!("set the variable {VARIABLE}").into());
    }
    let builtin = ptrun_builtins::find("env").ok_or("there is no built-in plugin: `cargo xtask build`")?;
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reference: SecretRef = format!("env://{VARIABLE}").parse()?;

    let trust = ptrun_builtins::trust();
    let (mut verify, mut start, mut load, mut sandbox) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    for _ in 0..100 {
        let plugin =
            timed(&mut verify, || trust.verify(builtin.source().read()?).map_err(Box::<dyn Error>::from))?;
        let runtime = timed(&mut start, || Runtime::new(Limits::default()))?;
        let compiled = timed(&mut load, || builtin.load(&runtime, plugin))?;
        let grants = Grants::none().env(VARIABLE);
        last = Some(timed(&mut sandbox, || compiled.sandbox(grants, BTreeMap::new()))?);
    }
    let sandbox_of_all = last.ok_or("no rounds")?;
    let mut get = Vec::new();
    let mut memory = Vec::new();
    for round in 0..ROUNDS {
        if round % (ROUNDS / 4) == ROUNDS / 8 {
            memory.push(resident()?);
        }
        timed(&mut get, || tokio.block_on(sandbox_of_all.resolve(&[&reference])))?;
    }
    for (what, times) in [
        ("verify the env plugin", verify),
        ("start an engine", start),
        ("load its machine code", load),
        ("put it into a sandbox", sandbox),
        ("fresh instance and one get", get),
    ] {
        println!("{what:<28}{:>10.1} µs", median(times).as_secs_f64() * 1e6);
    }
    println!("resident memory along {ROUNDS} gets: {memory:?} KiB");
    Ok(())
}

fn timed<T>(times: &mut Vec<Duration>, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    times.push(start.elapsed());
    result
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Memory of this process, in KiB.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().next().ok_or("no number")?.parse()?)
}
