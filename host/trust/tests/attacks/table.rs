//! Every attack on a signature that we know, as a table: how it is refused, a name, a file, and the store that
//! it is checked against.

use curve25519_dalek::{EdwardsPoint, Scalar, constants::EIGHT_TORSION};
use ed25519_dalek::{Signer as _, SigningKey};
use sha2::{Digest as _, Sha512};

use crate::case::{ANY, Case};
use crate::forge::{
    Dice, MANIFEST, PREAMBLE, content, file, hash, key, message, number, public, record, section, signed,
    sized,
};

/// What the store of a case trusts, unless it says otherwise: `key(1)`, for `acme/*`. The honest file is
/// accepted under it.
pub(crate) fn trusting(key: &SigningKey, more: &str) -> String {
    format!("[[key]]\npublic = \"{}\"\nfor = [\"acme/*\"]\n{more}", public(key))
}

/// The table, while it is written.
struct Table {
    group: &'static str,
    cases: Vec<Case>,
}

impl Table {
    fn add(&mut self, refused: &'static str, name: impl Into<String>, file: Vec<u8>) {
        self.under(trusting(&key(1), ""), refused, name, file);
    }

    fn under(&mut self, trust: String, refused: &'static str, name: impl Into<String>, plugin: Vec<u8>) {
        self.cases.push(Case { group: self.group, name: name.into(), refused, trust, plugin });
    }
}

/// All attacks.
pub(crate) fn cases() -> Vec<Case> {
    type Attack = fn(&mut Table);
    let groups: [(&str, Attack); 5] =
        [("bytes", bytes), ("keys", keys), ("maths", maths), ("binding", binding), ("encoding", encoding)];
    let mut table = Table { group: "", cases: Vec::new() };
    for (group, attacks) in groups {
        table.group = group;
        attacks(&mut table);
    }
    table.cases
}

fn bytes(table: &mut Table) {
    let good = signed(&key(1), &content(MANIFEST));
    let body = content(MANIFEST);
    let (head, _) = good.split_at(good.len() - body.len());
    let signature_at = head.len() - 64;

    table.add("unsigned", "unsigned", [PREAMBLE.as_slice(), &body].concat());
    table.add("not-a-component", "empty", Vec::new());
    let mut dice = Dice::new();
    for round in 0..1000 {
        let mut altered = good.clone();
        for _ in 0..=dice.roll(3) {
            let at = dice.roll(altered.len());
            altered[at] ^= 1 << dice.roll(8);
        }
        if altered != good {
            table.add(ANY, format!("random flips {round}"), altered);
        }
    }
    for bit in 0..512 {
        let mut altered = good.clone();
        altered[signature_at + bit / 8] ^= 1 << (bit % 8);
        table.add("unknown-signer", format!("signature bit {bit}"), altered);
    }
    let signature = &head[signature_at..];
    for (refused, name, signature) in [
        ("malformed", "63 bytes", &signature[..63]),
        ("malformed", "65 bytes", &[signature, &[0]].concat()),
        ("malformed", "no bytes", &[]),
        ("unknown-signer", "zeros", &[0; 64]),
        ("unknown-signer", "ones", &[0xff; 64]),
    ] {
        table.add(refused, format!("signature of {name}"), file(&[record(b"", signature)], &body));
    }
    let other = signed(&key(1), &content(&MANIFEST.replace("1.0.0", "2.0.0")));
    let (other_head, other_body) = other.split_at(head.len());
    table.add("altered", "signature of another file", [other_head, &body].concat());
    table.add("altered", "content of another file", [head, other_body].concat());
    let signature = other_head[signature_at..].to_vec();
    table.add(
        "unknown-signer",
        "signature of another file, hash of this",
        file(&[record(b"", &signature)], &body),
    );

    let extra = section("extra", b"more");
    let nested = [vec![4], sized(&[PREAMBLE.as_slice(), &section("inner", b"a")].concat())].concat();
    let swapped = [vec![4], sized(&[PREAMBLE.as_slice(), &section("inner", b"b")].concat())].concat();
    let outer = signed(&key(1), &[body.clone(), nested.clone()].concat());
    for (refused, name, file) in [
        ("altered", "section appended", [&good, extra.as_slice()].concat()),
        ("altered", "section put after the signature", [head, &extra, &body].concat()),
        ("unsigned", "section put first", [PREAMBLE, extra.as_slice(), &good[8..]].concat()),
        ("altered", "section removed", [head, &section("payload", b"what the plugin does")].concat()),
        ("altered", "trailing byte", [good.as_slice(), &[0]].concat()),
        ("altered", "trailing zeros", [good.as_slice(), &[0; 64]].concat()),
        ("altered", "nested component swapped", [&outer[..outer.len() - nested.len()], &swapped].concat()),
        ("altered", "nested component removed", outer[..outer.len() - nested.len()].to_vec()),
        ("not-a-component", "preamble of a module", [b"\0asm\x01\0\0\0", &good[8..]].concat()),
        ("not-a-component", "preamble of another layer", [b"\0asm\x0d\0\x02\0", &good[8..]].concat()),
        ("not-a-component", "preamble of another version", [b"\0asm\x0e\0\x01\0", &good[8..]].concat()),
        ("not-a-component", "preamble of another magic", [b"\0ASM\x0d\0\x01\0", &good[8..]].concat()),
        ("altered", "two files in one", [good.clone(), good.clone()].concat()),
        ("altered", "signature twice", [head, &head[8..], &body].concat()),
        ("unsigned", "signature last", [PREAMBLE.as_slice(), &body, &head[8..]].concat()),
        ("not-a-component", "compiled code", b"\x7fELF\x02\x01\x01\0".to_vec()),
        ("not-a-component", "text", b"(component)".to_vec()),
    ] {
        table.add(refused, name, file);
    }
    for end in 0..good.len() {
        table.add(ANY, format!("cut to {end} bytes"), good[..end].to_vec());
    }
}

fn keys(table: &mut Table) {
    let good = signed(&key(1), &content(MANIFEST));
    let two = trusting(&key(1), "[[threshold]]\nfor = \"*/*\"\nsigners = 2\n");
    for (refused, name, trust) in [
        ("unknown-signer", "empty store", String::new()),
        ("unknown-signer", "another key", trusting(&key(2), "")),
        ("revoked", "revoked", trusting(&key(1), "revoked = true\n")),
        ("key-expired", "expired", trusting(&key(1), "not-after = 2020-01-01T00:00:00Z\n")),
        ("key-not-yet-valid", "not yet valid", trusting(&key(1), "not-before = 2999-01-01T00:00:00Z\n")),
        ("too-few-signers", "one signature of two", two.clone()),
    ] {
        table.under(trust, refused, name, good.clone());
    }
    for scope in ["other/*", "acme/other", "*/vaul", "acm/vault"] {
        let trust = format!("[[key]]\npublic = \"{}\"\nfor = [\"{scope}\"]\n", public(&key(1)));
        table.under(trust, "out-of-scope", format!("scope {scope}"), good.clone());
    }

    let body = content(MANIFEST);
    let by = |signer: u8, hint: &[u8]| record(hint, &key(signer).sign(&message(&body)).to_bytes());
    let trusted = public(&key(1)).to_bytes();
    let long = [7; 300];
    for (name, hint) in [("of the trusted key", trusted.as_slice()), ("cut", &trusted[..12]), ("long", &long)]
    {
        table.add("unknown-signer", format!("another key, hint {name}"), file(&[by(2, hint)], &body));
    }
    let twice = file(&[by(1, b"a"), by(1, b"b")], &body);
    table.under(two, "too-few-signers", "threshold met twice by one key", twice);
}

/// The order of the base point, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn maths(table: &mut Table) {
    let body = content(MANIFEST);
    let signature = key(1).sign(&message(&body)).to_bytes();
    let mut carry = 0;
    let mut large = signature;
    for (byte, order) in large[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    table.add("unknown-signer", "S + L", file(&[record(b"", &large)], &body));

    for (index, point) in EIGHT_TORSION.iter().enumerate() {
        let forged = with_nonce(&key(1), &message(&body), point);
        table.add(
            "unknown-signer",
            format!("R of small order {index}"),
            file(&[record(b"", &forged)], &body),
        );
    }
    for high in [0x80, 0xe0] {
        let mut forged = signature;
        forged[63] |= high;
        table.add(
            "unknown-signer",
            format!("S with high bits {high:x}"),
            file(&[record(b"", &forged)], &body),
        );
    }
    // R = 2^255 - 18 is a second way to write the number 1.
    let mut forged = with_nonce(&key(1), &message(&body), &EIGHT_TORSION[0]);
    forged[0] = 0xee;
    forged[1..31].fill(0xff);
    forged[31] = 0x7f;
    table.add("unknown-signer", "R that is not canonical", file(&[record(b"", &forged)], &body));
}

/// A signature whose nonce point is `point`, which the equation of RFC 8032 allows for `point` = 0, and
/// with a cofactor for all of small order.
pub(crate) fn with_nonce(key: &SigningKey, message: &[u8], point: &EdwardsPoint) -> [u8; 64] {
    let r = point.compress().to_bytes();
    let k = Sha512::new().chain_update(r).chain_update(key.verifying_key().as_bytes()).chain_update(message);
    let s = Scalar::from_bytes_mod_order_wide(&k.finalize().into()) * key.to_scalar();
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

fn binding(table: &mut Table) {
    let body = content(MANIFEST);
    let over = |message: &[u8]| file(&[record(b"", &key(1).sign(message).to_bytes())], &body);
    let digest = hash(&body);
    let ssh = [b"SSHSIG".to_vec(), sized(b"file"), sized(b""), sized(b"sha256"), sized(&digest)].concat();
    for (name, message) in [
        ("no domain", digest.clone()),
        ("no header", [b"wasmsig".to_vec(), digest.clone()].concat()),
        ("another version", [b"wasmsig\x02\x01\x01".to_vec(), digest.clone()].concat()),
        ("another hash function", [b"wasmsig\x01\x01\x02".to_vec(), digest].concat()),
        ("the content itself", body.clone()),
        ("the protocol of OpenSSH", ssh),
        ("nothing", Vec::new()),
    ] {
        table.add("unknown-signer", format!("signature over {name}"), over(&message));
    }
    let good = signed(&key(1), &body);
    let head = &good[..good.len() - body.len()];
    for (name, from, to) in [
        ("publisher", "\"acme\"", "\"acne\""),
        ("name", "\"vault\"\nv", "\"fault\"\nv"),
        ("version", "1.0.0", "9.0.0"),
        ("sequence", "sequence = 1", "sequence = 9"),
        ("capabilities", "sequence = 1\n", "sequence = 1\n[capabilities]\nrandom = true\n"),
    ] {
        let altered = content(&MANIFEST.replace(from, to));
        table.add("altered", format!("{name} altered"), [head, &altered].concat());
    }
    for (refused, name, publisher) in [
        ("out-of-scope", "a built-in", "ptrun"),
        ("manifest", "look-alike: Cyrillic", "\u{430}cme"),
        ("manifest", "look-alike: capital", "Acme"),
        ("manifest", "look-alike: joiner", "ac\u{200d}me"),
        ("manifest", "look-alike: full stop", "acme."),
        ("manifest", "a path", "../acme"),
        ("manifest", "a path with NUL", "acme\\u0000"),
        ("manifest", "a slash", "acme/x"),
        ("out-of-scope", "another's", "other"),
    ] {
        let manifest = MANIFEST.replace("\"acme\"", &format!("\"{publisher}\""));
        table.add(refused, format!("claims {name}"), signed(&key(1), &content(&manifest)));
    }
}

fn encoding(table: &mut Table) {
    let body = content(MANIFEST);
    let good = record(b"", &key(1).sign(&message(&body)).to_bytes());
    let set = |records: &[Vec<u8>]| [vec![1], hash(&body), number(records.len()), records.concat()].concat();
    let around =
        |signature: Vec<u8>| [PREAMBLE.to_vec(), section("signature", &signature), body.clone()].concat();
    let envelope = |set: Vec<u8>| [vec![1, 1, 1, 1], sized(&set)].concat();
    let honest = envelope(set(std::slice::from_ref(&good)));
    let wide = |value: usize| {
        let mut bytes = number(value);
        *bytes.last_mut().expect("a byte") |= 128;
        bytes.push(0);
        bytes
    };
    let inner = set(std::slice::from_ref(&good));
    let plain = section("signature", &honest);
    let name_and_body = &plain[2..];
    for (name, file) in [
        ("long number: sets", around([vec![1, 1, 1, 0x81, 0], sized(&inner)].concat())),
        ("long number: set", around([vec![1, 1, 1, 1], wide(inner.len()), inner.clone()].concat())),
        (
            "long number: signatures",
            around(envelope([vec![1], hash(&body), vec![0x81, 0], good.clone()].concat())),
        ),
        ("long number: record", around(envelope([&inner[..34], &wide(good.len() - 1), &good[1..]].concat()))),
        (
            "long number: section",
            [PREAMBLE, &[0][..], &wide(name_and_body.len()), name_and_body, &body].concat(),
        ),
        ("no set", around(vec![1, 1, 1, 0])),
        ("two sets", around([vec![1, 1, 1, 2], sized(&inner), sized(&inner)].concat())),
        ("two hashes", around(envelope([vec![2], hash(&body), hash(b"x"), vec![1], good.clone()].concat()))),
        ("no hash", around(envelope([vec![0, 1], good.clone()].concat()))),
        ("no signature", around(envelope(set(&[])))),
        ("17 signatures", around(envelope(set(&vec![good.clone(); 17])))),
        ("10,000 signatures", around(envelope(set(&vec![good.clone(); 10_000])))),
        (
            "a length of 4 GiB",
            around([vec![1, 1, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f], inner.clone()].concat()),
        ),
        (
            "a count of 4 GiB",
            around(envelope([&inner[..33], &[0xff, 0xff, 0xff, 0xff, 0x0f], &good].concat())),
        ),
        (
            "a number of 6 bytes",
            around([vec![1, 1, 1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0], inner.clone()].concat()),
        ),
        ("a byte after the sets", around([honest.as_slice(), &[0]].concat())),
        ("a byte after the records", around(envelope([inner.as_slice(), &[0]].concat()))),
        ("another version", around([&[2, 1, 1], &honest[3..]].concat())),
        ("another content type", around([&[1, 2, 1], &honest[3..]].concat())),
        ("another hash function", around([&[1, 1, 2], &honest[3..]].concat())),
        ("another algorithm", around(envelope(set(&[[&good[..2], &[2], &good[3..]].concat()])))),
        ("64 KiB of signatures", around([honest.as_slice(), &vec![0; 64 << 10]].concat())),
    ] {
        table.add("malformed", name, file);
    }
    for (name, more) in [
        ("a delimiter", section("signature_delimiter", &[7; 16])),
        ("a second signature section", section("signature", &honest)),
        ("a second manifest", section("ptrun:plugin", MANIFEST.as_bytes())),
        ("a section that runs over the end", vec![0, 200]),
    ] {
        table.add(
            "malformed",
            format!("signed with {name}"),
            signed(&key(1), &[body.clone(), more].concat()),
        );
    }
    for (name, manifest) in [
        ("missing field", MANIFEST.replace("sequence = 1", "")),
        ("duplicate field", format!("{MANIFEST}sequence = 2")),
        ("unknown field", format!("{MANIFEST}colour = 2")),
        ("negative sequence", MANIFEST.replace("sequence = 1", "sequence = -1")),
        ("another format", MANIFEST.replace("format = 1", "format = 2")),
    ] {
        table.add("manifest", format!("manifest: {name}"), signed(&key(1), &content(&manifest)));
    }
    table.add("manifest", "no manifest", signed(&key(1), &section("payload", b"x")));
}
