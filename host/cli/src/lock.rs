//! The project's lock file: it narrows which plugins may run, and never widens it.

use std::path::{Path, PathBuf};

use ptrun_host::{Lock, Pin, Standing};

use crate::approval::with_facts;
use crate::config::PROJECT;
use crate::report::Failure;
use crate::{shell, user};

/// The lock file's name.
const FILE: &str = "ptrun.lock";

/// What to do about a plugin that is not what is pinned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Policy {
    /// Refuse it (`--locked`).
    Locked,
    /// Pin a new plugin, and an update that asks for nothing more; refuse the rest.
    Follow,
    /// Pin it (`ptrun plugin lock`).
    Accept,
}

/// The lock file of the project that the working directory is in.
pub(crate) struct ProjectLock {
    policy: Policy,
    path: PathBuf,
    lock: Option<Lock>,
    /// What the file does not say yet, by scheme.
    new: Vec<(String, Pin)>,
}

impl ProjectLock {
    /// Looks upward for a lock file, or for the project that one would belong to.
    pub(crate) fn find(policy: Policy) -> Result<Self, Failure> {
        let here = std::env::current_dir().unwrap_or_default();
        let is_project = |folder: &&Path| folder.join(FILE).exists() || folder.join(PROJECT).exists();
        let path = here.ancestors().find(is_project).unwrap_or(&here).join(FILE);
        let lock = load(&path)?;
        Ok(Self { policy, path, lock, new: Vec::new() })
    }

    /// Compares a plugin with what is pinned for its scheme.
    pub(crate) fn check(&mut self, scheme: &str, place: &str, plugin: &Pin) -> Result<(), Failure> {
        let accept = || format!("ptrun plugin lock {}", shell::word(&format!("{scheme}={place}")));
        let pinned = match &self.lock {
            Some(lock) => lock.standing(scheme, plugin),
            // Nobody asked for a lock file.
            None if self.policy == Policy::Follow => return Ok(()),
            None => Standing::New,
        };
        match (self.policy, pinned) {
            (_, Standing::Known) => return Ok(()),
            (Policy::Accept, _) | (Policy::Follow, Standing::New | Standing::Update) => {}
            (Policy::Locked, Standing::New) => {
                let message = format!("the plugin `{scheme}` is not in `{}`", self.path.display());
                return Err(Failure::new("lock/missing", message)
                    .help(format!("pin it with `{}`, or run with `--locked=false`", accept())));
            }
            (_, standing) => {
                let message = format!("the plugin `{scheme}` is not what `{}` pins", self.path.display());
                let failure = with_facts(Failure::new("lock/mismatch", message), place, plugin, &standing);
                let pinned = self.lock.as_ref().and_then(|lock| lock.get(scheme));
                let failure = pinned.iter().fold(failure, |failure, pinned| {
                    let (name, version, digest) = (pinned.full_name(), &pinned.version, pinned.digest);
                    failure.fact("pinned", format!("{name} {version}, {digest}"))
                });
                return Err(if plugin.signers.is_empty() {
                    failure.help("a plugin that was signed must stay so")
                } else {
                    failure.help(format!("if it should be this one, run `{}`", accept()))
                });
            }
        }
        // A lock file says who signed: one that is not signed has no place in it.
        if !plugin.signers.is_empty() {
            self.new.push((scheme.to_owned(), plugin.clone()));
        }
        Ok(())
    }

    /// Writes down what is new.
    pub(crate) fn save(self) -> Result<(), Failure> {
        if self.new.is_empty() {
            return Ok(());
        }
        let changed = user::change_file(&self.path, 0o644, || {
            let mut lock = load(&self.path)?.unwrap_or_default();
            for (scheme, plugin) in self.new {
                lock.pin(scheme, plugin);
            }
            Ok(lock.to_string())
        });
        changed.unwrap_or_else(|why| {
            let message = format!("the lock file `{}` cannot be written: {why}", self.path.display());
            Err(Failure::new("lock/unwritable", message)
                .help("check the folder; with `--locked` it is only read"))
        })
    }
}

fn load(path: &Path) -> Result<Option<Lock>, Failure> {
    let refused = |why: String| {
        Failure::new("lock/malformed", format!("the lock file `{}` {why}", path.display()))
            .help("take it from version control, or remove it and write it anew with `ptrun plugin lock`")
    };
    let read = |path: &Path| ptrun_host::read_regular(path, user::MAX_BYTES);
    let text = user::read_text(path, read).map_err(|why| refused(format!("cannot be read: {why}")))?;
    text.map(|text| Lock::parse(&text).map_err(|why| refused(format!("is wrong: {why}")))).transpose()
}
