//! What a plugin is given.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ptrun_trust::Capabilities;

use crate::SecretRef;

/// One thing that a plugin can be given. Prints as it is written in `--allow`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Grant {
    /// `env=NAME`: an environment variable.
    Env(String),
    /// `file=PATH`: a file, which the plugin asks for by this very path.
    File(String),
    /// `random`: the system's randomness.
    Random,
}

/// Why some text is no grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a grant is `env=NAME`, `file=PATH` or `random`")]
pub struct GrantError;

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        match text.split_once('=') {
            None if text == "random" => Ok(Self::Random),
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '*', '\0']) => {
                Ok(Self::Env(name.to_owned()))
            }
            Some(("file", path)) if !path.is_empty() && !path.ends_with('/') && !path.contains('\0') => {
                Ok(Self::File(path.to_owned()))
            }
            _ => Err(GrantError),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env={name}"),
            Self::File(path) => write!(f, "file={path}"),
            Self::Random => f.write_str("random"),
        }
    }
}

/// What one plugin is given in one run. Nothing is the default, and each call adds one thing: taking a
/// grant away never allows more.
///
/// ```
/// use ptrun_host::Grants;
///
/// let grants = Grants::none().env("VAULT_ADDR").file("token", "/run/vault/token");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    env: BTreeSet<String>,
    files: BTreeMap<String, PathBuf>,
    random: bool,
}

impl Grants {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The environment variable `name` of this process. If it is unset, so it is for the plugin.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>) -> Self {
        self.env.insert(name.into());
        self
    }

    /// The file at `path`, under the name that the plugin asks for.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.files.insert(name.into(), path.into());
        self
    }

    /// The system's randomness.
    #[must_use]
    pub const fn random(mut self) -> Self {
        self.random = true;
        self
    }

    /// One thing more.
    #[must_use]
    pub fn with(self, grant: Grant) -> Self {
        match grant {
            Grant::Env(name) => self.env(name),
            Grant::File(path) => self.file(path.clone(), path),
            Grant::Random => self.random(),
        }
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.env.extend(more.env);
        self.files.extend(more.files);
        self.random |= more.random;
        self
    }

    /// What a plugin asks for, as far as these references need it: where its manifest says `{key}`, the
    /// key of each. For plugins whose manifest the
    /// user accepts as a whole: the built-in ones, and those that they approved.
    #[must_use]
    pub fn for_references<'a>(
        asked: &Capabilities,
        references: impl IntoIterator<Item = &'a SecretRef>,
    ) -> Self {
        let mut grants = Self { random: asked.random, ..Self::none() };
        for reference in references {
            grants.env.extend(Capabilities::expand(&asked.env, reference.key()));
            let files = Capabilities::expand(&asked.files, reference.key());
            grants.files.extend(files.map(|name| (name.clone(), name.into())));
        }
        grants
    }

    /// What is in `wanted` and not in these.
    #[must_use]
    pub fn missing(&self, wanted: &Self) -> Vec<Grant> {
        let env = wanted.env.difference(&self.env).cloned().map(Grant::Env);
        let files =
            wanted.files.keys().filter(|name| !self.files.contains_key(*name)).cloned().map(Grant::File);
        let random = (wanted.random && !self.random).then_some(Grant::Random);
        env.chain(files).chain(random).collect()
    }

    /// The variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.env.iter().map(String::as_str)
    }

    /// Whether a file is granted at all.
    pub(crate) fn has_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// Whether randomness is granted.
    pub(crate) const fn has_random(&self) -> bool {
        self.random
    }

    /// The path behind the name of a file.
    pub(crate) fn path(&self, name: &str) -> Option<&Path> {
        self.files.get(name).map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn grants_are_named_one_by_one() {
        for good in ["env=A", "file=/a/b", "file=a=b", "random"] {
            assert_eq!(good.parse::<Grant>().map(|grant| grant.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "env", "env=", "env=*", "env=A=B", "file=", "file=/", "file=a/", "random=1", "http"] {
            assert_eq!(bad.parse::<Grant>(), Err(GrantError), "{bad:?}");
        }
    }

    fn grant() -> impl Strategy<Value = Grant> {
        prop_oneof![
            "[A-Z]{1,2}".prop_map(Grant::Env),
            "[a-z]{1,2}".prop_map(Grant::File),
            Just(Grant::Random),
        ]
    }

    fn grants(list: &[Grant]) -> Grants {
        list.iter().cloned().fold(Grants::none(), Grants::with)
    }

    proptest! {
        #[test]
        fn taking_a_grant_away_never_allows_more(list in prop::collection::vec(grant(), 1..8), at in 0usize..8) {
            let all = grants(&list);
            let mut fewer = list.clone();
            fewer.remove(at % list.len());
            prop_assert!(all.missing(&grants(&fewer)).is_empty());
            prop_assert!(all.missing(&all).is_empty());
            prop_assert!(Grants::none().missing(&all).iter().all(|grant| list.contains(grant)));
        }
    }
}
