//! Whom the user trusts for what, and the one way from bytes to a [`Verified`] plugin.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

use crate::envelope::{self, Envelope, Signed};
use crate::manifest::{Manifest, ManifestError};
use crate::sign::is_custom;
use crate::wasm::{self, Malformed};
use crate::{KeyError, MANIFEST_SECTION, Name, PublicKey, Unverified};

/// Why a plugin is not trusted. In each, `plugin` is what it was called when it was read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Not a WebAssembly component: text, a core module, compiled code, half a file.
    #[error("`{plugin}` is not a WebAssembly component")]
    NotAComponent {
        /// The plugin.
        plugin: String,
    },
    /// A component without a signature.
    #[error("the plugin `{plugin}` is not signed")]
    Unsigned {
        /// The plugin.
        plugin: String,
    },
    /// A signature section, or a file around it, that is not in the strict profile.
    #[error("the plugin `{plugin}` {what}")]
    Malformed {
        /// The plugin.
        plugin: String,
        /// What is wrong, in words that follow the name.
        what: &'static str,
    },
    /// The content is not what was signed.
    #[error("the plugin `{plugin}` was altered after it was signed")]
    Altered {
        /// The plugin.
        plugin: String,
    },
    /// The manifest is missing, makes no sense, or is there twice.
    #[error("the manifest of the plugin `{plugin}` is wrong: {why}")]
    Manifest {
        /// The plugin.
        plugin: String,
        /// What is wrong.
        why: ManifestError,
    },
    /// There is no manifest.
    #[error("the plugin `{plugin}` has no manifest")]
    NoManifest {
        /// The plugin.
        plugin: String,
    },
    /// No key that the user trusts made any of the signatures.
    #[error("the plugin `{plugin}` is signed by a key that you do not trust")]
    UnknownSigner {
        /// The plugin.
        plugin: String,
        /// The key that did sign, if the signature names it.
        signer: Option<PublicKey>,
        /// `publisher/name`, as the plugin itself has it.
        claims: String,
    },
    /// A trusted key made the signature, and may not speak for this name.
    #[error("the plugin `{plugin}` calls itself `{claims}`, for which you do not trust its signer")]
    OutOfScope {
        /// The plugin.
        plugin: String,
        /// The key that signed.
        signer: PublicKey,
        /// `publisher/name`, as the plugin itself has it.
        claims: String,
    },
}

/// A plugin whose signature was checked: these bytes, from a key that the user trusts for this name.
///
/// Only [`TrustStore::verify`] makes one.
pub struct Verified {
    origin: String,
    bytes: Cow<'static, [u8]>,
    digest: Digest,
    signer: PublicKey,
    manifest: Manifest,
}

impl Verified {
    /// What messages call it.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The component: the very bytes that were checked.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What was signed.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The key that signed.
    #[must_use]
    pub const fn signer(&self) -> PublicKey {
        self.signer
    }

    /// What the plugin says about itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }
}

impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verified({}, {}, {})", self.origin, self.manifest.full_name(), self.digest)
    }
}

/// SHA-256 of a component without its preamble and its signature section: of exactly what is signed. It
/// stays the same when a signature is added. Prints as `sha256:` and 64 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", hex::encode(self.0))
    }
}

/// Which plugins a key may sign: `acme/vault`, `acme/*`, or `*/*` for all.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Scope {
    publisher: Option<Name>,
    name: Option<Name>,
}

/// Why some text is no scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a scope is `publisher/name`, where each part may be `*`")]
pub struct ScopeError;

impl Scope {
    /// Whether the plugin that calls itself this is in the scope.
    #[must_use]
    pub fn covers(&self, manifest: &Manifest) -> bool {
        self.publisher.as_ref().is_none_or(|publisher| *publisher == manifest.publisher)
            && self.name.as_ref().is_none_or(|name| *name == manifest.name)
    }
}

impl FromStr for Scope {
    type Err = ScopeError;

    fn from_str(text: &str) -> Result<Self, ScopeError> {
        let part = |text: &str| match text {
            "*" => Ok(None),
            name => name.parse().map(Some).map_err(|_| ScopeError),
        };
        let (publisher, name) = text.split_once('/').ok_or(ScopeError)?;
        Ok(Self { publisher: part(publisher)?, name: part(name)? })
    }
}

impl TryFrom<String> for Scope {
    type Error = ScopeError;

    fn try_from(text: String) -> Result<Self, ScopeError> {
        text.parse()
    }
}

/// Whom the user trusts, for what. An empty store trusts nobody.
#[derive(Debug, Clone, Default)]
pub struct TrustStore {
    keys: Vec<(PublicKey, Scope)>,
}

/// Why the file of a trust store was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Not TOML, or not what a trust store holds.
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
}

/// `trust.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StoreFile {
    #[serde(default)]
    key: Vec<KeyEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    public: String,
    r#for: Vec<Scope>,
}

impl TrustStore {
    /// A store that trusts nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Trusts `key` for the plugins in `scope`.
    pub fn add(&mut self, key: PublicKey, scope: Scope) {
        self.keys.push((key, scope));
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
    ///     "#,
    /// )?;
    /// # Ok::<(), ptrun_trust::StoreError>(())
    /// ```
    ///
    /// # Errors
    /// For anything that is not understood in full: a trust store is never read by half.
    pub fn add_toml(&mut self, text: &str) -> Result<(), StoreError> {
        let file: StoreFile = toml::from_str(text).map_err(|why| {
            let before = why.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            StoreError::Syntax { line: before.matches('\n').count() + 1, what: why.message().to_owned() }
        })?;
        let mut keys = Vec::new();
        for (at, entry) in file.key.into_iter().enumerate() {
            let key = entry.public.parse().map_err(|why| StoreError::Key { index: at + 1, why })?;
            keys.extend(entry.r#for.into_iter().map(|scope| (key, scope)));
        }
        self.keys.extend(keys);
        Ok(())
    }

    /// Checks a plugin: the signature, the content, the manifest, and that the signer may speak for it.
    ///
    /// Nothing in the component is parsed before this, and nothing of it is compiled.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self, plugin: Unverified) -> Result<Verified, TrustError> {
        let Unverified { origin, bytes } = plugin;
        match self.check(&bytes) {
            Ok((digest, signer, manifest)) => Ok(Verified { origin, bytes, digest, signer, manifest }),
            Err(refusal) => Err(refusal.of(origin)),
        }
    }

    fn check(&self, bytes: &[u8]) -> Result<(Digest, PublicKey, Manifest), Refusal> {
        if !bytes.starts_with(&wasm::COMPONENT_PREAMBLE) {
            return Err(Refusal::NotAComponent);
        }
        let mut sections = wasm::sections(bytes);
        let first = match sections.next() {
            Some(Ok(first)) if is_custom(&first, envelope::SECTION) => first,
            Some(Err(_)) => return Err(Refusal::NotAComponent),
            Some(Ok(_)) | None => return Err(Refusal::Unsigned),
        };
        if first.range.len() != first.minimal_len() {
            return Err(Refusal::Malformed("has a number in more bytes than it needs"));
        }
        let envelope = Envelope::parse(first.body)?;
        if envelope.signatures.is_empty() {
            return Err(Refusal::Unsigned);
        }
        if envelope.hash != envelope::hash(&bytes[first.range.end..]) {
            return Err(Refusal::Altered);
        }

        let mut found = None;
        for section in sections {
            let section = section?;
            if is_custom(&section, envelope::SECTION) || is_custom(&section, envelope::DELIMITER_SECTION) {
                return Err(Refusal::Malformed("is signed in parts"));
            }
            if is_custom(&section, MANIFEST_SECTION) && found.replace(section.body).is_some() {
                return Err(Refusal::Malformed("has two manifests"));
            }
        }
        let manifest = Manifest::parse(found.ok_or(Refusal::NoManifest)?)?;
        let signer = self.signer(&envelope, &manifest)?;
        Ok((Digest(envelope.hash), signer, manifest))
    }

    /// The key in whose scope the plugin is and that made one of its signatures.
    fn signer(&self, envelope: &Envelope, manifest: &Manifest) -> Result<PublicKey, Refusal> {
        let made =
            |key: &PublicKey| envelope.signatures.iter().any(|signed| key.made(signed, &envelope.hash));
        let (in_scope, others): (Vec<_>, Vec<_>) =
            self.keys.iter().partition(|(_, scope)| scope.covers(manifest));
        let first = |keys: &[&(PublicKey, Scope)]| keys.iter().map(|(key, _)| *key).find(made);
        if let Some(signer) = first(&in_scope) {
            return Ok(signer);
        }
        let claims = manifest.full_name();
        Err(match first(&others) {
            Some(signer) => Refusal::OutOfScope { signer, claims },
            None => {
                let named = envelope.signatures.iter().filter_map(Signed::named_key);
                Refusal::UnknownSigner { signer: named.into_iter().find(made), claims }
            }
        })
    }
}

impl Signed {
    /// The key that the hint names, if the hint is a whole key.
    fn named_key(&self) -> Option<PublicKey> {
        PublicKey::from_bytes(self.key_id.as_slice().try_into().ok()?).ok()
    }
}

/// A [`TrustError`] before it knows the name of the plugin.
enum Refusal {
    NotAComponent,
    Unsigned,
    Malformed(&'static str),
    Altered,
    NoManifest,
    Manifest(ManifestError),
    UnknownSigner { signer: Option<PublicKey>, claims: String },
    OutOfScope { signer: PublicKey, claims: String },
}

impl Refusal {
    fn of(self, plugin: String) -> TrustError {
        match self {
            Self::NotAComponent => TrustError::NotAComponent { plugin },
            Self::Unsigned => TrustError::Unsigned { plugin },
            Self::Malformed(what) => TrustError::Malformed { plugin, what },
            Self::Altered => TrustError::Altered { plugin },
            Self::NoManifest => TrustError::NoManifest { plugin },
            Self::Manifest(why) => TrustError::Manifest { plugin, why },
            Self::UnknownSigner { signer, claims } => TrustError::UnknownSigner { plugin, signer, claims },
            Self::OutOfScope { signer, claims } => TrustError::OutOfScope { plugin, signer, claims },
        }
    }
}

impl From<Malformed> for Refusal {
    fn from(Malformed(what): Malformed) -> Self {
        Self::Malformed(what)
    }
}

impl From<ManifestError> for Refusal {
    fn from(why: ManifestError) -> Self {
        Self::Manifest(why)
    }
}
