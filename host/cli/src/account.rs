//! Which account of AWS a plugin is used with: what this machine is set to, as every AWS SDK finds it. Nothing of it is
//! looked for unless a plugin of the run has its requests signed for AWS.

use std::collections::BTreeMap;

use ptrun_aws::{Chain, Endpoint, Sigv4};
use ptrun_host::{Auth, Grants, Manifest, Origin, SecretRef, Use};

use crate::report::Failure;
use crate::resolve;

/// What is set for one service.
pub(crate) struct Account {
    service: String,
    chain: Chain,
    endpoint: Option<(Origin, String)>,
}

/// One for each service that a plugin asks for.
#[derive(Default)]
pub(crate) struct Accounts(Vec<Account>);

impl Accounts {
    /// Reads variables and profiles, over which the settings `region` and `endpoint` of the plugin are laid; and asks the network for the region, if the machine has none set and a reference
    /// needs it.
    pub(crate) fn find(
        manifest: &Manifest,
        purpose: Use,
        references: &[&SecretRef],
        configured: &BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let wanted = Grants::for_references(&manifest.capabilities, purpose, references.iter().copied());
        let mut accounts = Vec::new();
        for auth in wanted.auths() {
            if let Auth::AwsSigv4(service) = auth {
                accounts.push(Account::find(service, references, configured)?);
            }
        }
        Ok(Self(accounts))
    }

    /// Where requests go, if not to AWS.
    pub(crate) fn redirect(&self, grants: Grants) -> Grants {
        let endpoints = self.0.iter().filter_map(|account| Some((account, account.endpoint.as_ref()?)));
        endpoints.fold(grants, |grants, (account, (origin, _))| {
            grants.at_endpoint(&Auth::AwsSigv4(account.service.clone()), origin)
        })
    }

    /// The settings `region` and `endpoint` of a plugin that has them.
    pub(crate) fn settings(&self, manifest: &Manifest) -> BTreeMap<String, String> {
        let Some(account) = self.0.first() else { return BTreeMap::new() };
        let endpoint = account.endpoint.as_ref().map(|(_, url)| url.as_str());
        [("region", account.chain.region()), ("endpoint", endpoint)]
            .into_iter()
            .filter(|(name, _)| manifest.config.contains_key(*name))
            .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
            .collect()
    }

    /// The region that is set.
    pub(crate) fn region(&self) -> Option<&str> {
        self.0.first().and_then(|account| account.chain.region())
    }

    /// What signs for a service, with the credentials of this machine or those of `given`.
    pub(crate) fn signer(
        &self,
        service: &str,
        given: Option<Chain>,
        references: &[&SecretRef],
    ) -> Result<Option<Sigv4>, Failure> {
        let Some(account) = self.0.iter().find(|account| account.service == service) else {
            return Ok(None);
        };
        let chain = account.chain.clone();
        let chain = match given {
            Some(given) => chain.with_credentials_of(given),
            // They may be behind files, other programs and the network, none of which is there where plugins run.
            None => resolve::tokio(true)?.block_on(chain.fixed())?,
        };
        let regions = named(references).chain(chain.region()).map(str::to_owned).collect();
        Ok(Some(Sigv4::new(service.to_owned(), regions, chain)))
    }
}

impl Account {
    fn find(
        service: &str,
        references: &[&SecretRef],
        configured: &BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let [region, endpoint] = ["region", "endpoint"].map(|name| configured.get(name).map(String::as_str));
        // If all of them name one, nobody needs to know where this machine is.
        let all = references.iter().all(|of| ptrun_aws::region_of(of.key(), of.options()).is_some());
        let known = region.or_else(|| named(references).next().filter(|_| all));
        let chain = resolve::tokio(true)?.block_on(Chain::load(service, known));
        let chain = chain.with_settings(region, endpoint);
        if let Some(variant) = chain.variant() {
            let message = format!("the servers of AWS for {variant} are set, which no plugin is granted");
            return Err(Failure::new("usage/endpoint", message).help(
                "name the server: AWS_ENDPOINT_URL_SECRETS_MANAGER, or `endpoint_url` in the profile",
            ));
        }
        let endpoint = match chain.endpoint() {
            None => None,
            Some(Ok(Endpoint { origin, url, .. })) => Some((origin.parse().map_err(|_| bad(&url))?, url)),
            Some(Err(url)) => return Err(bad(&url)),
        };
        Ok(Self { service: service.to_owned(), chain, endpoint })
    }
}

/// The regions that references name.
fn named<'a>(references: &[&'a SecretRef]) -> impl Iterator<Item = &'a str> {
    references.iter().filter_map(|of| ptrun_aws::region_of(of.key(), of.options()))
}

fn bad(url: &str) -> Failure {
    Failure::new("usage/endpoint", format!("`{url}` is no URL of a server"))
        .help("set AWS_ENDPOINT_URL, or `endpoint_url` in the profile, to `http://HOST:PORT`")
}
