//! Whether a plugin may run. The built-in ones may; those of others if the user approved them, with what
//! they ask for; and an unsigned one if the command line names its content.

use std::io::{IsTerminal as _, Write as _};

use ptrun_host::{Change, Code, Grant, Grants, LoadError, Pin, Runtime, SecretRef, Standing, Use, Verified};

use crate::found::Found;
use crate::lock::{Policy, ProjectLock};
use crate::report::{Failure, Failures};
use crate::{shell, user};

/// A plugin that may run. Only [`gate`] and [`Approved::ours`] make one.
pub(crate) struct Approved {
    found: Found,
    /// Whether it is given what its manifest asks for, or only what the command line grants.
    as_asked: bool,
}

impl Approved {
    /// A plugin of ptrun itself needs no approval.
    pub(crate) fn ours(found: Found) -> Option<Self> {
        found.is_ours().then_some(Self { found, as_asked: true })
    }

    pub(crate) const fn verified(&self) -> &Verified {
        &self.found.verified
    }

    /// Whether it is a plugin of ptrun itself.
    pub(crate) fn is_ours(&self) -> bool {
        self.found.is_ours()
    }

    /// What it asks for to be used in this way, as far as these references need it.
    pub(crate) fn wanted(&self, purpose: Use, references: &[&SecretRef]) -> Grants {
        let asked = &self.verified().manifest().capabilities;
        Grants::for_references(asked, purpose, references.iter().copied())
    }

    /// What it is given of what it wants, and what is missing.
    pub(crate) fn grants(&self, allowed: &Grants, wanted: Grants) -> (Grants, Vec<Grant>) {
        if self.as_asked {
            return (wanted.and(allowed.clone()), Vec::new());
        }
        (allowed.clone().signed_as(&wanted), allowed.missing(&wanted))
    }

    /// Where it was found, for people.
    pub(crate) fn place(&self) -> &str {
        &self.found.place
    }

    /// Whether its machine code came with ptrun.
    pub(crate) const fn is_built_in(&self) -> bool {
        self.found.is_built_in()
    }

    pub(crate) fn code(self, runtime: &Runtime) -> Result<Code, LoadError> {
        self.found.code(runtime)
    }
}

/// Lets plugins through, each with the scheme that it answers to. All or none: nothing is asked or written
/// down before every one of them passed, or only waits for the user's word.
pub(crate) fn gate(found: Vec<(String, Found)>, policy: Policy) -> Result<Vec<(String, Approved)>, Failures> {
    let mut approved = Vec::new();
    let mut others = Vec::new();
    for (scheme, found) in found {
        if found.is_ours() {
            approved.extend(Approved::ours(found).map(|ours| (scheme, ours)));
        } else {
            others.push((scheme, Pin::of(&found.verified), found));
        }
    }
    if others.is_empty() {
        return Ok(approved);
    }

    let approvals = user::approvals()?;
    let mut lock = ProjectLock::find(policy)?;
    let mut failures = Vec::new();
    let (mut to_ask, mut to_record) = (Vec::new(), Vec::new());
    for (scheme, plugin, found) in &others {
        if let Err(failure) = lock.check(scheme, &found.place, plugin) {
            failures.push(failure);
            continue;
        }
        // The command line named its content.
        if plugin.signers.is_empty() {
            continue;
        }
        match approvals.standing(plugin) {
            Standing::Known => {}
            Standing::Update => to_record.push(plugin.clone()),
            Standing::New => to_ask.push((plugin, found.place.as_str())),
            standing => failures.push(unapproved(&found.place, plugin, &standing)),
        }
    }
    for (plugin, place) in to_ask {
        if failures.is_empty() && confirmed("It has not run for you before.", place, plugin) {
            to_record.push(plugin.clone());
        } else {
            failures.push(unapproved(place, plugin, &Standing::New));
        }
    }
    if !failures.is_empty() {
        return Err(Failures::new(failures));
    }
    record(to_record)?;
    lock.save()?;
    approved.extend(
        others.into_iter().map(|(scheme, plugin, found)| {
            (scheme, Approved { found, as_asked: !plugin.signers.is_empty() })
        }),
    );
    Ok(approved)
}

/// Writes down that the user approved these.
pub(crate) fn record(plugins: Vec<Pin>) -> Result<(), Failure> {
    if plugins.is_empty() {
        return Ok(());
    }
    user::APPROVED.change(|before| {
        let mut approvals = ptrun_host::Approvals::parse(before)?;
        for plugin in plugins {
            approvals.approve(plugin);
        }
        Ok(approvals.to_string())
    })
}

/// What a user wants to know about a plugin before it runs.
pub(crate) fn described(place: &str, plugin: &Pin) -> Vec<(&'static str, String)> {
    let mut facts = vec![("plugin", format!("{} {} ({place})", plugin.full_name(), plugin.version))];
    facts.extend(plugin.signers.iter().map(|key| ("signer", key.to_string())));
    facts.push(("digest", plugin.digest.to_string()));
    let asks = plugin.capabilities.requests();
    facts.extend(asks.map(|request| ("asks for", request)));
    if facts.iter().all(|(name, _)| *name != "asks for") {
        facts.push(("asks for", "nothing".to_owned()));
    }
    facts
}

/// Says what a plugin is, and how it differs from what is remembered.
pub(crate) fn with_facts(failure: Failure, place: &str, plugin: &Pin, standing: &Standing) -> Failure {
    let changes = match standing {
        Standing::Changed(changes) => changes.as_slice(),
        _ => &[],
    };
    let failure = described(place, plugin)
        .into_iter()
        .fold(failure, |failure, (name, value)| failure.fact(name, value));
    changes.iter().fold(failure, |failure, change| failure.fact("change", change))
}

/// Why a plugin does not run, and the command that would let it, for this very content.
pub(crate) fn unapproved(place: &str, plugin: &Pin, standing: &Standing) -> Failure {
    let name = plugin.full_name();
    let (class, message) = match standing {
        Standing::Changed(changes) if changes.iter().any(|change| matches!(change, Change::Older { .. })) => {
            ("trust/rollback", format!("the plugin `{name}` is older than the one that you approved"))
        }
        Standing::Changed(_) => {
            ("trust/changed", format!("the plugin `{name}` is not what you approved under this name"))
        }
        _ => ("trust/unapproved", format!("you have not approved the plugin `{name}`")),
    };
    let command = format!("ptrun plugin trust {} --digest {}", shell::word(place), plugin.digest);
    with_facts(Failure::new(class, message), place, plugin, standing)
        .help(format!("if it may run and have this, run `{command}`"))
}

/// Shows a plugin on the terminal, and asks. No terminal, no question, and no.
pub(crate) fn confirmed(why: &str, place: &str, plugin: &Pin) -> bool {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return false;
    }
    let mut text = format!("{why}\n");
    for (name, value) in described(place, plugin) {
        text.push_str(&format!("  {name}: {value}\n"));
    }
    text.push_str("Let it run, and give it this? [y/N] ");
    let mut answer = String::new();
    std::io::stderr().write_all(text.as_bytes()).is_ok()
        && std::io::stdin().read_line(&mut answer).is_ok()
        && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
}
