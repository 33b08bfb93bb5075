//! Requests of plugins, from the guest to a server and back, with the command line around them.

#[path = "../../host/egress/tests/client/server.rs"]
mod server;

use std::process::Output;

use ptrun_tests::{User, guest, text};
use ptrun_trust::sign;
use server::{Protocol, Server};

const TOKEN: &str = "canary-1f0b5e9a";

/// A user whose system trusts the server, with the guest that sends requests, which asks for this access, and is
/// approved.
fn user(server: &Server, access: &str) -> User {
    let user = User::new();
    user.write("roots.pem", &server.pem);
    let manifest = format!(
        "format = 1\npublisher = \"hostile\"\nname = \"http\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme = \"guest\"\nsequence = 1\n[[capabilities.http]]\n{access}"
    );
    let signed = sign(&guest("http"), Some(&manifest), &user.key).expect("signs");
    user.approve(&user.write("http.wasm", signed));
    user
}

/// `ptrun get`, beside the server.
async fn get(user: &User, options: &[&str], reference: &str) -> Output {
    get_with(user, options, reference, |_| {}).await
}

/// The same, in an environment that is prepared.
async fn get_with(
    user: &User,
    options: &[&str],
    reference: &str,
    prepare: impl FnOnce(&mut std::process::Command),
) -> Output {
    let mut command = user.ptrun();
    command.args(["get", "--plugin", "./http.wasm"]).args(options).arg(reference);
    command.env("TOKEN", TOKEN).env("SSL_CERT_FILE", user.home().join("roots.pem"));
    prepare(&mut command);
    tokio::task::spawn_blocking(move || command.output()).await.expect("joins").expect("starts")
}

/// The secret.
fn answer(output: &Output) -> String {
    assert_eq!(text(&output.stderr), "");
    text(&output.stdout)
}

/// The class of the error, and its sentence.
fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(125), "{}", text(&output.stdout));
    text(&output.stderr).lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_origin_is_reached_over_tls() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let server = Server::start(protocol).await;
        let origin = format!("https://localhost:{}", server.port);
        let user = user(&server, &format!("origin = \"{origin}\"\nmethods = [\"GET\", \"POST\"]\n"));
        let output = get(&user, &[], &format!("guest://{origin}/hello")).await;
        assert_eq!(answer(&output), "200 hello", "{protocol:?}");
        let output = get(&user, &[], &format!("guest://{origin}/echo?method=POST&body=sent")).await;
        assert_eq!(answer(&output), "200 sent");
        let output = get(&user, &[], &format!("guest://{origin}/redirect")).await;
        assert_eq!(answer(&output), "302 ");
        assert_eq!(server.requests().len(), 3);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_credential_is_a_secret_that_the_plugin_never_sees() {
    let server = Server::start(Protocol::Http2).await;
    let origin = format!("https://localhost:{}", server.port);
    for (auth, line) in [
        ("\"bearer\"", format!("authorization: Bearer {TOKEN}")),
        ("{ header = \"X-Vault-Token\" }", format!("x-vault-token: {TOKEN}")),
    ] {
        let user = user(&server, &format!("origin = \"{origin}\"\nauth = {auth}\n"));
        let credential = ["--credential", "guest=env://TOKEN"];
        let theirs = "authorization:%20mine|cookie:%20mine|x-vault-token:%20mine";
        let reference = format!("guest://{origin}/hello?headers={theirs}");
        assert_eq!(answer(&get(&user, &credential, &reference).await), "200 hello");
        let seen = server.requests().pop().expect("a request");
        assert!(seen.contains(&line), "{seen}");
        assert!(!seen.contains("authorization: mine") && !seen.contains("cookie: mine"), "{seen}");
        assert!(refusal(&get(&user, &[], &reference).await).starts_with("error[grant/credential]"));
        let refused = get(&user, &["--credential", "guest=guest://x"], &reference).await;
        assert!(refusal(&refused).starts_with("error[usage/credential]"));
        let refused = get(&user, &["--credential", "guest=env://UNSET"], &reference).await;
        assert!(refusal(&refused).starts_with("error[secret/not-found]"));
        user.write("token", format!("{TOKEN}\n"));
        assert_eq!(answer(&get(&user, &["--credential", "guest=@token"], &reference).await), "200 hello");
        assert_eq!(server.requests().pop().map(|seen| seen.contains(&line)), Some(true));
        let refused = get(&user, &["--credential", "guest=@missing"], &reference).await;
        assert!(refusal(&refused).starts_with("error[grant/credential]"));
        for bad in ["guest", "guest=hunter2", "guest=@", "other=env://TOKEN"] {
            let said = get(&user, &["--credential", bad], &reference).await;
            assert!(
                refusal(&said).starts_with("error[usage/credential]")
                    && !text(&said.stderr).contains("hunter2")
            );
        }
    }
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_signed_for_aws_with_what_the_machine_has() {
    let server = Server::start(Protocol::Http2).await;
    let origin = format!("https://localhost:{}", server.port);
    let user = user(
        &server,
        &format!(
            "origin = \"{origin}\"\nmethods = [\"POST\"]\nauth = {{ aws-sigv4 = \"secretsmanager\" }}\noperations = [\"GetSecretValue\"]\n"
        ),
    );
    let scope = "Credential=theirs/20260101/eu-west-1/secretsmanager/aws4_request";
    let operation =
        "content-type:%20application/x-amz-json-1.1|x-amz-target:%20secretsmanager.GetSecretValue";
    let theirs = format!("authorization:%20AWS4-HMAC-SHA256%20{scope}|{operation}");
    let reference = format!("guest://{origin}/?method=POST&body=%7B%7D&headers={theirs}");
    let named = format!("{reference}&region=eu-west-1");
    // The machine has nothing, and is no machine of AWS.
    user.write(".aws/config", "[default]\nregion = eu-west-1\n");
    user.write(".aws/credentials", "");
    let offline = |command: &mut std::process::Command| {
        command.env("AWS_EC2_METADATA_DISABLED", "true");
    };
    let without = get_with(&user, &[], &reference, offline).await;
    assert!(refusal(&without).starts_with("error[secret/unauthenticated]"), "{}", text(&without.stderr));
    assert!(server.requests().is_empty());
    // A profile, a variable, a file.
    let profile = format!("[default]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = {TOKEN}\n");
    user.write(".aws/credentials", profile);
    assert_eq!(answer(&get_with(&user, &[], &reference, offline).await), "200 hello");
    let variables = |command: &mut std::process::Command| {
        command.env("AWS_ACCESS_KEY_ID", "AKIDVARIABLE").env("AWS_SECRET_ACCESS_KEY", TOKEN);
        command.env("AWS_SESSION_TOKEN", "session");
    };
    assert_eq!(answer(&get_with(&user, &[], &reference, variables).await), "200 hello");
    let json = format!(r#"{{"Version":1,"AccessKeyId":"AKIDFILE","SecretAccessKey":"{TOKEN}"}}"#);
    user.write("credential", json);
    let file = ["--credential", "guest=@credential"];
    assert_eq!(answer(&get(&user, &file, &named).await), "200 hello");
    let seen = server.requests();
    for (seen, id) in seen.iter().zip(["AKIDPROFILE", "AKIDVARIABLE", "AKIDFILE"]) {
        assert!(
            seen.contains(&format!("Credential={id}/")) && seen.contains("/eu-west-1/secretsmanager/"),
            "{seen}"
        );
        assert!(!seen.contains("theirs") && !seen.contains(TOKEN), "{seen}");
    }
    assert_eq!(seen.len(), 3);
    // Another operation is not signed, and neither is anything for a region that nobody set. What is no credential
    // is not repeated.
    let other = reference.replace("GetSecretValue", "PutSecretValue");
    assert!(refusal(&get(&user, &file, &other).await).starts_with("error[grant/request]"));
    user.write(".aws/config", "");
    let nowhere = get_with(&user, &file, &reference, offline).await;
    assert!(refusal(&nowhere).starts_with("error[grant/credential]"), "{}", text(&nowhere.stderr));
    user.write("credential", TOKEN);
    let refused = get(&user, &file, &named).await;
    assert!(
        refusal(&refused).starts_with("error[grant/credential]") && !text(&refused.stderr).contains(TOKEN)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_reached() {
    let server = Server::start(Protocol::Http1).await;
    let port = server.port;
    let origin = format!("https://localhost:{port}");
    let user = user(&server, &format!("origin = \"{origin}\"\n"));
    for (reference, class) in [
        (format!("guest://http://localhost:{port}/"), "grant/request"),
        (format!("guest://https://127.0.0.1:{port}/"), "grant/request"),
        (format!("guest://https://2130706433:{port}/"), "grant/request"),
        (format!("guest://https://other.localhost:{port}/"), "grant/request"),
        (format!("guest://https://localhost:{}/", port ^ 1), "grant/request"),
        ("guest://https://localhost/".to_owned(), "grant/request"),
        (format!("guest://https://localhost:{port}@127.0.0.1/"), "grant/request"),
        ("guest://http://169.254.169.254/latest/meta-data/".to_owned(), "grant/request"),
        (format!("guest://{origin}/hello?method=POST"), "grant/request"),
        (format!("guest://{origin}/hello?method=CONNECT"), "grant/request"),
        (format!("guest://{origin}/hello?method=TRACE"), "grant/request"),
        (format!("guest://{origin}/hello?headers=Host:%20other"), "reference/refused"),
        (format!("guest://{origin}/hello?headers=Transfer-Encoding:%20chunked"), "reference/refused"),
        (format!("guest://{origin}/hello?headers=Connection:%20x"), "reference/refused"),
        (format!("guest://{origin}/endless"), "secret/unavailable"),
    ] {
        let said = refusal(&get(&user, &[], &reference).await);
        assert!(said.starts_with(&format!("error[{class}]")), "{reference}: {said}");
    }
    let seen = server.requests();
    assert!(seen.len() == 1 && seen[0].starts_with("GET /endless"), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_user_can_grant_more_for_a_run() {
    let server = Server::start(Protocol::Plain).await;
    let user = user(&server, "origin = \"https://backend.example\"\n");
    for host in ["127.0.0.1", "localhost"] {
        let target = format!("guest://http://{host}:{}/hello", server.port);
        assert!(refusal(&get(&user, &[], &target).await).starts_with("error[grant/request]"));
        let allow = format!("guest:http=http://{host}:{}", server.port);
        assert_eq!(answer(&get(&user, &["--allow", &allow], &target).await), "200 hello");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_nobody_waits_for_any_more_is_recorded() {
    let server = Server::start(Protocol::Plain).await;
    let origin = format!("http://127.0.0.1:{}", server.port);
    let user = user(&server, "origin = \"https://backend.example\"\n");
    let options = ["--allow", &format!("guest:http={origin}"), "--timeout", "1s"];
    let output = get(&user, &options, &format!("guest://{origin}/never")).await;
    assert!(refusal(&output).starts_with("error[secret/timeout]"), "{}", text(&output.stderr));
    let output = user.run(["audit", "show", "--json"]);
    let shown = text(&output.stdout);
    let last: serde_json::Value =
        serde_json::from_str(shown.lines().last().unwrap_or_default()).expect("JSON");
    let request = &last["requests"][0];
    assert_eq!(
        (&request["origin"], &request["status"]),
        (&origin.into(), &serde_json::Value::Null),
        "{last}"
    );
    assert!(server.requests().iter().any(|seen| seen.starts_with("GET /never")));
}
