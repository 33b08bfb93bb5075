//! A server with the interface of AWS, which others wrote: `tests/python/aws.py`.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Mutex, PoisonError};
use std::thread;

use ptrun_tests::{User, root};
use serde_json::{Value, json};

/// The credentials that the tests have. Moto takes any, until it is told otherwise.
pub(crate) const ID: &str = "AKIAPTRUNTESTTEST000";
pub(crate) const SECRET: &str = "canary/secret+access0key/6e2b91f04c7d5a38";
pub(crate) const TOKEN: &str = "canary-session-token-b1946ac92492d2347c6235b4d2611184";

pub(crate) struct Moto {
    child: Child,
    input: Mutex<ChildStdin>,
    lines: Mutex<Receiver<Value>>,
    operations: Mutex<Vec<String>>,
    pub(crate) url: String,
}

impl Moto {
    pub(crate) fn start() -> Self {
        let python = root().join("target/python/bin/python");
        assert!(python.exists(), "`cargo xtask test` installs {}", python.display());
        let mut child = Command::new(python)
            .arg(root().join("tests/python/aws.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Its own calls ask nobody on the network who they are.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .spawn()
            .expect("python starts");
        let input = Mutex::new(child.stdin.take().expect("a pipe"));
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let line: Value = serde_json::from_str(&line).expect("JSON");
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let port = lines.recv().expect("a port")["port"].as_u64().expect("a number");
        let url = format!("http://127.0.0.1:{port}");
        Self { child, input, lines: Mutex::new(lines), operations: Mutex::default(), url }
    }

    /// Calls boto3: the result, or the code of the error.
    pub(crate) fn call(&self, region: &str, service: &str, operation: &str, arguments: Value) -> Value {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let call = json!({
            "region": region, "service": service, "operation": operation, "arguments": arguments,
        });
        let mut input = self.input.lock().expect("no test ended in it");
        writeln!(input, "{call}").expect("writes");
        loop {
            let mut line = lines.recv().expect("an answer");
            match line["operation"].as_str() {
                Some(operation) => self.operations.lock().expect("a list").push(operation.to_owned()),
                None if line["error"].is_null() => return line["result"].take(),
                None => panic!("{operation}: {}", line["error"]),
            }
        }
    }

    /// Puts a text into a new secret: its ARN.
    pub(crate) fn create(&self, name: &str, text: &str) -> String {
        let made = self.create_with(json!({ "Name": name, "SecretString": text }));
        made["ARN"].as_str().expect("an ARN").to_owned()
    }

    pub(crate) fn create_with(&self, arguments: Value) -> Value {
        self.call("us-east-1", "secretsmanager", "create_secret", arguments)
    }

    /// Has the server look at signatures and policies from now on, or no longer.
    pub(crate) fn check(&self, checked: bool) {
        self.call("us-east-1", "moto", "", json!({ "checked": checked }));
    }

    /// What was asked of the server since the last time, but by [`call`](Self::call).
    pub(crate) fn operations(&self) -> Vec<String> {
        self.call("us-east-1", "moto", "", json!({}));
        std::mem::take(&mut self.operations.lock().expect("a list"))
    }

    /// The environment that leads to the server.
    pub(crate) fn variables(&self) -> [(&'static str, &str); 5] {
        variables(&self.url)
    }

    /// `ptrun`, in this environment.
    pub(crate) fn ptrun(&self, user: &User, arguments: &[&str]) -> Command {
        let mut command = user.ptrun();
        command.args(arguments).envs(self.variables());
        command
    }
}

/// `ptrun`, in an environment that leads to a server.
pub(crate) fn ptrun(user: &User, url: &str, arguments: &[&str]) -> Command {
    let mut command = user.ptrun();
    command.args(arguments).envs(variables(url));
    command
}

fn variables(url: &str) -> [(&'static str, &str); 5] {
    [
        ("AWS_ENDPOINT_URL", url),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", ID),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_SESSION_TOKEN", TOKEN),
    ]
}

impl Drop for Moto {
    fn drop(&mut self) {
        // It ends with its input; and if it hangs, all the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
