//! Which secret goes into which variable: from `--secret`, and from inherited variables whose value is a
//! reference.

use std::collections::BTreeMap;
use std::ffi::OsString;

use ptrun_host::{SecretName, SecretRef};

use crate::plugins::Plugins;
use crate::profile::Profile;
use crate::report::{Failure, Failures};

/// One secret of a run.
#[derive(Clone)]
pub(crate) struct Wanted {
    /// The variable that it goes into, if it goes into one.
    pub(crate) name: Option<SecretName>,
    pub(crate) reference: SecretRef,
}

/// The secrets of a run, in the order of their names.
pub(crate) struct Plan(Vec<(SecretName, SecretRef)>);

impl Plan {
    pub(crate) fn new(
        secrets: &[String],
        profile: &Profile,
        plugins: &mut Plugins,
    ) -> Result<Self, Failures> {
        let mut asked: BTreeMap<SecretName, SecretRef> = BTreeMap::new();
        for secret in secrets {
            let (name, reference) = parse(secret, profile)?;
            plugins.want(reference.scheme()).map_err(|failure| failure.fact("secret", &name))?;
            if asked.insert(name.clone(), reference).is_some() {
                let failure =
                    Failure::new("usage/duplicate-name", format!("two secrets are called `{name}`"));
                return Err(failure.help("give each secret a name of its own").into());
            }
        }
        let inherited = inherited(std::env::vars_os(), plugins, profile, &asked)?;
        let chained =
            |variable: &str| std::env::var(variable).is_ok_and(|value| plugins.is_reference(&value));
        let references: Vec<&SecretRef> = asked.values().chain(inherited.values()).collect();
        if let Some(variable) = plugins.variables(&references).into_iter().find(|variable| chained(variable))
        {
            let message =
                format!("the variable `{variable}` is read as a secret, and holds a reference itself");
            return Err(Failure::new("reference/chained", message)
                .help("refer to the secret where it is kept, in one step")
                .into());
        }
        asked.extend(inherited);
        if asked.is_empty() {
            return Err(Failure::new("usage/no-secrets", "no secret was asked for")
                .help("name one with `--secret NAME=SCHEME://KEY`, or start the command without ptrun")
                .into());
        }
        Ok(Self(asked.into_iter().collect()))
    }

    /// What to ask the plugins for.
    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        let wanted = |(name, reference): &(SecretName, SecretRef)| Wanted {
            name: Some(name.clone()),
            reference: reference.clone(),
        };
        self.0.iter().map(wanted).collect()
    }

    /// The variables that the answers go into, in the same order.
    pub(crate) fn into_names(self) -> impl Iterator<Item = SecretName> {
        self.0.into_iter().map(|(name, _)| name)
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
/// URLs, such as `postgres://…`, are left alone; and so is what `--secret` sets anyway.
fn inherited(
    variables: impl Iterator<Item = (OsString, OsString)>,
    plugins: &Plugins,
    profile: &Profile,
    asked: &BTreeMap<SecretName, SecretRef>,
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
        if !asked.contains_key(&name) {
            let reference = profile.reference(value).map_err(|failure| failure.fact("variable", &name))?;
            found.insert(name, reference);
        }
    }
    Ok(found)
}
