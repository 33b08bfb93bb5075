//! The compiler, and machine code. The only place in this crate where code is unsafe: machine code that was compiled
//! earlier is run as it is, so whoever hands it in answers for it.

use std::collections::{BTreeMap, BTreeSet};
use std::ptr::NonNull;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ptrun_cache::{Cache, CacheError, Found, Name};
use ptrun_trust::Verified;
use rustix::mm::{MprotectFlags, mprotect};
use wasmtime::component::Component;
use wasmtime::{CustomCodeMemory, Engine};

use crate::engine::{Target, engine};
use crate::{Limit, Limits, LoadError};

/// How often a compilation is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Where the code is that ever ran in its place.
static IN_PLACE: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// What was found in a cache, by its name: it is in memory once, for as long as this process lives.
static KEPT: Mutex<BTreeMap<Name, &'static [u8]>> = Mutex::new(BTreeMap::new());

/// The machine code of a component, from [`precompile`].
#[derive(Debug, Clone, Copy)]
pub struct Precompiled(&'static [u8]);

impl Precompiled {
    /// Takes `code` for what [`precompile`] made of the plugin that it will be used with. If it begins with a page of
    /// memory, it is run where it is, and only what runs is read; otherwise a copy is made.
    ///
    /// # Safety
    /// It must be exactly that, in memory that nobody writes to: a constant of the program. Other bytes are other
    /// machine code, and run with the rights of this process. Code of another version of this crate, or for another
    /// processor, is recognised and refused.
    #[must_use]
    #[allow(unsafe_code, reason = "the caller vouches for machine code, which no check here could replace")]
    pub const unsafe fn new(code: &'static [u8]) -> Self {
        Self(code)
    }
}

/// Machine code of this crate's own making.
#[derive(Clone)]
pub(crate) enum Machine {
    /// A constant, or what a cache authenticated: it is there as long as the process.
    Lasting(Precompiled),
    /// What the compiler made just now.
    New(Vec<u8>),
}

impl Machine {
    /// Where it is, if it stays there.
    pub(crate) fn lasting(&self) -> Option<usize> {
        match self {
            Self::Lasting(Precompiled(code)) => Some(code.as_ptr().addr()),
            Self::New(_) => None,
        }
    }

    #[allow(unsafe_code, reason = "loads machine code that only the compiler of this crate made")]
    pub(crate) fn load(&self, engine: &Engine) -> Result<Component, LoadError> {
        let code = match self {
            Self::Lasting(Precompiled(code)) => *code,
            Self::New(code) => code,
        };
        let address = code.as_ptr().addr();
        // The engine has one component for each piece of code; another one is a copy.
        let first = || IN_PLACE.lock().unwrap_or_else(PoisonError::into_inner).insert(address);
        let aligned = matches!(self, Self::Lasting(_)) && address.is_multiple_of(rustix::param::page_size());
        // SAFETY: these bytes are the unaltered output of the compiler: `Precompiled::new` was promised that, a cache
        // has nothing else that it takes for its own, and what is new comes from `compile`. What is run in its place
        // stays there.
        let component = unsafe {
            match aligned && first() {
                true => Component::deserialize_raw(engine, NonNull::from(code)),
                false => Component::deserialize(engine, code),
            }
        };
        component.map_err(LoadError::compiler)
    }
}

/// Machine code that was kept by an earlier process, or is made now and kept; and why it could not be.
pub(crate) fn kept(
    cache: &Cache,
    name: &Name,
    patience: Duration,
    make: impl FnOnce() -> Result<Vec<u8>, LoadError>,
) -> Result<(Machine, Option<CacheError>), LoadError> {
    let known = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(code) = known().get(name) {
        return Ok((Machine::Lasting(Precompiled(code)), None));
    }
    match cache.find(name, patience) {
        Ok(Found::Here(code)) => {
            let code = *known().entry(*name).or_insert_with(|| code.leak());
            Ok((Machine::Lasting(Precompiled(code)), None))
        }
        Ok(Found::Missing(claim)) => {
            let code = make()?;
            let problem = claim.keep(&code).err();
            Ok((Machine::New(code), problem))
        }
        Err(problem) => Ok((Machine::New(make()?), Some(problem))),
    }
}

/// Makes code executable where it is: the engine does so only with memory that it mapped itself.
#[derive(Debug)]
pub(crate) struct InPlace;

impl CustomCodeMemory for InPlace {
    fn required_alignment(&self) -> usize {
        rustix::param::page_size()
    }

    #[allow(unsafe_code, reason = "pages of code are made executable, and nobody can write to them")]
    fn publish_executable(&self, start: *const u8, bytes: usize) -> wasmtime::Result<()> {
        // SAFETY: the engine calls this with whole pages of code, before it runs: what `load` was given, which is
        // constant, or what the engine mapped and made read-only.
        unsafe { mprotect(start.cast_mut().cast(), bytes, MprotectFlags::READ | MprotectFlags::EXEC) }?;
        Ok(())
    }

    /// Nothing: another component may run the same pages, and what the engine mapped it unmaps.
    fn unpublish_executable(&self, _: *const u8, _: usize) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// Compiles a plugin for any processor of this architecture, for [`Precompiled`].
///
/// # Errors
/// If the component is invalid, or uses what the sandbox does not have.
pub fn precompile(plugin: &Verified) -> Result<Vec<u8>, LoadError> {
    engine(&Target::Portable, Limits::default().stack)?
        .precompile_component(plugin.bytes())
        .map_err(LoadError::compiler)
}

/// Compiles a plugin for this processor, within limits. There is no other call of the compiler at run time, and it
/// takes nothing but a [`Verified`].
///
/// The compiler cannot be interrupted. It runs on a thread of its own, which begins with `confine`, is left behind when
/// it takes too much, and goes on until it is done or the process ends.
pub(crate) fn compile(
    engine: &Engine,
    plugin: &Arc<Verified>,
    limits: &Limits,
    confine: fn(),
) -> Result<Vec<u8>, LoadError> {
    // One at a time: each has all cores, and its memory is told from nobody else's.
    static COMPILER: Mutex<()> = Mutex::new(());
    let _turn = COMPILER.lock().unwrap_or_else(PoisonError::into_inner);
    let (name, size) = (plugin.manifest().full_name(), plugin.bytes().len());
    let over = |limit| Err(LoadError::Limit { plugin: name.clone(), limit });
    let (time, memory) = (limits.time_to_compile(size), limits.memory_to_compile(size));
    let (start, before) = (Instant::now(), resident());
    let (sender, receiver) = sync_channel(1);
    let (engine, plugin) = (engine.clone(), Arc::clone(plugin));
    let work = move || {
        confine();
        let code = engine.precompile_component(plugin.bytes());
        drop(plugin);
        // Nobody listens any more if it took too much.
        let _ = sender.send(code);
    };
    let thread = std::thread::Builder::new().name("ptrun-compile".to_owned()).spawn(work);
    thread.map_err(|why| LoadError::Engine(why.to_string()))?;
    loop {
        let done = match receiver.recv_timeout(LOOK) {
            Ok(done) => Some(done),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(LoadError::Invalid("the compiler gave up".to_owned()));
            }
        };
        if start.elapsed() > time {
            return over(Limit::CompileTime);
        }
        if resident() > before.saturating_add(memory) {
            return over(Limit::CompileMemory);
        }
        if let Some(code) = done {
            return code.map_err(LoadError::compiler);
        }
    }
}

/// The memory of this process, in bytes; 0 where the system does not say.
fn resident() -> usize {
    // proc_pid_statm(5): the second number is the resident set, in pages.
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: usize = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages.saturating_mul(rustix::param::page_size())
}
