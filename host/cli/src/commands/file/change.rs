//! `ptrun file set` and `rotate-key`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use ptrun_sealed::{Keys, is_key};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::KeyArgs;
use super::sealed::{Sealed, Style, new_key};
use crate::opener;
use crate::report::Failure;
use crate::user;

/// Sets one value of the object that a file has.
pub(crate) fn set(file: &Sealed, name: &str, value: &[u8]) -> Result<(), Failure> {
    let value = std::str::from_utf8(value).map_err(|_| {
        Failure::new("file/format", "a value of JSON is text")
            .help("encrypt binary data as a file of its own")
    })?;
    file.change(|text| {
        let mut object: Map<String, Value> = match text {
            None => Map::new(),
            Some(text) => serde_json::from_slice(text).map_err(|_| {
                let message = format!("`{}` holds no JSON object", file.path.display());
                Failure::new("file/format", message).help("change it with `ptrun file edit`")
            })?,
        };
        object.insert(name.to_owned(), value.into());
        let mut text = serde_json::to_vec_pretty(&object).map(Zeroizing::new);
        text.iter_mut().for_each(|text| text.push(b'\n'));
        text.map_err(|why| Failure::new("file/format", why.to_string()))
    })
}

/// Encrypts files again with a new key, or with the newest one. A crash in the middle leaves files of which each can
/// be opened: the new key is written down first, and the old ones go last.
pub(crate) fn rotate(files: &[PathBuf], key: &KeyArgs, drop_old: bool) -> Result<(), Failure> {
    let files: Vec<Sealed> = files.iter().map(|path| Sealed::at(path, key)).collect();
    let styles =
        files.iter().map(|file| file.read().map(|(_, style)| style)).collect::<Result<Vec<_>, _>>()?;
    if styles.iter().any(|style| *style != Style::Token) {
        return Err(Failure::new(
            "file/format",
            "the key of ansible-vault is a password, which is for you to choose",
        )
        .help("use `ansible-vault rekey`"));
    }
    let places: BTreeSet<&PathBuf> = files.iter().map(Sealed::keys).collect();
    if !drop_old {
        for place in &places {
            let key = new_key()?;
            keys_at(place, |old| Ok(format!("{}\n{old}", *key)))?;
        }
    }
    for file in &files {
        file.change(|text| Ok(Zeroizing::new(text.unwrap_or_default().to_vec())))?;
    }
    if drop_old {
        for place in &places {
            keys_at(place, |old| {
                let newest = Keys::parse(old.as_bytes()).map(|keys| keys.newest().to_owned());
                newest.map(|key| key + "\n").map_err(|why| Failure::new("key/unreadable", why.to_string()))
            })?;
        }
    }
    Ok(())
}

/// Changes a file of keys.
fn keys_at(path: &Path, change: impl FnOnce(&str) -> Result<String, Failure>) -> Result<(), Failure> {
    let failure = |why: String| {
        Failure::new("key/unreadable", format!("the key `{}` cannot be changed: {why}", path.display()))
            .help("it holds keys of Fernet, a line for each")
    };
    let changed = user::change_file(path, 0o600, || {
        let old = opener::read(path, None)?;
        let text = std::str::from_utf8(old.expose()).ok().filter(|text| {
            text.lines().all(|line| {
                let line = line.trim();
                line.is_empty() || is_key(line)
            })
        });
        change(text.ok_or_else(|| failure("it holds something else".to_owned()))?)
    });
    changed.unwrap_or_else(|why| Err(failure(why.to_string())))
}
