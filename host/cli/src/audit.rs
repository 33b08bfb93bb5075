//! The record of what was done with secrets: who, when, with which plugins, and whether it was allowed. Never a value.
//! It is on the disk before the command starts, and if it cannot be written, nothing is done.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use ptrun_audit::{AuditError, Decision, Entry, Log, Outcome, Plugin, Request, Secret, Sink, User};
use ptrun_host::{Exchange, SecretRef};

use crate::args::Global;
use crate::config::Config;
use crate::plan::Plan;
use crate::plugins::Plugins;
use crate::report::{Failure, Failures};
use crate::user;

/// The class of what could not be recorded.
const UNWRITTEN: &str = "audit/unwritable";
/// What turns the record off.
const OFF: &str = "off";

/// What is being done, until it is recorded.
pub(crate) struct Audit {
    sinks: Vec<Sink>,
    entry: Entry,
}

impl Audit {
    /// `event` is the command of ptrun.
    pub(crate) fn begin(global: &Global, config: &Config, event: &str) -> Result<Self, Failure> {
        let user = rustix::process::geteuid().as_raw();
        let mut entry = Entry::new(event, User { id: user, name: name_of(user) });
        entry.profile = config.profile.name().map(str::to_owned);
        Ok(Self { sinks: sinks(global, config)?, entry })
    }

    /// The name of the command, and nothing of its arguments.
    pub(crate) fn program(&mut self, program: &OsStr) {
        let name = Path::new(program).file_name().unwrap_or(program);
        self.entry.program = Some(name.to_string_lossy().into_owned());
    }

    pub(crate) fn plugins(&mut self, plugins: &Plugins) {
        self.entry.plugins = plugins
            .iter()
            .map(|(scheme, plugin)| {
                let verified = plugin.approved.verified();
                let manifest = verified.manifest();
                Plugin {
                    scheme: scheme.to_owned(),
                    name: manifest.full_name(),
                    version: manifest.version.to_string(),
                    digest: verified.digest().to_string(),
                    signers: verified.signers().iter().map(ToString::to_string).collect(),
                }
            })
            .collect();
    }

    /// A secret without a name of its own.
    pub(crate) fn secret(&mut self, reference: &SecretRef) {
        self.add(None, reference);
    }

    pub(crate) fn plan(&mut self, plan: &Plan) {
        for (name, entry) in &plan.entries {
            self.add(Some(name.to_string()), &entry.reference);
        }
        for whole in &plan.wholes {
            self.add(None, &whole.reference);
        }
    }

    fn add(&mut self, name: Option<String>, reference: &SecretRef) {
        let reference = reference.to_string();
        self.entry.secrets.push(Secret { name, reference, outcome: Outcome::Failed });
    }

    /// What became of the secrets, in the order in which they were added.
    pub(crate) fn outcomes(&mut self, outcomes: impl IntoIterator<Item = Outcome>) {
        for (secret, outcome) in self.entry.secrets.iter_mut().zip(outcomes) {
            secret.outcome = outcome;
        }
    }

    pub(crate) fn requests(&mut self, scheme: &str, exchanges: Vec<Exchange>) {
        let requests = exchanges.into_iter().map(|exchange| Request {
            plugin: scheme.to_owned(),
            method: exchange.method,
            origin: exchange.origin,
            status: exchange.status,
            sent: exchange.sent,
            received: exchange.received,
            failed: exchange.failed,
        });
        self.entry.requests.extend(requests);
    }

    /// Does `work`, and records what came of it, before anybody gets it.
    pub(crate) fn over<T>(
        mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Failures>,
    ) -> Result<T, Failures> {
        let done = work(&mut self);
        match &done {
            Ok(_) => self.entry.decision = Decision::Allowed,
            Err(failures) => self.entry.classes = failures.classes().map(str::to_owned).collect(),
        }
        let written: Vec<_> =
            self.sinks.iter().map(|sink| sink.write(&self.entry).map_err(unwritten)).collect();
        if written.iter().all(Result::is_ok) {
            return done;
        }
        if done.is_ok() {
            // Where it could be recorded, it says that this was done.
            self.entry.decision = Decision::Refused;
            self.entry.classes = vec![UNWRITTEN.to_owned()];
            for (sink, _) in self.sinks.iter().zip(&written).filter(|(_, written)| written.is_ok()) {
                let _ = sink.write(&self.entry);
            }
        }
        let failures = done.err().unwrap_or_else(|| Failures::new(Vec::new()));
        Err(failures.and(written.into_iter().filter_map(Result::err).collect()))
    }
}

/// Whether a run could be recorded.
pub(crate) fn writable(global: &Global, config: &Config) -> Result<(), Failure> {
    for sink in sinks(global, config)? {
        if let Sink::File(path) = sink {
            Log::open(&path).map_err(unwritten)?;
        }
    }
    Ok(())
}

fn unwritten(why: AuditError) -> Failure {
    Failure::new(UNWRITTEN, format!("this could not be recorded: {why}"))
        .help("mend that, or name another place: `--audit PATH`, `--audit stderr`, or `--audit off`")
}

/// Where the record goes: what the command line says, or the user's file, or a file of the user's.
fn sinks(global: &Global, config: &Config) -> Result<Vec<Sink>, Failure> {
    let (texts, place) = match (&global.audit[..], &config.audit) {
        ([], Some((texts, place))) => (texts.as_slice(), Some(place)),
        ([], None) => {
            let path = usual().ok_or_else(|| {
                Failure::new(UNWRITTEN, "this could not be recorded: there is no folder for it")
                    .help("set the variable HOME, or name a place: `--audit PATH`, `--audit stderr`")
            })?;
            return Ok(vec![Sink::File(path)]);
        }
        (texts, _) => (texts, None),
    };
    let bad = |text: &str, why: String| {
        let failure = Failure::new("usage/audit", format!("`{text}` is no place for the record: {why}"));
        let failure = place.iter().fold(failure, |failure, place| failure.fact("at", place));
        failure.help("a path, `stderr`, `journald`, `syslog`, or `off` alone")
    };
    match texts {
        [off] if off == OFF => Ok(Vec::new()),
        texts => texts
            .iter()
            .map(|text| match text.as_str() {
                OFF => Err(bad(text, "there are others".to_owned())),
                text => text.parse().map_err(|why: ptrun_audit::SinkError| bad(text, why.to_string())),
            })
            .collect(),
    }
}

/// `$XDG_STATE_HOME/ptrun/audit.jsonl`.
pub(crate) fn usual() -> Option<PathBuf> {
    Some(user::state()?.join("audit.jsonl"))
}

/// What the system's own list of users says. Nobody else is asked: it would take time, and the number is enough.
fn name_of(user: u32) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").ok()?;
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, _, id) = (fields.next()?, fields.next()?, fields.next()?);
        (id.parse() == Ok(user)).then(|| name.to_owned())
    })
}
