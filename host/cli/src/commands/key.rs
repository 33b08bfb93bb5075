//! `ptrun key`: keys to sign with, and keys to trust.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use ptrun_host::{Moment, PublicKey, Scope, SecretKey, TrustStore};
use serde_json::json;
use zeroize::Zeroizing;

use super::{pretty, print};
use crate::report::{Failure, Failures};
use crate::user::{self, Private};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key to sign plugins with
    Generate {
        /// What to call it
        #[arg(default_value = "default")]
        name: String,
        /// Ask for a passphrase that protects it
        #[arg(long)]
        passphrase: bool,
    },
    /// List the keys that you trust
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Trust a key, for some plugins
    Trust {
        /// 64 hexadecimal digits, or a file: `.pub`, PEM, or what wasmsign2 writes
        key: String,
        /// The plugins that it may sign: PUBLISHER/NAME, where each part may be *
        #[arg(long = "for", value_name = "SCOPE", required = true)]
        scopes: Vec<Scope>,
        /// Not before this moment
        #[arg(long, value_name = "MOMENT")]
        not_before: Option<Moment>,
        /// Not from this moment on
        #[arg(long, value_name = "MOMENT")]
        not_after: Option<Moment>,
        /// Whose key it is, for yourself
        #[arg(long)]
        comment: Option<String>,
    },
    /// Trust a key no more: what it signed, and what it will sign, is refused
    Revoke {
        /// 64 hexadecimal digits, or a file
        key: String,
    },
}

pub(crate) fn execute(command: &KeyCommand) -> Result<(), Failures> {
    match command {
        KeyCommand::Generate { name, passphrase } => generate(name, *passphrase)?,
        KeyCommand::List { json } => list(*json)?,
        KeyCommand::Trust { key, scopes, not_before, not_after, comment } => {
            let key = public(key)?;
            trust(key, scopes, *not_before, *not_after, comment.as_deref())?;
        }
        KeyCommand::Revoke { key } => revoke(public(key)?)?,
    }
    Ok(())
}

/// A public key, from its digits or from a file.
pub(crate) fn public(text: &str) -> Result<PublicKey, Failure> {
    if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(text.parse()?);
    }
    let bytes = fs::read(text).map_err(|why| {
        Failure::new("key/unreadable", format!("the key `{text}` cannot be read: {why}"))
            .help("a key is 64 hexadecimal digits, or a file")
    })?;
    PublicKey::from_file_bytes(&bytes).map_err(|why| Failure::from(why).fact("file", text))
}

fn generate(name: &str, passphrase: bool) -> Result<(), Failure> {
    if name.is_empty() || name.contains(['/', '\0']) || name.starts_with('.') {
        return Err(Failure::new("key/name", "the name of a key is the name of a file, without a folder")
            .help("for example `ptrun key generate acme`"));
    }
    let path = keys()?.join(name);
    let passphrase = if passphrase { Some(new_passphrase()?) } else { None };
    let key = SecretKey::generate()?;
    let written = key.to_openssh(name, passphrase.as_ref().map(|text| text.as_str()))?;
    let public = path.with_added_extension("pub");
    let failed = |path: &Path, why: std::io::Error| match why.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new("key/exists", format!("there is a key `{}` already", path.display()))
                .help("give the new one another name")
        }
        _ => Failure::new("key/unwritable", format!("the key `{}` cannot be written: {why}", path.display()))
            .help("check the folder, and that there is space"),
    };
    user::create(&path, written.as_bytes(), 0o600).map_err(|why| failed(&path, why))?;
    let line = key.public().to_openssh(name) + "\n";
    user::create(&public, line.as_bytes(), 0o644).map_err(|why| failed(&public, why))?;
    print(&format!(
        "secret key  {}\npublic key  {}\n            {}\n",
        path.display(),
        public.display(),
        key.public()
    ))
}

/// The key of this name, or in this file, opened with its passphrase if it has one: from the variable
/// `PTRUN_KEY_PASSPHRASE`, or from the terminal.
pub(crate) fn secret(name: &str) -> Result<SecretKey, Failure> {
    let path = if name.contains('/') { PathBuf::from(name) } else { keys()?.join(name) };
    let bytes = user::read(&path, Private::ReadWrite).map(Zeroizing::new).map_err(|why| {
        let (class, help) = match why.kind() {
            std::io::ErrorKind::NotFound => {
                ("key/not-found", format!("make one with `ptrun key generate {name}`"))
            }
            _ => ("key/insecure", "a secret key is yours alone: `chmod 600`, and no link".to_owned()),
        };
        Failure::new(class, format!("the key `{}` cannot be used: {why}", path.display())).help(help)
    })?;
    let open = |passphrase: Option<&str>| {
        SecretKey::from_file_bytes(&bytes, passphrase)
            .map_err(|why| Failure::from(why).fact("file", path.display()))
    };
    match SecretKey::from_file_bytes(&bytes, None) {
        Err(ptrun_host::KeyError::Encrypted) => {
            if let Ok(passphrase) = std::env::var("PTRUN_KEY_PASSPHRASE") {
                return open(Some(&Zeroizing::new(passphrase)));
            }
            match ask(&format!("Passphrase for {}: ", path.display())) {
                Some(passphrase) => open(Some(&passphrase)),
                None => open(None),
            }
        }
        _ => open(None),
    }
}

/// Asks on the terminal; `None` if there is none.
fn ask(prompt: &str) -> Option<Zeroizing<String>> {
    use std::io::IsTerminal as _;
    if !std::io::stdin().is_terminal() {
        return None;
    }
    rpassword::prompt_password(prompt).ok().map(Zeroizing::new)
}

fn new_passphrase() -> Result<Zeroizing<String>, Failure> {
    let failure = |what: &str| Failure::new("key/passphrase", what).help("try again, on a terminal");
    let first =
        ask("New passphrase: ").ok_or_else(|| failure("there is no terminal to ask for a passphrase"))?;
    if first.is_empty() {
        return Err(failure("a passphrase is not empty"));
    }
    match ask("The same again: ") {
        Some(second) if second == first => Ok(first),
        _ => Err(failure("the two passphrases differ")),
    }
}

fn keys() -> Result<PathBuf, Failure> {
    user::keys().ok_or_else(user::no_home)
}

fn list(json: bool) -> Result<(), Failure> {
    let trust = user::trust()?;
    let mut text = String::new();
    let mut rows = Vec::new();
    for entry in trust.keys() {
        let scopes: Vec<String> = entry.scopes.iter().map(Scope::to_string).collect();
        let built_in = Some(entry.key) == ptrun_builtins::signer();
        let comment = if built_in { Some("signs the built-in plugins") } else { entry.comment.as_deref() };
        text.push_str(&format!("{}  {}", entry.key, scopes.join(" ")));
        for (word, moment) in [("from", entry.not_before), ("until", entry.not_after)] {
            text.extend(moment.map(|moment| format!("  {word} {moment}")));
        }
        text.push_str(if entry.revoked { "  revoked" } else { "" });
        text.extend(comment.map(|comment| format!("  # {comment}")));
        text.push('\n');
        rows.push(json!({
            "key": entry.key.to_string(),
            "for": scopes,
            "not-before": entry.not_before.map(|moment| moment.to_string()),
            "not-after": entry.not_after.map(|moment| moment.to_string()),
            "revoked": entry.revoked,
            "comment": comment,
        }));
    }
    if json { print(&pretty(&rows)?) } else { print(&text) }
}

pub(crate) fn trust(
    key: PublicKey,
    scopes: &[Scope],
    not_before: Option<Moment>,
    not_after: Option<Moment>,
    comment: Option<&str>,
) -> Result<(), Failure> {
    if user::trust()?.keys().iter().any(|entry| entry.key == key && entry.revoked) {
        return Err(Failure::new("key/revoked", "you revoked this key")
            .fact("key", key)
            .help("if that was a mistake, take the entry with `revoked` out of your trust store by hand"));
    }
    if comment.is_some_and(|comment| comment.contains(char::is_control)) {
        return Err(
            Failure::new("usage", "a comment is one line of text").help("leave control characters out")
        );
    }
    let scopes: Vec<String> = scopes.iter().map(Scope::to_string).collect();
    let mut entry = format!("public = \"{key}\"\nfor = {}\n", json!(scopes));
    for (name, moment) in [("not-before", not_before), ("not-after", not_after)] {
        entry.extend(moment.map(|moment| format!("{name} = {moment}\n")));
    }
    // A string of JSON is one of TOML, if it has no control characters.
    entry.extend(comment.map(|comment| format!("comment = {}\n", json!(comment))));
    append(&entry)
}

/// A key that is revoked in one entry is revoked in all, whatever the others say, and also if there is no
/// other yet.
fn revoke(key: PublicKey) -> Result<(), Failure> {
    append(&format!("public = \"{key}\"\nfor = []\nrevoked = true\n"))
}

/// Adds an entry to the trust store, and leaves the rest of the file as the user wrote it.
fn append(entry: &str) -> Result<(), Failure> {
    user::TRUST.change(|before| {
        let (end, gap) = match before {
            "" => ("", ""),
            text if text.ends_with('\n') => ("", "\n"),
            _ => ("\n", "\n"),
        };
        let text = format!("{before}{end}{gap}[[key]]\n{entry}");
        // What was wrong before, or would be now, is reported and not written.
        TrustStore::new().add_toml(&text)?;
        Ok(text)
    })
}
