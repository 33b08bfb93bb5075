//! A server that answers what it was told to, and what users are told then.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use ptrun_tests::User;
use serde_json::json;

use super::moto::ptrun;
use super::{class, good_text, refused};

/// One answer.
#[derive(Clone)]
pub(crate) enum Reply {
    /// A status and a body.
    Answer(u16, String),
    /// An error of AWS.
    Error(u16, &'static str, &'static str),
    /// The same, from a server whose clock is off by so many seconds.
    At(i64, &'static str, &'static str),
    /// Bytes as they are, and the end of the connection.
    Bytes(&'static str),
    /// Nothing, and the connection stays open.
    Silence,
}

/// A server on a free port. It gives the last of its replies again and again.
pub(crate) struct Server {
    pub(crate) url: String,
    /// The operation of each request.
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub(crate) fn start(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&requests);
        thread::spawn(move || {
            // The ends of silent connections are kept.
            let mut open = Vec::new();
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(operation) = operation(&stream) else { continue };
                let reply = {
                    let mut log = log.lock().expect("a list");
                    log.push(operation);
                    replies.get(log.len() - 1).or(replies.last()).expect("a reply").clone()
                };
                if let Some(stream) = answer(reply, stream) {
                    open.push(stream);
                }
            }
        });
        Self { url, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("a list").clone()
    }
}

/// Reads a request.
fn operation(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let (mut operation, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ").unwrap_or((line, ""));
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => operation = value.rsplit('.').next()?.to_owned(),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(operation)
}

/// Answers, and gives back a connection that is to stay open.
fn answer(reply: Reply, mut stream: TcpStream) -> Option<TcpStream> {
    let error = |code: &str, message: &str| json!({ "__type": code, "message": message }).to_string();
    let (status, body, date) = match reply {
        Reply::Silence => return Some(stream),
        Reply::Bytes(bytes) => {
            let _ = stream.write_all(bytes.as_bytes());
            return None;
        }
        Reply::Answer(status, body) => (status, body, None),
        Reply::Error(status, code, message) => (status, error(code, message), None),
        Reply::At(seconds, code, message) => (400, error(code, message), Some(seconds)),
    };
    let date = date.map(|seconds| {
        let time = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
        let time = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
        format!("date: {}\r\n", time.expect("a date"))
    });
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/x-amz-json-1.1\r\ncontent-length: {}\r\nconnection: close\r\n{}\r\n",
        body.len(),
        date.unwrap_or_default()
    );
    let _ = stream.write_all((head + &body).as_bytes());
    None
}

fn secret(name: &str, text: &str) -> serde_json::Value {
    let arn = format!("arn:aws:secretsmanager:us-east-1:123456789012:secret:{name}-AbCdEf");
    json!({ "ARN": arn, "Name": name, "VersionId": "00000000-0000-4000-8000-000000000000", "SecretString": text })
}

fn one(name: &str, text: &str) -> Reply {
    Reply::Answer(200, secret(name, text).to_string())
}

/// What `ptrun get` says after these replies, and how many requests it sent.
pub(crate) fn get(replies: Vec<Reply>) -> (String, usize) {
    let (server, user) = (Server::start(replies), User::new());
    let said = refused(&mut ptrun(&user, &server.url, &["get", "aws://a"]));
    (said, server.requests().len())
}

const THROTTLED: Reply = Reply::Error(400, "ThrottlingException", "Rate exceeded");
const DOWN: Reply = Reply::Error(500, "InternalServiceError", "");

#[test]
fn what_may_pass_is_tried_three_times() {
    for reply in [
        THROTTLED,
        DOWN,
        Reply::Answer(503, "<html>".to_owned()),
        Reply::Answer(429, String::new()),
        // Nothing, half a head, half a body, and no HTTP at all.
        Reply::Bytes(""),
        Reply::Bytes("HTTP/1.1 200 OK\r\ncontent-le"),
        Reply::Bytes("HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{\"SecretString\":\"canary\"}"),
        Reply::Bytes("nonsense\r\n\r\n"),
    ] {
        let (server, user) =
            (Server::start(vec![reply.clone(), reply.clone(), one("a", "value")]), User::new());
        assert_eq!(good_text(&mut ptrun(&user, &server.url, &["get", "aws://a"])), "value");
        assert_eq!(server.requests().len(), 3);
        let (said, requests) = get(vec![reply]);
        assert!(["secret/throttled", "secret/unavailable"].contains(&class(&said)), "{said}");
        assert!(requests == 3 && !said.contains("canary"), "{said}");
    }
}

#[test]
fn what_lasts_is_tried_once_and_has_its_own_class() {
    let signature = "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z";
    for (reply, expected, words) in [
        (Reply::Error(400, "ResourceNotFoundException", "x"), "secret/not-found", "there is no such secret"),
        (
            Reply::Error(400, "AccessDeniedException", "User: x is not authorized"),
            "secret/denied",
            "`secretsmanager:GetSecretValue` is missing on `arn:aws:secretsmanager:us-east-1:*:secret:a-??????`",
        ),
        (
            Reply::Error(400, "AccessDeniedException", "Access to KMS is not allowed"),
            "secret/denied",
            "kms:Decrypt",
        ),
        (Reply::Error(400, "DecryptionFailure", "x"), "secret/denied", "kms:Decrypt"),
        (
            Reply::Error(
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
            "secret/expired-token",
            "aws sso login",
        ),
        (Reply::At(600, "InvalidSignatureException", signature), "secret/clock-skew", "10 minutes behind"),
        (Reply::At(-600, "InvalidSignatureException", signature), "secret/clock-skew", "10 minutes ahead"),
        (
            Reply::At(0, "InvalidSignatureException", "Credential should be scoped to a valid region"),
            "secret/wrong-region",
            "?region=",
        ),
        (
            Reply::At(0, "InvalidSignatureException", "The request signature we calculated does not match"),
            "secret/unauthenticated",
            "does not match",
        ),
        (
            Reply::Error(
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            "secret/unauthenticated",
            "invalid",
        ),
        (
            Reply::Error(
                400,
                "InvalidRequestException",
                "You can't perform this operation on the secret because it was marked for deletion.",
            ),
            "reference/refused",
            "marked for deletion",
        ),
        (Reply::Error(400, "SurpriseException", "what is this"), "plugin/failed", "SurpriseException"),
        (
            Reply::Answer(200, "{\"SecretString\":\"cut o".to_owned()),
            "secret/unavailable",
            "broken or cut off",
        ),
        (Reply::Answer(200, "{}".to_owned()), "plugin/failed", "no value"),
        (Reply::Answer(403, "<html>".to_owned()), "secret/denied", "status 403, and no reason"),
    ] {
        let (said, requests) = get(vec![reply]);
        assert_eq!(class(&said), expected, "{said}");
        assert!(said.contains(words) && said.contains("help: "), "{said}");
        assert!(!said.contains("canary"), "{said}");
        assert_eq!(requests, 1, "{said}");
    }
}

#[test]
fn nobody_waits_for_ever() {
    let (said, requests) = get(vec![Reply::Silence]);
    assert_eq!((class(&said), requests), ("secret/unavailable", 3), "{said}");
    // A server that takes connections, and has no word of TLS.
    let server = Server::start(vec![Reply::Silence]);
    let user = User::new();
    let url = server.url.replace("http://", "https://");
    let said = refused(&mut ptrun(&user, &url, &["get", "aws://a"]));
    assert_eq!(class(&said), "secret/unavailable", "{said}");
    // And one that does not even take them.
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let said = refused(&mut ptrun(&user, &url, &["get", "aws://a"]));
    assert!(class(&said) == "secret/unavailable" && said.contains("onnection refused"), "{said}");
}

#[test]
fn a_value_has_at_most_64_kib() {
    let text = |size: usize| "x".repeat(size);
    let user = User::new();
    for size in [(64 << 10) - 1, 64 << 10] {
        let server = Server::start(vec![one("a", &text(size))]);
        assert_eq!(good_text(&mut ptrun(&user, &server.url, &["get", "aws://a"])).len(), size);
    }
    let (said, _) = get(vec![one("a", &text((64 << 10) + 1))]);
    assert_eq!(class(&said), "secret/too-large");
    let server = Server::start(vec![one("a", "")]);
    assert_eq!(good_text(&mut ptrun(&user, &server.url, &["get", "aws://a"])), "");
}

/// Runs with two secrets, and prints both.
fn both(server: &Server, user: &User) -> std::process::Command {
    let arguments = ["-s", "A=aws://a", "-s", "B=aws://b", "--", "sh", "-c", "echo $A $B"];
    ptrun(user, &server.url, &arguments)
}

#[test]
fn a_batch_that_is_not_allowed_is_read_one_by_one() {
    let user = User::new();
    for refusal in [
        Reply::Error(
            400,
            "AccessDeniedException",
            "not authorized to perform: secretsmanager:BatchGetSecretValue",
        ),
        Reply::Error(400, "UnknownOperationException", ""),
        Reply::Answer(501, String::new()),
    ] {
        let server = Server::start(vec![refusal, one("a", "v"), one("a", "v")]);
        assert_eq!(good_text(&mut both(&server, &user)), "v v\n");
        let requests = server.requests();
        assert_eq!(requests.last().map(String::as_str), Some("GetSecretValue"));
        assert_eq!(requests.iter().filter(|operation| *operation == "GetSecretValue").count(), 2);
    }
}

#[test]
fn a_batch_may_come_in_pieces_and_with_errors() {
    let user = User::new();
    let piece = |values: serde_json::Value, errors: serde_json::Value, next: Option<&str>| {
        Reply::Answer(200, json!({ "SecretValues": values, "Errors": errors, "NextToken": next }).to_string())
    };
    let error = |code: &str| json!([{ "SecretId": "b", "ErrorCode": code, "Message": "x" }]);
    // In two pieces, between which it was rotated: each value is of one version.
    let first = piece(json!([secret("a", "1")]), json!([]), Some("more"));
    let second = piece(json!([secret("a", "rotated"), secret("b", "2")]), json!([]), None);
    let server = Server::start(vec![first, second]);
    assert_eq!(good_text(&mut both(&server, &user)), "1 2\n");
    assert_eq!(server.requests(), ["BatchGetSecretValue", "BatchGetSecretValue"]);
    // One that the batch forgot, or had no time for, is read alone.
    for errors in [json!([]), error("InternalServiceError"), error("ThrottlingException")] {
        let server = Server::start(vec![piece(json!([secret("a", "1")]), errors, None), one("b", "2")]);
        assert_eq!(good_text(&mut both(&server, &user)), "1 2\n");
        assert_eq!(server.requests(), ["BatchGetSecretValue", "GetSecretValue"]);
    }
    // One that is not there, or not allowed.
    for (code, expected) in
        [("ResourceNotFoundException", "secret/not-found"), ("AccessDeniedException", "secret/denied")]
    {
        let server = Server::start(vec![piece(json!([secret("a", "1")]), error(code), None)]);
        let said = refused(&mut both(&server, &user));
        assert!(class(&said) == expected && said.contains("secret: B"), "{said}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_rotation_that_never_ends_is_said() {
    let user = User::new();
    let version = "00000000-0000-4000-8000-000000000001";
    let rotated = Reply::Answer(200, json!({ "Name": "a", "VersionId": version }).to_string());
    let described = |stages: &[&str]| {
        Reply::Answer(200, json!({ "Name": "a", "VersionIdsToStages": { version: stages } }).to_string())
    };
    let server = Server::start(vec![rotated.clone(), described(&["AWSPENDING"])]);
    let said = refused(&mut ptrun(&user, &server.url, &["rotate", "aws://a", "--wait", "500ms"]));
    assert_eq!(class(&said), "secret/rotation", "{said}");
    // One that takes a while.
    let pending = described(&["AWSPENDING"]);
    let server =
        Server::start(vec![rotated, pending.clone(), pending, described(&["AWSCURRENT", "AWSPENDING"])]);
    assert_eq!(good_text(&mut ptrun(&user, &server.url, &["rotate", "aws://a"])), "");
    assert_eq!(server.requests().len(), 4);
}
