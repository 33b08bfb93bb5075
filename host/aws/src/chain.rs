//! Where the credentials come from.

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::{HttpClient as _, http_client_fn};
use aws_types::service_config::ServiceConfigKey;
use ptrun_egress::CredentialError;
use serde::Deserialize;

/// Credentials, and the region that goes with them.
#[derive(Debug, Clone)]
pub struct Chain {
    provider: Option<SharedCredentialsProvider>,
    region: Option<String>,
    endpoint: Option<String>,
    variant: Option<&'static str>,
}

/// Why some bytes are no credentials. It does not repeat them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("credentials of AWS are JSON with `Version` 1, `AccessKeyId` and `SecretAccessKey`")]
pub struct ChainError;

/// What a `credential_process` prints (AWS SDKs and Tools Reference Guide, "Process credential provider").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Process {
    version: u32,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

/// Another server than that of AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Endpoint {
    /// As it is written.
    pub url: String,
    /// Its origin (RFC 6454), in lower case.
    pub origin: String,
}

impl Chain {
    /// Looks where every AWS SDK looks, in the same order, for what `service` (`secretsmanager`) needs. This reads
    /// variables and profiles; whatever else it takes happens when a request is signed. If `region` is there, it is
    /// taken where none is set; otherwise the network is asked, on a machine that has none set.
    pub async fn load(service: &str, region: Option<&str>) -> Self {
        // The SDK's own client asks for another library of cryptography. Ours reads the certificates of the system
        // when something is sent, and not before: most credentials are in variables and profiles.
        let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let client = http_client_fn(move |settings, components| client.http_connector(settings, components));
        let loader = aws_config::defaults(BehaviorVersion::latest()).http_client(client);
        let loader = match region {
            None => loader,
            Some(region) => loader.region(
                RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
                    .or_else(ProfileFileRegionProvider::new())
                    .or_else(Region::new(region.to_owned())),
            ),
        };
        let config = loader.load().await;
        let region = config.region().map(ToString::to_string);
        let endpoint = configured_endpoint(&config, service);
        let variant = match (config.use_fips(), config.use_dual_stack()) {
            (Some(true), _) => Some("FIPS"),
            (_, Some(true)) => Some("dual-stack"),
            _ => None,
        };
        Self { provider: config.credentials_provider(), region, endpoint, variant }
    }

    /// With this region and this server instead of what was found, where there are any.
    #[must_use]
    pub fn with_settings(self, region: Option<&str>, endpoint: Option<&str>) -> Self {
        let region = region.map(str::to_owned).or(self.region);
        Self { region, endpoint: endpoint.map(str::to_owned).or(self.endpoint), ..self }
    }

    /// With the credentials of `other`.
    #[must_use]
    pub fn with_credentials_of(self, other: Self) -> Self {
        Self { provider: other.provider, ..self }
    }

    /// These credentials, as a `credential_process` prints them.
    ///
    /// # Errors
    /// If they are something else.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ChainError> {
        let given: Process = serde_json::from_slice(bytes).map_err(|_| ChainError)?;
        if given.version != 1 || given.access_key_id.is_empty() || given.secret_access_key.is_empty() {
            return Err(ChainError);
        }
        let expiry = given.expiration.map(|text| text.parse::<jiff::Timestamp>()).transpose();
        let credentials = Credentials::new(
            given.access_key_id,
            given.secret_access_key,
            given.session_token,
            expiry.map_err(|_| ChainError)?.map(Into::into),
            "given",
        );
        let provider = Some(SharedCredentialsProvider::new(credentials));
        Ok(Self { provider, region: None, endpoint: None, variant: None })
    }

    /// With the credentials that it finds now, and none after them.
    ///
    /// # Errors
    /// If it finds none.
    pub async fn fixed(self) -> Result<Self, CredentialError> {
        let credentials = self.credentials().await?;
        Ok(Self { provider: Some(SharedCredentialsProvider::new(credentials)), ..self })
    }

    /// The region that is set, if one is.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        self.region.as_deref()
    }

    /// Which servers of AWS are set instead of the usual ones, unless one is named: `FIPS` or `dual-stack`
    /// (`AWS_USE_FIPS_ENDPOINT`, `AWS_USE_DUALSTACK_ENDPOINT`, or the same in a profile).
    #[must_use]
    pub const fn variant(&self) -> Option<&'static str> {
        if self.endpoint.is_none() { self.variant } else { None }
    }

    /// The server that is set instead of AWS: `AWS_ENDPOINT_URL_SECRETS_MANAGER`, `AWS_ENDPOINT_URL`, or
    /// `endpoint_url` in a profile.
    ///
    /// # Errors
    /// What is set, if it is no URL of a server.
    pub fn endpoint(&self) -> Option<Result<Endpoint, String>> {
        let url = self.endpoint.as_ref()?;
        let origin = url.parse::<http::Uri>().ok().and_then(|uri| {
            let (scheme, host) = (uri.scheme_str()?, uri.host()?.to_ascii_lowercase());
            let port = uri.port_u16().map_or_else(String::new, |port| format!(":{port}"));
            Some(format!("{scheme}://{host}{port}"))
        });
        Some(origin.map(|origin| Endpoint { url: url.clone(), origin }).ok_or_else(|| url.clone()))
    }

    /// Credentials as they are now.
    pub(crate) async fn credentials(&self) -> Result<Credentials, CredentialError> {
        let nobody = || CredentialError::Missing("there are no credentials for AWS".to_owned());
        self.provider.as_ref().ok_or_else(nobody)?.provide_credentials().await.map_err(|why| {
            // The innermost reason is the one that can be mended: which profile, which file, which variable.
            let mut innermost: &dyn std::error::Error = &why;
            while let Some(source) = innermost.source() {
                innermost = source;
            }
            CredentialError::Missing(format!("there are no credentials for AWS: {innermost}"))
        })
    }
}

/// As each SDK looks for it (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
fn configured_endpoint(config: &SdkConfig, service: &str) -> Option<String> {
    // Services are configured by the name of their model, which is not always the one that is signed for. With an
    // underscore, as the guide has it: the SDK makes a hyphen of a space.
    let id = if service == "secretsmanager" { "secrets_manager" } else { service };
    let key = ServiceConfigKey::builder().service_id(id).env("AWS_ENDPOINT_URL").profile("endpoint_url");
    let key = key.build().ok()?;
    let own = config.service_config().and_then(|services| services.load_config(key));
    own.or_else(|| config.endpoint_url().map(str::to_owned))
}
