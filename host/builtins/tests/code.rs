//! Machine code that was built in is used for the content that it was made of, and for no other.

use std::collections::BTreeMap;

use ptrun_builtins::Builtin;
use ptrun_host::{Grants, Limits, PluginSource, Runtime, SecretKey, Verified, sign};

fn builtin(name: &str) -> Builtin {
    ptrun_builtins::find(name).expect("built by `cargo xtask build`")
}

fn file(builtin: Builtin) -> Vec<u8> {
    builtin.source().read().expect("in memory").bytes().to_vec()
}

fn verified(source: PluginSource) -> Verified {
    ptrun_builtins::trust().verify(source.read().expect("in memory")).expect("signed")
}

#[test]
fn the_digest_of_each_is_that_of_its_bytes() {
    assert_eq!(ptrun_builtins::all().count(), 3);
    for builtin in ptrun_builtins::all() {
        let computed = verified(PluginSource::memory(builtin.name(), file(builtin)));
        assert_eq!(verified(builtin.source()).digest(), computed.digest(), "{builtin:?}");
    }
}

#[test]
fn a_built_in_plugin_needs_no_compiler() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    // Twice at once: the code of one of them is a copy. The one that goes first takes nothing from the other.
    let first = builtin("env").load(&runtime, verified(builtin("env").source())).expect("loads");
    let second = builtin("env").load(&runtime, verified(builtin("env").source())).expect("loads");
    drop(first);
    assert!(second.sandbox(Grants::none(), BTreeMap::new()).is_ok());
    // The same content with a signature of somebody else.
    let key = SecretKey::generate().expect("randomness");
    let mut trust = ptrun_builtins::trust();
    trust.add(key.public(), "ptrun/*".parse().expect("a scope"));
    let signed = sign(&file(builtin("env")), None, &key).expect("signs");
    let again = trust.verify(PluginSource::memory("env", signed).read().expect("in memory")).expect("signed");
    assert!(builtin("env").load(&runtime, again).is_ok());
    assert_eq!(runtime.compilations(), 0);
}

#[test]
fn another_plugin_is_compiled() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    assert!(builtin("file").load(&runtime, verified(builtin("env").source())).is_ok());
    assert_eq!(runtime.compilations(), 1);
}
