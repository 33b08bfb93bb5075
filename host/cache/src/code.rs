//! A file of code: what is in it, and whether it is what was written.

use std::fs::File;
use std::io::{self, Read as _, Write};

use memmap2::{MmapMut, MmapOptions};

use crate::key::Key;

/// What a file begins with.
const MAGIC: [u8; 16] = *b"ptrun code 1\0\0\0\0";
/// What the code comes after.
const HEADER: usize = 16 + 32 + 8 + 32;
/// No code is so large.
const MAX_BYTES: u64 = 1 << 30;

/// What code was made of, and for which machine: a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name([u8; 32]);

impl Name {
    /// The name of what is made of all these parts.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hash = blake3::Hasher::new_derive_key("ptrun cache of machine code, name 1");
        for part in parts {
            // No part can be taken for the end of another.
            hash.update(&(part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(*hash.finalize().as_bytes())
    }

    /// The file in which it is.
    pub(crate) fn file(&self) -> String {
        format!("{}{}", hex::encode(self.0), crate::folder::KEPT)
    }
}

/// Bytes that this user kept under the name that was asked for: they were checked where they are.
///
/// They have their pages for themselves, so that code can be run where it is.
pub struct Code(MmapMut);

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Code({} bytes)", self.0.len())
    }
}

impl Code {
    /// The code. It begins with a page of memory.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same for as long as this process lives. Nobody else has the pages that it begins and ends in.
    #[must_use]
    pub fn leak(self) -> &'static [u8] {
        Box::leak(Box::new(self.0))
    }

    /// Reads a file, if it is code of this name.
    pub(crate) fn read(mut file: File, name: &Name, key: &Key) -> Option<Self> {
        let mut header = [0; HEADER];
        file.read_exact(&mut header).ok()?;
        let (head, mac) = header.split_at(HEADER - 32);
        let length = u64::from_le_bytes(head[48..].try_into().ok()?);
        if head[..16] != MAGIC || head[16..48] != name.0 || length > MAX_BYTES {
            return None;
        }
        // Not more than is there, whatever the header says.
        let there = file.metadata().ok()?.len().checked_sub(HEADER as u64)?;
        let length = usize::try_from(length).ok().filter(|_| there == length)?;
        // Memory that is all there: a page that is missing when it is written to costs more than reading it.
        let mut code = MmapOptions::new().len(length).populate().map_anon().ok()?;
        file.read_exact(&mut code).ok()?;
        let expected = blake3::Hash::from_slice(mac).ok()?;
        // Compared in constant time.
        (key.mac(head, &code) == expected).then_some(Self(code))
    }
}

/// Writes code as it is in a file.
pub(crate) fn write(mut to: impl Write, name: &Name, code: &[u8], key: &Key) -> io::Result<()> {
    let mut header = [MAGIC.as_slice(), &name.0, &(code.len() as u64).to_le_bytes()].concat();
    let mac = key.mac(&header, code);
    header.extend(mac.as_bytes());
    to.write_all(&header)?;
    to.write_all(code)
}
