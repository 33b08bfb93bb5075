//! The framing of a WebAssembly component: a preamble, then sections of an id, a length and a body
//! (WebAssembly core specification 5.5.2; component model, Binary.md). Bodies are not looked into,
//! except for the name of a custom section.

use std::ops::Range;

/// `\0asm`, version 13, layer 1: a component.
pub(crate) const COMPONENT_PREAMBLE: [u8; 8] = *b"\0asm\x0d\0\x01\0";
/// `\0asm`, version 1, layer 0: a core module.
pub(crate) const MODULE_PREAMBLE: [u8; 8] = *b"\0asm\x01\0\0\0";
/// The id of a section that holds a core module.
pub(crate) const CORE_MODULE_SECTION: u8 = 1;

/// The framing is broken: what is wrong, in words that follow "the file".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Reads bytes from the front of a slice, and never past its end.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) const fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn byte(&mut self) -> Result<u8, Malformed> {
        self.take(1).map(|byte| byte[0])
    }

    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Malformed("ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(Malformed("ends too early"))?;
        self.rest = rest;
        Ok(*taken)
    }

    /// An unsigned LEB128 number of at most 32 bits, in however many bytes an encoder chose.
    pub(crate) fn number(&mut self) -> Result<usize, Malformed> {
        let mut value = 0u64;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                let value = u32::try_from(value).map_err(|_| Malformed("has a number over 32 bits"))?;
                return usize::try_from(value).map_err(|_| Malformed("has a number over 32 bits"));
            }
        }
        Err(Malformed("has a number over 32 bits"))
    }

    /// The same, and refused unless it is written in the fewest bytes.
    pub(crate) fn minimal_number(&mut self) -> Result<usize, Malformed> {
        let before = self.len();
        let value = self.number()?;
        if before - self.len() == number(value).len() {
            Ok(value)
        } else {
            Err(Malformed("has a number in more bytes than it needs"))
        }
    }
}

/// `value` as unsigned LEB128, in the fewest bytes.
pub(crate) fn number(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or(0x7f);
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low + 0x80);
    }
}

/// A custom section with this name and body, whole.
pub(crate) fn custom_section(name: &str, body: &[u8]) -> Vec<u8> {
    let mut content = number(name.len());
    content.extend_from_slice(name.as_bytes());
    content.extend_from_slice(body);
    let mut section = vec![0];
    section.extend(number(content.len()));
    section.extend(content);
    section
}

/// One section of a file.
pub(crate) struct Section<'a> {
    /// 0 is a custom section.
    pub(crate) id: u8,
    /// The name of a custom section; empty for the others.
    pub(crate) name: &'a [u8],
    /// What is in it, without the name.
    pub(crate) body: &'a [u8],
    /// Where it is in the file, from its id to its end.
    pub(crate) range: Range<usize>,
}

impl Section<'_> {
    /// How long a custom section is whose lengths are written in the fewest bytes.
    pub(crate) fn minimal_len(&self) -> usize {
        let content = number(self.name.len()).len() + self.name.len() + self.body.len();
        1 + number(content).len() + content
    }
}

/// The sections after the preamble, up to the first that is broken.
pub(crate) fn sections(bytes: &[u8]) -> impl Iterator<Item = Result<Section<'_>, Malformed>> {
    let mut reader = Reader::new(bytes.get(COMPONENT_PREAMBLE.len()..).unwrap_or_default());
    std::iter::from_fn(move || {
        if reader.is_empty() {
            return None;
        }
        let section = section(&mut reader, bytes.len());
        if section.is_err() {
            reader = Reader::new(&[]);
        }
        Some(section)
    })
}

fn section<'a>(reader: &mut Reader<'a>, total: usize) -> Result<Section<'a>, Malformed> {
    let start = total - reader.len();
    let id = reader.byte()?;
    let size = reader.number()?;
    let mut body = Reader::new(reader.take(size)?);
    let name = if id == 0 {
        let length = body.number()?;
        body.take(length)?
    } else {
        &[]
    };
    Ok(Section { id, name, body: body.rest, range: start..total - reader.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u32::MAX as usize] {
            let bytes = number(value);
            assert_eq!(Reader::new(&bytes).minimal_number(), Ok(value), "{value}");
        }
    }

    #[test]
    fn numbers_that_are_longer_than_needed_or_too_big_are_refused() {
        assert_eq!(Reader::new(&[0x81, 0x00]).number(), Ok(1));
        assert!(Reader::new(&[0x81, 0x00]).minimal_number().is_err());
        assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x10]).number().is_err());
        assert!(Reader::new(&[0x80; 6]).number().is_err());
        assert!(Reader::new(&[0x80]).number().is_err());
    }

    #[test]
    fn sections_are_found_with_their_places() {
        let mut file = COMPONENT_PREAMBLE.to_vec();
        file.extend(custom_section("a", b"one"));
        file.extend([7, 2, 1, 2]);
        let found: Vec<_> = sections(&file).collect::<Result<_, _>>().expect("well formed");
        assert_eq!((found[0].id, found[0].name, found[0].body), (0, &b"a"[..], &b"one"[..]));
        assert_eq!((found[1].id, found[1].body), (7, &[1, 2][..]));
        assert_eq!((found[0].range.clone(), found[1].range.clone()), (8..15, 15..19));
    }

    #[test]
    fn a_section_that_runs_over_the_end_ends_the_search() {
        let mut file = COMPONENT_PREAMBLE.to_vec();
        file.extend([7, 9, 1]);
        let mut found = sections(&file);
        assert!(found.next().is_some_and(|section| section.is_err()));
        assert!(found.next().is_none());
    }
}
