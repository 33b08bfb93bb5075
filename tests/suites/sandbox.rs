//! Guests that misbehave, each in one way, through the embedding API.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ptrun_host::{
    Compiled, Grants, Limit, Limits, LoadError, LogRecord, PluginSource, RunError, Runtime, SecretBytes,
    SecretError, SecretRef, TrustStore, Verified,
};
use ptrun_tests::guest;
use ptrun_trust::{SecretKey, sign};

/// A guest, or a text of a component, signed by a key that is trusted.
fn verified(component: &[u8], manifest: Option<&str>) -> Verified {
    let key = SecretKey::generate().expect("randomness");
    let signed = sign(component, manifest, &key).expect("it can be signed");
    let mut trust = TrustStore::new();
    trust.add(key.public(), "*/*".parse().expect("a scope"));
    trust.verify(PluginSource::memory("guest", signed).read().expect("in memory")).expect("signed")
}

fn compile(runtime: &Runtime, name: &str) -> Compiled {
    runtime.compile(verified(&guest(name), None)).expect("it compiles")
}

type Answer = Result<Result<SecretBytes, SecretError>, RunError>;

fn ask_with(runtime: &Runtime, name: &str, reference: &str, grants: Grants) -> Answer {
    let sandbox = compile(runtime, name).sandbox(grants, BTreeMap::new()).expect("it has what it needs");
    let reference: SecretRef = reference.parse().expect("a reference");
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let mut answers = tokio.block_on(sandbox.resolve(&[&reference]))?;
    assert_eq!(answers.len(), 1);
    Ok(answers.remove(0))
}

fn ask(name: &str, reference: &str, grants: Grants) -> Answer {
    ask_with(&Runtime::new(Limits::default()).expect("an engine"), name, reference, grants)
}

fn value(answer: Answer) -> String {
    match answer {
        Ok(Ok(secret)) => String::from_utf8(secret.expose().to_vec()).expect("text"),
        Ok(Err(why)) => panic!("{why:?}"),
        Err(why) => panic!("{why:?}"),
    }
}

fn refusal(answer: Answer) -> SecretError {
    match answer {
        Ok(Ok(_)) => panic!("it answered"),
        Ok(Err(why)) => why,
        Err(why) => panic!("{why:?}"),
    }
}

fn end(answer: Answer) -> RunError {
    match answer {
        Ok(Ok(_)) => panic!("it answered"),
        Ok(Err(why)) => panic!("{why:?}"),
        Err(why) => why,
    }
}

#[test]
fn a_guest_that_computes_for_ever_is_ended() {
    let mut limits = Limits::default();
    limits.cpu = Duration::from_millis(50);
    limits.wall = Duration::from_secs(600);
    let runtime = Runtime::new(limits).expect("an engine");
    let end = end(ask_with(&runtime, "spin", "guest://x", Grants::none()));
    assert!(matches!(end, RunError::Limit { limit: Limit::Cpu, .. }), "{end:?}");
}

#[test]
fn a_guest_that_waits_for_ever_is_ended() {
    let mut limits = Limits::default();
    limits.wall = Duration::from_millis(50);
    let runtime = Runtime::new(limits).expect("an engine");
    let end = end(ask_with(&runtime, "sleep", "guest://x", Grants::none()));
    assert!(matches!(end, RunError::Limit { limit: Limit::Wall, .. }), "{end:?}");
}

#[test]
fn computing_counts_against_the_wall_clock_too() {
    let mut limits = Limits::default();
    limits.wall = Duration::from_millis(50);
    limits.cpu = Duration::from_secs(600);
    let runtime = Runtime::new(limits).expect("an engine");
    let end = end(ask_with(&runtime, "spin", "guest://x", Grants::none()));
    assert!(matches!(end, RunError::Limit { limit: Limit::Wall, .. }), "{end:?}");
}

#[test]
fn a_guest_that_takes_all_memory_is_ended() {
    let end = end(ask("memory", "guest://x", Grants::none()));
    assert!(matches!(end, RunError::Limit { limit: Limit::Memory, .. }), "{end:?}");
}

#[test]
fn a_crash_is_an_error_and_tells_nothing() {
    let end = end(ask("panic", "guest://the-key", Grants::none()));
    assert!(matches!(&end, RunError::Crashed { why, .. } if !why.contains("the-key")), "{end:?}");
}

#[test]
fn exit_with_success_is_no_success() {
    let end = end(ask("exit", "guest://x", Grants::none()));
    assert!(matches!(end, RunError::Exited { .. }), "{end:?}");
}

#[test]
fn fewer_answers_than_references_are_an_error() {
    let end = end(ask("count", "guest://x", Grants::none()));
    assert!(matches!(end, RunError::WrongCount { references: 1, results: 0, .. }), "{end:?}");
}

#[test]
fn a_value_over_the_limit_is_refused() {
    let refusal = refusal(ask("large", "guest://x", Grants::none()));
    assert_eq!(refusal, SecretError::TooLarge { size: (64 << 10) + 1, limit: 64 << 10 });
}

#[test]
fn selectors_are_applied_by_the_host() {
    let select = |selector: &str| ask("json", &format!("guest://x#{selector}"), Grants::none());
    assert_eq!(value(select("text")), "x\u{e9}");
    assert_eq!(value(select("/a/b/0")), "zero");
    assert!(matches!(refusal(select("nothing")), SecretError::Select(_)));
}

#[test]
fn a_guest_sees_the_variables_that_were_granted_and_nothing_else() {
    assert_eq!(value(ask("environment", "guest://x", Grants::none())), "[] []");
    // Cargo sets this variable for every test, and many others.
    let granted = value(ask("environment", "guest://x", Grants::none().env("CARGO_PKG_NAME")));
    assert_eq!(granted, r#"["CARGO_PKG_NAME=ptrun-tests"] []"#);
}

#[test]
fn the_file_system_is_empty() {
    for path in ["/", ".", "..", "/etc/passwd", "/proc/self/environ", "x", "../x", "/dev/stdin"] {
        let found = value(ask("look", &format!("guest://{path}"), Grants::none()));
        assert_eq!(found, "false false false", "{path}");
    }
}

#[test]
fn an_error_cannot_carry_a_value_or_steer_a_terminal() {
    let grants = Grants::none().env("CARGO_PKG_NAME");
    let SecretError::Internal(said) = refusal(ask("tell", "guest://CARGO_PKG_NAME", grants)) else {
        panic!("another error");
    };
    assert_eq!(said, r"\u{1b}[2Jthe value is\n[secret]");
}

#[test]
fn logs_are_clean_and_end_somewhere() {
    let seen: Arc<Mutex<Vec<LogRecord>>> = Arc::default();
    let sink = Arc::clone(&seen);
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let runtime = runtime.with_log(move |record| sink.lock().expect("a lock").push(record.clone()));
    let grants = Grants::none().env("CARGO_PKG_NAME");
    assert_eq!(value(ask_with(&runtime, "log", "guest://CARGO_PKG_NAME", grants)), "logged");
    let seen = seen.lock().expect("a lock");
    assert_eq!(seen[0].code, "told");
    let fields =
        [("value".to_owned(), "[secret]".to_owned()), ("screen".to_owned(), r"\u{1b}[2J".to_owned())];
    assert_eq!(seen[0].fields, fields);
    // The first message takes 94 bytes of the 64 KiB, each of the others 1,073, and those without any text
    // are no way round.
    assert_eq!(seen.len(), 1 + ((64 << 10) - 94) / 1073);
}

#[test]
fn files_are_read_by_the_names_of_grants() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("secret"), "content").expect("a file");
    std::fs::File::create(path("large")).expect("a file").set_len((1 << 20) + 1).expect("sparse");
    let grants = || {
        Grants::none()
            .file("secret", path("secret"))
            .file("absent", path("absent"))
            .file("large", path("large"))
            .file("folder", folder.path())
    };
    assert_eq!(value(ask("files", "guest://secret", grants())), "content");
    assert_eq!(refusal(ask("files", "guest://absent", grants())), SecretError::NotFound);
    for hidden in ["other", "./secret", "secret/", "../secret", "/etc/passwd"] {
        let refusal = refusal(ask("files", &format!("guest://{hidden}"), grants()));
        assert_eq!(refusal, SecretError::Denied("not granted".to_owned()), "{hidden}");
    }
    for unfit in ["large", "folder"] {
        let refusal = refusal(ask("files", &format!("guest://{unfit}"), grants()));
        assert!(matches!(refusal, SecretError::Internal(_)), "{unfit}: {refusal:?}");
    }
}

#[test]
fn what_is_imported_must_be_asked_for_and_granted() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let undeclared = runtime.compile(verified(&guest("random"), None)).expect_err("it does not ask");
    assert!(
        matches!(&undeclared, LoadError::Undeclared { interface, capability: "random", .. } if interface.starts_with("wasi:random/")),
        "{undeclared:?}"
    );
    let ungranted = compile(&runtime, "randomly").sandbox(Grants::none(), BTreeMap::new());
    let ungranted = ungranted.expect_err("it is not granted");
    assert!(
        matches!(&ungranted, LoadError::NotGranted { interface, capability: "random", .. } if interface.starts_with("wasi:random/")),
        "{ungranted:?}"
    );
    assert_eq!(value(ask("randomly", "guest://x", Grants::none().random())), "{1: 2}");
}

#[test]
fn a_setting_must_be_one_of_the_plugin() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let config = BTreeMap::from([("region".to_owned(), "x".to_owned())]);
    let refused = compile(&runtime, "json").sandbox(Grants::none(), config).expect_err("it has none");
    assert!(matches!(&refused, LoadError::UnknownSetting { key, .. } if key == "region"), "{refused:?}");
}

/// A component that was written by hand, with a manifest that asks for nothing, and one that asks for
/// randomness.
fn load(component: &str, more: &str) -> LoadError {
    let manifest = format!(
        "format = 1\npublisher = \"a\"\nname = \"b\"\nversion = \"1.0.0\"\nscheme = \"b\"\nsequence = 1\n{more}"
    );
    let component = wat::parse_str(component).expect("a component");
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    runtime.compile(verified(&component, Some(&manifest))).expect_err("it is no good plugin")
}

#[test]
fn what_is_no_plugin_of_this_version_is_refused() {
    let fits = "interface = \"0.1\"";
    let export = |name: &str| format!(r#"(component (instance $i) (export "{name}" (instance $i)))"#);
    let wrong = load("(component)", fits);
    assert!(matches!(wrong, LoadError::NotASource { .. }), "{wrong:?}");
    for version in ["0.2.0", "1.0.0", "0.1.1"] {
        let wrong = load(&export(&format!("ptrun:plugin/secret-source@{version}")), fits);
        assert!(matches!(&wrong, LoadError::Interface { needs, .. } if needs == version), "{wrong:?}");
    }
    let wrong = load(&export("ptrun:plugin/secret-source@0.1.0"), "interface = \"0.2\"");
    assert!(matches!(wrong, LoadError::Interface { .. }), "{wrong:?}");
}

#[test]
fn sockets_and_unknown_interfaces_are_never_given() {
    for interface in ["wasi:sockets/tcp@0.2.6", "wasi:http/incoming-handler@0.2.6", "acme:evil/do-it@1.0.0"] {
        let component = format!(
            r#"(component
                (import "{interface}" (instance))
                (instance $i)
                (export "ptrun:plugin/secret-source@0.1.0" (instance $i)))"#
        );
        let wrong = load(&component, "interface = \"0.1\"");
        assert!(
            matches!(&wrong, LoadError::Forbidden { interface: named, .. } if named == interface),
            "{wrong:?}"
        );
    }
}

#[test]
fn what_is_asked_for_must_be_imported() {
    let component = r#"(component (instance $i) (export "ptrun:plugin/secret-source@0.1.0" (instance $i)))"#;
    let wrong = load(component, "interface = \"0.1\"\n[capabilities]\nrandom = true");
    assert!(matches!(wrong, LoadError::Unused { capability: "random", .. }), "{wrong:?}");
}

#[test]
fn an_interface_of_the_right_name_and_the_wrong_type_is_refused() {
    let component = r#"(component (instance $i) (export "ptrun:plugin/secret-source@0.1.0" (instance $i)))"#;
    let key = SecretKey::generate().expect("randomness");
    let manifest = "format = 1\npublisher = \"a\"\nname = \"b\"\nversion = \"1.0.0\"\nscheme = \"b\"\nsequence = 1\ninterface = \"0.1\"";
    let signed = sign(&wat::parse_str(component).expect("a component"), Some(manifest), &key).expect("signs");
    let mut trust = TrustStore::new();
    trust.add(key.public(), "*/*".parse().expect("a scope"));
    let plugin = trust.verify(PluginSource::memory("b", signed).read().expect("in memory")).expect("signed");
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let compiled = runtime.compile(plugin).expect("the name is right");
    let refused = compiled.sandbox(Grants::none(), BTreeMap::new()).expect_err("the type is not");
    assert!(matches!(refused, LoadError::Invalid(_)), "{refused:?}");
}

#[test]
fn a_component_that_is_invalid_is_an_error() {
    // Section 7 holds types, and this is none.
    let wrong = verified(
        b"\0asm\x0d\0\x01\0\x07\x02\xff\xff",
        Some(
            "format = 1\npublisher = \"a\"\nname = \"b\"\nversion = \"1.0.0\"\nscheme = \"b\"\nsequence = 1\ninterface = \"0.1\"",
        ),
    );
    let wrong = Runtime::new(Limits::default()).expect("an engine").compile(wrong).expect_err("invalid");
    assert!(matches!(wrong, LoadError::Invalid(_)), "{wrong:?}");
}

#[test]
fn a_batch_answers_with_as_much_as_it_was_asked_for_and_no_more() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let sandbox =
        compile(&runtime, "full").sandbox(Grants::none(), BTreeMap::new()).expect("it needs nothing");
    let references: Vec<SecretRef> =
        (0..64).map(|at| format!("guest://x{at}").parse().expect("a reference")).collect();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let asked: Vec<&SecretRef> = references.iter().collect();
    let answers = tokio.block_on(sandbox.resolve(&asked)).expect("64 values of 64 KiB");
    assert!(
        answers.iter().all(|answer| answer.as_ref().is_ok_and(|secret| secret.expose().len() == 64 << 10))
    );

    let end = end(ask("huge", "guest://x", Grants::none()));
    assert!(matches!(end, RunError::Limit { limit: Limit::CallBytes, .. }), "{end:?}");
}

#[test]
fn an_error_cannot_carry_what_was_in_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("token");
    std::fs::write(&path, "canary-5d41402a\n").expect("a file");
    let refusal = refusal(ask("tellfile", "guest://token", Grants::none().file("token", path)));
    assert_eq!(refusal, SecretError::Internal("the file has [secret]".to_owned()));
}

#[test]
fn several_plugins_are_asked_at_once() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let sandbox =
        |name| compile(&runtime, name).sandbox(Grants::none(), BTreeMap::new()).expect("it needs nothing");
    let (one, two) = (sandbox("json"), sandbox("exit"));
    let reference: SecretRef = "guest://x#text".parse().expect("a reference");
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let questions = [(&one, vec![&reference, &reference]), (&two, vec![&reference]), (&one, Vec::new())];
    let answers = tokio.block_on(ptrun_host::resolve_all(&questions));
    assert!(
        answers[0].0.as_ref().is_ok_and(|secrets| secrets.len() == 2 && secrets.iter().all(Result::is_ok))
    );
    assert!(matches!(answers[1].0, Err(RunError::Exited { .. })), "one that fails leaves the others alone");
    assert!(answers[2].0.as_ref().is_ok_and(Vec::is_empty));
}

#[test]
fn references_that_differ_in_their_selector_are_one_question() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let sandbox =
        compile(&runtime, "count").sandbox(Grants::none(), BTreeMap::new()).expect("it needs nothing");
    let texts =
        ["guest://a", "guest://a#x", "guest://b", "guest://a", "guest://a?o=1", "guest://b?format=yaml"];
    let references: Vec<SecretRef> = texts.iter().map(|text| text.parse().expect("a reference")).collect();
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let asked: Vec<&SecretRef> = references.iter().collect();
    let answers = tokio.block_on(sandbox.resolve(&asked));
    // This guest answers none, however many it is asked for.
    assert!(matches!(answers, Err(RunError::WrongCount { references: 3, results: 0, .. })));
}
