//! What a plugin is given.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use ptrun_egress::{Authenticator, IpNet, Rule, Rules};
use ptrun_trust::{Auth, Capabilities, HttpAccess, Origin, Use};

use crate::{SecretBytes, SecretRef};

/// One thing that a plugin can be given. Prints as it is written in `--allow`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Grant {
    /// `env=NAME`: an environment variable.
    Env(String),
    /// `file=PATH`: a file, which the plugin asks for by this very path.
    File(String),
    /// `http=ORIGIN`: requests to an origin, with any method and without a credential.
    Http(Origin),
    /// `network=RANGE`: addresses that are not public, by the names that are granted.
    Network(IpNet),
    /// `random`: the system's randomness.
    Random,
}

/// Why some text is no grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a grant is `env=NAME`, `file=PATH`, `http=ORIGIN`, `network=RANGE` or `random`")]
pub struct GrantError;

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        match text.split_once('=') {
            None if text == "random" => Ok(Self::Random),
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '*', '\0']) => {
                Ok(Self::Env(name.to_owned()))
            }
            Some(("file", path)) if !path.is_empty() && !path.ends_with('/') && !path.contains('\0') => {
                Ok(Self::File(path.to_owned()))
            }
            Some(("http", origin)) => origin.parse().map(Self::Http).map_err(|_| GrantError),
            Some(("network", range)) => range.parse().map(Self::Network).map_err(|_| GrantError),
            _ => Err(GrantError),
        }
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env={name}"),
            Self::File(path) => write!(f, "file={path}"),
            Self::Http(origin) => write!(f, "http={origin}"),
            Self::Network(range) => write!(f, "network={range}"),
            Self::Random => f.write_str("random"),
        }
    }
}

/// What one plugin is given in one run. Nothing is the default, and each call adds one thing: taking a
/// grant away never allows more.
///
/// ```
/// use ptrun_host::Grants;
///
/// let grants = Grants::none().env("VAULT_ADDR").file("token", "/run/vault/token");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    env: BTreeSet<String>,
    files: BTreeMap<String, PathBuf>,
    contents: Contents,
    http: Vec<HttpAccess>,
    networks: Vec<IpNet>,
    credentials: Credentials,
    random: bool,
}

/// What signs the requests of a plugin, by the kind that its manifest asks for. Nothing of it is shown or
/// compared but whether it is the same.
#[derive(Clone, Default)]
struct Credentials(Vec<(Auth, Arc<dyn Authenticator>)>);

impl Credentials {
    fn get(&self, auth: &Auth) -> Option<&Arc<dyn Authenticator>> {
        self.0.iter().rev().find(|(kind, _)| kind == auth).map(|(_, authenticator)| authenticator)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(auth, _)| auth)).finish()
    }
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        let same = |((one, ours), (other, theirs)): (&(Auth, Arc<_>), &(Auth, Arc<_>))| {
            one == other && Arc::ptr_eq(ours, theirs)
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }
}

impl Eq for Credentials {}

/// Files that are in memory, by name. Nothing of them is shown or compared but whether they are the same.
#[derive(Clone, Default)]
struct Contents(BTreeMap<String, Arc<SecretBytes>>);

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl PartialEq for Contents {
    fn eq(&self, other: &Self) -> bool {
        let same = |((one, ours), (other, theirs)): ((&String, &Arc<_>), (&String, &Arc<_>))| {
            one == other && Arc::ptr_eq(ours, theirs)
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }
}

impl Eq for Contents {}

impl Grants {
    /// Nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// The environment variable `name` of this process. If it is unset, so it is for the plugin.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>) -> Self {
        self.env.insert(name.into());
        self
    }

    /// The file at `path`, under the name that the plugin asks for.
    #[must_use]
    pub fn file(mut self, name: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.files.insert(name.into(), path.into());
        self
    }

    /// These bytes, as the file of this name: a key, for example, that is on no disk.
    #[must_use]
    pub fn content(mut self, name: impl Into<String>, bytes: SecretBytes) -> Self {
        self.contents.0.insert(name.into(), Arc::new(bytes));
        self
    }

    /// Requests to an origin, with these methods, and signed if the access says so.
    #[must_use]
    pub fn http(mut self, access: HttpAccess) -> Self {
        self.http.push(access);
        self
    }

    /// Addresses that are not public, for the origins that are granted.
    #[must_use]
    pub fn network(mut self, range: IpNet) -> Self {
        self.networks.push(range);
        self
    }

    /// What signs the requests that are to be signed in this way. The plugin never sees it.
    #[must_use]
    pub fn credential(mut self, auth: Auth, authenticator: impl Authenticator + 'static) -> Self {
        self.credentials.0.push((auth, Arc::new(authenticator)));
        self
    }

    /// The system's randomness.
    #[must_use]
    pub const fn random(mut self) -> Self {
        self.random = true;
        self
    }

    /// One thing more.
    #[must_use]
    pub fn with(self, grant: Grant) -> Self {
        match grant {
            Grant::Env(name) => self.env(name),
            Grant::File(path) => self.file(path.clone(), path),
            Grant::Http(origin) => self.http(HttpAccess::any(origin)),
            Grant::Network(range) => self.network(range),
            Grant::Random => self.random(),
        }
    }

    /// These and those.
    #[must_use]
    pub fn and(mut self, more: Self) -> Self {
        self.env.extend(more.env);
        self.files.extend(more.files);
        self.contents.0.extend(more.contents.0);
        self.http.extend(more.http);
        self.networks.extend(more.networks);
        self.credentials.0.extend(more.credentials.0);
        self.random |= more.random;
        self
    }

    /// Signs the requests to an origin that is granted as `wanted` has them signed.
    #[must_use]
    pub fn signed_as(mut self, wanted: &Self) -> Self {
        let granted: Vec<Origin> = self.http.iter().map(|access| access.origin.clone()).collect();
        let signed = wanted.http.iter().filter(|access| access.auth.is_some());
        self.http.extend(signed.filter(|access| granted.contains(&access.origin)).cloned());
        self
    }

    /// Sends the requests that are signed in this way to another server, and to no other: `AWS_ENDPOINT_URL`.
    #[must_use]
    pub fn at_endpoint(mut self, auth: &Auth, endpoint: &Origin) -> Self {
        let mut http: Vec<HttpAccess> = Vec::new();
        for mut access in self.http {
            if access.auth.as_ref() == Some(auth) {
                access.origin = endpoint.clone();
            }
            if !http.contains(&access) {
                http.push(access);
            }
        }
        self.http = http;
        self
    }

    /// What a plugin asks for to be used in this way, as far as these references need it: where its manifest says
    /// `{key}`, the key of each. For plugins whose manifest the user accepts as a whole: the built-in ones, and those
    /// that they approved.
    #[must_use]
    pub fn for_references<'a>(
        asked: &Capabilities,
        purpose: Use,
        references: impl IntoIterator<Item = &'a SecretRef>,
    ) -> Self {
        let http = asked.http.iter().filter(|access| access.purpose == purpose).cloned().collect();
        let mut grants = Self { random: asked.random, http, ..Self::none() };
        for reference in references {
            grants.env.extend(Capabilities::expand(&asked.env, reference.key()));
            let files = Capabilities::expand(&asked.files, reference.key());
            grants.files.extend(files.map(|name| (name.clone(), name.into())));
        }
        grants
    }

    /// What is in `wanted` and not in these.
    #[must_use]
    pub fn missing(&self, wanted: &Self) -> Vec<Grant> {
        let env = wanted.env.difference(&self.env).cloned().map(Grant::Env);
        let files =
            wanted.files.keys().filter(|name| !self.files.contains_key(*name)).cloned().map(Grant::File);
        let random = (wanted.random && !self.random).then_some(Grant::Random);
        let http = wanted.http.iter().filter(|access| !self.covers(access));
        let http = http.map(|access| Grant::Http(access.origin.clone()));
        let networks = wanted.networks.iter().filter(|range| !self.networks.contains(range));
        let networks = networks.copied().map(Grant::Network);
        env.chain(files).chain(http).chain(networks).chain(random).collect()
    }

    fn covers(&self, wanted: &HttpAccess) -> bool {
        let methods =
            |access: &HttpAccess| wanted.methods.iter().all(|method| access.methods.contains(method));
        self.http.iter().any(|access| access.origin == wanted.origin && methods(access))
    }

    /// Each thing that is granted, one by one, as [`Capabilities::requests`] names what is asked for.
    pub fn requests(&self) -> impl Iterator<Item = String> {
        let env = self.env.iter().map(|name| format!("env={name}"));
        let files = self.files.keys().chain(self.contents.0.keys()).map(|name| format!("file={name}"));
        let http = self.http.iter().flat_map(HttpAccess::requests);
        let networks = self.networks.iter().map(|range| format!("network={range}"));
        env.chain(files).chain(http).chain(networks).chain(self.random.then(|| "random".to_owned()))
    }

    /// The variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.env.iter().map(String::as_str)
    }

    /// The files, in the order of their names.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.files.values().map(PathBuf::as_path)
    }

    /// The origins of requests.
    pub fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.http.iter().map(|access| &access.origin)
    }

    /// Whether a file is granted at all.
    pub(crate) fn has_files(&self) -> bool {
        !self.files.is_empty() || !self.contents.0.is_empty()
    }

    /// The bytes behind the name of a file that is in memory.
    pub(crate) fn content_of(&self, name: &str) -> Option<&SecretBytes> {
        self.contents.0.get(name).map(|bytes| &**bytes)
    }

    /// Whether requests are granted at all.
    pub(crate) fn has_http(&self) -> bool {
        !self.http.is_empty()
    }

    /// The ways in which requests are to be signed, each once.
    #[must_use]
    pub fn auths(&self) -> Vec<&Auth> {
        let mut auths = Vec::new();
        for auth in self.http.iter().filter_map(|access| access.auth.as_ref()) {
            if !auths.contains(&auth) {
                auths.push(auth);
            }
        }
        auths
    }

    /// Whether requests are to be signed, and nothing is there to sign them.
    pub(crate) fn lacks_credential(&self) -> bool {
        self.auths().into_iter().any(|auth| self.credentials.get(auth).is_none())
    }

    /// What the client of the plugin goes by.
    pub(crate) fn rules(&self) -> Rules {
        let rule = |access: &HttpAccess| Rule {
            access: access.clone(),
            authenticator: access.auth.as_ref().and_then(|auth| self.credentials.get(auth)).cloned(),
        };
        Rules { requests: self.http.iter().map(rule).collect(), networks: self.networks.clone() }
    }

    /// Whether randomness is granted.
    pub(crate) const fn has_random(&self) -> bool {
        self.random
    }

    /// The path behind the name of a file.
    pub(crate) fn path(&self, name: &str) -> Option<&Path> {
        self.files.get(name).map(PathBuf::as_path)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn grants_are_named_one_by_one() {
        for good in
            ["env=A", "file=/a/b", "file=a=b", "http=https://a.example:8443", "network=10.1.0.0/16", "random"]
        {
            assert_eq!(good.parse::<Grant>().map(|grant| grant.to_string()).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "env",
            "env=",
            "env=*",
            "env=A=B",
            "file=",
            "file=/",
            "file=a/",
            "random=1",
            "http",
            "http=",
            "http=*",
            "http=https://*",
            "http=https://a.example/path",
            "http=a.example",
            "network=10",
            "network=*",
        ] {
            assert_eq!(bad.parse::<Grant>(), Err(GrantError), "{bad:?}");
        }
    }

    fn grant() -> impl Strategy<Value = Grant> {
        prop_oneof![
            "[A-Z]{1,2}".prop_map(Grant::Env),
            "[a-z]{1,2}".prop_map(Grant::File),
            "https://[ab]".prop_map(|origin| Grant::Http(origin.parse().expect("an origin"))),
            (0u8..3).prop_map(|byte| Grant::Network(format!("10.{byte}.0.0/16").parse().expect("a range"))),
            Just(Grant::Random),
        ]
    }

    fn grants(list: &[Grant]) -> Grants {
        list.iter().cloned().fold(Grants::none(), Grants::with)
    }

    proptest! {
        #[test]
        fn taking_a_grant_away_never_allows_more(list in prop::collection::vec(grant(), 1..8), at in 0usize..8) {
            let all = grants(&list);
            let mut fewer = list.clone();
            fewer.remove(at % list.len());
            prop_assert!(all.missing(&grants(&fewer)).is_empty());
            prop_assert!(all.missing(&all).is_empty());
            prop_assert!(Grants::none().missing(&all).iter().all(|grant| list.contains(grant)));
        }
    }
}
