//! The class and the line of help for each error of the library. Classes are part of the interface: the
//! README lists them, and they do not change.

use ptrun_host::{
    CredentialError, KeyError, LoadError, NameError, ReferenceError, RunError, SecretError, SelectError,
    SignError, SourceError, TrustError,
};

use crate::report::Failure;

const LIMIT: &str = "the plugin is defective, or hostile, or needs `--limit ALIAS:LIMIT=VALUE`";

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        let (class, help) = match &error {
            SourceError::NotFound { .. } => ("plugin/not-found", "check the path"),
            SourceError::NotAFile { .. } => ("plugin/unreadable", "a plugin is one file, `NAME.wasm`"),
            SourceError::TooLarge { .. } => {
                ("plugin/too-large", "build it for release, and without debug information")
            }
            _ => ("plugin/unreadable", "check that you may read it"),
        };
        Self::new(class, error.to_string()).help(help)
    }
}

impl From<TrustError> for Failure {
    fn from(error: TrustError) -> Self {
        let failure = |class, help: String| Self::new(class, error.to_string()).help(help);
        let ask = "ask the publisher for an intact file".to_owned();
        match &error {
            TrustError::NotAComponent { .. } => failure(
                "plugin/not-a-component",
                "a plugin is a component: build it for `wasm32-wasip2`, or make one of the module".to_owned(),
            ),
            TrustError::Unsigned { digest, .. } => failure(
                "trust/unsigned",
                format!(
                    "ask the publisher for a signed one; if it is your own, add `--allow-unsigned={digest}`"
                ),
            ),
            TrustError::Altered { .. } => failure("trust/altered", ask),
            TrustError::NoManifest { .. } | TrustError::Manifest { .. } => {
                failure("trust/manifest", "its publisher must mend `plugin.toml` and sign again".to_owned())
            }
            TrustError::UnknownSigner { signer, claims, .. } => {
                let publisher = claims.split('/').next().unwrap_or_default();
                match signer {
                    Some(signer) => failure(
                        "trust/unknown-signer",
                        format!("if you expected this, run `ptrun key trust {signer} --for '{publisher}/*'`"),
                    )
                    .fact("signer", format!("{signer} (claims to be `{claims}`)")),
                    None => {
                        failure("trust/unknown-signer", "ask the publisher for the public key".to_owned())
                            .fact("signer", format!("it does not say (claims to be `{claims}`)"))
                    }
                }
            }
            TrustError::OutOfScope { signer, claims, .. } => failure(
                "trust/out-of-scope",
                format!("if it may speak for this name, run `ptrun key trust {signer} --for '{claims}'`"),
            )
            .fact("signer", signer),
            TrustError::Revoked { signer, .. } => {
                failure("trust/revoked", "ask the publisher for a file that another key signed".to_owned())
                    .fact("signer", signer)
            }
            TrustError::KeyExpired { signer, .. } => {
                failure("trust/key-expired", "if you still trust the key, move its `not-after`".to_owned())
                    .fact("signer", signer)
            }
            TrustError::KeyNotYetValid { signer, .. } => failure(
                "trust/key-not-yet-valid",
                "check the clock, and the `not-before` of the key".to_owned(),
            )
            .fact("signer", signer),
            TrustError::TooFewSigners { .. } => failure(
                "trust/too-few-signers",
                "ask the publisher for a file with more signatures, or lower the threshold".to_owned(),
            ),
            TrustError::Expired { .. } => {
                failure("trust/expired", "get a newer version of the plugin".to_owned())
            }
            _ => failure("trust/malformed", ask),
        }
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        let (class, help) = match &error {
            LoadError::Engine(_) => {
                ("system/engine", "the sandbox needs a 64-bit system with virtual memory to spare")
            }
            LoadError::Invalid(_) => ("plugin/invalid", "its publisher must build it again"),
            LoadError::TooLarge { .. } => (
                "plugin/too-large",
                "build it for release, or allow it: `--limit ALIAS:component-bytes=64MiB`",
            ),
            LoadError::Limit { .. } => ("plugin/limit", LIMIT),
            LoadError::NotASource { .. } => ("plugin/not-a-source", "this component is no plugin for ptrun"),
            LoadError::Interface { .. } => {
                ("plugin/interface", "get a version of the plugin, or of ptrun, that fits")
            }
            LoadError::Forbidden { .. } => ("plugin/forbidden-import", "its publisher must do without it"),
            LoadError::Undeclared { .. } => {
                ("plugin/undeclared-import", "its publisher must ask for it in `plugin.toml`")
            }
            LoadError::Unused { .. } => {
                ("plugin/unused-capability", "its publisher must take it out of `plugin.toml`")
            }
            LoadError::NoCredential { .. } => {
                ("grant/credential", "name the secret that signs them: `--credential ALIAS=SCHEME://KEY`")
            }
            LoadError::Egress { .. } => ("system/tls", "check the certificates of the system"),
            LoadError::NotGranted { .. } => {
                ("grant/missing", "grant it with `--allow`, if the plugin should have it")
            }
            _ => ("plugin/setting", "`ptrun plugin inspect` shows the settings that it has"),
        };
        Self::new(class, error.to_string()).help(help)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        let (class, help) = match &error {
            RunError::Refused { plugin, error } => return Self::from(error.clone()).fact("plugin", plugin),
            RunError::Credential { plugin, error } => {
                return Self::from(error.clone()).fact("plugin", plugin);
            }
            RunError::Limit { .. } => ("plugin/limit", LIMIT),
            RunError::Request { .. } => (
                "grant/request",
                "if the plugin may, add `--allow ALIAS:http=ORIGIN`; or `ALIAS:network=RANGE`, for addresses \
                 that are not public",
            ),
            RunError::Unable { .. } => ("secret/unsupported", "use another plugin for this"),
            RunError::NotUnicode { .. } => {
                ("secret/not-unicode", "only text can be passed to a plugin in a variable")
            }
            _ => ("plugin/crashed", "this is a defect of the plugin: tell its publisher"),
        };
        Self::new(class, error.to_string()).help(help)
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        let (class, help) = match &error {
            CredentialError::Missing(_) => (
                "secret/unauthenticated",
                "log in again, or name a credential: `--credential ALIAS=SCHEME://KEY`",
            ),
            CredentialError::Refused(_) => {
                ("grant/credential", "the credential is for what the references name, and nothing else")
            }
        };
        Self::new(class, error.to_string()).help(help)
    }
}

/// Codes with which the text of a plugin's error may begin (`wit/`), with their class and what helps.
const CODES: [(&str, &str, &str); 12] = [
    ("altered", "secret/altered", "restore the file from a copy"),
    ("clock-skew", "secret/clock-skew", "set the clock of this machine: `timedatectl set-ntp true`"),
    ("empty", "secret/empty", "write the file again"),
    ("expired", "secret/expired", "encrypt the file again, or allow it to be older with `?ttl=`"),
    (
        "expired-token",
        "secret/expired-token",
        "log in again, for example with `aws sso login`, or renew the session",
    ),
    ("future", "secret/future", "set the clock of this machine, or encrypt the file again"),
    (
        "iam",
        "secret/denied",
        "have it allowed, or use another identity; `ptrun explain --iam` prints the policy that a run needs",
    ),
    ("no-region", "secret/no-region", "set AWS_REGION, or `region` in the profile, or add `?region=`"),
    ("not-encrypted", "secret/not-encrypted", "encrypt the file first"),
    ("too-large", "secret/too-large", "allow it: `--limit ALIAS:file-bytes=8MiB`, and `value-bytes`"),
    ("wrong-key", "secret/wrong-key", "name the key that the file was encrypted with"),
    (
        "wrong-region",
        "secret/wrong-region",
        "name the region that the secret is in: `?region=`, or AWS_REGION",
    ),
];

/// The class and the help of an error whose text begins with a code.
fn coded(error: &SecretError) -> Option<Failure> {
    let (SecretError::Denied(text)
    | SecretError::Unauthenticated(text)
    | SecretError::InvalidRef(text)
    | SecretError::InvalidConfig(text)
    | SecretError::Unavailable(text)
    | SecretError::Internal(text)) = error
    else {
        return None;
    };
    let (code, sentence) = text.split_once(": ")?;
    let (_, class, help) = CODES.iter().find(|(known, ..)| *known == code)?;
    Some(Failure::new(class, sentence).help(*help))
}

impl From<SecretError> for Failure {
    fn from(error: SecretError) -> Self {
        if let Some(failure) = coded(&error) {
            return failure;
        }
        let (class, help) = match &error {
            SecretError::NotFound => {
                ("secret/not-found", "check the reference, and that the secret is there")
            }
            SecretError::Denied(_) => ("secret/denied", "ask for the permission, or use another identity"),
            SecretError::Unauthenticated(_) => {
                ("secret/unauthenticated", "log in again, or renew the credentials")
            }
            SecretError::InvalidRef(_) => {
                ("reference/refused", "see which references the plugin understands")
            }
            SecretError::InvalidConfig(_) => {
                ("plugin/setting", "`ptrun plugin inspect` shows the settings that it has")
            }
            SecretError::Throttled { .. } => ("secret/throttled", "try again later"),
            SecretError::Unavailable(_) => {
                ("secret/unavailable", "check the network and the service, and try again")
            }
            SecretError::Unsupported => ("secret/unsupported", "use another plugin for this"),
            SecretError::TooLarge { .. } => {
                ("secret/too-large", "keep large data elsewhere, and its key here")
            }
            SecretError::Select(SelectError::NotStructured(_) | SelectError::NotOfFormat(..)) => {
                ("reference/selector", "leave the selector out to get the whole secret")
            }
            SecretError::Select(SelectError::Ambiguous(..)) => {
                ("reference/selector", "say which: `?format=yaml`, `toml` or `dotenv` before the `#`")
            }
            SecretError::Select(_) => ("reference/selector", "check the spelling; names are case-sensitive"),
            _ => ("plugin/failed", "this is a defect of the plugin: tell its publisher"),
        };
        Self::new(class, error.to_string()).help(help)
    }
}

impl From<ReferenceError> for Failure {
    fn from(error: ReferenceError) -> Self {
        Self::new("reference/malformed", error.to_string())
            .help("for example `env://NAME`, or `aws://secret#field`")
    }
}

impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        Self::new("usage/name", error.to_string()).help("deliver the secret under another name")
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        let (class, help) = match &error {
            KeyError::Weak => ("key/weak", "nobody should use such a key"),
            KeyError::Encrypted | KeyError::WrongPassphrase => {
                ("key/passphrase", "type it on a terminal, or set the variable `PTRUN_KEY_PASSPHRASE`")
            }
            KeyError::Entropy => ("system/entropy", "check that the system has a source of randomness"),
            _ => ("key/unreadable", "a key for Ed25519, of OpenSSH, as PEM, or of wasmsign2"),
        };
        Self::new(class, error.to_string()).help(help)
    }
}

impl From<SignError> for Failure {
    fn from(error: SignError) -> Self {
        let (class, help) = match &error {
            SignError::NoManifest => ("sign/manifest", "give one with `--manifest plugin.toml`"),
            SignError::TwoManifests => ("sign/manifest", "leave `--manifest` out"),
            SignError::Manifest(_) => ("sign/manifest", "mend `plugin.toml`"),
            SignError::Altered => ("sign/altered", "build it again, and sign that"),
            _ => ("plugin/not-a-component", "build it for `wasm32-wasip2`"),
        };
        Self::new(class, error.to_string()).help(help)
    }
}
