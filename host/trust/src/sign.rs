//! Makes a signed plugin of a component.

use crate::envelope::{self, Envelope};
use crate::manifest::{Manifest, ManifestError};
use crate::wasm::{self, Malformed, Section};
use crate::{MANIFEST_SECTION, SecretKey};

/// Why a component could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// Not a component, or its framing is broken.
    #[error("the file {0}")]
    Malformed(&'static str),
    /// The component has no manifest, and none was given.
    #[error("the component has no manifest")]
    NoManifest,
    /// The component has a manifest, and another one was given.
    #[error("the component has a manifest already")]
    TwoManifests,
    /// The manifest makes no sense.
    #[error("the manifest is wrong: {0}")]
    Manifest(#[from] ManifestError),
    /// It carries a signature whose content was altered, which nobody should build upon.
    #[error("the component is signed already, and was altered since")]
    Altered,
}

impl From<Malformed> for SignError {
    fn from(Malformed(what): Malformed) -> Self {
        Self::Malformed(what)
    }
}

/// Signs a component, and adds its manifest if it is not there yet.
///
/// The manifest is the one given; or the section `ptrun:plugin` of the component; or the one that the
/// SDK's macro left in the core module inside. A component that is signed already gets one more
/// signature.
///
/// # Errors
/// If it is no component, has no manifest or two, or was altered after it was signed.
pub fn sign(component: &[u8], manifest: Option<&str>, key: &SecretKey) -> Result<Vec<u8>, SignError> {
    if !component.starts_with(&wasm::COMPONENT_PREAMBLE) {
        return Err(SignError::Malformed("is not a WebAssembly component"));
    }
    let sections: Vec<Section<'_>> = wasm::sections(component).collect::<Result<_, _>>()?;
    let signed = match sections.first() {
        Some(first) if is_custom(first, envelope::SECTION) => Some(first),
        _ => None,
    };
    let content = &component[signed.map_or(wasm::COMPONENT_PREAMBLE.len(), |section| section.range.end)..];

    let (content, mut signatures) = if let Some(section) = signed {
        let envelope = Envelope::parse(section.body)?;
        if envelope.hash != envelope::hash(content) {
            return Err(SignError::Altered);
        }
        if manifest.is_some() {
            return Err(SignError::TwoManifests);
        }
        let present = sections.iter().find(|section| is_custom(section, MANIFEST_SECTION));
        Manifest::parse(present.ok_or(SignError::NoManifest)?.body)?;
        (content.to_vec(), envelope.signatures)
    } else {
        (with_manifest(content, &sections, manifest)?, Vec::new())
    };

    let hash = envelope::hash(&content);
    signatures.push(key.sign(&hash));
    let envelope = Envelope { hash, signatures };
    Ok([wasm::COMPONENT_PREAMBLE.as_slice(), &envelope.to_section(), &content].concat())
}

/// The content with exactly one manifest at its top level.
fn with_manifest(
    content: &[u8],
    sections: &[Section<'_>],
    given: Option<&str>,
) -> Result<Vec<u8>, SignError> {
    let present = sections.iter().find(|section| is_custom(section, MANIFEST_SECTION));
    let manifest = match (present, given) {
        (Some(_), Some(_)) => return Err(SignError::TwoManifests),
        (Some(section), None) => {
            Manifest::parse(section.body)?;
            return Ok(content.to_vec());
        }
        (None, Some(given)) => given.as_bytes(),
        (None, None) => in_core_module(sections)?.ok_or(SignError::NoManifest)?,
    };
    Manifest::parse(manifest)?;
    Ok([wasm::custom_section(MANIFEST_SECTION, manifest).as_slice(), content].concat())
}

/// The manifest that the SDK's macro left in a core module: the linker that makes a component of the
/// module does not carry custom sections to the top.
pub(crate) fn in_core_module<'a>(sections: &[Section<'a>]) -> Result<Option<&'a [u8]>, Malformed> {
    for module in sections.iter().filter(|section| section.id == wasm::CORE_MODULE_SECTION) {
        if !module.body.starts_with(&wasm::MODULE_PREAMBLE) {
            return Err(Malformed("has a core module that is none"));
        }
        for section in wasm::sections(module.body) {
            let section = section?;
            if is_custom(&section, MANIFEST_SECTION) {
                return Ok(Some(section.body));
            }
        }
    }
    Ok(None)
}

/// Whether a section is a custom one of this name.
pub(crate) fn is_custom(section: &Section<'_>, name: &str) -> bool {
    section.id == 0 && section.name == name.as_bytes()
}
