//! Files of ansible-vault, formats 1.1 and 1.2, AES256: a line that says so, and the rest in hexadecimal, of which the
//! content is hexadecimal again: salt, HMAC-SHA256 and the text in AES-256-CTR, with keys from PBKDF2.

use aes::Aes256;
use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{Keys, SealError};

/// How a file begins.
pub(crate) const MAGIC: &[u8] = b"$ANSIBLE_VAULT;";
/// How much salt there is, in bytes.
pub const SALT_BYTES: usize = 32;
/// Rounds of PBKDF2, which the format has fixed.
const ROUNDS: u32 = 10_000;
/// The block of the padding (PKCS #7).
const BLOCK: usize = 16;
/// Digits in a line.
const LINE: usize = 80;

/// The line at the beginning.
struct Header<'a> {
    /// The name of the password, in format 1.2.
    label: Option<&'a str>,
}

impl<'a> Header<'a> {
    fn parse(line: &'a str) -> Result<Self, SealError> {
        let mut fields = line.trim().split(';').skip(1);
        match (fields.next(), fields.next(), fields.next(), fields.next()) {
            (Some("1.1"), Some("AES256"), None, None) => Ok(Self { label: None }),
            (Some("1.2"), Some("AES256"), Some(label), None) => Ok(Self { label: Some(label) }),
            _ => Err(SealError::Unknown),
        }
    }
}

/// The name of the password of a file, if the file has one.
#[must_use]
pub fn label(file: &str) -> Option<&str> {
    let line = file.trim_start().lines().next()?;
    line.as_bytes().starts_with(MAGIC).then(|| Header::parse(line).ok()?.label).flatten()
}

/// Opens a file with the first password that fits.
pub(crate) fn open(file: &[u8], keys: &Keys<'_>) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let text = std::str::from_utf8(file).map_err(|_| SealError::Broken)?;
    let (header, body) = text.split_once('\n').ok_or(SealError::Broken)?;
    Header::parse(header)?;
    let digits: String = body.split_ascii_whitespace().collect();
    let inner = hex::decode(digits).map_err(|_| SealError::Broken)?;
    let mut parts = inner.split(|byte| *byte == b'\n').map(hex::decode);
    let (Some(Ok(salt)), Some(Ok(digest)), Some(Ok(sealed)), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SealError::Broken);
    };
    for password in keys.iter() {
        let derived = Derived::new(password, &salt);
        if derived.mac(&sealed).verify_slice(&digest).is_ok() {
            let mut plain = Zeroizing::new(sealed);
            derived.apply(&mut plain);
            let length = unpadded(&plain).ok_or(SealError::Broken)?;
            plain.truncate(length);
            return Ok(plain);
        }
    }
    Err(SealError::WrongKey)
}

/// Makes a file. The salt must be random, and used once.
///
/// # Errors
/// If the label could not stand in the first line.
pub fn seal(
    plain: &[u8],
    password: &str,
    salt: &[u8; SALT_BYTES],
    label: Option<&str>,
) -> Result<String, SealError> {
    if label.is_some_and(|label| label.is_empty() || label.contains(|c: char| c == ';' || c.is_whitespace()))
    {
        return Err(SealError::Unknown);
    }
    let derived = Derived::new(password, salt);
    let padding = BLOCK - plain.len() % BLOCK;
    let mut sealed = Zeroizing::new(Vec::with_capacity(plain.len() + padding));
    sealed.extend_from_slice(plain);
    sealed.resize(plain.len() + padding, u8::try_from(padding).unwrap_or_default());
    derived.apply(&mut sealed);
    let digest = derived.mac(&sealed).finalize().into_bytes();
    let inner = format!("{}\n{}\n{}", hex::encode(salt), hex::encode(digest), hex::encode(&*sealed));
    let mut file = match label {
        Some(label) => format!("$ANSIBLE_VAULT;1.2;AES256;{label}\n"),
        None => "$ANSIBLE_VAULT;1.1;AES256\n".to_owned(),
    };
    let digits = hex::encode(inner);
    for line in digits.as_bytes().chunks(LINE) {
        // Digits are ASCII.
        file.push_str(std::str::from_utf8(line).unwrap_or_default());
        file.push('\n');
    }
    Ok(file)
}

/// What is made of a password and salt: a key for the text, a key for the digest, and the first counter.
struct Derived(Zeroizing<[u8; 80]>);

impl Derived {
    fn new(password: &str, salt: &[u8]) -> Self {
        let mut bytes = Zeroizing::new([0; 80]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, ROUNDS, &mut *bytes);
        Self(bytes)
    }

    fn mac(&self, sealed: &[u8]) -> Hmac<Sha256> {
        // HMAC takes keys of any length.
        let mut mac =
            <Hmac<Sha256> as hmac::Mac>::new_from_slice(&self.0[32..64]).unwrap_or_else(|_| unreachable!());
        mac.update(sealed);
        mac
    }

    /// Encrypts, or decrypts.
    fn apply(&self, bytes: &mut [u8]) {
        let cipher = ctr::Ctr128BE::<Aes256>::new_from_slices(&self.0[..32], &self.0[64..]);
        // The lengths are those of the cipher.
        if let Ok(mut cipher) = cipher {
            cipher.apply_keystream(bytes);
        }
    }
}

/// How long a padded text is (RFC 5652, section 6.3).
fn unpadded(padded: &[u8]) -> Option<usize> {
    let count = usize::from(*padded.last()?);
    let length = padded.len().checked_sub(count)?;
    ((1..=BLOCK).contains(&count) && padded[length..].iter().all(|byte| usize::from(*byte) == count))
        .then_some(length)
}
