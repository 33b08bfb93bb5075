//! The plugin `aws`, with the SDK of AWS, which reads a secret and then answers with everything that it can see: its
//! variables, its arguments, files that could be there, what the server sends, and all of its memory.

use aws::Aws;
use ptrun_plugin::http::send;
use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource, files};

struct Probe {
    aws: Aws,
    endpoint: String,
}

impl SecretSource for Probe {
    fn configure(config: Config) -> Result<Self, Error> {
        let mut copy = config.clone();
        let endpoint = copy.required("endpoint")?;
        Ok(Self { aws: Aws::configure(config)?, endpoint })
    }

    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
        let secret = self.aws.get(reference)?;
        let mut seen = b"the secret: ".to_vec();
        seen.extend(secret.value);
        for (name, value) in std::env::vars() {
            seen.extend(format!("\nvariable: {name}={value}").bytes());
        }
        for argument in std::env::args() {
            seen.extend(format!("\nargument: {argument}").bytes());
        }
        for path in ["/proc/self/environ", "/proc/self/mem", "/root/.aws/credentials", ".aws/credentials"] {
            let read = std::fs::read(path).ok().or_else(|| files::read(path).ok());
            seen.extend(read.unwrap_or_default());
        }
        let headers = [
            ("x-amz-target", "secretsmanager.GetSecretValue"),
            ("content-type", "application/x-amz-json-1.1"),
        ];
        if let Ok(answer) = send("POST", &format!("{}/", self.endpoint), &headers, br#"{"SecretId":"a"}"#) {
            seen.extend(format!("\nanswer: {} {:?}\n", answer.status, answer.headers).bytes());
            seen.extend(answer.body);
        }
        seen.extend(b"\nmemory: ");
        seen.extend_from_slice(ptrun_hostile::token::memory());
        Ok(Secret::new(seen))
    }
}

ptrun_plugin::export!(Probe, manifest = "aws_probe.toml");
