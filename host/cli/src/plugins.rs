//! The plugins of a run: found, verified and approved, and nothing more before somebody asks one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ptrun_host::{Grant, Grants, Limits, SecretRef, TrustStore, Use};

use crate::approval::{self, Approved};
use crate::args::Global;
use crate::both::side_by_side;
use crate::config::{Config, PluginConfig};
use crate::credential::{self, Credential, Kind};
use crate::found::Found;
use crate::lock::Policy;
use crate::profile::Profile;
use crate::report::{Failure, Failures};

/// A plugin of a run, and what the user gives it.
pub(crate) struct Plugin {
    pub(crate) approved: Approved,
    pub(crate) allowed: Grants,
    pub(crate) settings: BTreeMap<String, String>,
    /// What signs its requests.
    pub(crate) credential: Option<Credential>,
    /// What opens its files.
    pub(crate) keys: Vec<Credential>,
    pub(crate) limits: Limits,
    /// Whether `--plugin` or a file named it; the others are here because a reference wants them.
    named: bool,
}

/// The plugins of a run, by the scheme of their references.
pub(crate) struct Plugins {
    plugins: BTreeMap<String, Plugin>,
    /// What files say about them. They are looked for when somebody wants them.
    configured: BTreeMap<String, PluginConfig>,
    trust: TrustStore,
    policy: Policy,
    /// The largest file that is read as a plugin.
    largest: u64,
    profile: Profile,
}

impl Plugin {
    fn new(approved: Approved, named: bool) -> Self {
        Self {
            approved,
            allowed: Grants::none(),
            settings: BTreeMap::new(),
            credential: None,
            keys: Vec::new(),
            limits: Limits::default(),
            named,
        }
    }

    fn allow(&mut self, grant: &str) -> Result<(), Failure> {
        let grant: Grant = grant.parse().map_err(|_| malformed_grant())?;
        self.allowed = std::mem::take(&mut self.allowed).with(grant);
        Ok(())
    }
}

fn malformed_grant() -> Failure {
    let forms = "`ALIAS:env=NAME`, `:file=PATH`, `:http=ORIGIN`, `:network=RANGE` or `:random`";
    Failure::new("usage/grant", format!("a grant is {forms}"))
        .help("for example `--allow vault:env=VAULT_ADDR`")
}

impl Plugins {
    /// Those that the command line names, with what it gives them. Those that files name wait until they are wanted.
    pub(crate) fn named(global: &Global, config: &Config) -> Result<Self, Failures> {
        let limits = global.limits()?;
        let given = limits.iter().map(|(_, name, value)| (name.as_str(), value.as_str()));
        let configured = config.plugins.values().flat_map(|plugin| &plugin.limits);
        let configured = configured.map(|(name, value, _)| (name.as_str(), value.as_str()));
        let policy = if global.is_locked() { Policy::Locked } else { Policy::Follow };
        let mut plugins = Self {
            plugins: BTreeMap::new(),
            configured: config.plugins.clone(),
            trust: global.trust()?,
            policy,
            largest: largest(given.chain(configured)),
            profile: config.profile.clone(),
        };
        let found = find(&global.plugins, &plugins.trust, plugins.largest)?;
        plugins.admit(found, |_| true)?;

        for text in &global.allow {
            let (alias, grant) = text.split_once(':').ok_or_else(malformed_grant)?;
            plugins.about("--allow", "usage/grant", alias)?.allow(grant)?;
        }
        for text in &global.credentials {
            let (alias, credential) = plugins.given(&credential::SIGN, text)?;
            plugins.about("--credential", "usage/credential", alias)?.credential = Some(credential);
        }
        let mut opened: BTreeMap<&str, Vec<Credential>> = BTreeMap::new();
        for text in &global.unlock {
            let (alias, key) = plugins.given(&credential::OPEN, text)?;
            opened.entry(alias).or_default().push(key);
        }
        for (alias, keys) in opened {
            plugins.about("--unlock", "usage/unlock", alias)?.keys = keys;
        }
        for (alias, name, value) in limits {
            let plugin = plugins.about("--limit", "usage/limit", &alias)?;
            plugin.limits.set(&name, &value).map_err(|why| Failure::new("usage/limit", why.to_string()))?;
        }
        Ok(plugins)
    }

    /// The same, and the one that answers to a reference.
    pub(crate) fn for_reference(
        global: &Global,
        config: &Config,
        reference: &SecretRef,
    ) -> Result<Self, Failures> {
        let mut plugins = Self::named(global, config)?;
        plugins.want(&BTreeSet::from([reference.scheme().to_owned()]))?;
        Ok(plugins)
    }

    /// Lets plugins in that may run, all or none, with what files say about them.
    fn admit(&mut self, found: Vec<(String, Found)>, named: impl Fn(&str) -> bool) -> Result<(), Failures> {
        for (scheme, approved) in approval::gate(found, self.policy)? {
            let plugin = Plugin::new(approved, named(&scheme));
            let plugin = match self.configured.get(&scheme).cloned() {
                Some(config) => self.configure(&scheme, plugin, config)?,
                None => plugin,
            };
            self.plugins.insert(scheme, plugin);
        }
        Ok(())
    }

    fn configure(
        &mut self,
        alias: &str,
        mut plugin: Plugin,
        config: PluginConfig,
    ) -> Result<Plugin, Failures> {
        let PluginConfig { settings, keys, keys_of_project, credential, allow, limits, .. } = config;
        plugin.settings = settings;
        if let Some(place) = keys_of_project
            && !plugin.approved.is_ours()
        {
            return Err(Failure::new(
                "config/not-here",
                "a project gives keys to the plugins of ptrun alone",
            )
            .fact("at", place)
            .help("put it into `config.toml` in `$XDG_CONFIG_HOME/ptrun`, or use `--unlock`")
            .into());
        }
        for (grant, place) in &allow {
            plugin.allow(grant).map_err(|failure| failure.fact("at", place))?;
        }
        for (name, value, place) in &limits {
            let bad = |why: ptrun_host::LimitError| Failure::new("usage/limit", why.to_string());
            plugin.limits.set(name, value).map_err(|why| bad(why).fact("at", place))?;
        }
        for (text, place) in credential.iter() {
            let given = credential::SIGN.source(alias, text, &self.profile);
            plugin.credential = Some(given.map_err(|why| why.fact("at", place))?);
        }
        for (text, place) in &keys {
            let given = credential::OPEN.source(alias, text, &self.profile);
            plugin.keys.push(given.map_err(|why| why.fact("at", place))?);
        }
        let from: Vec<&Credential> = plugin.credential.iter().chain(&plugin.keys).collect();
        let schemes = from.into_iter().filter_map(Credential::reference).map(|of| of.scheme().to_owned());
        self.want(&schemes.collect())?;
        Ok(plugin)
    }

    /// What an option gives to which plugin; and a plugin to fetch it from, if it is a secret.
    fn given<'a>(&mut self, kind: &Kind, text: &'a str) -> Result<(&'a str, Credential), Failures> {
        let (alias, credential) = kind.parse(text, &self.profile)?;
        self.about(kind.option, kind.class, alias)?;
        if let Some(reference) = credential.reference() {
            self.want(&BTreeSet::from([reference.scheme().to_owned()]))?;
        }
        Ok((alias, credential))
    }

    /// The plugin that an option is about.
    fn about(&mut self, option: &str, class: &'static str, alias: &str) -> Result<&mut Plugin, Failures> {
        if self.configured.contains_key(alias) {
            self.want(&BTreeSet::from([alias.to_owned()]))?;
        }
        self.plugins.get_mut(alias).filter(|plugin| plugin.named).ok_or_else(|| {
            Failure::new(class, format!("`{option}` names `{alias}`, which is no plugin of this run"))
                .help(format!("add `--plugin {alias}`"))
                .into()
        })
    }

    /// Makes sure that there is a plugin for each scheme: one that was named, or a built-in one.
    pub(crate) fn want(&mut self, schemes: &BTreeSet<String>) -> Result<(), Failures> {
        let missing = schemes.iter().filter(|scheme| !self.plugins.contains_key(*scheme));
        let found = missing.map(|scheme| Ok((scheme.clone(), self.look_for(scheme)?)));
        let found = found.collect::<Result<Vec<_>, Failure>>()?;
        let configured: BTreeSet<String> = self.configured.keys().cloned().collect();
        self.admit(found, |scheme| configured.contains(scheme))
    }

    /// The plugin that files name for a scheme, or the built-in one.
    fn look_for(&self, scheme: &str) -> Result<Found, Failure> {
        let builtin = ptrun_builtins::find(scheme);
        match (self.configured.get(scheme), builtin) {
            (Some(PluginConfig { path: Some(_), place, .. }), Some(_)) => {
                let message = format!("the scheme `{scheme}` is that of a built-in plugin");
                Err(Failure::new("plugin/same-scheme", message)
                    .fact("at", place)
                    .help("give the plugin another scheme: `[plugins.NAME]`"))
            }
            (_, Some(builtin)) => Found::builtin(builtin, &self.trust),
            (Some(config), None) => {
                let path = config.path.as_deref().map(Path::to_string_lossy);
                Found::find(&path.unwrap_or(scheme.into()), &self.trust, self.largest)
                    .map_err(|failure| failure.fact("at", &config.place))
            }
            (None, None) => Err(Self::unknown(scheme)),
        }
    }

    pub(crate) fn unknown(scheme: &str) -> Failure {
        Failure::new("reference/unknown-scheme", format!("no plugin answers to `{scheme}://`"))
            .help(format!("name one: `--plugin ./{scheme}.wasm`, `--plugin {scheme}=PATH`, or `[plugins.{scheme}]` in a file"))
    }

    /// Whether there is a plugin for a scheme, or one could be looked for.
    pub(crate) fn answers(&self, scheme: &str) -> bool {
        self.is_named(scheme) || ptrun_builtins::find(scheme).is_some()
    }

    /// Whether `--plugin` or a file named the one of this scheme.
    pub(crate) fn is_named(&self, scheme: &str) -> bool {
        self.configured.contains_key(scheme) || self.plugins.get(scheme).is_some_and(|plugin| plugin.named)
    }

    /// Whether a value is a reference to a plugin of this run, or to a built-in one.
    pub(crate) fn is_reference(&self, value: &str) -> bool {
        SecretRef::scheme_of(value).is_some_and(|scheme| self.answers(scheme))
    }

    /// A reference as it is meant in a file of this folder: paths in it begin there.
    pub(crate) fn based(&self, reference: SecretRef, folder: &Path) -> SecretRef {
        let here = std::env::current_dir().unwrap_or_default();
        let plugin = self.plugins.get(reference.scheme()).filter(|_| folder != here);
        let Some(plugin) = plugin else { return reference };
        let below = |path: &str| folder.join(path).to_string_lossy().into_owned();
        let is_path = {
            let wanted = plugin.approved.wanted(Use::Read, &[&reference]);
            wanted.paths().any(|path| path == Path::new(reference.key()))
        };
        let based =
            is_path.then(|| reference.with_key(below(reference.key()))).flatten().unwrap_or(reference);
        match plugin.approved.verified().manifest().capabilities.keys {
            true => based.with_option_changed(crate::opener::OPTION, |path| below(path)),
            false => based,
        }
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

    /// The variables that hold what signs requests and opens files.
    pub(crate) fn own_variables(&self) -> Vec<String> {
        let plugins = self.plugins.values();
        let own = plugins.flat_map(|plugin| plugin.credential.iter().chain(&plugin.keys));
        let references: Vec<&SecretRef> = own.filter_map(Credential::reference).collect();
        self.variables(&references)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Plugin)> {
        self.plugins.iter().map(|(scheme, plugin)| (scheme.as_str(), plugin))
    }

    pub(crate) fn into_map(self) -> BTreeMap<String, Plugin> {
        self.plugins
    }
}

/// How large a file may be before it is known which plugin it is.
pub(crate) fn largest<'a>(limits: impl Iterator<Item = (&'a str, &'a str)>) -> u64 {
    let largest = limits.map(|(name, value)| {
        let mut limits = Limits::default();
        // What is wrong is said when the limit is set.
        let _ = limits.set(name, value);
        limits.component_bytes as u64
    });
    largest.fold(Limits::default().component_bytes as u64, u64::max)
}

/// Finds and verifies plugins, each with the scheme that it answers to: its own, or `ALIAS=` before it.
/// The files have at most `largest` bytes.
pub(crate) fn find<'a>(
    names: &'a [String],
    trust: &TrustStore,
    largest: u64,
) -> Result<Vec<(String, Found)>, Failure> {
    // What is before `=` is an alias, unless it could only be part of a path.
    let aliased = |name: &'a String| match name.split_once('=') {
        Some((alias, name)) if !alias.contains('/') => (Some(alias), name),
        _ => (None, name.as_str()),
    };
    let named = side_by_side(names.iter().map(aliased).collect(), |(alias, name)| {
        (alias, name, Found::find(name, trust, largest))
    });
    let mut found: Vec<(String, Found)> = Vec::new();
    for (alias, name, plugin) in named {
        let plugin = plugin?;
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
