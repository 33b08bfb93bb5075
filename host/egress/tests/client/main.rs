//! The client against servers of its own on the loopback address, some of which lie.

mod server;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use ptrun_egress::{
    BoxBody, Boxed, Budget, Denied, Egress, EgressError, Options, Resolve, Roots, Rule, Rules, Token,
};
use ptrun_trust::{Auth, HttpAccess};
use server::{Protocol, Server};

/// Answers with one list of addresses after the other, and with the last one from then on.
struct Script(Vec<Vec<&'static str>>, AtomicUsize);

impl Script {
    fn new(answers: &[&[&'static str]]) -> Arc<Self> {
        let answers = answers.iter().map(|addresses| addresses.to_vec()).collect();
        Arc::new(Self(answers, AtomicUsize::new(0)))
    }
}

impl Resolve for Script {
    fn resolve<'a>(&'a self, _: &'a str) -> Boxed<'a, io::Result<Vec<IpAddr>>> {
        let at = self.1.fetch_add(1, Ordering::SeqCst).min(self.0.len() - 1);
        let addresses = self.0[at].iter().map(|text| text.parse().expect("an address")).collect();
        Box::pin(async move { Ok(addresses) })
    }
}

const HOST: &str = "backend.example.com";

/// Rules that grant the server under its name, and the network that it is in.
fn granted(server: &Server) -> Rules {
    let origin = format!("https://{HOST}:{}", server.port);
    let access = HttpAccess::any(origin.parse().expect("an origin"));
    Rules {
        requests: vec![Rule { access, authenticator: None }],
        networks: vec!["127.0.0.0/8".parse().expect("a network")],
    }
}

fn options(server: &Server, resolver: Arc<dyn Resolve>) -> Options {
    let roots = Roots::Only(vec![server.certificate.clone()]);
    Options { roots, resolver, connect: Duration::from_secs(5), ..Options::default() }
}

fn client(server: &Server, rules: Rules) -> Egress {
    Egress::new(rules, &options(server, Script::new(&[&["127.0.0.1"]]))).expect("a client")
}

fn get(server: &Server, path: &str) -> Request<BoxBody> {
    request("GET", &format!("https://{HOST}:{}{path}", server.port), "")
}

fn request(method: &str, target: &str, body: &str) -> Request<BoxBody> {
    let body = Full::new(Bytes::from(body.to_owned())).map_err(|never| match never {}).boxed_unsync();
    Request::builder().method(method).uri(target).body(body).expect("a request")
}

async fn send(egress: &Egress, request: Request<BoxBody>) -> Result<(u16, String), EgressError> {
    send_within(egress, request, &Arc::new(Budget::new(16, 1 << 20))).await
}

async fn send_within(
    egress: &Egress,
    request: Request<BoxBody>,
    budget: &Arc<Budget>,
) -> Result<(u16, String), EgressError> {
    let response = egress.send(request, None, budget).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.map_err(|why| ptrun_egress::failed(why.as_ref()))?;
    Ok((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
}

#[tokio::test]
async fn both_versions_of_http_answer_and_connections_are_used_again() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let server = Server::start(protocol).await;
        let egress = client(&server, granted(&server));
        for _ in 0..5 {
            let answer = send(&egress, get(&server, "/hello")).await.expect("an answer");
            assert_eq!(answer, (200, "hello".to_owned()));
        }
        assert_eq!(server.connections(), 1, "{protocol:?}");
        let seen = server.requests();
        assert_eq!(seen.len(), 5);
        assert!(seen[0].contains(&format!("host: {HOST}:{}", server.port)) || protocol == Protocol::Http2);
    }
}

#[tokio::test]
async fn a_body_goes_out_and_comes_back() {
    let server = Server::start(Protocol::Http2).await;
    let egress = client(&server, granted(&server));
    let target = format!("https://{HOST}:{}/echo", server.port);
    let answer = send(&egress, request("POST", &target, "what was sent")).await.expect("an answer");
    assert_eq!(answer, (200, "what was sent".to_owned()));
}

#[tokio::test]
async fn what_is_not_granted_is_not_sent() {
    let server = Server::start(Protocol::Http1).await;
    let egress = client(&server, granted(&server));
    let port = server.port;
    for target in [
        format!("https://other.example.com:{port}/"),
        format!("http://{HOST}:{port}/"),
        format!("https://127.0.0.1:{port}/"),
        format!("https://{HOST}/"),
        format!("https://{HOST}@127.0.0.1:{port}/"),
    ] {
        let refused = send(&egress, request("GET", &target, "")).await;
        assert!(matches!(refused, Err(EgressError::Denied(_))), "{target}: {refused:?}");
    }
    let refused = send(&egress, request("CONNECT", &format!("https://{HOST}:{port}/"), "")).await;
    assert!(matches!(refused, Err(EgressError::Denied(Denied::Method))), "{refused:?}");
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_leads_inside_is_not_followed() {
    let server = Server::start(Protocol::Http1).await;
    for addresses in [
        &["127.0.0.1"][..],
        &["::1"],
        &["::ffff:127.0.0.1"],
        &["169.254.169.254"],
        &["fd00:ec2::254"],
        &["10.0.0.1", "192.168.1.1"],
    ] {
        let rules = Rules { networks: Vec::new(), ..granted(&server) };
        let egress = Egress::new(rules, &options(&server, Script::new(&[addresses]))).expect("a client");
        let refused = send(&egress, get(&server, "/hello")).await;
        assert!(matches!(refused, Err(EgressError::Prohibited)), "{addresses:?}: {refused:?}");
    }
    let nobody = Egress::new(granted(&server), &options(&server, Script::new(&[&[]]))).expect("a client");
    assert!(matches!(send(&nobody, get(&server, "/hello")).await, Err(EgressError::Unknown)));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_asked_once_and_connected_to_as_it_was_looked_at() {
    // Of all addresses of the first answer, one may be reached; the second answer leads elsewhere.
    let server = Server::start(Protocol::Http1).await;
    let resolver = Script::new(&[&["10.1.2.3", "127.0.0.1", "169.254.169.254"], &["10.1.2.3"]]);
    let options = options(&server, Arc::clone(&resolver) as Arc<dyn Resolve>);
    let egress = Egress::new(granted(&server), &options).expect("a client");
    let answer = send(&egress, get(&server, "/hello")).await.expect("an answer");
    assert_eq!(answer, (200, "hello".to_owned()));
    assert_eq!(resolver.1.load(Ordering::SeqCst), 1, "asked once");
    // The connection is still there. When it is not, the name is looked at again.
    send(&egress, get(&server, "/close")).await.expect("an answer");
    let refused = send(&egress, get(&server, "/hello")).await;
    assert!(matches!(refused, Err(EgressError::Prohibited)), "{refused:?}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let server = Server::start(Protocol::Http1).await;
    let egress = client(&server, granted(&server));
    let (status, _) = send(&egress, get(&server, "/redirect")).await.expect("an answer");
    assert_eq!((status, server.requests().len()), (302, 1));
}

#[tokio::test]
async fn a_certificate_is_for_the_name_and_from_a_root_that_is_trusted() {
    let server = Server::start(Protocol::Http1).await;
    let mut rules = granted(&server);
    let other = format!("https://other.example.com:{}", server.port);
    let access = HttpAccess::any(other.parse().expect("an origin"));
    rules.requests.push(Rule { access, authenticator: None });
    let egress = client(&server, rules);
    let refused = send(&egress, request("GET", &other, "")).await;
    assert!(matches!(refused, Err(EgressError::Tls(_))), "{refused:?}");
    let mut options = options(&server, Script::new(&[&["127.0.0.1"]]));
    options.roots = Roots::Bundled;
    let egress = Egress::new(granted(&server), &options).expect("a client");
    let refused = send(&egress, get(&server, "/hello")).await;
    assert!(matches!(refused, Err(EgressError::Tls(_))), "{refused:?}");
    assert_eq!(server.requests(), Vec::<String>::new());
    options.roots = Roots::Only(Vec::new());
    assert!(matches!(Egress::new(granted(&server), &options), Err(EgressError::Tls(_))));
}

#[tokio::test]
async fn the_host_adds_the_credential_and_takes_out_the_plugins() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let server = Server::start(protocol).await;
        let mut rules = granted(&server);
        let theirs = ["authorization", "cookie", "x-amz-security-token", "x-amz-date", "x-vault-token"];
        for (auth, token, line) in [
            (Auth::Bearer, Token::bearer(b"canary"), "authorization: Bearer canary"),
            (
                Auth::Header("X-Vault-Token".to_owned()),
                Token::header("X-Vault-Token", b"canary").expect("a header"),
                "x-vault-token: canary",
            ),
        ] {
            rules.requests[0].access.auth = Some(auth.clone());
            rules.requests[0].authenticator = Some(Arc::new(token));
            let egress = client(&server, rules.clone());
            let mut request = get(&server, "/hello");
            for name in theirs {
                request.headers_mut().insert(name, "of-the-plugin".parse().expect("a value"));
            }
            send(&egress, request).await.expect("an answer");
            let seen = server.requests().pop().expect("a request");
            assert_eq!(seen.matches(line).count(), 1, "{seen}");
            let left = seen.matches("of-the-plugin").count();
            assert_eq!(left, usize::from(auth == Auth::Bearer), "only an unrelated header is left: {seen}");
        }
        // To be signed, and nothing to sign with: not sent.
        rules.requests[0].authenticator = None;
        let refused = send(&client(&server, rules), get(&server, "/hello")).await;
        assert!(matches!(refused, Err(EgressError::Credential(_))), "{refused:?}");
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn requests_and_bytes_are_counted_in_both_directions() {
    let server = Server::start(Protocol::Http1).await;
    let egress = client(&server, granted(&server));
    let budget = Arc::new(Budget::new(3, 5 + 5 + 4));
    for _ in 0..2 {
        send_within(&egress, get(&server, "/hello"), &budget).await.expect("within");
    }
    let refused = send_within(&egress, get(&server, "/hello"), &budget).await;
    assert!(matches!(refused, Err(EgressError::TooManyBytes(_))), "{refused:?}");
    let refused = send_within(&egress, get(&server, "/hello"), &budget).await;
    assert!(matches!(refused, Err(EgressError::TooManyRequests)), "{refused:?}");

    let budget = Arc::new(Budget::new(3, 100));
    let target = format!("https://{HOST}:{}/echo", server.port);
    let refused = send_within(&egress, request("POST", &target, &"x".repeat(101)), &budget).await;
    assert!(matches!(refused, Err(EgressError::TooManyBytes(_))), "{refused:?}");
    let endless = send_within(&egress, get(&server, "/endless"), &Arc::new(Budget::new(1, 1 << 20))).await;
    assert!(matches!(endless, Err(EgressError::TooManyBytes(_))), "{endless:?}");
}

#[tokio::test]
async fn who_does_not_answer_is_not_waited_for() {
    let server = Server::start(Protocol::Http1).await;
    let egress = client(&server, granted(&server));
    let budget = Arc::new(Budget::new(3, 100));
    let answer = Some(Duration::from_millis(50));
    let refused = egress.send(get(&server, "/never"), answer, &budget).await.map(drop);
    assert!(matches!(refused, Err(EgressError::Timeout)), "{refused:?}");
    let port = server.port;
    drop(server);
    let gone = request("GET", &format!("https://{HOST}:{port}/"), "");
    let refused = egress.send(gone, None, &budget).await.map(drop);
    assert!(matches!(refused, Err(EgressError::Connect(_) | EgressError::Http(_))), "{refused:?}");
}
