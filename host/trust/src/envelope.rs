//! The `signature` section: the WebAssembly tool convention for module signatures, in a strict profile,
//! byte for byte as `wasmsign2` 0.2.8 writes it.
//!
//! ```text
//! 01 01 01    version of the convention, content type, hash function: SHA-256
//! 01          one set of hashes
//! len         length of the set
//! 01          one hash in the set
//! 32 bytes    SHA-256 of every byte after the signature section
//! n           number of signatures
//! n times     len · key id with its length · 01 (Ed25519) · 40 (length) · 64 bytes
//! ```
//!
//! What is signed is `"wasmsig"`, the first three bytes, and the hash. Numbers are LEB128 in the fewest
//! bytes, and every length is used up exactly. The convention allows more (several sets, partial
//! hashes, delimiters); each of those lets a file be accepted of which a part was never signed.

use ed25519_dalek::Signature;
use sha2::{Digest as _, Sha256};

use crate::wasm::{self, Malformed, Reader};

/// The name of the section.
pub(crate) const SECTION: &str = "signature";
/// The name that the convention gives to marks between separately signed parts, which ptrun refuses.
pub(crate) const DELIMITER_SECTION: &str = "signature_delimiter";

/// The largest signature section that is looked at.
const MAX_BYTES: usize = 64 * 1024;
/// The most signatures in a section: each may cost a check against each key.
const MAX_SIGNATURES: usize = 16;

const DOMAIN: &[u8; 7] = b"wasmsig";
const HEADER: [u8; 3] = [1, 1, 1];
const ED25519: u8 = 1;

/// A parsed signature section.
pub(crate) struct Envelope {
    /// What the signers claim to be the hash of everything after the section.
    pub(crate) hash: [u8; 32],
    /// The signatures in ptrun's form. Others are no reason to refuse a good one.
    pub(crate) signatures: Vec<Signed>,
}

/// One signature, and the hint that came with it.
pub(crate) struct Signed {
    /// Meant to say which key signed. Anybody can write it, so it is never more than a hint.
    pub(crate) key_id: Vec<u8>,
    pub(crate) signature: Signature,
}

/// SHA-256 of `content`, everything after the signature section.
pub(crate) fn hash(content: &[u8]) -> [u8; 32] {
    Sha256::digest(content).into()
}

/// The message that a signature covers.
pub(crate) fn message(hash: &[u8; 32]) -> Vec<u8> {
    [DOMAIN.as_slice(), &HEADER, hash].concat()
}

impl Envelope {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        if body.len() > MAX_BYTES {
            return Err(Malformed("has a signature section over 64 KiB"));
        }
        let mut reader = Reader::new(body);
        if reader.array()? != HEADER {
            return Err(Malformed("is signed in a way that ptrun does not know"));
        }
        if reader.minimal_number()? != 1 {
            return Err(Malformed("is signed in parts"));
        }
        let length = reader.minimal_number()?;
        let mut set = Reader::new(reader.take(length)?);
        if !reader.is_empty() {
            return Err(Malformed("has bytes after its signatures"));
        }
        if set.minimal_number()? != 1 {
            return Err(Malformed("is signed in parts"));
        }
        let hash = set.array()?;
        let count = set.minimal_number()?;
        if count > MAX_SIGNATURES {
            return Err(Malformed("has more than 16 signatures"));
        }
        let mut signatures = Vec::new();
        for _ in 0..count {
            let length = set.minimal_number()?;
            let record = set.take(length)?;
            signatures.extend(Signed::parse(record));
        }
        if !set.is_empty() {
            return Err(Malformed("has bytes after its signatures"));
        }
        Ok(Self { hash, signatures })
    }

    /// The section, whole.
    pub(crate) fn to_section(&self) -> Vec<u8> {
        let mut set = vec![1];
        set.extend_from_slice(&self.hash);
        set.extend(wasm::number(self.signatures.len()));
        for signed in &self.signatures {
            let mut record = wasm::number(signed.key_id.len());
            record.extend_from_slice(&signed.key_id);
            record.extend([ED25519, 64]);
            record.extend_from_slice(&signed.signature.to_bytes());
            set.extend(wasm::number(record.len()));
            set.extend(record);
        }
        let mut body = HEADER.to_vec();
        body.push(1);
        body.extend(wasm::number(set.len()));
        body.extend(set);
        wasm::custom_section(SECTION, &body)
    }
}

impl Signed {
    /// `None` if it is not an Ed25519 signature in the form that ptrun knows.
    fn parse(record: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(record);
        let length = reader.minimal_number().ok()?;
        let key_id = reader.take(length).ok()?.to_vec();
        if reader.array().ok()? != [ED25519, 64] {
            return None;
        }
        let signature = Signature::from_bytes(&reader.array().ok()?);
        reader.is_empty().then_some(Self { key_id, signature })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(signatures: usize) -> Envelope {
        let signed = |n| Signed { key_id: vec![n; 3], signature: Signature::from_bytes(&[n; 64]) };
        Envelope { hash: [7; 32], signatures: (0..signatures).map(|n| signed(n as u8)).collect() }
    }

    /// The body of the section that `to_section` makes.
    fn body(envelope: &Envelope) -> Vec<u8> {
        let section = envelope.to_section();
        let mut file = wasm::COMPONENT_PREAMBLE.to_vec();
        file.extend(section);
        let found = wasm::sections(&file).next().expect("one section").expect("well formed");
        assert_eq!(found.name, SECTION.as_bytes());
        found.body.to_vec()
    }

    #[test]
    fn the_layout_is_the_one_of_the_convention() {
        let anonymous = Envelope {
            hash: [7; 32],
            signatures: vec![Signed { key_id: vec![], signature: Signature::from_bytes(&[9; 64]) }],
        };
        let body = body(&anonymous);
        assert_eq!(body.len(), 107);
        assert_eq!(body[..6], [1, 1, 1, 1, 102, 1]);
        assert_eq!(body[6..38], [7; 32]);
        assert_eq!(body[38..43], [1, 67, 0, 1, 64]);
        assert_eq!(body[43..], [9; 64]);
    }

    #[test]
    fn what_is_written_is_read() {
        for count in [0, 1, 2, 16] {
            let read = Envelope::parse(&body(&envelope(count))).expect("well formed");
            assert_eq!(read.hash, [7; 32]);
            assert_eq!(read.signatures.len(), count);
            assert!(read.signatures.iter().enumerate().all(|(n, signed)| signed.key_id == [n as u8; 3]));
        }
        assert!(Envelope::parse(&body(&envelope(17))).is_err());
    }

    #[test]
    fn a_section_may_have_64_kib() {
        let refused = |bytes: usize| Envelope::parse(&vec![0; bytes]).err();
        let too_large = Some(Malformed("has a signature section over 64 KiB"));
        assert_ne!(refused(65_536), too_large);
        assert_eq!(refused(65_537), too_large);
    }

    #[test]
    fn every_truncation_and_every_addition_is_refused() {
        let body = body(&envelope(2));
        for end in 0..body.len() {
            assert!(Envelope::parse(&body[..end]).is_err(), "cut to {end}");
        }
        assert!(Envelope::parse(&[body.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn a_signature_in_another_form_does_not_spoil_the_good_one() {
        let mut body = body(&envelope(2));
        let algorithm = body.windows(2).position(|pair| pair == [ED25519, 64]).expect("two of them");
        body[algorithm] = 9;
        let read = Envelope::parse(&body).expect("the framing is intact");
        assert_eq!(read.signatures.len(), 1);
        assert_eq!(read.signatures[0].key_id, [1; 3]);
    }
}
