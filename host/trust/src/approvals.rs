//! What the user approved: the content of `approved.toml`.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::store::syntax;
use crate::{Pin, Standing, StoreError};

/// The plugins that the user approved, each with its content, its signers and what it is given.
///
/// There may be several of one name, if the user approved an older release beside a newer one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approvals {
    #[serde(default, rename = "plugin")]
    plugins: Vec<Pin>,
}

impl Approvals {
    /// Reads `approved.toml`.
    ///
    /// # Errors
    /// For anything that is not understood in full.
    pub fn parse(text: &str) -> Result<Self, StoreError> {
        let approvals: Self = toml::from_str(text).map_err(|why| syntax(text, &why))?;
        for (at, plugin) in approvals.plugins.iter().enumerate() {
            plugin.check().map_err(|why| StoreError::Plugin { name: (at + 1).to_string(), why })?;
        }
        Ok(approvals)
    }

    /// How a plugin stands to what was approved: known if it is one of them; otherwise compared with the
    /// newest of its name.
    #[must_use]
    pub fn standing(&self, plugin: &Pin) -> Standing {
        let named = || self.plugins.iter().filter(|approved| approved.is_same_plugin(plugin));
        if named().any(|approved| approved.standing(plugin) == Standing::Known) {
            return Standing::Known;
        }
        let newest = named().max_by_key(|approved| approved.sequence);
        newest.map_or(Standing::New, |approved| approved.standing(plugin))
    }

    /// Approves a plugin. It takes the place of those of its name that are no newer.
    pub fn approve(&mut self, plugin: Pin) {
        self.plugins
            .retain(|approved| !approved.is_same_plugin(&plugin) || approved.sequence > plugin.sequence);
        self.plugins.push(plugin);
    }
}

/// As it is written to `approved.toml`.
impl fmt::Display for Approvals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("# The plugins that you approved. Take one out, and it is asked about again.\n\n")?;
        f.write_str(&toml::to_string(self).map_err(|_| fmt::Error)?)
    }
}
