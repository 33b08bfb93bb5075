//! Keeps the memory of this process to itself while secrets are in it.

use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};

/// What the program that is started gets back.
pub(crate) struct Hardened {
    core: Rlimit,
    /// Whether others are kept out, in words.
    pub(crate) closed: Result<&'static str, &'static str>,
}

/// No other process of this user can read the memory of this one or trace it, and a crash leaves none of it on
/// the disk. Linux: `PR_SET_DUMPABLE`, which an exec undoes by itself, and `RLIMIT_CORE`.
pub(crate) fn begin() -> Hardened {
    let core = getrlimit(Resource::Core);
    // One of them may be refused in an odd sandbox; the other still helps, and `ptrun` works without.
    let closed = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    let small = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: core.maximum });
    let closed = match closed.and(small) {
        Ok(()) => Ok("other processes cannot read it, and no core is written"),
        Err(_) => Err("the system does not let ptrun keep other processes out"),
    };
    Hardened { core, closed }
}

impl Hardened {
    /// Gives back what the next program is to find.
    pub(crate) fn end(self) {
        let _ = setrlimit(Resource::Core, self.core);
    }
}
