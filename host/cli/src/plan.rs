//! Which secret goes where: from `--secret` and `--from`, from inherited variables whose value is a reference, and
//! from files.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use ptrun_audit::Outcome;
use ptrun_host::{SecretBytes, SecretName, SecretRef};

use crate::args::SecretArgs;
use crate::config::{Config, Inject, Place, SecretConfig, WholeConfig};
use crate::deliver::Delivered;
use crate::plugins::Plugins;
use crate::profile::Profile;
use crate::report::{Failure, Failures};

/// One secret of a run, as plugins are asked for it.
#[derive(Clone)]
pub(crate) struct Wanted {
    /// The variable that it goes into, if it goes into one.
    pub(crate) name: Option<SecretName>,
    pub(crate) reference: SecretRef,
    /// Whether it is an error if there is no such secret.
    pub(crate) required: bool,
    /// Where a file says so.
    pub(crate) place: Option<Place>,
}

impl Wanted {
    /// A secret without a name.
    pub(crate) const fn one(reference: SecretRef) -> Self {
        Self { name: None, reference, required: true, place: None }
    }
}

/// Who wants a secret.
#[derive(Clone)]
pub(crate) enum Origin {
    Option,
    Variable,
    File(Place),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option => f.write_str("command line"),
            Self::Variable => f.write_str("environment"),
            Self::File(place) => place.fmt(f),
        }
    }
}

/// One secret, and how it is delivered.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) reference: SecretRef,
    pub(crate) required: bool,
    pub(crate) default: Option<String>,
    pub(crate) inject: Option<Inject>,
    pub(crate) origin: Origin,
}

/// The secrets of a run.
pub(crate) struct Plan {
    /// In the order of their names.
    pub(crate) entries: BTreeMap<SecretName, Entry>,
    /// Objects whose members are secrets, the weakest first.
    pub(crate) wholes: Vec<WholeConfig>,
}

impl Plan {
    pub(crate) fn new(args: &SecretArgs, config: &Config, plugins: &mut Plugins) -> Result<Self, Failures> {
        let mut entries: BTreeMap<SecretName, Entry> = BTreeMap::new();
        for (name, secret) in &config.secrets {
            entries.insert(name.clone(), Entry::configured(secret));
        }
        let mut given: BTreeMap<SecretName, SecretRef> = BTreeMap::new();
        for secret in &args.secrets {
            let (name, reference) = parse(secret, &config.profile)?;
            if given.insert(name.clone(), reference).is_some() {
                let failure =
                    Failure::new("usage/duplicate-name", format!("two secrets are called `{name}`"));
                return Err(failure.help("give each secret a name of its own").into());
            }
        }
        let inherited = inherited(std::env::vars_os(), plugins, &config.profile, &given)?;
        for (references, origin) in [(inherited, Origin::Variable), (given, Origin::Option)] {
            let required = |(name, reference)| (name, Entry::required(reference, origin.clone()));
            entries.extend(references.into_iter().map(required));
        }
        let mut wholes = config.from.clone();
        for text in &args.from {
            let reference = config.profile.reference(text)?;
            let (prefix, upper) = (args.prefix.clone().unwrap_or_default(), args.upper);
            wholes.push(WholeConfig { reference, prefix, upper, place: None });
        }
        if entries.is_empty() && wholes.is_empty() {
            return Err(Failure::new("usage/no-secrets", "no secret was asked for")
                .help("name one with `--secret NAME=SCHEME://KEY`, or in `ptrun.toml`, which `ptrun init` writes")
                .into());
        }
        let mut plan = Self { entries, wholes };
        plan.find_plugins(plugins)?;
        plan.refuse_chains(plugins)?;
        Ok(plan)
    }

    /// Finds the plugins, each of which knows what is a path in its references.
    fn find_plugins(&mut self, plugins: &mut Plugins) -> Result<(), Failures> {
        for (name, entry) in &self.entries {
            if !plugins.answers(entry.reference.scheme()) {
                let failure = Plugins::unknown(entry.reference.scheme()).fact("secret", name);
                return Err(entry
                    .place()
                    .iter()
                    .fold(failure, |failure, place| failure.fact("at", place))
                    .into());
            }
        }
        plugins.want(&self.references().map(|reference| reference.scheme().to_owned()).collect())?;
        for entry in self.entries.values_mut() {
            if let Origin::File(place) = &entry.origin {
                entry.reference = plugins.based(entry.reference.clone(), place.folder());
            }
        }
        for whole in &mut self.wholes {
            if let Some(place) = &whole.place {
                whole.reference = plugins.based(whole.reference.clone(), place.folder());
            }
        }
        Ok(())
    }

    fn refuse_chains(&self, plugins: &Plugins) -> Result<(), Failure> {
        let chained =
            |variable: &str| std::env::var(variable).is_ok_and(|value| plugins.is_reference(&value));
        let references: Vec<&SecretRef> = self.references().collect();
        match plugins.variables(&references).into_iter().find(|variable| chained(variable)) {
            None => Ok(()),
            Some(variable) => {
                let message =
                    format!("the variable `{variable}` is read as a secret, and holds a reference itself");
                Err(Failure::new("reference/chained", message)
                    .help("refer to the secret where it is kept, in one step"))
            }
        }
    }

    fn references(&self) -> impl Iterator<Item = &SecretRef> {
        let wholes = self.wholes.iter().map(|whole| &whole.reference);
        self.entries.values().map(|entry| &entry.reference).chain(wholes)
    }

    /// What to ask the plugins for.
    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        let entries = self.entries.iter().map(|(name, entry)| Wanted {
            name: Some(name.clone()),
            reference: entry.reference.clone(),
            required: entry.required && entry.default.is_none(),
            place: entry.place().cloned(),
        });
        let wholes = self.wholes.iter().map(|whole| Wanted {
            name: None,
            reference: whole.reference.clone(),
            required: true,
            place: whole.place.clone(),
        });
        entries.chain(wholes).collect()
    }

    /// What became of each, with the answers in the order of [`wanted`](Self::wanted).
    pub(crate) fn outcomes<'a>(
        &'a self,
        found: impl Iterator<Item = bool> + 'a,
    ) -> impl Iterator<Item = Outcome> + 'a {
        let defaults = self.entries.values().map(|entry| entry.default.is_some());
        found.zip(defaults.chain(std::iter::repeat(false))).map(|(found, default)| match (found, default) {
            (true, _) => Outcome::Found,
            (false, true) => Outcome::Default,
            (false, false) => Outcome::Missing,
        })
    }

    /// What is delivered, with the answers in the order of [`wanted`](Self::wanted). A secret with a name of its own
    /// is stronger than a member of an object, and a later object than an earlier one. What does not say how it is
    /// delivered is delivered as `usual`.
    pub(crate) fn deliver(
        self,
        mut answers: Vec<Option<SecretBytes>>,
        usual: Inject,
    ) -> Result<Vec<Delivered>, Failures> {
        let of_wholes = answers.split_off(self.entries.len());
        let mut delivered: BTreeMap<SecretName, Delivered> = BTreeMap::new();
        for (whole, answer) in self.wholes.iter().zip(of_wholes) {
            for (name, value) in answer.map(|object| whole.members(&object)).transpose()?.unwrap_or_default()
            {
                delivered.insert(name.clone(), Delivered { name, value, inject: usual });
            }
        }
        for ((name, entry), answer) in self.entries.into_iter().zip(answers) {
            let default = || entry.default.map(|text| SecretBytes::new(text.into_bytes()));
            match answer.or_else(default) {
                Some(value) => {
                    let inject = entry.inject.unwrap_or(usual);
                    delivered.insert(name.clone(), Delivered { name, value, inject });
                }
                None => {
                    delivered.remove(&name);
                }
            }
        }
        Ok(delivered.into_values().collect())
    }
}

impl Entry {
    const fn required(reference: SecretRef, origin: Origin) -> Self {
        Self { reference, required: true, default: None, inject: None, origin }
    }

    fn configured(secret: &SecretConfig) -> Self {
        let SecretConfig { reference, required, default, inject, place } = secret.clone();
        Self { reference, required, default, inject, origin: Origin::File(place) }
    }

    const fn place(&self) -> Option<&Place> {
        match &self.origin {
            Origin::File(place) => Some(place),
            _ => None,
        }
    }
}

impl WholeConfig {
    /// The members of an object, by the name of the variable that each goes into.
    fn members(&self, object: &SecretBytes) -> Result<Vec<(SecretName, SecretBytes)>, Failure> {
        let place = |failure: Failure| {
            let failure = failure.fact("reference", &self.reference);
            self.place.iter().fold(failure, |failure, place| failure.fact("at", place))
        };
        let members = ptrun_host::members(object, self.reference.format());
        let members = members.map_err(|why| place(ptrun_host::SecretError::from(why).into()))?;
        members
            .into_iter()
            .map(|(member, value)| {
                let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
                let member = if self.upper { member.chars().map(plain).collect() } else { member };
                let name = format!("{}{member}", self.prefix).parse();
                let name = name.map_err(|why| place(Failure::from(why).fact("member", &member)))?;
                Ok((name, value))
            })
            .collect()
    }
}

/// `NAME=REF`. Nothing of it is repeated in an error: it may be a secret that was put there by mistake.
fn parse(secret: &str, profile: &Profile) -> Result<(SecretName, SecretRef), Failure> {
    let Some((name, reference)) = secret.split_once('=') else {
        return Err(Failure::new("usage/secret", "a secret is asked for as `NAME=SCHEME://KEY`")
            .help("for example `--secret TOKEN=env://CI_TOKEN`"));
    };
    let name: SecretName = name.parse()?;
    let reference = profile.reference(reference).map_err(|failure| failure.fact("secret", &name))?;
    Ok((name, reference))
}

/// The variables of this process whose value is a reference to a plugin that was named for this run. Other
/// URLs, such as `postgres://…`, are left alone; and so is what the command line sets anyway.
fn inherited(
    variables: impl Iterator<Item = (OsString, OsString)>,
    plugins: &Plugins,
    profile: &Profile,
    given: &BTreeMap<SecretName, SecretRef>,
) -> Result<BTreeMap<SecretName, SecretRef>, Failure> {
    let mut found = BTreeMap::new();
    for (name, value) in variables {
        let (Some(name), Some(value)) = (name.to_str(), value.to_str()) else {
            continue;
        };
        if !SecretRef::scheme_of(value).is_some_and(|scheme| plugins.is_named(scheme)) {
            continue;
        }
        let name: SecretName = name.parse().map_err(|error| Failure::from(error).fact("variable", name))?;
        if !given.contains_key(&name) {
            let reference = profile.reference(value).map_err(|failure| failure.fact("variable", &name))?;
            found.insert(name, reference);
        }
    }
    Ok(found)
}
