//! A value is where it was asked for, and nowhere else: not in what is said, not in what is recorded, not in files, not
//! in what other processes see; in no form.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use ptrun_tests::{User, text};
use rustix::process::{Pid, Signal, kill_process};

/// 32 random bytes as text, and the forms in which they could turn up.
struct Canary {
    value: String,
    forms: Vec<Vec<u8>>,
}

impl Canary {
    fn new() -> Self {
        let mut random = [0; 32];
        getrandom::fill(&mut random).expect("randomness");
        // As secrets are: with characters that URLs, shells and JSON write in another way.
        let value = format!("{}/+=&\"'\\ %{}", hex::encode(&random[..16]), hex::encode(&random[16..]));
        let bytes = value.as_bytes();
        let mut forms = vec![bytes.to_vec(), hex::encode(bytes).into(), hex::encode_upper(bytes).into()];
        // Base64 of what has it somewhere: three ways, without the ends that depend on what is around it.
        for (skip, alphabet) in (0..3).flat_map(|skip| [(skip, b"+/"), (skip, b"-_")]) {
            forms.push(base64(&bytes[skip..], alphabet));
        }
        let quoted = serde_json::to_string(&value).expect("JSON");
        forms.push(quoted.trim_matches('"').into());
        let percent = |byte: &u8| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        forms.push(bytes.iter().map(percent).collect::<String>().into());
        // Half of it is too much, too.
        forms.extend([&bytes[..16], &bytes[bytes.len() - 16..]].map(<[u8]>::to_vec));
        Self { value, forms }
    }

    fn is_in(&self, text: &[u8]) -> bool {
        self.forms.iter().any(|form| text.windows(form.len()).any(|window| window == form))
    }

    /// The files below a folder that have it.
    fn files(&self, folder: &Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match entry.file_type().expect("a type") {
                kind if kind.is_dir() => found.extend(self.files(&path)),
                kind if kind.is_file() && self.is_in(&fs::read(&path).unwrap_or_default()) => {
                    found.push(path.display().to_string());
                }
                _ => {}
            }
        }
        found
    }
}

/// RFC 4648, without padding and what would be in it.
fn base64(bytes: &[u8], last: &[u8; 2]) -> Vec<u8> {
    let mut alphabet: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').collect();
    alphabet.extend(last);
    let groups = bytes.chunks_exact(3).flat_map(|group| {
        let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        [18, 12, 6, 0].map(|shift| alphabet[(bits >> shift & 63) as usize])
    });
    groups.collect()
}

#[test]
fn a_value_is_nowhere_but_where_it_was_asked_for() {
    let canary = Canary::new();
    // What looks for it finds it.
    for form in &canary.forms {
        assert!(canary.is_in(&[b"before ", form.as_slice(), b" after"].concat()));
    }
    let control = User::new();
    control.write("deep/er/file", hex::encode(&canary.value));
    assert_eq!(canary.files(control.home()).len(), 1);

    let user = User::new();
    let object = serde_json::to_string(&serde_json::json!({ "a": canary.value })).expect("JSON");
    user.write(
        "ptrun.toml",
        "[secrets]\nA = \"env://CANARY\"\nB = { ref = \"env://NONE\", required = false }\n",
    );
    user.write("template", "{{ A }}");
    for plugin in ["tell", "refuse", "log"] {
        user.copy(plugin);
    }
    let input = user.write(".input", &canary.value);
    let run = |args: &[&str]| -> (Vec<u8>, Vec<u8>) {
        let mut command = user.ptrun();
        command
            .env("CANARY", &canary.value)
            .env("OBJECT", &object)
            .env("TMPDIR", user.home())
            .arg("--verbose");
        let stdin = fs::File::open(&input).expect("a file");
        let output = command.args(args).stdin(stdin).output().expect("starts");
        (output.stdout, output.stderr)
    };
    let runs: [&[&str]; 19] = [
        &["--", "true"],
        &["--inject", "file", "--", "true"],
        &["--inject", "fd", "--", "true"],
        &["--inject", "stdin", "--", "true"],
        &["--template", "template:out", "--", "true"],
        &["--supervise", "--", "true"],
        &["--", "no-such-command"],
        &["--inject", "file", "--", "no-such-command"],
        &["-s", "C=env://CANARY#nothing", "--", "true"],
        &["-s", "C=env://OBJECT#b", "--", "true"],
        &["-s", "C=env://OBJECT#/a/b", "--", "true"],
        &["--from", "env://OBJECT", "--", "no-such-command"],
        &["--from", "env://CANARY", "--", "true"],
        &["check"],
        &["check", "--json"],
        &["explain"],
        &["file", "keygen"],
        &["file", "set", "sealed", "name"],
        &["audit", "show", "--json"],
    ];
    for args in runs {
        let (stdout, stderr) = run(args);
        assert!(!canary.is_in(&stderr), "{args:?}: {}", text(&stderr));
        assert!(!canary.is_in(&stdout), "{args:?}: {}", text(&stdout));
    }
    // Where a value is written instead of a reference, by mistake.
    let mistaken: [&[&str]; 4] = [
        &["-s", &canary.value, "--", "true"],
        &["get", &canary.value],
        &["--unlock", &canary.value, "--", "true"],
        &["-s", "A=env://CANARY", "--credential", &canary.value, "--", "true"],
    ];
    for args in mistaken {
        let (_, stderr) = run(args);
        assert!(!canary.is_in(&stderr), "{args:?}: {}", text(&stderr));
    }
    user.write(
        "other.toml",
        format!("[secrets]\nA = {}\n", serde_json::to_string(&canary.value).expect("JSON")),
    );
    let (_, stderr) = run(&["--config", "other.toml", "--", "true"]);
    assert!(stderr.starts_with(b"error[reference/malformed]") && !canary.is_in(&stderr), "{}", text(&stderr));
    fs::remove_file(user.home().join("other.toml")).expect("removed");
    fs::remove_file(input).expect("removed");
    assert_eq!(canary.files(user.home()), Vec::<String>::new());
    println!("a canary in {} runs: nowhere", runs.len() + mistaken.len() + 1);
}

#[test]
fn a_supervisor_shows_nothing_of_it() {
    let canary = Canary::new();
    let user = User::new();
    let mut command = user.ptrun();
    command.env("CANARY", &canary.value).args([
        "-s",
        "A=env://CANARY",
        "--pristine",
        "--inject",
        "fd",
        "--supervise",
    ]);
    let script = "trap 'echo passed' USR1; echo ready; read -r line; read -r line";
    let mut child: std::process::Child = {
        let command: &mut Command = command.args(["--", "/bin/sh", "-c", script]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("starts")
    };
    let mut said =
        BufReader::new(child.stdout.take().expect("piped")).lines().map(|line| line.expect("a line"));
    assert_eq!(said.next().as_deref(), Some("ready"));
    // Whoever passes signals on has done everything else.
    let supervisor = Pid::from_raw(child.id().cast_signed()).expect("not 0");
    kill_process(supervisor, Signal::USR1).expect("sent");
    assert_eq!(said.next().as_deref(), Some("passed"));
    let process = format!("/proc/{}", child.id());
    for file in ["cmdline", "comm", "status", "maps"] {
        assert!(!canary.is_in(&fs::read(format!("{process}/{file}")).unwrap_or_default()), "{file}");
    }
    // It has given away what it delivered.
    let open = fs::read_dir(format!("{process}/fd")).expect("the user's own").flatten();
    let memory = open
        .filter(|entry| fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().contains("memfd")));
    assert_eq!(memory.count(), 0);
    drop(child.stdin.take());
    child.wait().expect("ends");
}
