//! How many instructions ptrun needs to start: a figure that does not depend on how busy the machine is, with a budget
//! in `xtask/instructions.txt` that a change has to change in the open.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::debian;
use crate::sh::{self, Result};

/// By how many per cent a figure may be over its budget: other processors and C libraries copy memory in other ways.
const TOLERANCE: u64 = 5;
/// Tables of hashes are in another order each time; the least is what is needed.
const RUNS: usize = 3;
/// What is started cannot be: the count ends there, and with another program it would be lost.
const NOTHING: [&str; 2] = ["--", "/nothing"];

/// What is counted: a name, and the arguments of ptrun.
const CASES: [(&str, &[&str], &[&str]); 4] = [
    ("version", &["--version"], &[]),
    ("get-env", &["get", "env://SECRET"], &[]),
    ("run-env", &["--plugin", "env", "-s", "A=env://SECRET"], &NOTHING),
    ("run-file", &["-s", "A=file://sealed"], &NOTHING),
];

/// `cargo xtask instructions [--update]`: counts, and fails if that is over the budget; or writes the budget anew.
pub(crate) fn run(args: &[String]) -> Result<()> {
    if sh::command("valgrind").args(["--version"]).output().is_none() {
        debian::install(&["valgrind"])?;
    }
    crate::dist()?;
    let mut seen = BTreeMap::new();
    for (name, given, command) in CASES {
        let counts = (0..RUNS).map(|_| count(&[given, command].concat())).collect::<Result<Vec<u64>>>()?;
        seen.insert(name, counts.into_iter().min().unwrap_or_default());
    }
    let path = sh::root().join("xtask/instructions.txt");
    if args.iter().any(|arg| arg == "--update") {
        return write(&path, &seen);
    }
    let budget = read(&path)?;
    println!("{:<12}{:>14}{:>14}", "what", "instructions", "budget");
    let mut over = Vec::new();
    for (name, count) in &seen {
        let budget = *budget.get(*name).ok_or_else(|| format!("{name} has no budget: --update"))?;
        println!("{name:<12}{count:>14}{budget:>14}");
        if *count > budget + budget / 100 * TOLERANCE {
            over.push(*name);
        }
    }
    match over.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "over the budget by more than {TOLERANCE} %: {}; if that is meant, `cargo xtask instructions --update`",
            over.join(", ")
        )
        .into()),
    }
}

fn count(args: &[&str]) -> Result<u64> {
    // A home of its own, so that nothing of the user's is read, and the record begins anew.
    let home = sh::target("instructions");
    sh::recreate(&home)?;
    let ptrun = sh::target("dist/ptrun");
    let prepared = |program: &Path| {
        let mut command = Command::new(program);
        command.env_clear().env("HOME", &home).env("SECRET", "value").current_dir(&home);
        command
    };
    sh::write(&home.join("plain"), "value")?;
    for args in [&["file", "keygen"][..], &["file", "encrypt", "plain", "-o", "sealed"]] {
        prepared(&ptrun).args(args).status()?;
    }
    // Where programs are found, which `env_clear` took away.
    let valgrind = sh::command("which").args(["valgrind"]).output().ok_or("valgrind is not there")?;
    let mut counted = prepared(Path::new(&valgrind));
    counted.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(&ptrun).args(args);
    let output = counted.output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find_map(|line| line.split_once("== Collected : "));
    let number = line.and_then(|(_, number)| number.trim().parse().ok());
    // The last case of each run is that there is nothing to start.
    let expected = if args.ends_with(&NOTHING) { Some(127) } else { Some(0) };
    match number {
        Some(number) if output.status.code() == expected => Ok(number),
        _ => Err(format!("`ptrun {}` was not counted: {}\n{text}", args.join(" "), output.status).into()),
    }
}

fn read(path: &Path) -> Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(path).map_err(|why| format!("{}: {why}", path.display()))?;
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (name, count) = line.split_once(' ').ok_or_else(|| format!("`{line}` is no budget"))?;
            Ok((name.to_owned(), count.trim().parse()?))
        })
        .collect()
}

fn write(path: &Path, seen: &BTreeMap<&str, u64>) -> Result<()> {
    let mut text =
        "# Instructions of each start, as `cargo xtask instructions --update` counted them last.\n"
            .to_owned();
    for (name, count) in seen {
        writeln!(text, "{name} {count}")?;
    }
    print!("{text}");
    sh::write(path, text)
}
