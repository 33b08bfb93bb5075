//! What a reference names.

use ptrun_arn::{SecretName, is_region};
use ptrun_plugin::{Error, SecretRef};

/// A secret of one region, and which version of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SecretId {
    /// Its name, or its ARN with or without the six characters at the end.
    pub(crate) id: String,
    pub(crate) region: String,
    pub(crate) version: Option<String>,
    pub(crate) stage: Option<String>,
}

/// The stage of the version that is asked for where none is named.
const CURRENT: &str = "AWSCURRENT";

impl SecretId {
    pub(crate) fn new(reference: &SecretRef, usual_region: Option<&str>) -> Result<Self, Error> {
        let id = reference.key.clone();
        let (mut region, mut version, mut stage) = (None, None, None);
        for (name, value) in &reference.options {
            let option = match name.as_str() {
                "region" => &mut region,
                "version" => &mut version,
                "stage" => &mut stage,
                "endpoint" => {
                    return Err(Error::invalid_ref(
                        "another server is named in the configuration, not in a reference",
                    ));
                }
                _ => return Err(Error::invalid_ref("the options are `region`, `stage` and `version`")),
            };
            if value.is_empty() {
                return Err(Error::invalid_ref(format!("`{name}` is empty")));
            }
            *option = Some(value.as_str());
        }
        let name = SecretName::parse(&id).ok_or_else(|| {
            Error::invalid_ref(
                "a name has at most 512 letters, digits and `/_+=.@-`, and an ARN is \
                 `arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME`",
            )
        })?;
        let region = match (region, name.region()) {
            (Some(asked), Some(own)) if asked != own => {
                return Err(Error::invalid_ref(format!(
                    "wrong-region: the secret is in `{own}`, and the reference says `{asked}`"
                )));
            }
            (asked, own) => asked.or(own).or(usual_region),
        };
        let stage = stage.filter(|stage| *stage != CURRENT || version.is_some());
        Ok(Self {
            region: checked(region)?,
            version: version.map(str::to_owned),
            stage: stage.map(str::to_owned),
            id,
        })
    }

    /// Whether it is the current version, as in a batch.
    pub(crate) const fn is_current(&self) -> bool {
        self.version.is_none() && self.stage.is_none()
    }

    /// Whether it is named by an ARN, and not by its name.
    pub(crate) fn is_arn(&self) -> bool {
        self.id.contains(':')
    }

    /// What a policy has to name.
    pub(crate) fn resource(&self) -> String {
        SecretName::parse(&self.id).map_or_else(|| self.id.clone(), |name| name.resource(&self.region))
    }

    /// Whether a secret with this name and this ARN is the one.
    pub(crate) fn is(&self, name: Option<&str>, arn: Option<&str>) -> bool {
        let without_end = arn.and_then(|arn| Some(arn.rsplit_once('-')?.0));
        [name, arn, without_end].contains(&Some(self.id.as_str()))
    }
}

/// The region of a list, which has one option.
pub(crate) fn region_of_list(options: &[(String, String)], usual: Option<&str>) -> Result<String, Error> {
    match options {
        [] => checked(usual),
        [(name, region)] if name == "region" => checked(Some(region)),
        _ => Err(Error::invalid_ref("the option of a list is `region`")),
    }
}

/// A region becomes part of the name of a host.
fn checked(region: Option<&str>) -> Result<String, Error> {
    let Some(region) = region else {
        return Err(Error::invalid_config("no-region: no region is set"));
    };
    match is_region(region) {
        true => Ok(region.to_owned()),
        false => Err(Error::invalid_ref("a region is like `eu-west-1`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b-AbCdEf";

    fn id(reference: &SecretRef) -> Result<SecretId, Error> {
        SecretId::new(reference, Some("us-east-1"))
    }

    #[test]
    fn the_region_is_that_of_the_option_the_arn_or_the_setting() {
        let region = |reference: SecretRef| id(&reference).map(|id| id.region);
        assert!(matches!(region(SecretRef::new("a")), Ok(region) if region == "us-east-1"));
        assert!(matches!(region(SecretRef::new(ARN)), Ok(region) if region == "eu-west-1"));
        let option = |name: &str| SecretRef::new(name).option("region", "us-west-2");
        assert!(matches!(region(option("a")), Ok(region) if region == "us-west-2"));
        assert!(
            matches!(region(option(ARN)), Err(Error::InvalidRef(why)) if why.starts_with("wrong-region: "))
        );
        let nowhere = SecretId::new(&SecretRef::new("a"), None);
        assert!(matches!(nowhere, Err(Error::InvalidConfig(why)) if why.starts_with("no-region: ")));
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for key in ["a b", "arn:aws:s3:::bucket"] {
            assert!(matches!(id(&SecretRef::new(key)), Err(Error::InvalidRef(_))), "{key}");
        }
        for (name, value) in [("region", "a.b"), ("region", ""), ("endpoint", "http://a"), ("stages", "b")] {
            let reference = SecretRef::new("a").option(name, value);
            assert!(matches!(id(&reference), Err(Error::InvalidRef(_))), "{name}");
        }
    }

    #[test]
    fn a_secret_is_known_by_its_name_and_its_arn() {
        for known in ["a/b", ARN, "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a/b"] {
            let id = id(&SecretRef::new(known)).expect("well formed");
            assert!(id.is(Some("a/b"), Some(ARN)), "{known}");
            assert!(!id.is(Some("a"), None) && !id.is(None, None));
        }
    }

    #[test]
    fn the_current_version_is_asked_for_in_a_batch() {
        let current = |reference: SecretRef| id(&reference).is_ok_and(|id| id.is_current());
        assert!(current(SecretRef::new("a")) && current(SecretRef::new("a").option("stage", CURRENT)));
        assert!(!current(SecretRef::new("a").option("stage", "AWSPREVIOUS")));
        assert!(!current(SecretRef::new("a").option("version", "1")));
    }
}
