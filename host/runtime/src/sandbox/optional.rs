//! What a plugin can do besides reading, if it exports the interfaces for it.

use std::time::Instant;

use super::bindings::listing::{ListingIndices, exports::ptrun::plugin::enumerate};
use super::bindings::writing::WritingIndices;
use super::known::Known;
use super::{RunError, Sandbox, of};
use crate::{Limit, SecretBytes, SecretRef};

/// The most secrets of a list.
const MOST: usize = 100_000;
/// The most pages of a list: one without an end is cut off.
const PAGES: usize = 1_000;
/// How long all pages together may take, in times of the limit for one call.
const WALLS: u32 = 6;

/// A secret of a list, without its value. Its texts are fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// A reference to it, with the options of the list.
    pub reference: SecretRef,
    /// What its owner says about it.
    pub description: Option<String>,
    /// When it was changed last, in milliseconds since 1970-01-01T00:00:00Z.
    pub changed_at_ms: Option<u64>,
}

/// The secrets of a backend whose key begins with something.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SecretList {
    /// In the order of the backend.
    pub entries: Vec<Entry>,
    /// Whether there are more than were taken.
    pub cut_off: bool,
}

impl Sandbox {
    /// The secrets whose key begins with that of `prefix`, which may be empty. It takes the grants for
    /// [`Use::List`](crate::Use::List).
    ///
    /// # Errors
    /// If the plugin cannot list, or its backend refuses.
    pub async fn list(&self, prefix: &SecretRef) -> Result<SecretList, RunError> {
        let interface = ListingIndices::new(&self.instance).map_err(|_| self.unable("enumerate"))?;
        let mut list = SecretList::default();
        let mut cursor: Option<String> = None;
        let deadline = Instant::now() + self.compiled.limits.wall * WALLS;
        for _ in 0..PAGES {
            if Instant::now() > deadline {
                return Err(RunError::Limit { plugin: self.name(), limit: Limit::Wall });
            }
            let asked = self.call(
                1,
                |_| true,
                async |store, instance| {
                    let plugin = interface.load(&mut *store, &instance.instance)?;
                    let plugin = plugin.ptrun_plugin_enumerate();
                    plugin.call_list(store, prefix.key(), prefix.options(), cursor.as_deref()).await
                },
            );
            let (page, known) = asked.await?;
            list.entries.extend(page.entries.into_iter().filter_map(|entry| shown(prefix, entry, &known)));
            cursor = page.next;
            if cursor.is_none() || list.entries.len() > MOST {
                break;
            }
        }
        list.cut_off = cursor.is_some();
        Ok(list)
    }

    /// Makes `value` the current value of a secret, and makes the secret if there is none: the backend's name for the
    /// new version. It takes the grants for [`Use::Write`](crate::Use::Write).
    ///
    /// # Errors
    /// If the plugin cannot write, or its backend refuses.
    pub async fn put(&self, reference: &SecretRef, value: &SecretBytes) -> Result<Option<String>, RunError> {
        let interface = self.writing()?;
        let asked = self.call(
            1,
            |_| true,
            async |store, instance| {
                store.data().known.remember(value.expose());
                let plugin = interface.load(&mut *store, &instance.instance)?;
                plugin.ptrun_plugin_writer().call_put(store, &of(reference), value.expose()).await
            },
        );
        let (version, known) = asked.await?;
        Ok(version.map(|version| known.clean(&version, &[])))
    }

    /// Has the backend make a new value: its name for the version that this will be. It takes the grants for
    /// [`Use::Write`](crate::Use::Write).
    ///
    /// # Errors
    /// If the plugin cannot write, or its backend refuses.
    pub async fn rotate(&self, reference: &SecretRef) -> Result<String, RunError> {
        let interface = self.writing()?;
        let asked = self.call(
            1,
            |_| true,
            async |store, instance| {
                let plugin = interface.load(&mut *store, &instance.instance)?;
                plugin.ptrun_plugin_writer().call_rotate(store, &of(reference)).await
            },
        );
        Ok(asked.await?.0)
    }

    /// Whether a version, as [`rotate`](Self::rotate) names it, is what everybody reads now.
    ///
    /// # Errors
    /// If the plugin cannot write, or its backend refuses.
    pub async fn is_current(&self, reference: &SecretRef, version: &str) -> Result<bool, RunError> {
        let interface = self.writing()?;
        let asked = self.call(
            1,
            |_| true,
            async |store, instance| {
                let plugin = interface.load(&mut *store, &instance.instance)?;
                plugin.ptrun_plugin_writer().call_is_current(store, &of(reference), version).await
            },
        );
        Ok(asked.await?.0)
    }

    fn writing(&self) -> Result<WritingIndices, RunError> {
        WritingIndices::new(&self.instance).map_err(|_| self.unable("writer"))
    }

    fn unable(&self, interface: &'static str) -> RunError {
        RunError::Unable { plugin: self.name(), interface }
    }
}

/// An entry, as it is shown; none, if its key can be in no reference.
fn shown(prefix: &SecretRef, entry: enumerate::Entry, known: &Known) -> Option<Entry> {
    Some(Entry {
        reference: prefix.with_key(entry.key)?,
        description: entry.description.map(|text| known.clean(&text, &[])),
        changed_at_ms: entry.changed_at_ms,
    })
}
