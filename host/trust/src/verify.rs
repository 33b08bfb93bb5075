//! The one way from bytes to a [`Verified`] plugin.

use crate::envelope::{self, Envelope, Signed};
use crate::manifest::{Manifest, ManifestError};
use crate::sign::{in_core_module, is_custom};
use crate::store::Objection;
use crate::verified::{Digest, Verified};
use crate::wasm::{self, Malformed, Section};
use crate::{MANIFEST_SECTION, Moment, PublicKey, TrustStore, Unverified};

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
        /// Its content.
        digest: Digest,
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
    /// There is no manifest.
    #[error("the plugin `{plugin}` has no manifest")]
    NoManifest {
        /// The plugin.
        plugin: String,
    },
    /// The manifest makes no sense.
    #[error("the manifest of the plugin `{plugin}` is wrong: {why}")]
    Manifest {
        /// The plugin.
        plugin: String,
        /// What is wrong.
        why: ManifestError,
    },
    /// Its publisher wanted it to be used until then, and no longer.
    #[error("the plugin `{plugin}` expired at {at}")]
    Expired {
        /// The plugin.
        plugin: String,
        /// When.
        at: Moment,
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
    /// The key that signed is revoked.
    #[error("the plugin `{plugin}` is signed by a key that you revoked")]
    Revoked {
        /// The plugin.
        plugin: String,
        /// The key that signed.
        signer: PublicKey,
    },
    /// The trust in the key that signed has ended.
    #[error("the plugin `{plugin}` is signed by a key that you trusted until an earlier time")]
    KeyExpired {
        /// The plugin.
        plugin: String,
        /// The key that signed.
        signer: PublicKey,
    },
    /// The trust in the key that signed has not begun.
    #[error("the plugin `{plugin}` is signed by a key that you trust from a later time on")]
    KeyNotYetValid {
        /// The plugin.
        plugin: String,
        /// The key that signed.
        signer: PublicKey,
    },
    /// Too few different keys signed.
    #[error("the plugin `{plugin}` is signed by {has} of the keys that you trust, and needs {needs}")]
    TooFewSigners {
        /// The plugin.
        plugin: String,
        /// How many trusted keys signed.
        has: usize,
        /// How many must have.
        needs: usize,
    },
}

/// A check that a plugin passed, in the order in which they are made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// It is a component, of so many bytes.
    Component(usize),
    /// Its signature section is well formed, with so many signatures.
    Signatures(usize),
    /// The content is what was signed.
    Content(Digest),
    /// It is not signed, and the user allowed this very content.
    Allowed(Digest),
    /// There is one manifest, which makes sense.
    Manifest(Box<Manifest>),
    /// These keys signed it, may speak for its name, and are as many as you want.
    Signers(Vec<PublicKey>),
}

impl TrustStore {
    /// Checks a plugin, now: the signature, the content, the manifest, and that the signers may speak
    /// for it.
    ///
    /// Nothing of the component is compiled before this, and nothing is parsed but the framing of its
    /// sections and its manifest.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn verify(&self, plugin: Unverified) -> Result<Verified, TrustError> {
        self.explain(plugin, Moment::now()).1
    }

    /// The same at another moment, and with the checks that were passed.
    pub fn explain(&self, plugin: Unverified, now: Moment) -> (Vec<Check>, Result<Verified, TrustError>) {
        let Unverified { origin, bytes, digest } = plugin;
        let mut passed = Vec::new();
        let verified = match self.check(&bytes, digest, now, &mut passed) {
            Ok((digest, signers, manifest)) => Ok(Verified { origin, bytes, digest, signers, manifest }),
            Err(refusal) => Err(refusal.of(origin)),
        };
        (passed, verified)
    }

    fn check(
        &self,
        bytes: &[u8],
        known: Option<Digest>,
        now: Moment,
        passed: &mut Vec<Check>,
    ) -> Result<(Digest, Vec<PublicKey>, Manifest), Refusal> {
        if !bytes.starts_with(&wasm::COMPONENT_PREAMBLE) {
            return Err(Refusal::NotAComponent);
        }
        let mut sections = wasm::sections(bytes);
        let section = match sections.next() {
            Some(Ok(first)) if is_custom(&first, envelope::SECTION) => first,
            Some(Err(_)) => return Err(Refusal::NotAComponent),
            Some(Ok(_)) | None => return self.check_unsigned(bytes, now, passed),
        };
        passed.push(Check::Component(bytes.len()));
        if section.range.len() != section.minimal_len() {
            return Err(Refusal::Malformed("has a number in more bytes than it needs"));
        }
        let envelope = Envelope::parse(section.body)?;
        if envelope.signatures.is_empty() {
            return Err(Refusal::Malformed("has a signature section without a signature that ptrun knows"));
        }
        passed.push(Check::Signatures(envelope.signatures.len()));
        let content = known.map_or_else(|| envelope::hash(&bytes[section.range.end..]), |known| known.0);
        if envelope.hash != content {
            return Err(Refusal::Altered);
        }
        passed.push(Check::Content(Digest(envelope.hash)));

        let manifest = Manifest::parse(manifest_section(sections)?.ok_or(Refusal::NoManifest)?)?;
        passed.push(Check::Manifest(Box::new(manifest.clone())));
        let signers = self.signers(&envelope, &manifest, now)?;
        not_expired(&manifest, now)?;
        passed.push(Check::Signers(signers.clone()));
        Ok((Digest(envelope.hash), signers, manifest))
    }

    /// Nothing is parsed before the user's word for this very content was found.
    fn check_unsigned(
        &self,
        bytes: &[u8],
        now: Moment,
        passed: &mut Vec<Check>,
    ) -> Result<(Digest, Vec<PublicKey>, Manifest), Refusal> {
        passed.push(Check::Component(bytes.len()));
        let digest = Digest(envelope::hash(&bytes[wasm::COMPONENT_PREAMBLE.len()..]));
        if !self.unsigned.contains(&digest) {
            return Err(Refusal::Unsigned(digest));
        }
        passed.push(Check::Allowed(digest));
        // As the compiler left it, the manifest may still be where the SDK's macro put it.
        let manifest = match manifest_section(wasm::sections(bytes))? {
            Some(manifest) => Some(manifest),
            None => in_core_module(&wasm::sections(bytes).collect::<Result<Vec<_>, _>>()?)?,
        };
        let manifest = Manifest::parse(manifest.ok_or(Refusal::NoManifest)?)?;
        passed.push(Check::Manifest(Box::new(manifest.clone())));
        not_expired(&manifest, now)?;
        Ok((digest, Vec::new(), manifest))
    }

    /// The keys that made a signature and may speak for this plugin now: each once, and as many as the
    /// user wants.
    fn signers(
        &self,
        envelope: &Envelope,
        manifest: &Manifest,
        now: Moment,
    ) -> Result<Vec<PublicKey>, Refusal> {
        let made =
            |key: &PublicKey| envelope.signatures.iter().any(|signed| key.made(signed, &envelope.hash));
        // What is checked is every key that could do, not the one that a hint names.
        let mut tried: Vec<PublicKey> = Vec::new();
        let mut signers = Vec::new();
        let mut objected: Option<(Objection, PublicKey)> = None;
        for entry in self.keys().iter().filter(|entry| entry.covers(manifest)) {
            if tried.contains(&entry.key) {
                continue;
            }
            tried.push(entry.key);
            if !made(&entry.key) {
                continue;
            }
            match self.objection(entry.key, manifest, now) {
                None => signers.push(entry.key),
                Some(objection) if objected.is_none_or(|(worst, _)| worst < objection) => {
                    objected = Some((objection, entry.key));
                }
                Some(_) => {}
            }
        }
        let needs = self.threshold(manifest);
        if signers.len() >= needs {
            return Ok(signers);
        }
        if let Some((objection, signer)) = objected {
            return Err(Refusal::Objection(objection, signer));
        }
        if !signers.is_empty() {
            return Err(Refusal::TooFewSigners { has: signers.len(), needs });
        }
        let claims = manifest.full_name();
        let others = self.keys().iter().map(|entry| entry.key).filter(|key| !tried.contains(key));
        Err(match others.into_iter().find(made) {
            Some(signer) => Refusal::OutOfScope { signer, claims },
            None => {
                let mut named = envelope.signatures.iter().filter_map(Signed::named_key);
                Refusal::UnknownSigner { signer: named.find(made), claims }
            }
        })
    }
}

/// The one manifest at the top level, behind the signature section.
fn manifest_section<'a>(
    sections: impl Iterator<Item = Result<Section<'a>, Malformed>>,
) -> Result<Option<&'a [u8]>, Refusal> {
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
    Ok(found)
}

fn not_expired(manifest: &Manifest, now: Moment) -> Result<(), Refusal> {
    match manifest.expires {
        Some(at) if at <= now => Err(Refusal::Expired(at)),
        _ => Ok(()),
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
    Unsigned(Digest),
    Malformed(&'static str),
    Altered,
    NoManifest,
    Manifest(ManifestError),
    Expired(Moment),
    UnknownSigner { signer: Option<PublicKey>, claims: String },
    OutOfScope { signer: PublicKey, claims: String },
    Objection(Objection, PublicKey),
    TooFewSigners { has: usize, needs: usize },
}

impl Refusal {
    fn of(self, plugin: String) -> TrustError {
        match self {
            Self::NotAComponent => TrustError::NotAComponent { plugin },
            Self::Unsigned(digest) => TrustError::Unsigned { plugin, digest },
            Self::Malformed(what) => TrustError::Malformed { plugin, what },
            Self::Altered => TrustError::Altered { plugin },
            Self::NoManifest => TrustError::NoManifest { plugin },
            Self::Manifest(why) => TrustError::Manifest { plugin, why },
            Self::Expired(at) => TrustError::Expired { plugin, at },
            Self::UnknownSigner { signer, claims } => TrustError::UnknownSigner { plugin, signer, claims },
            Self::OutOfScope { signer, claims } => TrustError::OutOfScope { plugin, signer, claims },
            Self::Objection(Objection::Revoked, signer) => TrustError::Revoked { plugin, signer },
            Self::Objection(Objection::Expired, signer) => TrustError::KeyExpired { plugin, signer },
            Self::Objection(Objection::NotYet, signer) => TrustError::KeyNotYetValid { plugin, signer },
            Self::TooFewSigners { has, needs } => TrustError::TooFewSigners { plugin, has, needs },
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
