//! What goes over the wire, against a server that computes the signature from its definition (AWS General Reference,
//! "Create a signed AWS API request").

#[path = "../../egress/tests/client/server.rs"]
mod server;

use std::sync::Arc;

use http::Request;
use http_body_util::{BodyExt as _, Full};
use ptrun_aws::{Chain, Sigv4};
use ptrun_egress::{BoxBody, Budget, CredentialError, Egress, EgressError, Options, Rule, Rules};
use ptrun_trust::{Auth, HttpAccess};
use server::{Protocol, Server};
use sha2::{Digest as _, Sha256};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "canary-secret-5f3a";
const TOKEN: &str = "canary-token-91bc";

fn chain(expiration: &str) -> Chain {
    let json = format!(
        r#"{{"Version":1,"AccessKeyId":"{ID}","SecretAccessKey":"{SECRET}","SessionToken":"{TOKEN}"{expiration}}}"#
    );
    Chain::from_json(json.as_bytes()).expect("credentials")
}

fn client(server: &Server, regions: &[&str], chain: Chain) -> Egress {
    let origin = format!("http://127.0.0.1:{}", server.port).parse().expect("an origin");
    let mut access = HttpAccess::any(origin);
    access.auth = Some(Auth::AwsSigv4("secretsmanager".to_owned()));
    let regions = regions.iter().map(|&region| region.to_owned()).collect();
    let authenticator = Sigv4::new("secretsmanager".to_owned(), regions, chain);
    let rule = Rule { access, authenticator: Some(Arc::new(authenticator)) };
    let rules = Rules { requests: vec![rule], networks: vec!["127.0.0.0/8".parse().expect("a network")] };
    Egress::new(rules, &Options::default()).expect("a client")
}

/// What a plugin sends: signed, for `scope`, with credentials of its own invention.
fn request(server: &Server, scope: &str, body: &'static str) -> Request<BoxBody> {
    let body = Full::new(body.into()).map_err(|never| match never {}).boxed_unsync();
    Request::post(format!("http://127.0.0.1:{}/echo?b=2&a=%2F", server.port))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "secretsmanager.GetSecretValue")
        .header("x-amz-date", "20150830T123600Z")
        .header("x-amz-security-token", "theirs")
        .header("x-amz-content-sha256", "UNSIGNED-PAYLOAD")
        .header(
            "authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00"),
        )
        .body(body)
        .expect("a request")
}

async fn send(client: &Egress, request: Request<BoxBody>) -> Result<u16, EgressError> {
    let budget = Arc::new(Budget::new(1, 1 << 20));
    client.send(request, None, &budget).await.map(|answer| answer.status().as_u16())
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The headers of a request, as the server wrote them down.
fn headers(request: &str) -> Vec<(&str, &str)> {
    request.lines().skip(1).filter_map(|line| line.split_once(": ")).collect()
}

/// Computes the signature of a request to `path?query` from what arrived.
fn expected(request: &str, region: &str, query: &str, body: &str) -> String {
    let headers = headers(request);
    let get = |name: &str| headers.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| *value);
    let authorization = get("authorization");
    let names = authorization.split("SignedHeaders=").nth(1).and_then(|rest| rest.split(',').next());
    let names = names.expect("signed headers");
    let canonical: String = names.split(';').map(|name| format!("{name}:{}\n", get(name).trim())).collect();
    let hash = |text: &str| hex::encode(Sha256::digest(text));
    let request = format!("POST\n/echo\n{query}\n{canonical}\n{names}\n{}", hash(body));
    let moment = get("x-amz-date");
    let date = &moment[..8];
    let scope = format!("{date}/{region}/secretsmanager/aws4_request");
    let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}", hash(&request));
    let key = [region, "secretsmanager", "aws4_request"]
        .iter()
        .fold(hmac(format!("AWS4{SECRET}").as_bytes(), date), |key, part| hmac(&key, part));
    let signature = hex::encode(hmac(&key, &text));
    format!("AWS4-HMAC-SHA256 Credential={ID}/{scope}, SignedHeaders={names}, Signature={signature}")
}

#[tokio::test]
async fn a_server_agrees_with_the_signature() {
    let server = Server::start(Protocol::Plain).await;
    let client = client(&server, &["eu-west-1", "us-east-1"], chain(""));
    for region in ["eu-west-1", "us-east-1"] {
        let scope = format!("theirs/20150830/{region}/secretsmanager/aws4_request");
        assert_eq!(send(&client, request(&server, &scope, "{\"SecretId\":\"a\"}")).await.expect("sent"), 200);
        let seen = server.requests().pop().expect("a request");
        let ours = expected(&seen, region, "a=%2F&b=2", "{\"SecretId\":\"a\"}");
        let headers = headers(&seen);
        let all = |name: &str| -> Vec<&str> {
            headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| *value).collect()
        };
        assert_eq!(all("authorization"), [ours.as_str()]);
        assert_eq!(all("x-amz-security-token"), [TOKEN]);
        assert_eq!(all("x-amz-date").len(), 1);
        assert!(all("x-amz-content-sha256").is_empty() && !all("x-amz-date")[0].starts_with("2015"));
        // What the operation is, and for whom, cannot be altered on the way.
        assert!(ours.contains("host;") && ours.contains("x-amz-target"));
        assert!(!seen.contains(SECRET) && !seen.contains("theirs"), "{seen}");
    }
}

#[tokio::test]
async fn nothing_is_signed_for_another_service_or_region() {
    let server = Server::start(Protocol::Plain).await;
    let client = client(&server, &["eu-west-1"], chain(""));
    for (scope, says) in [
        ("x/20150830/eu-west-1/s3/aws4_request", "the service `s3`"),
        ("x/20150830/us-east-1/secretsmanager/aws4_request", "the region `us-east-1`"),
        ("x/20150830/*/secretsmanager/aws4_request", "the region `*`"),
        ("x/20150830//secretsmanager/aws4_request", "the region ``"),
    ] {
        let refused = send(&client, request(&server, scope, "")).await;
        let Err(EgressError::Credential(CredentialError::Refused(why))) = refused else {
            panic!("{scope}: {refused:?}")
        };
        assert!(why.contains(says), "{why}");
    }
    assert!(server.requests().is_empty());
    // What says nothing is signed for the only region that there is.
    assert_eq!(send(&client, request(&server, "nonsense", "")).await.expect("sent"), 200);
    assert!(server.requests()[0].contains("/eu-west-1/secretsmanager/aws4_request"));
}

#[tokio::test]
async fn nothing_is_signed_with_what_has_expired() {
    let server = Server::start(Protocol::Plain).await;
    let expired = chain(r#","Expiration":"2015-08-30T12:36:00Z""#);
    let client = client(&server, &["eu-west-1"], expired);
    let scope = "x/20150830/eu-west-1/secretsmanager/aws4_request";
    let refused = send(&client, request(&server, scope, "")).await;
    assert!(matches!(refused, Err(EgressError::Credential(CredentialError::Missing(_)))), "{refused:?}");
    assert!(server.requests().is_empty());
}

#[test]
fn what_are_no_credentials_is_refused() {
    for bad in [
        "",
        "{}",
        "AKID:secret",
        r#"{"Version":2,"AccessKeyId":"a","SecretAccessKey":"b"}"#,
        r#"{"Version":1,"AccessKeyId":"","SecretAccessKey":"b"}"#,
        r#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":""}"#,
        r#"{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"tomorrow"}"#,
    ] {
        let refused = Chain::from_json(bad.as_bytes()).expect_err(bad);
        assert!(!refused.to_string().contains("secret\""), "{refused}");
    }
}
