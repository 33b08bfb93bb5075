//! Whom the user trusts for what: the content of `trust.toml`.

use serde::Deserialize;

use crate::{Digest, KeyError, Manifest, ManifestError, Moment, PublicKey, Scope, untrusted};

/// Whom the user trusts, for what. An empty store trusts nobody.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    pub(crate) keys: Vec<TrustedKey>,
    thresholds: Vec<Threshold>,
    pub(crate) unsigned: Vec<Digest>,
}

/// A key that the user trusts, for some plugins and some time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustedKey {
    /// The key.
    pub key: PublicKey,
    /// The plugins that it may sign.
    pub scopes: Vec<Scope>,
    /// From when on.
    pub not_before: Option<Moment>,
    /// Until when.
    pub not_after: Option<Moment>,
    /// Whether it may sign nothing any more, and what it signed is worth nothing.
    pub revoked: bool,
    /// Whose it is, in the user's words.
    pub comment: Option<String>,
}

/// How many keys must have signed the plugins in a scope.
#[derive(Debug, Clone)]
struct Threshold {
    scope: Scope,
    signers: usize,
}

/// What speaks against a key at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Objection {
    NotYet,
    Expired,
    Revoked,
}

impl TrustedKey {
    /// Trust in `key` for the plugins in `scope`, without an end.
    #[must_use]
    pub fn new(key: PublicKey, scope: Scope) -> Self {
        let scopes = vec![scope];
        Self { key, scopes, not_before: None, not_after: None, revoked: false, comment: None }
    }

    /// Whether a plugin is in one of its scopes.
    pub(crate) fn covers(&self, manifest: &Manifest) -> bool {
        self.scopes.iter().any(|scope| scope.covers(manifest))
    }

    fn objection(&self, now: Moment) -> Option<Objection> {
        if self.revoked {
            Some(Objection::Revoked)
        } else if self.not_after.is_some_and(|end| end <= now) {
            Some(Objection::Expired)
        } else if self.not_before.is_some_and(|start| now < start) {
            Some(Objection::NotYet)
        } else {
            None
        }
    }
}

/// Why a trust store, a list of approvals or a lock file was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Not TOML, or not what such a file holds.
    #[error("line {line}: {what}")]
    Syntax {
        /// Where, counted from one.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A key in it is no key, or a weak one.
    #[error("key {index}: {why}")]
    Key {
        /// Which, counted from one.
        index: usize,
        /// What is wrong.
        why: KeyError,
    },
    /// A plugin in it makes no sense.
    #[error("plugin {name}: {why}")]
    Plugin {
        /// Its scheme, or its place, counted from one.
        name: String,
        /// What is wrong.
        why: ManifestError,
    },
    /// It was written by a newer ptrun.
    #[error("it has format {has}, and this ptrun knows format {knows}")]
    Format {
        /// Its format.
        has: u32,
        /// The one that is known.
        knows: u32,
    },
}

/// Where and how a text is not what it should be. It may come from others.
pub(crate) fn syntax(text: &str, why: &toml::de::Error) -> StoreError {
    let before = why.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    StoreError::Syntax { line: before.matches('\n').count() + 1, what: untrusted(why.message(), &[]) }
}

/// `trust.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreFile {
    #[serde(default)]
    key: Vec<KeyEntry>,
    #[serde(default)]
    threshold: Vec<ThresholdEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct KeyEntry {
    public: String,
    r#for: Vec<Scope>,
    not_before: Option<Moment>,
    not_after: Option<Moment>,
    #[serde(default)]
    revoked: bool,
    comment: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdEntry {
    r#for: Scope,
    signers: usize,
}

impl TrustStore {
    /// A store that trusts nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts `key` for the plugins in `scope`, without an end.
    pub fn add(&mut self, key: PublicKey, scope: Scope) {
        self.keys.push(TrustedKey::new(key, scope));
    }

    /// Adds the keys of a trust store's file.
    ///
    /// ```
    /// let mut trust = ptrun_trust::TrustStore::new();
    /// trust.add_toml(
    ///     r#"
    ///     [[key]]
    ///     public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    ///     for = ["acme/*"]
    ///     not-after = 2028-01-01T00:00:00Z
    ///
    ///     [[threshold]]
    ///     for = "acme/vault"
    ///     signers = 2
    ///     "#,
    /// )?;
    /// # Ok::<(), ptrun_trust::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// For anything that is not understood in full: a trust store is never read by half.
    pub fn add_toml(&mut self, text: &str) -> Result<(), StoreError> {
        let file: StoreFile = toml::from_str(text).map_err(|why| syntax(text, &why))?;
        let mut keys = Vec::new();
        for (at, entry) in file.key.into_iter().enumerate() {
            let KeyEntry { public, r#for: scopes, not_before, not_after, revoked, comment } = entry;
            let key = public.parse().map_err(|why| StoreError::Key { index: at + 1, why })?;
            keys.push(TrustedKey { key, scopes, not_before, not_after, revoked, comment });
        }
        self.keys.extend(keys);
        let thresholds = file.threshold.into_iter();
        self.thresholds
            .extend(thresholds.map(|entry| Threshold { scope: entry.r#for, signers: entry.signers }));
        Ok(())
    }

    /// Accepts the component with this content, signed by nobody. For one run, and from the user's own
    /// hand: no file can say so.
    pub fn allow_unsigned(&mut self, content: Digest) {
        self.unsigned.push(content);
    }

    /// The keys, in the order in which they were added.
    #[must_use]
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// How many keys must have signed this plugin: the largest threshold that covers it, and at least one.
    pub(crate) fn threshold(&self, manifest: &Manifest) -> usize {
        let covering = self.thresholds.iter().filter(|threshold| threshold.scope.covers(manifest));
        covering.map(|threshold| threshold.signers).max().unwrap_or(1).max(1)
    }

    /// What speaks against a key for this plugin; `None` if nothing does. A key that is revoked in one
    /// entry is revoked in all; otherwise one good entry is enough.
    pub(crate) fn objection(&self, key: PublicKey, manifest: &Manifest, now: Moment) -> Option<Objection> {
        let entries = || self.keys.iter().filter(|entry| entry.key == key);
        if entries().any(|entry| entry.revoked) {
            return Some(Objection::Revoked);
        }
        let objections = entries().filter(|entry| entry.covers(manifest)).map(|entry| entry.objection(now));
        objections.min().flatten()
    }
}
