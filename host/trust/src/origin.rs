//! Where a plugin may send requests.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// A web origin (RFC 6454): a scheme, a host and a port. In the host, a label may be `*`, which stands for
/// exactly one label; the last two may not.
///
/// ```
/// use ptrun_trust::Origin;
///
/// let origin: Origin = "https://secretsmanager.*.amazonaws.com".parse()?;
/// assert!(origin.covers("https", "secretsmanager.eu-west-1.amazonaws.com", 443));
/// assert!(!origin.covers("https", "secretsmanager.amazonaws.com", 443));
/// # Ok::<(), ptrun_trust::OriginError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin {
    https: bool,
    host: String,
    port: u16,
}

/// Why some text is no origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin is `https://HOST` or `https://HOST:PORT`, in lower case, where `*` is one label of three or more"
)]
pub struct OriginError;

impl Origin {
    /// Whether a request to this scheme, host and port goes there. The host is in lower case; an IPv6 address
    /// is in brackets.
    #[must_use]
    pub fn covers(&self, scheme: &str, host: &str, port: u16) -> bool {
        let (mut ours, mut theirs) = (self.host.split('.'), host.split('.'));
        let label = |(ours, theirs): (&str, &str)| ours == theirs || (ours == "*" && !theirs.is_empty());
        (if self.https { "https" } else { "http" }) == scheme
            && self.port == port
            && ours.clone().count() == theirs.clone().count()
            && ours.by_ref().zip(theirs.by_ref()).all(label)
    }

    /// Whether requests are encrypted.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The host, as it is written.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (https, rest) = match text.split_once("://") {
            Some(("https", rest)) => (true, rest),
            Some(("http", rest)) => (false, rest),
            _ => return Err(OriginError),
        };
        let (host, port) = match rest.rsplit_once(':') {
            // A colon inside of brackets belongs to an IPv6 address.
            Some((host, port)) if !port.ends_with(']') => (host, number(port).ok_or(OriginError)?),
            _ => (rest, if https { 443 } else { 80 }),
        };
        if !is_ipv6(host) && !is_name(host) {
            return Err(OriginError);
        }
        Ok(Self { https, host: host.to_owned(), port })
    }
}

/// A port other than 0, in its one spelling.
fn number(text: &str) -> Option<u16> {
    text.parse().ok().filter(|port| *port > 0 && format!("{port}") == text)
}

fn is_ipv6(host: &str) -> bool {
    let address = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    address.is_some_and(|text| text.parse::<std::net::Ipv6Addr>().is_ok_and(|ip| ip.to_string() == text))
}

/// Letters, digits and hyphens (RFC 1123), or an IPv4 address; other scripts in their ASCII form.
fn is_name(host: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let literal = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let labels: Vec<&str> = host.split('.').collect();
    let (patterns, fixed) = labels.split_at(labels.len().saturating_sub(2));
    let is_number = |label: &str| label.chars().all(|c| c.is_ascii_digit());
    // What ends in a number is an address, and is written as one (WHATWG URL, section 3.5).
    let address = labels.last().is_some_and(|last| is_number(last) || last.starts_with("0x"));
    host.len() <= 253
        && patterns.iter().all(|label| *label == "*" || literal(label))
        && fixed.iter().all(|label| literal(label))
        && (!address || host.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.to_string() == host))
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        text.parse()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.host)?;
        match (self.https, self.port) {
            (true, 443) | (false, 80) => Ok(()),
            (_, port) => write!(f, ":{port}"),
        }
    }
}

impl Serialize for Origin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_prints_as_it_is_read() {
        for good in [
            "https://example.com",
            "https://example.com:8443",
            "http://127.0.0.1:4566",
            "http://localhost:8000",
            "https://[::1]:8200",
            "https://[::1]",
            "https://a.*.example.com",
            "https://*.*.example.com",
            "https://xn--bcher-kva.example",
        ] {
            assert_eq!(good.parse::<Origin>().map(|origin| origin.to_string()).as_deref(), Ok(good));
        }
        let written = |text: &str| text.parse::<Origin>().map(|origin| origin.to_string());
        assert_eq!(written("https://example.com:443").as_deref(), Ok("https://example.com"));
        assert_eq!(written("http://example.com:80").as_deref(), Ok("http://example.com"));
    }

    #[test]
    fn what_is_no_origin_is_refused() {
        for bad in [
            "",
            "*",
            "https://",
            "https://*",
            "https://*.com",
            "https://example.*",
            "https://a*.example.com",
            "https://example.com/",
            "https://example.com/path",
            "https://user@example.com",
            "https://example.com:",
            "https://example.com:0",
            "https://example.com:080",
            "https://example.com:65536",
            "https://example.com:+1",
            "https://Example.com",
            "https://example..com",
            "https://.example.com",
            "https://example.com.",
            "https://-a.example.com",
            "https://b\u{fc}cher.example",
            "https://127.1",
            "https://0x7f.0.0.1",
            "https://127.0.0.01",
            "https://*.0.0.1",
            "https://[::1",
            "https://[0:0::1]",
            "https://::1",
            "ftp://example.com",
            "HTTPS://example.com",
        ] {
            assert_eq!(bad.parse::<Origin>(), Err(OriginError), "{bad:?}");
        }
        assert!(format!("https://{}.example", "a".repeat(64)).parse::<Origin>().is_err());
        assert!(format!("https://{}example", "a.".repeat(124)).parse::<Origin>().is_err());
    }

    #[test]
    fn a_star_is_one_label() {
        let origin: Origin = "https://a.*.example.com".parse().expect("an origin");
        assert!(origin.covers("https", "a.b.example.com", 443));
        for (scheme, host, port) in [
            ("http", "a.b.example.com", 443),
            ("https", "a.b.example.com", 80),
            ("https", "a.b.c.example.com", 443),
            ("https", "a.example.com", 443),
            ("https", "a..example.com", 443),
            ("https", "b.b.example.com", 443),
            ("https", "a.b.example.org", 443),
            ("https", "a.b.example.com.", 443),
        ] {
            assert!(!origin.covers(scheme, host, port), "{scheme} {host} {port}");
        }
        assert!(origin.is_https() && origin.host() == "a.*.example.com" && origin.port() == 443);
        assert!(!"http://localhost".parse::<Origin>().expect("an origin").is_https());
    }
}
