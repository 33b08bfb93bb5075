//! Files that an attacker would make of a signed plugin. None may be verified.

mod case;
mod forge;
mod known;
mod table;

use forge::{MANIFEST, PREAMBLE, section};
use ptrun_trust::{PluginSource, PublicKey, SecretKey, TrustError, TrustStore, Verified, sign};

/// A component with a section that holds something, so that there is content to alter.
fn component() -> Vec<u8> {
    [PREAMBLE.as_slice(), &section("payload", b"what the plugin does")].concat()
}

fn verify(trust: &TrustStore, bytes: Vec<u8>) -> Result<Verified, TrustError> {
    trust.verify(PluginSource::memory("plugin", bytes).read().expect("in memory"))
}

struct Signed {
    key: SecretKey,
    trust: TrustStore,
    plugin: Vec<u8>,
}

impl Signed {
    fn new() -> Self {
        let key = SecretKey::generate().expect("entropy");
        let plugin = sign(&component(), Some(MANIFEST), &key).expect("a good component");
        Self { trust: trusting(key.public(), "acme/*"), key, plugin }
    }

    /// Where the signature section ends. Its size is written in two bytes.
    fn content_at(&self) -> usize {
        assert_eq!(self.plugin[8], 0);
        let size = usize::from(self.plugin[9] & 0x7f) | usize::from(self.plugin[10]) << 7;
        8 + 3 + size
    }
}

fn trusting(key: PublicKey, scope: &str) -> TrustStore {
    let mut trust = TrustStore::new();
    trust.add(key, scope.parse().expect("a scope"));
    trust
}

#[test]
fn a_signed_plugin_is_verified_with_what_it_says() {
    let Signed { key, trust, plugin } = Signed::new();
    let verified = verify(&trust, plugin.clone()).expect("signed by a trusted key");
    assert_eq!(verified.bytes(), plugin);
    assert_eq!(verified.signers(), [key.public()]);
    assert_eq!(verified.manifest().full_name(), "acme/vault");
    assert_eq!(verified.origin(), "plugin");
    assert_eq!(format!("{verified:?}"), format!("Verified(plugin, acme/vault, {})", verified.digest()));
    assert_eq!(format!("{:?}", key.public()), format!("PublicKey({})", key.public()));
    assert!(verified.digest().to_string().starts_with("sha256:"));
}

#[test]
fn no_single_bit_can_change() {
    let Signed { trust, plugin, .. } = Signed::new();
    let mut accepted = Vec::new();
    for bit in 0..plugin.len() * 8 {
        let mut altered = plugin.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        if verify(&trust, altered).is_ok() {
            accepted.push(bit / 8);
        }
    }
    // The 32 bytes of the hint are the only ones that nothing depends on.
    accepted.dedup();
    let key_id_at = 8 + 3 + 1 + "signature".len() + 42;
    let hint: Vec<usize> = (key_id_at..key_id_at + 32).collect();
    assert_eq!(accepted, hint);
}

#[test]
fn no_prefix_of_a_plugin_is_one() {
    let Signed { trust, plugin, .. } = Signed::new();
    for end in 0..plugin.len() {
        assert!(verify(&trust, plugin[..end].to_vec()).is_err(), "cut to {end} bytes");
    }
}

#[test]
fn nothing_can_be_added() {
    let signed = Signed::new();
    let content = signed.content_at();
    let (before, after) = signed.plugin.split_at(content);
    let signature = &before[8..];
    let extra = section("extra", b"more");
    let cases: [(&str, Vec<u8>); 6] = [
        ("a byte at the end", [before, after, &[0]].concat()),
        ("a section at the end", [before, after, &extra].concat()),
        ("a section after the signature", [before, &extra, after].concat()),
        ("a section before the signature", [PREAMBLE, extra.as_slice(), signature, after].concat()),
        ("the signature twice", [PREAMBLE, signature, signature, after].concat()),
        ("the signature at the end", [PREAMBLE.as_slice(), after, signature].concat()),
    ];
    for (what, file) in cases {
        assert!(verify(&signed.trust, file).is_err(), "{what}");
    }
}

#[test]
fn a_stripped_signature_is_an_error() {
    let signed = Signed::new();
    let stripped = [PREAMBLE.as_slice(), &signed.plugin[signed.content_at()..]].concat();
    assert!(matches!(verify(&signed.trust, stripped), Err(TrustError::Unsigned { .. })));
    assert!(matches!(verify(&signed.trust, component()), Err(TrustError::Unsigned { .. })));
}

#[test]
fn only_components_are_looked_at() {
    let Signed { trust, plugin, .. } = Signed::new();
    let mut module = plugin;
    module[..8].copy_from_slice(b"\0asm\x01\0\0\0");
    for file in [module, b"not wasm".to_vec(), Vec::new(), b"\x7fELF".to_vec()] {
        assert!(matches!(verify(&trust, file), Err(TrustError::NotAComponent { .. })));
    }
}

#[test]
fn a_signature_is_for_one_content() {
    let (one, two) = (Signed::new(), Signed::new());
    let swapped = [&one.plugin[..one.content_at()], &two.plugin[two.content_at()..]].concat();
    // The content is the same, so that only the key differs.
    assert!(matches!(verify(&two.trust, swapped), Err(TrustError::UnknownSigner { .. })));
    let other = sign(&[component(), section("more", b"")].concat(), Some(MANIFEST), &one.key).expect("signs");
    let swapped = [&one.plugin[..one.content_at()], &other[one.content_at()..]].concat();
    assert!(matches!(verify(&one.trust, swapped), Err(TrustError::Altered { .. })));
}

#[test]
fn parts_that_were_signed_apart_are_refused_even_from_a_trusted_key() {
    let key = SecretKey::generate().expect("entropy");
    let trust = trusting(key.public(), "*/*");
    for name in ["signature", "signature_delimiter"] {
        let file = [component(), section(name, b"0123456789abcdef")].concat();
        let plugin = sign(&file, Some(MANIFEST), &key).expect("signs");
        assert!(matches!(verify(&trust, plugin), Err(TrustError::Malformed { .. })), "{name}");
    }
}

#[test]
fn a_plugin_has_one_manifest() {
    let key = SecretKey::generate().expect("entropy");
    let trust = trusting(key.public(), "*/*");
    let short =
        "format=1\npublisher=\"a\"\nname=\"b\"\nversion=\"1.0.0\"\ninterface=\"0\"\nscheme=\"b\"\nsequence=1";
    let manifest = section("ptrun:plugin", short.as_bytes());
    let one = [component(), manifest.clone()].concat();
    assert!(sign(&one, Some(MANIFEST), &key).is_err(), "one in the file and one given");
    let two = sign(&[one.clone(), manifest].concat(), None, &key).expect("the signer looks at the first");
    assert!(matches!(verify(&trust, two), Err(TrustError::Malformed { .. })));
    assert!(verify(&trust, sign(&one, None, &key).expect("signs")).is_ok());
    assert!(sign(&component(), None, &key).is_err(), "none at all");
    for group in ["encoding/no-manifest", "encoding/manifest-another-format"] {
        let case = known::plugin_of(group);
        assert!(sign(&case, None, &key).is_err(), "signed by another tool: {group}");
    }
}

#[test]
fn a_key_speaks_for_its_scope_alone() {
    let Signed { key, plugin, .. } = Signed::new();
    for good in ["acme/vault", "acme/*", "*/vault", "*/*"] {
        assert!(verify(&trusting(key.public(), good), plugin.clone()).is_ok(), "{good}");
    }
    for bad in ["acme/vaul", "acme/vault2", "acm/vault", "other/*"] {
        let refused = verify(&trusting(key.public(), bad), plugin.clone());
        assert!(matches!(refused, Err(TrustError::OutOfScope { .. })), "{bad}");
    }
}

#[test]
fn an_unknown_signer_is_named_only_if_it_did_sign() {
    let signed = Signed::new();
    let trust = trusting(SecretKey::generate().expect("entropy").public(), "*/*");
    let expected = Some(signed.key.public());
    let refused = verify(&trust, signed.plugin.clone());
    assert!(matches!(refused, Err(TrustError::UnknownSigner { signer, .. }) if signer == expected));

    let mut hint_of_another = signed.plugin.clone();
    let key_id_at = 8 + 3 + 1 + "signature".len() + 42;
    hint_of_another[key_id_at..key_id_at + 32]
        .copy_from_slice(&SecretKey::generate().expect("entropy").public().to_bytes());
    let refused = verify(&trust, hint_of_another.clone());
    assert!(matches!(refused, Err(TrustError::UnknownSigner { signer: None, .. })));
    assert!(verify(&signed.trust, hint_of_another).is_ok(), "the hint is not trusted for anything");
    assert!(matches!(verify(&TrustStore::new(), signed.plugin), Err(TrustError::UnknownSigner { .. })));
}

#[test]
fn one_good_signature_is_enough() {
    let Signed { key, plugin, .. } = Signed::new();
    let other = SecretKey::generate().expect("entropy");
    let both = sign(&plugin, None, &other).expect("a second signature");
    for key in [&key, &other] {
        let verified = verify(&trusting(key.public(), "acme/*"), both.clone()).expect("either will do");
        assert_eq!(verified.signers(), [key.public()]);
    }
    let digest = |file: Vec<u8>| verify(&trusting(key.public(), "acme/*"), file).expect("good").digest();
    assert_eq!(digest(plugin), digest(both), "what is signed stays the same");
}

#[test]
fn an_altered_plugin_is_not_signed_again() {
    let Signed { key, mut plugin, .. } = Signed::new();
    let last = plugin.len() - 1;
    plugin[last] ^= 1;
    assert!(sign(&plugin, None, &key).is_err());
}

#[test]
fn a_trust_store_is_read_whole_or_not_at_all() {
    let Signed { key, plugin, .. } = Signed::new();
    let entry = |public: &str, scope: &str| format!("[[key]]\npublic = \"{public}\"\nfor = [\"{scope}\"]\n");
    let good = entry(&key.public().to_string(), "acme/*");
    let mut trust = TrustStore::new();
    trust.add_toml(&good).expect("well formed");
    assert!(verify(&trust, plugin.clone()).is_ok());

    let weak = format!("01{}", "00".repeat(31));
    let mut trust = TrustStore::new();
    let said = |trust: &mut TrustStore, text: &str| trust.add_toml(text).map_err(|why| why.to_string());
    let expected = "line 3: unknown field `colour`, expected one of";
    let why = said(&mut trust, "[[key]]\nfor = []\ncolour = 1\n").expect_err("unknown");
    assert!(why.starts_with(expected), "{why}");
    let why = said(&mut trust, &format!("{good}{}", entry(&weak, "acme/*"))).expect_err("weak");
    assert!(why.starts_with("key 2: this key is weak"), "{why}");

    let bad = [
        entry(&weak, "acme/*"),
        entry("abc", "acme/*"),
        entry(&key.public().to_string(), "acme"),
        entry(&key.public().to_string(), "acme/*/x"),
        entry(&key.public().to_string(), "ac*/x"),
        "[[keys]]\n".to_owned(),
        "[[key]]\n".to_owned(),
        format!("{good}colour = 1"),
    ];
    for bad in bad {
        let mut trust = TrustStore::new();
        let _ = trust.add_toml(&format!("{good}{bad}")).expect_err(&bad);
        assert!(verify(&trust, plugin.clone()).is_err(), "{bad}");
    }
}

/// What a store with this text makes of a plugin, at a moment.
fn at(store: &str, plugin: &[u8], now: &str) -> Result<Verified, TrustError> {
    let mut trust = TrustStore::new();
    trust.add_toml(store).expect("well formed");
    let plugin = PluginSource::memory("plugin", plugin.to_vec()).read().expect("in memory");
    trust.explain(plugin, now.parse().expect("a moment")).1
}

fn entry(key: &SecretKey, more: &str) -> String {
    format!("[[key]]\npublic = \"{}\"\nfor = [\"acme/*\"]\n{more}\n", key.public())
}

#[test]
fn trust_has_a_beginning_and_an_end() {
    let Signed { key, plugin, .. } = Signed::new();
    let store = entry(&key, "not-before = 2026-01-01T00:00:00Z\nnot-after = 2027-01-01T00:00:00Z");
    let at = |now| at(&store, &plugin, now);
    assert!(matches!(at("2025-12-31T23:59:59Z"), Err(TrustError::KeyNotYetValid { .. })));
    assert!(at("2026-01-01T00:00:00Z").is_ok());
    assert!(at("2026-12-31T23:59:59Z").is_ok());
    assert!(matches!(at("2027-01-01T00:00:00Z"), Err(TrustError::KeyExpired { .. })));
}

#[test]
fn one_good_entry_of_a_key_is_enough_unless_it_is_revoked() {
    let Signed { key, plugin, .. } = Signed::new();
    let now = "2026-06-01T00:00:00Z";
    let (expired, good) = (entry(&key, "not-after = 2026-01-01T00:00:00Z"), entry(&key, ""));
    let revoked = format!("[[key]]\npublic = \"{}\"\nfor = []\nrevoked = true\n", key.public());
    for store in [format!("{expired}{good}"), format!("{good}{expired}")] {
        assert!(at(&store, &plugin, now).is_ok());
        for store in [format!("{store}{revoked}"), format!("{revoked}{store}")] {
            assert!(matches!(at(&store, &plugin, now), Err(TrustError::Revoked { .. })), "{store}");
        }
    }
}

#[test]
fn the_worst_objection_is_reported_and_the_first_of_its_kind() {
    let Signed { key: one, plugin, .. } = Signed::new();
    let two = SecretKey::generate().expect("entropy");
    let both = sign(&plugin, None, &two).expect("a second signature");
    let now = "2026-06-01T00:00:00Z";
    let expired = |key| entry(key, "not-after = 2026-01-01T00:00:00Z");
    let not_yet = |key| entry(key, "not-before = 2027-01-01T00:00:00Z");
    for (first, second) in [(&one, &two), (&two, &one)] {
        let refused = |store: String| at(&store, &both, now).expect_err("refused");
        let expected = |signer: &SecretKey| TrustError::KeyExpired {
            plugin: "plugin".to_owned(),
            signer: signer.public(),
        };
        assert_eq!(refused(expired(first) + &not_yet(second)), expected(first));
        assert_eq!(refused(not_yet(first) + &expired(second)), expected(second));
        assert_eq!(refused(expired(first) + &expired(second)), expected(first));
    }
}

/// A core module with a manifest inside, as the SDK's macro leaves it, in a component.
fn with_manifest_inside(preamble: &[u8]) -> Vec<u8> {
    let module = [preamble, &section("other", b""), &section("ptrun:plugin", MANIFEST.as_bytes())].concat();
    // A section that is not custom, before the module and of another kind.
    let length = [module.len() as u8 | 128, (module.len() >> 7) as u8];
    [PREAMBLE.as_slice(), &[7, 1, 0], &[1], &length, &module].concat()
}

#[test]
fn the_manifest_in_a_core_module_is_lifted_when_it_is_signed() {
    let key = SecretKey::generate().expect("entropy");
    let component = with_manifest_inside(b"\0asm\x01\0\0\0");
    let signed = sign(&component, None, &key).expect("there is a manifest inside");
    let verified = verify(&trusting(key.public(), "acme/*"), signed).expect("signed");
    assert_eq!(verified.manifest().full_name(), "acme/vault");
    assert!(verified.bytes().ends_with(&component[8..]), "the rest is as it was");
    let broken = with_manifest_inside(b"\0asm\x02\0\0\0");
    assert!(matches!(sign(&broken, None, &key), Err(ptrun_trust::SignError::Malformed(_))));
}

/// The digest that a refusal of something unsigned names.
fn unsigned_digest(component: &[u8]) -> ptrun_trust::Digest {
    match verify(&TrustStore::new(), component.to_vec()) {
        Err(TrustError::Unsigned { digest, .. }) => digest,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_unsigned_component_is_accepted_by_its_content_alone() {
    let manifest = section("ptrun:plugin", MANIFEST.as_bytes());
    let plain = [PREAMBLE.as_slice(), &manifest].concat();
    for component in [plain.clone(), with_manifest_inside(b"\0asm\x01\0\0\0")] {
        let digest = unsigned_digest(&component);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        let mut trust = TrustStore::new();
        trust.allow_unsigned(digest);
        let verified = verify(&trust, component.clone()).expect("allowed");
        assert_eq!((verified.signers(), verified.digest()), (&[][..], digest));
        assert_eq!(verified.manifest().full_name(), "acme/vault");
        let more = [component.as_slice(), &section("more", b"")].concat();
        assert!(matches!(verify(&trust, more), Err(TrustError::Unsigned { .. })));
        // A signature section is one, whoever made it.
        let signed = sign(&component, None, &SecretKey::generate().expect("entropy")).expect("signs");
        assert!(matches!(verify(&trust, signed), Err(TrustError::UnknownSigner { .. })));
    }
    for (component, expected) in [
        (component(), "has no manifest"),
        ([plain.as_slice(), &manifest].concat(), "has two manifests"),
        ([plain.as_slice(), &section("signature", b"")].concat(), "is signed in parts"),
        ([plain.as_slice(), &[0, 9]].concat(), "ends too early"),
        (with_manifest_inside(b"\0asm\x02\0\0\0"), "has a core module that is none"),
    ] {
        let mut trust = TrustStore::new();
        trust.allow_unsigned(unsigned_digest(&component));
        let why = verify(&trust, component).expect_err(expected).to_string();
        assert!(why.ends_with(expected), "{why}");
    }
    let late = [
        PREAMBLE.as_slice(),
        &section("ptrun:plugin", format!("{MANIFEST}expires = 2020-01-01T00:00:00Z").as_bytes()),
    ]
    .concat();
    let mut trust = TrustStore::new();
    trust.allow_unsigned(unsigned_digest(&late));
    assert!(matches!(verify(&trust, late), Err(TrustError::Expired { .. })));
}

#[test]
fn a_digest_has_one_form() {
    let digest = unsigned_digest(&component()).to_string();
    let shorter = digest.get(..digest.len() - 1).unwrap_or_default();
    for bad in
        ["", "sha256:", shorter, &digest[7..], &format!("{digest}0"), &digest.replace("sha256", "sha512")]
    {
        assert_eq!(bad.parse::<ptrun_trust::Digest>(), Err(ptrun_trust::DigestError), "{bad}");
    }
}

#[test]
fn a_plugin_may_expire() {
    let key = SecretKey::generate().expect("entropy");
    let manifest = format!("{MANIFEST}expires = 2026-06-01T00:00:00Z\n");
    let plugin = sign(&component(), Some(&manifest), &key).expect("signs");
    assert!(at(&entry(&key, ""), &plugin, "2026-05-31T23:59:59Z").is_ok());
    let late = at(&entry(&key, ""), &plugin, "2026-06-01T00:00:00Z");
    assert!(matches!(late, Err(TrustError::Expired { .. })));
}

#[test]
fn a_threshold_counts_different_keys() {
    let now = "2026-06-01T00:00:00Z";
    let Signed { key: one, plugin, .. } = Signed::new();
    let (two, three) = (SecretKey::generate().expect("entropy"), SecretKey::generate().expect("entropy"));
    let keys = format!("{}{}", entry(&one, ""), entry(&two, ""));
    let store = format!("{keys}[[threshold]]\nfor = \"acme/vault\"\nsigners = 2\n");
    let too_few = |plugin: &[u8]| {
        let refused = at(&store, plugin, now);
        matches!(refused, Err(TrustError::TooFewSigners { has: 1, needs: 2, .. }))
    };
    assert!(too_few(&plugin), "one signature");
    let twice = sign(&plugin, None, &one).expect("signs again");
    assert!(too_few(&twice), "one key, twice");
    let stranger = sign(&plugin, None, &three).expect("a stranger signs");
    assert!(too_few(&stranger), "a second key that is not trusted");
    let repeated = format!("{}{store}", entry(&one, ""));
    assert!(at(&repeated, &twice, now).is_err(), "one key, in two entries");
    let both = sign(&plugin, None, &two).expect("the other signs");
    let verified = at(&store, &both, now).expect("two keys");
    assert_eq!(verified.signers().len(), 2);
    assert!(at(&format!("{keys}[[threshold]]\nfor = \"other/*\"\nsigners = 2\n"), &plugin, now).is_ok());
    let zero = format!("{keys}[[threshold]]\nfor = \"acme/*\"\nsigners = 0\n");
    let foreign = sign(&component(), Some(MANIFEST), &three).expect("signs");
    assert!(at(&zero, &foreign, now).is_err(), "a threshold of none is one");
}
