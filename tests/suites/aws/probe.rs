//! Where the credentials are not: in anything that a plugin can see.

use std::process::Command;

use ptrun_tests::User;

use super::good;
use super::moto::{ID, Moto, SECRET, TOKEN};

/// Whether a piece of eight bytes of `secret` is in `seen`: as it is, or in base64, or in hexadecimal.
fn leaks(seen: &[u8], secret: &str) -> bool {
    let hexadecimal = hex::encode(secret);
    let pieces = secret.as_bytes().windows(8).chain(hexadecimal.as_bytes().windows(16).step_by(2));
    let pieces: std::collections::HashSet<&[u8]> = pieces.collect();
    [8, 16].iter().any(|&size| seen.windows(size).any(|piece| pieces.contains(piece)))
}

fn contains(seen: &[u8], text: &str) -> bool {
    seen.windows(text.len()).any(|piece| piece == text.as_bytes())
}

#[test]
fn the_plugin_sees_no_credential() {
    let (moto, user) = (Moto::start(), User::new());
    moto.create("a", "what the plugin is for");
    user.install("aws_probe");
    let probe = |more: &[&str]| -> Command {
        let limits = ["--limit", "probe:value-bytes=64MiB", "--limit", "probe:memory=256MiB"];
        let mut command = moto.ptrun(&user, &["get", "--plugin", "./aws_probe.wasm"]);
        command.args(limits).args(more).arg("probe://a");
        command
    };
    let seen = good(&mut probe(&[]));
    // It did what the plugin does, and it looked.
    for text in
        ["the secret: what the plugin is for", "PLACEHOLDER", "AWS4-HMAC-SHA256", "\nanswer: ", "\nmemory: "]
    {
        assert!(contains(&seen, text), "{text} is not in {} bytes", seen.len());
    }
    assert!(seen.len() > 1 << 20, "{}", seen.len());
    for secret in [ID, SECRET, TOKEN] {
        assert!(!leaks(&seen, secret), "{secret} is there");
    }
    // It would be found.
    let seen = good(&mut probe(&["--allow", "probe:env=AWS_SESSION_TOKEN"]));
    assert!(leaks(&seen, TOKEN) && !leaks(&seen, SECRET));
}
