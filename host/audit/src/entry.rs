//! What is recorded about one thing that was done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The longest text of an entry, in bytes. The rest is cut off, and `…` says so.
const LONGEST: usize = 1024;
/// The longest list of an entry.
const MOST: usize = 1000;

/// One thing that was done with secrets, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When, in UTC.
    pub time: Timestamp,
    /// What: the command of ptrun, `run` for example; or `repair`, if a line that was cut off was removed.
    pub event: String,
    /// Whether it was done.
    pub decision: Decision,
    /// Why not: the classes of the errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Who did it.
    pub user: User,
    /// The number of the process.
    pub process: u32,
    /// The name of the command that was to be started, without its arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The secrets that were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// The plugins that were asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<Plugin>,
    /// The requests that plugins sent, or wanted to send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<Request>,
    /// What was left out because a list was too long: so many elements.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u64,
    /// Bytes that were removed, of a line that was cut off.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub removed: u64,
}

/// Whether something was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// It was.
    Allowed,
    /// It was not.
    Refused,
}

/// A user of the system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The effective number.
    pub id: u32,
    /// The name, if the system has one for the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A secret that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// The name under which it was to be delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it is.
    pub reference: String,
    /// Whether it was there.
    pub outcome: Outcome,
}

/// Whether a secret was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was.
    Found,
    /// It was not, and need not be.
    Missing,
    /// It was not, or nobody got so far as to ask.
    Failed,
}

/// A plugin that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plugin {
    /// The scheme of the references that it answered to.
    pub scheme: String,
    /// Its name, with that of its publisher.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of its content.
    pub digest: String,
    /// The public keys that signed it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
}

/// A request that a plugin sent, or wanted to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The scheme of the plugin.
    pub plugin: String,
    /// The method.
    pub method: String,
    /// Where it went: scheme, host and port.
    pub origin: String,
    /// The status of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Bytes of the body that was sent.
    pub sent: u64,
    /// Bytes of the body that was received.
    pub received: u64,
    /// Why it was not sent, or has no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Entry {
    /// An entry about something that is not done yet.
    #[must_use]
    pub fn new(event: &str, user: User) -> Self {
        Self {
            time: now(),
            event: event.to_owned(),
            decision: Decision::Refused,
            classes: Vec::new(),
            user,
            process: std::process::id(),
            program: None,
            profile: None,
            secrets: Vec::new(),
            plugins: Vec::new(),
            requests: Vec::new(),
            omitted: 0,
            removed: 0,
        }
    }

    /// The same with a bounded size: nothing is left unrecorded because something is long.
    pub(crate) fn bounded(&self) -> Self {
        let mut entry = self.clone();
        let lists = [entry.classes.len(), entry.secrets.len(), entry.plugins.len(), entry.requests.len()];
        entry.omitted += lists.iter().map(|length| length.saturating_sub(MOST) as u64).sum::<u64>();
        entry.classes.truncate(MOST);
        entry.secrets.truncate(MOST);
        entry.plugins.truncate(MOST);
        entry.requests.truncate(MOST);
        let Self { event, classes, user, program, profile, secrets, plugins, requests, .. } = &mut entry;
        let single = [Some(event), user.name.as_mut(), program.as_mut(), profile.as_mut()];
        let secrets = secrets.iter_mut().flat_map(|of| [of.name.as_mut(), Some(&mut of.reference)]).flatten();
        let plugins = plugins.iter_mut().flat_map(|of| {
            of.signers.truncate(MOST);
            [&mut of.scheme, &mut of.name, &mut of.version, &mut of.digest].into_iter().chain(&mut of.signers)
        });
        let requests = requests.iter_mut().flat_map(|of| {
            [Some(&mut of.plugin), Some(&mut of.method), Some(&mut of.origin), of.failed.as_mut()]
        });
        single
            .into_iter()
            .flatten()
            .chain(classes)
            .chain(secrets)
            .chain(plugins)
            .chain(requests.flatten())
            .for_each(cut);
        entry
    }
}

/// The present, in milliseconds.
pub(crate) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

fn cut(text: &mut String) {
    if text.len() > LONGEST {
        let mark = '\u{2026}';
        let end = (0..=LONGEST - mark.len_utf8()).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push(mark);
    }
}
