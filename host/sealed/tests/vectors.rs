//! The vectors of the Fernet specification (`generate.json`, `verify.json`, `invalid.json`), all ten of them; and what
//! this crate seals, opened again.

use aes::cipher::{BlockEncryptMut as _, KeyIvInit as _, block_padding::Pkcs7};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use hmac::Mac as _;
use ptrun_sealed::{
    Age, Keys, Kind, SALT_BYTES, SealError, is_key, kind, label, open, seal_token, seal_vault,
};

/// The key of every vector.
const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
/// 1985-10-26T01:20:00-07:00, the time of every vector but one second.
const NOW: u64 = 499_162_800;
/// Made at `NOW` from `hello`, with the vector 0, 1, 2, … 15.
const HELLO: &str =
    "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

fn open_at(token: &str, now: u64, at_most: Option<u64>) -> Result<Vec<u8>, SealError> {
    let keys = Keys::parse(KEY.as_bytes()).expect("a key");
    open(token.as_bytes(), &keys, Age { now, at_most }).map(|plain| plain.to_vec())
}

/// A token of its parts, as the specification has it.
fn token(plain: &[u8], made: u64, vector: [u8; 16]) -> String {
    let key = URL_SAFE.decode(KEY).expect("base64");
    let (signing, sealing) = key.split_at(16);
    let mut bytes = vec![0x80];
    bytes.extend(made.to_be_bytes());
    bytes.extend(vector);
    let cipher = cbc::Encryptor::<aes::Aes128>::new_from_slices(sealing, &vector).expect("lengths");
    bytes.extend(cipher.encrypt_padded_vec_mut::<Pkcs7>(plain));
    let mut mac = hmac::Hmac::<sha2::Sha256>::new_from_slice(signing).expect("a length");
    mac.update(&bytes);
    bytes.extend(mac.finalize().into_bytes());
    URL_SAFE.encode(bytes)
}

/// Sealing draws its vector, so it is compared with what the specification makes of the same vector.
#[test]
fn what_is_sealed_is_what_the_specification_generates() {
    let counted = std::array::from_fn(|at| u8::try_from(at).expect("small"));
    assert_eq!(token(b"hello", NOW, counted), HELLO);
    for plain in [&b""[..], b"hello", &[0xff; 16], &[7; 1000]] {
        let sealed = seal_token(plain, KEY).expect("a key");
        let bytes = URL_SAFE.decode(&sealed).expect("base64");
        let made = u64::from_be_bytes(bytes[1..9].try_into().expect("eight"));
        let vector = bytes[9..25].try_into().expect("sixteen");
        assert_eq!(token(plain, made, vector), sealed);
    }
    assert_ne!(seal_token(b"hello", KEY), seal_token(b"hello", KEY), "the vector is drawn");
    assert_eq!(seal_token(b"hello", "key"), Err(SealError::NotAKey));
}

#[test]
fn what_the_specification_verifies_is_opened() {
    assert_eq!(open_at(HELLO, NOW + 1, Some(60)).as_deref(), Ok(&b"hello"[..]));
}

#[test]
fn what_the_specification_calls_invalid_stays_shut() {
    let later = "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==";
    for (what, token, now, error) in [
        (
            "incorrect mac",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==",
            NOW + 1,
            SealError::WrongKey,
        ),
        ("too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==", NOW + 1, SealError::Broken),
        (
            "invalid base64",
            "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==",
            NOW + 1,
            SealError::NotSealed,
        ),
        (
            "payload size not multiple of block size",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm",
            NOW + 1,
            SealError::Broken,
        ),
        (
            "payload padding error",
            "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==",
            NOW + 1,
            SealError::WrongKey,
        ),
        (
            "far-future TS (unacceptable clock skew)",
            "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==",
            NOW + 1,
            SealError::Future,
        ),
        ("expired TTL", later, NOW + 91, SealError::Expired),
        (
            "incorrect IV (causes padding error)",
            "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
            NOW + 1,
            SealError::WrongKey,
        ),
    ] {
        assert_eq!(open_at(token, now, Some(60)), Err(error), "{what}");
    }
    assert!(open_at(later, NOW + 91, None).is_ok(), "without a limit, a token has no end");
}

#[test]
fn a_token_is_opened_by_whichever_key_fits() {
    let other = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let both = format!("\n {other} \n{KEY}\n");
    let keys = Keys::parse(both.as_bytes()).expect("two keys");
    assert!(is_key(other) && keys.newest() == other && keys.iter().count() == 2);
    let age = Age { now: NOW, at_most: None };
    assert_eq!(open(HELLO.as_bytes(), &keys, age).as_deref().map(Vec::as_slice), Ok(&b"hello"[..]));
    assert_eq!(open(format!("{HELLO}\n").as_bytes(), &keys, age).map(|plain| plain.len()), Ok(5));
    let wrong = Keys::parse(other.as_bytes()).expect("a key");
    assert_eq!(open(HELLO.as_bytes(), &wrong, age).map(drop), Err(SealError::WrongKey));
    let none = Keys::parse(b"hunter2").expect("a password, perhaps");
    assert_eq!(open(HELLO.as_bytes(), &none, age).map(drop), Err(SealError::NotAKey));
    for bad in [&b""[..], b"\n\n", b"\xff"] {
        assert_eq!(Keys::parse(bad).map(drop), Err(SealError::NotAKey));
    }
    assert_eq!(Keys::parse("k\n".repeat(17).as_bytes()).map(drop), Err(SealError::TooManyKeys));
}

#[test]
fn every_byte_of_a_token_counts() {
    let age = Age { now: NOW, at_most: None };
    let keys = Keys::parse(KEY.as_bytes()).expect("a key");
    let bytes = URL_SAFE.decode(HELLO).expect("base64");
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        assert!(open(URL_SAFE.encode(&altered).as_bytes(), &keys, age).is_err(), "byte {at}");
        assert!(open(URL_SAFE.encode(&bytes[..at]).as_bytes(), &keys, age).is_err(), "cut at {at}");
    }
}

#[test]
fn a_vault_is_opened_with_its_password() {
    let age = Age { now: 0, at_most: Some(0) };
    let salt = [7; SALT_BYTES];
    for (plain, id) in
        [(&b""[..], None), (b"hello", Some("dev")), (&[0; 16], None), (&[0xff; 4097], Some("prod"))]
    {
        let sealed = seal_vault(plain, "hunter2", &salt, id).expect("a label");
        assert_eq!((kind(sealed.as_bytes()), label(&sealed)), (Ok(Kind::Vault), id));
        assert!(sealed.lines().all(|line| line.len() <= 80) && sealed.ends_with('\n'));
        let keys = Keys::parse(b"wrong\nhunter2").expect("passwords");
        assert_eq!(open(sealed.as_bytes(), &keys, age).as_deref().map(Vec::as_slice), Ok(plain));
        let wrong = Keys::parse(b"wrong").expect("a password");
        assert_eq!(open(sealed.as_bytes(), &wrong, age).map(drop), Err(SealError::WrongKey));
        let half = &sealed[..sealed.len() / 2];
        let refused = open(half.as_bytes(), &keys, age).map(drop);
        assert!(matches!(refused, Err(SealError::Broken | SealError::WrongKey)), "{refused:?}");
    }
    let keys = Keys::parse(b"hunter2").expect("a password");
    for (header, error) in [
        ("$ANSIBLE_VAULT;1.0;AES\n00", SealError::Unknown),
        ("$ANSIBLE_VAULT;1.1;AES256;x\n00", SealError::Unknown),
        ("$ANSIBLE_VAULT;1.1;AES256", SealError::Broken),
        ("$ANSIBLE_VAULT;1.1;AES256\nxyz", SealError::Broken),
        ("$ANSIBLE_VAULT;1.1;AES256\n0a0a0a0a", SealError::Broken),
    ] {
        assert_eq!(open(header.as_bytes(), &keys, age).map(drop), Err(error), "{header}");
    }
    for bad in ["", "a b", "a;b", "a\nb"] {
        assert!(seal_vault(b"", "hunter2", &salt, Some(bad)).is_err(), "{bad:?}");
    }
}

#[test]
fn values_in_yaml_are_opened_where_they_are() {
    let salt = [9; SALT_BYTES];
    let inline = |plain: &str| {
        let sealed = seal_vault(plain.as_bytes(), "hunter2", &salt, None).expect("no label");
        sealed.lines().map(|line| format!("          {line}\n")).collect::<String>()
    };
    let yaml = format!(
        "# ours\nplain: 7\nsecret: !vault |\n{}list:\n  - !vault |-\n{}  - last\n",
        inline("a\n\"b\"\\\u{7f}\u{e9}"),
        inline("two")
    );
    let keys = Keys::parse(b"hunter2").expect("a password");
    let age = Age { now: 0, at_most: None };
    assert_eq!(kind(yaml.as_bytes()), Ok(Kind::Inline));
    let opened = open(yaml.as_bytes(), &keys, age).expect("opens");
    let expected =
        "# ours\nplain: 7\nsecret: \"a\\n\\\"b\\\"\\\\\\u007f\u{e9}\"\nlist:\n  - \"two\"\n  - last\n";
    assert_eq!(std::str::from_utf8(&opened), Ok(expected));
    let wrong = Keys::parse(b"wrong").expect("a password");
    assert_eq!(open(yaml.as_bytes(), &wrong, age).map(drop), Err(SealError::WrongKey));
}

#[test]
fn what_is_not_sealed_is_not_taken_for_it() {
    for (file, error) in [
        (&b""[..], SealError::Empty),
        (b" \n", SealError::Empty),
        (b"hunter2", SealError::NotSealed),
        (b"password: hunter2", SealError::NotSealed),
        (b"\xff\xfe", SealError::NotSealed),
    ] {
        assert_eq!(kind(file), Err(error));
        let keys = Keys::parse(KEY.as_bytes()).expect("a key");
        assert_eq!(open(file, &keys, Age { now: NOW, at_most: None }).map(drop), Err(error));
    }
}
