//! One encrypted file, and its keys.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ptrun_host::read_regular;
use ptrun_sealed::{Age, Keys, Kind, SALT_BYTES, SealError, kind, label, open, seal_token, seal_vault};
use zeroize::Zeroizing;

use super::{KeyArgs, MAX_BYTES};
use crate::opener;
use crate::report::Failure;
use crate::user;

/// How a file is encrypted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Style {
    Token,
    /// For ansible-vault, with the name of the password.
    Vault(Option<String>),
}

/// A file, which need not be there yet, and where its keys are.
pub(crate) struct Sealed {
    pub(crate) path: PathBuf,
    keys: PathBuf,
}

impl Sealed {
    pub(crate) fn at(path: &Path, key: &KeyArgs) -> Self {
        let keys = key.key.clone().unwrap_or_else(|| path.with_file_name(".key"));
        Self { path: path.to_owned(), keys }
    }

    /// What is in it, and how it is encrypted.
    pub(crate) fn read(&self) -> Result<(Zeroizing<Vec<u8>>, Style), Failure> {
        let file = read_regular(&self.path, MAX_BYTES).map_err(|why| self.unreadable(&why))?;
        let style = match kind(&file).map_err(|why| self.shut(why))? {
            Kind::Token => Style::Token,
            Kind::Vault => Style::Vault(std::str::from_utf8(&file).ok().and_then(label).map(str::to_owned)),
            Kind::Inline => {
                let message = format!("`{}` has single values that are encrypted", self.path.display());
                return Err(Failure::new("file/inline", message)
                    .help("use `ansible-vault` to change it; a run can read it"));
            }
        };
        let keys = opener::read(&self.keys, None)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let keys = Keys::parse(keys.expose()).map_err(|why| self.shut(why))?;
        let text = open(&file, &keys, Age { now, at_most: None }).map_err(|why| self.shut(why))?;
        Ok((text, style))
    }

    /// Where the keys are.
    pub(crate) const fn keys(&self) -> &PathBuf {
        &self.keys
    }

    /// Replaces what is in the file, unless it is not `before` any more. Then the new text is encrypted beside it.
    pub(crate) fn change_from(&self, before: &[u8], after: &[u8], style: &Style) -> Result<(), Failure> {
        let mut is_other = false;
        let changed = user::change_file(&self.path, 0o600, || {
            let now = if self.exists() { self.read()?.0 } else { Zeroizing::new(Vec::new()) };
            is_other = now.as_slice() != before;
            if is_other {
                let message = format!("somebody else changed `{}` meanwhile", self.path.display());
                return Err(Failure::new("file/conflict", message));
            }
            let keys = opener::read(&self.keys, None)?;
            self.seal(after, style, keys.expose())
        });
        let changed = changed.unwrap_or_else(|why| Err(self.unwritable(&why)));
        if !is_other {
            return changed;
        }
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".edited");
        let beside = Self { path: self.path.with_file_name(name), keys: self.keys.clone() };
        beside.write(after, style)?;
        let help = format!("your text is encrypted in `{}`", beside.path.display());
        changed.map_err(|failure| failure.help(help))
    }

    /// Whether there is such a file.
    pub(crate) fn exists(&self) -> bool {
        self.path.symlink_metadata().is_ok()
    }

    /// Encrypts with the newest key, and replaces the file.
    pub(crate) fn write(&self, text: &[u8], style: &Style) -> Result<(), Failure> {
        let keys = opener::read(&self.keys, None)?;
        let sealed = self.seal(text, style, keys.expose())?;
        let changed = user::change_file(&self.path, 0o600, || Ok::<_, Failure>(sealed));
        changed.unwrap_or_else(|why| Err(self.unwritable(&why)))
    }

    /// Changes what is in the file, while nobody else does.
    pub(crate) fn change(
        &self,
        change: impl FnOnce(Option<&[u8]>) -> Result<Zeroizing<Vec<u8>>, Failure>,
    ) -> Result<(), Failure> {
        let changed = user::change_file(&self.path, 0o600, || {
            let (text, style) = match self.exists() {
                true => self.read().map(|(text, style)| (Some(text), style))?,
                false => (None, Style::Token),
            };
            let changed = change(text.as_deref().map(Vec::as_slice))?;
            let keys = opener::read(&self.keys, None)?;
            self.seal(&changed, &style, keys.expose())
        });
        changed.unwrap_or_else(|why| Err(self.unwritable(&why)))
    }

    pub(crate) fn seal(&self, text: &[u8], style: &Style, keys: &[u8]) -> Result<String, Failure> {
        let keys = Keys::parse(keys).map_err(|why| self.shut(why))?;
        let sealed = match style {
            Style::Token => seal_token(text, keys.newest()),
            Style::Vault(label) => {
                let mut salt = [0; SALT_BYTES];
                getrandom::fill(&mut salt).map_err(|why| {
                    Failure::new("system/entropy", format!("there is no randomness: {why}"))
                })?;
                seal_vault(text, keys.newest(), &salt, label.as_deref())
            }
        };
        sealed.map_err(|why| self.shut(why))
    }

    fn unreadable(&self, why: &io::Error) -> Failure {
        let message = format!("`{}` cannot be read: {why}", self.path.display());
        Failure::new("file/unreadable", message).help("check the path, and that you may read it")
    }

    fn unwritable(&self, why: &io::Error) -> Failure {
        let message = format!("`{}` cannot be written, and is as it was: {why}", self.path.display());
        Failure::new("file/unwritable", message).help("check the folder, and that there is space")
    }

    /// With the classes that a run has for the same.
    fn shut(&self, why: SealError) -> Failure {
        let (class, help) = match why {
            SealError::Empty => ("secret/empty", "write the file again"),
            SealError::NotSealed | SealError::Unknown => ("secret/not-encrypted", "encrypt the file first"),
            SealError::Broken => ("secret/altered", "restore the file from a copy"),
            SealError::Future => {
                ("secret/future", "set the clock of this machine, or encrypt the file again")
            }
            _ => ("secret/wrong-key", "name the key that the file was encrypted with: `--key FILE`"),
        };
        Failure::new(class, why.to_string()).fact("file", self.path.display()).help(help)
    }
}

/// Makes a key in a new file.
pub(crate) fn keygen(path: &Path) -> Result<(), Failure> {
    let key = new_key()?;
    user::create(path, format!("{}\n", *key).as_bytes(), 0o600).map_err(|why| {
        let failure = Failure::new("file/unwritable", format!("`{}` cannot be made: {why}", path.display()));
        failure.help("a key is never overwritten: `ptrun file rotate-key` makes another")
    })
}

/// 32 random bytes in URL-safe base64.
pub(crate) fn new_key() -> Result<Zeroizing<String>, Failure> {
    use base64::Engine as _;
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *bytes)
        .map_err(|why| Failure::new("system/entropy", format!("there is no randomness: {why}")))?;
    Ok(Zeroizing::new(base64::engine::general_purpose::URL_SAFE.encode(*bytes)))
}

/// Writes a plain text where the user wants it, and nobody else may read it.
pub(crate) fn write_plain(path: &Path, text: &[u8]) -> Result<(), Failure> {
    user::replace(path, text, 0o600).map_err(|why| {
        Failure::new("file/unwritable", format!("`{}` cannot be written: {why}", path.display()))
            .help("check the folder, and that there is space")
    })
}
