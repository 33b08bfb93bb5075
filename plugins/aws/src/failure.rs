//! What went wrong, in the cases of the interface. No message of AWS holds a value.

use std::time::{Duration, SystemTime};

use aws_sdk_secretsmanager::config::http::HttpResponse;
use aws_sdk_secretsmanager::error::{ConnectorError, DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_secretsmanager::primitives::{DateTime, DateTimeFormat};
use ptrun_plugin::Error;

use crate::secret_id::SecretId;

/// AWS accepts signatures of the last and the next five minutes.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// Whether the same request may have an answer the next time: what the host refuses, it will refuse again.
pub(crate) fn is_passing(error: &ConnectorError) -> bool {
    let why = DisplayErrorContext(error).to_string();
    let lasting = [
        "ConfigurationError",
        "DestinationIpProhibited",
        "HttpRequestDenied",
        "HttpResponseBodySize",
        "TlsCertificateError",
    ];
    !lasting.iter().any(|case| why.contains(case))
}

/// What an operation (`GetSecretValue`) that failed comes to. `what` is the resource that it is about.
pub(crate) fn of<E>(error: &SdkError<E, HttpResponse>, operation: &str, what: &str) -> Error
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match error {
        SdkError::ServiceError(answer) => {
            let skew = skew(answer.raw());
            service(&Answer {
                status: answer.raw().status().as_u16(),
                code: answer.err().code().unwrap_or_default(),
                message: answer.err().message().unwrap_or_default(),
                skew,
                operation,
                what,
            })
        }
        SdkError::TimeoutError(_) => Error::unavailable("no answer in time"),
        SdkError::DispatchFailure(_) => Error::unavailable("no answer"),
        SdkError::ResponseError(_) => Error::unavailable("the answer is broken or cut off"),
        _ => Error::internal(DisplayErrorContext(error).to_string()),
    }
}

/// Why one secret of a batch is not there.
pub(crate) fn in_batch(id: &SecretId, code: &str, message: &str) -> Error {
    let (operation, what) = ("GetSecretValue", &id.resource());
    service(&Answer { status: 400, code, message, skew: None, operation, what })
}

/// An error of the service.
struct Answer<'a> {
    status: u16,
    code: &'a str,
    message: &'a str,
    skew: Option<Skew>,
    operation: &'a str,
    what: &'a str,
}

/// The clock of this machine, by that of the service.
struct Skew {
    minutes: u64,
    direction: &'static str,
}

fn service(answer: &Answer<'_>) -> Error {
    let Answer { status, code, message, operation, what, .. } = answer;
    let said = if message.is_empty() { code } else { message };
    match *code {
        "ResourceNotFoundException" => Error::not_found(),
        "AccessDeniedException" | "AccessDenied" if message.contains("Access to KMS") => {
            let action = if operation.ends_with("GetSecretValue") { "Decrypt" } else { "GenerateDataKey" };
            Error::denied(format!("iam: `kms:{action}` is missing on the key of `{what}`"))
        }
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" => {
            Error::denied(format!("iam: `secretsmanager:{operation}` is missing on `{what}`"))
        }
        "DecryptionFailure" | "EncryptionFailure" => Error::denied(format!(
            "iam: `kms:Decrypt` and `kms:GenerateDataKey` on the key of `{what}`: {said}"
        )),
        "ExpiredToken" | "ExpiredTokenException" => Error::unauthenticated(format!("expired-token: {said}")),
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "PriorRequestNotComplete" => Error::Throttled(None),
        "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "RequestInTheFuture"
        | "IncompleteSignature" => signature(answer, said),
        "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "AuthFailure"
        | "NotAuthorized"
        | "OptInRequired" => Error::unauthenticated(*said),
        "InvalidParameterException"
        | "InvalidRequestException"
        | "ValidationException"
        | "ResourceExistsException"
        | "LimitExceededException"
        | "PreconditionNotMetException" => Error::invalid_ref(*said),
        "InternalServiceError" | "InternalServerError" | "InternalFailure" | "ServiceUnavailable" => {
            Error::unavailable(*said)
        }
        "" if [401, 403].contains(status) => Error::denied(format!("status {status}, and no reason")),
        _ if *status < 300 => Error::unavailable("the answer is broken or cut off"),
        _ if *status == 429 => Error::Throttled(None),
        _ if *status >= 500 => Error::unavailable(format!("status {status}: {said}")),
        _ => Error::internal(format!("status {status}: {code}: {message}")),
    }
}

/// A signature is refused because of its time, its region, or the key that it was made with.
fn signature(answer: &Answer<'_>, said: &str) -> Error {
    if let Some(Skew { minutes, direction }) = answer.skew {
        return Error::unauthenticated(format!(
            "clock-skew: the clock of this machine is {minutes} minutes {direction} that of AWS"
        ));
    }
    if said.contains("valid region") {
        return Error::unauthenticated(format!("wrong-region: {said}"));
    }
    Error::unauthenticated(said)
}

/// How far the clock is off, if it is too far.
fn skew(response: &HttpResponse) -> Option<Skew> {
    let theirs = DateTime::from_str(response.headers().get("date")?, DateTimeFormat::HttpDate).ok()?;
    let (theirs, ours) = (SystemTime::try_from(theirs).ok()?, SystemTime::now());
    let (off, direction) = match ours.duration_since(theirs) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    (off >= SKEW).then_some(Skew { minutes: (off.as_secs() + 30) / 60, direction })
}
