//! `ptrun init`.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args;
use ptrun_host::{Format, SecretBytes, SecretName};
use zeroize::Zeroizing;

use super::file::{self, KeyArgs};
use crate::config::PROJECT;
use crate::deliver;
use crate::harden;
use crate::report::{Failure, Failures};
use crate::user;

/// What belongs to one machine alone.
const IGNORED: [&str; 2] = [".key", "ptrun.local.toml"];
/// Where values of a `.env` go.
const SEALED: &str = "secrets.encrypted";
const TEMPLATE: &str = include_str!("init.toml");

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// Take over a `.env` file: its values go into `secrets.encrypted`, and `ptrun.toml` refers to them
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = ".env")]
    env: Option<PathBuf>,
}

/// Writes a `ptrun.toml` with comments into this folder.
pub(crate) fn init(args: &InitArgs) -> Result<(), Failures> {
    // It ends here, and gives nothing back.
    let _ = harden::begin();
    let project = Path::new(PROJECT);
    if project.symlink_metadata().is_ok() {
        let failure = Failure::new("file/exists", format!("there is a `{PROJECT}` already"));
        return Err(failure.help("change that one, or go to another folder").into());
    }
    let mut secrets = String::new();
    if let Some(path) = &args.env {
        let names = take_over(path)?;
        secrets.extend(names.iter().map(|name| format!("{name} = \"file://{SEALED}#{name}\"\n")));
    }
    let text = TEMPLATE.replace("# (secrets)\n", &secrets);
    user::create(project, text.as_bytes(), 0o644).map_err(|why| unwritable(PROJECT, &why))?;
    say(&format!("wrote {PROJECT}"));
    ignore()?;
    match &args.env {
        Some(path) => say(&format!("remove {} when `ptrun check` finds everything", path.display())),
        None if Path::new(".env").exists() => say("there is a .env: `ptrun init --env` takes it over"),
        None => {}
    }
    Ok(())
}

/// Encrypts the values of a `.env` file. Their names.
fn take_over(path: &Path) -> Result<Vec<SecretName>, Failure> {
    let shown = path.display();
    let text = ptrun_host::read_regular(path, user::MAX_BYTES).map_err(|why| {
        Failure::new("file/unreadable", format!("`{shown}` cannot be read: {why}"))
            .help("name it: `--env FILE`")
    })?;
    let members = ptrun_host::members(&SecretBytes::new(text), Some(Format::Dotenv)).map_err(|_| {
        Failure::new("file/format", format!("`{shown}` has a line that is not `NAME=value`"))
            .help("a value with several lines stands in quotes")
    })?;
    let members = members
        .into_iter()
        .map(|(name, value)| Ok((name.parse().map_err(|why| Failure::from(why).fact("name", &name))?, value)))
        .collect::<Result<Vec<(SecretName, SecretBytes)>, Failure>>()?;
    let sealed = Path::new(SEALED);
    if sealed.symlink_metadata().is_ok() {
        let failure = Failure::new("file/exists", format!("there is a `{SEALED}` already"));
        return Err(failure.help("move it away first"));
    }
    if Path::new(".key").symlink_metadata().is_err() {
        file::keygen(Path::new(".key"))?;
        say("wrote .key: keep a copy where others cannot read it");
    }
    let object = Zeroizing::new(deliver::object(&members));
    file::seal(sealed, &KeyArgs::default(), &object)?;
    say(&format!("wrote {SEALED}"));
    Ok(members.into_iter().map(|(name, _)| name).collect())
}

/// Keeps out of version control what belongs to one machine.
fn ignore() -> Result<(), Failure> {
    let path = Path::new(".gitignore");
    if !path.exists() && !Path::new(".git").exists() {
        return Ok(());
    }
    let text = fs::read_to_string(path).unwrap_or_default();
    let missing: Vec<&str> =
        IGNORED.into_iter().filter(|name| !text.lines().any(|line| line == *name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let added: String = missing.iter().map(|name| format!("{name}\n")).collect();
    let opened = fs::OpenOptions::new().append(true).create(true).open(path);
    let written = opened.and_then(|mut file| file.write_all(format!("{end}{added}").as_bytes()));
    written.map_err(|why| unwritable(".gitignore", &why))?;
    say(&format!("added {} to .gitignore", missing.join(" and ")));
    Ok(())
}

fn unwritable(name: &str, why: &io::Error) -> Failure {
    Failure::new("file/unwritable", format!("`{name}` cannot be written: {why}"))
        .help("check the folder, and that there is space")
}

/// What was done; nobody has to hear it.
fn say(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}
