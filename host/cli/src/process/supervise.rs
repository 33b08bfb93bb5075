//! The parent of a command: it passes signals on, stops and goes on with it, and buries what it left.

use std::io;
use std::process::{Child, ExitCode};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal, kill, raise};
use nix::sys::signalfd::{SfdFlags, SignalFd, siginfo};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpid};

/// Signals that mean a defect in this very process, or that nobody can catch.
const OWN: [Signal; 9] = [
    Signal::SIGSEGV,
    Signal::SIGILL,
    Signal::SIGFPE,
    Signal::SIGBUS,
    Signal::SIGTRAP,
    Signal::SIGABRT,
    Signal::SIGSYS,
    Signal::SIGKILL,
    Signal::SIGSTOP,
];

/// Keeps signals from this thread, and from those that it starts: a signal for the process goes to any thread that takes
/// it, and only the main one knows what to do about it.
pub(crate) fn deaf() {
    // It cannot fail.
    let _ = others().thread_block();
}

/// All signals but those of a thread's own mistakes, which the engine of the plugins makes use of.
fn others() -> SigSet {
    let mut signals: SigSet = Signal::iterator().collect();
    for signal in OWN {
        signals.remove(signal);
    }
    signals
}

/// The signals that arrive from now on. None of them ends this process any more.
pub(crate) struct Signals(SignalFd);

impl Signals {
    /// Before anything is made that must be removed.
    pub(crate) fn hold() -> io::Result<Self> {
        super::sys::hear_children();
        let mut held = others();
        // What is written to nobody is an error, and no signal for the command.
        held.remove(Signal::SIGPIPE);
        held.thread_block()?;
        Ok(Self(SignalFd::with_flags(&held, SfdFlags::SFD_CLOEXEC)?))
    }

    /// Passes them on to a command until it ends: its exit code, or 128 and the number of the signal that ended it.
    pub(super) fn pass_on(&self, child: &Child) -> io::Result<ExitCode> {
        let child = Pid::from_raw(child.id().cast_signed());
        let first = getpid() == Pid::from_raw(1);
        loop {
            let Some(arrived) = self.0.read_signal()? else { continue };
            let Ok(signal) = Signal::try_from(arrived.ssi_signo.cast_signed()) else { continue };
            if signal == Signal::SIGCHLD {
                if let Some(code) = look(child, first)? {
                    return Ok(code);
                }
            } else if !has_it_already(signal, &arrived) {
                // It may have ended just now.
                let _ = kill(child, signal);
            }
        }
    }
}

/// Whether the command got a signal as well: the terminal sends those of its keys to everybody in the foreground, and
/// the command is in the same group. Only the end of the terminal is told to one process alone.
fn has_it_already(signal: Signal, arrived: &siginfo) -> bool {
    let of_kernel = arrived.ssi_code > 0;
    of_kernel && !matches!(signal, Signal::SIGHUP | Signal::SIGCONT)
}

/// Looks what became of the command, and of those that the kernel gave to process 1.
fn look(child: Pid, first: bool) -> io::Result<Option<ExitCode>> {
    let flags = WaitPidFlag::WNOHANG | WaitPidFlag::WUNTRACED;
    let mut ended = None;
    loop {
        match waitpid(None, Some(flags)) {
            Ok(WaitStatus::Exited(pid, code)) if pid == child => {
                ended = Some(ExitCode::from(u8::try_from(code & 0xff).unwrap_or(u8::MAX)));
            }
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == child => {
                ended = Some(ExitCode::from(128 + u8::try_from(signal as i32).unwrap_or(0)));
            }
            // Whoever started `ptrun` sees a job that stopped. The first process cannot stop.
            Ok(WaitStatus::Stopped(pid, _)) if pid == child && !first => {
                raise(Signal::SIGSTOP)?;
                let _ = kill(child, Signal::SIGCONT);
            }
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(ended),
            Ok(_) => {}
            Err(Errno::EINTR) => {}
            Err(why) => return Err(why.into()),
        }
    }
}
