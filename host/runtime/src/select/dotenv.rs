//! Lines of `NAME=value`, as `.env` files have them. There is no specification; this is what the tools agree on:
//!
//! - `export ` before a name is ignored, and so are empty lines and lines that begin with `#`;
//! - `'…'` is literal, and `"…"` has `\\`, `\"`, `\n`, `\r`, `\t` and `\$`; both may have several lines;
//! - without quotes, the value ends with its line, or before ` #`.
//!
//! They do not agree on `$NAME`; here it is two more characters of the value.

use std::rc::Rc;

use zeroize::Zeroizing;

use super::node::Node;

/// The tree of a text, if every line of it is one of these, and one is an assignment. Of two with the same name, the
/// last one counts.
pub(super) fn read(text: &str) -> Option<Node> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut members = Vec::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        if rest.starts_with('#') {
            rest = after_line(rest);
            continue;
        }
        let line = rest.strip_prefix("export ").unwrap_or(rest);
        let (name, value) = line.split_once('=')?;
        let name = name.trim_matches([' ', '\t']);
        if !is_name(name) {
            return None;
        }
        let (value, after) = value_of(value.trim_start_matches([' ', '\t']))?;
        members.push((Zeroizing::new(name.to_owned()), Rc::new(Node::Text(value))));
        rest = after;
    }
    (!members.is_empty()).then_some(Node::Map(members))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

fn after_line(text: &str) -> &str {
    text.split_once('\n').map_or("", |(_, rest)| rest)
}

/// A value, and what comes after its line.
fn value_of(text: &str) -> Option<(Zeroizing<String>, &str)> {
    let (value, rest) = match text.chars().next() {
        Some('\'') => {
            let (value, rest) = text[1..].split_once('\'')?;
            (Zeroizing::new(value.to_owned()), rest)
        }
        Some('"') => double_quoted(&text[1..])?,
        _ => {
            let line = text.split('\n').next().unwrap_or_default();
            let value = line.split(" #").next().unwrap_or_default();
            let value = if value.starts_with('#') { "" } else { value };
            return Some((Zeroizing::new(value.trim().to_owned()), &text[line.len()..]));
        }
    };
    // Nothing but a comment stands after a quote.
    let end = rest.split('\n').next().unwrap_or_default();
    let comment = end.trim();
    (comment.is_empty() || comment.starts_with('#')).then_some((value, &rest[end.len()..]))
}

fn double_quoted(text: &str) -> Option<(Zeroizing<String>, &str)> {
    let mut value = Zeroizing::new(String::with_capacity(text.len()));
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                same @ ('\\' | '"' | '$') => value.push(same),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
    None
}
