//! AWS Secrets Manager: the plugin `aws`, with the SDK of AWS in the sandbox, against moto and a server with faults.

mod faults;
mod messages;
mod moto;
mod network;
mod policy;
mod probe;
#[path = "../../../host/egress/tests/client/server.rs"]
mod server;

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use moto::{ID, Moto, SECRET, TOKEN};
use ptrun_tests::{User, text};
use serde_json::{Value, json};

/// What a command printed that went well.
fn good(command: &mut Command) -> Vec<u8> {
    let output = command.output().expect("starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "");
    output.stdout
}

fn good_text(command: &mut Command) -> String {
    String::from_utf8(good(command)).expect("text")
}

/// What a command said that did not.
fn refused(command: &mut Command) -> String {
    let output = command.output().expect("starts");
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(125), "{said}{}", text(&output.stdout));
    assert!(!said.contains(SECRET) && !said.contains(TOKEN), "{said}");
    said
}

/// The class of an error.
fn class(said: &str) -> &str {
    said.strip_prefix("error[").and_then(|rest| rest.split(']').next()).unwrap_or(said)
}

fn with_input(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    // One that fails early reads nothing.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("ends")
}

#[test]
fn a_program_starts_with_a_secret_that_boto3_wrote() {
    let (moto, user) = (Moto::start(), User::new());
    moto.create("projects_tools/api_keys", r#"{"openai_api_key":"sk-1","anthropic_api_key":"sk-2"}"#);
    let reference = "K=aws://projects_tools/api_keys#openai_api_key";
    let arguments = ["--plugin", "aws.wasm", "-s", reference, "--", "printenv", "K"];
    assert_eq!(good_text(&mut moto.ptrun(&user, &arguments)), "sk-1\n");
    // Inherited; and both fields of one secret are one question.
    let script = "echo $A $B";
    let mut command = moto.ptrun(&user, &["--plugin", "aws", "--", "sh", "-c", script]);
    command.env("A", "aws://projects_tools/api_keys#openai_api_key");
    command.env("B", "aws://projects_tools/api_keys#anthropic_api_key");
    assert_eq!(good_text(&mut command), "sk-1 sk-2\n");
    assert_eq!(moto.operations(), ["GetSecretValue", "GetSecretValue"]);
}

#[test]
fn many_references_are_few_requests() {
    let (moto, user) = (Moto::start(), User::new());
    for at in 0..25 {
        moto.create(&format!("many/{at}"), &format!("{{\"a\":\"a{at}\",\"b\":\"b{at}\"}}"));
    }
    moto.operations();
    let references: Vec<String> = (0..40)
        .map(|at| format!("V{at}=aws://many/{}#{}", at % 25, if at < 25 { "a" } else { "b" }))
        .collect();
    let mut arguments: Vec<&str> = references.iter().flat_map(|text| ["-s", text]).collect();
    arguments.extend(["--", "env"]);
    let environment = good_text(&mut moto.ptrun(&user, &arguments));
    for at in 0..40 {
        let line = format!("V{at}={}{}", if at < 25 { "a" } else { "b" }, at % 25);
        assert!(environment.lines().any(|found| found == line), "{line}");
    }
    assert_eq!(moto.operations(), ["BatchGetSecretValue"; 2]);
}

#[test]
fn a_missing_optional_secret_costs_no_second_round() {
    let (moto, user) = (Moto::start(), User::new());
    moto.create("here", "1");
    moto.create("too", "2");
    moto.operations();
    user.write(
        "ptrun.toml",
        "[secrets]\nA = \"aws://here\"\nB = { ref = \"aws://gone\", required = false }\n\
         C = { ref = \"aws://lost\", default = \"3\" }\nD = \"aws://too\"\n",
    );
    let printed = good_text(&mut moto.ptrun(&user, &["--", "sh", "-c", "echo $A ${B-none} $C $D"]));
    assert_eq!(printed, "1 none 3 2\n");
    assert_eq!(moto.operations(), ["BatchGetSecretValue"]);
}

#[test]
fn values_arrive_byte_for_byte() {
    let (moto, user) = (Moto::start(), User::new());
    let binary: Vec<u8> = (0..=255).collect();
    let largest = "x".repeat(64 << 10);
    moto.create_with(json!({ "Name": "binary", "SecretBinary": { "bytes": "AAECAwQF/v8=" } }));
    moto.create("largest", &largest);
    moto.create("unicode", "päß\u{1f511}\r\n\t\"\\");
    let get = |reference: &str| good(&mut moto.ptrun(&user, &["get", reference]));
    assert_eq!(get("aws://binary"), [0, 1, 2, 3, 4, 5, 254, 255]);
    assert_eq!(get("aws://largest"), largest.as_bytes());
    assert_eq!(get("aws://unicode"), "päß\u{1f511}\r\n\t\"\\".as_bytes());
    // And what ptrun writes, boto3 reads.
    for (name, value) in [("written", binary.as_slice()), ("empty line", b"\n\n"), ("line", b"one line\n")] {
        let name = name.replace(' ', "-");
        let output = with_input(moto.ptrun(&user, &["set", &format!("aws://{name}")]), value);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout) + &text(&output.stderr), "");
        // A line has no end; everything else keeps it.
        let expected = if value == b"one line\n" { b"one line".as_slice() } else { value };
        assert_eq!(get(&format!("aws://{name}")), expected, "{name}");
    }
    let read = |name| {
        let arguments = json!({ "SecretId": name });
        moto.call("us-east-1", "secretsmanager", "get_secret_value", arguments)["SecretString"].clone()
    };
    assert_eq!((read("line"), read("written")), (json!("one line"), Value::Null));
}

#[test]
fn versions_stages_and_arns_are_named() {
    let (moto, user) = (Moto::start(), User::new());
    let arn = moto.create("versioned", "first");
    let put = json!({ "SecretId": "versioned", "SecretString": "second" });
    let version = moto.call("us-east-1", "secretsmanager", "put_secret_value", put);
    let version = version["VersionId"].as_str().expect("a version");
    let get = |reference: &str| good_text(&mut moto.ptrun(&user, &["get", reference]));
    assert_eq!(get("aws://versioned"), "second");
    assert_eq!(get("aws://versioned?stage=AWSPREVIOUS"), "first");
    assert_eq!(get(&format!("aws://versioned?version={version}")), "second");
    assert_eq!(get(&format!("aws://{arn}")), "second");
    // An ARN has a region, so that none need be set.
    let mut command = moto.ptrun(&user, &["get", &format!("aws://{arn}")]);
    assert_eq!(good_text(command.env_remove("AWS_REGION")), "second");
    // All of them at once, of which two are the same.
    let references = [
        "A=aws://versioned".to_owned(),
        "B=aws://versioned?stage=AWSPREVIOUS".to_owned(),
        format!("C=aws://{arn}"),
        "D=aws://versioned?stage=AWSCURRENT".to_owned(),
    ];
    let mut arguments: Vec<&str> = references.iter().flat_map(|text| ["-s", text]).collect();
    arguments.extend(["--", "sh", "-c", "echo $A $B $C $D"]);
    assert_eq!(good_text(&mut moto.ptrun(&user, &arguments)), "second first second second\n");
}

#[test]
fn several_regions_at_once() {
    let (moto, user) = (Moto::start(), User::new());
    let west = json!({ "Name": "same", "SecretString": "west" });
    moto.call("us-west-2", "secretsmanager", "create_secret", west);
    moto.create("same", "east");
    let script = ["--", "sh", "-c", "echo $E $W"];
    let references = ["-s", "E=aws://same", "-s", "W=aws://same?region=us-west-2"];
    let arguments: Vec<&str> = references.into_iter().chain(script).collect();
    assert_eq!(good_text(&mut moto.ptrun(&user, &arguments)), "east west\n");
}

#[test]
fn what_is_not_there_is_said() {
    let (moto, user) = (Moto::start(), User::new());
    moto.create("there", "{}");
    moto.create("there/too", "{}");
    let refused = |arguments: &[&str]| refused(&mut moto.ptrun(&user, arguments));
    let get = |reference: &str| class(&refused(&["get", reference])).to_owned();
    assert_eq!(get("aws://nowhere"), "secret/not-found");
    assert_eq!(get("aws://there?stage=AWSPENDING"), "secret/not-found");
    assert_eq!(get("aws://there#name"), "reference/selector");
    assert_eq!(get("aws://there?colour=red"), "reference/refused");
    assert_eq!(get("aws://not%20a%20name"), "reference/refused");
    assert_eq!(get("aws://there?endpoint=http://127.0.0.1:1"), "reference/refused");
    let arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:a-AbCdEf";
    assert_eq!(get(&format!("aws://{arn}?region=us-east-1")), "secret/wrong-region");
    let mut nowhere = moto.ptrun(&user, &["get", "aws://there"]);
    nowhere.env_remove("AWS_REGION").env("AWS_EC2_METADATA_DISABLED", "true");
    assert_eq!(class(&self::refused(&mut nowhere)), "secret/no-region");
    // One that is missing among others: the others are not delivered, and it is named.
    let said =
        refused(&["-s", "A=aws://there", "-s", "B=aws://there/too", "-s", "C=aws://gone", "--", "true"]);
    assert_eq!(class(&said), "secret/not-found");
    assert!(said.contains("secret: C") && !said.contains("secret: A"), "{said}");
}

#[test]
fn secrets_are_listed_written_and_rotated() {
    let (moto, user) = (Moto::start(), User::new());
    for at in 0..120 {
        moto.create(&format!("team/{at:03}"), "x");
    }
    moto.create_with(json!({ "Name": "other", "SecretString": "x", "Description": "of the others" }));
    moto.operations();
    let list = |arguments: &[&str]| good_text(&mut moto.ptrun(&user, &[&["list"], arguments].concat()));
    let lines: String = (0..120).map(|at| format!("aws://team/{at:03}\n")).collect();
    assert_eq!(list(&["aws://team/"]), lines);
    assert_eq!(list(&["aws://"]).lines().count(), 121);
    assert_eq!(list(&["aws://nothing"]), "");
    let json: Value = serde_json::from_str(&list(&["aws://oth", "--json"])).expect("JSON");
    assert_eq!(json[0]["reference"], "aws://other");
    assert_eq!(json[0]["description"], "of the others");
    assert!(json[0]["changed"].as_str().is_some_and(|time| time.ends_with('Z')), "{json}");
    assert!(moto.operations().iter().all(|operation| operation == "ListSecrets"));

    // What is there gets a version, what is not is made.
    for (name, operations) in
        [("other", &["PutSecretValue"][..]), ("new", &["PutSecretValue", "CreateSecret"][..])]
    {
        let output = with_input(moto.ptrun(&user, &["set", &format!("aws://{name}")]), b"value\n");
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(moto.operations(), operations);
    }
    let previous = good_text(&mut moto.ptrun(&user, &["get", "aws://other?stage=AWSPREVIOUS"]));
    assert_eq!(previous, "x");
    moto.operations();
    assert_eq!(good_text(&mut moto.ptrun(&user, &["rotate", "aws://other"])), "");
    assert_eq!(moto.operations(), ["RotateSecret", "DescribeSecret"]);
    assert_eq!(good_text(&mut moto.ptrun(&user, &["rotate", "--no-wait", "aws://other"])), "");
    assert_eq!(moto.operations(), ["RotateSecret"]);

    for (arguments, expected) in [
        (&["rotate", "aws://nowhere"][..], "secret/not-found"),
        (&["rotate", "aws://other?stage=AWSPREVIOUS"], "reference/refused"),
        (&["set", "aws://other#field"], "reference/selector"),
        (&["list", "aws://other#field"], "reference/selector"),
        (&["list", "env://"], "secret/unsupported"),
        (&["set", "env://A"], "secret/unsupported"),
        (&["list", "nowhere://"], "reference/unknown-scheme"),
    ] {
        assert_eq!(class(&refused(&mut moto.ptrun(&user, arguments))), expected, "{arguments:?}");
    }
    let large = with_input(moto.ptrun(&user, &["set", "aws://large"]), &[b'x'; (64 << 10) + 1]);
    assert_eq!(class(&text(&large.stderr)), "system/input");
}

#[test]
fn another_server_is_a_grant_that_is_shown() {
    let (moto, user) = (Moto::start(), User::new());
    moto.create("a", "value");
    let explained = good_text(&mut moto.ptrun(&user, &["explain", "-s", "K=aws://a"]));
    let granted = format!("given: http={} POST signed for AWS secretsmanager GetSecretValue", moto.url);
    for line in
        [&granted, "setting: region = us-east-1", "secret K = aws://a", "is: ptrun/aws 0.1.0 (built in)"]
    {
        assert!(explained.contains(line), "{line} is not in {explained}");
    }
    // Nothing goes to AWS any more, and nothing is written.
    assert!(!explained.contains("amazonaws.com") && !explained.contains("PutSecretValue"), "{explained}");
    assert!(!explained.contains(SECRET) && !explained.contains(ID), "{explained}");
    let json = good_text(&mut moto.ptrun(&user, &["explain", "--json", "-s", "K=aws://a"]));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["secrets"][0]["reference"], "aws://a");
    assert!(moto.operations().is_empty());

    // As every SDK finds it: for this service alone, and in a profile.
    let config = format!(
        "[profile dev]\nregion = us-east-1\nservices = local\n[services local]\nsecrets_manager =\n  endpoint_url = {}\n",
        moto.url
    );
    user.write(".aws/config", config);
    let mut command = moto.ptrun(&user, &["get", "aws://a"]);
    command.env_remove("AWS_ENDPOINT_URL").env_remove("AWS_REGION").env("AWS_PROFILE", "dev");
    assert_eq!(good_text(&mut command), "value");
    let mut command = moto.ptrun(&user, &["get", "aws://a"]);
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:1").env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &moto.url);
    assert_eq!(good_text(&mut command), "value");
    let mut command = moto.ptrun(&user, &["get", "aws://a"]);
    command.env("AWS_ENDPOINT_URL", "not a server");
    assert_eq!(class(&refused(&mut command)), "usage/endpoint");
}

#[test]
fn credentials_are_looked_for_only_when_aws_is_asked() {
    let (moto, user) = (Moto::start(), User::new());
    moto.create("a", "value");
    let process = user.write("credentials", format!("#!/bin/sh\ntouch asked\nprintf '{{\"Version\":1,\"AccessKeyId\":\"{ID}\",\"SecretAccessKey\":\"{SECRET}\"}}'\n"));
    user.write(".aws/config", format!("[default]\ncredential_process = sh {}\n", process.display()));
    let ptrun = |arguments: &[&str]| {
        let mut command = moto.ptrun(&user, arguments);
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").env("A", "b");
        good_text(&mut command)
    };
    assert_eq!(ptrun(&["--plugin", "aws", "-s", "B=env://A", "--", "printenv", "B"]), "b\n");
    assert!(!user.home().join("asked").exists());
    ptrun(&["explain", "-s", "B=aws://a"]);
    assert!(!user.home().join("asked").exists());
    assert_eq!(ptrun(&["get", "aws://a"]), "value");
    assert!(user.home().join("asked").exists());
    // Others than those of the machine.
    let given = format!("{{\"Version\":1,\"AccessKeyId\":\"{ID}\",\"SecretAccessKey\":\"{SECRET}\"}}");
    user.write("given.json", given);
    std::fs::remove_file(user.home().join("asked")).expect("removes");
    assert_eq!(ptrun(&["get", "--plugin", "aws", "--credential", "aws=@given.json", "aws://a"]), "value");
    assert!(!user.home().join("asked").exists());
}
