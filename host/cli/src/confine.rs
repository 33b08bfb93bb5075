//! Takes away from the thread on which plugins run what no plugin needs, in case that one of them breaks out of
//! the engine. The thread that starts the command is another, and keeps everything: what is taken away cannot be
//! given back, and a command would inherit it.
//!
//! Linux: Landlock (5.13 or newer; connections 6.7, signals 6.12) for files, connections and signals, and a seccomp filter for system
//! calls. Where the kernel lacks one of them, plugins run without it, and `ptrun doctor` says so.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, LandlockStatus, NetPort, RestrictionStatus, Ruleset,
    RulesetAttr as _, RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use ptrun_host::Ticks;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    apply_filter,
};

use crate::apart::apart;
use crate::process::deaf;
use crate::report::Failure;

/// What plugins need of the system, beyond computing.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    /// Files that are read.
    pub(crate) files: Vec<PathBuf>,
    /// TCP ports that are connected to. None: no socket is made at all.
    pub(crate) ports: BTreeSet<u16>,
}

/// What finding the address of a name reads: `resolver(5)`.
const RESOLVER: [&str; 6] = [
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/run/systemd/resolve",
];
/// And `nsswitch.conf(5)`, with the libraries that it names, unless [names](crate::names) are found without them.
const SWITCH: [&str; 7] =
    ["/etc/nsswitch.conf", "/etc/ld.so.cache", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/run/nscd"];
/// Domain names, where they are asked for over TCP.
const DNS: u16 = 53;

/// How far the system could take something away.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Confined {
    /// Files, connections and signals, in words.
    pub(crate) landlock: Result<&'static str, &'static str>,
    /// System calls.
    pub(crate) seccomp: Result<&'static str, &'static str>,
}

/// Does `work` on a thread that has what it `needs`, and `before` on this one, at the same time; then this one is the
/// clock of the engines that come out of that, unless it fails. What `work` leaves besides its result is taken apart on
/// its thread, for which nobody waits.
pub(crate) fn run<T: Send + 'static, L>(
    needs: Needs,
    before: impl FnOnce() -> Result<Vec<Ticks>, Failure>,
    work: impl FnOnce(&Confined) -> (T, L) + Send + 'static,
) -> Result<T, Failure> {
    own_heaps();
    let (done, result) = sync_channel(1);
    let (parent, child) = apart();
    let confined = move || {
        deaf();
        child.begin();
        let confined = Confined { landlock: landlock(&needs), seccomp: seccomp(!needs.ports.is_empty()) };
        let (made, _left) = work(&confined);
        // Nobody listens if the other thread panicked, which goes on from there.
        let _ = done.send(made);
    };
    let refused =
        |why: &dyn Display| Failure::new("system/runtime", format!("the system refused a thread: {why}"));
    let thread = thread::Builder::new().name("ptrun-plugins".to_owned()).spawn(confined);
    let thread = thread.map_err(|why| refused(&why))?;
    parent.send_away();
    let clocks = before()?;
    loop {
        match result.recv_timeout(Ticks::PERIOD) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Timeout) => clocks.iter().for_each(Ticks::tick),
            Err(RecvTimeoutError::Disconnected) => match thread.join() {
                Ok(()) => return Err(refused(&"it ended")),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }
}

/// For [`run`], where nothing is to be made.
pub(crate) fn nothing() -> Result<Vec<Ticks>, Failure> {
    Ok(Vec::new())
}

/// Takes everything away from the thread on which the compiler runs, and from those that it starts: it computes.
pub(crate) fn compiler() {
    deaf();
    // Where the kernel lacks one of them, it has the limits alone.
    let _ = (landlock(&Needs::default()), seccomp(false));
}

/// Gives each thread that is started from now on a heap of its own, with room for what a run takes: as the C library
/// does it, it would grow page by page, with a system call for each; and threads that share one wait for each other all
/// the time. What is not written to is only a number. Where it is not glibc, there is nothing to do.
pub(crate) fn own_heaps() {
    #[cfg(target_env = "gnu")]
    #[allow(unsafe_code, reason = "the C library has a setting that std does not have")]
    // SAFETY: mallopt(3) takes two numbers, and may be called at any time.
    unsafe {
        libc::mallopt(libc::M_TOP_PAD, 4 << 20);
    }
}

fn landlock(needs: &Needs) -> Result<&'static str, &'static str> {
    let status = restrict(needs).map_err(|_| "the kernel refused it")?;
    match (status.ruleset, status.landlock) {
        (RulesetStatus::FullyEnforced, _) => Ok("files, connections and signals"),
        (RulesetStatus::PartiallyEnforced, _) => {
            Ok("files; the kernel is too old for connections or signals")
        }
        (_, LandlockStatus::NotEnabled) => Err("it is not enabled: add `landlock` to the kernel's `lsm=`"),
        _ => Err("the kernel does not have it: it needs Linux 5.13"),
    }
}

fn restrict(needs: &Needs) -> Result<RestrictionStatus, RulesetError> {
    // The newest version of the rules that ptrun was tried with; an older kernel enforces what it knows.
    let rules = ABI::V6;
    let online = !needs.ports.is_empty();
    let switch = SWITCH.iter().filter(|_| cfg!(not(target_feature = "crt-static")));
    let resolver = RESOLVER.iter().chain(switch).filter(|_| online).map(PathBuf::from);
    let ports = needs.ports.iter().copied().chain(online.then_some(DNS));
    Ruleset::default()
        .handle_access(AccessFs::from_all(rules))?
        .handle_access(AccessNet::from_all(rules))?
        .scope(Scope::from_all(rules))?
        .create()?
        .add_rules(path_beneath_rules(&needs.files, AccessFs::ReadFile))?
        .add_rules(path_beneath_rules(resolver, AccessFs::ReadFile | AccessFs::ReadDir))?
        .add_rules(ports.map(|port| Ok::<_, RulesetError>(NetPort::new(port, AccessNet::ConnectTcp))))?
        .restrict_self()
}

/// System calls with which a program starts others or reaches into them, and those of which holes in kernels are
/// made. A list of what is forbidden, since what the libraries below need is theirs to change; and a short one,
/// since the kernel goes through all of it when a filter is set, which takes longer than everything else here.
#[rustfmt::skip]
const FORBIDDEN: &[libc::c_long] = &[
    libc::SYS_execve, libc::SYS_execveat, libc::SYS_clone3,
    libc::SYS_kill, libc::SYS_tkill, libc::SYS_pidfd_getfd,
    libc::SYS_ptrace, libc::SYS_process_vm_readv, libc::SYS_process_vm_writev,
    libc::SYS_bind, libc::SYS_io_uring_setup,
    libc::SYS_bpf, libc::SYS_keyctl, libc::SYS_perf_event_open, libc::SYS_setns, libc::SYS_unshare, libc::SYS_userfaultfd,
    #[cfg(target_arch = "x86_64")] libc::SYS_fork,
    #[cfg(target_arch = "x86_64")] libc::SYS_vfork,
];

fn seccomp(online: bool) -> Result<&'static str, &'static str> {
    filter(online).map_err(|_| "the kernel does not have filters of system calls")?;
    Ok(if online {
        "no other programs, no other processes"
    } else {
        "no other programs, no other processes, no network"
    })
}

fn filter(online: bool) -> Result<(), seccompiler::Error> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        FORBIDDEN.iter().map(|call| (*call, Vec::new())).collect();
    if !online {
        rules.insert(libc::SYS_socket, Vec::new());
    }
    // A thread is fine, a process is not. The newer call has its arguments in memory, where no filter sees them;
    // the C library falls back on this one, if the answer is that there is no such call.
    let thread = libc::CLONE_THREAD as u64;
    let process = SeccompCondition::new(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(thread), 0)?;
    rules.insert(libc::SYS_clone, vec![SeccompRule::new(vec![process])?]);
    let refused = SeccompAction::Errno(libc::ENOSYS.cast_unsigned());
    let arch = std::env::consts::ARCH.try_into()?;
    let program: BpfProgram = SeccompFilter::new(rules, SeccompAction::Allow, refused, arch)?.try_into()?;
    apply_filter(&program)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::io;
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
    use std::process::Command;

    use super::*;

    fn denied<T>(result: io::Result<T>) -> bool {
        use io::ErrorKind::{PermissionDenied, Unsupported};
        result.is_err_and(|why| matches!(why.kind(), PermissionDenied | Unsupported))
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        (listener, address)
    }

    #[test]
    fn plugins_have_what_they_need_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        let (granted, other) = (folder.path().join("granted"), folder.path().join("other"));
        fs::write(&granted, "granted").expect("writes");
        fs::write(&other, "other").expect("writes");
        let (_listener, address) = listener();
        let (_elsewhere, elsewhere) = listener();
        let needs = Needs { files: vec![granted.clone()], ports: BTreeSet::from([address.port()]) };
        let files = (granted.clone(), other.clone(), folder.path().to_owned());
        let confined = run(needs, nothing, move |confined| {
            let (granted, other, folder) = files;
            // This test says nothing on a kernel without them.
            assert!(confined.landlock.is_ok() && confined.seccomp.is_ok(), "{confined:?}");
            assert_eq!(fs::read(&granted).expect("granted"), b"granted");
            assert!(
                denied(fs::read(&other)) && denied(fs::read_dir(&folder)) && denied(fs::read("/etc/passwd"))
            );
            assert!(denied(File::create(folder.join("new"))) && denied(fs::write(&granted, "")));
            assert!(denied(fs::remove_file(&granted)) && denied(fs::rename(&granted, &other)));
            assert!(denied(Command::new("true").status()));
            drop(TcpStream::connect(address).expect("granted"));
            assert!(denied(TcpStream::connect(elsewhere)));
            assert!(denied(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))));
            let parent = rustix::process::getppid().expect("a parent");
            let signal = rustix::process::test_kill_process(parent);
            assert!(signal.is_err());
            // A thread is no process, and has no more than this one.
            assert!(thread::spawn(|| denied(fs::read("/etc/passwd"))).join().expect("joins"));
            // Names are found: this one is in a file.
            assert!(std::net::ToSocketAddrs::to_socket_addrs(&("localhost", 1)).is_ok());
            ((), ())
        });
        confined.expect("a thread");
        // The thread that starts the command has lost nothing.
        assert!(
            fs::read(&other).is_ok() && Command::new("true").status().is_ok_and(|status| status.success())
        );
        assert!(fs::write(&granted, "").is_ok() && TcpStream::connect(elsewhere).is_ok());
    }

    #[test]
    fn the_compiler_has_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "text").expect("writes");
        let (_listener, address) = listener();
        let nothing = thread::spawn({
            let file = file.clone();
            move || {
                compiler();
                denied(fs::read(&file))
                    && denied(fs::write(&file, ""))
                    && denied(TcpStream::connect(address))
                    && denied(Command::new("true").status())
                    // Nor have the threads that help it.
                    && thread::spawn(move || denied(fs::read(&file))).join().expect("joins")
            }
        });
        assert!(nothing.join().expect("joins"));
        assert_eq!(fs::read(&file).expect("this thread has lost nothing"), b"text");
    }

    #[test]
    fn without_an_origin_there_is_no_network() {
        let (_listener, address) = listener();
        let confined = run(Needs::default(), nothing, move |confined| {
            assert!(confined.seccomp.is_ok(), "{confined:?}");
            assert!(denied(TcpStream::connect(address)) && denied(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))));
            ((), ())
        });
        confined.expect("a thread");
    }

    #[test]
    fn what_is_left_is_not_waited_for() {
        /// Is taken apart when somebody has the result.
        struct Left(std::sync::mpsc::Receiver<()>, std::sync::mpsc::Sender<()>);
        impl Drop for Left {
            fn drop(&mut self) {
                self.0.recv().expect("somebody has the result");
                self.1.send(()).expect("somebody waits");
            }
        }
        let ((here, there), (apart, taken)) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
        assert_eq!(run(Needs::default(), nothing, |_| (7, Left(there, apart))).expect("a thread"), 7);
        here.send(()).expect("it is still there");
        taken.recv().expect("it is taken apart");
    }
}
