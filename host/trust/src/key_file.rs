//! The files that keys live in: those of `wasmsign2`, PEM, and those of OpenSSH.

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use ed25519_dalek::{SigningKey, VerifyingKey};
use ssh_key::private::{Ed25519Keypair, Ed25519PrivateKey, KeypairData};
use ssh_key::public::{Ed25519PublicKey, KeyData};
use ssh_key::{Cipher, Kdf, LineEnding};
use zeroize::Zeroizing;

use crate::{KeyError, PublicKey, SecretKey};

/// What a byte string starts with that is a public key of `wasmsign2`.
const PUBLIC_TAG: u8 = 0x01;
/// What a byte string starts with that is a secret key of `wasmsign2`: seed and public key follow.
const SECRET_TAG: u8 = 0x81;
/// How much work a guess of a passphrase is: what `ssh-keygen` has as its default.
const BCRYPT_ROUNDS: u32 = 16;

impl PublicKey {
    /// From the content of a key file, which is one of
    ///
    /// - what `wasmsign2 keygen` writes: the byte `01`, then 32 bytes;
    /// - PEM, `BEGIN PUBLIC KEY` (RFC 8410);
    /// - a line of OpenSSH, `ssh-ed25519 AAAA… comment`;
    /// - 64 hexadecimal digits.
    ///
    /// # Errors
    /// If it is none of these, or no good key.
    pub fn from_file_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        if let [PUBLIC_TAG, key @ ..] = bytes
            && let Ok(key) = key.try_into()
        {
            return Self::from_bytes(key);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| KeyError::Unreadable)?.trim();
        if text.starts_with("-----BEGIN PUBLIC KEY-----") {
            let key = VerifyingKey::from_public_key_pem(text).map_err(|_| KeyError::Unreadable)?;
            return Self::from_bytes(key.as_bytes());
        }
        if text.starts_with("ssh-") {
            let key = ssh_key::PublicKey::from_openssh(text).map_err(|_| KeyError::Unreadable)?;
            return Self::from_bytes(&key.key_data().ed25519().ok_or(KeyError::OtherAlgorithm)?.0);
        }
        text.parse()
    }

    /// A line as OpenSSH has it, with a comment.
    #[must_use]
    pub fn to_openssh(&self, comment: &str) -> String {
        let key = ssh_key::PublicKey::new(KeyData::Ed25519(Ed25519PublicKey(self.to_bytes())), comment);
        // Only a buffer that is too small could fail.
        key.to_openssh().unwrap_or_else(|_| self.to_string())
    }
}

impl SecretKey {
    /// From the content of a key file, which is one of
    ///
    /// - what `wasmsign2 keygen` writes: the byte `81`, then seed and public key;
    /// - PEM, `BEGIN PRIVATE KEY` (RFC 8410), not encrypted;
    /// - OpenSSH's `BEGIN OPENSSH PRIVATE KEY`, which may need a passphrase.
    ///
    /// # Errors
    /// If it is none of these, no key for Ed25519, or the passphrase is missing or wrong.
    pub fn from_file_bytes(bytes: &[u8], passphrase: Option<&str>) -> Result<Self, KeyError> {
        if let [SECRET_TAG, halves @ ..] = bytes {
            let (seed, public) = halves.split_first_chunk::<32>().ok_or(KeyError::Unreadable)?;
            return Self::from_halves(seed, public);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| KeyError::Unreadable)?.trim();
        if text.starts_with("-----BEGIN PRIVATE KEY-----") {
            return SigningKey::from_pkcs8_pem(text).map(Self).map_err(|_| KeyError::Unreadable);
        }
        let mut key = ssh_key::PrivateKey::from_openssh(text).map_err(|_| KeyError::Unreadable)?;
        if key.is_encrypted() {
            let passphrase = passphrase.ok_or(KeyError::Encrypted)?;
            key = key.decrypt(passphrase).map_err(|_| KeyError::WrongPassphrase)?;
        }
        let pair = key.key_data().ed25519().ok_or(KeyError::OtherAlgorithm)?;
        Self::from_halves(pair.private.as_ref(), &pair.public.0)
    }

    fn from_halves(seed: &[u8; 32], public: &[u8]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        match public.len() {
            32 if key.verifying_key().as_bytes() == public => Ok(Self(key)),
            32 => Err(KeyError::Mismatch),
            _ => Err(KeyError::Unreadable),
        }
    }

    /// A file as OpenSSH has it, encrypted if there is a passphrase (bcrypt, AES-256 in counter mode), so
    /// that `ssh-keygen -p` can change that.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn to_openssh(&self, comment: &str, passphrase: Option<&str>) -> Result<Zeroizing<String>, KeyError> {
        let pair = Ed25519Keypair {
            public: Ed25519PublicKey(self.public().to_bytes()),
            private: Ed25519PrivateKey::from_bytes(self.0.as_bytes()),
        };
        let written = || {
            let key = ssh_key::PrivateKey::new(KeypairData::Ed25519(pair), comment).ok()?;
            let key = match passphrase {
                None => key,
                Some(passphrase) => {
                    let mut salt = vec![0; 16];
                    getrandom::fill(&mut salt).ok()?;
                    let kdf = Kdf::Bcrypt { salt, rounds: BCRYPT_ROUNDS };
                    key.encrypt_with(Cipher::Aes256Ctr, kdf, getrandom::u32().ok()?, passphrase).ok()?
                }
            };
            key.to_openssh(LineEnding::LF).ok()
        };
        written().ok_or(KeyError::Entropy)
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::pkcs8::{EncodePrivateKey as _, EncodePublicKey as _};

    use super::*;

    fn key() -> SecretKey {
        SecretKey::generate().expect("entropy")
    }

    #[test]
    fn a_public_key_is_read_from_every_format() {
        let key = key().public();
        assert_eq!(PublicKey::from_file_bytes(format!("{key}\n").as_bytes()), Ok(key));
        assert_eq!(PublicKey::from_file_bytes(&[&[PUBLIC_TAG], key.to_bytes().as_slice()].concat()), Ok(key));
        assert_eq!(PublicKey::from_file_bytes(key.to_openssh("acme release").as_bytes()), Ok(key));
    }

    #[test]
    fn pem_is_read() {
        let key = key();
        let public = key.0.verifying_key().to_public_key_pem(Default::default()).expect("written");
        assert_eq!(PublicKey::from_file_bytes(public.as_bytes()), Ok(key.public()));
        let secret = key.0.to_pkcs8_pem(Default::default()).expect("written");
        let read = SecretKey::from_file_bytes(secret.as_bytes(), None).map(|key| key.public());
        assert_eq!(read, Ok(key.public()));
    }

    #[test]
    fn pem_is_read_in_its_one_form() {
        let public = key().0.verifying_key().to_public_key_pem(Default::default()).expect("written");
        // 44 bytes leave two bits of the last digit unused (RFC 4648, section 3.5).
        let digit = public.rfind("=\n").expect("padding") - 1;
        let mut spare = public.clone().into_bytes();
        spare[digit] += 1;
        assert_eq!(PublicKey::from_file_bytes(&spare), Err(KeyError::Unreadable));
        assert_eq!(
            PublicKey::from_file_bytes(public.replace("=\n", "\n").as_bytes()),
            Err(KeyError::Unreadable)
        );
    }

    #[test]
    fn a_secret_key_whose_halves_differ_is_refused() {
        let (one, two) = (key(), key());
        let file =
            |public: &PublicKey| [&[SECRET_TAG], one.0.as_bytes().as_slice(), &public.to_bytes()].concat();
        let read = |bytes: &[u8]| SecretKey::from_file_bytes(bytes, None).map(|key| key.public());
        assert_eq!(read(&file(&one.public())), Ok(one.public()));
        assert_eq!(read(&file(&two.public())), Err(KeyError::Mismatch));
        assert_eq!(read(&[SECRET_TAG; 40]), Err(KeyError::Unreadable));
    }

    #[test]
    fn a_passphrase_protects_a_secret_key() {
        let key = key();
        let open = |file: &str, passphrase| {
            SecretKey::from_file_bytes(file.as_bytes(), passphrase).map(|key| key.public())
        };
        let plain = key.to_openssh("acme", None).expect("written");
        assert_eq!(open(&plain, None), Ok(key.public()));
        let locked = key.to_openssh("acme", Some("correct horse")).expect("written");
        assert_eq!(open(&locked, None), Err(KeyError::Encrypted));
        assert_eq!(open(&locked, Some("wrong horse")), Err(KeyError::WrongPassphrase));
        assert_eq!(open(&locked, Some("correct horse")), Ok(key.public()));
    }

    #[test]
    fn other_algorithms_are_named_as_such() {
        let number = |bytes: &[u8]| ssh_key::Mpint::from_positive_bytes(bytes).expect("a number");
        let rsa = ssh_key::public::RsaPublicKey { e: number(&[1, 0, 1]), n: number(&[0xff; 256]) };
        let rsa = ssh_key::PublicKey::new(KeyData::Rsa(rsa), "").to_openssh().expect("written");
        assert_eq!(PublicKey::from_file_bytes(rsa.as_bytes()), Err(KeyError::OtherAlgorithm));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for bytes in
            [b"" as &[u8], b"key", &[0xff; 9], &[PUBLIC_TAG; 32], &[PUBLIC_TAG; 34], b"ssh-ed25519 AAAA"]
        {
            assert_eq!(PublicKey::from_file_bytes(bytes), Err(KeyError::Unreadable), "{bytes:?}");
            assert!(
                matches!(SecretKey::from_file_bytes(bytes, None), Err(KeyError::Unreadable)),
                "{bytes:?}"
            );
        }
        let weak = [&[PUBLIC_TAG, 1], [0; 31].as_slice()].concat();
        assert_eq!(PublicKey::from_file_bytes(&weak), Err(KeyError::Weak));
    }
}
