//! The client: it resolves a name once, connects to nothing but the addresses that may be reached, and keeps
//! its connections for the next request.

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io, vec};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

use crate::auth::{self, Boxed, CredentialError};
use crate::body::{Budget, Counted, Direction, TooManyBytes};
use crate::exchange::{Exchange, Journal, Live};
use crate::rules::{self, Denied, Rules};

/// The body of a request or an answer.
pub type BoxBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Finds the addresses of a host.
pub trait Resolve: Send + Sync {
    /// All of them. Those that a plugin may not reach are taken out later.
    fn resolve<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<IpAddr>>>;
}

/// The system's way: `/etc/hosts`, DNS and what else it is set up for.
#[derive(Debug, Clone, Copy)]
pub struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(
            async move { Ok(tokio::net::lookup_host((host, 0)).await?.map(|found| found.ip()).collect()) },
        )
    }
}

/// Whom servers may be certified by.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Roots {
    /// Mozilla's list, compiled in.
    #[default]
    Bundled,
    /// The system's list, as the variables `SSL_CERT_FILE` and `SSL_CERT_DIR` or its own folders have it.
    System,
    /// These and no others, as DER.
    Only(Vec<Vec<u8>>),
}

impl Roots {
    /// With the system's list read now, and not when a client is made.
    #[must_use]
    pub fn read(self) -> Self {
        match self {
            Self::System => {
                let found = rustls_native_certs::load_native_certs().certs;
                Self::Only(found.into_iter().map(|certificate| certificate.to_vec()).collect())
            }
            other => other,
        }
    }
}

/// How requests are sent.
#[derive(Clone)]
pub struct Options {
    /// Whom servers may be certified by.
    pub roots: Roots,
    /// Who finds addresses.
    pub resolver: Arc<dyn Resolve>,
    /// How long finding an address and connecting may take, each.
    pub connect: Duration,
    /// How long the first line of an answer may take.
    pub answer: Duration,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("roots", &self.roots).finish_non_exhaustive()
    }
}

impl Default for Options {
    fn default() -> Self {
        let (connect, answer) = (Duration::from_secs(3), Duration::from_secs(10));
        Self { roots: Roots::default(), resolver: Arc::new(SystemResolver), connect, answer }
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EgressError {
    /// It was not granted.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The host has no address that may be reached.
    #[error("the host is at an address that is not granted")]
    Prohibited,
    /// The host has no address.
    #[error("the host is not known")]
    Unknown,
    /// A limit on requests.
    #[error("the plugin sent more requests than it may")]
    TooManyRequests,
    /// A limit on bytes.
    #[error(transparent)]
    TooManyBytes(#[from] TooManyBytes),
    /// There is no credential to add.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// Nobody answers, or not in time.
    #[error("no connection: {0}")]
    Connect(String),
    /// The certificate, or what else is wrong with TLS.
    #[error("no secure connection: {0}")]
    Tls(String),
    /// The answer took too long.
    #[error("no answer in time")]
    Timeout,
    /// What came back is not HTTP, or ended too early.
    #[error("no answer: {0}")]
    Http(String),
}

/// The client of one plugin.
pub struct Egress {
    rules: Arc<Rules>,
    answer: Duration,
    client: Client<HttpsConnector<HttpConnector<Reachable>>, BoxBody>,
    journal: Journal,
}

impl fmt::Debug for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Egress").finish_non_exhaustive()
    }
}

impl Egress {
    /// A client that reaches what `rules` allow.
    ///
    /// # Errors
    /// If there are no roots.
    pub fn new(rules: Rules, options: &Options) -> Result<Self, EgressError> {
        let rules = Arc::new(rules);
        let resolver = Arc::clone(&options.resolver);
        let reachable = Reachable { rules: Arc::clone(&rules), resolver, timeout: options.connect };
        let mut tcp = HttpConnector::new_with_resolver(reachable);
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(options.connect));
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls(&options.roots)?)
            .https_or_http()
            .enable_all_versions()
            .wrap_connector(tcp);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .http2_max_header_list_size(64 << 10)
            .build(https);
        Ok(Self { rules, answer: options.answer, client, journal: Journal::default() })
    }

    /// Sends a request, if it may be sent, with the credential of the host, within `budget`. Redirects are
    /// answers like others. `answer` shortens how long the first line may take.
    ///
    /// # Errors
    /// If it may not be sent, or there is no answer.
    pub async fn send(
        &self,
        request: Request<BoxBody>,
        answer: Option<Duration>,
        budget: &Arc<Budget>,
    ) -> Result<Response<BoxBody>, EgressError> {
        let live = self.journal.begin(request.method(), request.uri());
        let answered = self.send_recorded(request, answer, budget, &live).await;
        live.end(match &answered {
            Ok(response) => Ok(response.status().as_u16()),
            Err(why) => Err(why.to_string()),
        });
        answered
    }

    /// What became of the requests since the last time that somebody asked, in their order.
    #[must_use]
    pub fn take_exchanges(&self) -> Vec<Exchange> {
        self.journal.take()
    }

    async fn send_recorded(
        &self,
        request: Request<BoxBody>,
        answer: Option<Duration>,
        budget: &Arc<Budget>,
        live: &Arc<Live>,
    ) -> Result<Response<BoxBody>, EgressError> {
        if !budget.take_request() {
            return Err(EgressError::TooManyRequests);
        }
        let (mut parts, body) = request.into_parts();
        let operation = rules::operation(&parts.headers);
        let allowed = self.rules.decide(&parts.method, &parts.uri, operation)?;
        parts.uri = allowed.uri;
        let mut body =
            Counted::new(body, Arc::clone(budget), Arc::clone(live), Direction::Out).boxed_unsync();
        if allowed.rule.access.auth.is_some() {
            let theirs = auth::strip(&mut parts);
            let nobody =
                || CredentialError::Missing("the host holds no credential for this origin".to_owned());
            let authenticator = allowed.rule.authenticator.as_ref().ok_or_else(nobody)?;
            // A signature covers the body, so it is read first. It is counted while it is read.
            let whole = body.collect().await.map_err(|why| failed(why.as_ref()))?.to_bytes();
            // What names its operation in a header is an object of JSON, and no form that could name another.
            if !allowed.rule.access.operations.is_empty() && whole.first() != Some(&b'{') {
                return Err(Denied::Operation.into());
            }
            authenticator.authenticate(&mut parts, &theirs, &whole).await?;
            body = Full::new(whole).map_err(|never| match never {}).boxed_unsync();
        }
        let limit = answer.map_or(self.answer, |answer| answer.min(self.answer));
        let sent = self.client.request(Request::from_parts(parts, body));
        let response = tokio::time::timeout(limit, sent).await.map_err(|_| EgressError::Timeout)?;
        let response = response.map_err(|why| failed(&why))?;
        Ok(response.map(|body| {
            Counted::new(body, Arc::clone(budget), Arc::clone(live), Direction::In).boxed_unsync()
        }))
    }
}

/// What went wrong, from the innermost error outwards.
pub fn failed(why: &(dyn Error + 'static)) -> EgressError {
    let mut next = Some(why);
    let mut connecting = false;
    let mut innermost = why.to_string();
    while let Some(why) = next {
        if why.is::<TooManyBytes>() {
            return EgressError::TooManyBytes(TooManyBytes);
        }
        if why.is::<Unreachable>() {
            return EgressError::Prohibited;
        }
        if why.is::<Unknown>() {
            return EgressError::Unknown;
        }
        if let Some(tls) = why.downcast_ref::<rustls::Error>() {
            return EgressError::Tls(tls.to_string());
        }
        if let Some(io) = why.downcast_ref::<io::Error>() {
            // An error of TLS hides in one of the system's.
            if let Some(inner) = io.get_ref() {
                return failed(inner as &(dyn Error + 'static));
            }
        }
        connecting |= why
            .downcast_ref::<hyper_util::client::legacy::Error>()
            .is_some_and(hyper_util::client::legacy::Error::is_connect);
        innermost = why.to_string();
        next = why.source();
    }
    if connecting { EgressError::Connect(innermost) } else { EgressError::Http(innermost) }
}

fn tls(roots: &Roots) -> Result<ClientConfig, EgressError> {
    let mut store = RootCertStore::empty();
    match roots.clone().read() {
        Roots::Bundled => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        Roots::System => {}
        Roots::Only(certificates) => {
            store.add_parsable_certificates(certificates.into_iter().map(CertificateDer::from));
        }
    }
    if store.is_empty() {
        return Err(EgressError::Tls("there are no roots to trust".to_owned()));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|why| EgressError::Tls(why.to_string()))?;
    Ok(config.with_root_certificates(store).with_no_client_auth())
}

/// A host whose addresses may not be reached.
#[derive(Debug, thiserror::Error)]
#[error("the host is at an address that is not granted")]
struct Unreachable;

/// A host without an address.
#[derive(Debug, thiserror::Error)]
#[error("the host is not known")]
struct Unknown;

/// Resolves a name once, and takes out the addresses that may not be reached: what is connected to is what
/// was looked at.
#[derive(Clone)]
struct Reachable {
    rules: Arc<Rules>,
    resolver: Arc<dyn Resolve>,
    timeout: Duration,
}

impl tower_service::Service<Name> for Reachable {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = Box<dyn Error + Send + Sync>;
    type Future = Boxed<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Self { rules, resolver, timeout } = self.clone();
        Box::pin(async move {
            let host = name.as_str();
            let found = tokio::time::timeout(timeout, resolver.resolve(host)).await;
            let found = found.map_err(|_| Unknown)?.map_err(|_| Unknown)?;
            if found.is_empty() {
                return Err(Unknown.into());
            }
            let mut good = found;
            good.retain(|address| rules.allows_address(host, *address));
            if good.is_empty() {
                return Err(Unreachable.into());
            }
            Ok(good.into_iter().map(|address| SocketAddr::new(address, 0)).collect::<Vec<_>>().into_iter())
        })
    }
}
