//! The process that ptrun becomes.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::ExitStatusExt as _;

use ptrun_tests::{User, text};

/// `ptrun` that delivers the variable `GREETING` as `MESSAGE`.
fn ptrun(user: &User) -> std::process::Command {
    let mut command = user.ptrun();
    command.env("GREETING", "hi").args(["--plugin", "env", "-s", "MESSAGE=env://GREETING", "--"]);
    command
}

#[test]
fn every_exit_code_passes_through() {
    let user = User::new();
    for code in 0..=255 {
        let status =
            ptrun(&user).args(["sh", "-c", "exit \"$0\"", &code.to_string()]).status().expect("starts");
        assert_eq!(status.code(), Some(code));
    }
}

#[test]
fn death_by_a_signal_passes_through() {
    let user = User::new();
    for (signal, number) in [("TERM", 15), ("KILL", 9), ("INT", 2)] {
        let script = ["-c", "kill -\"$0\" $$", signal];
        let status = ptrun(&user).arg("sh").args(script).status().expect("starts");
        // What was started in the background, this test for example, may have Ctrl-C ignored.
        let bare = std::process::Command::new("sh").args(script).status().expect("starts");
        assert_eq!((status.code(), status.signal()), (bare.code(), bare.signal()), "{signal}");
        assert!(bare.signal() == Some(number) || signal == "INT", "{bare:?}");
    }
}

#[test]
fn the_process_keeps_its_number() {
    let user = User::new();
    let child = ptrun(&user).args(["sh", "-c", "echo $$"]).stdout(std::process::Stdio::piped()).spawn();
    let child = child.expect("starts");
    let number = child.id();
    let output = child.wait_with_output().expect("ends");
    assert_eq!(text(&output.stdout).trim(), number.to_string());
}

#[test]
fn the_environment_is_that_of_the_parent_with_the_secrets_and_without_what_is_ptruns_own() {
    let user = User::new();
    let output = ptrun(&user)
        .env("PTRUN_SOMETHING", "x")
        .env("DATABASE", "postgres://user@host/db")
        .env("OTHER", "env://GREETING")
        .arg("env")
        .output()
        .expect("starts");
    let printed = text(&output.stdout);
    let mut variables: Vec<&str> = printed.lines().filter(|line| !line.starts_with("PATH=")).collect();
    variables.sort_unstable();
    let home = format!("HOME={}", user.home().display());
    let expected =
        ["DATABASE=postgres://user@host/db", "GREETING=hi", home.as_str(), "MESSAGE=hi", "OTHER=hi"];
    assert_eq!(variables, expected);
    assert_eq!(text(&output.stderr), "", "silent on success");
}

#[test]
fn arguments_arrive_byte_for_byte() {
    let user = User::new();
    let odd = [b"" as &[u8], b"a b", b"$(id) `id` *", b"\xff\xfe", b"--", b"-s"];
    let output =
        ptrun(&user).args(["printf", "%s\\n"]).args(odd.map(OsStr::from_bytes)).output().expect("starts");
    let expected: Vec<u8> = odd.iter().flat_map(|arg| [arg, b"\n" as &[u8]].concat()).collect();
    assert_eq!(output.stdout, expected);
}

#[test]
fn a_value_arrives_byte_for_byte() {
    let user = User::new();
    for value in ["", " ", "a\nb\n", "\u{e9}\u{1f511}", "$HOME", "=", "'\""] {
        let output =
            ptrun(&user).env("GREETING", value).args(["printenv", "MESSAGE"]).output().expect("starts");
        assert_eq!(text(&output.stdout), format!("{value}\n"));
    }
}

#[test]
fn standard_input_and_output_belong_to_the_command() {
    use std::io::Write as _;
    use std::process::Stdio;
    let user = User::new();
    let mut child =
        ptrun(&user).arg("cat").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts");
    let sent: Vec<u8> = (0..1 << 20).map(|n: u32| n.to_le_bytes()[0]).collect();
    let mut stdin = child.stdin.take().expect("piped");
    let bytes = sent.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let output = child.wait_with_output().expect("ends");
    writer.join().expect("no panic").expect("written");
    assert!(output.stdout == sent);
}

#[test]
fn the_command_has_the_descriptors_of_a_bare_run() {
    let user = User::new();
    let list = ["sh", "-c", "ls /proc/$$/fd"];
    let bare =
        std::process::Command::new(list[0]).args(&list[1..]).stdin(std::process::Stdio::null()).output();
    let wrapped = ptrun(&user).args(list).output();
    assert_eq!(text(&wrapped.expect("starts").stdout), text(&bare.expect("starts").stdout));
}

#[test]
fn a_command_that_is_missing_or_no_program_has_its_own_code() {
    let user = User::new();
    let plain = user.write("plain", "text");
    fs::set_permissions(&plain, fs::Permissions::from_mode(0o644)).expect("permissions");
    let cases = [("no-such-command", 127), ("./no-such-file", 127), ("./plain", 126), (".", 126)];
    for (command, code) in cases {
        let output = ptrun(&user).arg(command).output().expect("starts");
        assert_eq!(output.status.code(), Some(code), "{command}");
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn a_command_does_not_start_without_every_secret() {
    let user = User::new();
    let output = ptrun(&user).env_remove("GREETING").args(["touch", "started"]).output().expect("starts");
    assert_eq!(output.status.code(), Some(125));
    assert!(!user.home().join("started").exists());
}

#[test]
fn a_variable_of_64_kib_arrives_and_a_larger_one_is_named() {
    let user = User::new();
    let run = |size: usize| {
        ptrun(&user).env("GREETING", "x".repeat(size)).args(["printenv", "MESSAGE"]).output().expect("starts")
    };
    let output = run(64 << 10);
    assert_eq!((output.stdout.len(), text(&output.stderr).as_str()), ((64 << 10) + 1, ""));
    let output = run((64 << 10) + 1);
    assert!(text(&output.stderr).starts_with("error[secret/too-large]: "), "{}", text(&output.stderr));
}

#[test]
fn an_environment_that_is_too_long_is_named() {
    let user = User::new();
    // Linux allows a quarter of the stack for arguments and environment together: 40 copies of 64 KiB do
    // not fit into a quarter of 8 MiB.
    let ptrun = user.ptrun();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -S -s 8192; exec \"$0\" \"$@\""]).arg(ptrun.get_program());
    command.env("HOME", user.home()).env("LARGE", "x".repeat(64 << 10));
    for index in 0..40 {
        command.args(["-s", &format!("COPY_{index}=env://LARGE")]);
    }
    let output = command.args(["--", "true"]).output().expect("starts");
    assert_eq!(output.status.code(), Some(125), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("error[inject/too-long]: "), "{}", text(&output.stderr));
}

#[test]
fn a_script_whose_interpreter_is_missing_is_not_called_missing_itself() {
    let user = User::new();
    let script = user.write("script", "#!/no/such/interpreter\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("permissions");
    let output = ptrun(&user).arg("./script").output().expect("starts");
    assert_eq!(output.status.code(), Some(126));
    assert!(text(&output.stderr).contains("interpreter"), "{}", text(&output.stderr));
}

#[test]
fn nobody_who_listens_is_no_reason_to_panic() {
    let user = User::new();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").expect("Linux has it");
    let failed = user.ptrun().args(["-s", "A=env://NOPE", "--", "true"]).stderr(full()).status();
    assert_eq!(failed.expect("starts").code(), Some(125));
    user.install("log");
    let mut command = user.ptrun();
    command.args(["--verbose", "--plugin", "./log.wasm", "-s", "A=guest://HOME", "--", "true"]);
    assert_eq!(command.stderr(full()).status().expect("starts").code(), Some(0));
}

/// The limits of a process on core files: soft and hard.
fn core_limits(process: u32) -> Option<(String, String)> {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size"))?;
    let mut values = line.split_whitespace();
    Some((values.next()?.to_owned(), values.next()?.to_owned()))
}

#[test]
fn other_processes_cannot_look_into_it_while_it_waits_for_secrets() {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::process::CommandExt as _;
    let user = User::new();
    user.install("sleep");
    let mut command = user.ptrun();
    command.args(["get", "--plugin", "./sleep.wasm", "guest://x"]);
    // What cannot be looked into belongs to root, which shows only for somebody else.
    if fs::metadata(user.home()).expect("a folder").uid() == 0 {
        for (path, mode) in [
            (user.home().to_owned(), 0o755),
            (user.home().join(".config"), 0o755),
            (user.home().join(".config/ptrun"), 0o755),
            (user.home().join(".config/ptrun/trust.toml"), 0o644),
            (user.home().join(".config/ptrun/approved.toml"), 0o644),
            (user.home().join("sleep.wasm"), 0o644),
        ] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("permissions");
        }
        let program = user.home().join("ptrun");
        fs::copy(command.get_program(), &program).expect("a copy");
        let mut other = std::process::Command::new(program);
        other.args(command.get_args()).env_clear().env("HOME", user.home()).current_dir(user.home());
        other.uid(65_534).stdin(std::process::Stdio::null());
        command = other;
    }
    let mut child = command.stderr(std::process::Stdio::null()).spawn().expect("starts");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let mut closed = false;
    while !closed && std::time::Instant::now() < end && child.try_wait().expect("a state").is_none() {
        let owner = fs::metadata(format!("/proc/{}/environ", child.id())).map(|file| file.uid());
        closed = owner.is_ok_and(|owner| owner == 0)
            && core_limits(child.id()).is_some_and(|(soft, _)| soft == "0");
    }
    child.kill().expect("ended");
    child.wait().expect("ended");
    assert!(closed, "its memory can be read, or would be left on the disk");
}

#[test]
fn the_program_finds_the_limit_that_ptrun_found() {
    let user = User::new();
    let limited = |program: &str| {
        let script = format!("ulimit -S -c 64; exec {program} sh -c 'ulimit -S -c; ulimit -H -c'");
        let mut command = user.ptrun();
        let ptrun = command.get_program().to_owned();
        command = std::process::Command::new("sh");
        command.args(["-c", &script]).env("PTRUN", ptrun).env("HOME", user.home()).env("GREETING", "hi");
        text(&command.output().expect("starts").stdout)
    };
    let bare = limited("");
    // Unless the machine allows no core files at all, the limit is one that ptrun has to give back.
    assert!(bare.starts_with("64\n") || bare.ends_with("\n0\n"), "{bare}");
    assert_eq!(limited("\"$PTRUN\" -s A=env://GREETING --"), bare);
}

/// The name, the mode of seccomp and the flag against new privileges of each thread of a process.
fn threads(process: u32) -> Vec<(String, String)> {
    let field = |status: &str, name: &str| -> String {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim().to_owned()).unwrap_or_default()
    };
    let status = |entry: fs::DirEntry| fs::read_to_string(entry.path().join("status")).ok();
    let tasks = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(status)
        .map(|status| {
            let rights = format!("{} {}", field(&status, "NoNewPrivs:"), field(&status, "Seccomp:"));
            (field(&status, "Name:"), rights)
        })
        .collect()
}

#[test]
fn plugins_run_on_a_thread_that_has_lost_rights_and_the_program_on_one_that_has_not() {
    let user = User::new();
    user.install("sleep");
    let mut command = user.ptrun();
    command.args(["get", "--plugin", "./sleep.wasm", "guest://x"]).stderr(std::process::Stdio::null());
    let mut child = command.spawn().expect("starts");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let rights = |name: &str| {
        let found = threads(child.id()).into_iter().find(|(other, _)| other == name);
        found.map(|(_, rights)| rights)
    };
    while rights("ptrun-plugins").as_deref() != Some("1 2") && std::time::Instant::now() < end {
        std::thread::yield_now();
    }
    let (plugins, main) = (rights("ptrun-plugins"), rights("ptrun"));
    // The clock that interrupts guests was started by that thread, and is not a way around.
    let clock = rights("ptrun-epoch");
    child.kill().expect("ended");
    child.wait().expect("ended");
    assert_eq!(plugins.as_deref(), Some("1 2"));
    assert!(clock.is_none() || clock.as_deref() == Some("1 2"), "{clock:?}");
    assert_ne!(main.as_deref(), Some("1 2"));

    let status = "grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status";
    let bare = std::process::Command::new("sh").args(["-c", status]).output().expect("starts");
    let output = ptrun(&user).args(["sh", "-c", status]).output().expect("starts");
    assert_eq!(text(&output.stdout), text(&bare.stdout));
}

#[test]
fn what_the_machine_has_is_said() {
    let user = User::new();
    let output = user.ptrun().arg("doctor").output().expect("starts");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    let lines: Vec<(String, String)> = text(&output.stdout)
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.to_owned()))
        })
        .collect();
    let verdicts: Vec<&str> = lines.iter().map(|(verdict, _)| verdict.as_str()).collect();
    let names: Vec<&str> = lines.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["landlock", "seccomp", "memory", "files", "clock", "audit", "cache"]);
    assert!(verdicts.iter().all(|verdict| ["ok", "missing"].contains(verdict)), "{verdicts:?}");
    let json = user.ptrun().args(["doctor", "--json"]).output().expect("starts");
    let json = text(&json.stdout);
    assert_eq!(
        json.matches("\"ok\": true").count(),
        verdicts.iter().filter(|verdict| **verdict == "ok").count()
    );
    // A run would fail for this reason.
    user.write(".config/ptrun/trust.toml", "[[key]]\n");
    let output = user.ptrun().arg("doctor").output().expect("starts");
    assert_eq!(output.status.code(), Some(125));
    assert!(text(&output.stderr).starts_with("error[trust/store]"), "{}", text(&output.stderr));
}
