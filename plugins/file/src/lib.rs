//! Secrets from encrypted files: `file://config.encrypted` is what is in that file, a Fernet token or a file of
//! ansible-vault. The host hands over the file and its key, and nothing else; nothing is written.

use std::time::{SystemTime, UNIX_EPOCH};

use ptrun_plugin::files::{self, ReadError};
use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};
use ptrun_sealed::{Age, Keys, SealError, open};

/// The source has no settings and no state.
#[derive(Debug)]
pub struct File;

impl SecretSource for File {
    fn configure(config: Config) -> Result<Self, Error> {
        config.finish()?;
        Ok(Self)
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        let at_most = options(reference)?;
        let file = files::read(&reference.key).map_err(|why| unread(&why))?;
        let keys = files::read(&format!("key:{}", reference.key)).map_err(|why| unread(&why))?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let opened = Keys::parse(&keys).and_then(|keys| open(&file, &keys, Age { now, at_most }));
        Ok(Secret::new(opened.map_err(shut)?.to_vec()))
    }
}

/// How old the file may be, in seconds. Where the key is, `?key=`, is for the host.
fn options(reference: &SecretRef) -> Result<Option<u64>, Error> {
    let mut at_most = None;
    for (name, value) in &reference.options {
        match name.as_str() {
            "key" => {}
            "ttl" => {
                let seconds = value.parse();
                at_most = Some(seconds.map_err(|_| Error::invalid_ref("`ttl` is a number of seconds"))?);
            }
            _ => return Err(Error::invalid_ref("the options are `key` and `ttl`")),
        }
    }
    Ok(at_most)
}

fn unread(why: &ReadError) -> Error {
    match why {
        ReadError::NotFound => Error::NotFound,
        ReadError::NotGranted => Error::Denied("the file is not granted".to_owned()),
        ReadError::TooLarge(limit) => {
            Error::InvalidRef(format!("too-large: the file has over {limit} bytes"))
        }
        ReadError::Failed(why) => Error::Unavailable(format!("the file cannot be read: {why}")),
    }
}

/// The cases of the interface, with a code that programs can read (`wit/`).
fn shut(why: SealError) -> Error {
    match why {
        SealError::Empty => Error::InvalidRef(format!("empty: {why}")),
        SealError::NotSealed | SealError::Unknown => Error::InvalidRef(format!("not-encrypted: {why}")),
        SealError::Broken => Error::InvalidRef(format!("altered: {why}")),
        SealError::Future => Error::InvalidRef(format!("future: {why}")),
        SealError::Expired => Error::InvalidRef(format!("expired: {why}")),
        SealError::WrongKey | SealError::NotAKey | SealError::TooManyKeys => {
            Error::Unauthenticated(format!("wrong-key: {why}"))
        }
        _ => Error::Internal(why.to_string()),
    }
}

ptrun_plugin::export!(File, manifest = "../plugin.toml");
