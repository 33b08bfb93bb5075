//! What the tests share.

use ptrun_audit::{Decision, Entry, Outcome, Secret, User};

/// An entry as `ptrun run` makes it.
#[must_use]
pub(crate) fn entry(program: &str) -> Entry {
    let mut entry = Entry::new("run", User { id: 1000, name: Some("somebody".to_owned()) });
    entry.decision = Decision::Allowed;
    entry.program = Some(program.to_owned());
    entry.secrets.push(Secret {
        name: Some("API_KEY".to_owned()),
        reference: "env://API_KEY".to_owned(),
        outcome: Outcome::Found,
    });
    entry
}
