//! Fernet tokens.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use fernet::Fernet;
use zeroize::Zeroizing;

use crate::{Keys, SealError};

/// How far in the future a token may be, in seconds: `max_clock_skew` of the specification's authors.
const SKEW: u64 = 60;
/// Version, time, vector, at least one block, and the digest.
const SMALLEST: usize = 1 + 8 + 16 + 16 + 32;

/// The time, and how old a token may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// Now, in seconds since 1970-01-01T00:00:00Z.
    pub now: u64,
    /// At most this old, in seconds.
    pub at_most: Option<u64>,
}

/// The version, 0x80, and the first bytes of a time before the year 36,812.
pub(crate) fn begins(text: &[u8]) -> bool {
    text.starts_with(b"gAAAA")
}

/// Whether this is a key: 32 bytes in URL-safe base64.
#[must_use]
pub fn is_key(text: &str) -> bool {
    Fernet::new(text).is_some()
}

/// Opens a token with the first key that fits. The time is looked at when the token is known to be true.
pub(crate) fn open(token: &[u8], keys: &Keys<'_>, age: Age) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let text = std::str::from_utf8(token).map_err(|_| SealError::Broken)?;
    let made = time_of(text)?;
    let mut keys = keys.iter().filter_map(Fernet::new).peekable();
    if keys.peek().is_none() {
        return Err(SealError::NotAKey);
    }
    // As of when it was made: whether that is the future is said below, and not mixed up with a wrong key.
    let opened = keys.find_map(|key| key.decrypt_at_time(text, None, made).ok());
    let opened = opened.map(Zeroizing::new).ok_or(SealError::WrongKey)?;
    if made > age.now.saturating_add(SKEW) {
        return Err(SealError::Future);
    }
    if age.at_most.is_some_and(|at_most| made.saturating_add(at_most) < age.now) {
        return Err(SealError::Expired);
    }
    Ok(opened)
}

/// When a token was made, if it has the form of one.
fn time_of(text: &str) -> Result<u64, SealError> {
    let bytes = URL_SAFE.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
    let bytes = bytes.map_err(|_| SealError::Broken)?;
    if bytes.len() < SMALLEST || !(bytes.len() - SMALLEST).is_multiple_of(16) || bytes[0] != 0x80 {
        return Err(SealError::Broken);
    }
    let time: [u8; 8] = bytes[1..9].try_into().map_err(|_| SealError::Broken)?;
    Ok(u64::from_be_bytes(time))
}

/// Makes a token, now.
///
/// # Errors
/// If the key is none.
pub fn seal(plain: &[u8], key: &str) -> Result<String, SealError> {
    Ok(Fernet::new(key).ok_or(SealError::NotAKey)?.encrypt(plain))
}
