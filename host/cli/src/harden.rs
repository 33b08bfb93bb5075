//! Keeps the memory of this process to itself while secrets are in it.

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// What the program that is started gets back.
pub(crate) struct Hardened {
    core: Rlimit,
}

/// No other process of this user can read the memory of this one or trace it, and a crash leaves none of it on
/// the disk. Linux: `PR_SET_DUMPABLE`, which an exec undoes by itself, and `RLIMIT_CORE`.
pub(crate) fn begin() -> Hardened {
    let core = getrlimit(Resource::Core);
    // One of them may be refused in an odd sandbox; the other still helps, and `ptrun` works without.
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: core.maximum });
    Hardened { core }
}

impl Hardened {
    /// Gives back what the next program is to find.
    pub(crate) fn end(self) {
        let _ = setrlimit(Resource::Core, self.core);
    }
}
