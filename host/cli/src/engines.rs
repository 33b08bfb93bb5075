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

/// A plugin with its machine code, and what it will be given.
struct Coded {
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
    pub(crate) keys: Vec<SecretBytes>,
    pub(crate) awaits: usize,
}

impl Coded {
    fn load(self) -> Result<Loaded, LoadError> {
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

    /// The plugins of a run, and the clocks that interrupt them: nothing else does.
    pub(crate) fn load(&self, plugins: Of<Ready>) -> Result<(Of<Loaded>, Vec<Ticks>), Failures> {
        let coded = self.code(plugins)?;
        // Most plugins have the same.
        let runtimes: BTreeMap<_, _> =
            coded.values().map(|plugin| (Arc::as_ptr(&plugin.runtime), &plugin.runtime)).collect();
        let clocks = runtimes.values().map(|runtime| runtime.ticks()).collect();
        let loaded = coded.into_iter().map(|(scheme, plugin)| Ok((scheme, plugin.load()?)));
        Ok((loaded.collect::<Result<_, LoadError>>()?, clocks))
    }

    /// The machine code of the plugins of a run. Those of others are compiled, if that was not done before.
    fn code(&self, plugins: Of<Ready>) -> Result<Of<Coded>, Failures> {
        let others = plugins.values().map(|ready| &ready.approved).filter(|approved| !approved.is_built_in());
        let names: Vec<String> = others.map(|approved| approved.verified().manifest().full_name()).collect();
        let all = || plugins.into_iter().map(|(scheme, ready)| Ok((scheme, self.coded(ready)?))).collect();
        if names.is_empty() {
            return all();
        }
        let coded: Result<Of<Coded>, Failures> =
            progress::told(&format!("compiling {}, once", names.join(", ")), all);
        self.warn(coded.iter().flat_map(BTreeMap::values).map(|coded| &coded.code));
        coded
    }

    fn coded(&self, ready: Ready) -> Result<Coded, Failures> {
        let Ready { approved, limits, given, keys, awaits } = ready;
        let runtime = self.runtime(limits)?;
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

    /// Says once that what was compiled could not be kept.
    pub(crate) fn warn<'a>(&self, mut codes: impl Iterator<Item = &'a Code>) {
        if let Some(failure) = codes.find_map(|code| self.unkept(code)) {
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
