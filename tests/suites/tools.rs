//! The commands around a run: check, export, completions, man, doctor, init.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use ptrun_tests::{User, root, text};
use serde_json::{Value, json};

/// Values that quoting could get wrong.
const ODD: [(&str, &str); 14] = [
    ("EMPTY", ""),
    ("SPACE", " a  b "),
    ("QUOTE", "it's"),
    ("QUOTES", "'\"`'"),
    ("DOLLAR", "$HOME ${HOME} $(id) `id`"),
    ("BACKSLASH", "a\\b\\\\n\\"),
    ("LINES", "one\ntwo\n\nthree\n"),
    ("HASH", "a #b"),
    ("EQUALS", "a=b=c"),
    ("UNICODE", "\u{e9}\u{1f511}\u{feff}\u{85}\u{2028}"),
    ("CONTROL", "\u{1}\t\u{1b}[0m\u{7f}"),
    ("YAMLISH", "- yes: no"),
    ("BANG", "!x *y &z %w @v"),
    ("RETURN", "a\r\nb\rc"),
];

/// `ptrun export` of the odd values.
fn export(user: &User, format: &str) -> Vec<u8> {
    let mut command = user.ptrun();
    for (name, value) in ODD {
        command.env(format!("IN_{name}"), value).args(["-s", &format!("{name}=env://IN_{name}")]);
    }
    // The subcommand comes first.
    let args: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let mut first = user.ptrun();
    first.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let output = first.args(["export", "--format", format]).args(args).output().expect("starts");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{format}");
    output.stdout
}

fn expected() -> Value {
    ODD.iter()
        .map(|(name, value)| ((*name).to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// What Python makes of the standard input, as JSON.
fn python(user: &User, program: &str, input: &[u8]) -> Value {
    let file = user.write("input", input);
    let python = root().join("target/python/bin/python");
    let output =
        Command::new(python).args(["-c", program]).stdin(fs::File::open(file).expect("a file")).output();
    let output = output.expect("starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn json_and_yaml_are_read_by_others() {
    let user = User::new();
    let json: Value = serde_json::from_slice(&export(&user, "json")).expect("JSON");
    assert_eq!(json, expected());
    let program = "import json, sys, yaml; print(json.dumps(yaml.safe_load(sys.stdin.buffer)))";
    assert_eq!(python(&user, program, &export(&user, "yaml")), expected());
}

#[test]
fn a_shell_reads_what_is_exported_for_it() {
    let user = User::new();
    let script = user.write("script", export(&user, "shell"));
    for shell in ["sh", "bash"] {
        let names = ODD.map(|(name, _)| name).join(" ");
        let show = format!(". \"$0\"; for name in {names}; do printenv \"$name\"; printf '\\0'; done");
        let output = Command::new(shell).args(["-c", &show]).arg(&script).output().expect("a shell");
        let values: String = ODD.iter().map(|(_, value)| format!("{value}\n\0")).collect();
        assert_eq!(text(&output.stdout), values, "{shell}");
    }
}

#[test]
fn dotenv_is_read_by_others_and_by_us() {
    let user = User::new();
    let file = export(&user, "dotenv");
    let program = "import io, json, sys, dotenv\n\
                   text = sys.stdin.buffer.read().decode()\n\
                   print(json.dumps(dotenv.dotenv_values(stream=io.StringIO(text, newline=''), interpolate=False)))";
    assert_eq!(python(&user, program, &file), expected());
    let mut ours = user.ptrun();
    ours.env("FILE", text(&file)).args(["export", "--format", "json", "--from", "env://FILE?format=dotenv"]);
    let output = ours.output().expect("starts");
    let json: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(&output.stderr)));
    assert_eq!(json, expected());
}

#[test]
fn github_reads_lines_between_two_that_say_the_same() {
    let user = User::new();
    let file = text(&export(&user, "github"));
    let mut found = serde_json::Map::new();
    let mut rest = file.as_str();
    while let Some((name, after)) = rest.split_once("<<") {
        let (end, after) = after.split_once('\n').expect("a line");
        let (value, after) = after.split_once(&format!("\n{end}\n")).expect("an end");
        found.insert(name.to_owned(), value.into());
        rest = after;
    }
    assert_eq!(rest, "");
    assert_eq!(Value::from(found), expected());
}

#[test]
fn what_a_format_cannot_hold_is_refused() {
    let user = User::new();
    user.install("nul");
    for (format, class) in [("dotenv", "inject/nul"), ("shell", "inject/nul"), ("github", "inject/nul")] {
        let output = user.run(["export", "--format", format, "--plugin", "nul", "-s", "A=guest://x"]);
        assert!(text(&output.stderr).starts_with(&format!("error[{class}]: ")), "{}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn check_says_which_secrets_are_there_and_no_value() {
    let user = User::new();
    user.write(
        "ptrun.toml",
        "[secrets]\nA = \"env://GREETING\"\nB = { ref = \"env://NONE\", required = false }\nC = \"env://NONE\"\n",
    );
    let mut command = user.ptrun();
    let output = command.env("GREETING", "canary").args(["check"]).output().expect("starts");
    assert_eq!(output.status.code(), Some(125));
    let said = text(&output.stdout);
    let words: Vec<Vec<&str>> = said.lines().map(|line| line.split_whitespace().collect()).collect();
    let states: Vec<(&str, &str, &str)> = words.iter().map(|line| (line[0], line[1], line[4])).collect();
    assert_eq!(
        states,
        [("ok", "A", "env://GREETING"), ("missing", "B", "env://NONE"), ("failed", "C", "env://NONE")],
        "{said}"
    );
    assert!(words.iter().all(|line| line[2].parse::<f64>().is_ok() && line[3] == "ms"));
    let errors = text(&output.stderr);
    assert!(errors.contains("  secret: C\n") && errors.contains("  at: ptrun.toml:4:1\n"), "{errors}");
    assert!(!said.contains("canary") && !errors.contains("canary"));
    let output = user.ptrun().env("GREETING", "canary").args(["check", "--json"]).output().expect("starts");
    let json: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&json[0]["state"], &json[2]["state"]), (&json!("ok"), &json!("failed")));
}

#[test]
fn completions_are_read_by_their_shells() {
    let user = User::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = user.run(["completions", shell]);
        assert!(output.status.success() && text(&output.stdout).contains("rotate"), "{shell}");
        let file = user.write("completions", &output.stdout);
        // Those that this machine has.
        let checked = Command::new(shell).arg("-n").arg(&file).stderr(Stdio::piped()).output();
        if let Ok(checked) = checked {
            assert!(checked.status.success(), "{shell}: {}", text(&checked.stderr));
        }
    }
    // What bash would offer.
    let bash = user.write("completions", user.run(["completions", "bash"]).stdout);
    let script = "source \"$0\"; COMP_WORDS=(ptrun aud); COMP_CWORD=1; _ptrun ptrun aud ptrun; echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["-c", script]).arg(bash).output().expect("bash");
    assert_eq!(text(&output.stdout), "audit\n", "{}", text(&output.stderr));
}

#[test]
fn there_is_a_man_page_for_each_command() {
    let user = User::new();
    let first = text(&user.run(["man"]).stdout);
    assert!(first.contains(".TH ptrun 1") && first.contains("supervise"), "{first}");
    fs::create_dir(user.home().join("man")).expect("a folder");
    assert!(user.run(["man", "man"]).status.success());
    for page in ["ptrun.1", "ptrun-run.1", "ptrun-audit-verify.1", "ptrun-file-edit.1"] {
        assert!(user.home().join("man").join(page).exists(), "{page}");
    }
    assert_eq!(user.run(["man", "none"]).status.code(), Some(125));
    // Whoever stops reading is no reason to complain.
    let output = Command::new("sh")
        .args(["-c", "\"$0\" man | head -n 1"])
        .arg(user.ptrun().get_program())
        .output()
        .expect("sh");
    assert_eq!(text(&output.stderr), "");
}

#[test]
fn init_writes_a_file_that_works_and_takes_over_a_dotenv() {
    let user = User::new();
    user.write(".env", "# ours\nexport API_KEY='sk-1'\nPASSWORD=\"a\\nb\"\nEMPTY=\n");
    user.write(".gitignore", "target");
    let output = user.run(["init", "--env"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_eq!(
        text(&output.stderr),
        "wrote .key: keep a copy where others cannot read it\nwrote secrets.encrypted\nwrote ptrun.toml\nadded .key \
         and ptrun.local.toml to .gitignore\nremove .env when `ptrun check` finds everything\n"
    );
    assert_eq!(
        fs::read_to_string(user.home().join(".gitignore")).expect("text"),
        "target\n.key\nptrun.local.toml\n"
    );
    for file in ["secrets.encrypted", "ptrun.toml"] {
        let content = fs::read(user.home().join(file)).expect("a file");
        assert!(!text(&content).contains("sk-1"), "{file}");
    }
    assert!(user.run(["check"]).status.success());
    let output = user.run(["--", "sh", "-c", "echo \"$API_KEY+$PASSWORD+$EMPTY+\""]);
    assert_eq!(text(&output.stdout), "sk-1+a\nb++\n", "{}", text(&output.stderr));
    // Nothing is overwritten.
    for args in [&["init"][..], &["init", "--env"]] {
        let output = user.run(args.iter().copied());
        assert!(text(&output.stderr).starts_with("error[file/exists]: "), "{}", text(&output.stderr));
    }
    fs::remove_file(user.home().join("ptrun.toml")).expect("removed");
    assert!(text(&user.run(["init", "--env"]).stderr).contains("`secrets.encrypted` already"));
    fs::remove_file(user.home().join("secrets.encrypted")).expect("removed");
    user.write(".env", "no line of it\n");
    assert!(text(&user.run(["init", "--env"]).stderr).starts_with("error[file/format]: "));
    // Without one, there are only comments.
    fs::remove_file(user.home().join(".env")).expect("removed");
    let output = user.run(["init"]);
    assert_eq!(text(&output.stderr), "wrote ptrun.toml\n");
    assert!(text(&user.run(["check"]).stderr).starts_with("error[usage/no-secrets]: "));
    let commented = fs::read_to_string(user.home().join("ptrun.toml")).expect("text");
    let all: String =
        commented.lines().map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line))).collect();
    let (_, examples) = all.split_once("[secrets]\n").expect("a table");
    let without_words = |line: &&str| line.contains(" = ") || line.starts_with('[');
    let examples: String = examples.lines().filter(without_words).map(|line| format!("{line}\n")).collect();
    user.write("ptrun.toml", format!("[secrets]\n{examples}"));
    let mut explain = user.ptrun();
    explain.args(["explain", "--profile", "production"]).env("AWS_EC2_METADATA_DISABLED", "true");
    let output = explain.output().expect("starts");
    assert!(output.status.success(), "the examples in it work: {}{examples}", text(&output.stderr));
}

#[test]
fn doctor_names_what_is_wrong_with_files() {
    let user = User::new();
    let good = user.run(["doctor"]);
    assert!(good.status.success(), "{}", text(&good.stderr));
    let lines = text(&good.stdout);
    for name in ["landlock", "seccomp", "memory", "files", "clock", "audit", "cache"] {
        assert!(lines.lines().any(|line| line.split_whitespace().nth(1) == Some(name)), "{name}: {lines}");
    }
    let bad = |path: &str, mode: u32, class: &str| {
        let user = User::new();
        let path = user.write(path, "");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).expect("permissions");
        let output = user.run(["doctor"]);
        assert_eq!(output.status.code(), Some(125), "{}", text(&output.stdout));
        assert!(text(&output.stderr).contains(&format!("error[{class}]: ")), "{}", text(&output.stderr));
    };
    bad(".key", 0o644, "key/insecure");
    bad(".local/state/ptrun/audit.jsonl", 0o644, "audit/unwritable");
    bad("ptrun.toml", 0o666, "config/insecure");
    bad(".config/ptrun/trust.toml", 0o666, "trust/store");
}

#[test]
fn the_schema_is_one() {
    let user = User::new();
    let program = "import json, sys, jsonschema\n\
                   schema = json.load(sys.stdin)\n\
                   check = jsonschema.Draft202012Validator(schema)\n\
                   check.check_schema(schema)\n\
                   good = {'secrets': {'A': 'env://A', 'B': {'ref': 'env://B', 'inject': 'fd'}}, 'plugins': {'x': {'key': ['a']}}}\n\
                   bad = [{'secret': {}}, {'secrets': {'A': 7}}, {'secrets': {'A': {'inject': 'fd'}}}]\n\
                   print(json.dumps([check.is_valid(good)] + [check.is_valid(each) for each in bad]))";
    let schema = user.run(["schema"]).stdout;
    assert_eq!(python(&user, program, &schema), json!([true, false, false, false]));
    assert!(Path::new(&root().join("host/cli/src/config/ptrun.schema.json")).exists());
}
