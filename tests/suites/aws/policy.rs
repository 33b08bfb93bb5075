//! The policy that `ptrun explain --iam` prints, put into a server that checks signatures and policies: it is enough,
//! and with less there is no secret.

use std::process::Command;

use ptrun_tests::User;
use serde_json::{Value, json};

use super::moto::Moto;
use super::{class, good_text, refused};

/// Somebody with a key of their own.
struct Identity {
    id: String,
    secret: String,
}

impl Identity {
    fn new(moto: &Moto) -> Self {
        let iam = |operation: &str, arguments| moto.call("us-east-1", "iam", operation, arguments);
        iam("create_user", json!({ "UserName": "runner" }));
        let key = iam("create_access_key", json!({ "UserName": "runner" }))["AccessKey"].take();
        let text = |name: &str| key[name].as_str().expect("a text").to_owned();
        Self { id: text("AccessKeyId"), secret: text("SecretAccessKey") }
    }

    /// `ptrun` with this key.
    fn ptrun(&self, moto: &Moto, user: &User, arguments: &[&str]) -> Command {
        let mut command = moto.ptrun(user, arguments);
        command.env("AWS_ACCESS_KEY_ID", &self.id).env("AWS_SECRET_ACCESS_KEY", &self.secret);
        command.env_remove("AWS_SESSION_TOKEN");
        command
    }
}

/// What this policy allows from now on.
fn allow(moto: &Moto, policy: &Value) {
    let arguments =
        json!({ "UserName": "runner", "PolicyName": "ptrun", "PolicyDocument": policy.to_string() });
    moto.call("us-east-1", "iam", "put_user_policy", arguments);
}

#[test]
fn the_policy_of_a_run_is_enough_and_no_more() {
    let (moto, user) = (Moto::start(), User::new());
    let identity = Identity::new(&moto);
    for (name, value) in [("app/a", "1"), ("app/b", "2"), ("other", "3")] {
        moto.create(name, value);
    }
    let references = ["-s", "A=aws://app/a", "-s", "B=aws://app/b"];
    let printed = good_text(identity.ptrun(&moto, &user, &["explain", "--iam"]).args(references));
    let policy: Value = serde_json::from_str(&printed).expect("JSON");
    allow(&moto, &policy);

    moto.check(true);
    let run = || {
        let mut command = identity.ptrun(&moto, &user, &references);
        command.args(["--", "sh", "-c", "echo $A $B"]);
        command
    };
    assert_eq!(good_text(&mut run()), "1 2\n");
    assert_eq!(moto.operations(), ["BatchGetSecretValue"]);
    // Another secret is not in it, and neither is a list.
    let said = refused(&mut identity.ptrun(&moto, &user, &["get", "aws://other"]));
    assert!(class(&said) == "secret/denied" && said.contains("`secretsmanager:GetSecretValue`"), "{said}");
    let said = refused(&mut identity.ptrun(&moto, &user, &["list", "aws://"]));
    assert!(class(&said) == "secret/denied" && said.contains("`secretsmanager:ListSecrets`"), "{said}");
    // The signature is looked at.
    for (name, value) in [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "AKIANOBODY0000000000")] {
        let said = refused(identity.ptrun(&moto, &user, &["get", "aws://app/a"]).env(name, value));
        assert_eq!(class(&said), "secret/unauthenticated", "{said}");
    }
    moto.operations();

    // Without the second statement there are no batches, and all the secrets.
    moto.check(false);
    let mut less = policy;
    less["Statement"].as_array_mut().expect("statements").truncate(1);
    allow(&moto, &less);
    moto.check(true);
    assert_eq!(good_text(&mut run()), "1 2\n");
    assert_eq!(moto.operations(), ["BatchGetSecretValue", "GetSecretValue", "GetSecretValue"]);
    // Without one of the secrets, there is nothing.
    moto.check(false);
    less["Statement"][0]["Resource"].as_array_mut().expect("resources").truncate(1);
    allow(&moto, &less);
    moto.check(true);
    let said = refused(&mut run());
    assert!(
        class(&said) == "secret/denied" && said.contains("secret: B") && !said.contains("secret: A"),
        "{said}"
    );
}
