//! Reads secrets: in batches where that is allowed, one by one where it is not.

use std::collections::HashMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::operation::batch_get_secret_value::BatchGetSecretValueOutput;
use aws_sdk_secretsmanager::primitives::Blob;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use ptrun_plugin::{Error, Secret};

use crate::failure;
use crate::secret_id::SecretId;

/// How many secrets a batch has at most (`BatchGetSecretValue`, `SecretIdList`).
const BATCH: usize = 20;

/// How many requests are under way at once. Each has handles of the host, of which there are not many.
const AT_ONCE: usize = 16;

type Found = Result<(Vec<u8>, Option<String>), Error>;

/// One answer for each, in their order. What is asked for twice is fetched once.
pub(crate) async fn all(
    clients: &HashMap<String, Client>,
    ids: &[Result<SecretId, Error>],
) -> Vec<Result<Secret, Error>> {
    let mut wanted: Vec<&SecretId> = Vec::new();
    for id in ids.iter().flatten() {
        if !wanted.contains(&id) {
            wanted.push(id);
        }
    }
    let (current, versions): (Vec<&SecretId>, Vec<&SecretId>) =
        wanted.into_iter().partition(|id| id.is_current());
    // Names and ARNs apart: an answer for the ARN of another account may have the name of a secret of this one.
    let mut groups: HashMap<(&str, bool), Vec<&SecretId>> = HashMap::new();
    for id in current {
        groups.entry((&id.region, id.is_arn())).or_default().push(id);
    }
    let batches = groups.values().flat_map(|ids| ids.chunks(BATCH));
    let batches = join_all(batches.map(|ids| batch(clients, ids)));
    let versions = singles(clients, versions);
    let (batches, versions) = futures_util::future::join(batches, versions).await;
    let found: HashMap<&SecretId, Found> = batches.into_iter().flatten().chain(versions).collect();
    let answer = |id: &Result<SecretId, Error>| match found.get(id.as_ref().map_err(Clone::clone)?) {
        Some(Ok((value, version))) => Ok(Secret { version: version.clone(), ..Secret::new(value.clone()) }),
        Some(Err(why)) => Err(why.clone()),
        None => Err(Error::internal("a secret was forgotten")),
    };
    ids.iter().map(answer).collect()
}

/// One by one, a few at a time.
async fn singles<'a>(
    clients: &HashMap<String, Client>,
    ids: Vec<&'a SecretId>,
) -> Vec<(&'a SecretId, Found)> {
    stream::iter(ids).map(|id| single(clients, id)).buffer_unordered(AT_ONCE).collect().await
}

async fn single<'a>(clients: &HashMap<String, Client>, id: &'a SecretId) -> (&'a SecretId, Found) {
    let Some(client) = clients.get(&id.region) else {
        return (id, Err(Error::internal("a region was forgotten")));
    };
    let secret = one(client, id).await;
    (id, secret.map(|secret| (secret.value, secret.version)))
}

/// `GetSecretValue`.
pub(crate) async fn one(client: &Client, id: &SecretId) -> Result<Secret, Error> {
    let request = client
        .get_secret_value()
        .secret_id(&id.id)
        .set_version_id(id.version.clone())
        .set_version_stage(id.stage.clone());
    let answer = request.send().await.map_err(|why| failure::of(&why, "GetSecretValue", &id.resource()))?;
    let value = value(answer.secret_string, answer.secret_binary)?;
    Ok(Secret { version: answer.version_id, ..Secret::new(value) })
}

/// `BatchGetSecretValue`, for secrets of one region.
async fn batch<'a>(clients: &HashMap<String, Client>, ids: &[&'a SecretId]) -> Vec<(&'a SecretId, Found)> {
    let mut found = Vec::new();
    let mut left: Vec<&SecretId> = ids.to_vec();
    if let ([_, _, ..], Some(client)) = (ids, clients.get(&ids[0].region)) {
        let mut next = None;
        loop {
            let request = client.batch_get_secret_value().set_next_token(next.take());
            let request = ids.iter().fold(request, |request, id| request.secret_id_list(&id.id));
            match request.send().await {
                Ok(mut answer) => {
                    next = answer.next_token.take();
                    take(answer, &mut left, &mut found);
                }
                Err(why) if is_refused(&why) => break,
                Err(why) => match failure::of(&why, "BatchGetSecretValue", "*") {
                    why @ (Error::Throttled(_) | Error::Unavailable(_) | Error::Unauthenticated(_)) => {
                        found.extend(left.drain(..).map(|id| (id, Err(why.clone()))));
                    }
                    // One by one, it is seen which of them is the reason.
                    _ => break,
                },
            }
            if next.is_none() || left.is_empty() {
                break;
            }
        }
    }
    // What the policy lets nobody read in a batch, and what the batch did not come to.
    found.extend(singles(clients, left).await);
    found
}

/// Whether batches are not for this caller, or not for this server. Then secrets are read one by one.
fn is_refused<E: ProvideErrorMetadata>(why: &SdkError<E>) -> bool {
    let unknown = ["AccessDeniedException", "AccessDenied", "UnknownOperationException", "NotImplemented"];
    why.code().is_some_and(|code| unknown.contains(&code))
        || why.raw_response().is_some_and(|answer| [404, 501].contains(&answer.status().as_u16()))
}

/// Puts what came back where it belongs. What a second try may help is left.
fn take<'a>(
    answer: BatchGetSecretValueOutput,
    left: &mut Vec<&'a SecretId>,
    found: &mut Vec<(&'a SecretId, Found)>,
) {
    for secret in answer.secret_values.unwrap_or_default() {
        let (name, arn) = (secret.name.as_deref(), secret.arn.as_deref());
        let value = value(secret.secret_string, secret.secret_binary);
        let these = left.extract_if(.., |id| id.is(name, arn));
        found.extend(these.map(|id| (id, value.clone().map(|value| (value, secret.version_id.clone())))));
    }
    for error in answer.errors.unwrap_or_default() {
        let (code, message) = (error.error_code.unwrap_or_default(), error.message.unwrap_or_default());
        let why = |id: &SecretId| failure::in_batch(id, &code, &message);
        let these = left.extract_if(.., |id| {
            error.secret_id.as_ref() == Some(&id.id)
                && !matches!(why(id), Error::Throttled(_) | Error::Unavailable(_))
        });
        found.extend(these.map(|id| (id, Err(why(id)))));
    }
}

/// Byte for byte.
fn value(text: Option<String>, binary: Option<Blob>) -> Result<Vec<u8>, Error> {
    match (text, binary) {
        (Some(text), None) => Ok(text.into_bytes()),
        (None, Some(binary)) => Ok(binary.into_inner()),
        _ => Err(Error::internal("the answer has no value, or two")),
    }
}
