//! The names of secrets in AWS Secrets Manager: `NAME`, or
//! `arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX` (Amazon Resource Name). Shared by the host, which
//! signs and explains, and the plugin, which asks.

/// What a reference names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SecretName<'a> {
    /// A name, in the region that is set.
    Name(&'a str),
    /// An ARN.
    Arn {
        /// Where its account is: `aws`, `aws-cn`, `aws-us-gov`.
        partition: &'a str,
        /// Its region.
        region: &'a str,
        /// Its account.
        account: &'a str,
        /// Its name, with or without the hyphen and the six characters that AWS adds.
        name: &'a str,
    },
}

/// The longest name (`CreateSecret`, `Name`).
const LONGEST: usize = 512;

impl<'a> SecretName<'a> {
    /// Reads a name or an ARN; `None` if it is neither.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        if !text.contains(':') {
            return is_name(text).then_some(Self::Name(text));
        }
        let mut parts = text.splitn(7, ':');
        let parts: [Option<&str>; 7] = std::array::from_fn(|_| parts.next());
        let [
            Some("arn"),
            Some(partition),
            Some("secretsmanager"),
            Some(region),
            Some(account),
            Some("secret"),
            Some(name),
        ] = parts
        else {
            return None;
        };
        let number = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_digit());
        let good = number && is_region(region) && is_region(partition) && is_name(name);
        good.then_some(Self::Arn { partition, region, account, name })
    }

    /// The region of an ARN.
    #[must_use]
    pub const fn region(&self) -> Option<&'a str> {
        match self {
            Self::Name(_) => None,
            Self::Arn { region, .. } => Some(region),
        }
    }

    /// What the statement of a policy has as its resource, for this secret in this region: the account of a name, and
    /// the six characters that AWS adds, are `*` and `?`.
    #[must_use]
    pub fn resource(&self, region: &str) -> String {
        match *self {
            Self::Name(name) => {
                let partition = partition(region);
                format!("arn:{partition}:secretsmanager:{region}:*:secret:{name}-??????")
            }
            Self::Arn { partition, region, account, name } => {
                let end = if has_suffix(name) { "" } else { "-??????" };
                format!("arn:{partition}:secretsmanager:{region}:{account}:secret:{name}{end}")
            }
        }
    }
}

/// Whether this could be a region: it becomes part of the name of a host.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(plain)
}

/// Where the accounts of a region are.
fn partition(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "aws-cn",
        _ if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-".contains(&byte);
    (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain)
}

/// A name may end like that, too; AWS advises against it for this reason.
fn has_suffix(name: &str) -> bool {
    name.rsplit_once('-')
        .is_some_and(|(_, end)| end.len() == 6 && end.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf";

    #[test]
    fn a_secret_has_a_name_or_an_arn() {
        assert_eq!(SecretName::parse("a/b"), Some(SecretName::Name("a/b")));
        assert_eq!(SecretName::parse(ARN).and_then(|name| name.region()), Some("eu-west-1"));
        let longest = "a".repeat(LONGEST + 1);
        for none in [
            "",
            "a b",
            "a:b",
            "é",
            &longest,
            "arn:aws:s3:::bucket",
            "arn:aws:secretsmanager:eu-west-1:1:secret:",
            "arn:aws:secretsmanager::1:secret:a",
            "arn:aws:secretsmanager:a.example:1:secret:a",
            "arn:aws:secretsmanager:eu-west-1:x:secret:a",
            "arn:aws:secretsmanager:eu-west-1:1:secret:a:b",
        ] {
            assert_eq!(SecretName::parse(none), None, "{none}");
        }
        assert!(SecretName::parse(&longest[1..]).is_some());
    }

    #[test]
    fn a_policy_names_the_secret() {
        let resource = |text: &str, region: &str| SecretName::parse(text).map(|name| name.resource(region));
        for (text, region, expected) in [
            ("a/b", "eu-west-1", "arn:aws:secretsmanager:eu-west-1:*:secret:a/b-??????"),
            ("a", "cn-north-1", "arn:aws-cn:secretsmanager:cn-north-1:*:secret:a-??????"),
            ("a", "us-gov-east-1", "arn:aws-us-gov:secretsmanager:us-gov-east-1:*:secret:a-??????"),
            (ARN, "us-east-1", ARN),
        ] {
            assert_eq!(resource(text, region).as_deref(), Some(expected));
        }
        let partial = ARN.strip_suffix("-AbCdEf").expect("a suffix");
        assert_eq!(resource(partial, "x"), Some(format!("{partial}-??????")));
    }
}
