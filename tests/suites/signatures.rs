//! The cases of `tests/signatures`, against the whole host: each is refused for its reason, before anything is
//! compiled, and the command does not start.

use std::fs;
use std::path::{Path, PathBuf};

use ptrun_host::{Compiled, Limits, PluginSource, Runtime, TrustStore};
use ptrun_tests::{User, root, text};

#[derive(serde::Deserialize)]
struct Case {
    name: String,
    refused: String,
    trust: String,
    plugin: String,
}

impl Case {
    fn plugin(&self) -> Vec<u8> {
        hex::decode(self.plugin.split_whitespace().collect::<String>()).expect("hexadecimal digits")
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The attacks, and the honest file that they were made of.
fn cases() -> (Vec<Case>, Case) {
    let read = |path: PathBuf| -> Case {
        toml::from_str(&fs::read_to_string(path).expect("a file")).expect("a case")
    };
    let cases = files(&root().join("tests/signatures")).into_iter().map(read);
    let (mut honest, attacks): (Vec<Case>, Vec<Case>) = cases.partition(|case| case.refused == "no");
    assert_eq!(honest.len(), 1);
    (attacks, honest.remove(0))
}

/// What becomes of a case, as far as the compiler and its checks.
fn load(runtime: &Runtime, case: &Case) -> Result<Compiled, Box<dyn std::error::Error>> {
    let mut trust = TrustStore::new();
    trust.add_toml(&case.trust)?;
    let plugin = trust.verify(PluginSource::memory(case.name.clone(), case.plugin()).read()?)?;
    Ok(runtime.compile(plugin)?)
}

#[test]
fn nothing_is_compiled_of_what_is_not_trusted() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let (attacks, honest) = cases();
    for case in &attacks {
        assert!(load(&runtime, case).is_err(), "{}", case.name);
        assert_eq!(runtime.compilations(), 0, "{}", case.name);
    }
    println!("{} cases of tests/signatures, {} compiled", attacks.len(), runtime.compilations());
    assert!(attacks.len() > 90, "only {} cases", attacks.len());
    // It is no plugin, but it is signed, so the counter must see it.
    assert!(load(&runtime, &honest).is_err());
    assert_eq!(runtime.compilations(), 1);
}

/// The class with which a run refuses a case.
fn class(user: &User, case: &Case) -> String {
    user.write(".config/ptrun/trust.toml", &case.trust);
    user.write("plugin.wasm", case.plugin());
    let output = user.run(["--plugin", "./plugin.wasm", "-s", "A=vault://x", "--", "touch", "started"]);
    assert!(!user.home().join("started").exists(), "{}: the command started", case.name);
    assert_eq!(output.status.code(), Some(125), "{}", case.name);
    let said = text(&output.stderr);
    said.split(['/', ']']).nth(1).unwrap_or_default().to_owned()
}

#[test]
fn a_run_says_why_and_does_not_start() {
    let user = User::new();
    let (attacks, honest) = cases();
    assert_eq!(class(&user, &honest), "unapproved", "the signature of the honest one holds");
    let all = attacks.iter().map(|case| (&case.name, class(&user, case), &case.refused));
    let other: Vec<_> = all.filter(|(_, said, expected)| said != *expected).collect();
    assert!(other.is_empty(), "refused for another reason: {other:?}");
}
