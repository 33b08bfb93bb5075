//! From a verified plugin to a sandbox: compile, load, compare what it imports with what it asked for, link.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ptrun_egress::Options;
use ptrun_trust::{Capabilities, Verified};
use semver::Version;
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::code::{self, Code, CodeCache};
use crate::compiled::{self, Machine};
use crate::engine::{Target, Ticker, Ticks, engine};
use crate::sandbox::{LogRecord, interfaces};
use crate::{Grant, Grants, Limit, Limits, Sandbox};

/// The version of the interface `ptrun:plugin` that this host speaks.
pub const INTERFACE_VERSION: Version = Version::new(0, 1, 0);

/// The interface that a plugin exports, without its version.
const SECRET_SOURCE: &str = "ptrun:plugin/secret-source";

/// Why a verified plugin cannot be run. In each, `plugin` is its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The engine could not start on this machine.
    #[error("the WebAssembly engine cannot start: {0}")]
    Engine(String),
    /// The component is invalid, or uses what the sandbox does not have.
    #[error("the component cannot be compiled: {0}")]
    Invalid(String),
    /// It is larger than [`Limits::component_bytes`].
    #[error("the plugin `{plugin}` has {size} bytes, and at most {limit} are allowed")]
    TooLarge {
        /// The plugin.
        plugin: String,
        /// How large it is.
        size: usize,
        /// How large it may be.
        limit: usize,
    },
    /// Compiling it takes too much.
    #[error("the plugin `{plugin}` needs more {limit} than it may")]
    Limit {
        /// The plugin.
        plugin: String,
        /// Of what.
        limit: Limit,
    },
    /// It exports no `secret-source`.
    #[error("the plugin `{plugin}` does not export the interface `{SECRET_SOURCE}`")]
    NotASource {
        /// The plugin.
        plugin: String,
    },
    /// It is for another version of the interface.
    #[error(
        "the plugin `{plugin}` needs version {needs} of the interface, and this host has {INTERFACE_VERSION}"
    )]
    Interface {
        /// The plugin.
        plugin: String,
        /// The version, or the range of them, that it needs.
        needs: String,
    },
    /// It imports something that no plugin is ever given.
    #[error("the plugin `{plugin}` imports `{interface}`, which no plugin is given")]
    Forbidden {
        /// The plugin.
        plugin: String,
        /// The interface, with its version.
        interface: String,
    },
    /// It imports something that its manifest does not ask for.
    #[error("the plugin `{plugin}` imports `{interface}`, for which its manifest does not ask")]
    Undeclared {
        /// The plugin.
        plugin: String,
        /// The interface, with its version.
        interface: String,
        /// The key under `[capabilities]` that would ask for it.
        capability: &'static str,
    },
    /// It asks for something that it does not import.
    #[error(
        "the manifest of the plugin `{plugin}` asks for `{capability}`, which the component does not import"
    )]
    Unused {
        /// The plugin.
        plugin: String,
        /// The key under `[capabilities]`.
        capability: &'static str,
    },
    /// It imports something that it was not granted.
    #[error("the plugin `{plugin}` imports `{interface}`, which it is not granted")]
    NotGranted {
        /// The plugin.
        plugin: String,
        /// The interface, with its version.
        interface: String,
        /// The kind of grant that is missing.
        capability: &'static str,
    },
    /// Its requests are to be signed, and nothing was given to sign them.
    #[error("the requests of the plugin `{plugin}` need a credential")]
    NoCredential {
        /// The plugin.
        plugin: String,
    },
    /// Its requests cannot be sent, whatever they are.
    #[error("the requests of the plugin `{plugin}` cannot be sent: {why}")]
    Egress {
        /// The plugin.
        plugin: String,
        /// What is missing.
        why: String,
    },
    /// A setting that the manifest does not declare.
    #[error("the plugin `{plugin}` has no setting `{key}`")]
    UnknownSetting {
        /// The plugin.
        plugin: String,
        /// The setting.
        key: String,
    },
}

impl LoadError {
    pub(crate) fn engine(why: wasmtime::Error) -> Self {
        Self::Engine(ptrun_trust::untrusted(&format!("{why:#}"), &[]))
    }

    pub(crate) fn compiler(why: wasmtime::Error) -> Self {
        Self::Invalid(ptrun_trust::untrusted(&format!("{why:#}"), &[]))
    }
}

/// What receives the messages of plugins.
pub(crate) type LogSink = Arc<dyn Fn(&LogRecord) + Send + Sync>;

/// The engine that plugins run on. One is enough for a process: it holds no plugin and no secret.
pub struct Runtime {
    engine: Engine,
    ticker: Arc<Ticker>,
    limits: Limits,
    log: LogSink,
    egress: Options,
    cache: Option<CodeCache>,
    confine: fn(),
    leaves_instances: bool,
    compilations: AtomicU64,
    /// What was loaded from machine code that stays where it is, by its address.
    loaded: Mutex<BTreeMap<usize, Component>>,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Runtime {
    /// An engine with these limits for each plugin.
    ///
    /// # Errors
    /// If the machine lacks what the engine needs.
    pub fn new(limits: Limits) -> Result<Self, LoadError> {
        let engine = engine(&Target::Native, limits.stack)?;
        Ok(Self {
            ticker: Arc::new(Ticker::new(&engine)),
            engine,
            limits,
            log: Arc::new(|_| {}),
            egress: Options::default(),
            cache: None,
            confine: || {},
            leaves_instances: false,
            compilations: AtomicU64::new(0),
            loaded: Mutex::default(),
        })
    }

    /// Hands the messages of plugins to `log`. Without it they go nowhere.
    #[must_use]
    pub fn with_log(mut self, log: impl Fn(&LogRecord) + Send + Sync + 'static) -> Self {
        self.log = Arc::new(log);
        self
    }

    /// Sends the requests of plugins in this way.
    #[must_use]
    pub fn with_egress(mut self, options: Options) -> Self {
        self.egress = options;
        self
    }

    /// Keeps machine code between processes.
    #[must_use]
    pub fn with_cache(mut self, cache: CodeCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// Calls `confine` on the thread on which the compiler runs, before it does: what that takes away from the thread
    /// and those that it starts, the compiler does not have. It needs no files and no network.
    #[must_use]
    pub fn confine_compiler(mut self, confine: fn()) -> Self {
        self.confine = confine;
        self
    }

    /// Leaves the memory of an instance where it is when its call has ended well, until its sandbox goes or has another
    /// one: taking it apart takes longer than many a call, and who ends soon after need not wait for that. Until then, it
    /// has what the plugin had.
    #[must_use]
    pub const fn leave_instances(mut self) -> Self {
        self.leaves_instances = true;
        self
    }

    /// Starts no thread to interrupt guests: the caller does that.
    #[must_use]
    pub fn ticks(&self) -> Ticks {
        self.ticker.leave()
    }

    /// [Machine code](Self::code), [loaded](Self::load).
    ///
    /// # Errors
    /// Those of both.
    pub fn compile(&self, plugin: Verified) -> Result<Compiled, LoadError> {
        self.load(self.code(plugin)?)
    }

    /// Machine code of a plugin: from the cache, or from the compiler.
    ///
    /// # Errors
    /// If it is no valid component, or takes more than it may. In the last case a thread is left behind, which goes on
    /// until it is done.
    pub fn code(&self, plugin: Verified) -> Result<Code, LoadError> {
        let size = plugin.bytes().len();
        if size > self.limits.component_bytes {
            let limit = self.limits.component_bytes;
            return Err(LoadError::TooLarge { plugin: plugin.manifest().full_name(), size, limit });
        }
        let plugin = Arc::new(plugin);
        let (machine, problem) = match &self.cache {
            Some(CodeCache(cache)) => {
                let name = code::name(&self.engine, &plugin);
                compiled::kept(cache, &name, self.limits.time_to_compile(size), || self.machine(&plugin))?
            }
            None => (Machine::New(self.machine(&plugin)?), None),
        };
        let is_new = matches!(machine, Machine::New(_));
        Ok(Code { plugin, machine, is_new, problem })
    }

    fn machine(&self, plugin: &Arc<Verified>) -> Result<Vec<u8>, LoadError> {
        self.compilations.fetch_add(1, Ordering::Relaxed);
        compiled::compile(&self.engine, plugin, &self.limits, self.confine)
    }

    /// How often the compiler was called.
    #[must_use]
    pub fn compilations(&self) -> u64 {
        self.compilations.load(Ordering::Relaxed)
    }

    /// Takes the machine code of a plugin. If it is for another version of the engine, or for another processor, it is
    /// compiled again.
    ///
    /// # Errors
    /// If it is not a `secret-source` of this version, or imports something else than what its manifest asks for.
    pub fn load(&self, code: Code) -> Result<Compiled, LoadError> {
        let Code { plugin, machine, is_new, .. } = code;
        let component = match self.component(&machine) {
            Err(_) if !is_new => Machine::New(self.machine(&plugin)?).load(&self.engine)?,
            loaded => loaded?,
        };
        self.ticker.start()?;
        self.check(plugin, component)
    }

    /// The same machine code is loaded once: two plugins of a run are often one, under two names.
    fn component(&self, machine: &Machine) -> Result<Component, LoadError> {
        let Some(address) = machine.lasting() else { return machine.load(&self.engine) };
        let loaded = || self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(component) = loaded().get(&address) {
            return Ok(component.clone());
        }
        let component = machine.load(&self.engine)?;
        Ok(loaded().entry(address).or_insert(component).clone())
    }

    fn check(&self, plugin: Arc<Verified>, component: Component) -> Result<Compiled, LoadError> {
        let ty = component.component_type();
        let imports: Vec<String> = ty.imports(&self.engine).map(|(name, _)| name.to_owned()).collect();
        let exports = ty.exports(&self.engine).filter_map(|(name, item)| {
            matches!(item.ty, ComponentItem::ComponentInstance(_)).then_some(name)
        });
        check_interface(&plugin, exports)?;
        check_imports(&plugin, &imports)?;
        Ok(Compiled {
            plugin,
            component,
            imports,
            limits: self.limits.clone(),
            ticker: Arc::clone(&self.ticker),
            log: Arc::clone(&self.log),
            egress: self.egress.clone(),
            leaves_instances: self.leaves_instances,
        })
    }
}

/// A plugin that can be run, and has been given nothing yet.
pub struct Compiled {
    pub(crate) plugin: Arc<Verified>,
    pub(crate) component: Component,
    imports: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) ticker: Arc<Ticker>,
    pub(crate) log: LogSink,
    pub(crate) egress: Options,
    pub(crate) leaves_instances: bool,
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Compiled({:?})", self.plugin)
    }
}

impl Compiled {
    /// The plugin.
    #[must_use]
    pub fn plugin(&self) -> &Verified {
        &self.plugin
    }

    /// What it imports, each with its version.
    #[must_use]
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    /// The interfaces through which it would use a grant.
    pub fn interfaces_for(&self, grant: &Grant) -> impl Iterator<Item = &str> {
        let capability = match grant {
            Grant::Env(_) => "env",
            Grant::File(_) => "files",
            Grant::Http(_) | Grant::Network(_) => "http",
            Grant::Random => "random",
        };
        let uses = move |interface: &&String| {
            interfaces::need(interface).is_some_and(|need| need.capability == capability)
        };
        self.imports.iter().filter(uses).map(String::as_str)
    }

    /// Puts the plugin into a sandbox that holds `grants`, with these settings.
    ///
    /// # Errors
    /// If it imports something that it is not granted, or a setting is none of its own.
    pub fn sandbox(self, grants: Grants, config: BTreeMap<String, String>) -> Result<Sandbox, LoadError> {
        let plugin = || self.plugin.manifest().full_name();
        let known = &self.plugin.manifest().config;
        if let Some(key) = config.keys().find(|key| !known.contains_key(*key)) {
            return Err(LoadError::UnknownSetting { plugin: plugin(), key: key.clone() });
        }
        for interface in &self.imports {
            match interfaces::need(interface) {
                Some(need) if !need.granted(&grants) => {
                    let (plugin, interface) = (plugin(), interface.clone());
                    return Err(LoadError::NotGranted { plugin, interface, capability: need.capability });
                }
                _ => {}
            }
        }
        if grants.lacks_credential() {
            return Err(LoadError::NoCredential { plugin: plugin() });
        }
        Sandbox::new(self, grants, config)
    }
}

fn check_interface<'a>(plugin: &Verified, exports: impl Iterator<Item = &'a str>) -> Result<(), LoadError> {
    let manifest = plugin.manifest();
    let wrong = |needs: String| LoadError::Interface { plugin: manifest.full_name(), needs };
    if !manifest.interface.matches(&INTERFACE_VERSION) {
        return Err(wrong(manifest.interface.to_string()));
    }
    let versions: Vec<&str> = exports
        .filter_map(|name| name.strip_prefix(SECRET_SOURCE))
        .filter(|rest| rest.is_empty() || rest.starts_with('@'))
        .collect();
    if versions.iter().any(|version| *version == format!("@{INTERFACE_VERSION}")) {
        return Ok(());
    }
    Err(match versions.first() {
        Some(version) => wrong(version.trim_start_matches('@').to_owned()),
        None => LoadError::NotASource { plugin: manifest.full_name() },
    })
}

/// What the manifest asks for and what the component imports must be the same.
fn check_imports(plugin: &Verified, imports: &[String]) -> Result<(), LoadError> {
    let asked: &Capabilities = &plugin.manifest().capabilities;
    let name = || plugin.manifest().full_name();
    for interface in imports {
        let interface = interface.clone();
        match interfaces::need(&interface) {
            Some(need) if need.asked(asked) => {}
            Some(need) => {
                return Err(LoadError::Undeclared { plugin: name(), interface, capability: need.capability });
            }
            None if interfaces::is_inert(&interface) => {}
            None => return Err(LoadError::Forbidden { plugin: name(), interface }),
        }
    }
    for need in interfaces::NEEDS.iter().filter(|need| need.asked(asked)) {
        if !imports.iter().any(|interface| need.is_for(interface)) {
            return Err(LoadError::Unused { plugin: name(), capability: need.capability });
        }
    }
    Ok(())
}
