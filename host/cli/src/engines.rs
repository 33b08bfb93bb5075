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
use crate::both::side_by_side;
use crate::found::Found;
use crate::prepare::{Given, Ready};
use crate::report::{Failure, Failures};
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

/// The plugins of a run, each by its scheme.
type Of<T> = BTreeMap<String, T>;

/// A plugin that can be run, and what it will be given.
pub(crate) struct Loaded {
    pub(crate) compiled: Compiled,
    pub(crate) given: Given,
    pub(crate) keys: Vec<SecretBytes>,
    pub(crate) awaits: usize,
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

    /// The plugins of a run, and the clocks that interrupt them: nothing else does. Those of others are compiled, if that
    /// was not done before.
    pub(crate) fn load(&self, plugins: Of<Ready>) -> Result<(Of<Loaded>, Vec<Ticks>), Failures> {
        let others = plugins.values().map(|ready| &ready.approved).filter(|approved| !approved.is_built_in());
        let names: Vec<String> = others.map(|approved| approved.verified().manifest().full_name()).collect();
        let with_runtime = plugins.into_iter().map(|(scheme, ready)| {
            let runtime = self.runtime(ready.limits.clone())?;
            Ok((scheme, runtime, ready))
        });
        let plugins: Vec<_> = with_runtime.collect::<Result<_, LoadError>>()?;
        // Most plugins have the same.
        let runtimes: BTreeMap<_, _> =
            plugins.iter().map(|(_, runtime, _)| (Arc::as_ptr(runtime), runtime)).collect();
        let clocks = runtimes.values().map(|runtime| runtime.ticks()).collect();
        let all = || side_by_side(plugins, |(scheme, runtime, ready)| (scheme, self.loaded(&runtime, ready)));
        let loaded = match names.is_empty() {
            true => all(),
            false => progress::told(&format!("compiling {}, once", names.join(", ")), all),
        };
        let (mut plugins, mut unkept) = (Of::new(), None);
        for (scheme, loaded) in loaded {
            let (plugin, problem) = loaded?;
            plugins.insert(scheme, plugin);
            unkept = unkept.or(problem);
        }
        self.warn(unkept);
        Ok((plugins, clocks))
    }

    /// One of them, and why its code could not be kept.
    fn loaded(&self, runtime: &Runtime, ready: Ready) -> Result<(Loaded, Option<Failure>), LoadError> {
        let Ready { approved, given, keys, awaits, .. } = ready;
        let code = approved.code(runtime)?;
        let unkept = self.unkept(&code);
        Ok((Loaded { compiled: runtime.load(code)?, given, keys, awaits }, unkept))
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
