//! `ptrun-native SECRET COMMAND [ARG]...` starts a command with a secret of AWS in the variable `SECRET`, as a program
//! of one's own would do it: with the SDK, its chain of credentials, and its client as it comes. No plugin, no sandbox.

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

use aws_config::BehaviorVersion;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [secret, program, rest @ ..] = arguments.as_slice() else { return ExitCode::FAILURE };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let value = runtime.ok().and_then(|runtime| runtime.block_on(fetch(secret)));
    let Some(value) = value else { return ExitCode::FAILURE };
    let why = Command::new(program).args(rest).env("SECRET", value).exec();
    eprintln!("{why}");
    ExitCode::FAILURE
}

async fn fetch(secret: &str) -> Option<String> {
    // The library of cryptography that ptrun has, too.
    let client = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let config = aws_config::defaults(BehaviorVersion::latest()).http_client(client).load().await;
    let client = aws_sdk_secretsmanager::Client::new(&config);
    client.get_secret_value().secret_id(secret).send().await.ok()?.secret_string
}
