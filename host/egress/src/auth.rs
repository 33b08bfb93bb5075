//! Credentials that the host holds. A plugin asks for them by kind, and never sees one.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use zeroize::Zeroizing;

/// A future on the heap.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Adds a credential to a request on its way out.
pub trait Authenticator: Send + Sync {
    /// Signs a request whose headers of authentication were removed: `theirs` are those that the plugin sent,
    /// which say what it expects and prove nothing. `body` is the whole body.
    fn authenticate<'a>(
        &'a self,
        request: &'a mut Parts,
        theirs: &'a HeaderMap,
        body: &'a [u8],
    ) -> Boxed<'a, Result<(), CredentialError>>;
}

/// Why a request is not signed. It never holds a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// There is none, or none that could be used.
    #[error("{0}")]
    Missing(String),
    /// The request asks for something that the credential was not granted for.
    #[error("{0}")]
    Refused(String),
}

impl CredentialError {
    /// The same with another text.
    #[must_use]
    pub fn map(&self, text: impl FnOnce(&str) -> String) -> Self {
        match self {
            Self::Missing(why) => Self::Missing(text(why)),
            Self::Refused(why) => Self::Refused(text(why)),
        }
    }
}

/// Headers with which a program says who it is. A plugin whose requests the host signs has no say in them.
const OURS: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    header::COOKIE,
    HeaderName::from_static("x-amz-content-sha256"),
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
];

/// Takes out what a plugin sent in the place of the host's own.
pub(crate) fn strip(request: &mut Parts) -> HeaderMap {
    let removed = |name: &HeaderName| Some((name.clone(), request.headers.remove(name)?));
    OURS.iter().filter_map(removed).collect()
}

/// A fixed credential in a header.
pub struct Token {
    name: HeaderName,
    value: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(in {})", self.name)
    }
}

impl Token {
    /// `Authorization: Bearer TOKEN` (RFC 6750).
    #[must_use]
    pub fn bearer(token: &[u8]) -> Self {
        let value = [b"Bearer ", token].concat();
        Self { name: header::AUTHORIZATION, value: Zeroizing::new(value) }
    }

    /// `NAME: TOKEN`.
    ///
    /// # Errors
    /// If `name` is no name of a header.
    pub fn header(name: &str, token: &[u8]) -> Result<Self, CredentialError> {
        let name = name.parse().map_err(|_| CredentialError::Missing(format!("`{name}` is no header")))?;
        Ok(Self { name, value: Zeroizing::new(token.to_vec()) })
    }
}

impl Authenticator for Token {
    fn authenticate<'a>(
        &'a self,
        request: &'a mut Parts,
        _: &'a HeaderMap,
        _: &'a [u8],
    ) -> Boxed<'a, Result<(), CredentialError>> {
        Box::pin(async move {
            let value = HeaderValue::from_bytes(&self.value);
            let mut value =
                value.map_err(|_| CredentialError::Missing("the credential fits no header".to_owned()))?;
            value.set_sensitive(true);
            // In the place of whatever the plugin put there.
            request.headers.insert(self.name.clone(), value);
            Ok(())
        })
    }
}
