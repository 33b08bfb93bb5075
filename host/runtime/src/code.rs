//! Machine code on its way from the compiler, or a cache, to the engine.

use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ptrun_cache::{Cache, CacheError, Name, Usage};
use ptrun_trust::Verified;
use wasmtime::Engine;

use crate::compiled::{Machine, Precompiled};

/// Where machine code is kept between processes, so that a plugin is compiled once on a machine. It is authenticated:
/// only what this user's own ptrun put there is taken, unaltered. Whatever is wrong with it, plugins are compiled.
#[derive(Debug, Clone)]
pub struct CodeCache(pub(crate) Cache);

impl CodeCache {
    /// Code in `folder`, and the key that recognises it in the file `key`, which is not in that folder. Both are made
    /// when they are needed, for this user alone.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self(Cache::new(folder, key))
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.0.folder()
    }

    /// How much code there is; it also finds out whether some could be kept.
    ///
    /// # Errors
    /// If none could.
    pub fn usage(&self) -> Result<Usage, CacheError> {
        self.0.usage()
    }
}

/// A verified plugin, and machine code that was made of it. Nothing of it was run yet.
pub struct Code {
    pub(crate) plugin: Arc<Verified>,
    pub(crate) machine: Machine,
    pub(crate) is_new: bool,
    pub(crate) problem: Option<CacheError>,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code({:?})", self.plugin)
    }
}

impl Code {
    /// A plugin with the code that was made of it when this program was built.
    #[must_use]
    pub fn precompiled(plugin: Verified, code: Precompiled) -> Self {
        Self { plugin: Arc::new(plugin), machine: Machine::Lasting(code), is_new: false, problem: None }
    }

    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &Verified {
        &self.plugin
    }

    /// Whether the compiler made it just now.
    #[must_use]
    pub const fn is_new(&self) -> bool {
        self.is_new
    }

    /// Why it could be neither taken from the cache nor put there.
    #[must_use]
    pub const fn problem(&self) -> Option<&CacheError> {
        self.problem.as_ref()
    }
}

/// The name of a plugin's code: of its content, this version of ptrun, and everything that decides what this engine's
/// compiler makes of it, which are its version, its settings and the features of the processor.
pub(crate) fn name(engine: &Engine, plugin: &Verified) -> Name {
    let mut settings = Settings(Vec::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    let version = env!("CARGO_PKG_VERSION");
    Name::of(&[plugin.digest().as_bytes(), version.as_bytes(), &settings.0])
}

/// Takes down what is hashed.
struct Settings(Vec<u8>);

impl Hasher for Settings {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Nobody asks.
    fn finish(&self) -> u64 {
        0
    }
}
