//! JSON (RFC 8259), without a copy of what is not selected.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{Found, Members};
use crate::{SecretBytes, Selector};

/// What a text has at a selector; `None` if it is no object and no list.
pub(super) fn select(text: &str, selector: &Selector) -> Option<Found> {
    // Slices of the secret are held, not copies of it. (A string with escapes is decoded in a buffer of the
    // parser.)
    let whole: &RawValue = serde_json::from_str(text).ok()?;
    whole.get().starts_with(['{', '[']).then(|| part(whole, selector))
}

/// The members of an object; `None` if the text is none.
pub(super) fn members(text: &str) -> Option<Members> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(text).ok()?;
    let there = members.into_iter().filter(|(_, value)| value.get() != "null");
    there.map(|(name, value)| Some((name.into_owned(), plain(value)?))).collect()
}

/// A string without its quotes, anything else as it is written.
fn part(whole: &RawValue, selector: &Selector) -> Found {
    let step = |value, token: &String| step(value, token, selector.counts());
    plain(selector.tokens().iter().try_fold(whole, step)?)
}

fn plain(value: &RawValue) -> Found {
    let text = value.get();
    if text.starts_with('"') {
        let string: Zeroizing<String> = serde_json::from_str(text).map(Zeroizing::new).ok()?;
        return Some(SecretBytes::new(string.as_bytes().to_vec()));
    }
    Some(SecretBytes::new(text.as_bytes().to_vec()))
}

/// The member or the element that one token names (RFC 6901, section 4). A plain name never means the
/// index of an array.
fn step<'a>(value: &'a RawValue, token: &str, arrays: bool) -> Option<&'a RawValue> {
    /// A key, which is a slice of the secret unless it has escapes.
    #[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

    let text = value.get();
    if text.starts_with('{') {
        let members: BTreeMap<Key<'a>, &'a RawValue> = serde_json::from_str(text).ok()?;
        return members.get(&Key(token.into())).copied();
    }
    if !arrays || !text.starts_with('[') || (token.len() > 1 && token.starts_with('0')) {
        return None;
    }
    let elements: Vec<&'a RawValue> = serde_json::from_str(text).ok()?;
    elements.get(token.parse::<usize>().ok()?).copied()
}
