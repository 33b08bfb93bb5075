//! `ptrun export`.

use std::io::{self, Write as _};

use clap::{Args, ValueEnum};
use ptrun_host::{SecretBytes, SecretName};
use zeroize::Zeroizing;

use crate::args::{Global, SecretArgs};
use crate::audit::Audit;
use crate::config::Inject;
use crate::deliver::{self, Delivered, quoted};
use crate::harden;
use crate::plan::Plan;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};
use crate::resolve::{self, Session};

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    secrets: SecretArgs,
    /// How they are written
    #[arg(long, value_name = "FORMAT", default_value = "dotenv")]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// NAME='value', for tools that read `.env` files
    Dotenv,
    /// One object
    Json,
    /// One map
    Yaml,
    /// export NAME='value', for `eval` in a POSIX shell
    Shell,
    /// For the file that `$GITHUB_ENV` names
    Github,
}

/// Prints all secrets with their values, for a program to read.
pub(crate) fn export(global: &Global, args: &ExportArgs) -> Result<(), Failures> {
    // It ends here, and gives nothing back.
    let _ = harden::begin();
    let config = global.config()?;
    let text = Audit::begin(global, &config, "export")?.over(|audit| {
        let mut plugins = Plugins::named(global, &config)?;
        let plan = Plan::new(&args.secrets, &config, &mut plugins)?;
        audit.plugins(&plugins);
        audit.plan(&plan);
        let answers = resolve::all(Session { global, config: &config, audit }, plugins, plan.wanted())?;
        audit.outcomes(plan.outcomes(answers.iter().map(Option::is_some)));
        written(args.format, plan.deliver(answers, Inject::Env)?)
    })?;
    let mut stdout = io::stdout().lock();
    let printed = stdout.write_all(text.expose()).and_then(|()| stdout.flush());
    let failed =
        |why| Failure::new("system/output", format!("the secrets could not be printed: {why}")).into();
    printed.map_err(failed)
}

fn written(format: Format, secrets: Vec<Delivered>) -> Result<SecretBytes, Failures> {
    let secrets: Vec<(SecretName, SecretBytes)> =
        secrets.into_iter().map(|Delivered { name, value, .. }| (name, value)).collect();
    let unfit: Vec<Failure> = secrets.iter().filter_map(|(name, value)| unfit(format, name, value)).collect();
    if !unfit.is_empty() {
        return Err(Failures::new(unfit));
    }
    if format == Format::Json {
        return Ok(SecretBytes::new(deliver::object(&secrets)));
    }
    let mut text: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::new());
    for (name, value) in &secrets {
        let value: Zeroizing<Vec<u8>> = match format {
            Format::Dotenv => dotenv(value.expose()),
            Format::Shell => single_quoted(value.expose()),
            Format::Github => github(value.expose())?,
            Format::Yaml | Format::Json => Zeroizing::new(yaml(value).as_bytes().to_vec()),
        };
        let (before, between) = match format {
            Format::Shell => ("export ", "="),
            Format::Yaml => ("", ": "),
            Format::Github => ("", "<<"),
            Format::Dotenv | Format::Json => ("", "="),
        };
        text.extend([before, name.as_str(), between].concat().bytes());
        text.extend_from_slice(&value);
        text.push(b'\n');
    }
    Ok(SecretBytes::new(std::mem::take(&mut *text)))
}

/// Why a value cannot be written in a format.
fn unfit(format: Format, name: &SecretName, value: &SecretBytes) -> Option<Failure> {
    let failure = if value.expose().contains(&0) && !matches!(format, Format::Json | Format::Yaml) {
        Failure::new("inject/nul", "the value has a NUL byte, which this format cannot hold")
    } else if format != Format::Shell && std::str::from_utf8(value.expose()).is_err() {
        Failure::new("inject/not-unicode", "the value is not UTF-8, which this format cannot hold")
    } else {
        return None;
    };
    Some(failure.fact("secret", name).help("refer to a part of it, or leave it out"))
}

/// IEEE Std 1003.1, 2.2.2: everything in single quotes is what it is, but a single quote.
fn single_quoted(value: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(vec![b'\'']);
    for byte in value {
        match byte {
            b'\'' => text.extend(br"'\''"),
            other => text.push(*other),
        }
    }
    text.push(b'\'');
    text
}

/// In single quotes, which all readers of such files take literally; but some see a backslash in them, and none a
/// quote. Then in double quotes, with the escapes that they agree on.
fn dotenv(value: &[u8]) -> Zeroizing<Vec<u8>> {
    if !value.contains(&b'\'') && !value.contains(&b'\\') {
        return single_quoted(value);
    }
    let mut text = Zeroizing::new(vec![b'"']);
    for byte in value {
        match byte {
            b'\n' => text.extend(br"\n"),
            b'\r' => text.extend(br"\r"),
            b'"' | b'\\' => text.extend([b'\\', *byte]),
            other => text.push(*other),
        }
    }
    text.push(b'"');
    text
}

/// A JSON text is one of YAML, with escapes for what YAML does not let stand as it is (YAML 1.2.2, 5.1).
fn yaml(value: &SecretBytes) -> Zeroizing<String> {
    let json = quoted(value);
    let mut text = Zeroizing::new(String::with_capacity(json.len()));
    for c in json.chars() {
        match c {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                text.push_str(&format!("\\u{:04x}", c as u32));
            }
            other => text.push(other),
        }
    }
    text
}

/// Lines between two that say the same, which is no part of the value (GitHub, "Workflow commands", multiline strings).
fn github(value: &[u8]) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|why| {
        Failure::new("system/entropy", format!("the system has no randomness: {why}"))
            .help("check that the system has a source of randomness")
    })?;
    let end = format!("ptrun_{}", hex::encode(random));
    let mut text = Zeroizing::new(Vec::with_capacity(value.len() + 2 * end.len() + 2));
    text.extend(end.bytes());
    text.push(b'\n');
    text.extend_from_slice(value);
    text.push(b'\n');
    text.extend(end.bytes());
    Ok(text)
}
