//! What is remembered of a plugin: what the user approved, and what a project's lock file pins.

use std::fmt;

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::{Capabilities, Digest, ManifestError, Name, PublicKey, Verified};

/// What a plugin was when somebody last looked at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Pin {
    /// Who publishes it.
    pub publisher: Name,
    /// What it is called.
    pub name: Name,
    /// Its version.
    pub version: Version,
    /// Its place among the releases of its publisher.
    pub sequence: u64,
    /// Its content.
    pub digest: Digest,
    /// The trusted keys that had signed it.
    pub signers: Vec<PublicKey>,
    /// What it asked for, all of which it is given.
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub capabilities: Capabilities,
}

fn is_nothing(capabilities: &Capabilities) -> bool {
    *capabilities == Capabilities::default()
}

/// Something about a plugin that somebody has to decide about.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It is another plugin altogether.
    Name {
        /// What it was called.
        was: String,
        /// What it is called.
        is: String,
    },
    /// A key that had signed what is remembered did not sign this.
    Signer(PublicKey),
    /// It asks for more.
    Wider(String),
    /// It is an older release.
    Older {
        /// The sequence that is remembered.
        was: u64,
        /// Its own.
        is: u64,
    },
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { was, is } => write!(f, "it was `{was}`, and is `{is}`"),
            Self::Signer(key) => write!(f, "the key {key} has not signed it"),
            Self::Wider(request) => write!(f, "it asks for {request} in addition"),
            Self::Older { was, is } => write!(f, "its sequence was {was}, and is {is}"),
        }
    }
}

/// How a plugin stands to what is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// It is what is remembered.
    Known,
    /// Another release by the same signers, no older, that asks for nothing more.
    Update,
    /// Nothing is remembered.
    New,
    /// Somebody has to decide, because of these.
    Changed(Vec<Change>),
}

impl Pin {
    /// What there is to remember of a plugin.
    #[must_use]
    pub fn of(plugin: &Verified) -> Self {
        let manifest = plugin.manifest();
        Self {
            publisher: manifest.publisher.clone(),
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            sequence: manifest.sequence,
            digest: plugin.digest(),
            signers: plugin.signers().to_vec(),
            capabilities: manifest.capabilities.clone(),
        }
    }

    /// `publisher/name`.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.publisher, self.name)
    }

    pub(crate) fn check(&self) -> Result<(), ManifestError> {
        self.capabilities.check()
    }

    pub(crate) fn is_same_plugin(&self, other: &Self) -> bool {
        (&self.publisher, &self.name) == (&other.publisher, &other.name)
    }

    /// How `plugin` stands to this.
    #[must_use]
    pub fn standing(&self, plugin: &Self) -> Standing {
        let changes = self.changes(plugin);
        match changes.as_slice() {
            [] if self.digest == plugin.digest => Standing::Known,
            [] => Standing::Update,
            _ => Standing::Changed(changes),
        }
    }

    /// What about `plugin` is more than an update.
    fn changes(&self, plugin: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        if !self.is_same_plugin(plugin) {
            changes.push(Change::Name { was: self.full_name(), is: plugin.full_name() });
        }
        let gone = self.signers.iter().filter(|key| !plugin.signers.contains(key));
        changes.extend(gone.copied().map(Change::Signer));
        let had: Vec<String> = self.capabilities.requests().collect();
        let more = plugin.capabilities.requests().filter(|request| !had.contains(request));
        changes.extend(more.map(Change::Wider));
        if plugin.sequence < self.sequence {
            changes.push(Change::Older { was: self.sequence, is: plugin.sequence });
        }
        changes
    }
}
