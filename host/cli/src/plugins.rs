//! The plugins of a run: found, read and verified, and nothing more before somebody asks one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use ptrun_builtins::Builtin;
use ptrun_host::{
    Capabilities, Compiled, Grant, Grants, LoadError, PluginSource, Runtime, SecretRef, TrustStore,
    Unverified, Verified,
};

use crate::args::Global;
use crate::report::Failure;
use crate::user;

/// A plugin that was verified, and what it is given by name.
pub(crate) struct Plugin {
    pub(crate) verified: Verified,
    /// Where it was found, for people.
    pub(crate) place: String,
    builtin: Option<Builtin>,
    allowed: Grants,
    /// Whether `--plugin` named it; the others are here because a reference wants them.
    named: bool,
}

/// The plugins of a run, by the scheme of their references.
pub(crate) struct Plugins(BTreeMap<String, Plugin>);

impl Plugins {
    /// Those that the command line names, with what it grants them.
    pub(crate) fn named(global: &Global) -> Result<Self, Failure> {
        let mut plugins = BTreeMap::new();
        for name in &global.plugins {
            // What is before `=` is an alias, unless it could only be part of a path.
            let (alias, name) = match name.split_once('=') {
                Some((alias, name)) if !alias.contains('/') => (Some(alias), name),
                _ => (None, name.as_str()),
            };
            let plugin = Plugin::find(name)?;
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
            if plugins.insert(scheme.clone(), plugin).is_some() {
                return Err(Failure::new(
                    "plugin/same-scheme",
                    format!("two plugins answer to `{scheme}://`"),
                )
                .help("give one of them another scheme with `--plugin ALIAS=PLUGIN`"));
            }
        }
        let mut plugins = Self(plugins);
        for grant in &global.allow {
            plugins.allow(grant)?;
        }
        Ok(plugins)
    }

    fn allow(&mut self, text: &str) -> Result<(), Failure> {
        let malformed = || {
            Failure::new("usage/grant", "a grant is `ALIAS:env=NAME`, `ALIAS:file=PATH` or `ALIAS:random`")
                .help("for example `--allow vault:env=VAULT_ADDR`")
        };
        let (alias, grant) = text.split_once(':').ok_or_else(malformed)?;
        let grant: Grant = grant.parse().map_err(|_| malformed())?;
        let plugin = self.0.get_mut(alias).ok_or_else(|| {
            Failure::new("usage/grant", format!("`--allow` names `{alias}`, which is no plugin of this run"))
                .help(format!("add `--plugin {alias}`"))
        })?;
        plugin.allowed = std::mem::take(&mut plugin.allowed).with(grant);
        Ok(())
    }

    /// Makes sure that there is a plugin for `scheme`: one that was named, or a built-in one.
    pub(crate) fn want(&mut self, scheme: &str) -> Result<(), Failure> {
        if self.0.contains_key(scheme) {
            return Ok(());
        }
        let Some(builtin) = ptrun_builtins::find(scheme) else {
            let failure =
                Failure::new("reference/unknown-scheme", format!("no plugin answers to `{scheme}://`"));
            return Err(
                failure.help(format!("name one: `--plugin ./{scheme}.wasm`, or `--plugin {scheme}=PATH`"))
            );
        };
        let plugin = Plugin { named: false, ..Plugin::builtin(builtin)? };
        self.0.insert(scheme.to_owned(), plugin);
        Ok(())
    }

    /// Whether `--plugin` named the one of this scheme.
    pub(crate) fn is_named(&self, scheme: &str) -> bool {
        self.0.get(scheme).is_some_and(|plugin| plugin.named)
    }

    /// Whether a value is a reference to a plugin of this run, or to a built-in one.
    pub(crate) fn is_reference(&self, value: &str) -> bool {
        let known = |scheme: &str| self.0.contains_key(scheme) || ptrun_builtins::find(scheme).is_some();
        SecretRef::scheme_of(value).is_some_and(known)
    }

    /// The variables that plugins will read for these references.
    pub(crate) fn variables(&self, references: &[&SecretRef]) -> Vec<String> {
        let of_one = |reference: &&SecretRef| -> Vec<String> {
            let plugin = self.0.get(reference.scheme());
            plugin.map_or_else(Vec::new, |plugin| {
                plugin.wanted(&[reference]).variables().map(str::to_owned).collect()
            })
        };
        references.iter().flat_map(of_one).collect()
    }

    pub(crate) fn into_map(self) -> BTreeMap<String, Plugin> {
        self.0
    }
}

impl Plugin {
    /// A bare name is a built-in plugin, or a file in the user's folder, or one in the working directory,
    /// in this order; anything with a slash is that file.
    pub(crate) fn find(name: &str) -> Result<Self, Failure> {
        if name.contains('/') {
            return Self::file(PathBuf::from(name));
        }
        let stem = name.strip_suffix(".wasm").unwrap_or(name);
        if let Some(builtin) = ptrun_builtins::find(stem) {
            return Self::builtin(builtin);
        }
        let file = format!("{stem}.wasm");
        let folder = user::plugins();
        let places = folder.iter().map(|folder| folder.join(&file)).chain([PathBuf::from(&file)]);
        match places.into_iter().find(|path| path.exists()) {
            Some(path) => Self::file(path),
            None => {
                let builtins: Vec<_> = ptrun_builtins::all().map(|builtin| builtin.name()).collect();
                Err(Failure::new("plugin/not-found", format!("there is no plugin `{name}`"))
                    .fact(
                        "built in",
                        if builtins.is_empty() { "none".to_owned() } else { builtins.join(", ") },
                    )
                    .fact(
                        "looked in",
                        folder.map_or_else(|| "no user folder".to_owned(), |f| f.display().to_string()),
                    )
                    .help("give the path of its file: `--plugin ./NAME.wasm`"))
            }
        }
    }

    fn builtin(builtin: Builtin) -> Result<Self, Failure> {
        // With the user's store, so that its key can be revoked.
        let verified = verify(&user::trust()?, builtin.source().read()?)?;
        Ok(Self::new(verified, "built in".to_owned(), Some(builtin)))
    }

    fn file(path: PathBuf) -> Result<Self, Failure> {
        let place = path.display().to_string();
        let verified = verify(&user::trust()?, PluginSource::file(path).read()?)?;
        Ok(Self::new(verified, place, None))
    }

    fn new(verified: Verified, place: String, builtin: Option<Builtin>) -> Self {
        Self { verified, place, builtin, allowed: Grants::none(), named: true }
    }

    /// Whether the key of the built-in plugins signed it.
    fn is_ours(&self) -> bool {
        ptrun_builtins::signer().is_some_and(|signer| self.verified.signers().contains(&signer))
    }

    /// What it asks for, as far as these references need it.
    fn wanted(&self, references: &[&SecretRef]) -> Grants {
        let asked: &Capabilities = &self.verified.manifest().capabilities;
        Grants::for_references(asked, references.iter().copied())
    }

    /// What it is given for these references, and what is missing: to a plugin of this project, what its
    /// manifest asks for; to any other, what the user granted, which must be all that it asks for.
    pub(crate) fn grants(&self, references: &[&SecretRef]) -> (Grants, Vec<Grant>) {
        let wanted = self.wanted(references);
        if self.is_ours() {
            return (wanted, Vec::new());
        }
        let missing = self.allowed.missing(&wanted);
        (self.allowed.clone(), missing)
    }

    /// Its machine code: what was built in with it, or what the compiler makes of it now.
    pub(crate) fn compile(self, runtime: &Runtime) -> Result<Compiled, LoadError> {
        match self.builtin {
            Some(builtin) => builtin.load(runtime, self.verified),
            None => runtime.compile(self.verified),
        }
    }
}

fn verify(trust: &TrustStore, plugin: Unverified) -> Result<Verified, Failure> {
    Ok(trust.verify(plugin)?)
}
