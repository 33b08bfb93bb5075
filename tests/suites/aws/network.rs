//! What is wrong between here and there: certificates and names.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use http::request::Parts;
use ptrun_host::{
    Auth, Authenticator, Boxed, CredentialError, EgressOptions, Grants, HttpAccess, Limits, Resolve, Runtime,
    SecretError,
};
use ptrun_tests::User;

use super::moto::ptrun;
use super::server::{Protocol, Server};
use super::{class, refused};

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_nobody_is_refused_once() {
    let server = Server::start(Protocol::Http1).await;
    let url = format!("https://localhost:{}", server.port);
    let said = tokio::task::spawn_blocking(move || {
        let user = User::new();
        refused(&mut ptrun(&user, &url, &["get", "aws://a"]))
    });
    let said = said.await.expect("joins");
    assert_eq!(class(&said), "secret/unavailable", "{said}");
    assert!(said.contains("no secure connection") && said.contains("UnknownIssuer"), "{said}");
    assert!(server.requests().is_empty());
}

/// Nobody has an address.
struct Nowhere;

impl Resolve for Nowhere {
    fn resolve<'a>(&'a self, _: &'a str) -> Boxed<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async { Err(io::Error::other("no such name")) })
    }
}

/// Signs nothing.
struct Nobody;

impl Authenticator for Nobody {
    fn authenticate<'a>(
        &'a self,
        _: &'a mut Parts,
        _: &'a HeaderMap,
        _: &'a [u8],
    ) -> Boxed<'a, Result<(), CredentialError>> {
        Box::pin(async { Ok(()) })
    }
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_said() {
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let egress = EgressOptions { resolver: Arc::new(Nowhere), ..EgressOptions::default() };
    let runtime = runtime.with_egress(egress);
    let builtin = ptrun_builtins::find("aws").expect("built by `cargo xtask build`");
    let plugin = ptrun_builtins::trust().verify(builtin.source().read().expect("in memory")).expect("signed");
    let auth = Auth::AwsSigv4("secretsmanager".to_owned());
    let mut access =
        HttpAccess::any("https://secretsmanager.nowhere-1.amazonaws.com".parse().expect("an origin"));
    access.auth = Some(auth.clone());
    let grants = Grants::none().random().http(access).credential(auth, Nobody);
    let settings = BTreeMap::from([("region".to_owned(), "nowhere-1".to_owned())]);
    let sandbox =
        builtin.load(&runtime, plugin).and_then(|plugin| plugin.sandbox(grants, settings)).expect("loads");
    let reference = "aws://a".parse().expect("a reference");
    let answers = sandbox.resolve(&[&reference]).await.expect("answers");
    match answers.into_iter().next() {
        Some(Err(SecretError::Unavailable(why))) => assert!(why.contains("the host is not known"), "{why}"),
        Some(Err(other)) => panic!("{other}"),
        _ => panic!("there is no such host"),
    }
}
