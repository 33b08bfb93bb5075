//! The least that a policy must allow (IAM User Guide, "IAM JSON policy reference").

use std::collections::BTreeSet;

use ptrun_arn::SecretName;
use serde::Serialize;

use crate::region_of;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: &'static str,
    resource: BTreeSet<String>,
}

/// The policy that lets somebody read these secrets, each a key and its options, as JSON; `region` is that of
/// references which name none. Several of one region are read in a batch, which AWS grants for all secrets or none,
/// and which gives nobody a secret that the first statement does not.
///
/// # Errors
/// The key that is no name of a secret, or that names no region where none is set.
pub fn policy<'a>(
    references: impl IntoIterator<Item = (&'a str, &'a [(String, String)])>,
    region: Option<&str>,
) -> Result<String, String> {
    let (mut resources, mut current) = (BTreeSet::new(), BTreeSet::new());
    let mut batch = false;
    for (key, options) in references {
        let name = SecretName::parse(key).ok_or_else(|| format!("`{key}` is no name of a secret"))?;
        let region = region_of(key, options).or(region);
        let region = region.ok_or_else(|| format!("no region is set for `{key}`"))?;
        resources.insert(name.resource(region));
        let version = options.iter().any(|(name, _)| name == "version" || name == "stage");
        if !version {
            // A second one in the same region makes a batch.
            batch |= current.iter().any(|(known, other)| *known == region && *other != key);
            current.insert((region, key));
        }
    }
    let allow = |action, resource| Statement { effect: "Allow", action, resource };
    let mut statement = vec![allow("secretsmanager:GetSecretValue", resources)];
    if batch {
        let all = BTreeSet::from(["*".to_owned()]);
        statement.push(allow("secretsmanager:BatchGetSecretValue", all));
    }
    let policy = Policy { version: "2012-10-17", statement };
    serde_json::to_string_pretty(&policy).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(references: &[(&str, &[(&str, &str)])], region: Option<&str>) -> Result<Value, String> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let references: Vec<(&str, Vec<(String, String)>)> =
            references.iter().map(|(key, options)| (*key, options.iter().map(owned).collect())).collect();
        let text = policy(references.iter().map(|(key, options)| (*key, options.as_slice())), region)?;
        Ok(serde_json::from_str(&text).expect("JSON"))
    }

    #[test]
    fn one_secret_needs_one_action() {
        let policy = of(&[("a", &[])], Some("eu-west-1"));
        let statement = json!({
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": ["arn:aws:secretsmanager:eu-west-1:*:secret:a-??????"],
        });
        assert_eq!(policy, Ok(json!({ "Version": "2012-10-17", "Statement": [statement] })));
    }

    #[test]
    fn several_of_one_region_are_a_batch() {
        let batch = |references: &[(&str, &[(&str, &str)])]| {
            of(references, Some("eu-west-1")).expect("a policy")["Statement"].as_array().map_or(0, Vec::len)
                == 2
        };
        assert!(batch(&[("a", &[]), ("b", &[])]));
        assert!(!batch(&[("a", &[]), ("a", &[])]));
        assert!(!batch(&[("a", &[]), ("b", &[("region", "us-east-1")])]));
        assert!(!batch(&[("a", &[]), ("b", &[("stage", "AWSPREVIOUS")])]));
    }

    #[test]
    fn what_has_no_region_has_no_policy() {
        assert_eq!(of(&[("a", &[])], None), Err("no region is set for `a`".to_owned()));
        assert_eq!(of(&[("a b", &[])], Some("x")), Err("`a b` is no name of a secret".to_owned()));
    }
}
