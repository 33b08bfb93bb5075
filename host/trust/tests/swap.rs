//! A file that changes while it is read and checked. What was verified is what is used: there is one copy.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ptrun_trust::{PluginSource, SecretKey, TrustStore, sign};

const RACES: usize = 1000;

/// A component with a section of `size` bytes `fill`, and a manifest for `acme/vault`.
fn component(fill: u8, size: usize) -> Vec<u8> {
    let mut section = vec![1, b'p'];
    section.resize(size, fill);
    let mut length = size;
    let mut file = b"\0asm\x0d\0\x01\0\0".to_vec();
    while length > 127 {
        file.push((length % 128) as u8 | 128);
        length /= 128;
    }
    file.push(length as u8);
    file.extend(section);
    file
}

const MANIFEST: &str = "format = 1\npublisher = \"acme\"\nname = \"vault\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme = \"vault\"\nsequence = 1\n";

#[test]
fn a_thousand_swaps_and_never_a_byte_that_was_not_signed() {
    let (key, stranger) =
        (SecretKey::generate().expect("randomness"), SecretKey::generate().expect("randomness"));
    let good = sign(&component(1, 50_000), Some(MANIFEST), &key).expect("signs");
    let evil = sign(&component(2, 50_000), Some(MANIFEST), &stranger).expect("signs");
    assert_eq!(good.len(), evil.len(), "so that one can be written over the other");
    let mut trust = TrustStore::new();
    trust.add(key.public(), "acme/*".parse().expect("a scope"));

    let folder = tempfile::tempdir().expect("a folder");
    let plugin = folder.path().join("plugin.wasm");
    fs::write(&plugin, &good).expect("a file");
    let done = AtomicBool::new(false);
    let (mut accepted, mut refused, mut foreign) = (0, 0, false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let next = folder.path().join("next");
            for round in 0.. {
                let content = if round % 2 == 0 { &evil } else { &good };
                // In turn a new file in its place, and other bytes in the same file.
                if round % 4 < 2 {
                    fs::write(&next, content).expect("a file");
                    fs::rename(&next, &plugin).expect("in its place");
                } else {
                    fs::write(&plugin, content).expect("over it");
                }
                if done.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        while !foreign && (accepted < RACES || refused < RACES) {
            match trust.verify(PluginSource::file(&plugin).read().expect("it is always there")) {
                Ok(verified) => {
                    foreign = verified.bytes() != good;
                    accepted += 1;
                }
                Err(_) => refused += 1,
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(!foreign, "other bytes than those that were signed");
    println!("{} races, {accepted} with the honest file, {refused} refused", accepted + refused);
}
