//! The command line, as clap sees it.

use std::ffi::OsString;
use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use jiff::SignedDuration;
use ptrun_host::{CodeCache, Digest, Limits, TrustStore};

use crate::commands::{
    audit, change, check, doctor, explain, export, file, get, init, key, list, pages, plugin,
};
use crate::config::{Config, Inject};
use crate::deliver::Template;
use crate::report::{self, Failure, Failures};
use crate::{plugins, run, user};

/// Starts a program with its secrets, each from a signed and sandboxed WebAssembly plugin.
#[derive(Debug, Parser)]
#[command(
    name = "ptrun",
    version,
    override_usage = "ptrun [OPTIONS] -- COMMAND [ARG]...\n       ptrun [OPTIONS] check|get|export|explain|init|file|plugin|key|audit|doctor ...",
    after_help = "Example:\n  ptrun --plugin env -s MESSAGE=env://GREETING -- printenv MESSAGE"
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(flatten)]
    run: RunArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options that stand before or after a subcommand.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// Use a plugin: a built-in name, NAME.wasm, a path, or ALIAS=PATH to give its scheme another name
    #[arg(long = "plugin", value_name = "PLUGIN", global = true)]
    pub(crate) plugins: Vec<String>,
    /// Grant a plugin something for this run: ALIAS:env=NAME, ALIAS:file=PATH, ALIAS:http=ORIGIN,
    /// ALIAS:network=RANGE or ALIAS:random
    #[arg(long, value_name = "GRANT", global = true)]
    pub(crate) allow: Vec<String>,
    /// Sign the requests of a plugin with the secret REF, or the content of a file, which the plugin never sees
    #[arg(long = "credential", value_name = "ALIAS=REF|@FILE", global = true)]
    pub(crate) credentials: Vec<String>,
    /// What stands for `{profile}` in references; the variable PTRUN_PROFILE says the same
    #[arg(long, value_name = "NAME", global = true)]
    profile: Option<String>,
    /// Open the files of a plugin with the key REF, or the content of a file, instead of `.key` beside each file;
    /// `ask` asks on the terminal
    #[arg(long = "unlock", value_name = "ALIAS=REF|@FILE|ask", global = true)]
    pub(crate) unlock: Vec<String>,
    /// Change a limit of a plugin for this run: ALIAS:NAME=VALUE, for example `vault:memory=128MiB`
    #[arg(long = "limit", value_name = "LIMIT", global = true)]
    limits: Vec<String>,
    /// Run only what `ptrun.lock` pins, and leave it as it is; this is the default where CI is set
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true", global = true)]
    locked: Option<bool>,
    /// Accept the unsigned component with this content, for this run: sha256:DIGITS
    #[arg(long, value_name = "DIGEST", global = true)]
    allow_unsigned: Vec<Digest>,
    /// Read this file instead of the `ptrun.toml` that is found upward from here
    #[arg(long, value_name = "FILE", env = "PTRUN_CONFIG", hide_env = true, global = true)]
    pub(crate) config: Option<PathBuf>,
    /// How long all plugins together may take: `500ms`, `30s`, `2m`
    #[arg(long, value_name = "TIME", env = "PTRUN_TIMEOUT", hide_env = true, global = true)]
    pub(crate) timeout: Option<SignedDuration>,
    /// Record what is done in a file, or in `stderr`, `journald` or `syslog`, instead of the file in your folder for
    /// states; several times for several places; `off` for none
    #[arg(long, value_name = "WHERE", env = "PTRUN_AUDIT", hide_env = true, global = true)]
    pub(crate) audit: Vec<String>,
    /// Keep the compiled code of plugins in this folder, instead of the one in your folder for caches; `off` for
    /// nowhere
    #[arg(long, value_name = "WHERE", env = "PTRUN_CACHE", hide_env = true, global = true)]
    cache: Option<PathBuf>,
    /// Refuse plugins that would send requests
    #[arg(long, global = true)]
    pub(crate) offline: bool,
    /// Show what plugins log
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// How errors are written
    #[arg(long, value_name = "FORMAT", default_value = "human", global = true)]
    pub(crate) error_format: ErrorFormat,
}

impl Global {
    /// Whom the user trusts, and what this run accepts without a signature.
    pub(crate) fn trust(&self) -> Result<TrustStore, Failure> {
        let mut trust = user::trust()?;
        for digest in &self.allow_unsigned {
            trust.allow_unsigned(*digest);
        }
        Ok(trust)
    }

    /// What files say.
    pub(crate) fn config(&self) -> Result<Config, Failure> {
        Config::load(self.config.as_deref(), self.profile.as_deref())
    }

    /// The limits that are not as usual: the alias of the plugin, the name and the value, which can be one.
    pub(crate) fn limits(&self) -> Result<Vec<(String, String, String)>, Failure> {
        let failure = |why: String| {
            Failure::new("usage/limit", why)
                .help("for example `--limit vault:memory=128MiB --limit vault:wall=30s`")
        };
        let mut given = Vec::new();
        for text in &self.limits {
            let parts = text.split_once(':').and_then(|(alias, rest)| Some((alias, rest.split_once('=')?)));
            let (alias, (name, value)) =
                parts.ok_or_else(|| failure("a limit is `ALIAS:NAME=VALUE`".to_owned()))?;
            let tried = Limits::default().set(name, value);
            tried.map_err(|why| failure(why.to_string()).fact("limit", text))?;
            given.push((alias.to_owned(), name.to_owned(), value.to_owned()));
        }
        Ok(given)
    }

    /// How long all plugins together may take.
    pub(crate) fn timeout(&self) -> Result<Option<Duration>, Failure> {
        let Some(time) = self.timeout else { return Ok(None) };
        let time = Duration::try_from(time).ok().filter(|time| !time.is_zero());
        let bad = || Failure::new("usage", "the time after `--timeout` is not positive");
        Ok(Some(time.ok_or_else(|| bad().help("for example `--timeout 30s`"))?))
    }

    /// Where the compiled code of plugins is kept, unless that is off. The key to it is among the states of the user.
    pub(crate) fn cache(&self) -> Result<Option<CodeCache>, Failure> {
        let folder = match &self.cache {
            Some(off) if off.as_os_str() == "off" => return Ok(None),
            Some(folder) => Some(folder.clone()),
            None => user::cache().map(|cache| cache.join("code")),
        };
        let places = folder.zip(user::state());
        let (folder, state) = places.ok_or_else(user::no_home)?;
        Ok(Some(CodeCache::new(folder, state.join("cache.key"))))
    }

    /// How many bytes of a file are read before it is known which plugin it is.
    pub(crate) fn largest_component(&self) -> Result<u64, Failure> {
        let limits = self.limits()?;
        Ok(plugins::largest(limits.iter().map(|(_, name, value)| (name.as_str(), value.as_str()))))
    }

    /// Continuous integration says that it is: `CI=true`.
    pub(crate) fn is_locked(&self) -> bool {
        self.locked.unwrap_or_else(|| {
            std::env::var_os("CI").is_some_and(|ci| !ci.is_empty() && ci != "false" && ci != "0")
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ErrorFormat {
    /// For people
    Human,
    /// One object a line, for programs
    Json,
}

/// Which secrets.
#[derive(Debug, Args)]
pub(crate) struct SecretArgs {
    /// Deliver the secret REF in the variable NAME
    #[arg(short, long = "secret", value_name = "NAME=REF")]
    pub(crate) secrets: Vec<String>,
    /// Deliver each member of the object REF in a variable of its own
    #[arg(long, value_name = "REF")]
    pub(crate) from: Vec<String>,
    /// Put this before the names of members
    #[arg(long, value_name = "PREFIX", requires = "from")]
    pub(crate) prefix: Option<String>,
    /// Write the names of members in capitals, and `_` for what cannot be in the name of a variable
    #[arg(long, requires = "from")]
    pub(crate) upper: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// How secrets are delivered that do not say it themselves in a file
    #[arg(long, value_name = "HOW", env = "PTRUN_INJECT", hide_env = true)]
    pub(crate) inject: Option<Inject>,
    /// Make the file OUT of the file IN, with values for `{{ NAME }}`, and remove it after the run
    #[arg(long = "template", value_name = "IN:OUT")]
    pub(crate) templates: Vec<Template>,
    /// Start the command with an empty environment
    #[arg(long)]
    pub(crate) pristine: bool,
    /// Keep this variable in an empty environment
    #[arg(long, value_name = "NAME")]
    pub(crate) keep: Vec<String>,
    /// Stay the parent of the command: pass signals on, bury its orphans, and end with its exit code
    #[arg(long, conflicts_with = "exec")]
    pub(crate) supervise: bool,
    /// Let the command take the place of ptrun, which it does unless files have to be removed
    #[arg(long)]
    pub(crate) exec: bool,
    /// The program to start, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

impl RunArgs {
    /// Whether anything was given.
    fn is_empty(&self) -> bool {
        let Self { secrets: SecretArgs { secrets, from, .. }, templates, command, .. } = self;
        let flags = self.pristine || self.supervise || self.exec || !self.keep.is_empty();
        secrets.is_empty() && from.is_empty() && templates.is_empty() && command.is_empty() && !flags
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a command with its secrets (what happens without a subcommand)
    Run(RunArgs),
    /// Print one secret to standard output, with nothing added
    Get(get::GetArgs),
    /// Print references to the secrets that there are
    List(list::ListArgs),
    /// Give a secret the value that standard input has, or that is typed
    Set(change::SetArgs),
    /// Have a backend make a new value, and wait for it
    Rotate(change::RotateArgs),
    /// Say what a run would do: which secret comes from where, and what each plugin is given
    Explain(explain::ExplainArgs),
    /// Get every secret that a run would get, say which are there, and print no value
    Check(check::CheckArgs),
    /// Print all secrets with their values, for a program to read
    Export(export::ExportArgs),
    /// Write a ptrun.toml with comments into this folder
    Init(init::InitArgs),
    /// Look at plugins
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Make keys to sign with, and choose keys to trust
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Make and change encrypted files
    #[command(subcommand)]
    File(file::FileCommand),
    /// Look at the record of what was done
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    /// Say what this machine has of what makes ptrun safe, and what is wrong with your files
    Doctor(doctor::DoctorArgs),
    /// Print completions for a shell
    Completions(pages::CompletionsArgs),
    /// Print the man page, or write all of them into a folder
    Man(pages::ManArgs),
    /// Print the schema of ptrun.toml, for editors
    Schema,
}

/// A run without a subcommand.
#[derive(Debug, Parser)]
#[command(name = "ptrun", disable_help_flag = true)]
struct RunAlone {
    #[command(flatten)]
    global: Global,
    #[command(flatten)]
    run: RunArgs,
}

/// The same with less work, since the definitions of all other commands need not be made for it: nothing before `--` is
/// the name of one. Whatever is wrong, or asked about, the whole definition says.
fn run_alone(words: &[OsString]) -> Option<Cli> {
    let end = words.iter().position(|word| word == "--")?;
    let is_name = |word: &OsString| COMMANDS.iter().any(|name| word == name);
    if words.get(1..end)?.iter().any(is_name) {
        return None;
    }
    let RunAlone { global, run } = read(words).ok()?;
    Some(Cli { global, run, command: None })
}

/// The names of all subcommands.
const COMMANDS: [&str; 18] = [
    "audit",
    "check",
    "completions",
    "doctor",
    "explain",
    "export",
    "file",
    "get",
    "help",
    "init",
    "key",
    "list",
    "man",
    "plugin",
    "rotate",
    "run",
    "schema",
    "set",
];

/// What `Parser::try_parse_from` does, but for taking the definitions apart again, which takes a tenth of a start.
fn read<T: CommandFactory + FromArgMatches>(words: &[OsString]) -> Result<T, clap::Error> {
    let mut command = ManuallyDrop::new(T::command());
    let mut matches = ManuallyDrop::new(command.try_get_matches_from_mut(words)?);
    T::from_arg_matches_mut(&mut matches).map_err(|why| why.format(&mut command))
}

/// Reads the command line. Help and version are answered here; a mistake is reported and ends ptrun
/// with 125, as `env` and `timeout` do it.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    let words: Vec<OsString> = std::env::args_os().collect();
    run_alone(&words).map_or_else(|| read(&words), Ok).map_err(|error| match error.kind() {
        DisplayHelp | DisplayVersion => {
            let _ = error.print();
            ExitCode::SUCCESS
        }
        DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(report::FAILED)
        }
        _ => report::exit(wanted_format(), Err(Failure::usage(&error).into())),
    })
}

/// The format of errors when the command line itself is the error.
fn wanted_format() -> ErrorFormat {
    let args: Vec<OsString> = std::env::args_os().take_while(|arg| arg != "--").collect();
    let json = args.iter().any(|arg| arg == "--error-format=json")
        || args.windows(2).any(|pair| pair[0] == "--error-format" && pair[1] == "json");
    if json { ErrorFormat::Json } else { ErrorFormat::Human }
}

impl Cli {
    pub(crate) fn execute(&self) -> Result<ExitCode, Failures> {
        let given = &self.run;
        match &self.command {
            None => return run::run(&self.global, given),
            Some(_) if !given.is_empty() => {
                let failure = Failure::new(
                    "usage",
                    "the options of a run and the command stand after the name of a subcommand, and only `run` has \
                     all of them",
                );
                return Err(failure.help("see `ptrun --help`").into());
            }
            Some(Command::Run(given)) => return run::run(&self.global, given),
            Some(Command::Get(given)) => get::get(&self.global, given),
            Some(Command::List(given)) => list::list(&self.global, given),
            Some(Command::Set(given)) => change::set(&self.global, given),
            Some(Command::Rotate(given)) => change::rotate(&self.global, given),
            Some(Command::Explain(given)) => explain::explain(&self.global, given),
            Some(Command::Plugin(command)) => plugin::execute(&self.global, command),
            Some(Command::Key(command)) => key::execute(command),
            Some(Command::File(command)) => file::execute(command),
            Some(Command::Check(args)) => check::check(&self.global, args),
            Some(Command::Export(args)) => export::export(&self.global, args),
            Some(Command::Init(args)) => init::init(args),
            Some(Command::Audit(command)) => return audit::execute(command),
            Some(Command::Doctor(args)) => doctor::doctor(&self.global, args),
            Some(Command::Completions(args)) => Ok(pages::completions(args)?),
            Some(Command::Man(args)) => Ok(pages::man(args)?),
            Some(Command::Schema) => Ok(pages::schema()?),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        let mut cli = Cli::command();
        cli.build();
        cli.clone().debug_assert();
        RunAlone::command().debug_assert();
        let mut names: Vec<&str> = cli.get_subcommands().map(clap::Command::get_name).collect();
        names.sort_unstable();
        assert_eq!(names, COMMANDS);
    }

    #[test]
    fn a_run_alone_is_read_like_any_other() {
        for line in [
            "-- true",
            "--plugin env -s A=env://B -- printenv A",
            "--plugin=env -vs A=env://B --inject fd --keep X --keep Y --pristine --supervise -- a b -- c --help",
            "--locked --timeout 3s --audit off --cache off --error-format json --template a:b -- get",
            "--allow env:env=A --limit env:wall=1s --from env://A --prefix P_ --upper -- check",
        ] {
            let words: Vec<OsString> = ["ptrun"].into_iter().chain(line.split(' ')).map(Into::into).collect();
            let alone = run_alone(&words).unwrap_or_else(|| panic!("{line}"));
            let other = Cli::try_parse_from(&words).unwrap_or_else(|why| panic!("{line}: {why}"));
            assert_eq!(format!("{alone:?}"), format!("{other:?}"));
        }
        // What it leaves to the whole definition.
        for line in [
            "",
            "--",
            "true",
            "get env://A",
            "check -- true",
            "run -- true",
            "--no -- true",
            "--help -- true",
        ] {
            let words: Vec<OsString> = ["ptrun"].into_iter().chain(line.split(' ')).map(Into::into).collect();
            assert_eq!(run_alone(&words).is_some(), line == "--", "{line}");
        }
        assert!(run_alone(&["--".into(), "true".into()]).is_none() && run_alone(&[]).is_none());
    }
}
