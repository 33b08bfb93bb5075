//! A case as a file of `tests/signatures`: whom the user trusts, a plugin, and how it is refused.

use ptrun_trust::{PluginSource, TrustError, TrustStore};

/// Refused in one way or another, which depends on the dice.
pub(crate) const ANY: &str = "any";

pub(crate) struct Case {
    pub(crate) group: &'static str,
    pub(crate) name: String,
    /// How it is refused: the class of the error, without `trust/`.
    pub(crate) refused: &'static str,
    /// The trust store.
    pub(crate) trust: String,
    pub(crate) plugin: Vec<u8>,
}

impl Case {
    /// Where it is below `tests/signatures`.
    pub(crate) fn path(&self) -> String {
        let word = |text: &str| {
            let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
            words.collect::<Vec<_>>().join("-").to_lowercase()
        };
        format!("{}/{}.toml", self.group, word(&self.name))
    }

    /// The text of the file.
    pub(crate) fn text(&self) -> String {
        let Self { name, refused, trust, plugin, .. } = self;
        let hex = hex::encode(plugin);
        let lines: Vec<&str> =
            (0..hex.len()).step_by(96).map(|at| &hex[at..hex.len().min(at + 96)]).collect();
        format!(
            "name = {name:?}\nrefused = \"{refused}\"\ntrust = '''\n{trust}'''\nplugin = '''\n{}\n'''\n",
            lines.join("\n")
        )
    }

    /// How the plugin is refused, if it is.
    pub(crate) fn verdict(&self) -> Option<&'static str> {
        let mut store = TrustStore::new();
        store.add_toml(&self.trust).expect("a store");
        let plugin = PluginSource::memory("plugin", self.plugin.clone()).read().expect("in memory");
        store.verify(plugin).err().map(|why| match why {
            TrustError::NotAComponent { .. } => "not-a-component",
            TrustError::Unsigned { .. } => "unsigned",
            TrustError::Malformed { .. } => "malformed",
            TrustError::Altered { .. } => "altered",
            TrustError::NoManifest { .. } | TrustError::Manifest { .. } => "manifest",
            TrustError::Expired { .. } => "expired",
            TrustError::UnknownSigner { .. } => "unknown-signer",
            TrustError::OutOfScope { .. } => "out-of-scope",
            TrustError::Revoked { .. } => "revoked",
            TrustError::KeyExpired { .. } => "key-expired",
            TrustError::KeyNotYetValid { .. } => "key-not-yet-valid",
            TrustError::TooFewSigners { .. } => "too-few-signers",
            _ => "another reason",
        })
    }

    pub(crate) fn is_refused_as_expected(&self) -> bool {
        self.verdict().is_some_and(|verdict| self.refused == ANY || self.refused == verdict)
    }
}
