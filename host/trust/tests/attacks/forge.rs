//! What an attacker has: the format, written a second time from its description, so that a mistake in the
//! one that is tested does not hide itself.

use ed25519_dalek::{Signer as _, SigningKey};
use ptrun_trust::PublicKey;
use sha2::{Digest as _, Sha256};

pub(crate) const PREAMBLE: &[u8; 8] = b"\0asm\x0d\0\x01\0";

pub(crate) const MANIFEST: &str = r#"
format = 1
publisher = "acme"
name = "vault"
version = "1.0.0"
interface = "0.1"
scheme = "vault"
sequence = 1
"#;

/// A number as unsigned LEB128.
pub(crate) fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value > 127 {
        bytes.push((value % 128) as u8 | 128);
        value /= 128;
    }
    bytes.push(value as u8);
    bytes
}

/// Bytes with their length before them.
pub(crate) fn sized(bytes: &[u8]) -> Vec<u8> {
    [number(bytes.len()), bytes.to_vec()].concat()
}

/// A custom section.
pub(crate) fn section(name: &str, body: &[u8]) -> Vec<u8> {
    [vec![0], sized(&[sized(name.as_bytes()), body.to_vec()].concat())].concat()
}

/// The content of a plugin: its manifest, and a section to alter.
pub(crate) fn content(manifest: &str) -> Vec<u8> {
    [section("ptrun:plugin", manifest.as_bytes()), section("payload", b"what the plugin does")].concat()
}

pub(crate) fn hash(content: &[u8]) -> Vec<u8> {
    Sha256::digest(content).to_vec()
}

/// What a signature is made over.
pub(crate) fn message(content: &[u8]) -> Vec<u8> {
    [b"wasmsig\x01\x01\x01".to_vec(), hash(content)].concat()
}

/// One record of a signature.
pub(crate) fn record(key_id: &[u8], signature: &[u8]) -> Vec<u8> {
    sized(&[sized(key_id), vec![1], sized(signature)].concat())
}

/// A file with these records, around this content.
pub(crate) fn file(records: &[Vec<u8>], content: &[u8]) -> Vec<u8> {
    let set = [vec![1], hash(content), number(records.len()), records.concat()].concat();
    let body = [vec![1, 1, 1, 1], sized(&set)].concat();
    [PREAMBLE.to_vec(), section("signature", &body), content.to_vec()].concat()
}

/// An honest file.
pub(crate) fn signed(key: &SigningKey, content: &[u8]) -> Vec<u8> {
    let signature = key.sign(&message(content)).to_bytes();
    file(&[record(b"", &signature)], content)
}

/// A key that belongs to nobody.
pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

pub(crate) fn public(key: &SigningKey) -> PublicKey {
    PublicKey::from_bytes(key.verifying_key().as_bytes()).expect("a good key")
}

/// Bytes that look random and are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `end` (xorshift64).
    pub(crate) fn roll(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }
}
