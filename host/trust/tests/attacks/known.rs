//! The table of attacks: none is accepted, each is refused for its own reason, and `tests/signatures` holds
//! those that are worth a file.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use curve25519_dalek::constants::EIGHT_TORSION;
use ed25519_dalek::{Signature, Verifier as _};
use ptrun_trust::PublicKey;

use crate::case::{ANY, Case};
use crate::forge::{MANIFEST, content, key, message, signed};
use crate::table::{cases, trusting, with_nonce};

/// Files over this size, and series of one attack on every bit, are in the table alone.
const LARGEST: usize = 2000;

fn honest() -> Case {
    let plugin = signed(&key(1), &content(MANIFEST));
    Case { group: "accepted", name: "honest".to_owned(), refused: "no", trust: trusting(&key(1), ""), plugin }
}

/// The plugin of a case.
pub(crate) fn plugin_of(path: &str) -> Vec<u8> {
    let path = format!("{path}.toml");
    cases().into_iter().find(|case| case.path() == path).expect("a case").plugin
}

#[test]
fn no_attack_is_accepted() {
    assert_eq!(honest().verdict(), None, "the honest file must be accepted, or nothing is shown");
    let cases = cases();
    let accepted: Vec<_> = cases.iter().filter(|case| case.verdict().is_none()).map(Case::path).collect();
    println!("{} attack cases, {} accepted", cases.len(), accepted.len());
    assert_eq!(accepted, Vec::<String>::new());
    let other: Vec<_> = cases.iter().filter(|case| !case.is_refused_as_expected()).collect();
    let other: Vec<_> = other.iter().map(|case| (case.path(), case.refused, case.verdict())).collect();
    assert_eq!(other, [], "refused for another reason than theirs");
    assert!(cases.len() > 1900, "the table lost its cases: {}", cases.len());
}

/// The files below `tests/signatures`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn the_directory_holds_the_table() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/signatures");
    let series = |case: &&Case| case.refused != ANY && !case.name.starts_with("signature bit");
    let mut cases: Vec<Case> = cases();
    cases.retain(|case| series(&case) && case.plugin.len() <= LARGEST);
    cases.push(honest());
    let overwrite = std::env::var_os("SIGNATURES").is_some_and(|value| value == "overwrite");
    let mut expected = BTreeSet::new();
    for case in &cases {
        let path = root.join(case.path());
        assert!(expected.insert(path.clone()), "two cases are called {}", case.path());
        if overwrite {
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, case.text()).expect("a file");
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, case.text(), "{}: run the test with SIGNATURES=overwrite", case.path());
    }
    let stray: Vec<_> = files(&root).into_iter().filter(|path| !expected.contains(path)).collect();
    assert_eq!(stray, Vec::<PathBuf>::new(), "no case of the table made these");
}

#[test]
fn a_lax_check_would_accept_one_of_them() {
    let message = message(&content(MANIFEST));
    let forged = Signature::from_bytes(&with_nonce(&key(1), &message, &EIGHT_TORSION[0]));
    assert!(key(1).verifying_key().verify(&message, &forged).is_ok(), "the forgery is a good one");
    assert!(key(1).verifying_key().verify_strict(&message, &forged).is_err());
}

#[test]
fn no_key_of_small_order_can_be_trusted() {
    for point in EIGHT_TORSION {
        assert!(PublicKey::from_bytes(point.compress().as_bytes()).is_err());
    }
}
