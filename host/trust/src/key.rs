//! Ed25519 keys (RFC 8032) in the files that they live in.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::envelope::{self, Signed};

/// What a byte string starts with that is a public key of `wasmsign2`.
const PUBLIC_TAG: u8 = 0x01;
/// What a byte string starts with that is a secret key of `wasmsign2`: seed and public key follow.
const SECRET_TAG: u8 = 0x81;

/// Why some bytes are no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Neither 64 hexadecimal digits nor the bytes of a key file.
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
    /// The system gave no randomness.
    #[error("the system gave no randomness for a new key")]
    Entropy,
}

/// The key that checks signatures. It prints as 64 hexadecimal digits, and is read from them.
#[derive(Clone, Copy, PartialEq, Eq)]
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

    /// From the content of a key file: what `wasmsign2 keygen` wrote, or 64 hexadecimal digits.
    ///
    /// # Errors
    /// If it is neither, or no good key.
    pub fn from_file_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        match bytes {
            [PUBLIC_TAG, key @ ..] if key.len() == 32 => {
                Self::from_bytes(key.try_into().map_err(|_| KeyError::Unreadable)?)
            }
            _ => std::str::from_utf8(bytes).map_err(|_| KeyError::Unreadable)?.trim().parse(),
        }
    }

    /// The 32 bytes of RFC 8032.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }

    /// Whether this key made `signed`, over the hash of a plugin. Strict: a signature has one form, and
    /// neither it nor the key has small order.
    pub(crate) fn made(&self, signed: &Signed, hash: &[u8; 32]) -> bool {
        let message = envelope::message(hash);
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(&message, &signed.signature).is_ok())
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
pub struct SecretKey(SigningKey);

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

    /// From the content of a key file that `wasmsign2 keygen` wrote.
    ///
    /// # Errors
    /// If it is not that, or its two halves do not belong together.
    pub fn from_file_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let [SECRET_TAG, halves @ ..] = bytes else {
            return Err(KeyError::Unreadable);
        };
        let (seed, public) = halves.split_first_chunk::<32>().ok_or(KeyError::Unreadable)?;
        let key = SigningKey::from_bytes(seed);
        match public.len() {
            32 if key.verifying_key().as_bytes() == public => Ok(Self(key)),
            32 => Err(KeyError::Mismatch),
            _ => Err(KeyError::Unreadable),
        }
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
        assert_eq!(PublicKey::from_file_bytes(format!("{key}\n").as_bytes()), Ok(key));
        let file = [&[PUBLIC_TAG], key.to_bytes().as_slice()].concat();
        assert_eq!(PublicKey::from_file_bytes(&file), Ok(key));
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
        assert_eq!(PublicKey::from_file_bytes(&[0xff; 9]), Err(KeyError::Unreadable));
    }

    #[test]
    fn a_secret_key_whose_halves_differ_is_refused() {
        let (one, two) = (SecretKey::generate().expect("entropy"), SecretKey::generate().expect("entropy"));
        let file =
            |public: &PublicKey| [&[SECRET_TAG], one.0.as_bytes().as_slice(), &public.to_bytes()].concat();
        let read = SecretKey::from_file_bytes(&file(&one.public())).map(|key| key.public());
        assert_eq!(read, Ok(one.public()));
        assert!(matches!(SecretKey::from_file_bytes(&file(&two.public())), Err(KeyError::Mismatch)));
        assert!(matches!(SecretKey::from_file_bytes(&[SECRET_TAG; 40]), Err(KeyError::Unreadable)));
    }
}
