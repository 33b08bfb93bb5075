//! The engines of a run, and the machine code of its plugins. The compiler runs before any plugin does, on a thread
//! that can do nothing else, and what it makes is kept for the next run.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;

use ptrun_host::{
    Code, CodeCache, Compiled, EgressOptions, Limits, LoadError, LogLevel, LogRecord, Runtime, SecretBytes,
    Ticks,
};

use crate::args::{ErrorFormat, Global};
use crate::found::Found;
use crate::prepare::{Given, Ready};
use crate::report::Failure;
use crate::{confine, progress};

/// How engines are started in this run.
pub(crate) struct Engines {
    /// With the limits that most plugins have.
    usual: Arc<Runtime>,
    egress: EgressOptions,
    verbose: bool,
    format: ErrorFormat,
    /// Where code is kept; none if the user wants that, or why there is no place.
    cache: Result<Option<CodeCache>, Failure>,
}

/// The machine code of a plugin, and what the plugin will be given.
pub(crate) struct Coded {
    runtime: Arc<Runtime>,
    code: Code,
    given: Given,
    keys: Vec<SecretBytes>,
    awaits: usize,
}

/// A plugin that can be run, and what it will be given.
pub(crate) struct Loaded {
    pub(crate) compiled: Compiled,
    pub(crate) given: Given,
    /// The keys to its files that are here.
    pub(crate) keys: Vec<SecretBytes>,
    /// How many secrets other plugins fetch for it.
    pub(crate) awaits: usize,
}

impl Coded {
    pub(crate) fn load(self) -> Result<Loaded, LoadError> {
        let Self { runtime, code, given, keys, awaits } = self;
        Ok(Loaded { compiled: runtime.load(code)?, given, keys, awaits })
    }
}

impl Engines {
    pub(crate) fn new(global: &Global, egress: EgressOptions) -> Result<Self, Failure> {
        let (verbose, format, cache) = (global.verbose, global.error_format, global.cache());
        let usual = Arc::new(start(Limits::default(), &egress, verbose, cache.as_ref().ok())?);
        Ok(Self { usual, egress, verbose, format, cache })
    }

    fn runtime(&self, limits: Limits) -> Result<Arc<Runtime>, LoadError> {
        match limits == Limits::default() {
            true => Ok(Arc::clone(&self.usual)),
            false => start(limits, &self.egress, self.verbose, self.cache.as_ref().ok()).map(Arc::new),
        }
    }

    /// Finds the machine code of the plugins of a run, each with its scheme, and hands it over as it comes: the clocks
    /// that interrupt them, which nothing else does. Those of others are compiled, if that was not done before.
    pub(crate) fn find(
        &self,
        plugins: BTreeMap<String, Ready>,
        to: impl Fn(String, Result<Coded, LoadError>),
    ) -> Vec<Ticks> {
        let others = plugins.values().map(|ready| &ready.approved).filter(|approved| !approved.is_built_in());
        let names: Vec<String> = others.map(|approved| approved.verified().manifest().full_name()).collect();
        // Most plugins have the same engine.
        let (mut clocks, mut unkept) = (vec![self.usual.ticks()], None);
        let all = || {
            for (scheme, ready) in plugins {
                let coded = self.runtime(ready.limits.clone()).and_then(|runtime| {
                    if !Arc::ptr_eq(&runtime, &self.usual) {
                        clocks.push(runtime.ticks());
                    }
                    self.coded(runtime, ready)
                });
                if let Ok(coded) = &coded {
                    unkept = unkept.take().or_else(|| self.unkept(&coded.code));
                }
                to(scheme, coded);
            }
        };
        match names.is_empty() {
            true => all(),
            false => progress::told(&format!("compiling {}, once", names.join(", ")), all),
        }
        self.warn(unkept);
        clocks
    }

    fn coded(&self, runtime: Arc<Runtime>, ready: Ready) -> Result<Coded, LoadError> {
        let Ready { approved, given, keys, awaits, .. } = ready;
        let code = approved.code(&runtime)?;
        Ok(Coded { runtime, code, given, keys, awaits })
    }

    /// The machine code of a plugin that is only looked at.
    pub(crate) fn code_of(&self, found: Found, limits: Limits) -> Result<(Arc<Runtime>, Code), Failure> {
        let runtime = self.runtime(limits)?;
        let what = format!("compiling {}, once", found.verified.manifest().full_name());
        let code = progress::told(&what, || found.code(&runtime))?;
        Ok((runtime, code))
    }

    /// Says that what was compiled could not be kept.
    pub(crate) fn warn(&self, unkept: Option<Failure>) {
        if let Some(failure) = unkept {
            failure.help("mend that, or turn it off: `--cache off`; nothing else is wrong").warn(self.format);
        }
    }

    /// Why the code of a plugin could not be kept.
    pub(crate) fn unkept(&self, code: &Code) -> Option<Failure> {
        let why = match (&self.cache, code.problem()) {
            (_, Some(problem)) => problem.to_string(),
            (Err(failure), None) if code.is_new() => failure.sentence().to_owned(),
            _ => return None,
        };
        Some(Failure::new("cache/unusable", format!("compiled code is not kept: {why}")))
    }
}

fn start(
    limits: Limits,
    egress: &EgressOptions,
    verbose: bool,
    cache: Option<&Option<CodeCache>>,
) -> Result<Runtime, LoadError> {
    let runtime = Runtime::new(limits)?.with_egress(egress.clone()).confine_compiler(confine::compiler);
    // The thread of the plugins takes them apart, while this one goes on.
    let runtime = runtime.leave_instances();
    let runtime = if verbose { runtime.with_log(show) } else { runtime };
    Ok(match cache.cloned().flatten() {
        Some(cache) => runtime.with_cache(cache),
        None => runtime,
    })
}

fn show(record: &LogRecord) {
    let level = match record.level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        _ => "error",
    };
    let fields: String = record.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    // A closed standard error is no reason to fail.
    let _ = writeln!(anstream::stderr(), "{level}[{}]: {}{fields}", record.plugin, record.code);
}
