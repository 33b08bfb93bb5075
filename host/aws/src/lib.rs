//! Signs the requests of plugins for AWS (Signature Version 4). The plugin signs with credentials of its own
//! invention, as its SDK wants it; the host takes that off and signs again with the real ones, for one service and
//! the regions of the plan.
//!
//! [`Chain`] finds credentials where every AWS SDK does: variables, profiles, SSO, web identity, ECS, the
//! instance's metadata, a process. Nothing is read before a plugin asks for it.

use ptrun_arn::is_region;

/// The region that a reference names, whose key this is and whose options: the option `region`, or the one in an
/// ARN (`arn:PARTITION:SERVICE:REGION:…`).
#[must_use]
pub fn region_of<'a>(key: &'a str, options: &'a [(String, String)]) -> Option<&'a str> {
    let option = options.iter().find(|(name, _)| name == "region").map(|(_, region)| region.as_str());
    option.or_else(|| key.strip_prefix("arn:")?.split(':').nth(2).filter(|region| is_region(region)))
}

mod chain;
mod iam;
mod sigv4;

pub use chain::{Chain, ChainError, Endpoint};
pub use iam::policy;
pub use sigv4::Sigv4;

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn a_reference_may_name_its_region() {
        let option = [("region".to_owned(), "eu-west-1".to_owned())];
        let arn = "arn:aws:secretsmanager:us-east-2:123456789012:secret:a-AbCdEf";
        assert_eq!(region_of("a", &option), Some("eu-west-1"));
        assert_eq!(region_of(arn, &[]), Some("us-east-2"));
        assert_eq!(region_of(arn, &option), Some("eu-west-1"));
        assert_eq!(region_of("arn:aws:ssm:eu-west-3:123456789012:parameter/a", &[]), Some("eu-west-3"));
        for none in ["a", "arn:aws", "arn:aws:secretsmanager::1:secret:a", "region"] {
            assert_eq!(region_of(none, &[]), None, "{none}");
        }
    }
}
