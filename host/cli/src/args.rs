//! The command line, as clap sees it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use ptrun_host::{Digest, Limits, TrustStore};

use crate::commands::{change, doctor, explain, file, get, key, list, plugin};
use crate::profile::Profile;
use crate::report::{self, Failure, Failures};
use crate::{run, user};

/// Starts a program with its secrets, each from a signed and sandboxed WebAssembly plugin.
#[derive(Debug, Parser)]
#[command(
    name = "ptrun",
    version,
    override_usage = "ptrun [OPTIONS] -- COMMAND [ARG]...\n       ptrun [OPTIONS] get|list|set|rotate|explain|file|plugin|key|doctor ...",
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

    /// What references are read with.
    pub(crate) fn profile(&self) -> Result<Profile, Failure> {
        Profile::new(self.profile.as_deref())
    }

    /// The limits of plugins that are not as usual, by the alias of the plugin.
    pub(crate) fn limits(&self) -> Result<BTreeMap<String, Limits>, Failure> {
        let failure = |why: String| {
            Failure::new("usage/limit", why)
                .help("for example `--limit vault:memory=128MiB --limit vault:wall=30s`")
        };
        let mut given: BTreeMap<String, Limits> = BTreeMap::new();
        for text in &self.limits {
            let parts = text.split_once(':').and_then(|(alias, rest)| Some((alias, rest.split_once('=')?)));
            let (alias, (name, value)) =
                parts.ok_or_else(|| failure("a limit is `ALIAS:NAME=VALUE`".to_owned()))?;
            let limits = given.entry(alias.to_owned()).or_default();
            limits.set(name, value).map_err(|why| failure(why.to_string()).fact("limit", text))?;
        }
        Ok(given)
    }

    /// How many bytes of a file are read before it is known which plugin it is.
    pub(crate) fn largest_component(&self) -> Result<u64, Failure> {
        let largest = |largest: usize, limits: Limits| largest.max(limits.component_bytes);
        Ok(self.limits()?.into_values().fold(Limits::default().component_bytes, largest) as u64)
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

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Deliver the secret REF in the variable NAME
    #[arg(short, long = "secret", value_name = "NAME=REF")]
    pub(crate) secrets: Vec<String>,
    /// The program to start, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
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
    /// Look at plugins
    #[command(subcommand)]
    Plugin(plugin::PluginCommand),
    /// Make keys to sign with, and choose keys to trust
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Make and change encrypted files
    #[command(subcommand)]
    File(file::FileCommand),
    /// Say what this machine has of what makes ptrun safe, and what is wrong with your files
    Doctor(doctor::DoctorArgs),
}

/// Reads the command line. Help and version are answered here; a mistake is reported and ends ptrun
/// with 125, as `env` and `timeout` do it.
pub(crate) fn parse() -> Result<Cli, ExitCode> {
    use clap::error::ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    Cli::try_parse().map_err(|error| match error.kind() {
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
    pub(crate) fn execute(&self) -> Result<(), Failures> {
        let given = &self.run;
        match &self.command {
            None => run::run(&self.global, given),
            Some(_) if !given.secrets.is_empty() || !given.command.is_empty() => {
                let failure = Failure::new(
                    "usage",
                    "`--secret` and the command stand after the name of a subcommand, and only `run` has them",
                );
                Err(failure.help("see `ptrun --help`").into())
            }
            Some(Command::Run(given)) => run::run(&self.global, given),
            Some(Command::Get(given)) => get::get(&self.global, given),
            Some(Command::List(given)) => list::list(&self.global, given),
            Some(Command::Set(given)) => change::set(&self.global, given),
            Some(Command::Rotate(given)) => change::rotate(&self.global, given),
            Some(Command::Explain(given)) => explain::explain(&self.global, given),
            Some(Command::Plugin(command)) => plugin::execute(&self.global, command),
            Some(Command::Key(command)) => key::execute(command),
            Some(Command::File(command)) => file::execute(command),
            Some(Command::Doctor(args)) => doctor::doctor(&self.global, args),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_definitions_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
