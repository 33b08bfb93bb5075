//! A file that somebody calls a plugin: framing, signature section, manifest. Whatever it is, a store that
//! trusts nobody refuses it, signing it keeps its content, and what was signed is verified.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptrun_trust::{PluginSource, Scope, SecretKey, TrustError, TrustStore, sign};

fuzz_target!(|bytes: &[u8]| {
    let verify = |trust: &TrustStore, file: &[u8]| {
        trust.verify(PluginSource::memory("plugin", file.to_vec()).read().expect("in memory"))
    };
    match verify(&TrustStore::new(), bytes) {
        Ok(_) => panic!("nobody is trusted"),
        Err(TrustError::Unsigned { digest, .. }) => {
            let mut trust = TrustStore::new();
            trust.allow_unsigned(digest);
            if let Ok(verified) = verify(&trust, bytes) {
                assert_eq!(verified.bytes(), bytes);
                assert!(verified.signers().is_empty());
            }
        }
        Err(_) => {}
    }
    let key = SecretKey::from_file_bytes(&KEY, None).expect("a key that nobody trusts");
    if let Ok(signed) = sign(bytes, None, &key) {
        let mut trust = TrustStore::new();
        trust.add(key.public(), Scope::ALL);
        match verify(&trust, &signed) {
            Ok(verified) => assert_eq!(verified.bytes(), signed),
            // The signer looks at less than who verifies.
            Err(TrustError::Malformed { .. } | TrustError::Manifest { .. } | TrustError::Expired { .. }) => {}
            Err(why) => panic!("{why}"),
        }
    }
});

/// In the format of wasmsign2: the example of RFC 8032, section 7.1, test 1.
const KEY: [u8; 65] = {
    let secret = *b"\x9d\x61\xb1\x9d\xef\xfd\x5a\x60\xba\x84\x4a\xf4\x92\xec\x2c\xc4\x44\x49\xc5\x69\x7b\x32\x69\x19\x70\x3b\xac\x03\x1c\xae\x7f\x60";
    let public = *b"\xd7\x5a\x98\x01\x82\xb1\x0a\xb7\xd5\x4b\xfe\xd3\xc9\x64\x07\x3a\x0e\xe1\x72\xf3\xda\xa6\x23\x25\xaf\x02\x1a\x68\xf7\x07\x51\x1a";
    let mut key = [0x81; 65];
    let mut at = 0;
    while at < 32 {
        key[1 + at] = secret[at];
        key[33 + at] = public[at];
        at += 1;
    }
    key
};
