//! The examples do what they say.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use ptrun_tests::{User, program, root, text};
use serde_json::Value;

/// The files of an example, in the home folder of a user.
fn copy(user: &User, example: &str) {
    for entry in fs::read_dir(root().join("examples").join(example)).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_str().expect("text");
        user.write(name, fs::read(&path).expect("a file"));
    }
}

/// A shell in the home folder of a user, in which `ptrun` is found.
fn shell(user: &User, script: &str) -> Command {
    let bin = program();
    let path = std::env::var("PATH").expect("a path");
    let mut command = Command::new("sh");
    command.args(["-ec", script]).env_clear().current_dir(user.home()).env("HOME", user.home());
    command.env("PATH", format!("{}:{path}", bin.parent().expect("a folder").display())).stdin(Stdio::null());
    command
}

/// The block of code in a page.
fn block(page: &str) -> String {
    let text = fs::read_to_string(root().join(page)).expect("a page");
    let (_, rest) = text.split_once("```sh\n").expect("a block");
    rest.split_once("```").expect("an end").0.to_owned()
}

#[test]
fn a_python_program_gets_its_two_keys() {
    let user = User::new();
    copy(&user, "python-app");
    let output = shell(&user, &block("examples/python-app/README.md")).output().expect("starts");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(text(&output.stdout), "OPENAI_API_KEY: 12 characters\nANTHROPIC_API_KEY: 14 characters\n");
    let production = "ptrun explain --profile production --iam";
    let output = shell(&user, production).env("AWS_REGION", "eu-west-1").output().expect("starts");
    assert!(text(&output.stdout).contains("secret:projects_tools/api_keys-"), "{}", text(&output.stderr));
    let output = shell(&user, "python3 app.py").output().expect("starts");
    assert_eq!(text(&output.stderr), "not set: OPENAI_API_KEY, ANTHROPIC_API_KEY\n");
}

/// The words of an instruction in a Containerfile.
fn words(name: &str) -> Vec<String> {
    let file = fs::read_to_string(root().join("examples/container/Containerfile")).expect("a file");
    let line = file.lines().find_map(|line| line.strip_prefix(name)).expect("an instruction");
    serde_json::from_str(line).expect("a list")
}

#[test]
fn a_container_has_a_first_process() {
    let user = User::new();
    copy(&user, "container");
    let mut start = words("ENTRYPOINT");
    start.extend(words("CMD"));
    let start: Vec<String> =
        start.iter().map(|word| format!("'{}'", word.replace("/app/", "").replace('\'', r"'\''"))).collect();
    // As in a container, where the machine lets us; otherwise without its process 1.
    let namespace = "unshare --fork --pid --mount-proc --kill-child";
    let prefix = [namespace.to_owned(), format!("{namespace} --map-root-user")].into_iter().find(|prefix| {
        let tried = shell(&user, &format!("{prefix} true")).stderr(Stdio::null()).status();
        tried.is_ok_and(|status| status.success())
    });
    let is_first = prefix.is_some();
    let mut command = shell(&user, &format!("exec {} {}", prefix.unwrap_or_default(), start.join(" ")));
    command.env("DATABASE_PASSWORD_FROM_PLATFORM", "hunter2").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines().map_while(Result::ok);
    let line = lines.next().unwrap_or_default();
    assert!(line.starts_with("serving, with a password of 7 characters, as process "), "{line}");
    assert!(!is_first || line.ends_with(" of 1"), "{line}");
    let ptrun = match is_first {
        true => fs::read_to_string(format!("/proc/{0}/task/{0}/children", child.id())).expect("proc(5)"),
        false => child.id().to_string(),
    };
    assert!(Command::new("kill").arg(ptrun.trim()).status().expect("kill").success());
    assert_eq!(lines.next().as_deref(), Some("stopped"));
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0));
    let record: Value = serde_json::from_slice(&output.stderr).expect("the record is all that it says");
    assert_eq!(record["decision"], "allowed");
}

#[test]
fn a_unit_of_systemd_starts_its_service() {
    let unit = fs::read_to_string(root().join("examples/systemd/ptrun-example.service")).expect("a unit");
    let setting = |name: &str| {
        let line = unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap_or_else(|| panic!("{name}")).to_owned()
    };
    let user = User::new();
    let made = "mkdir credentials; ptrun file keygen credentials/file-key\n\
                printf hunter2 | ptrun file set --key credentials/file-key secrets.encrypted token\n\
                printf '#!/bin/sh\\necho \"$TOKEN as $$\"\\n' > server; chmod 755 server";
    assert!(shell(&user, made).status().expect("starts").success());
    // What systemd would do: fill in the variable, split at spaces, start it.
    let start = setting("ExecStart").replace("/usr/local/bin/ptrun", "ptrun").replace("/srv/example/", "./");
    assert!(
        setting("WorkingDirectory") == "/srv/example" && setting("LoadCredential").starts_with("file-key:")
    );
    let socket = user.home().join("journal");
    let journal = std::os::unix::net::UnixDatagram::bind(&socket).expect("binds");
    let (name, sink) =
        setting("Environment").split_once('=').map(|(a, b)| (a.to_owned(), b.to_owned())).expect("one");
    let mut command = shell(&user, &format!("exec {start}"));
    command.env("CREDENTIALS_DIRECTORY", user.home().join("credentials"));
    command.env(name, format!("{sink}:{}", socket.display()));
    let child = command.stdout(Stdio::piped()).spawn().expect("starts");
    let number = child.id();
    let output = child.wait_with_output().expect("ends");
    assert_eq!(text(&output.stdout), format!("hunter2 as {number}\n"), "systemd watches the service itself");
    assert!(journal.recv(&mut [0; 1 << 16]).expect("recorded") > 0);
    // What systemd itself says about it, where it is there.
    let file = user.write("ptrun-example.service", unit.replace("/usr/local/bin/ptrun", "/bin/true"));
    let verified = Command::new("systemd-analyze").arg("verify").arg(&file).output();
    match verified {
        Ok(output) => assert!(!text(&output.stderr).contains("Unknown"), "{}", text(&output.stderr)),
        Err(_) => println!("systemd: there is none on this machine to verify the unit"),
    }
}

#[test]
fn a_job_of_continuous_integration_has_its_token() {
    let file = root().join("examples/ci/workflow.yml");
    let program = "import json, sys, yaml; job = yaml.safe_load(open(sys.argv[1]))['jobs']['deploy']; \
                   print(json.dumps([step['run'] for step in job['steps'] if 'run' in step]))";
    let python = root().join("target/python/bin/python");
    let output = Command::new(python).args(["-c", program]).arg(file).output().expect("starts");
    let steps: Vec<String> = serde_json::from_slice(&output.stdout).expect("JSON");
    let user = User::new();
    let run = |step: &str| {
        let mut command = shell(&user, step);
        command
            .env("CI", "true")
            .env("GITHUB_ENV", user.home().join("env"))
            .env("DEPLOY_TOKEN_SOURCE", "hunter2");
        let output = command.output().expect("starts");
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{step}");
        text(&output.stdout)
    };
    let printed: Vec<String> = steps.iter().map(|step| run(step)).collect();
    assert!(printed[0].starts_with("ok ") && !printed[0].contains("hunter2"), "{printed:?}");
    assert_eq!(printed[1..], ["deployed\n", "::add-mask::hunter2"]);
    let exported = fs::read_to_string(Path::new(&user.home().join("env"))).expect("a file");
    assert!(exported.starts_with("DEPLOY_TOKEN<<") && exported.contains("\nhunter2\n"), "{exported}");
}
