//! Running programs and moving files, with errors that name them.

use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

pub(crate) type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_owned()
}

/// A path in the target folder.
pub(crate) fn target(path: &str) -> PathBuf {
    root().join("target").join(path)
}

/// A program, to be run at the root of the project.
pub(crate) struct Program(Command);

pub(crate) fn command(program: impl AsRef<OsStr>) -> Program {
    let mut command = Command::new(program);
    command.current_dir(root());
    Program(command)
}

/// The cargo that runs this.
pub(crate) fn cargo(args: &[&str]) -> Program {
    command(cargo_path()).args(args).env("CARGO_TARGET_DIR", target(""))
}

/// Builds a program of a package of its own with the dependencies that `ptrun` has: with features of its own, the engine
/// would be built once more.
pub(crate) fn cargo_beside_ptrun(name: &str) -> Program {
    cargo(&["build", "--release", "--locked", "--package", "ptrun", "--package", name, "--bin", name])
}

/// The cargo that runs this, with every signal as a shell in the foreground leaves it: what runs in the background may have been started
/// with some of them ignored, and would hand that on.
pub(crate) fn cargo_in_foreground(args: &[&str]) -> Program {
    let env = ["--default-signal".into(), cargo_path()];
    command("env").args(env).args(args).env("CARGO_TARGET_DIR", target(""))
}

fn cargo_path() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

impl Program {
    pub(crate) fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.0.args(args);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.0.env_remove(name);
        self
    }

    pub(crate) fn current_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Moves its messages out of the way of the output that somebody wants.
    pub(crate) fn stdout_to_stderr(mut self) -> Self {
        self.0.stdout(std::io::stderr());
        self
    }

    fn failed(&self, why: impl std::fmt::Display) -> Box<dyn Error> {
        format!("`{}`: {why}", self.0.get_program().display()).into()
    }

    /// Runs it, and fails if it fails.
    pub(crate) fn run(mut self) -> Result<()> {
        let status = self.0.status().map_err(|why| self.failed(why))?;
        if status.success() { Ok(()) } else { Err(self.failed(status)) }
    }

    /// Runs it in the place of this program.
    pub(crate) fn replace(mut self) -> Result<()> {
        use std::os::unix::process::CommandExt as _;
        let why = self.0.current_dir(std::env::current_dir()?).exec();
        Err(self.failed(why))
    }

    /// What it prints, without the line end; `None` if it fails or is not there.
    pub(crate) fn output(mut self) -> Option<String> {
        let output = self.0.stderr(Stdio::null()).output().ok().filter(|output| output.status.success())?;
        Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
    }

    /// Runs it for at most `limit`, and ends it then: a program that waits for a network that is not
    /// there may wait for very long.
    pub(crate) fn run_at_most(mut self, limit: Duration) -> Result<()> {
        let mut child = self.0.spawn().map_err(|why| self.failed(why))?;
        let end = Instant::now() + limit;
        loop {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(self.failed(status)),
                None if Instant::now() >= end => {
                    child.kill()?;
                    child.wait()?;
                    return Err(self.failed(format!("gave up after {} s", limit.as_secs())));
                }
                None => std::thread::sleep(Duration::from_millis(50)),
            }
        }
    }
}

/// An empty folder.
pub(crate) fn recreate(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|why| format!("{}: {why}", folder.display()))?;
    }
    fs::create_dir_all(folder).map_err(|why| format!("{}: {why}", folder.display()).into())
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    // Not over a file that may be running.
    let _ = fs::remove_file(to);
    fs::copy(from, to).map(drop).map_err(|why| format!("{}: {why}", from.display()).into())
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|why| format!("{}: {why}", path.display()).into())
}

pub(crate) fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, bytes).map_err(|why| format!("{}: {why}", path.display()).into())
}
