//! `ptrun plugin`: what is there, what it is, whether it is to be trusted.

mod compile;
mod lock;
mod sign;
mod trust;
mod verify;

use clap::Subcommand;
use ptrun_host::{EgressOptions, Limits, Pin, Standing, TrustStore, Verified};
use serde_json::{Map, Value, json};

use super::{pretty, print};
use crate::args::Global;
use crate::engines::Engines;
use crate::found::Found;
use crate::report::{Failure, Failures};
use crate::user;

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// List the plugins that a bare name finds
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show what a plugin is, who signed it, what it asks for and what it imports
    Inspect {
        /// A built-in name, NAME.wasm, or a path
        plugin: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Say in words what is checked before a plugin runs, and what does not hold
    Verify {
        /// The file of the plugin
        file: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Trust the signer of a plugin for its name, and let it have what it asks for
    Trust(trust::TrustArgs),
    /// Compile plugins for this machine now, so that no run waits for it
    Compile(compile::CompileArgs),
    /// Pin plugins in the project's ptrun.lock
    Lock(lock::LockArgs),
    /// Sign a component, and put its manifest into it
    Sign(sign::SignArgs),
}

pub(crate) fn execute(global: &Global, command: &PluginCommand) -> Result<(), Failures> {
    match command {
        PluginCommand::List { json } => print(&list(global, *json)?)?,
        PluginCommand::Inspect { plugin, json } => print(&inspect(global, plugin, *json)?)?,
        PluginCommand::Verify { file, json } => verify::verify(global, file, *json)?,
        PluginCommand::Trust(args) => trust::trust(global, args)?,
        PluginCommand::Compile(args) => compile::compile(global, args)?,
        PluginCommand::Lock(args) => lock::lock(global, args)?,
        PluginCommand::Sign(args) => sign::sign(global, args)?,
    }
    Ok(())
}

/// A line for each: the built-in ones, then those in the user's folder that nothing built in shadows. One
/// that is not trusted is listed with the reason.
fn list(global: &Global, json: bool) -> Result<String, Failure> {
    let (trust, largest) = (global.trust()?, global.largest_component()?);
    let mut names: Vec<String> = ptrun_builtins::all().map(|builtin| builtin.name().to_owned()).collect();
    let mut others: Vec<String> = Vec::new();
    for entry in user::plugins().and_then(|folder| folder.read_dir().ok()).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        if path.extension().is_some_and(|end| end == "wasm") && !names.contains(&name) {
            others.push(name);
        }
    }
    others.sort();
    names.extend(others);
    let rows: Vec<Map<String, Value>> = names.iter().map(|name| row(name, &trust, largest)).collect();
    if json {
        return pretty(&rows);
    }
    let mut text = String::new();
    for row in rows {
        let cell = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let end = if row.contains_key("refused") { cell("refused") } else { cell("place") };
        let line = format!("{:<12} {:<22} {:<10} {end}", cell("name"), cell("plugin"), cell("version"));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Ok(text)
}

fn row(name: &str, trust: &TrustStore, largest: u64) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("name".to_owned(), name.into());
    match Found::find(name, trust, largest) {
        Ok(plugin) => {
            let manifest = plugin.verified.manifest();
            row.insert("plugin".to_owned(), manifest.full_name().into());
            row.insert("version".to_owned(), manifest.version.to_string().into());
            row.insert("scheme".to_owned(), manifest.scheme.as_str().into());
            row.insert("signers".to_owned(), signers(&plugin.verified).into());
            row.insert("place".to_owned(), plugin.place.into());
        }
        Err(failure) => {
            row.insert("refused".to_owned(), failure.to_string().into());
        }
    }
    row
}

fn signers(plugin: &Verified) -> Vec<String> {
    plugin.signers().iter().map(ToString::to_string).collect()
}

fn inspect(global: &Global, name: &str, json: bool) -> Result<String, Failure> {
    let plugin = Found::find(name, &global.trust()?, global.largest_component()?)?;
    let ours = plugin.is_ours();
    let place = plugin.place.clone();
    let mut limits = Limits::default();
    for (alias, name, value) in global.limits()? {
        if alias == plugin.verified.manifest().scheme.as_str() {
            limits.set(&name, &value).map_err(|why| Failure::new("usage/limit", why.to_string()))?;
        }
    }
    let engines = Engines::new(global, EgressOptions::default())?;
    let (runtime, code) = engines.code_of(plugin, limits)?;
    engines.warn(engines.unkept(&code));
    let compiled = runtime.load(code)?;
    let verified = compiled.plugin();
    let manifest = verified.manifest();
    let asked = &manifest.capabilities;
    let approved = ours || user::approvals()?.standing(&Pin::of(verified)) == Standing::Known;
    let shown = json!({
        "plugin": manifest.full_name(),
        "version": manifest.version.to_string(),
        "description": manifest.description,
        "scheme": manifest.scheme.as_str(),
        "interface": manifest.interface.to_string(),
        "sequence": manifest.sequence,
        "place": place,
        "signers": signers(verified),
        "approved": if approved { "yes" } else { "no" },
        "expires": manifest.expires.map(|moment| moment.to_string()),
        "digest": verified.digest().to_string(),
        "size": verified.bytes().len(),
        "config": manifest.config.iter().map(|(key, setting)| (key.clone(), setting.help.clone().into()))
            .collect::<Map<String, Value>>(),
        "asks for": asked.requests().collect::<Vec<_>>(),
        "imports": compiled.imports(),
    });
    if json { pretty(&shown) } else { Ok(fields(&shown)) }
}

/// A line for each field; one for each element of a list or a table, with the name at the first.
fn fields(shown: &Value) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| text.push_str(&format!("{name:<13}{value}\n"));
    for (name, value) in shown.as_object().into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::String(value) => line(name, value),
            Value::Array(values) if values.is_empty() => line(name, "nothing"),
            Value::Array(values) => {
                for (index, value) in values.iter().filter_map(Value::as_str).enumerate() {
                    line(if index == 0 { name } else { "" }, value);
                }
            }
            Value::Object(values) => {
                for (index, (key, value)) in values.iter().enumerate() {
                    let value = value.as_str().unwrap_or_default();
                    line(if index == 0 { name } else { "" }, &format!("{key}: {value}"));
                }
            }
            other => line(name, &other.to_string()),
        }
    }
    text
}
