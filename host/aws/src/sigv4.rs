//! Signature Version 4, with what was granted in front of it.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use http::request::Parts;
use ptrun_egress::{Authenticator, Boxed, CredentialError};
use tokio::sync::Mutex;

use crate::Chain;

/// How long before they expire credentials are renewed.
const EARLY: Duration = Duration::from_secs(60);

/// Signs requests to one service, in some regions. What the plugin signed for must be that, too.
#[derive(Debug)]
pub struct Sigv4 {
    service: String,
    regions: Vec<String>,
    chain: Chain,
    /// From the last request: one run asks the chain once.
    last: Mutex<Option<Credentials>>,
}

/// What the plugin signed for: `AWS4-HMAC-SHA256 Credential=ID/DATE/REGION/SERVICE/aws4_request, …`.
struct Scope<'a> {
    region: &'a str,
    service: &'a str,
}

impl<'a> Scope<'a> {
    fn of(theirs: &'a HeaderMap) -> Option<Self> {
        let text = theirs.get(AUTHORIZATION)?.to_str().ok()?;
        let credential = text.strip_prefix("AWS4-HMAC-SHA256")?.split(',').find_map(|part| {
            let (name, value) = part.trim().split_once('=')?;
            (name == "Credential").then_some(value)
        })?;
        let mut parts = credential.rsplit('/');
        let (Some("aws4_request"), Some(service), Some(region)) = (parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        Some(Self { region, service })
    }
}

impl Sigv4 {
    /// Signs for `service` (`secretsmanager`) in these regions, with credentials from `chain`.
    #[must_use]
    pub fn new(service: String, regions: Vec<String>, chain: Chain) -> Self {
        Self { service, regions, chain, last: Mutex::new(None) }
    }

    /// The region that a request is signed for: the one that the plugin signed for, or the only one. At AWS it
    /// is also the region of the host.
    fn region<'a>(&'a self, request: &Parts, theirs: &'a HeaderMap) -> Result<&'a str, CredentialError> {
        let refused = |what: &str, asked: &str, granted: &str| {
            let message =
                format!("the plugin asks for a signature for the {what} `{asked}`, not for {granted}");
            Err(CredentialError::Refused(message))
        };
        let granted = || match self.regions.as_slice() {
            [] => "any: no region is set".to_owned(),
            regions => format!("`{}`", regions.join("` or `")),
        };
        let region = match (Scope::of(theirs), self.regions.as_slice()) {
            (Some(scope), _) if scope.service != self.service => {
                return refused("service", scope.service, &format!("`{}`", self.service));
            }
            (Some(scope), _) => scope.region,
            (None, [region]) => region,
            (None, _) => {
                let message = "the plugin does not say for which region a request is to be signed".to_owned();
                return Err(CredentialError::Refused(message));
            }
        };
        if !self.regions.iter().any(|granted| granted == region) {
            return refused("region", region, &granted());
        }
        let host = request.uri.host().unwrap_or_default();
        let at_aws = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".api.amazonwebservices.com.cn"];
        if at_aws.iter().any(|end| host.ends_with(end)) && !host.split('.').any(|label| label == region) {
            return refused("region", region, &format!("the one of `{host}`"));
        }
        Ok(region)
    }

    async fn credentials(&self) -> Result<Credentials, CredentialError> {
        let mut last = self.last.lock().await;
        let soon = SystemTime::now() + EARLY;
        if let Some(known) = last.as_ref().filter(|known| known.expiry().is_none_or(|expiry| expiry > soon)) {
            return Ok(known.clone());
        }
        let fresh = self.chain.credentials().await?;
        if fresh.expiry().is_some_and(|expiry| expiry <= SystemTime::now()) {
            return Err(CredentialError::Missing("the credentials for AWS have expired".to_owned()));
        }
        Ok(last.insert(fresh).clone())
    }
}

impl Authenticator for Sigv4 {
    fn authenticate<'a>(
        &'a self,
        request: &'a mut Parts,
        theirs: &'a HeaderMap,
        body: &'a [u8],
    ) -> Boxed<'a, Result<(), CredentialError>> {
        Box::pin(async move {
            let region = self.region(request, theirs)?;
            let identity = self.credentials().await?.into();
            let unsignable = |_| CredentialError::Refused("the request cannot be signed".to_owned());
            let parameters = v4::SigningParams::builder()
                .identity(&identity)
                .region(region)
                .name(&self.service)
                .time(SystemTime::now())
                .settings(SigningSettings::default())
                .build()
                .map_err(|_| CredentialError::Missing("the credentials for AWS are incomplete".to_owned()))?
                .into();
            // Not signed if it is no text; it is sent all the same.
            let headers = request.headers.iter().filter_map(|(name, value)| {
                Some((name.as_str(), std::str::from_utf8(value.as_bytes()).ok()?))
            });
            let uri = request.uri.to_string();
            let signable =
                SignableRequest::new(request.method.as_str(), uri, headers, SignableBody::Bytes(body));
            let signed = sign(signable.map_err(unsignable)?, &parameters).map_err(unsignable)?;
            let (ours, _) = signed.into_parts().0.into_parts();
            for header in ours {
                let value = HeaderValue::from_str(header.value());
                let mut value = value.map_err(|_| {
                    CredentialError::Missing("the credentials for AWS fit no header".to_owned())
                })?;
                value.set_sensitive(true);
                request.headers.insert(header.name(), value);
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_aws_the_region_is_that_of_the_host() {
        let json = br#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b"}"#;
        let chain = Chain::from_json(json).expect("credentials");
        let regions = vec!["eu-west-1".to_owned(), "us-east-1".to_owned()];
        let signer = Sigv4::new("secretsmanager".to_owned(), regions, chain);
        let region = |host: &str, asked: &str| {
            let (request, ()) =
                http::Request::get(format!("https://{host}/")).body(()).expect("a request").into_parts();
            let scope = format!(
                "AWS4-HMAC-SHA256 Credential=a/20260101/{asked}/secretsmanager/aws4_request, Signature=0"
            );
            let theirs = HeaderMap::from_iter([(AUTHORIZATION, scope.parse().expect("a value"))]);
            signer.region(&request, &theirs).map(str::to_owned)
        };
        for host in [
            "secretsmanager.eu-west-1.amazonaws.com",
            "x.secretsmanager.eu-west-1.vpce.amazonaws.com",
            "localhost",
        ] {
            assert_eq!(region(host, "eu-west-1").as_deref(), Ok("eu-west-1"), "{host}");
        }
        for host in
            ["secretsmanager.us-east-1.amazonaws.com", "secretsmanager.amazonaws.com", "s3.us-east-1.api.aws"]
        {
            assert!(matches!(region(host, "eu-west-1"), Err(CredentialError::Refused(_))), "{host}");
        }
        assert!(region("secretsmanager.eu-west-2.amazonaws.com", "eu-west-2").is_err());
    }
}
