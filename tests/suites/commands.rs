//! `ptrun get`, `ptrun plugin` and where plugins are found.

use std::fs;

use ptrun_tests::{User, built, guest, text};
use ptrun_trust::{SecretKey, sign};
use serde_json::Value;

#[test]
fn get_prints_the_secret_with_nothing_added() {
    let user = User::new();
    let output =
        user.ptrun().env("GREETING", "hi \n").args(["get", "env://GREETING"]).output().expect("starts");
    assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("hi \n", ""));
    assert!(output.status.success());
    let output = user.run(["get", "env://GREETING"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(125), ""));
}

#[test]
fn a_plugin_of_the_user_works_by_path_by_name_and_by_alias() {
    let user = User::new();
    let file = user.install("json");
    let value = |args: &[&str]| {
        let output = user.run(args.iter().copied());
        assert_eq!(text(&output.stderr), "");
        text(&output.stdout)
    };
    assert_eq!(value(&["get", "--plugin", "./json.wasm", "guest://x#text"]), "x\u{e9}");
    assert_eq!(value(&["--plugin", "./json.wasm", "get", "guest://x#text"]), "x\u{e9}");
    assert_eq!(value(&["get", "--plugin", file.to_str().expect("text"), "guest://x#text"]), "x\u{e9}");
    assert_eq!(value(&["get", "--plugin", "json", "guest://x#text"]), "x\u{e9}", "in the working directory");
    assert_eq!(value(&["get", "--plugin", "work=json.wasm", "work://x#text"]), "x\u{e9}");

    let folder = user.home().join(".local/share/ptrun/plugins");
    fs::create_dir_all(&folder).expect("a folder");
    fs::rename(&file, folder.join("json.wasm")).expect("moved");
    assert_eq!(value(&["get", "--plugin", "json", "guest://x#text"]), "x\u{e9}", "in the user's folder");
}

#[test]
fn no_file_shadows_a_built_in_plugin() {
    let user = User::new();
    let key = SecretKey::generate().expect("randomness");
    let other = sign(&guest("json"), None, &key).expect("signs");
    user.write("env.wasm", &other);
    user.write(".local/share/ptrun/plugins/env.wasm", &other);
    let output = user
        .ptrun()
        .env("A", "built in")
        .args(["get", "--plugin", "env.wasm", "env://A"])
        .output()
        .expect("starts");
    assert_eq!(text(&output.stdout), "built in");
    let list = text(&user.run(["plugin", "list"]).stdout);
    assert_eq!(list.lines().filter(|line| line.starts_with("env ")).count(), 1, "{list}");
}

#[test]
fn a_signed_copy_of_a_built_in_plugin_works_as_a_file() {
    let user = User::new();
    let copy = built("builtins/env.wasm");
    let copy = copy.to_str().expect("text");
    let output = user.ptrun().env("A", "from a file").args(["get", "--plugin", copy, "env://A"]).output();
    let output = output.expect("starts");
    assert_eq!((text(&output.stdout).as_str(), text(&output.stderr).as_str()), ("from a file", ""));
}

#[test]
fn inspect_shows_what_a_plugin_is_and_asks_for_and_imports() {
    let user = User::new();
    let shown = text(&user.run(["plugin", "inspect", "env"]).stdout);
    for expected in [
        "plugin       ptrun/env\n",
        "version      0.1.0\n",
        "scheme       env\n",
        "place        built in\n",
        "digest       sha256:",
        "signers      ",
        "asks for     env={key}\n",
        "wasi:cli/environment@0.2.",
    ] {
        assert!(shown.contains(expected), "{shown}");
    }

    user.install("files");
    let shown: Value =
        serde_json::from_slice(&user.run(["plugin", "inspect", "./files.wasm", "--json"]).stdout)
            .expect("well-formed JSON");
    assert_eq!(shown["plugin"], "hostile/guest");
    assert_eq!(shown["signers"][0], user.key.public().to_string());
    assert_eq!(shown["asks for"][0], "file={key}");
    let imports = shown["imports"].as_array().expect("a list");
    assert!(imports.iter().any(|name| name == "ptrun:plugin/files@0.1.0"), "{imports:?}");
}

#[test]
fn list_shows_where_each_comes_from_and_why_one_is_refused() {
    let user = User::new();
    let install = |name: &str, component: &[u8]| {
        user.write(&format!(".local/share/ptrun/plugins/{name}.wasm"), component)
    };
    install("good", &sign(&guest("json"), None, &user.key).expect("signs"));
    install("unsigned", &guest("json"));
    let list: Value = serde_json::from_slice(&user.run(["plugin", "list", "--json"]).stdout).expect("JSON");
    let names: Vec<_> = list.as_array().expect("a list").iter().map(|row| row["name"].as_str()).collect();
    assert_eq!(names, [Some("aws"), Some("env"), Some("file"), Some("good"), Some("unsigned")]);
    assert_eq!(list[0]["place"], "built in");
    assert_eq!(list[3]["plugin"], "hostile/guest");
    assert!(list[4]["refused"].as_str().expect("a reason").contains("trust/unsigned"), "{list}");
}

#[test]
fn verbose_shows_what_plugins_log_without_values() {
    let user = User::new();
    user.install("log");
    let run = |more: &[&str]| {
        let args = ["get", "--plugin", "./log.wasm", "--allow", "guest:env=CANARY", "guest://CANARY"];
        let output =
            user.ptrun().env("CANARY", "canary-5d41402a").args(args).args(more).output().expect("starts");
        assert_eq!(text(&output.stdout), "logged");
        text(&output.stderr)
    };
    assert_eq!(run(&[]), "");
    let log = run(&["--verbose"]);
    assert!(log.starts_with("warn[hostile/guest]: told value=[secret] screen=\\u{1b}[2J\n"), "{log}");
    assert!(!log.contains("canary"));
}

#[test]
fn help_and_version_are_answered() {
    let user = User::new();
    for args in [["--help"], ["--version"]] {
        let output = user.run(args);
        assert!(output.status.success());
        assert!(text(&output.stdout).contains("ptrun"));
    }
}

#[test]
fn the_example_of_the_embedding_api_gets_a_secret() {
    let output = std::process::Command::new(built("release/embed-rust"))
        .args([built("builtins/env.wasm"), built("builtins/signer.pub"), "GREETING".into()])
        .env("GREETING", "hello")
        .output()
        .expect("starts");
    assert_eq!(
        (text(&output.stdout).as_str(), text(&output.stderr).as_str()),
        ("env://GREETING has 5 bytes\n", "")
    );
}
