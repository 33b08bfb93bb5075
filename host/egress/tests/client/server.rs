//! A server with a certificate of its own, which writes down what it is asked.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

#[allow(dead_code, reason = "each suite uses a part of it")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
    /// HTTP/1.1 without TLS.
    Plain,
}

#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: Mutex<Vec<String>>,
}

#[allow(dead_code, reason = "each suite uses a part of it")]
pub(crate) struct Server {
    pub(crate) port: u16,
    /// Its certificate, which signs itself, for `backend.example.com` and `localhost`.
    pub(crate) certificate: Vec<u8>,
    /// The same as text.
    pub(crate) pem: String,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[allow(dead_code, reason = "each suite uses a part of it")]
impl Server {
    pub(crate) async fn start(protocol: Protocol) -> Self {
        Self::start_at(protocol, "127.0.0.1:0").await
    }

    pub(crate) async fn start_at(protocol: Protocol, address: &str) -> Self {
        let names = vec!["backend.example.com".to_owned(), "localhost".to_owned()];
        let identity = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let certificate = identity.cert.der().to_vec();
        let pem = identity.cert.pem();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.signing_key.serialize_der()));
        let chain = vec![CertificateDer::from(certificate.clone())];
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .expect("a pair");
        tls.alpn_protocols = vec![match protocol {
            Protocol::Http1 | Protocol::Plain => b"http/1.1".to_vec(),
            Protocol::Http2 => b"h2".to_vec(),
        }];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind(address).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let seen = Arc::new(Seen::default());
        let theirs = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                theirs.connections.fetch_add(1, Ordering::SeqCst);
                let (acceptor, seen) = (acceptor.clone(), Arc::clone(&theirs));
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&seen), request));
                    if protocol == Protocol::Plain {
                        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                        return;
                    }
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let stream = TokioIo::new(stream);
                    // How a connection ends is for the client to say.
                    let _ = match protocol {
                        Protocol::Http2 => {
                            http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service).await
                        }
                        _ => http1::Builder::new().serve_connection(stream, service).await,
                    };
                });
            }
        });
        Self { port, certificate, pem, seen, task }
    }

    pub(crate) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }

    /// Each as a line with its method and path, and a line for each header.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().expect("no panic").clone()
    }
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

async fn answer(seen: Arc<Seen>, request: Request<Incoming>) -> Result<Answer, Infallible> {
    let mut text = format!("{} {}\n", request.method(), request.uri().path());
    for (name, value) in request.headers() {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    let theirs = text.lines().skip(1).any(|line| line.contains("theirs"));
    seen.requests.lock().expect("no panic").push(text);
    let plain = |body: &'static str| Response::new(Full::new(Bytes::from(body)).boxed_unsync());
    Ok(match request.uri().path() {
        "/redirect" => {
            let mut answer = plain("");
            *answer.status_mut() = http::StatusCode::FOUND;
            let target = "https://other.example.com/".parse().expect("a value");
            answer.headers_mut().insert("location", target);
            answer
        }
        "/whoami" => plain(if theirs { "theirs" } else { "ours" }),
        "/echo" => {
            let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            Response::new(Full::new(body).boxed_unsync())
        }
        "/close" => {
            let mut answer = plain("");
            answer.headers_mut().insert("connection", "close".parse().expect("a value"));
            answer
        }
        "/never" => {
            tokio::time::sleep(Duration::from_secs(3600)).await;
            plain("")
        }
        "/endless" => Response::new(Endless(None).boxed_unsync()),
        "/drip" => {
            let pace = tokio::time::interval(Duration::from_millis(100));
            Response::new(Endless(Some(pace)).boxed_unsync())
        }
        _ => plain("hello"),
    })
}

/// A body without an end: as fast as it goes, or a byte at every tick.
struct Endless(Option<tokio::time::Interval>);

impl Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut self.0 {
            None => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 4096]))))),
            Some(pace) => pace.poll_tick(context).map(|_| Some(Ok(Frame::data(Bytes::from_static(b"x"))))),
        }
    }
}
