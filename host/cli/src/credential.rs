//! Who a plugin is to its backend: a secret that the host adds to its requests.

use std::path::PathBuf;

use ptrun_aws::{Chain, Sigv4};
use ptrun_host::{Auth, CredentialError, Grants, SecretBytes, SecretRef, Token, read_regular};

use crate::report::Failure;

/// The largest file with a credential.
const MAX_BYTES: u64 = 64 * 1024;

/// Where a credential comes from.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// From another plugin.
    Secret(SecretRef),
    /// From a file, without the end of its last line.
    File(PathBuf),
}

impl Credential {
    /// `ALIAS=REF` or `ALIAS=@FILE`. Nothing of the reference is repeated in an error: it may be the credential
    /// itself.
    pub(crate) fn parse(text: &str) -> Result<(&str, Self), Failure> {
        let malformed = || {
            Failure::new("usage/credential", "a credential is `ALIAS=SCHEME://KEY` or `ALIAS=@FILE`")
                .help("for example `--credential vault=env://VAULT_TOKEN`")
        };
        let (alias, source) = text.split_once('=').ok_or_else(malformed)?;
        match source.strip_prefix('@') {
            Some("") => Err(malformed()),
            Some(path) => Ok((alias, Self::File(path.into()))),
            None => Ok((alias, Self::Secret(source.parse().map_err(|_| malformed())?))),
        }
    }

    /// The reference, if it is a secret.
    pub(crate) const fn reference(&self) -> Option<&SecretRef> {
        match self {
            Self::Secret(reference) => Some(reference),
            Self::File(_) => None,
        }
    }

    /// What the file holds; a secret was fetched before.
    pub(crate) fn value(&self, fetched: Option<SecretBytes>) -> Result<SecretBytes, Failure> {
        match self {
            Self::Secret(_) => fetched.ok_or_else(|| {
                let message = "a plugin that gives a credential to another needs one itself";
                Failure::new("usage/credential", message)
                    .help("take the credential from a plugin that needs none, such as `env`")
            }),
            Self::File(path) => {
                let mut bytes = read_regular(path, MAX_BYTES).map_err(|why| {
                    let message = format!("the credential in `{}` cannot be read: {why}", path.display());
                    Failure::new("grant/credential", message).help("check the path, and that you may read it")
                })?;
                let end = bytes.trim_ascii_end().len();
                bytes.truncate(end);
                Ok(SecretBytes::new(bytes))
            }
        }
    }
}

/// Signs whatever is to be signed: with the secret that was given, or with what the machine has for that kind.
/// What cannot be signed is refused when the plugin goes into its sandbox.
pub(crate) async fn sign(
    mut grants: Grants,
    secret: Option<&SecretBytes>,
    references: &[&SecretRef],
) -> Result<Grants, Failure> {
    let failure = |why: String| {
        Failure::new("grant/credential", why)
            .help("`ptrun plugin inspect` shows which credential the plugin needs")
    };
    let refused = |why: CredentialError| failure(why.to_string());
    let auths: Vec<Auth> = grants.auths().into_iter().cloned().collect();
    for auth in auths {
        grants = match (&auth, secret) {
            (Auth::Bearer, Some(secret)) => grants.credential(auth, Token::bearer(secret.expose())),
            (Auth::Header(name), Some(secret)) => {
                let token = Token::header(name, secret.expose()).map_err(refused)?;
                grants.credential(auth, token)
            }
            (Auth::AwsSigv4(service), secret) => {
                let chain = match secret {
                    Some(secret) => {
                        Chain::from_json(secret.expose()).map_err(|why| failure(why.to_string()))?
                    }
                    None => Chain::load().await,
                };
                let named = references.iter().filter_map(|of| ptrun_aws::region_of(of.key(), of.options()));
                let mut regions: Vec<String> =
                    chain.region().into_iter().chain(named).map(str::to_owned).collect();
                regions.sort();
                regions.dedup();
                let signer = Sigv4::new(service.clone(), regions, chain);
                grants.credential(auth, signer)
            }
            _ => grants,
        };
    }
    Ok(grants)
}
