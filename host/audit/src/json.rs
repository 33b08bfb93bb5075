//! JSON that can be shown anywhere: one line, and nothing in it steers a terminal or turns text around.

use std::io;

use serde::Serialize;
use serde_json::ser::Formatter;

use crate::AuditError;

/// `value` as JSON.
pub(crate) fn text(value: &impl Serialize) -> Result<String, AuditError> {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Plain);
    value.serialize(&mut serializer).map_err(|_| AuditError::Format)?;
    String::from_utf8(text).map_err(|_| AuditError::Format)
}

/// Compact JSON with more escapes. A fragment of a string is what serde_json does not escape itself, and any character
/// may be written as an escape instead (RFC 8259, 7): what is read is what was written.
struct Plain;

impl Formatter for Plain {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, to: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some((at, character)) = rest.char_indices().find(|(_, character)| steers(*character)) {
            to.write_all(&rest.as_bytes()[..at])?;
            write!(to, "\\u{:04x}", u32::from(character))?;
            rest = &rest[at + character.len_utf8()..];
        }
        to.write_all(rest.as_bytes())
    }
}

/// DEL and the controls of ISO 6429; marks of direction and ends of lines of Unicode, and other characters that are not
/// seen. All of them are in the Basic Multilingual Plane, so that four digits are enough. What is below a space is
/// escaped by serde_json.
const fn steers(character: char) -> bool {
    matches!(character,
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_is_read_as_it_was_written() {
        for character in '\0'..=char::MAX {
            let written = text(&character).expect("JSON");
            assert_eq!(serde_json::from_str::<char>(&written).expect("JSON"), character);
            let hidden = character.is_control() || steers(character);
            assert_eq!(hidden, written.starts_with("\"\\") && !matches!(character, '"' | '\\'), "{written}");
        }
    }

    #[test]
    fn text_around_them_stays() {
        let text = text(&"é\u{1b}[2J\u{202e}\u{9b}a\u{2028}\n").expect("JSON");
        assert_eq!(text, r#""é\u001b[2J\u202e\u009ba\u2028\n""#);
    }
}
