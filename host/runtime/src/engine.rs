//! The one configuration of the WebAssembly engine, and the clock that interrupts guests.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use wasmtime::{Config, Engine, EngineWeak, Strategy, WasmBacktraceDetails, WasmFeatures};

use crate::LoadError;
use crate::compiled::InPlace;

/// How often a running guest is looked at. Limits on computing time are a multiple of it.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// What code is compiled for.
pub(crate) enum Target {
    /// This processor, with all that it can do.
    Native,
    /// Any processor of this architecture.
    Portable,
}

/// What a host function needs of the stack that it shares with the guest.
const HOST_STACK: usize = 1536 << 10;

/// An engine whose guests have a stack of so many bytes.
pub(crate) fn engine(target: &Target, stack: usize) -> Result<Engine, LoadError> {
    let mut config = Config::new();
    config
        .max_wasm_stack(stack)
        .async_stack_size(stack.saturating_add(HOST_STACK))
        // Never the single-pass compiler: it does not go with epochs.
        .strategy(Strategy::Cranelift)
        .epoch_interruption(true)
        // What compilers make use of, and nothing that is newer: each is surface.
        .wasm_features(WasmFeatures::all(), false)
        .wasm_features(features(), true)
        // The default for the details is to ask an environment variable. A backtrace would hold names
        // that the plugin chose, and nobody reads it.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(None)
        .generate_address_map(false)
        // An instance is made once in most processes: a copy costs less than a file in memory to map.
        .memory_init_cow(false)
        .with_custom_code_memory(Some(Arc::new(InPlace)));
    if matches!(target, Target::Portable) {
        let triple = target_lexicon::HOST.to_string();
        config.target(&triple).map_err(LoadError::engine)?;
    }
    Engine::new(&config).map_err(LoadError::engine)
}

/// WebAssembly 2.0, and what the linkers of components need: several memories are what the engine's own glue between
/// two components has. No garbage collection, which this engine is built without, and no typed references, exceptions
/// or tail calls.
fn features() -> WasmFeatures {
    let gc = WasmFeatures::GC_TYPES | WasmFeatures::GC | WasmFeatures::FUNCTION_REFERENCES;
    let linked = WasmFeatures::EXTENDED_CONST | WasmFeatures::MULTI_MEMORY;
    (WasmFeatures::WASM2 | linked | WasmFeatures::COMPONENT_MODEL) & !gc
}

/// Advances the epoch of an engine while at least one guest runs, and sleeps otherwise.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    engine: EngineWeak,
    started: OnceLock<Result<(), String>>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    running: usize,
    closed: bool,
}

impl Shared {
    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }
}

impl Ticker {
    pub(crate) fn new(engine: &Engine) -> Self {
        let state = Mutex::new(State { running: 0, closed: false });
        let shared = Arc::new(Shared { state, changed: Condvar::new() });
        Self { shared, engine: engine.weak(), started: OnceLock::new() }
    }

    /// Starts its thread, which has what the thread has that calls this first: it is one that runs plugins.
    pub(crate) fn start(&self) -> Result<(), LoadError> {
        let start = || {
            let (shared, engine) = (Arc::clone(&self.shared), self.engine.clone());
            let thread = std::thread::Builder::new().name("ptrun-epoch".to_owned());
            thread.spawn(move || tick(&shared, &engine)).map(drop).map_err(|why| why.to_string())
        };
        self.started.get_or_init(start).clone().map_err(LoadError::Engine)
    }

    /// Leaves it to somebody else.
    pub(crate) fn leave(&self) -> Ticks {
        let _ = self.started.set(Ok(()));
        Ticks(self.engine.clone())
    }

    /// Ticks until the result is dropped.
    pub(crate) fn run(&self) -> Running<'_> {
        self.shared.update(|state| state.running += 1);
        Running(&self.shared)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.update(|state| state.closed = true);
    }
}

/// The clock of a [`Runtime`](crate::Runtime), in the hands of a thread that has nothing else to do.
#[derive(Clone)]
pub struct Ticks(EngineWeak);

impl fmt::Debug for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ticks")
    }
}

impl Ticks {
    /// How often it ticks.
    pub const PERIOD: Duration = TICK;

    /// To be called once each [`PERIOD`](Self::PERIOD) while plugins run. Without it they are not interrupted, and no
    /// limit on computing holds.
    pub fn tick(&self) {
        if let Some(engine) = self.0.upgrade() {
            engine.increment_epoch();
        }
    }
}

/// A guest is running.
pub(crate) struct Running<'a>(&'a Shared);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.update(|state| state.running -= 1);
    }
}

fn tick(shared: &Shared, engine: &EngineWeak) {
    let idle = |state: &mut State| state.running == 0 && !state.closed;
    loop {
        let state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = shared.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        if state.closed {
            return;
        }
        drop(state);
        std::thread::sleep(TICK);
        match engine.upgrade() {
            Some(engine) => engine.increment_epoch(),
            None => return,
        }
    }
}
