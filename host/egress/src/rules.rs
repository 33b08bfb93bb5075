//! What was granted, and what a request comes to.

use std::net::IpAddr;
use std::sync::Arc;

use http::uri::{Authority, Scheme};
use http::{HeaderMap, Method, Uri};
use ipnet::IpNet;
use ptrun_trust::HttpAccess;
use url::Host;

use crate::address::is_global;
use crate::auth::Authenticator;

/// Requests that a plugin may send, and the credential that they get on their way out.
#[derive(Clone)]
pub struct Rule {
    /// Where they go, and how.
    pub access: HttpAccess,
    /// Who signs them.
    pub authenticator: Option<Arc<dyn Authenticator>>,
}

/// All that a plugin may reach.
#[derive(Clone, Default)]
pub struct Rules {
    /// Requests, by where they go.
    pub requests: Vec<Rule>,
    /// Addresses that are not public, and may be reached by the names above.
    pub networks: Vec<IpNet>,
}

/// Why a request is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denied {
    /// The target has no scheme or no host, or is malformed.
    #[error("the target is malformed")]
    Malformed,
    /// A name before the host, which hides where a request goes.
    #[error("the target names a user")]
    UserInfo,
    /// An origin that was not granted.
    #[error("the origin is not granted")]
    Origin,
    /// A method that was not granted for this origin.
    #[error("the method is not granted for this origin")]
    Method,
    /// An operation of AWS that was not granted for this origin.
    #[error("the operation is not granted for this origin")]
    Operation,
}

/// A request that may be sent: its target, in the one spelling that was compared, and the rule that allows it.
pub struct Allowed<'a> {
    /// The target.
    pub uri: Uri,
    /// Why it may.
    pub rule: &'a Rule,
}

impl Rules {
    /// Whether a request may be sent. `operation` is the operation of AWS that it is: what comes after the dot in
    /// its only `X-Amz-Target`.
    ///
    /// # Errors
    /// If nothing allows it.
    pub fn decide(
        &self,
        method: &Method,
        target: &Uri,
        operation: Option<&str>,
    ) -> Result<Allowed<'_>, Denied> {
        let scheme = match target.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS || *scheme == Scheme::HTTP => scheme,
            _ => return Err(Denied::Malformed),
        };
        let authority = target.authority().ok_or(Denied::Malformed)?;
        if authority.as_str().contains('@') {
            return Err(Denied::UserInfo);
        }
        // The parser of browsers, so that no spelling of an address passes for a name.
        let host = Host::parse(authority.host()).map_err(|_| Denied::Malformed)?.to_string();
        let default_port = if *scheme == Scheme::HTTPS { 443 } else { 80 };
        let port = match (authority.port(), authority.as_str().rsplit_once(':')) {
            (Some(port), _)
                if port.as_u16() > 0 && port.as_str().bytes().all(|byte| byte.is_ascii_digit()) =>
            {
                port.as_u16()
            }
            (Some(_), _) => return Err(Denied::Malformed),
            // `host:` and `host:99999` have a colon, and no port.
            (None, Some((_, rest))) if !rest.ends_with(']') => return Err(Denied::Malformed),
            (None, _) => default_port,
        };
        let for_origin =
            || self.requests.iter().filter(|rule| rule.access.origin.covers(scheme.as_str(), &host, port));
        if for_origin().next().is_none() {
            return Err(Denied::Origin);
        }
        let for_method = |rule: &&Rule| rule.access.methods.iter().any(|allowed| allowed == method.as_str());
        let mut rules: Vec<&Rule> = for_origin().filter(for_method).collect();
        if rules.is_empty() {
            return Err(Denied::Method);
        }
        // A grant without a credential takes nothing from another that has one: neither the credential nor its limits.
        if rules.iter().any(|rule| rule.access.auth.is_some()) {
            rules.retain(|rule| rule.access.auth.is_some());
        }
        let for_operation = |rule: &&Rule| {
            let operations = &rule.access.operations;
            // Where AWS takes an operation from the path, the query or a form instead, none of them is there.
            let plain = target.path() == "/" && target.query().is_none();
            let granted = || plain && operations.iter().any(|allowed| Some(allowed.as_str()) == operation);
            operations.is_empty() || granted()
        };
        let rule = rules.into_iter().find(for_operation).ok_or(Denied::Operation)?;

        // Without a port that the scheme implies: a signature may cover the authority, and both sides of it
        // leave that out.
        let authority = if port == default_port { host } else { format!("{host}:{port}") };
        let authority: Authority = authority.parse().map_err(|_| Denied::Malformed)?;
        let mut parts = target.clone().into_parts();
        parts.authority = Some(authority);
        let uri = Uri::from_parts(parts).map_err(|_| Denied::Malformed)?;
        Ok(Allowed { uri, rule })
    }

    /// Whether a host that was granted may be at this address: one on the public internet, one in a network that
    /// was granted, or this machine, if the grant says `localhost` or the address itself.
    #[must_use]
    pub fn allows_address(&self, host: &str, address: IpAddr) -> bool {
        let named = |rule: &Rule| rule.access.origin.host() == host;
        is_global(address)
            || self.networks.iter().any(|network| network.contains(&address))
            || (host == "localhost" && address.is_loopback() && self.requests.iter().any(named))
    }
}

/// Which operation of AWS a request is (the protocols `awsJson1_0` and `awsJson1_1` of Smithy): what comes after the
/// only dot of its only `X-Amz-Target`. A request of another type is none.
pub(crate) fn operation(headers: &HeaderMap) -> Option<&str> {
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        value.to_str().ok()
    };
    let json = ["application/x-amz-json-1.0", "application/x-amz-json-1.1"];
    if !json.contains(&only("content-type")?) {
        return None;
    }
    let (service, operation) = only("x-amz-target")?.split_once('.')?;
    let word = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
    (word(service) && word(operation)).then_some(operation)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(origins: &[&str]) -> Rules {
        let rule = |origin: &&str| Rule {
            access: HttpAccess::any(origin.parse().expect("an origin")),
            authenticator: None,
        };
        Rules { requests: origins.iter().map(rule).collect(), networks: Vec::new() }
    }

    /// The target of a request that is allowed.
    fn decide(rules: &Rules, target: &str) -> Result<String, Denied> {
        let target: Uri = target.parse().map_err(|_| Denied::Malformed)?;
        rules.decide(&Method::GET, &target, None).map(|allowed| allowed.uri.to_string())
    }

    #[test]
    fn what_is_granted_is_sent_in_its_one_spelling() {
        let rules =
            rules(&["https://a.*.example.com", "http://127.0.0.1:8200", "https://xn--bcher-kva.example"]);
        for (target, sent) in [
            ("https://a.b.example.com/x?y=%2F", "https://a.b.example.com/x?y=%2F"),
            ("https://A.B.Example.COM", "https://a.b.example.com/"),
            ("https://a.b.example.com:443/", "https://a.b.example.com/"),
            ("http://127.0.0.1:8200/v1", "http://127.0.0.1:8200/v1"),
            ("http://127.1:8200/v1", "http://127.0.0.1:8200/v1"),
            ("http://0x7f000001:8200/v1", "http://127.0.0.1:8200/v1"),
        ] {
            assert_eq!(decide(&rules, target).as_deref(), Ok(sent), "{target}");
        }
    }

    #[test]
    fn what_is_not_granted_is_denied() {
        let rules = rules(&["https://a.example.com", "http://localhost:8200"]);
        for (target, denied) in [
            ("https://b.example.com/", Denied::Origin),
            ("https://a.example.com.evil.example/", Denied::Origin),
            ("https://a.example.com./", Denied::Origin),
            ("https://a.example.com:8443/", Denied::Origin),
            ("http://a.example.com/", Denied::Origin),
            ("https://a.example.com@evil.example/", Denied::UserInfo),
            ("https://evil.example@a.example.com/", Denied::UserInfo),
            ("https://:@a.example.com/", Denied::UserInfo),
            ("https://a.example.com:0/", Denied::Malformed),
            ("https://a.example.com:+443/", Denied::Malformed),
            ("https://a.example.com:/", Denied::Malformed),
            ("https://a.example.com:99999/", Denied::Malformed),
            ("https://%61.example.com/", Denied::Origin),
            ("http://169.254.169.254/", Denied::Origin),
            ("http://2852039166/", Denied::Origin),
            ("http://0xa9fea9fe/", Denied::Origin),
            ("http://0251.0376.0251.0376/", Denied::Origin),
            ("http://[::ffff:169.254.169.254]/", Denied::Origin),
            ("http://[fd00:ec2::254]/", Denied::Origin),
            ("ftp://a.example.com/", Denied::Malformed),
            ("/path", Denied::Malformed),
            ("*", Denied::Malformed),
            ("a.example.com", Denied::Malformed),
        ] {
            let said = decide(&rules, target);
            assert!(said == Err(denied) || said == Err(Denied::Malformed), "{target}: {said:?}");
        }
        for method in [Method::CONNECT, Method::TRACE, Method::OPTIONS] {
            let target: Uri = "https://a.example.com/".parse().expect("a target");
            assert_eq!(rules.decide(&method, &target, None).map(drop), Err(Denied::Method), "{method}");
        }
    }

    #[test]
    fn a_rule_with_a_credential_comes_first() {
        let origin = "https://a.example.com";
        let mut rules = rules(&[origin, origin, origin]);
        rules.requests[1].access.auth = Some(ptrun_trust::Auth::Bearer);
        let target: Uri = origin.parse().expect("a target");
        let allowed =
            rules.decide(&Method::GET, &target, None).map(|allowed| allowed.rule.access.auth.clone());
        assert_eq!(allowed, Ok(Some(ptrun_trust::Auth::Bearer)));
    }

    #[test]
    fn an_operation_is_granted_by_name() {
        let origin = "https://a.example.com";
        // The last one is without a credential, and without a limit.
        let mut rules = rules(&[origin, origin, origin]);
        for (rule, name) in rules.requests.iter_mut().zip(["Get", "List"]) {
            rule.access.auth = Some(ptrun_trust::Auth::AwsSigv4("secretsmanager".to_owned()));
            rule.access.operations = vec![name.to_owned()];
        }
        let target: Uri = origin.parse().expect("a target");
        let decide = |targets: &[&'static str]| {
            let header = |&target: &&'static str| {
                (http::HeaderName::from_static("x-amz-target"), http::HeaderValue::from_static(target))
            };
            let mut headers = HeaderMap::new();
            headers.insert("content-type", http::HeaderValue::from_static("application/x-amz-json-1.1"));
            for (name, value) in targets.iter().map(header) {
                headers.append(name, value);
            }
            rules
                .decide(&Method::POST, &target, operation(&headers))
                .map(|allowed| allowed.rule.access.operations[0].clone())
        };
        assert_eq!(decide(&["secretsmanager.Get"]).as_deref(), Ok("Get"));
        assert_eq!(decide(&["secretsmanager.List"]).as_deref(), Ok("List"));
        for others in [
            &[][..],
            &["secretsmanager.Put"],
            &["Get"],
            &["secretsmanager.get"],
            &["secretsmanager.Get "],
            &["secretsmanager.Put,secretsmanager.Get"],
            &["x.secretsmanager.Get"],
            &[".Get"],
            &["secretsmanager.Get", "secretsmanager.Put"],
            &["secretsmanager.Get", "secretsmanager.Get"],
        ] {
            assert_eq!(decide(others), Err(Denied::Operation), "{others:?}");
        }
        // Other services take the operation from elsewhere.
        for target in ["https://a.example.com/?Action=Put", "https://a.example.com/operation/Put"] {
            let target: Uri = target.parse().expect("a target");
            assert!(
                rules.decide(&Method::POST, &target, Some("Get")).is_err_and(|why| why == Denied::Operation)
            );
        }
        let form = [("content-type", "application/x-www-form-urlencoded"), ("x-amz-target", "a.Get")];
        let header = |&(name, value): &(&'static str, &'static str)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
        };
        assert_eq!(operation(&form.iter().map(header).collect()), None);
    }

    #[test]
    fn addresses_are_public_or_granted() {
        let mut rules = rules(&["https://a.example.com", "http://localhost:8200"]);
        let allows = |rules: &Rules, host: &str, address: &str| {
            rules.allows_address(host, address.parse().expect("an address"))
        };
        assert!(allows(&rules, "a.example.com", "1.1.1.1"));
        assert!(allows(&rules, "localhost", "127.0.0.1") && allows(&rules, "localhost", "::1"));
        for (host, address) in [
            ("a.example.com", "127.0.0.1"),
            ("a.example.com", "10.1.2.3"),
            ("localhost", "10.1.2.3"),
            ("a.localhost", "127.0.0.1"),
        ] {
            assert!(!allows(&rules, host, address), "{host} at {address}");
        }
        rules.networks.push("10.1.0.0/16".parse().expect("a network"));
        assert!(allows(&rules, "a.example.com", "10.1.2.3"));
        assert!(!allows(&rules, "a.example.com", "10.2.2.3"));
    }

    proptest! {
        #[test]
        fn an_allowed_target_is_the_granted_host(target in "(https?://)?[a-z.@:/\\[\\]%0-9A-Z?#\\\\]{0,40}") {
            let rules = rules(&["https://a.example.com", "http://[::1]:8200"]);
            if let Ok(sent) = decide(&rules, &target) {
                prop_assert!(
                    sent.starts_with("https://a.example.com/") || sent.starts_with("http://[::1]:8200/"),
                    "{sent}"
                );
            }
        }

        #[test]
        fn every_spelling_of_the_granted_host_is_decided_alike(port in 0u32..70_000, user in "[a-z:@]{0,3}") {
            let rules = rules(&["https://a.example.com"]);
            let sent = decide(&rules, &format!("https://{user}a.example.com:{port}/x"));
            prop_assert_eq!(sent.is_ok(), port == 443 && user.is_empty());
        }
    }
}
