//! One thing that is timed: a program, started anew for each run.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::user;
use crate::debian;
use crate::peers;
use crate::sh::{self, Result};

pub(super) struct Case {
    pub(super) name: &'static str,
    start: Box<dyn Fn() -> Result<Command>>,
    /// Every how many rounds it is run: what takes half a second is not run as often.
    every: usize,
    /// The variables that name another empty folder in each run.
    fresh: &'static [&'static str],
    times: Vec<Duration>,
}

impl Case {
    pub(super) fn new(name: &'static str, start: impl Fn() -> Result<Command> + 'static) -> Self {
        Self { name, start: Box::new(start), every: 1, fresh: &[], times: Vec::new() }
    }

    /// A program with these arguments and variables, at the root of the project.
    pub(super) fn program(
        name: &'static str,
        program: &Path,
        args: &[impl AsRef<str>],
        variables: &[(&'static str, String)],
    ) -> Self {
        let program = program.to_owned();
        let args: Vec<String> = args.iter().map(|arg| arg.as_ref().to_owned()).collect();
        let variables = variables.to_vec();
        Self::new(name, move || {
            // What cargo adds to an environment would be searched for libraries, and the peers do not have it either.
            let mut command = Command::new(&program);
            command.args(&args).current_dir(sh::root()).env_clear();
            command.env("PATH", peers::path()).env("HOME", sh::target("bench"));
            command.envs(variables.iter().map(|(name, value)| (name, value)));
            Ok(command)
        })
    }

    pub(super) fn every(self, every: usize) -> Self {
        Self { every, ..self }
    }

    pub(super) fn fresh(self, fresh: &'static [&'static str]) -> Self {
        Self { fresh, ..self }
    }

    /// Runs it, if it is due. The first round warms the page cache.
    pub(super) fn run(&mut self, round: usize) -> Result<()> {
        if !round.is_multiple_of(self.every) {
            return Ok(());
        }
        let time = self.time()?;
        if round > 0 || self.every > 1 {
            self.times.push(time);
        }
        Ok(())
    }

    fn time(&self) -> Result<Duration> {
        let mut command = self.command()?;
        let begin = Instant::now();
        let status = command.status();
        let time = begin.elapsed();
        let status = status.map_err(|why| format!("`{}` does not start: {why}", self.name))?;
        if !self.fresh.is_empty() {
            fs::remove_dir_all(homes())?;
        }
        if !status.success() {
            let said = fs::read_to_string(errors()).unwrap_or_default();
            return Err(format!("`{}` failed: {status}\n{said}", self.name).into());
        }
        Ok(time)
    }

    /// What starts it, with the empty folders in their places.
    fn command(&self) -> Result<Command> {
        let mut command = (self.start)()?;
        // On a terminal, ptrun would ask, and say that it waits.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(errors())?);
        if !self.fresh.is_empty() {
            sh::recreate(&homes())?;
        }
        for name in self.fresh {
            let folder = homes().join(name);
            user::folder(&folder)?;
            command.env(name, folder);
        }
        Ok(command)
    }

    /// In milliseconds.
    pub(super) fn median(&mut self) -> f64 {
        self.times.sort_unstable();
        let median = self.times.get(self.times.len() / 2).copied().unwrap_or_default();
        median.as_secs_f64() * 1000.0
    }

    /// The most memory that it had, in KiB, as GNU time says. It is small itself: what a process had before it became
    /// another program counts too.
    pub(super) fn peak(&self) -> Result<u64> {
        if sh::command("time").args(["--version"]).output().is_none() {
            debian::install(&["time"])?;
        }
        let measured = self.command()?;
        let (peak, mut time) = (sh::target("bench/peak"), Command::new("time"));
        time.args(["--format=%M", "--output"]).arg(&peak);
        time.arg("--").arg(measured.get_program()).args(measured.get_args());
        time.current_dir(measured.get_current_dir().unwrap_or(&sh::root())).env_clear();
        for (name, value) in measured.get_envs() {
            match value {
                Some(value) => time.env(name, value),
                None => time.env_remove(name),
            };
        }
        let status = time.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
        let text = String::from_utf8_lossy(&sh::read(&peak)?).into_owned();
        Ok(text.trim().parse().map_err(|_| format!("`{}` failed: {status}", self.name))?)
    }
}

/// What a program says is shown if it fails.
fn errors() -> PathBuf {
    sh::target("bench/errors")
}

/// Where the empty folders are.
fn homes() -> PathBuf {
    sh::target("bench/fresh")
}
