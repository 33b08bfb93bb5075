//! Where the credentials come from.

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_credential_types::provider::{ProvideCredentials as _, SharedCredentialsProvider};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use ptrun_egress::CredentialError;
use serde::Deserialize;

/// Credentials, and the region that goes with them.
#[derive(Debug, Clone)]
pub struct Chain {
    provider: Option<SharedCredentialsProvider>,
    region: Option<String>,
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

impl Chain {
    /// Looks where every AWS SDK looks, in the same order. This reads variables and profiles; whatever else it
    /// takes happens when a request is signed. The network is asked for the region alone, and only on a machine
    /// that has none set.
    pub async fn load() -> Self {
        // The SDK's own client asks for another library of cryptography.
        let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let config = aws_config::defaults(BehaviorVersion::latest()).http_client(client).load().await;
        let region = config.region().map(ToString::to_string);
        Self { provider: config.credentials_provider(), region }
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
        Ok(Self { provider: Some(SharedCredentialsProvider::new(credentials)), region: None })
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
