//! What was seen: two tables for people, and the same for programs and for the README.

use std::fmt::Display;
use std::fs;

use super::backend::DISTANCE;
use super::cases::{AWS, COMMAND, ENCRYPTED, ENV, ENV_FIRST, FIVE, NATIVE, SECRETSPEC, THIRD_FIRST, TRUE};
use crate::sh::{self, Result};

/// What was seen in one run of the benchmark.
pub(super) struct Seen {
    pub(super) rounds: usize,
    /// In milliseconds.
    pub(super) medians: Vec<(&'static str, f64)>,
    /// In KiB.
    pub(super) peaks: Vec<(&'static str, u64)>,
    /// Files, in bytes.
    pub(super) sizes: Vec<(&'static str, u64)>,
}

/// The size of a file, in bytes.
pub(super) fn size(path: &str) -> Result<u64> {
    Ok(fs::metadata(sh::target(path)).map_err(|why| format!("{path}: {why}"))?.len())
}

impl Seen {
    /// What was not timed is no number.
    fn median(&self, name: &str) -> f64 {
        self.medians.iter().find(|(known, _)| *known == name).map_or(f64::NAN, |(_, median)| *median)
    }

    pub(super) fn print(&self, missing: &[String]) {
        let width = self.medians.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
        println!("\n{:<width$}{:>12}{:>10}{:>12}", "command", "median ms", "× true", "over true");
        for (name, median, ratio, over) in self.rows() {
            println!("{name:<width$}{median:>12.2}{ratio:>10.2}{over:>+12.2}");
        }
        for why in missing {
            println!("{}", why.lines().next().unwrap_or_default());
        }
        println!("\n{:<44}{:>12}{:>12}", "what", "target", "seen");
        for (what, target, seen) in self.targets() {
            println!("{what:<44}{target:>12}{seen:>12}");
        }
        println!();
        for (name, peak) in &self.peaks {
            println!("peak memory of {name}: {peak} KiB");
        }
    }

    /// Each with its median, how many times `true` that is, and by how much more.
    fn rows(&self) -> impl Iterator<Item = (&'static str, f64, f64, f64)> {
        let floor = self.median(TRUE);
        self.medians.iter().map(move |(name, median)| (*name, *median, median / floor, median - floor))
    }

    /// What is aimed at, and what was seen instead.
    fn targets(&self) -> [(&'static str, &'static str, String); 10] {
        let of = |name| self.median(name);
        let ms = |time: f64| number(time, 2, " ms");
        let ratio = |ratio: f64| number(ratio, 2, "");
        let peak = self.peaks.iter().find(|(name, _)| *name == ENV);
        let (peak, size, distance) = (
            peak.map_or(f64::NAN, |(_, peak)| *peak as f64 / 1024.0),
            self.sizes.first().map_or(f64::NAN, |(_, size)| *size as f64 / 1e6),
            DISTANCE.as_millis() as f64,
        );
        [
            ("env plugin - true", "<= 3 ms", ms(of(ENV) - of(TRUE))),
            ("env plugin / secretspec", "<= 0.6", ratio(of(ENV) / of(SECRETSPEC))),
            ("file plugin - env plugin", "<= 1 ms", ms(of(ENCRYPTED) - of(ENV))),
            ("aws plugin / native program", "<= 1.1", ratio(of(AWS) / of(NATIVE))),
            ("aws command / aws plugin", ">= 40", ratio(of(COMMAND) / of(AWS))),
            ("5 plugins, 50 secrets - 50 ms", "<= 10 ms", ms(of(FIVE) - distance)),
            ("env plugin, first run ever - warm", "<= 5 ms", ms(of(ENV_FIRST) - of(ENV))),
            ("third party, 2 MB, first run ever", "<= 2 s", number(of(THIRD_FIRST) / 1000.0, 2, " s")),
            ("peak memory, env plugin", "<= 16 MiB", number(peak, 1, " MiB")),
            ("size of ptrun", "<= 40 MB", number(size, 1, " MB")),
        ]
    }

    /// Leaves `target/bench.json` and `target/bench.md`.
    pub(super) fn write(&self) -> Result<()> {
        let machine = Machine::this();
        let json = format!(
            "{{\"machine\": {{\"model\": {:?}, \"cores\": {}, \"arch\": {:?}}}, \"runs\": {}, \"median_ms\": {}, \
             \"peak_kib\": {}, \"size_bytes\": {}}}\n",
            machine.model,
            machine.cores,
            std::env::consts::ARCH,
            self.rounds,
            object(self.medians.iter().map(|(name, median)| (*name, format!("{median:.4}")))),
            object(self.peaks.iter().copied()),
            object(self.sizes.iter().copied()),
        );
        sh::write(&sh::target("bench.json"), json)?;
        let mut table =
            "| command | median, ms | × `true` | over `true`, ms |\n|---|--:|--:|--:|\n".to_owned();
        for (name, median, ratio, over) in self.rows() {
            table.push_str(&format!("| {name} | {median:.2} | {ratio:.2} | {over:+.2} |\n"));
        }
        let date = sh::command("date").args(["-u", "+%F"]).output().unwrap_or_default();
        let Machine { model, cores } = machine;
        let arch = std::env::consts::ARCH;
        table.push_str(&format!(
            "\n{model}, {cores} cores, {arch}; medians of {} rounds; {date}.\n",
            self.rounds
        ));
        sh::write(&sh::target("bench.md"), table)
    }
}

/// A number, or what stands for one that is not there.
fn number(number: f64, digits: usize, unit: &str) -> String {
    if number.is_finite() { format!("{number:.digits$}{unit}") } else { "-".to_owned() }
}

/// An object of JSON, whose names are plain ASCII.
fn object<T: Display>(members: impl Iterator<Item = (&'static str, T)>) -> String {
    let members: Vec<String> = members.map(|(name, value)| format!("\"{name}\": {value}")).collect();
    format!("{{{}}}", members.join(", "))
}

struct Machine {
    model: String,
    cores: usize,
}

impl Machine {
    fn this() -> Self {
        let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let values = |name: &'static str| {
            text.lines().filter_map(move |line| {
                let (key, value) = line.split_once(':')?;
                (key.trim() == name).then(|| value.trim().to_owned())
            })
        };
        // Not every architecture has a name there; and what has one is to be text in JSON.
        let model = values("model name").next().unwrap_or_else(|| "unknown processor".to_owned());
        let plain = |c: &char| c.is_ascii_graphic() || *c == ' ';
        Self { model: model.chars().filter(plain).collect(), cores: values("processor").count() }
    }
}
