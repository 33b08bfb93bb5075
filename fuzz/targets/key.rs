//! Key files of every format. A public key that is accepted prints as it is read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ptrun_trust::{PublicKey, SecretKey};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(key) = PublicKey::from_file_bytes(bytes) {
        assert_eq!(key.to_string().parse(), Ok(key));
        assert_eq!(PublicKey::from_file_bytes(key.to_openssh("").as_bytes()), Ok(key));
    }
    if let Ok(key) = SecretKey::from_file_bytes(bytes, None) {
        assert!(PublicKey::from_bytes(&key.public().to_bytes()).is_ok());
    }
});
