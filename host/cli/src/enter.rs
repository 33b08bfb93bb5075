//! Puts plugins into their sandboxes, each with what it is given. Nothing of them runs yet.

use std::collections::BTreeMap;
use std::rc::Rc;

use ptrun_host::{Compiled, Grant, LoadError, Sandbox, SecretBytes, SecretRef};

use crate::engines::{Coded, Loaded};
use crate::prepare::{Given, Purpose};
use crate::report::{Failure, Failures};
use crate::{credential, opener, shell};

/// Secrets that plugins fetched for others, each with the scheme of that plugin.
pub(crate) type Handed = Vec<((String, Purpose), SecretBytes)>;

/// A plugin on its way.
pub(crate) enum Entering {
    Entered(Sandbox),
    /// It awaits secrets that others fetch.
    Awaits(Loaded),
}

/// What became of a plugin, with the scheme of its references.
pub(crate) type Arrival = (String, Result<Entering, Failures>);

/// Loads a plugin, and puts it into its sandbox, if it awaits nothing.
pub(crate) fn enter((scheme, coded): (String, Result<Coded, LoadError>)) -> Arrival {
    let loaded = coded.and_then(Coded::load).map_err(|why| Failure::from(why).into());
    let entering = loaded.and_then(|loaded| match loaded.awaits {
        0 => loaded.enter(&scheme, Vec::new(), &[]).map(Entering::Entered),
        _ => Ok(Entering::Awaits(loaded)),
    });
    (scheme, entering)
}

/// The plugins of a run that have arrived, by the scheme of their references.
#[derive(Default)]
pub(crate) struct Entered {
    pub(crate) sandboxes: BTreeMap<String, Rc<Sandbox>>,
    awaiting: BTreeMap<String, Loaded>,
}

impl Entered {
    /// The plugin in its sandbox, unless it awaits something.
    pub(crate) fn add(&mut self, scheme: &str, entering: Entering) -> Option<Rc<Sandbox>> {
        match entering {
            Entering::Entered(sandbox) => {
                let sandbox = Rc::new(sandbox);
                self.sandboxes.insert(scheme.to_owned(), Rc::clone(&sandbox));
                Some(sandbox)
            }
            Entering::Awaits(loaded) => {
                self.awaiting.insert(scheme.to_owned(), loaded);
                None
            }
        }
    }

    /// One that fetches secrets for others; it must await none itself.
    pub(crate) fn fetcher(&self, scheme: &str) -> Result<&Sandbox, Failure> {
        self.sandboxes.get(scheme).map(|sandbox| &**sandbox).ok_or_else(|| {
            let message =
                format!("the plugin `{scheme}` fetches a secret for another, and awaits one itself");
            Failure::new("usage/credential", message)
                .help("take the secret from a plugin that needs none, such as `env`")
        })
    }

    /// Puts those into sandboxes that awaited this: each with its scheme. `references` is everything that will be asked for.
    pub(crate) fn hand(
        &mut self,
        mut handed: Handed,
        references: &[&SecretRef],
    ) -> Result<Vec<(String, Rc<Sandbox>)>, Failures> {
        let mut entered = Vec::new();
        for (scheme, loaded) in std::mem::take(&mut self.awaiting) {
            let (theirs, others): (Handed, Handed) =
                handed.into_iter().partition(|((of, _), _)| *of == scheme);
            handed = others;
            let theirs = theirs.into_iter().map(|((_, purpose), secret)| (purpose, secret)).collect();
            let references: Vec<_> = references.iter().copied().filter(|of| of.scheme() == scheme).collect();
            let sandbox = Entering::Entered(loaded.enter(&scheme, theirs, &references)?);
            entered.extend(self.add(&scheme, sandbox).map(|sandbox| (scheme, sandbox)));
        }
        Ok(entered)
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
