//! What is remembered of plugins: approvals and lock files.

use ptrun_trust::{
    Approvals, Change, Lock, Pin, PluginSource, SecretKey, Standing, TrustStore, Verified, sign,
};

/// A plugin that these keys signed, with this at the end of its manifest.
fn plugin(name: &str, sequence: u64, keys: &[&SecretKey], more: &str) -> Verified {
    let manifest = format!(
        "format = 1\npublisher = \"acme\"\nname = \"{name}\"\nversion = \"1.{sequence}.0\"\ninterface = \"0.1\"\nscheme = \"vault\"\nsequence = {sequence}\n{more}"
    );
    let mut trust = TrustStore::new();
    let mut file = b"\0asm\x0d\0\x01\0".to_vec();
    for (index, key) in keys.iter().enumerate() {
        file = sign(&file, (index == 0).then_some(manifest.as_str()), key).expect("signs");
        trust.add(key.public(), "acme/*".parse().expect("a scope"));
    }
    trust.verify(PluginSource::memory("plugin", file).read().expect("in memory")).expect("signed")
}

fn pin(sequence: u64, keys: &[&SecretKey], more: &str) -> Pin {
    Pin::of(&plugin("vault", sequence, keys, more))
}

fn key() -> SecretKey {
    SecretKey::generate().expect("randomness")
}

const ASKS: &str = "[capabilities]\nenv = [\"A\", \"{key}\"]\nfiles = [\"F\"]\nrandom = true\n[[capabilities.http]]\norigin = \"https://a.*.example.com\"\nauth = { header = \"X-Token\" }\n";

#[test]
fn a_pin_holds_what_the_plugin_is() {
    let key = key();
    let plugin = plugin("vault", 7, &[&key], ASKS);
    let pin = Pin::of(&plugin);
    assert_eq!(pin.full_name(), "acme/vault");
    assert_eq!((pin.version.to_string().as_str(), pin.sequence), ("1.7.0", 7));
    assert_eq!((pin.digest, pin.signers.as_slice()), (plugin.digest(), &[key.public()][..]));
    let asks: Vec<String> = pin.capabilities.requests().collect();
    let http = "http=https://a.*.example.com GET with a credential in X-Token";
    assert_eq!(asks, ["env=A", "env={key}", "file=F", http, "random"]);
}

#[test]
fn an_update_changes_nothing_that_matters() {
    let (one, two) = (key(), key());
    let old = pin(7, &[&one], ASKS);
    assert_eq!(old.standing(&old), Standing::Known);
    for update in [
        pin(8, &[&one], ASKS),
        pin(7, &[&one], "description = \"another build\"\n[capabilities]\nrandom = true\n"),
        pin(8, &[&one], ""),
        pin(8, &[&one, &two], ASKS),
    ] {
        assert_eq!(old.standing(&update), Standing::Update, "{update:?}");
    }
    // The same content, signed once more.
    assert_eq!(old.standing(&pin(7, &[&one, &two], ASKS)), Standing::Known);
}

#[test]
fn everything_else_is_named() {
    let (one, two) = (key(), key());
    let old = pin(7, &[&one, &two], "[capabilities]\nenv = [\"A\"]\n");
    let changes = |new: &Pin| match old.standing(new) {
        Standing::Changed(changes) => changes.iter().map(Change::to_string).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let wider = |more: &str| changes(&pin(8, &[&one, &two], &format!("[capabilities]\n{more}")));
    assert_eq!(wider("env = [\"A\", \"B\"]"), ["it asks for env=B in addition"]);
    assert_eq!(wider("env = [\"{key}\"]"), ["it asks for env={key} in addition"]);
    assert_eq!(wider("files = [\"A\"]"), ["it asks for file=A in addition"]);
    assert_eq!(wider("random = true"), ["it asks for random in addition"]);
    let signer = format!("the key {} has not signed it", two.public());
    assert_eq!(changes(&pin(8, &[&one], "")), std::slice::from_ref(&signer));
    assert_eq!(changes(&pin(7, &[&one], "[capabilities]\nenv = [\"A\"]\n")), [signer], "the same content");
    assert_eq!(changes(&pin(6, &[&one, &two], "")), ["its sequence was 7, and is 6"]);
    let other = Pin::of(&plugin("other", 8, &[&one, &two], ""));
    assert_eq!(changes(&other), ["it was `acme/vault`, and is `acme/other`"]);
    let mut unsigned = pin(6, &[&one], "");
    unsigned.signers.clear();
    assert_eq!(changes(&unsigned).len(), 3, "not signed at all, and older");
}

#[test]
fn approvals_keep_the_newest_and_what_was_approved_on_purpose() {
    let key = key();
    let release = |sequence| pin(sequence, &[&key], "");
    let mut approvals = Approvals::default();
    assert_eq!(approvals.standing(&release(3)), Standing::New);
    approvals.approve(release(3));
    approvals.approve(Pin::of(&plugin("other", 9, &[&key], "")));
    assert_eq!(approvals.standing(&release(3)), Standing::Known);
    assert_eq!(approvals.standing(&release(5)), Standing::Update);
    approvals.approve(release(5));
    let older = |was, is| Standing::Changed(vec![Change::Older { was, is }]);
    assert_eq!(approvals.standing(&release(3)), older(5, 3), "superseded");
    approvals.approve(release(3));
    assert_eq!(approvals.standing(&release(3)), Standing::Known, "approved again");
    assert_eq!(approvals.standing(&release(5)), Standing::Known);
    assert_eq!(approvals.standing(&release(4)), older(5, 4), "compared with the newest");
    approvals.approve(release(6));
    let rebuilt = pin(6, &[&key], "description = \"the same release, built again\"\n");
    approvals.approve(rebuilt);
    assert_eq!(approvals.standing(&release(6)), Standing::Update, "replaced");
    approvals.approve(release(6));
    for sequence in [3, 5] {
        assert_eq!(approvals.standing(&release(sequence)), older(6, sequence));
    }
    assert_eq!(approvals.standing(&Pin::of(&plugin("other", 9, &[&key], ""))), Standing::Known);
}

#[test]
fn what_is_written_is_read() {
    let (one, two) = (key(), key());
    let mut approvals = Approvals::default();
    let mut lock = Lock::default();
    let mut plain = Lock::default();
    plain.pin("vault", pin(7, &[&one], ""));
    assert!(!plain.to_string().contains("capabilities"), "who asks for nothing has no empty table");
    assert_eq!(Approvals::parse(""), Ok(approvals.clone()));
    assert_eq!(Lock::parse(&lock.to_string()), Ok(lock.clone()));
    for (scheme, plugin) in [
        ("vault", pin(7, &[&one, &two], ASKS)),
        ("other", Pin::of(&plugin("other", u64::from(u32::MAX), &[&one], ""))),
    ] {
        approvals.approve(plugin.clone());
        lock.pin(scheme, plugin.clone());
        assert_eq!(lock.get(scheme), Some(&plugin));
        assert_eq!(lock.standing(scheme, &plugin), Standing::Known);
        assert_eq!(lock.standing("none", &plugin), Standing::New);
    }
    assert_eq!(Approvals::parse(&approvals.to_string()), Ok(approvals));
    assert_eq!(Lock::parse(&lock.to_string()), Ok(lock));
}

#[test]
fn what_is_not_understood_in_full_is_refused() {
    let key = key();
    let mut approvals = Approvals::default();
    approvals.approve(pin(7, &[&key], ASKS));
    let good = approvals.to_string();
    let digest = pin(7, &[&key], ASKS).digest.to_string();
    let weak = format!("01{}", "00".repeat(31));
    for (from, to) in [
        ("sequence = 7", "sequence = -7"),
        ("sequence = 7", ""),
        ("sequence = 7", "sequence = 7\ncolour = 1"),
        ("\"vault\"", "\"../vault\""),
        ("\"1.7.0\"", "\"1\""),
        (digest.as_str(), "sha256:0"),
        (&key.public().to_string(), &weak),
        ("\"F\"", "\"\\u001b[2J\""),
        ("\"A\"", "\"*\""),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(Approvals::parse(&good.replace(from, to)).is_err(), "{to}");
        let lock = good.replace("[[plugin]]", "[plugin.vault]").replace("[plugin.cap", "[plugin.vault.cap");
        let lock = format!("format = 1\n{lock}");
        assert!(Lock::parse(&lock).is_ok(), "{lock}");
        assert!(Lock::parse(&lock.replace(from, to)).is_err(), "{to}");
    }
    let why = Approvals::parse(&good.replace("\"F\"", "\"\\u001b\"")).expect_err("control characters");
    assert_eq!(why.to_string(), "plugin 1: a name or a text is empty, or has control characters");
    for format in [0, 2] {
        let why = Lock::parse(&format!("format = {format}\n")).expect_err("another format");
        assert_eq!(why.to_string(), format!("it has format {format}, and this ptrun knows format 1"));
    }
    assert!(Lock::parse("").is_err(), "no format");
}
