//! The other implementation of the signature format: what `wasmsign2` signs is verified here, and the
//! reverse; keys too.

use ptrun_trust::{PluginSource, PublicKey, SecretKey, TrustError, TrustStore, sign};
use wasmsign2::{KeyPair, Module};

const MANIFEST: &str = "format=1\npublisher=\"acme\"\nname=\"vault\"\nversion=\"1.0.0\"\ninterface=\"0\"\nscheme=\"v\"\nsequence=1";

/// A component that has its manifest, and no signature.
fn component() -> Vec<u8> {
    let length = |n: usize| u8::try_from(n).ok().filter(|n| *n < 128).expect("short");
    let name = "ptrun:plugin";
    let mut file = b"\0asm\x0d\0\x01\0".to_vec();
    file.extend([0, length(1 + name.len() + MANIFEST.len()), length(name.len())]);
    file.extend(name.as_bytes());
    file.extend(MANIFEST.as_bytes());
    file
}

fn theirs(file: &[u8], pair: &KeyPair, key_id: Option<&Vec<u8>>) -> Vec<u8> {
    let module = Module::deserialize(&mut &file[..]).expect("they read it");
    let mut signed = Vec::new();
    pair.sk.sign(module, key_id).expect("they sign it").serialize(&mut signed).expect("they write it");
    signed
}

fn trusting(key: PublicKey, scope: &str) -> TrustStore {
    let mut trust = TrustStore::new();
    trust.add(key, scope.parse().expect("a scope"));
    trust
}

fn verify(trust: &TrustStore, file: Vec<u8>) -> Result<(), TrustError> {
    trust.verify(PluginSource::memory("plugin", file).read().expect("in memory")).map(drop)
}

#[test]
fn what_they_sign_is_verified() {
    let pair = KeyPair::generate();
    let key = PublicKey::from_file_bytes(&pair.pk.to_bytes()).expect("their key");
    let default_id = pair.pk.clone().attach_default_key_id();
    for key_id in [None, default_id.key_id()] {
        let signed = theirs(&component(), &pair, key_id);
        assert_eq!(verify(&trusting(key, "acme/*"), signed.clone()), Ok(()));
        assert!(matches!(verify(&trusting(key, "other/*"), signed), Err(TrustError::OutOfScope { .. })));
    }
}

#[test]
fn what_is_signed_here_they_verify() {
    let pair = KeyPair::generate();
    let key = SecretKey::from_file_bytes(&pair.sk.to_bytes(), None).expect("their key");
    let signed = sign(&component(), None, &key).expect("a good component");
    assert!(pair.pk.verify(&mut signed.as_slice(), None).is_ok());
    let mut altered = signed;
    *altered.last_mut().expect("not empty") ^= 1;
    assert!(pair.pk.verify(&mut altered.as_slice(), None).is_err());
}

#[test]
fn a_second_signature_of_ours_joins_theirs() {
    let pair = KeyPair::generate();
    let ours = SecretKey::generate().expect("entropy");
    let both = sign(&theirs(&component(), &pair, None), None, &ours).expect("signs");
    let their_key = PublicKey::from_file_bytes(&pair.pk.to_bytes()).expect("their key");
    for key in [their_key, ours.public()] {
        assert_eq!(verify(&trusting(key, "acme/*"), both.clone()), Ok(()));
    }
}

#[test]
fn key_files_go_both_ways() {
    let pair = KeyPair::generate();
    let key = PublicKey::from_file_bytes(&pair.pk.to_bytes()).expect("raw");
    assert_eq!(PublicKey::from_file_bytes(pair.pk.to_pem().as_bytes()), Ok(key));
    for secret in [pair.sk.to_bytes(), pair.sk.to_pem().into_bytes()] {
        let secret = SecretKey::from_file_bytes(&secret, None).map(|secret| secret.public());
        assert_eq!(secret, Ok(key));
    }
    let ours = SecretKey::generate().expect("entropy");
    let file = ours.to_openssh("ours", None).expect("written");
    let read = wasmsign2::SecretKey::from_openssh(&file).expect("they read it");
    assert_eq!(SecretKey::from_file_bytes(&read.to_bytes(), None).map(|key| key.public()), Ok(ours.public()));
    let public = wasmsign2::PublicKey::from_openssh(&ours.public().to_openssh("ours")).expect("they read it");
    assert_eq!(public.to_bytes()[1..], ours.public().to_bytes());
}
