//! A server with the interface of AWS on the loopback address, for the benchmark: `tests/python/aws.py`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::python;
use crate::sh::{self, Result};

/// Where the server has a secret.
pub(crate) const SECRET: &str = "bench";

pub(crate) struct Aws {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    port: u64,
}

impl Aws {
    /// Starts it, and puts a secret into it.
    pub(crate) fn start() -> Result<Self> {
        python::install()?;
        let mut child = Command::new(sh::target("python/bin/python"))
            .arg(sh::root().join("tests/python/aws.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else { return Err("there is no pipe".into()) };
        let mut aws = Self { child, input, output: BufReader::new(output), port: 0 };
        let port = aws.line("port")?;
        aws.port = port.parse().map_err(|_| format!("`{port}` is no port"))?;
        let arguments = format!("{{\"Name\":\"{SECRET}\",\"SecretString\":\"value\"}}");
        let call = "{\"service\":\"secretsmanager\",\"operation\":\"create_secret\",\"arguments\":";
        writeln!(aws.input, "{call}{arguments}}}")?;
        aws.line("result")?;
        Ok(aws)
    }

    /// What the next line of this kind says.
    fn line(&mut self, kind: &str) -> Result<String> {
        let start = format!("{{\"{kind}\": ");
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line)? == 0 {
                return Err("the server ended".into());
            }
            if let Some(rest) = line.strip_prefix(&start) {
                return Ok(rest.trim_end().trim_end_matches('}').to_owned());
            }
        }
    }

    /// The environment that leads to it.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_REGION", "us-east-1".to_owned()),
            // As the command has it.
            ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "bench".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
        ]
    }
}

impl Drop for Aws {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
