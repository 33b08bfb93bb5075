//! How many instructions ptrun needs to start: a figure that does not depend on how busy the machine is, with a budget
//! in `xtask/instructions.txt` that a change has to change in the open.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::sh::{self, Result};
use crate::starts::{self, Start};

/// By how many per cent a figure may be over its budget: other processors and C libraries copy memory in other ways.
const TOLERANCE: u64 = 5;
/// Tables of hashes are in another order each time; the least is what is needed.
const RUNS: usize = 3;
/// `cargo xtask instructions [--update]`: counts, and fails if that is over the budget; or writes the budget anew.
pub(crate) fn run(args: &[String]) -> Result<()> {
    starts::install_valgrind()?;
    crate::dist::make()?;
    let mut seen = BTreeMap::new();
    for start in starts::ALL {
        let counts = (0..RUNS).map(|_| count(start)).collect::<Result<Vec<u64>>>()?;
        seen.insert(start.name, counts.into_iter().min().unwrap_or_default());
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

fn count(start: &Start) -> Result<u64> {
    let text = starts::under_callgrind(&sh::target("dist/ptrun"), start, Path::new("/dev/null"))?;
    let line = text.lines().find_map(|line| line.split_once("== Collected : "));
    let number = line.and_then(|(_, number)| number.trim().parse().ok());
    number.ok_or_else(|| format!("`ptrun {}` was not counted: {text}", start.args.join(" ")).into())
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
