//! What a project pins: the content of `ptrun.lock`.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::store::syntax;
use crate::{Pin, Standing, StoreError};

/// The one format of the lock file so far.
const FORMAT: u32 = 1;

/// The plugins that a project uses, by the scheme of their references. A lock file narrows what may run;
/// it never widens it: whoever wrote the project wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    format: u32,
    #[serde(default, rename = "plugin")]
    plugins: BTreeMap<String, Pin>,
}

impl Default for Lock {
    fn default() -> Self {
        Self { format: FORMAT, plugins: BTreeMap::new() }
    }
}

impl Lock {
    /// Reads `ptrun.lock`.
    ///
    /// # Errors
    /// For anything that is not understood in full, and for another format.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let lock: Self = toml::from_str(text).map_err(|why| syntax(text, &why))?;
        if lock.format != FORMAT {
            return Err(StoreError::Format { has: lock.format, knows: FORMAT });
        }
        for (scheme, plugin) in &lock.plugins {
            let name = crate::untrusted(scheme, &[]);
            plugin.check().map_err(|why| StoreError::Plugin { name, why })?;
        }
        Ok(lock)
    }

    /// What is pinned for a scheme.
    #[must_use]
    pub fn get(&self, scheme: &str) -> Option<&Pin> {
        self.plugins.get(scheme)
    }

    /// How the plugin for a scheme stands to what is pinned for it.
    #[must_use]
    pub fn standing(&self, scheme: &str, plugin: &Pin) -> Standing {
        self.get(scheme).map_or(Standing::New, |pinned| pinned.standing(plugin))
    }

    /// Pins a plugin, in the place of what was pinned for the scheme.
    pub fn pin(&mut self, scheme: impl Into<String>, plugin: Pin) {
        self.plugins.insert(scheme.into(), plugin);
    }
}

/// As it is written to `ptrun.lock`.
impl fmt::Display for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("# Written by ptrun. Commit it: it pins the plugins of this project.\n\n")?;
        f.write_str(&toml::to_string(self).map_err(|_| fmt::Error)?)
    }
}
