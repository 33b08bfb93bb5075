//! Encrypted files, as teams already have them: a [Fernet] token, an [ansible-vault] file, or YAML with values of
//! ansible-vault in it.
//!
//! It reads no file, no clock and no randomness: whoever calls it hands in bytes, the time, and salt. The plugin
//! `file` opens with it in the sandbox, and the tools of the command line seal with it.
//!
//! [Fernet]: https://github.com/fernet/spec/blob/master/Spec.md
//! [ansible-vault]: https://docs.ansible.com/ansible/latest/vault_guide/vault_using_encrypted_content.html

mod inline;
mod token;
mod vault;

use zeroize::Zeroizing;

pub use token::{Age, is_key, seal as seal_token};
pub use vault::{SALT_BYTES, label, seal as seal_vault};

/// The most keys that are tried.
pub const MAX_KEYS: usize = 16;

/// Why something sealed stays shut. No key and no text is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// Neither a token nor a vault.
    #[error("the file is not encrypted, as a Fernet token or with ansible-vault")]
    NotSealed,
    /// Begins as one, and is none: cut off, or altered.
    #[error("the file is cut off or altered")]
    Broken,
    /// A vault of a version or with a cipher that nobody writes any more.
    #[error("the file is of a version of ansible-vault that is not known")]
    Unknown,
    /// What should be a key is none.
    #[error("the key is no Fernet key: 32 bytes in URL-safe base64")]
    NotAKey,
    /// More keys than are tried.
    #[error("there are more than {MAX_KEYS} keys")]
    TooManyKeys,
    /// None of the keys opens it. Or somebody altered it: nobody can tell which.
    #[error("the key is another one than the file was encrypted with, or the file was altered")]
    WrongKey,
    /// The token is from the future.
    #[error("the file was encrypted in the future: one of two clocks is wrong")]
    Future,
    /// The token is older than it may be.
    #[error("the file was encrypted longer ago than it may")]
    Expired,
}

/// Keys, the newest first: a line for each, as a file of keys has them.
pub struct Keys<'a>(Vec<&'a str>);

impl<'a> Keys<'a> {
    /// Reads keys. A password of ansible-vault is a key, too.
    ///
    /// # Errors
    /// If there is none, or they are too many, or not text.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, SealError> {
        let text = std::str::from_utf8(bytes).map_err(|_| SealError::NotAKey)?;
        let keys: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        match keys.len() {
            0 => Err(SealError::NotAKey),
            count if count > MAX_KEYS => Err(SealError::TooManyKeys),
            _ => Ok(Self(keys)),
        }
    }

    /// The newest one, with which is sealed.
    #[must_use]
    pub fn newest(&self) -> &'a str {
        self.0[0]
    }

    /// All of them, the newest first.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().copied()
    }
}

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A Fernet token.
    Token,
    /// An ansible-vault file.
    Vault,
    /// YAML with values of ansible-vault.
    Inline,
}

/// What a file is, by how it begins.
///
/// # Errors
/// If it is empty, or nothing of this.
pub fn kind(file: &[u8]) -> Result<Kind, SealError> {
    let text = file.trim_ascii();
    if text.is_empty() {
        return Err(SealError::Empty);
    }
    if text.starts_with(vault::MAGIC) {
        return Ok(Kind::Vault);
    }
    if token::begins(text) {
        return Ok(Kind::Token);
    }
    match std::str::from_utf8(file) {
        Ok(text) if inline::begins(text) => Ok(Kind::Inline),
        _ => Err(SealError::NotSealed),
    }
}

/// What is in a file. `age` bounds how old a token may be; a vault has no time in it.
///
/// # Errors
/// [`SealError`] says what is wrong: with the file, with the keys, or with the clock.
pub fn open(file: &[u8], keys: &Keys<'_>, age: Age) -> Result<Zeroizing<Vec<u8>>, SealError> {
    match kind(file)? {
        Kind::Token => token::open(file.trim_ascii(), keys, age),
        Kind::Vault => vault::open(file.trim_ascii(), keys),
        Kind::Inline => {
            let text = std::str::from_utf8(file).map_err(|_| SealError::NotSealed)?;
            inline::open(text, keys)
        }
    }
}
