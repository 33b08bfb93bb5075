//! What a plugin says about itself and asks for: `plugin.toml`, embedded in the component as the custom
//! section `ptrun:plugin` and covered by its signature.

use std::collections::BTreeMap;
use std::ops::Range;

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use crate::text::{is_format, untrusted};
use crate::{Moment, Name, Origin};

/// The one format of the manifest so far.
const FORMAT: u32 = 1;
/// The largest manifest that is looked at.
const MAX_BYTES: usize = 64 * 1024;

/// Why some bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ManifestError {
    message: String,
    /// Where in the text, in bytes, if the mistake has a place.
    pub span: Option<Range<usize>>,
}

impl ManifestError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), span: None }
    }
}

/// What a plugin says about itself. Whether to believe it is for the signature and the trust store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    format: u32,
    /// Who publishes it: what comes before the `/` in the scope of a key.
    pub publisher: Name,
    /// What it is called: what comes after the `/`.
    pub name: Name,
    /// Its version.
    pub version: Version,
    /// What it does, in one line.
    #[serde(default)]
    pub description: Option<String>,
    /// The versions of the interface `ptrun:plugin` that it works with.
    pub interface: VersionReq,
    /// The scheme of its references, unless the user gives it another.
    pub scheme: Name,
    /// Grows with every release of the publisher, so that an older one is known to be older.
    pub sequence: u64,
    /// From when on it must not be used any more.
    #[serde(default)]
    pub expires: Option<Moment>,
    /// The settings that it takes.
    #[serde(default)]
    pub config: BTreeMap<String, ConfigKey>,
    /// What it asks to be given.
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// A setting of a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConfigKey {
    /// What it is for, in one line.
    pub help: String,
}

/// What a plugin asks to be given. In a name, `{key}` stands for the key of a reference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Environment variables, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    /// Files, by name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The keys to the files, wherever the user keeps them: `key:NAME` for the file `NAME`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keys: bool,
    /// Web origins, each with the methods and the credential of its requests.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<HttpAccess>,
    /// The system's randomness.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub random: bool,
}

/// Requests to one origin.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpAccess {
    /// What they are for. Each use of a plugin is given its own requests, and no others.
    #[serde(default, rename = "for", skip_serializing_if = "Use::is_read")]
    pub purpose: Use,
    /// Where they go.
    pub origin: Origin,
    /// Their methods.
    #[serde(default = "get")]
    pub methods: Vec<String>,
    /// The credential that the host adds, which the plugin never sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// The operations of AWS that are signed: what comes after the dot in `X-Amz-Target`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
}

/// What a plugin is used for in one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// To read secrets.
    #[default]
    Read,
    /// To say which secrets there are.
    List,
    /// To change secrets.
    Write,
}

impl Use {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
    fn is_read(&self) -> bool {
        *self == Self::Read
    }

    /// As in front of a request: nothing, `list: ` or `write: `.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Read => "",
            Self::List => "list: ",
            Self::Write => "write: ",
        }
    }
}

/// How the host shows the backend who asks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Auth {
    /// `Authorization: Bearer …` (RFC 6750).
    Bearer,
    /// The credential is the value of this header.
    Header(String),
    /// The signature of AWS, version 4, for this service.
    AwsSigv4(String),
}

fn get() -> Vec<String> {
    vec!["GET".to_owned()]
}

/// Methods that a plugin may ask for: those of RFC 9110 and RFC 5789 that are about a resource, and neither
/// build a tunnel nor echo what the host added.
pub const METHODS: [&str; 6] = ["DELETE", "GET", "HEAD", "PATCH", "POST", "PUT"];

impl HttpAccess {
    /// Requests to an origin, with all of [`METHODS`].
    #[must_use]
    pub fn any(origin: Origin) -> Self {
        let methods = METHODS.iter().map(|&method| method.to_owned()).collect();
        Self { purpose: Use::Read, origin, methods, auth: None, operations: Vec::new() }
    }

    fn check(&self) -> Result<(), ManifestError> {
        if !self.origin.is_https() {
            return Err(ManifestError::new(
                "a plugin asks for origins with `https`; only its user can grant others",
            ));
        }
        if self.methods.is_empty() || self.methods.iter().any(|method| !METHODS.contains(&method.as_str())) {
            return Err(ManifestError::new(format!("the methods of requests are {}", METHODS.join(", "))));
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let is_name = |name: &String| !name.is_empty() && name.chars().all(plain);
        match &self.auth {
            Some(Auth::Header(name) | Auth::AwsSigv4(name)) if !is_name(name) => {
                Err(ManifestError::new("the name of a header or a service has letters, digits and hyphens"))
            }
            Some(Auth::AwsSigv4(_)) if self.operations.is_empty() || !self.operations.iter().all(is_name) => {
                Err(ManifestError::new(
                    "what is signed for AWS names its `operations`, such as `GetSecretValue`",
                ))
            }
            Some(Auth::AwsSigv4(_)) => Ok(()),
            _ if !self.operations.is_empty() => {
                Err(ManifestError::new("`operations` belong to requests that are signed for AWS"))
            }
            _ => Ok(()),
        }
    }

    /// Each method and operation as a request of its own, so that fewer of them are less.
    pub fn requests(&self) -> impl Iterator<Item = String> {
        let credential = match &self.auth {
            None => String::new(),
            Some(Auth::Bearer) => " with a bearer token".to_owned(),
            Some(Auth::Header(name)) => format!(" with a credential in {name}"),
            Some(Auth::AwsSigv4(service)) => format!(" signed for AWS {service}"),
        };
        let purpose = self.purpose.prefix();
        let request = move |method: &String| format!("{purpose}http={} {method}{credential}", self.origin);
        self.methods.iter().flat_map(move |method| {
            let request = request(method);
            let whole = self.operations.is_empty().then(|| request.clone());
            whole.into_iter().chain(self.operations.iter().map(move |name| format!("{request} {name}")))
        })
    }
}

impl Manifest {
    /// Reads and checks a manifest.
    ///
    /// # Errors
    /// For text that is not TOML, a key that is missing or unknown, a value that makes no sense, or
    /// another format.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_BYTES {
            return Err(ManifestError::new("the manifest is over 64 KiB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::new("the manifest is not UTF-8"))?;
        let manifest: Self = toml::from_str(text)
            .map_err(|why| ManifestError { message: untrusted(why.message(), &[]), span: why.span() })?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.format != FORMAT {
            let message =
                format!("the manifest has format {}, and this ptrun knows format {FORMAT}", self.format);
            return Err(ManifestError::new(message));
        }
        if self.scheme.as_str().starts_with(|c: char| c.is_ascii_digit()) {
            return Err(ManifestError::new("a scheme starts with a letter (RFC 3986, section 3.1)"));
        }
        let texts = self.description.iter().chain(self.config.values().map(|key| &key.help));
        printable(texts.chain(self.config.keys()))?;
        self.capabilities.check()
    }

    /// `publisher/name`, which the scope of a key is about.
    #[must_use]
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.publisher, self.name)
    }
}

impl Capabilities {
    pub(crate) fn check(&self) -> Result<(), ManifestError> {
        printable(self.env.iter().chain(&self.files))?;
        if self.env.iter().any(|name| name.contains('=') || name.contains('*')) {
            return Err(ManifestError::new("variables are asked for by name, or as `{key}`"));
        }
        if self.keys && self.files.is_empty() {
            return Err(ManifestError::new("a plugin that asks for keys asks for the files that they open"));
        }
        self.http.iter().try_for_each(HttpAccess::check)
    }

    /// Each thing that is asked for, one by one: `env=NAME`, `file=NAME`, `keys`, `http=ORIGIN METHOD`, `random`.
    pub fn requests(&self) -> impl Iterator<Item = String> {
        let env = self.env.iter().map(|name| format!("env={name}"));
        let files = self.files.iter().map(|name| format!("file={name}"));
        let http = self.http.iter().flat_map(HttpAccess::requests);
        let keys = self.keys.then(|| "keys".to_owned());
        env.chain(files).chain(keys).chain(http).chain(self.random.then(|| "random".to_owned()))
    }

    /// The names that `requests` come to for the key of a reference.
    pub fn expand(requests: &[String], key: &str) -> impl Iterator<Item = String> {
        requests.iter().map(move |request| request.replace("{key}", key))
    }
}

/// Texts that a terminal shows as they are.
fn printable<'a>(mut texts: impl Iterator<Item = &'a String>) -> Result<(), ManifestError> {
    if texts.any(|text| text.is_empty() || text.contains(|c: char| c.is_control() || is_format(c))) {
        return Err(ManifestError::new("a name or a text is empty, or has control characters"));
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A manifest with nothing optional in it.
    pub(crate) const MINIMAL: &str = r#"
format = 1
publisher = "acme"
name = "vault"
version = "1.2.3"
interface = "0.1"
scheme = "vault"
sequence = 7
"#;

    #[test]
    fn a_minimal_manifest_asks_for_nothing() {
        let manifest = Manifest::parse(MINIMAL.as_bytes()).expect("well formed");
        assert_eq!(manifest.full_name(), "acme/vault");
        assert_eq!(manifest.version, Version::new(1, 2, 3));
        assert_eq!((manifest.sequence, &manifest.capabilities), (7, &Capabilities::default()));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let cases = [
            ("sequence = 7", "", "missing field `sequence`"),
            ("sequence = 7", "sequence = 7\ncolour = 1", "unknown field `colour`"),
            ("sequence = 7", "sequence = 7\nsequence = 8", "duplicate key"),
            ("sequence = 7", "sequence = -7", "invalid value"),
            ("sequence = 7", "sequence = 7\nexpires = 2027-01-01", "offset from UTC"),
            ("format = 1", "format = 2", "format 2"),
            ("\"1.2.3\"", "\"1.2\"", "unexpected end of input"),
            ("\"vault\"\nversion", "\"Vault\"\nversion", "lower-case"),
            ("\"acme\"", "\"acm\u{435}\"", "lower-case"),
            ("\"acme\"", "\"../acme\"", "lower-case"),
            ("scheme = \"vault\"", "scheme = \"1vault\"", "starts with a letter"),
            ("sequence = 7", "sequence = 7\ndescription = \"a\\u001b[2J\"", "control characters"),
            ("sequence = 7", "sequence = 7\ndescription = \"a\u{202e}b\"", "control characters"),
            ("sequence = 7", "sequence = 7\n\"\\u001b[2J\" = 1", "unknown field `\\u{1b}[2J`"),
            ("sequence = 7", "sequence = 7\n[capabilities]\nenv = [\"*\"]", "by name"),
            ("sequence = 7", "sequence = 7\n[capabilities]\nkeys = true", "the files that they open"),
            ("sequence = 7", "sequence = 7\n[capabilities]\nsockets = true", "unknown field `sockets`"),
            ("sequence = 7", "sequence = 7\n[[capabilities.http]]\norigin = \"https://*\"", "an origin is"),
            (
                "sequence = 7",
                "sequence = 7\n[[capabilities.http]]\norigin = \"http://a.example\"",
                "only its user",
            ),
            (
                "sequence = 7",
                "sequence = 7\n[[capabilities.http]]\norigin = \"https://a.example\"\nmethods = [\"CONNECT\"]",
                "the methods of requests are",
            ),
            (
                "sequence = 7",
                "sequence = 7\n[[capabilities.http]]\norigin = \"https://a.example\"\nmethods = []",
                "the methods of requests are",
            ),
            (
                "sequence = 7",
                "sequence = 7\n[[capabilities.http]]\norigin = \"https://a.example\"\nauth = { header = \"a: b\" }",
                "letters, digits and hyphens",
            ),
            (
                "sequence = 7",
                "sequence = 7\n[[capabilities.http]]\norigin = \"https://a.example\"\nauth = { aws-sigv4 = \"\" }",
                "letters, digits and hyphens",
            ),
            (
                "sequence = 7",
                "sequence = 7\n[[capabilities.http]]\norigin = \"https://a.example\"\nauth = { aws-sigv4 = \"s\" }",
                "names its `operations`",
            ),
            (
                "sequence = 7",
                "sequence = 7\n[[capabilities.http]]\norigin = \"https://a.example\"\nauth = { aws-sigv4 = \"s\" }\noperations = [\"*\"]",
                "names its `operations`",
            ),
            (
                "sequence = 7",
                "sequence = 7\n[[capabilities.http]]\norigin = \"https://a.example\"\noperations = [\"Get\"]",
                "signed for AWS",
            ),
            (
                "sequence = 7",
                "sequence = 7\n[[capabilities.http]]\norigin = \"https://a.example\"\nfor = \"fun\"",
                "unknown variant `fun`",
            ),
        ];
        for (from, to, expected) in cases {
            assert!(MINIMAL.contains(from), "{from}");
            let text = MINIMAL.replacen(from, to, 1);
            let error = Manifest::parse(text.as_bytes()).expect_err(&text).to_string();
            assert!(error.contains(expected), "{error:?} does not say {expected:?}");
        }
        assert!(Manifest::parse(&[0xff]).is_err());
        let of_size = |bytes: usize| {
            let text = format!("{MINIMAL}{}", "#".repeat(bytes - MINIMAL.len()));
            Manifest::parse(text.as_bytes()).map(drop).map_err(|why| why.to_string())
        };
        assert_eq!(of_size(65_536), Ok(()));
        assert_eq!(of_size(65_537), Err("the manifest is over 64 KiB".to_owned()));
    }

    #[test]
    fn requests_are_named_one_by_one() {
        let text = format!(
            "{MINIMAL}[capabilities]\nrandom = true\nenv = [\"A\"]\nhttp = [\n{}\n]\n",
            [
                r#"{ origin = "https://a.example" },"#,
                r#"{ origin = "https://b.example", methods = ["GET", "PUT"], auth = "bearer" },"#,
                r#"{ origin = "https://c.example", auth = { header = "X-Token" } },"#,
                r#"{ origin = "https://d.*.example.com", methods = ["POST"], auth = { aws-sigv4 = "secretsmanager" }, operations = ["A", "B"] },"#,
                r#"{ for = "write", origin = "https://e.example", methods = ["PUT"] },"#,
            ]
            .join("\n")
        );
        let manifest = Manifest::parse(text.as_bytes()).expect("well formed");
        let requests: Vec<String> = manifest.capabilities.requests().collect();
        assert_eq!(
            requests,
            [
                "env=A",
                "http=https://a.example GET",
                "http=https://b.example GET with a bearer token",
                "http=https://b.example PUT with a bearer token",
                "http=https://c.example GET with a credential in X-Token",
                "http=https://d.*.example.com POST signed for AWS secretsmanager A",
                "http=https://d.*.example.com POST signed for AWS secretsmanager B",
                "write: http=https://e.example PUT",
                "random",
            ]
        );
        let any = HttpAccess::any("https://a.example".parse().expect("an origin"));
        assert_eq!((any.methods.len(), any.check()), (6, Ok(())));
    }

    #[test]
    fn a_request_may_follow_the_key() {
        let requests = ["{key}".to_owned(), "HOME".to_owned()];
        assert_eq!(Capabilities::expand(&requests, "A").collect::<Vec<_>>(), ["A", "HOME"]);
    }
}
