//! `ptrun` as the parent of the command, and what a command inherits in either case.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ptrun_tests::{User, root, text};
use serde_json::{Value, json};

/// `ptrun` that delivers the variable `GREETING` as `MESSAGE`.
fn ptrun(user: &User, options: &[&str]) -> Command {
    let mut command = user.ptrun();
    command.env("GREETING", "hi").args(["-s", "MESSAGE=env://GREETING"]).args(options).arg("--");
    command
}

/// Both ways of starting a command.
const WAYS: [&str; 2] = ["--exec", "--supervise"];

struct Running {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("starts");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, lines }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }

    fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// The state of the process, from proc(5), when it is `wanted`; or what it is in the end.
    fn state(&self, wanted: char) -> char {
        state(self.child.id(), wanted)
    }
}

fn signal(process: u32, name: &str) {
    let status = Command::new("kill").args(["-s", name, &process.to_string()]).status().expect("kill");
    assert!(status.success());
}

fn state(process: u32, wanted: char) -> char {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('-');
        if state == wanted || Instant::now() > end {
            return state;
        }
        std::thread::yield_now();
    }
}

#[test]
fn exit_codes_pass_through_and_a_signal_is_128_and_its_number() {
    let user = User::new();
    for code in [0, 1, 7, 125, 126, 127, 128, 255] {
        let script = format!("exit {code}");
        let status = ptrun(&user, &["--supervise"]).args(["sh", "-c", &script]).status().expect("starts");
        assert_eq!(status.code(), Some(code));
    }
    for (name, number) in [("TERM", 15), ("KILL", 9), ("USR1", 10), ("SEGV", 11)] {
        let script = format!("ulimit -c 0; kill -{name} $$");
        let status = ptrun(&user, &["--supervise"]).args(["sh", "-c", &script]).status().expect("starts");
        assert_eq!(status.code(), Some(128 + number), "{name}");
    }
    for (command, code) in [("no-such-command", 127), (".", 126)] {
        let output = ptrun(&user, &["--supervise"]).arg(command).output().expect("starts");
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    }
}

#[test]
fn every_signal_reaches_the_command() {
    let names =
        ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "WINCH", "CONT", "ALRM", "TTIN", "TTOU", "IO", "PWR"];
    let user = User::new();
    let traps: String = names.iter().map(|name| format!("trap 'echo {name}' {name}; ")).collect();
    let script = format!("{traps} echo $$; while :; do sleep 60 & wait; done");
    for way in WAYS {
        let mut running = Running::start(ptrun(&user, &[way]).args(["sh", "-c", &script]));
        let number: u32 = running.line().parse().expect("a number");
        assert_eq!(number == running.child.id(), way == "--exec");
        for name in names {
            running.signal(name);
            assert_eq!(running.line(), name, "{way}");
        }
        running.signal("KILL");
        let status = running.child.wait().expect("ends");
        assert_eq!(status.signal(), Some(9));
        // Of a supervisor that was killed, the command gets another signal.
        if way == "--supervise" {
            assert_eq!(running.line(), "TERM");
            signal(number, "KILL");
        }
    }
}

#[test]
fn a_command_that_stops_stops_ptrun_and_goes_on_with_it() {
    let user = User::new();
    let script = "echo $$; read -r line; echo on";
    let mut command = ptrun(&user, &["--supervise"]);
    let mut running = Running::start(command.args(["sh", "-c", script]).stdin(Stdio::piped()));
    let number: u32 = running.line().parse().expect("a number");
    // Not TSTP, which the kernel drops where no shell looks after the group.
    signal(number, "STOP");
    assert_eq!((state(number, 'T'), running.state('T')), ('T', 'T'));
    running.signal("CONT");
    drop(running.child.stdin.take());
    assert_eq!(running.line(), "on");
    assert_eq!(running.child.wait().expect("ends").code(), Some(0));
}

#[test]
fn a_signal_before_the_command_ends_ptrun_and_the_command_never_starts() {
    let user = User::new();
    user.install("sleep");
    for name in ["INT", "TERM"] {
        let mut command = user.ptrun();
        command.args(["--verbose", "--supervise", "--plugin", "sleep", "-s", "A=guest://x", "--"]);
        let mut child = command.args(["touch", "started"]).spawn().expect("starts");
        // Its plugin runs.
        let end = Instant::now() + Duration::from_secs(20);
        let plugins = || {
            let tasks = fs::read_dir(format!("/proc/{}/task", child.id())).into_iter().flatten().flatten();
            tasks
                .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
                .any(|name| name == "ptrun-plugins\n")
        };
        while !plugins() && Instant::now() < end {
            std::thread::yield_now();
        }
        signal(child.id(), name);
        let status = child.wait().expect("ends");
        // What is started in the background may have Ctrl-C ignored.
        let number = status.signal().unwrap_or_default();
        assert!(number == 2 || number == 15 || (name == "INT" && status.code() == Some(125)), "{status:?}");
        assert!(!user.home().join("started").exists());
    }
}

#[test]
fn the_command_inherits_what_it_would_without_ptrun() {
    let user = User::new();
    let python = root().join("target/python/bin/python");
    let begin = "import os, signal, sys\n\
                 signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1, signal.SIGCHLD])\n\
                 signal.signal(signal.SIGPIPE, signal.SIG_DFL if sys.argv[1] == 'default' else signal.SIG_IGN)\n\
                 signal.signal(signal.SIGHUP, signal.SIG_IGN)\n\
                 signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n\
                 os.execvp(sys.argv[2], sys.argv[2:])";
    for pipe in ["default", "ignored"] {
        let started = |command: &Command| {
            let mut begun = Command::new(&python);
            begun.args(["-c", begin, pipe]).arg(command.get_program()).args(command.get_args());
            let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
            begun.env_clear().envs(variables).current_dir(user.home());
            let output = begun.output().expect("starts");
            assert_eq!(text(&output.stderr), "");
            // Signal 33 is the C library's own, which no program can ignore; somebody above may have done it all the same.
            text(&output.stdout).replace("SigIgn:\t00000001", "SigIgn:\t00000000")
        };
        for status in
            [&["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"][..], &["sh", "-c", "ulimit -a; umask"]]
        {
            let mut bare = Command::new(status[0]);
            bare.args(&status[1..]).env("PATH", std::env::var_os("PATH").unwrap_or_default());
            let bare = started(&bare);
            assert!(bare.contains("SigBlk:\t0000000000010200") || bare.lines().count() > 10, "{bare}");
            for way in WAYS {
                let mut command = ptrun(&user, &[way]);
                command.args(status);
                assert_eq!(started(&command), bare, "{way}, SIGPIPE {pipe}");
            }
        }
    }
}

#[test]
fn a_gibibyte_passes_through() {
    let user = User::new();
    let mut zeros =
        Command::new("head").args(["-c", "1G", "/dev/zero"]).stdout(Stdio::piped()).spawn().expect("head");
    let mut command = ptrun(&user, &["--supervise"]);
    command.args(["sh", "-c", "tr '\\0' x | wc -c"]).stdin(zeros.stdout.take().expect("piped"));
    let output = command.output().expect("starts");
    assert_eq!(text(&output.stdout).trim(), (1_u64 << 30).to_string());
    zeros.wait().expect("ends");
}

#[test]
fn closed_descriptors_get_no_secret() {
    let user = User::new();
    for (way, how) in [("--exec", "fd"), ("--supervise", "fd"), ("--supervise", "file")] {
        for closed in ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"] {
            let _ = fs::remove_file(user.home().join("seen"));
            let inner = ptrun(&user, &[way, "--inject", how]);
            let seen = "for n in 0 1 2; do readlink /proc/$$/fd/$n; done >seen; cat $MESSAGE >>seen";
            let mut command = Command::new("sh");
            command.args(["-c", &format!("exec \"$@\" {closed}"), "sh"]).arg(inner.get_program());
            command.args(inner.get_args()).args(["sh", "-c", seen]).current_dir(user.home());
            command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.output().expect("starts");
            let seen = fs::read_to_string(user.home().join("seen")).expect("it was started");
            assert!(seen.ends_with("hi") && !seen.contains("memfd"), "{way} {how} {closed}: {seen}");
        }
    }
}

#[test]
fn a_working_directory_that_is_gone_is_none_of_its_business() {
    let user = User::new();
    for way in WAYS {
        let gone = user.home().join("gone");
        fs::create_dir(&gone).expect("a folder");
        let inner = ptrun(&user, &[way]);
        let mut command = Command::new("sh");
        command
            .args(["-c", "rmdir ../gone; exec \"$@\"", "sh"])
            .arg(inner.get_program())
            .args(inner.get_args());
        command.args(["printenv", "MESSAGE"]).current_dir(&gone);
        command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = command.output().expect("starts");
        assert_eq!((text(&output.stdout), text(&output.stderr)), ("hi\n".to_owned(), String::new()));
    }
}

/// Starts a process 1 where the machine lets us.
fn first(user: &User, options: &[&str]) -> Option<Command> {
    let inner = ptrun(user, options);
    let namespace = ["--fork", "--pid", "--mount-proc", "--kill-child"];
    for more in [&[][..], &["--map-root-user"][..]] {
        let mut command = Command::new("unshare");
        command.args(namespace).args(more);
        if command.arg("true").stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            let mut command = Command::new("unshare");
            command.args(namespace).args(more).arg(inner.get_program()).args(inner.get_args());
            command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command.current_dir(user.home());
            return Some(command);
        }
    }
    None
}

#[test]
fn as_the_first_process_it_buries_orphans_and_passes_signals_on() {
    let user = User::new();
    let Some(mut command) = first(&user, &["--supervise"]) else {
        println!("process 1: this machine allows no namespaces");
        return;
    };
    // A process that leaves others behind; when all of them have ended, nobody is left who has not been buried.
    let script = "i=0; while [ $i -lt 100 ]; do sh -c 'sleep 0.01 &'; i=$((i + 1)); done\n\
                  while pgrep -x sleep >/dev/null; do :; done\n\
                  sleep 0 & wait\n\
                  tries=0; while [ $tries -lt 200 ]; do\n\
                    zombies=$(grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l)\n\
                    [ \"$zombies\" = 0 ] && break; tries=$((tries + 1))\n\
                  done\n\
                  echo $PPID $zombies; trap 'echo TERM; exit 3' TERM; echo ready; while :; do sleep 60 & wait; done";
    let mut running = Running::start(command.args(["sh", "-c", script]).stdin(Stdio::null()));
    assert_eq!((running.line().as_str(), running.line().as_str()), ("1 0", "ready"));
    let children =
        fs::read_to_string(format!("/proc/{0}/task/{0}/children", running.child.id())).expect("proc(5)");
    signal(children.trim().parse().expect("a number"), "TERM");
    assert_eq!(running.line(), "TERM");
    assert_eq!(running.child.wait().expect("ends").code(), Some(3));
}

#[test]
fn a_terminal_has_job_control() {
    let user = User::new();
    let script = user.write(
        "job",
        "trap 'echo INT' INT; trap 'echo QUIT; exit 3' QUIT; echo ready\nwhile :; do sleep 60 & wait; done\n",
    );
    let python = root().join("target/python/bin/python");
    let steps = |command: &str| -> Value {
        let mut terminal = Command::new(&python);
        terminal.arg(root().join("tests/python/terminal.py")).arg(user.home()).arg(command);
        terminal
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", user.home());
        let output = terminal.env("GREETING", "hi").output().expect("starts");
        assert!(output.status.success(), "{command}: {}{}", text(&output.stdout), text(&output.stderr));
        serde_json::from_slice(&output.stdout).expect("JSON")
    };
    let expected = json!({
        "stopped": true, "jobs": "1", "running": "1", "code": "3", "INT twice": false,
    });
    let job = format!("bash {}", script.display());
    assert_eq!(steps(&job), expected, "without ptrun");
    for way in WAYS {
        let ptrun = ptrun(&user, &[way]);
        let words = ptrun.get_args().map(|word| word.to_string_lossy().into_owned());
        let words: Vec<String> = words.collect();
        let command = format!("{} {} {job}", ptrun.get_program().to_string_lossy(), words.join(" "));
        assert_eq!(steps(&command), expected, "{way}");
    }
}

#[test]
fn nothing_is_said_on_a_terminal_before_half_a_second_and_nothing_to_a_pipe() {
    let user = User::new();
    user.install("sleep");
    let mut command = user.ptrun();
    command.args(["--plugin", "sleep", "--timeout", "1s", "-s", "A=guest://x", "--", "true"]);
    let mut child = command.stderr(Stdio::piped()).spawn().expect("starts");
    let mut said = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    child.wait().expect("ends");
    assert!(said.starts_with("error[secret/timeout]"), "{said}");
    let line = |options: &str| {
        let mut shown = Command::new("script");
        let ptrun = command.get_program().to_string_lossy().into_owned();
        shown.args(["-q", "-e", "-c", &format!("{ptrun} {options}"), "/dev/null"]).stdin(Stdio::null());
        shown.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", user.home());
        text(&shown.current_dir(user.home()).output().expect("script(1)").stdout)
    };
    let slow = line("--plugin sleep --timeout 1s -s A=guest://x -- true");
    assert!(slow.starts_with("waiting for guest...\r\u{1b}[K"), "{slow:?}");
    assert_eq!(line("-s A=env://HOME -- true"), "");
}
