//! Changes secrets.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::primitives::Blob;
use ptrun_plugin::Error;

use crate::failure;
use crate::secret_id::SecretId;

/// The stages of the version that a rotation makes, and of the one that everybody reads.
const PENDING: &str = "AWSPENDING";
const CURRENT: &str = "AWSCURRENT";

/// `PutSecretValue`, or `CreateSecret` if there is none yet. Text goes where consoles show it.
pub(crate) async fn put(client: &Client, id: &SecretId, value: &[u8]) -> Result<Option<String>, Error> {
    let (text, binary) = match std::str::from_utf8(value) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(Blob::new(value))),
    };
    let request = client.put_secret_value().secret_id(&id.id);
    let put = request.set_secret_string(text.clone()).set_secret_binary(binary.clone()).send().await;
    let put = put.map(|answer| answer.version_id);
    match put.map_err(|why| failure::of(&why, "PutSecretValue", &id.resource())) {
        // An ARN is given by AWS, and is no name for a new one.
        Err(Error::NotFound) if !id.id.contains(':') => {
            let request = client.create_secret().name(&id.id);
            let created = request.set_secret_string(text).set_secret_binary(binary).send().await;
            let created = created.map(|answer| answer.version_id);
            created.map_err(|why| failure::of(&why, "CreateSecret", &id.resource()))
        }
        done => done,
    }
}

/// `RotateSecret`, now: the version that it makes.
pub(crate) async fn rotate(client: &Client, id: &SecretId) -> Result<String, Error> {
    let request = client.rotate_secret().secret_id(&id.id).rotate_immediately(true);
    let answer = request.send().await.map_err(|why| failure::of(&why, "RotateSecret", &id.resource()))?;
    answer.version_id.ok_or_else(|| Error::internal("the answer names no version"))
}

/// Whether a version is what everybody reads, and its rotation is done (`DescribeSecret`).
pub(crate) async fn is_current(client: &Client, id: &SecretId, version: &str) -> Result<bool, Error> {
    let request = client.describe_secret().secret_id(&id.id);
    let answer = request.send().await.map_err(|why| failure::of(&why, "DescribeSecret", &id.resource()))?;
    let stages = answer.version_ids_to_stages.unwrap_or_default();
    let stages = stages.get(version).map_or(&[][..], Vec::as_slice);
    let has = |stage: &str| stages.iter().any(|known| known == stage);
    Ok(has(CURRENT) && !has(PENDING))
}
