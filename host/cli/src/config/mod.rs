//! What a run is told by files: `ptrun.toml` of the project, `ptrun.local.toml` beside it, and `config.toml` of the
//! user. From weak to strong: the user's file, the project's, the local one; in each the profile is over the rest.
//! What is stronger replaces a secret or an option, and adds to a plugin.
//!
//! A project's file is a request by somebody else: it names plugins, settings and secrets, and cannot grant anything.

mod error;
mod file;
mod merge;
mod source;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ptrun_host::{SecretName, SecretRef};

pub(crate) use self::file::Inject;
use self::file::{File, Plugin, Run, Secret, Table, Whole};
pub(crate) use self::source::Place;
use self::source::{Owner, Source};
use crate::profile::Profile;
use crate::report::Failure;
use crate::user;

/// The schema of the files, for editors.
pub(crate) const SCHEMA: &str = include_str!("ptrun.schema.json");
/// What marks the folder of a project.
pub(crate) const PROJECT: &str = "ptrun.toml";
/// Beside it, and not in version control.
const LOCAL: &str = "ptrun.local.toml";

/// Everything that files say, as far as a run needs it.
#[derive(Debug)]
pub(crate) struct Config {
    /// The files that were read, from weak to strong.
    pub(crate) files: Vec<String>,
    pub(crate) profile: Profile,
    pub(crate) run: RunConfig,
    /// By the scheme of their references.
    pub(crate) plugins: BTreeMap<String, PluginConfig>,
    pub(crate) secrets: BTreeMap<SecretName, SecretConfig>,
    pub(crate) from: Vec<WholeConfig>,
    /// Where the audit goes, if the user's file says so.
    pub(crate) audit: Option<(Vec<String>, Place)>,
}

/// How runs go.
#[derive(Debug, Default)]
pub(crate) struct RunConfig {
    pub(crate) inject: Option<Inject>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) pristine: bool,
    pub(crate) keep: Vec<String>,
    pub(crate) supervise: bool,
}

/// What is said about a plugin.
#[derive(Debug, Clone)]
pub(crate) struct PluginConfig {
    /// Where it was named first.
    pub(crate) place: Place,
    /// Its file.
    pub(crate) path: Option<PathBuf>,
    pub(crate) settings: BTreeMap<String, String>,
    /// What opens its files; of a project, only for plugins of ptrun itself.
    pub(crate) keys: Vec<(String, Place)>,
    /// Whether the project says which keys.
    pub(crate) keys_of_project: Option<Place>,
    pub(crate) credential: Option<(String, Place)>,
    pub(crate) allow: Vec<(String, Place)>,
    pub(crate) limits: Vec<(String, String, Place)>,
}

/// One secret.
#[derive(Debug, Clone)]
pub(crate) struct SecretConfig {
    pub(crate) reference: SecretRef,
    pub(crate) required: bool,
    pub(crate) default: Option<String>,
    pub(crate) inject: Option<Inject>,
    pub(crate) place: Place,
}

/// An object whose members are secrets.
#[derive(Debug, Clone)]
pub(crate) struct WholeConfig {
    pub(crate) reference: SecretRef,
    pub(crate) prefix: String,
    pub(crate) upper: bool,
    pub(crate) place: Option<Place>,
}

/// What one file says, or one profile in it.
struct Layer {
    source: Arc<Source>,
    run: Run,
    plugins: Table<Plugin>,
    secrets: Table<toml::Spanned<Secret>>,
    from: Vec<toml::Spanned<Whole>>,
}

impl Config {
    /// Reads what there is; of a project, the file that was `named`, or the one in the nearest folder upward.
    pub(crate) fn load(named: Option<&Path>, profile: Option<&str>) -> Result<Self, Failure> {
        let mut sources = Vec::new();
        if let Some(path) = user::config().map(|folder| folder.join("config.toml")) {
            sources.extend(Source::read(&path, Owner::User, false)?);
        }
        match (named, project()) {
            (Some(path), _) => sources.extend(Source::read(path, Owner::Project, true)?),
            (None, Some(folder)) => {
                for name in [PROJECT, LOCAL] {
                    sources.extend(Source::read(&folder.join(name), Owner::Project, false)?);
                }
            }
            (None, None) => {}
        }
        let files = sources
            .into_iter()
            .map(|source| match toml::from_str::<File>(&source.text) {
                Ok(file) => Ok((source, file)),
                Err(why) => Err(error::malformed(&source, &why)),
            })
            .collect::<Result<Vec<_>, _>>()?;
        merge::merge(files, profile)
    }
}

/// The folder of the project that the working directory is in. One that was deleted is in none.
pub(crate) fn project() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let is_project = |folder: &&Path| [PROJECT, LOCAL].iter().any(|name| folder.join(name).exists());
    here.ancestors().find(is_project).map(Path::to_owned)
}
