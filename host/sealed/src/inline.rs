//! YAML in which single values are encrypted: `name: !vault |`, and below it, indented, what would be a file of
//! ansible-vault. What comes out is the same YAML with those values as strings.

use std::fmt::Write as _;

use zeroize::Zeroizing;

use crate::{Keys, SealError, vault};

/// Whether a line begins an encrypted value.
fn tagged(line: &str) -> Option<&str> {
    let line = line.trim_end();
    let before =
        line.trim_end_matches(['|', '>', '-', '+', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    let style = &line[before.len()..];
    let before = before.trim_end();
    (style.starts_with(['|', '>']) && before.ends_with("!vault"))
        .then(|| &before[..before.len() - "!vault".len()])
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Whether there is an encrypted value.
pub(crate) fn begins(text: &str) -> bool {
    text.lines().any(|line| tagged(line).is_some())
}

/// Opens every value.
pub(crate) fn open(text: &str, keys: &Keys<'_>) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let mut opened = Zeroizing::new(String::with_capacity(text.len()));
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(before) = tagged(line) else {
            opened.push_str(line);
            opened.push('\n');
            continue;
        };
        let mut block = String::new();
        while let Some(next) = lines.next_if(|next| next.trim().is_empty() || indent(next) > indent(line)) {
            block.push_str(next.trim());
            block.push('\n');
        }
        let value = vault::open(block.trim().as_bytes(), keys)?;
        let value = std::str::from_utf8(&value).map_err(|_| SealError::Broken)?;
        opened.push_str(before);
        quote(value, &mut opened);
        opened.push('\n');
    }
    Ok(Zeroizing::new(opened.as_bytes().to_vec()))
}

/// A double-quoted scalar (YAML 1.2.2, section 7.3.1).
fn quote(value: &str, out: &mut String) {
    out.push('"');
    for character in value.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if c.is_control() || matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                // Writing to a string does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
