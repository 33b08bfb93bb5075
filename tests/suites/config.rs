//! What files say: `ptrun.toml`, `ptrun.local.toml` and the user's `config.toml`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use ptrun_tests::{User, text};
use serde_json::Value;

/// `printenv` of these variables, started with what files say.
fn values(command: &mut Command, names: &[&str]) -> Vec<Option<String>> {
    let script =
        "for n; do if printenv \"$n\" >/dev/null; then printenv \"$n\"; else echo '(unset)'; fi; done";
    let output = command.args(["--", "sh", "-c", script, "sh"]).args(names).output().expect("starts");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    let printed = text(&output.stdout);
    let values: Vec<_> = printed.lines().map(|line| (line != "(unset)").then(|| line.to_owned())).collect();
    assert_eq!(values.len(), names.len(), "{printed}");
    values
}

fn some(values: &[&str]) -> Vec<Option<String>> {
    values.iter().map(|value| Some((*value).to_owned())).collect()
}

fn refused(command: &mut Command, class: &str) -> String {
    let output = command.args(["--", "touch", "started"]).output().expect("starts");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{said}");
    assert!(said.starts_with(&format!("error[{class}]: ")), "{said}");
    said
}

#[test]
fn secrets_of_the_project_are_delivered_from_any_folder_of_it() {
    let user = User::new();
    user.write("app/ptrun.toml", "[secrets]\nA = \"env://ONE\"\nB = { ref = \"env://TWO\" }\n");
    let folder = user.home().join("app/src/deep");
    fs::create_dir_all(&folder).expect("a folder");
    for place in [user.home().join("app"), folder] {
        let mut command = user.ptrun();
        command.current_dir(place).env("ONE", "1").env("TWO", "2");
        assert_eq!(values(&mut command, &["A", "B"]), some(&["1", "2"]));
    }
    refused(user.ptrun().env("ONE", "1"), "usage/no-secrets");
}

#[test]
fn what_is_stronger_wins() {
    let user = User::new();
    let all = |names: &[&str]| -> String {
        names.iter().map(|name| format!("{name} = \"env://{}\"\n", name.to_lowercase())).collect()
    };
    // Each file sets one secret fewer than the one below it.
    let with = |prefix: &str, names: &[&str]| all(names).replace("env://", &format!("env://{prefix}_"));
    user.write(
        ".config/ptrun/config.toml",
        format!("[secrets]\n{}", with("user", &["A", "B", "C", "D", "E", "F"])),
    );
    user.write(
        "ptrun.toml",
        format!(
            "[secrets]\n{}\n[profiles.p.secrets]\n{}",
            with("project", &["A", "B", "C", "D", "E"]),
            with("profile", &["A", "B", "C", "D"])
        ),
    );
    user.write("ptrun.local.toml", format!("[secrets]\n{}", with("local", &["A", "B", "C"])));
    let mut command = user.ptrun();
    for name in ["user_f", "project_e", "profile_d", "local_c", "user_a", "x"] {
        command.env(name, name);
    }
    command.env("B", "env://x").args(["--plugin", "env", "--profile", "p", "-s", "A=env://user_a"]);
    assert_eq!(
        values(&mut command, &["A", "B", "C", "D", "E", "F"]),
        some(&["user_a", "x", "local_c", "profile_d", "project_e", "user_f"])
    );
}

#[test]
fn profiles_extend_others_and_are_chosen() {
    let user = User::new();
    user.write(
        "ptrun.toml",
        "profile = \"development\"\n[secrets]\nA = \"env://BASE\"\nB = \"env://BASE\"\nC = \"env://BASE\"\n\
         P = \"env://{profile}\"\n[profiles.development]\n[profiles.staging.secrets]\nA = \"env://STAGING\"\n\
         B = \"env://STAGING\"\n[profiles.production]\nextends = \"staging\"\n[profiles.production.secrets]\n\
         A = \"env://PRODUCTION\"\n",
    );
    let run = |profile: Option<&str>, variable: Option<&str>| {
        let mut command = user.ptrun();
        for name in ["BASE", "STAGING", "PRODUCTION", "development", "staging", "production"] {
            command.env(name, name);
        }
        command.envs(variable.map(|name| ("PTRUN_PROFILE", name)));
        command.args(profile.iter().flat_map(|name| ["--profile", name]));
        values(&mut command, &["A", "B", "C", "P"])
    };
    assert_eq!(run(None, None), some(&["BASE", "BASE", "BASE", "development"]));
    assert_eq!(run(Some("staging"), None), some(&["STAGING", "STAGING", "BASE", "staging"]));
    let production = some(&["PRODUCTION", "STAGING", "BASE", "production"]);
    assert_eq!(run(Some("production"), None), production);
    assert_eq!(run(None, Some("production")), production);
    assert_eq!(run(Some("production"), Some("staging")), production);
    let said = refused(user.ptrun().args(["--profile", "stagng"]), "config/profile");
    assert!(said.contains("did you mean `staging`?"), "{said}");
}

#[test]
fn a_secret_that_need_not_be_there_is_left_out_or_has_a_default() {
    let user = User::new();
    user.write(
        "ptrun.toml",
        "[secrets]\nA = { ref = \"env://NONE\", required = false }\nB = { ref = \"env://NONE\", default = \"usual\" }\n\
         C = { ref = \"env://THERE#nothing\", required = false }\nD = { ref = \"env://THERE#a\", default = \"x\" }\n",
    );
    let mut command = user.ptrun();
    command.env("THERE", "{\"a\": \"1\"}");
    let expected = [None, Some("usual"), None, Some("1")].map(|value| value.map(str::to_owned));
    assert_eq!(values(&mut command, &["A", "B", "C", "D"]), expected);
    // Something else than that it is not there is an error.
    user.install("refuse");
    user.write(
        "ptrun.toml",
        "[plugins.guest]\npath = \"refuse.wasm\"\n[secrets]\nA = { ref = \"guest://denied\", required = false }\n",
    );
    let said = refused(&mut user.ptrun(), "secret/denied");
    assert!(said.contains("  at: ptrun.toml:4:1\n"), "{said}");
}

#[test]
fn the_members_of_an_object_are_variables() {
    let user = User::new();
    let object = "{\"one\": \"1\", \"two-b\": 2, \"list\": [1, \"x\"], \"none\": null}";
    let run = |args: &[&str], names: &[&str]| {
        let mut command = user.ptrun();
        command.env("OBJECT", object).args(args);
        values(&mut command, names)
    };
    assert_eq!(
        run(
            &["--from", "env://OBJECT", "--upper", "--prefix", "APP_"],
            &["APP_ONE", "APP_TWO_B", "APP_LIST"]
        ),
        some(&["1", "2", "[1, \"x\"]"])
    );
    assert_eq!(
        run(&["--from", "env://OBJECT", "--upper", "-s", "ONE=env://HOME"], &["ONE", "NONE"]),
        [Some(user.home().display().to_string()), None]
    );
    let said = refused(user.ptrun().env("OBJECT", object).args(["--from", "env://OBJECT"]), "usage/name");
    assert!(said.contains("  member: two-b\n"), "{said}");
    user.write(
        "ptrun.toml",
        "[[from]]\nref = \"env://OBJECT\"\nupper = true\n[secrets]\nTWO_B = \"env://HOME\"\n",
    );
    let home = user.home().display().to_string();
    assert_eq!(run(&[], &["ONE", "TWO_B"]), some(&["1", &home]));
    for (text, expected) in [
        ("a: 1\nb: \"x y\"\n", ["1", "x y"]),
        ("a = 1\nb = \"x y\"\n", ["1", "x y"]),
        ("A_=0\na=1\nexport b='x y'\n", ["1", "x y"]),
    ] {
        let mut command = user.ptrun();
        command.current_dir("/").env("OBJECT", text).args(["--from", "env://OBJECT"]);
        assert_eq!(values(&mut command, &["a", "b"]), some(&expected), "{text}");
    }
    for (text, class) in [("[1, 2]", "reference/selector"), ("plain", "reference/selector")] {
        refused(user.ptrun().current_dir("/").env("OBJECT", text).args(["--from", "env://OBJECT"]), class);
    }
}

#[test]
fn paths_in_a_file_begin_in_its_folder() {
    let user = User::new();
    let app = user.home().join("app");
    user.write(
        "app/ptrun.toml",
        "[secrets]\nA = \"file://secrets.encrypted#a\"\nB = \"file://other?key=keys/k\"\n",
    );
    fs::create_dir_all(app.join("keys")).expect("a folder");
    fs::create_dir_all(app.join("deep")).expect("a folder");
    let ptrun = |args: &[&str], input: &str| {
        let mut command = user.ptrun();
        let input = user.write("input", input);
        let output =
            command.current_dir(&app).args(args).stdin(fs::File::open(input).expect("a file")).output();
        let output = output.expect("starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    ptrun(&["file", "keygen"], "");
    ptrun(&["file", "set", "secrets.encrypted", "a"], "1");
    ptrun(&["file", "keygen", "keys/k"], "");
    ptrun(&["file", "encrypt", "-", "-o", "other", "--key", "keys/k"], "2");
    for place in [app.clone(), app.join("deep")] {
        assert_eq!(values(user.ptrun().current_dir(place), &["A", "B"]), some(&["1", "2"]));
    }
    // The key of a file is itself a secret.
    let key = fs::read_to_string(app.join("keys/k")).expect("a key");
    user.write("app/ptrun.toml", "[plugins.file]\nkey = \"env://KEY\"\n[secrets]\nB = \"file://other\"\n");
    let mut command = user.ptrun();
    command.current_dir(app.join("deep")).env("KEY", key.trim());
    assert_eq!(values(&mut command, &["B", "KEY"]), [Some("2".to_owned()), None], "the key is ptrun's own");
    user.write("app/ptrun.toml", "[plugins.file]\nkey = \"@keys/k\"\n[secrets]\nB = \"file://other\"\n");
    assert_eq!(values(user.ptrun().current_dir(app.join("deep")), &["B"]), some(&["2"]));
}

#[test]
fn a_project_cannot_grant_anything() {
    let user = User::new();
    user.install("json");
    let secret = "[secrets]\nA = \"guest://x#text\"\n[plugins.guest]\npath = \"./json.wasm\"\n";
    user.write("ptrun.toml", secret);
    assert_eq!(values(&mut user.ptrun(), &["A"]), some(&["x\u{e9}"]));
    for line in [
        "allow = \"env=HOME\"",
        "allow = [\"random\"]",
        "credential = \"env://HOME\"",
        "limits = { memory = \"1GiB\" }",
        "config = { endpoint = \"http://localhost\" }",
        "key = \"env://HOME\"",
    ] {
        user.write("ptrun.toml", format!("{secret}{line}\n"));
        let said = refused(&mut user.ptrun(), "config/not-here");
        assert!(said.contains("  at: ptrun.toml:5:"), "{said}");
    }
    user.write("ptrun.toml", format!("audit = \"off\"\n{secret}"));
    refused(&mut user.ptrun(), "config/not-here");
    // The user can.
    user.write("ptrun.toml", secret);
    user.write(
        ".config/ptrun/config.toml",
        "audit = \"off\"\n[plugins.guest]\nlimits = { memory = \"1KiB\" }\n",
    );
    refused(&mut user.ptrun(), "plugin/limit");
    assert_eq!(values(user.ptrun().args(["--limit", "guest:memory=64MiB"]), &["A"]), some(&["x\u{e9}"]));
}

#[test]
fn a_plugin_of_a_file_is_approved_like_others_and_takes_no_scheme_of_ours() {
    let user = User::new();
    user.copy("json");
    user.write("ptrun.toml", "[plugins.guest]\npath = \"./json.wasm\"\n[secrets]\nA = \"guest://x\"\n");
    refused(&mut user.ptrun(), "trust/unapproved");
    user.write("ptrun.toml", "[plugins.env]\npath = \"./json.wasm\"\n[secrets]\nA = \"env://x\"\n");
    refused(&mut user.ptrun(), "plugin/same-scheme");
    // What no secret needs is not looked for.
    user.write("ptrun.toml", "[plugins.guest]\npath = \"./none.wasm\"\n[secrets]\nA = \"env://HOME\"\n");
    values(&mut user.ptrun(), &["A"]);
}

#[test]
fn a_variable_of_a_plugin_that_a_file_names_is_a_reference() {
    let user = User::new();
    user.write("ptrun.toml", "[plugins.env]\n");
    let mut command = user.ptrun();
    command.env("ONE", "1").env("A", "env://ONE").env("B", "aws://x");
    assert_eq!(values(&mut command, &["A", "B"]), some(&["1", "aws://x"]));
}

#[test]
fn a_secret_of_a_file_has_a_name_for_get() {
    let user = User::new();
    user.write("ptrun.toml", "[secrets]\nA = \"env://ONE\"\n");
    let output = user.ptrun().env("ONE", "1").args(["get", "A"]).output().expect("starts");
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("1".to_owned(), String::new()));
}

#[test]
fn explain_says_which_line_wants_what_and_starts_nothing() {
    let user = User::new();
    user.write("ptrun.toml", "[secrets]\nA = \"env://ONE\"\nB = { ref = \"env://NONE\", inject = \"fd\" }\n");
    user.write("ptrun.local.toml", "[secrets]\n\n  B = { ref = \"env://TWO\", required = false }\n");
    let output = user.run(["explain", "-s", "C=env://THREE"]);
    let said = text(&output.stdout);
    assert!(
        said.starts_with(
            "file ptrun.toml\nfile ptrun.local.toml\nplugin env\n  is: ptrun/env 0.1.0 (built in)\n"
        ),
        "{said}"
    );
    assert!(
        said.ends_with(
            "secret A = env://ONE\n  from: ptrun.toml:2:1\n  delivered: env\nsecret B = env://TWO\n  from: \
             ptrun.local.toml:3:3\n  delivered: env, if it is there\nsecret C = env://THREE\n  from: command line\n  \
             delivered: env\n"
        ),
        "{said}"
    );
    let json: Value = serde_json::from_slice(&user.run(["explain", "--json"]).stdout).expect("JSON");
    assert_eq!(json["secrets"][1]["from"], "ptrun.local.toml:3:3");
    assert_eq!(json["plugins"][0]["facts"]["given"], serde_json::json!(["env=ONE", "env=TWO"]));
}

#[test]
fn a_file_that_was_named_is_read_and_others_are_not() {
    let user = User::new();
    user.write("ptrun.toml", "[secrets]\nA = \"env://ONE\"\n");
    user.write("other/x.toml", "[secrets]\nB = \"env://ONE\"\n");
    let run = |command: &mut Command| values(command.env("ONE", "1"), &["A", "B"]);
    let only = |a: bool| [a.then(|| "1".to_owned()), (!a).then(|| "1".to_owned())];
    assert_eq!(run(&mut user.ptrun()), only(true));
    assert_eq!(run(user.ptrun().args(["--config", "other/x.toml"])), only(false));
    assert_eq!(run(user.ptrun().env("PTRUN_CONFIG", "other/x.toml")), only(false));
}

#[test]
fn a_file_of_another_user_is_not_followed() {
    let user = User::new();
    let path = user.write("ptrun.toml", "[secrets]\nA = \"env://HOME\"\n");
    if std::os::unix::fs::chown(&path, Some(65_534), None).is_err() {
        // Only root can give files away; then the case is that of a user whose file this is.
        return values(&mut user.ptrun(), &["A"]).clear();
    }
    refused(&mut user.ptrun(), "config/insecure");
    values(user.ptrun().args(["--config", "ptrun.toml"]), &["A"]);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o602)).expect("permissions");
    refused(user.ptrun().args(["--config", "ptrun.toml"]), "config/insecure");
}

#[test]
fn the_schema_knows_the_files_of_these_tests() {
    let user = User::new();
    let schema: Value = serde_json::from_slice(&user.run(["schema"]).stdout).expect("JSON");
    let top = schema["properties"].as_object().expect("an object");
    for name in ["audit", "from", "plugins", "profile", "profiles", "run", "secrets", "version"] {
        assert!(top.contains_key(name), "{name}");
    }
    assert_eq!(schema["additionalProperties"], false);
}
