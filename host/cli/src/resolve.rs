//! Asks the plugins, all at once, each for everything that the run wants from it.

use std::collections::BTreeMap;
use std::io::Write as _;

use ptrun_host::{
    Answers, Compiled, Grant, Limits, LogRecord, Runtime, Sandbox, SecretBytes, SecretRef, resolve_all,
};

use crate::args::Global;
use crate::plan::Wanted;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};
use crate::shell;

/// One secret for each that is wanted, in their order; or every reason why there is none.
pub(crate) fn all(
    global: &Global,
    plugins: Plugins,
    wanted: &[Wanted],
) -> Result<Vec<SecretBytes>, Failures> {
    let mut runtime = Runtime::new(Limits::default())?;
    if global.verbose {
        runtime = runtime.with_log(show);
    }

    let mut batches: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, wanted) in wanted.iter().enumerate() {
        batches.entry(wanted.reference.scheme()).or_default().push(index);
    }
    let mut sandboxes: Vec<(Sandbox, Vec<usize>)> = Vec::new();
    let mut plugins = plugins.into_map();
    for (scheme, indices) in batches {
        // The plan asked for a plugin for each scheme.
        let Some(plugin) = plugins.remove(scheme) else { continue };
        let (grants, missing) = plugin.approved.grants(&plugin.allowed, &batch(&indices, wanted));
        let compiled = plugin.approved.compile(&runtime)?;
        if !missing.is_empty() {
            return Err(not_granted(scheme, &compiled, &missing).into());
        }
        let sandbox = compiled.sandbox(grants, BTreeMap::new())?;
        sandboxes.push((sandbox, indices));
    }

    let questions: Vec<(&Sandbox, Vec<&SecretRef>)> =
        sandboxes.iter().map(|(sandbox, indices)| (sandbox, batch(indices, wanted))).collect();
    let answers = wait(resolve_all(&questions))?;

    let mut secrets: Vec<Option<SecretBytes>> = wanted.iter().map(|_| None).collect();
    let mut failures = Vec::new();
    for ((_, indices), answer) in sandboxes.iter().zip(answers) {
        collect(indices, answer, wanted, &mut secrets, &mut failures);
    }
    match secrets.into_iter().collect::<Option<Vec<_>>>() {
        Some(secrets) if failures.is_empty() => Ok(secrets),
        _ => Err(Failures::new(failures)),
    }
}

/// Names what a plugin asks for and is not given, the interfaces that it would use, and what would allow it.
fn not_granted(scheme: &str, plugin: &Compiled, missing: &[Grant]) -> Failure {
    let message = format!("the plugin `{scheme}` asks for something that it is not granted");
    let mut failure = Failure::new("grant/missing", message);
    for grant in missing {
        failure = failure.fact("asks for", grant);
        failure = plugin.interfaces_for(grant).fold(failure, |failure, name| failure.fact("imports", name));
    }
    let allow: Vec<_> = missing
        .iter()
        .map(|grant| format!("--allow {}", shell::word(&format!("{scheme}:{grant}"))))
        .collect();
    failure.help(format!("if it should have this, add `{}`", allow.join(" ")))
}

/// The references at `indices`.
fn batch<'a>(indices: &[usize], wanted: &'a [Wanted]) -> Vec<&'a SecretRef> {
    indices.iter().map(|&index| &wanted[index].reference).collect()
}

/// Puts one plugin's answers where they belong.
fn collect(
    indices: &[usize],
    answer: Answers,
    wanted: &[Wanted],
    secrets: &mut [Option<SecretBytes>],
    failures: &mut Vec<Failure>,
) {
    match answer {
        Err(error) => failures.push(error.into()),
        Ok(answers) => {
            for (&index, answer) in indices.iter().zip(answers) {
                match answer {
                    Ok(secret) => secrets[index] = Some(secret),
                    Err(error) => {
                        let Wanted { name, reference } = &wanted[index];
                        let failure = name
                            .iter()
                            .fold(error.into(), |failure: Failure, name| failure.fact("secret", name));
                        failures.push(failure.fact("reference", reference));
                    }
                }
            }
        }
    }
}

/// Runs a future on this thread alone: no pool is started for a look-up of a variable.
fn wait<T>(future: impl Future<Output = T>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|why| Failure::new("system/runtime", format!("the system refused: {why}")))?;
    Ok(runtime.block_on(future))
}

fn show(record: &LogRecord) {
    let level = match record.level {
        ptrun_host::LogLevel::Debug => "debug",
        ptrun_host::LogLevel::Info => "info",
        ptrun_host::LogLevel::Warn => "warn",
        _ => "error",
    };
    let fields: String = record.fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    // A closed standard error is no reason to fail.
    let _ = writeln!(anstream::stderr(), "{level}[{}]: {}{fields}", record.plugin, record.code);
}
