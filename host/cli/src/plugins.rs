//! The plugins of a run: found, verified and approved, and nothing more before somebody asks one.

use std::collections::BTreeMap;

use ptrun_host::{Grant, Grants, Limits, SecretRef, TrustStore, Use};

use crate::approval::{self, Approved};
use crate::args::Global;
use crate::credential::{self, Credential, Kind};
use crate::found::Found;
use crate::lock::Policy;
use crate::profile::Profile;
use crate::report::{Failure, Failures};

/// A plugin of a run, and what the command line grants it.
pub(crate) struct Plugin {
    pub(crate) approved: Approved,
    pub(crate) allowed: Grants,
    /// What signs its requests.
    pub(crate) credential: Option<Credential>,
    /// What opens its files.
    pub(crate) keys: Vec<Credential>,
    pub(crate) limits: Limits,
    /// Whether `--plugin` named it; the others are here because a reference wants them.
    named: bool,
}

/// The plugins of a run, by the scheme of their references.
pub(crate) struct Plugins {
    plugins: BTreeMap<String, Plugin>,
    trust: TrustStore,
}

impl Plugin {
    fn new(approved: Approved, named: bool) -> Self {
        Self {
            approved,
            allowed: Grants::none(),
            credential: None,
            keys: Vec::new(),
            limits: Limits::default(),
            named,
        }
    }
}

impl Plugins {
    /// Those that the command line names, with what it grants them.
    pub(crate) fn named(global: &Global) -> Result<Self, Failures> {
        let trust = global.trust()?;
        let found = find(&global.plugins, &trust, global.largest_component()?)?;
        let policy = if global.is_locked() { Policy::Locked } else { Policy::Follow };
        let approved = approval::gate(found, policy)?.into_iter();
        let plugins = approved.map(|(scheme, approved)| (scheme, Plugin::new(approved, true))).collect();
        let mut plugins = Self { plugins, trust };
        for grant in &global.allow {
            plugins.allow(grant)?;
        }
        let profile = global.profile()?;
        for text in &global.credentials {
            let (plugin, credential) = plugins.given(&credential::SIGN, text, &profile)?;
            plugin.credential = Some(credential);
        }
        for text in &global.unlock {
            let (plugin, key) = plugins.given(&credential::OPEN, text, &profile)?;
            plugin.keys.push(key);
        }
        for (alias, limits) in global.limits()? {
            plugins.get_mut("--limit", "usage/limit", &alias)?.limits = limits;
        }
        Ok(plugins)
    }

    fn allow(&mut self, text: &str) -> Result<(), Failure> {
        let malformed = || {
            let forms = "`ALIAS:env=NAME`, `:file=PATH`, `:http=ORIGIN`, `:network=RANGE` or `:random`";
            Failure::new("usage/grant", format!("a grant is {forms}"))
                .help("for example `--allow vault:env=VAULT_ADDR`")
        };
        let (alias, grant) = text.split_once(':').ok_or_else(malformed)?;
        let grant: Grant = grant.parse().map_err(|_| malformed())?;
        let plugin = self.get_mut("--allow", "usage/grant", alias)?;
        plugin.allowed = std::mem::take(&mut plugin.allowed).with(grant);
        Ok(())
    }

    /// What an option gives to a plugin; and a plugin to fetch it from, if it is a secret.
    fn given(
        &mut self,
        kind: &Kind,
        text: &str,
        profile: &Profile,
    ) -> Result<(&mut Plugin, Credential), Failure> {
        let (alias, credential) = kind.parse(text, profile)?;
        self.get_mut(kind.option, kind.class, alias)?;
        if let Some(reference) = credential.reference() {
            self.want(reference.scheme())?;
        }
        Ok((self.get_mut(kind.option, kind.class, alias)?, credential))
    }

    /// The plugin that an option is about.
    fn get_mut(&mut self, option: &str, class: &'static str, alias: &str) -> Result<&mut Plugin, Failure> {
        self.plugins.get_mut(alias).filter(|plugin| plugin.named).ok_or_else(|| {
            Failure::new(class, format!("`{option}` names `{alias}`, which is no plugin of this run"))
                .help(format!("add `--plugin {alias}`"))
        })
    }

    /// Makes sure that there is a plugin for `scheme`: one that was named, or a built-in one.
    pub(crate) fn want(&mut self, scheme: &str) -> Result<(), Failure> {
        if self.plugins.contains_key(scheme) {
            return Ok(());
        }
        let Some(builtin) = ptrun_builtins::find(scheme) else {
            let failure =
                Failure::new("reference/unknown-scheme", format!("no plugin answers to `{scheme}://`"));
            return Err(
                failure.help(format!("name one: `--plugin ./{scheme}.wasm`, or `--plugin {scheme}=PATH`"))
            );
        };
        let found = Found::builtin(builtin, &self.trust)?;
        if let Some(approved) = Approved::ours(found) {
            self.plugins.insert(scheme.to_owned(), Plugin::new(approved, false));
        }
        Ok(())
    }

    /// Whether `--plugin` named the one of this scheme.
    pub(crate) fn is_named(&self, scheme: &str) -> bool {
        self.plugins.get(scheme).is_some_and(|plugin| plugin.named)
    }

    /// Whether a value is a reference to a plugin of this run, or to a built-in one.
    pub(crate) fn is_reference(&self, value: &str) -> bool {
        let known =
            |scheme: &str| self.plugins.contains_key(scheme) || ptrun_builtins::find(scheme).is_some();
        SecretRef::scheme_of(value).is_some_and(known)
    }

    /// The variables that plugins will read for these references.
    pub(crate) fn variables(&self, references: &[&SecretRef]) -> Vec<String> {
        let of_one = |reference: &&SecretRef| -> Vec<String> {
            let plugin = self.plugins.get(reference.scheme());
            plugin.map_or_else(Vec::new, |plugin| {
                plugin.approved.wanted(Use::Read, &[reference]).variables().map(str::to_owned).collect()
            })
        };
        references.iter().flat_map(of_one).collect()
    }

    pub(crate) fn into_map(self) -> BTreeMap<String, Plugin> {
        self.plugins
    }
}

/// Finds and verifies plugins, each with the scheme that it answers to: its own, or `ALIAS=` before it.
/// The files have at most `largest` bytes.
pub(crate) fn find(
    names: &[String],
    trust: &TrustStore,
    largest: u64,
) -> Result<Vec<(String, Found)>, Failure> {
    let mut found: Vec<(String, Found)> = Vec::new();
    for name in names {
        // What is before `=` is an alias, unless it could only be part of a path.
        let (alias, name) = match name.split_once('=') {
            Some((alias, name)) if !alias.contains('/') => (Some(alias), name),
            _ => (None, name.as_str()),
        };
        let plugin = Found::find(name, trust, largest)?;
        let scheme = alias.unwrap_or(plugin.verified.manifest().scheme.as_str()).to_owned();
        if SecretRef::scheme_of(&format!("{scheme}://")).is_none() {
            return Err(Failure::new(
                "usage/alias",
                "an alias is a scheme: lower-case letters, digits, `+-.`",
            )
            .help("for example `--plugin work=./vault.wasm`, for references such as `work://key`"));
        }
        if alias.is_none() && ptrun_builtins::find(&scheme).is_some() && !plugin.is_ours() {
            let message = format!("the plugin `{name}` answers to `{scheme}://`, which is built in");
            return Err(Failure::new("plugin/same-scheme", message)
                .help(format!("give it another scheme with `--plugin ALIAS={name}`")));
        }
        if found.iter().any(|(other, _)| *other == scheme) {
            return Err(Failure::new("plugin/same-scheme", format!("two plugins answer to `{scheme}://`"))
                .help("give one of them another scheme with `--plugin ALIAS=PLUGIN`"));
        }
        found.push((scheme, plugin));
    }
    Ok(found)
}
