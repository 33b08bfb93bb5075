//! Holes that engines and their hosts had before, each as a test of this host. The plugins of `tests/hostile` are
//! others; docs/security.md has the list.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use ptrun_host::{
    Compiled, Grants, Limits, LoadError, PluginSource, Runtime, SecretKey, SecretRef, TrustStore, sign,
};
use ptrun_tests::{guest, root};

/// Compiles a component that a trusted key signed.
fn compile(runtime: &Runtime, component: &[u8]) -> Result<Compiled, LoadError> {
    let key = SecretKey::generate().expect("randomness");
    let plain = include_str!("../hostile/plain.toml");
    let signed = sign(component, None, &key).or_else(|_| sign(component, Some(plain), &key));
    let mut trust = TrustStore::new();
    trust.add(key.public(), "*/*".parse().expect("a scope"));
    let plugin = PluginSource::memory("guest", signed.expect("signs")).read().expect("in memory");
    runtime.compile(trust.verify(plugin).expect("signed"))
}

/// RUSTSEC-2026-0570 aborts engines that are built without a collector; others were about exceptions, 64-bit
/// memories, threads and asynchronous functions. Nothing of this gets past the validator.
#[test]
fn what_no_plugin_needs_is_refused() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let module = |text: &str| format!("(component (core module {text}))");
    for (what, component) in [
        ("structs", module("(type (struct (field i32)))")),
        ("arrays", module("(type (array i8))")),
        ("recursive types", module("(rec (type (func)) (type (func)))")),
        ("external references", module("(func (param externref))")),
        ("any references", module("(func (param anyref))")),
        ("exception references", module("(func (param exnref))")),
        ("small integers", module("(func (drop (ref.i31 (i32.const 1))))")),
        ("typed references", module("(type $t (func)) (func (param (ref $t)))")),
        ("calls of references", module("(type $t (func)) (func (param (ref null $t)) (call_ref $t (local.get 0)))")),
        ("exceptions", module("(tag $t) (func (throw $t))")),
        ("handlers", module("(tag $t) (func (block $b (try_table (catch $t $b))))")),
        ("tail calls", module("(func $f (return_call $f))")),
        ("64-bit memories", module("(memory i64 1)")),
        ("64-bit tables", module("(table i64 1 funcref)")),
        ("shared memories", module("(memory 1 1 shared)")),
        ("atomic operations", module("(memory 1) (func (drop (i32.atomic.load (i32.const 0))))")),
        ("relaxed vectors", module("(func (param v128) (drop (i32x4.relaxed_trunc_f32x4_s (local.get 0))))")),
        ("wide arithmetic", module("(func (param i64) (i64.mul_wide_u (local.get 0) (local.get 0)) (drop) (drop))")),
        ("pages of other sizes", module("(memory 1 (pagesize 1))")),
        ("stack switching", module("(type $f (func)) (type (cont $f))")),
        (
            "asynchronous functions",
            r#"(component
                (core module $m (func (export "f") (result i32) (i32.const 0))
                    (func (export "c") (param i32 i32 i32) (result i32) (i32.const 0)))
                (core instance $i (instantiate $m))
                (func (export "f") async (canon lift (core func $i "f") async (callback (core func $i "c")))))"#
                .to_owned(),
        ),
        ("streams", "(component (type (stream u8)))".to_owned()),
        ("futures", "(component (type (future u8)))".to_owned()),
        ("error contexts", "(component (type error-context))".to_owned()),
    ] {
        let component = wat::parse_str(&component).unwrap_or_else(|why| panic!("{what}: {why}"));
        let refused = compile(&runtime, &component);
        assert!(matches!(refused, Err(LoadError::Invalid(_))), "{what}: {refused:?}");
    }
    // The validator does not refuse everything.
    let good = wat::parse_str(module(
        "(memory 1) (memory 1) (func (param funcref v128) (result i32 i32) unreachable)",
    ))
    .expect("a text");
    assert!(matches!(compile(&runtime, &good), Err(LoadError::NotASource { .. })));
}

/// RUSTSEC-2026-0022: a call that is given up while the guest computes, sleeps or waits for an answer. What comes
/// after it is not the worse for it.
#[test]
fn a_call_that_is_given_up_leaves_nothing_behind() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let reference: SecretRef = "guest://x#text".parse().expect("a reference");
    let sandbox = |name: &str| {
        let compiled = compile(&runtime, &guest(name)).expect("compiles");
        compiled.sandbox(Grants::none(), BTreeMap::new()).expect("it needs nothing")
    };
    let good = sandbox("json");
    for name in ["sleep", "h01_loop", "h02_loop_in_start", "h06_sleep"] {
        let bad = sandbox(name);
        for wait in [0, 1, 15, 40] {
            let asked = [&reference];
            let wait = Duration::from_millis(wait);
            let given_up = async { tokio::time::timeout(wait, bad.resolve(&asked)).await.is_err() };
            assert!(tokio.block_on(given_up), "{name} answered");
            let answers = tokio.block_on(good.resolve(&asked)).expect("answers");
            assert!(answers[0].is_ok());
        }
    }
}

/// A table of holes is worth as much as the tests that it names.
#[test]
fn the_tests_that_the_threat_model_names_are_there() {
    let page = fs::read_to_string(root().join("docs/security.md")).expect("a page");
    let mut sources = String::new();
    for folder in [
        "tests/suites",
        "host/egress/tests/client",
        "host/cli/src",
        "host/runtime/src",
        "host/trust/tests/attacks",
    ] {
        for entry in fs::read_dir(root().join(folder)).expect("a folder") {
            sources.push_str(&fs::read_to_string(entry.expect("an entry").path()).unwrap_or_default());
        }
    }
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.matches('|').count() == 4);
    let mut named = 0;
    for row in rows {
        let Some(last) = row.rsplit('|').nth(1) else { continue };
        for test in last.split('`').skip(1).step_by(2) {
            let hostile =
                ["rs", "wat"].iter().any(|end| root().join(format!("tests/hostile/{test}.{end}")).exists());
            let is_there = hostile || root().join(test).exists() || sources.contains(&format!("fn {test}("));
            assert!(is_there, "no test is called `{test}`: {row}");
            named += 1;
        }
    }
    assert!(named >= 30, "the table lost its tests: {named}");
}
