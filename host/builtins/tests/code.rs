//! Machine code that was built in is used for the plugin that it was made of, and for no other.

use ptrun_host::{Limits, PluginSource, Runtime, SecretKey, Verified, sign};

/// The built-in plugin, with this change to its file.
fn verified(change: impl Fn(Vec<u8>) -> Vec<u8>, more: Option<&SecretKey>) -> Verified {
    let builtin = ptrun_builtins::find("env").expect("built by `cargo xtask build`");
    let file = change(builtin.source().read().expect("in memory").bytes().to_vec());
    let mut trust = ptrun_builtins::trust();
    if let Some(key) = more {
        trust.add(key.public(), "ptrun/*".parse().expect("a scope"));
    }
    trust.verify(PluginSource::memory("env", file).read().expect("in memory")).expect("signed")
}

#[test]
fn the_built_in_plugin_needs_no_compiler() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let builtin = ptrun_builtins::find("env").expect("built by `cargo xtask build`");
    assert!(builtin.load(&runtime, verified(|file| file, None)).is_ok());
    assert_eq!(runtime.compilations(), 0);
}

#[test]
fn another_file_is_compiled() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let builtin = ptrun_builtins::find("env").expect("built by `cargo xtask build`");
    let key = SecretKey::generate().expect("randomness");
    let signed_again = verified(|file| sign(&file, None, &key).expect("signs"), Some(&key));
    assert!(builtin.load(&runtime, signed_again).is_ok());
    assert_eq!(runtime.compilations(), 1);
}
