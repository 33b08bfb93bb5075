//! The tree of a text that is not JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::rc::Rc;

use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{Found, Members};
use crate::{SecretBytes, Selector};

/// How deep trees may be. A text of 64 KiB could be deeper than the stack.
pub(super) const DEEPEST: usize = 128;
/// The largest part that is written as JSON, in bytes. A few lines of YAML can mean gigabytes.
const LARGEST: usize = 1 << 20;

/// A value. Nothing of it is printed or compared.
pub(super) enum Node {
    /// A text.
    Text(Zeroizing<String>),
    /// A number, a truth value or nothing, as it is written.
    Plain(Zeroizing<String>),
    List(Vec<Rc<Self>>),
    Map(Vec<(Zeroizing<String>, Rc<Self>)>),
}

impl Node {
    /// What is at a selector: text as it is, a list or a map as JSON.
    pub(super) fn select(&self, selector: &Selector) -> Found {
        let mut node = self;
        for token in selector.tokens() {
            node = node.step(token, selector.counts())?;
        }
        node.value()
    }

    /// The members of a map, of two with the same name the last one. Nothing at all is none.
    pub(super) fn members(&self) -> Option<Members> {
        let Self::Map(members) = self else { return None };
        let mut last: BTreeMap<&str, &Self> = BTreeMap::new();
        for (name, node) in members {
            last.insert(name, node);
        }
        let nothing =
            |node: &Self| matches!(node, Self::Plain(text) if matches!(text.as_str(), "" | "~" | "null"));
        let there = last.into_iter().filter(|(_, node)| !nothing(node));
        there.map(|(name, node)| Some((name.to_owned(), node.value()?))).collect()
    }

    fn value(&self) -> Found {
        match self {
            Self::Text(text) | Self::Plain(text) => Some(SecretBytes::new(text.as_bytes().to_vec())),
            _ => {
                let mut json = Bounded(Zeroizing::new(Vec::new()));
                serde_json::to_writer(&mut json, self).ok()?;
                Some(SecretBytes::new(std::mem::take(&mut *json.0)))
            }
        }
    }

    fn step(&self, token: &str, counts: bool) -> Option<&Self> {
        match self {
            Self::Map(members) => {
                members.iter().rev().find(|(name, _)| name.as_str() == token).map(|(_, node)| &**node)
            }
            Self::List(elements) if counts && (token.len() == 1 || !token.starts_with('0')) => {
                elements.get(token.parse::<usize>().ok()?).map(|node| &**node)
            }
            _ => None,
        }
    }
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            // As JSON has it, if JSON has it.
            Self::Plain(text) => match serde_json::from_str::<&RawValue>(text) {
                Ok(raw) if !text.starts_with(['"', '[', '{']) => raw.serialize(serializer),
                _ => serializer.serialize_str(text),
            },
            Self::List(elements) => {
                let mut list = serializer.serialize_seq(Some(elements.len()))?;
                elements.iter().try_for_each(|node| list.serialize_element(&**node))?;
                list.end()
            }
            Self::Map(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, node)| map.serialize_entry(name.as_str(), &**node))?;
                map.end()
            }
        }
    }
}

/// Bytes that end with an error when there are too many.
struct Bounded(Zeroizing<Vec<u8>>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > LARGEST {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
