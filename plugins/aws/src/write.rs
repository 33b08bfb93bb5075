//! Changes secrets.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::ProvideErrorMetadata as _;
use aws_sdk_secretsmanager::primitives::Blob;
use ptrun_plugin::Error;

use crate::failure;
use crate::secret_id::SecretId;

/// The stage of the version that everybody reads.
const CURRENT: &str = "AWSCURRENT";

/// `PutSecretValue`, or `CreateSecret` if there is none yet. Text goes where consoles show it.
pub(crate) async fn put(client: &Client, id: &SecretId, value: &[u8]) -> Result<Option<String>, Error> {
    let (text, binary) = match std::str::from_utf8(value) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(Blob::new(value))),
    };
    let put = async || {
        let request = client.put_secret_value().secret_id(&id.id);
        let put = request.set_secret_string(text.clone()).set_secret_binary(binary.clone()).send().await;
        let put = put.map(|answer| answer.version_id);
        put.map_err(|why| failure::of(&why, "PutSecretValue", &id.resource()))
    };
    match put().await {
        // An ARN is given by AWS, and is no name for a new one.
        Err(Error::NotFound) if !id.is_arn() => {}
        done => return done,
    }
    let request = client.create_secret().name(&id.id);
    let created = request.set_secret_string(text.clone()).set_secret_binary(binary.clone()).send().await;
    match created {
        Ok(answer) => Ok(answer.version_id),
        // Somebody else was faster.
        Err(why) if why.code() == Some("ResourceExistsException") => put().await,
        Err(why) => Err(failure::of(&why, "CreateSecret", &id.resource())),
    }
}

/// `RotateSecret`, now: the version that it makes.
pub(crate) async fn rotate(client: &Client, id: &SecretId) -> Result<String, Error> {
    let request = client.rotate_secret().secret_id(&id.id).rotate_immediately(true);
    let answer = request.send().await.map_err(|why| failure::of(&why, "RotateSecret", &id.resource()))?;
    answer.version_id.ok_or_else(|| Error::internal("the answer names no version"))
}

/// Whether a version is what everybody reads (`DescribeSecret`). It may still have the stage of a rotation, too.
pub(crate) async fn is_current(client: &Client, id: &SecretId, version: &str) -> Result<bool, Error> {
    let request = client.describe_secret().secret_id(&id.id);
    let answer = request.send().await.map_err(|why| failure::of(&why, "DescribeSecret", &id.resource()))?;
    let stages = answer.version_ids_to_stages.unwrap_or_default();
    let stages = stages.get(version).map_or(&[][..], Vec::as_slice);
    Ok(stages.iter().any(|stage| stage == CURRENT))
}
