//! Who a plugin is to its backend: a secret that the host adds to its requests.

use std::path::PathBuf;

use ptrun_aws::{Chain, Sigv4};
use ptrun_host::{Auth, Grants, SecretBytes, SecretRef, Token, read_regular};

use crate::report::Failure;
use crate::resolve;

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

    /// What the file holds. A secret is fetched by a plugin.
    fn read(&self) -> Option<Result<SecretBytes, Failure>> {
        let Self::File(path) = self else { return None };
        let read = read_regular(path, MAX_BYTES).map(|mut bytes| {
            let end = bytes.trim_ascii_end().len();
            bytes.truncate(end);
            SecretBytes::new(bytes)
        });
        Some(read.map_err(|why| {
            let message = format!("the credential in `{}` cannot be read: {why}", path.display());
            Failure::new("grant/credential", message).help("check the path, and that you may read it")
        }))
    }
}

/// Signs with what is on this machine: a file that was named, or what it has for that kind. Other secrets are
/// fetched later, and what cannot be signed is refused when the plugin goes into its sandbox.
pub(crate) fn sign_from_here(
    grants: Grants,
    credential: Option<&Credential>,
    references: &[&SecretRef],
) -> Result<Grants, Failure> {
    match credential {
        Some(credential) => match credential.read() {
            Some(secret) => sign(grants, &secret?, references),
            None => Ok(grants),
        },
        None => {
            let mut grants = grants;
            let auths: Vec<Auth> = grants.auths().into_iter().cloned().collect();
            for auth in auths {
                if let Auth::AwsSigv4(service) = &auth {
                    let signer = aws(service, chain()?, references);
                    grants = grants.credential(auth, signer);
                }
            }
            Ok(grants)
        }
    }
}

/// Signs with a secret.
pub(crate) fn sign(
    mut grants: Grants,
    secret: &SecretBytes,
    references: &[&SecretRef],
) -> Result<Grants, Failure> {
    let failure = |why: String| {
        Failure::new("grant/credential", why)
            .help("`ptrun plugin inspect` shows which credential the plugin needs")
    };
    let auths: Vec<Auth> = grants.auths().into_iter().cloned().collect();
    for auth in auths {
        grants = match &auth {
            Auth::Bearer => grants.credential(auth, Token::bearer(secret.expose())),
            Auth::Header(name) => {
                let token = Token::header(name, secret.expose()).map_err(|why| failure(why.to_string()))?;
                grants.credential(auth, token)
            }
            Auth::AwsSigv4(service) => {
                let chain = Chain::from_json(secret.expose()).map_err(|why| failure(why.to_string()))?;
                let signer = aws(service, chain, references);
                grants.credential(auth, signer)
            }
            _ => grants,
        };
    }
    Ok(grants)
}

/// Signs for the region that is set and those that the references name.
fn aws(service: &str, chain: Chain, references: &[&SecretRef]) -> Sigv4 {
    let named = references.iter().filter_map(|of| ptrun_aws::region_of(of.key(), of.options()));
    let mut regions: Vec<String> = chain.region().into_iter().chain(named).map(str::to_owned).collect();
    regions.sort();
    regions.dedup();
    Sigv4::new(service.to_owned(), regions, chain)
}

/// The credentials of AWS that this machine has. They may be behind files, other programs and the network, none of
/// which is there where plugins run.
fn chain() -> Result<Chain, Failure> {
    let chain = async { Chain::load().await.fixed().await };
    Ok(resolve::tokio(true)?.block_on(chain)?)
}
