//! Puts plugins into their sandboxes, each with what it is given. Nothing of them runs yet.

use std::collections::BTreeMap;

use ptrun_host::{Compiled, Grant, LoadError, Sandbox, SecretBytes, SecretRef};

use crate::both::Line;
use crate::engines::{Coded, Loaded};
use crate::plan::Wanted;
use crate::prepare::{Given, Purpose};
use crate::report::{Failure, Failures};
use crate::{credential, opener, shell};

/// The plugins of a run, by the scheme of their references.
pub(crate) type Sandboxes = BTreeMap<String, Sandbox>;

/// Secrets that plugins fetched for others, each with the scheme of that plugin.
pub(crate) type Handed = Vec<((String, Purpose), SecretBytes)>;

/// A plugin on its way.
pub(crate) enum Entering {
    Entered(Sandbox),
    /// It awaits secrets that others fetch.
    Awaits(Loaded),
}

/// What became of some plugins, each with its scheme.
pub(crate) type Share = Vec<(String, Result<Entering, Failures>)>;

/// Loads those that this thread comes to take, and puts them into sandboxes, as far as they await nothing.
pub(crate) fn share(line: Line<(String, Result<Coded, LoadError>)>) -> Share {
    let entering = |scheme: &str, coded: Result<Coded, LoadError>| {
        let loaded = coded.and_then(Coded::load).map_err(Failure::from)?;
        match loaded.awaits {
            0 => Ok(Entering::Entered(loaded.enter(scheme, Vec::new(), &[])?)),
            _ => Ok(Entering::Awaits(loaded)),
        }
    };
    line.map(|(scheme, coded)| {
        let entering = entering(&scheme, coded);
        (scheme, entering)
    })
    .collect()
}

/// All plugins of a run.
pub(crate) struct Entered {
    pub(crate) sandboxes: Sandboxes,
    awaiting: BTreeMap<String, Loaded>,
}

impl Entered {
    /// Those of all threads; or what is wrong with the first of them.
    pub(crate) fn all(mine: Share, theirs: Share) -> Result<Self, Failures> {
        let all: BTreeMap<String, Result<Entering, Failures>> = mine.into_iter().chain(theirs).collect();
        let mut entered = Self { sandboxes: Sandboxes::new(), awaiting: BTreeMap::new() };
        for (scheme, entering) in all {
            match entering? {
                Entering::Entered(sandbox) => drop(entered.sandboxes.insert(scheme, sandbox)),
                Entering::Awaits(loaded) => drop(entered.awaiting.insert(scheme, loaded)),
            }
        }
        Ok(entered)
    }

    /// Makes sure that those that fetch secrets for others await none themselves.
    pub(crate) fn can_fetch(&self, handed: &[Wanted]) -> Result<(), Failures> {
        let mut schemes = handed.iter().map(|wanted| wanted.reference.scheme());
        schemes.find(|scheme| self.awaiting.contains_key(*scheme)).map_or(Ok(()), |scheme| {
            let message =
                format!("the plugin `{scheme}` fetches a secret for another, and awaits one itself");
            Err(Failure::new("usage/credential", message)
                .help("take the secret from a plugin that needs none, such as `env`")
                .into())
        })
    }

    /// Puts those into sandboxes that awaited this. `references` is everything that will be asked for.
    pub(crate) fn hand(&mut self, mut handed: Handed, references: &[&SecretRef]) -> Result<(), Failures> {
        for (scheme, loaded) in std::mem::take(&mut self.awaiting) {
            let (theirs, others): (Handed, Handed) =
                handed.into_iter().partition(|((of, _), _)| *of == scheme);
            handed = others;
            let theirs = theirs.into_iter().map(|((_, purpose), secret)| (purpose, secret)).collect();
            let references: Vec<_> = references.iter().copied().filter(|of| of.scheme() == scheme).collect();
            let sandbox = loaded.enter(&scheme, theirs, &references)?;
            self.sandboxes.insert(scheme, sandbox);
        }
        Ok(())
    }
}

impl Loaded {
    fn enter(
        self,
        scheme: &str,
        handed: Vec<(Purpose, SecretBytes)>,
        references: &[&SecretRef],
    ) -> Result<Sandbox, Failures> {
        let Self { compiled, given, mut keys, .. } = self;
        let Given { mut grants, missing, settings, accounts } = given;
        if !missing.is_empty() {
            return Err(not_granted(scheme, &compiled, &missing).into());
        }
        let before = keys.len();
        for (purpose, secret) in handed {
            match purpose {
                Purpose::Sign => grants = credential::sign(grants, &accounts, &secret, references)?,
                Purpose::Open => keys.push(secret),
            }
        }
        if keys.len() > before {
            grants = opener::from_options(grants, &keys, references);
        }
        Ok(compiled.sandbox(grants, settings).map_err(Failure::from)?)
    }
}

/// Names what a plugin asks for and is not given, the interfaces that it would use, and what would allow it.
fn not_granted(scheme: &str, plugin: &Compiled, missing: &[Grant]) -> Failure {
    let message = format!("the plugin `{scheme}` asks for something that it is not granted");
    let mut failure = Failure::new("grant/missing", message);
    for grant in missing {
        failure = failure.fact("asks for", grant);
        failure = plugin.interfaces_for(grant).fold(failure, |failure, name| failure.fact("imports", name));
    }
    let allow: Vec<_> = missing
        .iter()
        .map(|grant| format!("--allow {}", shell::word(&format!("{scheme}:{grant}"))))
        .collect();
    failure.help(format!("if it should have this, add `{}`", allow.join(" ")))
}
