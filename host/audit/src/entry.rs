//! What is recorded about one thing that was done.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing that was done with secrets, or was refused. Nothing in it is the value of a secret: who fills it in sees to
/// that.
///
/// It may be as long as it likes. What is written has texts of at most 1 KiB and lists that fit in a line of 1 MiB:
/// a text that was cut ends with `…[+N]`, N bytes, and [`omitted`](Self::omitted) counts what is missing in lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// When. It is written in UTC, with milliseconds: what is below them is lost.
    #[serde(with = "time")]
    pub time: Timestamp,
    /// What: the command of ptrun, `run` for example; or `repair`, in the records that the log itself adds.
    pub event: String,
    /// Whether it was done.
    pub decision: Decision,
    /// Why not: the classes of the errors, `secret/not-found` for example.
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
    /// What was left out of the lists. It is counted when the entry is written.
    #[serde(default, skip_serializing_if = "Omitted::is_nothing")]
    pub omitted: Omitted,
    /// What the log mended, in a record with the event `repair`. The log alone writes it: it is taken out of entries
    /// that are given to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repair: Option<Repair>,
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
    /// The number.
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
    /// Where it is: `scheme://key`.
    pub reference: String,
    /// Whether it was there.
    pub outcome: Outcome,
}

/// Whether a secret was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Outcome {
    /// It was.
    Found,
    /// It was not, and its default was taken.
    Default,
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
    /// Its name, with that of its publisher: `acme/vault`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The digest of its content: `sha256:…`.
    pub digest: String,
    /// The public keys that signed it, of which 16 are written.
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

/// How many elements were left out of each list, from its end, because the line would have become too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Omitted {
    /// Classes of errors.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub classes: u64,
    /// Secrets.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub secrets: u64,
    /// Plugins.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub plugins: u64,
    /// Signers of the plugins that were not left out, of all of them together.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub signers: u64,
    /// Requests.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requests: u64,
}

/// What the log mended before it went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// Bytes of a last line without an end that were removed. Somebody was killed while writing it, or the power failed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub removed: u64,
    /// How the head contradicted the log, if it did. Then lines may have been missing at the end before this one, and
    /// [`crate::verify()`] goes on saying so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<crate::Head>,
}

impl Omitted {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Entry {
    /// What this process does now, and was not yet allowed to: the decision is [`Decision::Refused`], and the lists are
    /// empty.
    #[must_use]
    pub fn new(event: &str, user: User) -> Self {
        Self {
            time: Timestamp::now(),
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
            omitted: Omitted::default(),
            repair: None,
        }
    }

    /// The entry as it is written: JSON on one line, of at most 1 MiB, in which controls and marks of direction are
    /// escaped.
    ///
    /// # Errors
    /// If it is none. There is no such entry.
    pub fn to_json(&self) -> Result<String, crate::AuditError> {
        crate::bound::text(self, crate::line::ENTRY)
    }
}

/// `2026-01-31T12:00:00.123Z`
mod time {
    use jiff::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{time:.3}"))
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>>(from: D) -> Result<Timestamp, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}
