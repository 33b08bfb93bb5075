//! Lays what files say over each other.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use toml::Spanned;

use super::file::{self, File, Strings, Table};
use super::source::{Owner, Place, Source};
use super::{Config, Layer, PluginConfig, RunConfig, SecretConfig, WholeConfig, error};
use crate::profile::Profile;
use crate::report::Failure;

/// How many profiles may extend each other.
const DEEPEST: usize = 16;

/// The files are in order, the weakest first. `profile` is the one that the command line names.
pub(super) fn merge(mut files: Vec<(Arc<Source>, File)>, profile: Option<&str>) -> Result<Config, Failure> {
    let mut usual: Option<(String, Place)> = None;
    let mut audit = None;
    for (source, file) in &mut files {
        let place = |span| Place::new(source, &span);
        if let Some(version) = file.version.take().filter(|version| *version.get_ref() != 1) {
            let message = format!("`{}` has a version that this ptrun does not know", source.name());
            return Err(Failure::new("config/version", message)
                .fact("at", place(version.span()))
                .help("it is written for a newer ptrun; this one knows version 1"));
        }
        if let Some(name) = file.profile.take() {
            usual = Some((name.get_ref().clone(), place(name.span())));
        }
        if let Some(sinks) = file.audit.take() {
            users_alone(source, "audit", &place(sinks.span()))?;
            audit = Some((sinks.get_ref().0.clone(), place(sinks.span())));
        }
    }
    let profile = Profile::new(profile, usual.as_ref().map(|(name, _)| name.as_str()))
        .map_err(|failure| usual.iter().fold(failure, |failure, (_, place)| failure.fact("at", place)))?;
    let names = files.iter().map(|(source, _)| source.name().to_owned()).collect();
    let chain = match profile.name() {
        Some(name) => chain(&files, name)?,
        None => Vec::new(),
    };
    let mut config = Config {
        files: names,
        profile,
        run: RunConfig::default(),
        plugins: BTreeMap::new(),
        secrets: BTreeMap::new(),
        from: Vec::new(),
        audit,
    };
    for layer in files.into_iter().flat_map(|(source, file)| layers(&source, file, &chain)) {
        config.lay(layer)?;
    }
    Ok(config)
}

/// A profile and those that it extends, the weakest first.
fn chain(files: &[(Arc<Source>, File)], name: &str) -> Result<Vec<String>, Failure> {
    let mut known: Vec<&str> = Vec::new();
    for (_, file) in files {
        known.extend(file.profiles.keys().map(|name| name.get_ref().as_str()));
    }
    let mut chain = vec![name.to_owned()];
    let mut place: Option<Place> = None;
    loop {
        let last = chain.last().map_or(name, String::as_str).to_owned();
        let is_known = known.contains(&last.as_str());
        // Without any profile in a file, it only stands for `{profile}`.
        if !is_known && (place.is_some() || !known.is_empty()) {
            let failure = Failure::new("config/profile", format!("there is no profile `{last}`"));
            let failure = place.iter().fold(failure, |failure, place| failure.fact("at", place));
            return Err(match error::similar(&last, known.iter().copied()) {
                Some(similar) => failure.help(format!("did you mean `{similar}`?")),
                None => failure.help(format!("there is {}", error::list(&known))),
            });
        }
        let extends = files.iter().rev().find_map(|(source, file)| {
            let profile = file.profiles.iter().find(|(name, _)| *name.get_ref() == last)?.1;
            let extends = profile.extends.as_ref()?;
            Some((extends.get_ref().clone(), Place::new(source, &extends.span())))
        });
        let Some((next, at)) = extends else { break };
        if chain.contains(&next) || chain.len() >= DEEPEST {
            return Err(Failure::new("config/profile", format!("the profile `{next}` extends itself"))
                .fact("at", at)
                .help("remove one `extends`"));
        }
        chain.push(next);
        place = Some(at);
    }
    chain.reverse();
    Ok(chain)
}

/// What a file says, and what it says for each of the profiles.
fn layers(source: &Arc<Source>, file: File, chain: &[String]) -> Vec<Layer> {
    let File { run, plugins, secrets, from, mut profiles, .. } = file;
    let mut layers = vec![Layer { source: Arc::clone(source), run, plugins, secrets, from }];
    for name in chain {
        let key = profiles.keys().find(|key| key.get_ref() == name).cloned();
        if let Some(file::Profile { run, plugins, secrets, from, .. }) =
            key.and_then(|key| profiles.remove(&key))
        {
            layers.push(Layer { source: Arc::clone(source), run, plugins, secrets, from });
        }
    }
    layers
}

/// Refuses what a project cannot say.
fn users_alone(source: &Source, what: &str, place: &Place) -> Result<(), Failure> {
    match source.owner {
        Owner::User => Ok(()),
        Owner::Project => Err(not_here(what, place)),
    }
}

fn not_here(what: &str, place: &Place) -> Failure {
    Failure::new("config/not-here", format!("`{what}` is for you to say, and not for a project"))
        .fact("at", place)
        .help("put it into `config.toml` in `$XDG_CONFIG_HOME/ptrun`, or on the command line")
}

impl Config {
    fn lay(&mut self, layer: Layer) -> Result<(), Failure> {
        let Layer { source, run, plugins, secrets, from } = layer;
        self.run.lay(&source, run)?;
        for (name, plugin) in plugins {
            let place = Place::new(&source, &name.span());
            let new = || PluginConfig::new(place);
            self.plugins.entry(name.into_inner()).or_insert_with(new).lay(&source, plugin)?;
        }
        for (name, secret) in secrets {
            let place = Place::new(&source, &name.span());
            let name = name.into_inner();
            let name = name.parse().map_err(|why| Failure::from(why).fact("at", &place))?;
            let file::Secret { reference, required, default, inject } = secret.into_inner();
            let reference = self
                .profile
                .reference(&reference)
                .map_err(|failure| failure.fact("secret", &name).fact("at", &place))?;
            self.secrets.insert(name, SecretConfig { reference, required, default, inject, place });
        }
        for whole in from {
            let place = Place::new(&source, &whole.span());
            let file::Whole { reference, prefix, upper } = whole.into_inner();
            let reference =
                self.profile.reference(&reference).map_err(|failure| failure.fact("at", &place))?;
            self.from.push(WholeConfig { reference, prefix, upper, place: Some(place) });
        }
        Ok(())
    }
}

/// `@PATH`, from the folder of the file that it stands in.
fn below(place: &Place, text: String) -> String {
    match text.strip_prefix('@') {
        Some(path) if !path.is_empty() => format!("@{}", place.folder().join(path).display()),
        _ => text,
    }
}

impl RunConfig {
    fn lay(&mut self, source: &Arc<Source>, run: file::Run) -> Result<(), Failure> {
        let file::Run { inject, timeout, pristine, keep, supervise } = run;
        self.inject = inject.or(self.inject);
        if let Some(text) = timeout {
            let time = text.get_ref().parse::<SignedDuration>().ok().and_then(|time| time.try_into().ok());
            let bad = || {
                Failure::new("config/type", format!("`{}` has a wrong value: expected a time", source.name()))
                    .fact("at", Place::new(source, &text.span()))
                    .help("for example `500ms`, `30s` or `2m`")
            };
            self.timeout = Some(time.filter(|time: &Duration| !time.is_zero()).ok_or_else(bad)?);
        }
        self.pristine = pristine.unwrap_or(self.pristine);
        self.keep = keep.unwrap_or_else(|| std::mem::take(&mut self.keep));
        self.supervise = supervise.unwrap_or(self.supervise);
        Ok(())
    }
}

impl PluginConfig {
    const fn new(place: Place) -> Self {
        Self {
            place,
            path: None,
            settings: BTreeMap::new(),
            keys: Vec::new(),
            keys_of_project: None,
            credential: None,
            allow: Vec::new(),
            limits: Vec::new(),
        }
    }

    fn lay(&mut self, source: &Arc<Source>, plugin: file::Plugin) -> Result<(), Failure> {
        let file::Plugin { path, config, key, credential, allow, limits } = plugin;
        let place = |span| Place::new(source, &span);
        if let Some(path) = path {
            self.place = place(path.span());
            self.path = Some(self.place.folder().join(path.into_inner()));
        }
        for (name, value) in config {
            // Where signed requests go is not for others to say.
            if name.get_ref() == "endpoint" {
                users_alone(source, "endpoint", &place(name.span()))?;
            }
            self.settings.insert(name.into_inner(), value);
        }
        if let Some(keys) = key {
            let at = place(keys.span());
            self.keys_of_project = (at.owner() == Owner::Project).then(|| at.clone());
            let Strings(keys) = keys.into_inner();
            self.keys = keys.into_iter().map(|key| (below(&at, key), at.clone())).collect();
        }
        if let Some(credential) = credential {
            let at = place(credential.span());
            users_alone(source, "credential", &at)?;
            self.credential = Some((below(&at, credential.into_inner()), at));
        }
        if let Some(grants) = allow {
            let at = place(grants.span());
            users_alone(source, "allow", &at)?;
            let Strings(grants) = grants.into_inner();
            self.allow = grants.into_iter().map(|grant| (grant, at.clone())).collect();
        }
        self.lay_limits(source, limits)
    }

    fn lay_limits(&mut self, source: &Arc<Source>, limits: Table<String>) -> Result<(), Failure> {
        for (name, value) in limits {
            let at = Place::new(source, &Spanned::span(&name));
            users_alone(source, "limits", &at)?;
            self.limits.push((name.into_inner(), value, at));
        }
        Ok(())
    }
}
