//! What is said of failures that only AWS has.

use ptrun_tests::User;
use serde_json::json;
use snapbox::{assert_data_eq, str};

use crate::faults::{Reply, Server, get};
use crate::moto::ptrun;
use crate::refused;

fn said(reply: Reply) -> String {
    get(vec![reply]).0
}

#[test]
fn failures_of_aws_are_said_in_words() {
    let expired = "The security token included in the request is expired";
    assert_data_eq!(
        said(Reply::Error(400, "ExpiredTokenException", expired)),
        str![[r#"
error[secret/expired-token]: The security token included in the request is expired
  reference: aws://a
  help: log in again, for example with `aws sso login`, or renew the session

"#]]
    );
    let late = "Signature expired: 20260101T000000Z is now earlier than 20260101T001000Z";
    assert_data_eq!(
        said(Reply::At(600, "InvalidSignatureException", late)),
        str![[r#"
error[secret/clock-skew]: the clock of this machine is 10 minutes behind that of AWS
  reference: aws://a
  help: set the clock of this machine: `timedatectl set-ntp true`

"#]]
    );
    let region = "Credential should be scoped to a valid region";
    assert_data_eq!(
        said(Reply::At(0, "InvalidSignatureException", region)),
        str![[r#"
error[secret/wrong-region]: Credential should be scoped to a valid region
  reference: aws://a
  help: name the region that the secret is in: `?region=`, or AWS_REGION

"#]]
    );
    assert_data_eq!(
        said(Reply::Error(400, "AccessDeniedException", "User: x is not authorized")),
        str![[r#"
error[secret/denied]: `secretsmanager:GetSecretValue` is missing on `arn:aws:secretsmanager:us-east-1:*:secret:a-??????`
  reference: aws://a
  help: have it allowed, or use another identity; `ptrun explain --iam` prints the policy that a run needs

"#]]
    );
}

#[test]
fn a_rotation_that_takes_too_long_is_said_in_words() {
    let version = "00000000-0000-4000-8000-000000000001";
    let rotated = Reply::Answer(200, json!({ "Name": "a", "VersionId": version }).to_string());
    let stages = json!({ "Name": "a", "VersionIdsToStages": { version: ["AWSPENDING"] } }).to_string();
    let server = Server::start(vec![rotated, Reply::Answer(200, stages)]);
    let user = User::new();
    assert_data_eq!(
        refused(&mut ptrun(&user, &server.url, &["rotate", "aws://a", "--wait", "300ms"])),
        str![[r#"
error[secret/rotation]: the rotation did not end in 300ms
  reference: aws://a
  help: it goes on without ptrun; if it never ends, look at the log of what rotates it

"#]]
    );
}
