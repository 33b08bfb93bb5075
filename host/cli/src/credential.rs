//! Who a plugin is to its backend: a secret that the host adds to its requests.

use std::path::PathBuf;

use ptrun_aws::Chain;
use ptrun_host::{Auth, Grants, SecretBytes, SecretRef, Token, read_regular};

use crate::account::Accounts;
use crate::profile::Profile;
use crate::report::Failure;

/// The largest file with a credential.
const MAX_BYTES: u64 = 64 * 1024;

/// An option that gives a secret to a plugin.
pub(crate) struct Kind {
    pub(crate) option: &'static str,
    pub(crate) class: &'static str,
    what: &'static str,
}

/// What signs requests, and stays with the host.
pub(crate) const SIGN: Kind = Kind { option: "--credential", class: "usage/credential", what: "credential" };
/// What opens files, and is handed to the plugin that opens them.
pub(crate) const OPEN: Kind = Kind { option: "--unlock", class: "usage/unlock", what: "key" };

/// Where a credential or a key comes from.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// From another plugin.
    Secret(SecretRef),
    /// From a file, without the end of its last line.
    File(PathBuf),
    /// From the terminal.
    Ask(String),
}

impl Kind {
    /// `ALIAS=REF`, `ALIAS=@FILE` or `ALIAS=ask`.
    pub(crate) fn parse<'a>(
        &self,
        text: &'a str,
        profile: &Profile,
    ) -> Result<(&'a str, Credential), Failure> {
        let (alias, source) = text.split_once('=').ok_or_else(|| self.malformed())?;
        Ok((alias, self.source(alias, source, profile)?))
    }

    /// `REF`, `@FILE` or `ask`. Nothing of the reference is repeated in an error: it may be the secret itself.
    pub(crate) fn source(&self, alias: &str, text: &str, profile: &Profile) -> Result<Credential, Failure> {
        match text.strip_prefix('@') {
            Some("") => Err(self.malformed()),
            Some(path) => Ok(Credential::File(path.into())),
            None if text == "ask" => Ok(Credential::Ask(format!("The {} for `{alias}`: ", self.what))),
            None => Ok(Credential::Secret(profile.reference(text).map_err(|_| self.malformed())?)),
        }
    }

    fn malformed(&self) -> Failure {
        let Self { option, class, what } = self;
        Failure::new(class, format!("a {what} is `ALIAS=SCHEME://KEY`, `ALIAS=@FILE` or `ALIAS=ask`"))
            .help(format!("for example `{option} vault=env://VAULT_TOKEN`"))
    }
}

impl Credential {
    /// The reference, if it is a secret.
    pub(crate) const fn reference(&self) -> Option<&SecretRef> {
        match self {
            Self::Secret(reference) => Some(reference),
            Self::File(_) | Self::Ask(_) => None,
        }
    }

    /// What the file holds, or the user types. A secret is fetched by a plugin.
    pub(crate) fn read(&self, kind: &Kind) -> Option<Result<SecretBytes, Failure>> {
        match self {
            Self::Secret(_) => None,
            Self::Ask(question) => Some(ask(question, kind)),
            Self::File(path) => Some(read_regular(path, MAX_BYTES).map(trimmed).map_err(|why| {
                let message = format!("the {} in `{}` cannot be read: {why}", kind.what, path.display());
                Failure::new("grant/credential", message).help("check the path, and that you may read it")
            })),
        }
    }
}

/// Without the end of the last line.
pub(crate) fn trimmed(mut bytes: Vec<u8>) -> SecretBytes {
    let end = bytes.trim_ascii_end().len();
    bytes.truncate(end);
    SecretBytes::new(bytes)
}

fn ask(question: &str, kind: &Kind) -> Result<SecretBytes, Failure> {
    let typed = rpassword::prompt_password(question).map_err(|why| {
        Failure::new(kind.class, format!("there is no terminal to ask for the {}: {why}", kind.what))
            .help(format!("name it: `{} ALIAS=SCHEME://KEY`, or `@FILE`", kind.option))
    })?;
    Ok(SecretBytes::new(typed.into_bytes()))
}

/// Signs with what is on this machine: a file that was named, or what it has for that kind. Other secrets are
/// fetched later, and what cannot be signed is refused when the plugin goes into its sandbox.
pub(crate) fn sign_from_here(
    mut grants: Grants,
    accounts: &Accounts,
    credential: Option<&Credential>,
    references: &[&SecretRef],
) -> Result<Grants, Failure> {
    if let Some(credential) = credential {
        return match credential.read(&SIGN) {
            Some(secret) => sign(grants, accounts, &secret?, references),
            None => Ok(grants),
        };
    }
    for auth in auths(&grants) {
        if let Auth::AwsSigv4(service) = &auth
            && let Some(signer) = accounts.signer(service, None, references)?
        {
            grants = grants.credential(auth, signer);
        }
    }
    Ok(grants)
}

/// Signs with a secret.
pub(crate) fn sign(
    mut grants: Grants,
    accounts: &Accounts,
    secret: &SecretBytes,
    references: &[&SecretRef],
) -> Result<Grants, Failure> {
    let failure = |why: String| {
        Failure::new("grant/credential", why)
            .help("`ptrun plugin inspect` shows which credential the plugin needs")
    };
    for auth in auths(&grants) {
        grants = match &auth {
            Auth::Bearer => grants.credential(auth, Token::bearer(secret.expose())),
            Auth::Header(name) => {
                let token = Token::header(name, secret.expose()).map_err(|why| failure(why.to_string()))?;
                grants.credential(auth, token)
            }
            Auth::AwsSigv4(service) => {
                let given = Chain::from_json(secret.expose()).map_err(|why| failure(why.to_string()))?;
                match accounts.signer(service, Some(given), references)? {
                    Some(signer) => grants.credential(auth, signer),
                    None => grants,
                }
            }
            _ => grants,
        };
    }
    Ok(grants)
}

/// The ways in which requests are signed.
fn auths(grants: &Grants) -> Vec<Auth> {
    grants.auths().into_iter().cloned().collect()
}
