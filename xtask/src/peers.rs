//! What programs that start another one with a secret are like as processes: ptrun and its peers, each
//! with its simplest local source. Prints what was seen, and passes no verdict.

mod install;
mod process;

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::sh::{self, Result};
pub(crate) use install::path;
use install::{DOTENVX, Missing, SECRETSPEC, VARLOCK};
use process::{alive, describe, finish, in_time, signal, wait};

/// How often the start-up is timed.
const RUNS: usize = 10;

const COLUMNS: [&str; 10] = [
    "wrapper",
    "`exit 7`",
    "child is killed by TERM",
    "wrapper gets TERM: child gets it",
    "wrapper ends with",
    "child is gone",
    "command not found",
    "command not executable",
    "same process",
    "start-up over bare, ms",
];

/// Waits for TERM, and says so. Ends by itself long after every deadline.
const CHILD: &str = "trap 'echo >got; exit 9' TERM; echo $$ >new; mv new ready; \
                     i=0; while [ $i -lt 600 ]; do sleep 0.05; i=$((i + 1)); done";

/// A program that starts a command with the secret `MESSAGE`, which is `salutation`.
pub(crate) struct Wrapper {
    pub(crate) name: &'static str,
    /// The program and its arguments, up to the command; or why there is none.
    start: std::result::Result<Vec<String>, String>,
    /// The variable and the files where the secret comes from.
    variable: Option<(&'static str, &'static str)>,
    files: &'static [(&'static str, &'static str)],
    /// Its home, in which it runs.
    folder: PathBuf,
}

fn wrappers(folder: &Path, missing: Missing) -> Vec<Wrapper> {
    // Without it, what needs it runs on the machine's own.
    let _ = install::npm("node", install::NODE, missing);
    let ptrun = install::ptrun();
    let wrapper = |name, start: Result<PathBuf>, args: &[&str], variable, files| Wrapper {
        name,
        start: start.map_err(|why| why.to_string()).map(|program| {
            let args = args.iter().map(|&arg| arg.to_owned());
            std::iter::once(program.display().to_string()).chain(args).collect()
        }),
        variable,
        files,
        folder: folder.join(name.replace(' ', "-")),
    };
    let greeting = Some(("GREETING", "salutation"));
    let built = || ptrun.clone().ok_or_else(|| "not built: `cargo xtask dist`".into());
    let reference = ["-s", "MESSAGE=env://GREETING", "--"];
    let supervise = ["--supervise", "-s", "MESSAGE=env://GREETING", "--"];
    vec![
        Wrapper {
            start: Ok(Vec::new()),
            ..wrapper("bare", Err("".into()), &[], Some(("MESSAGE", "salutation")), &[])
        },
        wrapper("ptrun", built(), &reference, greeting, &[]),
        wrapper("ptrun --supervise", built(), &supervise, greeting, &[]),
        wrapper(
            "secretspec run",
            install::secretspec(missing),
            &["run", "--provider", "env", "--"],
            greeting,
            &[(
                "secretspec.toml",
                "[project]\nname = \"peers\"\nrevision = \"1.0\"\n\n[profiles.default]\n\
                 MESSAGE = { description = \"a greeting\", ref = { item = \"GREETING\" } }\n",
            )],
        ),
        wrapper(
            "dotenvx run",
            install::npm("@dotenvx/dotenvx", DOTENVX, missing),
            &["run", "--"],
            None,
            &[(".env", "MESSAGE=salutation\n")],
        ),
        wrapper(
            "varlock run",
            install::npm("varlock", VARLOCK, missing),
            &["run", "--"],
            None,
            &[(".env.schema", "# @sensitive @required\nMESSAGE=\n"), (".env", "MESSAGE=salutation\n")],
        ),
    ]
}

impl Wrapper {
    fn prepare(&self) -> Result<()> {
        fs::create_dir(&self.folder)?;
        sh::write(&self.folder.join("text"), "no program\n")?;
        fs::set_permissions(self.folder.join("text"), fs::Permissions::from_mode(0o600))?;
        self.files.iter().try_for_each(|(name, text)| sh::write(&self.folder.join(name), text))
    }

    /// What starts a command, in a process group of its own.
    pub(crate) fn command(&self, command: &[&str]) -> Result<Command> {
        let words = self.start.iter().flatten().map(String::as_str).chain(command.iter().copied());
        let words: Vec<&str> = words.collect();
        let (program, args) = words.split_first().ok_or("there is no command")?;
        let mut command = Command::new(program);
        command.args(args).current_dir(&self.folder).process_group(0);
        command.env_clear().env("PATH", install::path()).env("HOME", &self.folder).envs(self.variable);
        command.env("DO_NOT_TRACK", "1").env("VARLOCK_TELEMETRY_DISABLED", "1");
        command.env("DOTENVX_NO_ARMOR", "true");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(self.errors())?);
        Ok(command)
    }

    fn start(&self, command: &[&str]) -> Result<Child> {
        Ok(self.command(command)?.spawn()?)
    }

    fn errors(&self) -> PathBuf {
        self.folder.join("errors")
    }

    /// How a command ends.
    fn end(&self, command: &[&str]) -> String {
        let end = || describe(finish(&mut self.start(command)?));
        end().unwrap_or_else(|why| format!("not started: {why}"))
    }

    /// Why it cannot be measured, if so.
    fn refusal(&self) -> Option<String> {
        if let Err(why) = &self.start {
            return Some(why.clone());
        }
        let end = self.end(&["sh", "-c", "test \"$MESSAGE\" = salutation"]);
        (end != "0").then(|| {
            let errors = fs::read_to_string(self.errors()).unwrap_or_default();
            format!(
                "the secret does not arrive: {end}, {}",
                errors.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
            )
        })
    }

    fn measure(&self) -> Result<Vec<String>> {
        let text = self.folder.join("text");
        let text = text.to_str().ok_or("the path of the temporary folder is not UTF-8")?;
        let mut cells = vec![self.end(&["sh", "-c", "exit 7"]), self.end(&["sh", "-c", "kill -TERM $$"])];
        cells.extend(self.term()?);
        cells.extend([self.end(&["there-is-no-such-command"]), self.end(&[text])]);
        let mut child = self.start(&["sh", "-c", "echo $$ >number"])?;
        finish(&mut child);
        let number = fs::read_to_string(self.folder.join("number"))?;
        cells.push(yes(number.trim() == child.id().to_string()));
        Ok(cells)
    }

    /// Whether the child gets the TERM that the wrapper gets, how that ends, and whether the child is gone.
    fn term(&self) -> Result<[String; 3]> {
        let ready = self.folder.join("ready");
        let mut child = self.start(&["sh", "-c", CHILD])?;
        if !in_time(|| ready.exists()) {
            finish(&mut child);
            return Err("the child does not start".into());
        }
        let number = fs::read_to_string(ready)?.trim().to_owned();
        let begin = Instant::now();
        signal("TERM", &child.id().to_string());
        let status = wait(&mut child);
        let time = begin.elapsed().as_secs_f64();
        let gone = in_time(|| !alive(&number));
        if !gone {
            signal("KILL", &number);
        }
        finish(&mut child);
        let mut end = describe(status)?;
        // The child itself looks every 50 ms.
        if status.is_some() && time > 0.5 {
            end += &format!(", {time:.1} s later");
        }
        Ok([yes(self.folder.join("got").exists()), end, yes(gone)])
    }

    fn time(&self) -> Result<Duration> {
        let begin = Instant::now();
        finish(&mut self.start(&["true"])?).ok_or("`true` hangs")?;
        Ok(begin.elapsed())
    }
}

fn yes(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// Milliseconds of each, in turn; the first round warms the page cache.
fn medians(wrappers: &[&Wrapper]) -> Result<Vec<f64>> {
    let mut times = vec![Vec::new(); wrappers.len()];
    for round in 0..=RUNS {
        for (wrapper, times) in wrappers.iter().zip(&mut times) {
            let time = wrapper.time()?;
            if round > 0 {
                times.push(time.as_secs_f64() * 1000.0);
            }
        }
    }
    Ok(times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times.get(RUNS / 2).copied().unwrap_or(f64::NAN)
        })
        .collect())
}

/// The peers that an earlier run left here, each with a home in `folder`; and why one cannot be measured, if so.
pub(crate) fn installed(folder: &Path) -> Result<Vec<(Wrapper, Option<String>)>> {
    fs::DirBuilder::new().mode(0o700).create(folder)?;
    let ours = |wrapper: &Wrapper| wrapper.name == "bare" || wrapper.name.starts_with("ptrun");
    let peers = wrappers(folder, Missing::Leave).into_iter().filter(|wrapper| !ours(wrapper));
    let prepared = peers.map(|peer| {
        peer.prepare()?;
        let refusal = peer.refusal();
        Ok((peer, refusal))
    });
    prepared.collect()
}

/// `cargo xtask peers`: installs them, and prints a table.
pub(crate) fn run() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("ptrun-peers-{}", std::process::id()));
    fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let done = table(&folder);
    fs::remove_dir_all(&folder)?;
    done
}

fn table(folder: &Path) -> Result<()> {
    let wrappers = wrappers(folder, Missing::Install);
    wrappers.iter().try_for_each(Wrapper::prepare)?;
    let refusals: Vec<_> = wrappers.iter().map(Wrapper::refusal).collect();
    let able: Vec<_> =
        wrappers.iter().zip(&refusals).filter(|(_, no)| no.is_none()).map(|(yes, _)| yes).collect();
    let medians = medians(&able)?;
    let mut times = medians.iter().map(|median| median - medians.first().unwrap_or(&f64::NAN));
    println!("| {} |\n|{}", COLUMNS.join(" | "), "---|".repeat(COLUMNS.len()));
    for (wrapper, refusal) in wrappers.iter().zip(refusals) {
        let mut cells = vec![wrapper.name.to_owned()];
        match refusal {
            Some(why) => cells.push(why.replace('|', "\\|")),
            None => {
                cells.extend(wrapper.measure().unwrap_or_else(|why| vec![why.to_string()]));
                cells.resize(COLUMNS.len() - 1, String::new());
                cells.extend(times.next().map(|time| format!("{time:+.1}")));
            }
        }
        cells.resize(COLUMNS.len(), String::new());
        println!("| {} |", cells.join(" | "));
    }
    let said = |program: &Path, arg| sh::command(program).args([arg]).env("PATH", install::path()).output();
    let ptrun = install::ptrun().and_then(|program| said(&program, "--version")).unwrap_or_default();
    println!(
        "\n{ptrun}, secretspec {SECRETSPEC}, dotenvx {DOTENVX} and varlock {VARLOCK} on Node.js {}; \
         {}, {}, {} cores, medians of {RUNS} runs",
        said(Path::new("node"), "--version").unwrap_or_default(),
        said(Path::new("date"), "+%F").unwrap_or_default(),
        said(Path::new("uname"), "-m").unwrap_or_default(),
        std::thread::available_parallelism()?,
    );
    Ok(())
}
