//! Targets of requests, and the addresses behind their names. An allowed request goes to the host and port that
//! were granted, and to an address that is public or granted.
#![no_main]

use std::net::{IpAddr, Ipv6Addr};

use libfuzzer_sys::fuzz_target;
use ptrun_egress::{Rule, Rules, is_global};
use ptrun_trust::HttpAccess;

const ORIGINS: [&str; 4] =
    ["https://a.example.com", "https://*.b.example.com:8443", "http://127.0.0.1:80", "http://localhost:4566"];

fuzz_target!(|input: (&str, [u8; 16], bool)| {
    let (target, address, short) = input;
    let rule = |origin: &str| Rule {
        access: HttpAccess::any(origin.parse().expect("an origin")),
        authenticator: None,
    };
    let rules = Rules {
        requests: ORIGINS.into_iter().map(rule).collect(),
        networks: vec!["10.1.0.0/16".parse().expect("a network")],
    };
    let Ok(uri) = target.parse::<http::Uri>() else { return };
    let Ok(allowed) = rules.decide(&http::Method::GET, &uri, None) else { return };
    let host = allowed.uri.host().expect("a host");
    let implied = if allowed.uri.scheme_str() == Some("https") { 443 } else { 80 };
    let port = allowed.uri.port_u16().unwrap_or(implied);
    assert!(!allowed.uri.authority().expect("an authority").as_str().contains('@'));
    match (allowed.uri.scheme_str(), host, port) {
        (Some("https"), "a.example.com", 443) | (Some("http"), "127.0.0.1", 80) => {}
        (Some("http"), "localhost", 4566) => {}
        (Some("https"), name, 8443) => {
            let label = name.strip_suffix(".b.example.com").expect("the granted suffix");
            assert!(!label.is_empty() && !label.contains('.'));
        }
        other => panic!("{other:?}"),
    }
    let mut address: IpAddr = Ipv6Addr::from(address).into();
    if short {
        let IpAddr::V6(long) = address else { return };
        let [a, b, c, d, ..] = long.octets();
        address = [a, b, c, d].into();
    }
    if rules.allows_address(host, address) {
        let granted = match address {
            IpAddr::V4(address) => address.octets()[..2] == [10, 1],
            IpAddr::V6(_) => false,
        };
        assert!(is_global(address) || granted || (host == "localhost" && address.is_loopback()), "{address}");
    }
});
