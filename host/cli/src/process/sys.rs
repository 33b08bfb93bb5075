//! What a process inherits from another, and Rust changes: whether SIGPIPE is ignored, and which signals are blocked.
//! One module, because it takes unsafe code.
#![allow(unsafe_code, reason = "std has no way to say what a command inherits")]

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::unistd::{Pid, getppid};

/// Whether this process was started with SIGPIPE ignored. Rust ignores it itself, before `main`.
static PIPE_IGNORED: AtomicBool = AtomicBool::new(false);

/// Looks before Rust does.
extern "C" fn look() {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: sigaction(2) with no new action writes the present one to where it may.
    let ignored = unsafe {
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), now.as_mut_ptr()) == 0
            && now.assume_init().sa_sigaction == libc::SIG_IGN
    };
    PIPE_IGNORED.store(ignored, Ordering::Relaxed);
}

// SAFETY: the C library calls what is in this section before `main`, once; `look` needs nothing of Rust's runtime.
#[used]
#[cfg_attr(target_os = "linux", unsafe(link_section = ".init_array"))]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
static LOOK: extern "C" fn() = look;

/// What a command started without `ptrun` would have inherited.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inherited {
    blocked: SigSet,
}

impl Inherited {
    /// To be called before anything is changed.
    pub(crate) fn now() -> Self {
        Self { blocked: SigSet::thread_get_mask().unwrap_or_else(|_| SigSet::empty()) }
    }
}

/// Whether this process was started with SIGCHLD ignored. Then the kernel would bury its children before anybody sees
/// how they ended.
static CHILD_IGNORED: AtomicBool = AtomicBool::new(false);

/// Has the kernel tell what becomes of children.
pub(super) fn hear_children() {
    // SAFETY: no handler is installed.
    let before = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
    CHILD_IGNORED.store(matches!(before, Ok(SigHandler::SigIgn)), Ordering::Relaxed);
}

/// Has a command begin with what `ptrun` began with. If `parent` is this process, the command ends with it.
pub(super) fn restore(command: &mut Command, inherited: Inherited, parent: Option<u32>) {
    let ignored = [(&PIPE_IGNORED, Signal::SIGPIPE), (&CHILD_IGNORED, Signal::SIGCHLD)]
        .map(|(ignored, signal)| ignored.load(Ordering::Relaxed).then_some(signal));
    let parent = parent.and_then(|parent| parent.try_into().ok()).map(Pid::from_raw);
    let restored = move || -> io::Result<()> {
        if let Some(parent) = parent {
            prctl::set_pdeathsig(Signal::SIGTERM)?;
            // It may be gone already.
            if getppid() != parent {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
        }
        for ignored in ignored.into_iter().flatten() {
            // SAFETY: no handler is installed.
            unsafe { signal(ignored, SigHandler::SigIgn) }?;
        }
        inherited.blocked.thread_set_mask()?;
        Ok(())
    };
    // SAFETY: it makes system calls alone, and allocates nothing.
    unsafe { command.pre_exec(restored) };
}
