//! The hostile plugins of `tests/hostile`, each in a run of its own: it ends as its first lines say, in time,
//! within bounds of memory, with nothing of what it should not see in what is said, and the command does not start.

#[path = "../../host/egress/tests/client/server.rs"]
mod server;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{fs, io};

use ptrun_host::{
    Boxed, EgressOptions, Grants, HttpAccess, Limits, PluginSource, Resolve, Runtime, SecretKey, SecretRef,
    TrustStore, sign,
};
use ptrun_tests::{User, guest, root, text};
use server::{Protocol, Server};

/// What is nobody's business: in a variable, and in a file beside the granted one.
const CANARY: &str = "canary-8d1c7b24e6f0";
/// The credential of the backend, which only the host has.
const TOKEN: &str = "canary-token-71d0c2";
/// The longest that a run may take.
const SLOWEST: Duration = Duration::from_secs(12);
/// How much more memory a run may take than one with a plugin that does nothing, in KiB.
const GROWTH: u64 = 128 << 10;

/// What the first lines of a hostile plugin say.
struct Case {
    name: String,
    ends: String,
    /// The limit without which it would end otherwise.
    lifted: Option<String>,
    /// The kind of credential that the host adds to its requests.
    signed: Option<String>,
    /// The name of its backend changes its address. Only a resolver of our own does that.
    moves: bool,
    /// The manifest that it is signed with, if the one inside does not do.
    manifest: Option<String>,
    component: Vec<u8>,
}

/// A component of its text; of a core module with the shell around it. `;; repeat N: TEXT` is N times the text, in
/// which `@` is the number of the repetition, and `#` another number below N.
fn assembled(source: &str) -> Vec<u8> {
    let repeated = |line: &str| {
        let (times, text) = line.strip_prefix(";; repeat ")?.split_once(": ")?;
        let times: usize = times.parse().ok()?;
        let one =
            |at: usize| text.replace('@', &at.to_string()).replace('#', &(at * 7919 % times).to_string());
        Some((0..times).map(one).collect::<Vec<_>>().join(" "))
    };
    let text: Vec<String> =
        source.lines().map(|line| repeated(line).unwrap_or_else(|| line.to_owned())).collect();
    let mut text = text.join("\n");
    if !text.contains("\n(component") {
        let shell = fs::read_to_string(root().join("tests/hostile/shell.wat")).expect("a shell");
        text = shell.replace("\n  MODULE\n", &format!("\n{text}\n"));
    }
    wat::parse_str(&text).expect("a component")
}

/// The manifest that it is signed with, if there is none inside.
const MANIFEST: &str = include_str!("../hostile/plain.toml");

fn signed(case: &Case, key: &SecretKey) -> Vec<u8> {
    let inside = sign(&case.component, case.manifest.as_deref(), key);
    inside.or_else(|_| sign(&case.component, Some(MANIFEST), key)).expect("signs")
}

/// All of them. The backend of those whose requests are signed is at `secure`.
fn cases(secure: &str) -> Vec<Case> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(root().join("tests/hostile")).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a name").to_owned();
        let kind = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        if !["rs", "wat"].contains(&kind) || ["lib", "shell"].contains(&name.as_str()) {
            continue;
        }
        let mark = if kind == "rs" { "//!" } else { ";;" };
        let source = fs::read_to_string(&path).expect("a source");
        let says = |what: &str| {
            let line = source.lines().find_map(|line| line.strip_prefix(&format!("{mark} {what}: ")));
            line.map(str::to_owned)
        };
        let number = name.split('_').next().unwrap_or_default().trim_start_matches(['h', '0']).to_owned();
        assert!(source.starts_with(&format!("{mark} H{number}: ")), "{name} says which line it is");
        let component = if kind == "rs" { guest(&name) } else { assembled(&source) };
        let (ends, moves) = (says("ends").expect("an end"), says("moves").is_some());
        let (lifted, signed) = (says("lifted"), says("signed"));
        let manifest = signed.as_ref().map(|kind| {
            let file = source.rsplit("manifest = \"").next().and_then(|rest| rest.split('"').next());
            let path = root().join("tests/hostile").join(file.expect("a manifest"));
            let text = fs::read_to_string(path).expect("a manifest");
            let auth = match kind.as_str() {
                "aws" => "{ aws-sigv4 = \"secretsmanager\" }\noperations = [\"GetSecretValue\"]",
                _ => "\"bearer\"",
            };
            text.replace(
                "https://backend.example\"",
                &format!("{secure}\"\nmethods = [\"GET\", \"POST\"]\nauth = {auth}"),
            )
        });
        cases.push(Case { name, ends, lifted, signed, moves, manifest, component });
    }
    cases.sort_by(|one, other| one.name.cmp(&other.name));
    cases
}

/// How a run ended.
struct End {
    class: String,
    said: String,
    time: Duration,
    /// The most memory that it had, in KiB.
    memory: u64,
}

/// The command line for a plugin that is approved, has a file granted and one host, and everything else around it
/// that it should not see.
fn command(user: &User, plugin: &Path, host: &str, signed: Option<&str>, more: &[&str]) -> Command {
    let mut command = user.ptrun();
    command
        .env("CANARY", CANARY)
        .env("TOKEN", TOKEN)
        .env("SSL_CERT_FILE", user.home().join("roots.pem"))
        .args(["--verbose", "--plugin"])
        .arg(plugin)
        .args(["--allow", "guest:file=granted", "--allow", &format!("guest:http={host}")]);
    match signed {
        Some("aws") => command.args(["--credential", "guest=@credential"]),
        Some(_) => command.args(["--credential", "guest=env://TOKEN"]),
        None => &mut command,
    };
    for grant in more {
        command.args(["--allow", &format!("guest:{grant}")]);
    }
    let secret = format!("A=guest://{host}?region=eu-west-1");
    command.args(["-s", &secret, "--", "sh", "-c", "touch started; echo it got \"$A\" >&2"]);
    command
}

fn run(user: &User, plugin: &Path, host: &str, signed: Option<&str>) -> End {
    let mut command = command(user, plugin, host, signed, &[]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = Instant::now();
    let child = command.spawn().expect("ptrun starts");
    let memory = watch(child.id());
    let output = child.wait_with_output().expect("it ends");
    let time = start.elapsed();
    let said = text(&output.stderr);
    assert_eq!(text(&output.stdout), "", "nothing on standard output");
    assert_eq!(output.status.code(), Some(125), "{}: {said}", plugin.display());
    assert!(!user.home().join("started").exists(), "{}: the command started", plugin.display());
    let class = said.lines().find_map(|line| line.strip_prefix("error[")?.split(']').next());
    End { class: class.unwrap_or_default().to_owned(), time, memory: memory.join().expect("joins"), said }
}

/// One record says that it was refused, and why; and nothing that it said is in there.
fn recorded(user: &User, case: &Case, class: &str) {
    let record = fs::read_to_string(user.home().join(".local/state/ptrun/audit.jsonl")).expect("a record");
    let lines: Vec<&str> = record.lines().collect();
    let [line] = lines.as_slice() else { panic!("{}: {} records", case.name, lines.len()) };
    let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
    let entry = &line["entry"];
    assert_eq!(
        (&entry["decision"], &entry["classes"][0]),
        (&"refused".into(), &class.into()),
        "{}",
        case.name
    );
    assert!(!record.contains(CANARY) && !record.contains(TOKEN), "{}: {record}", case.name);
    assert!(record.len() < 64 << 10, "{}: {} bytes", case.name, record.len());
    let steers = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}');
    assert!(!record.chars().any(steers), "{}: {record:?}", case.name);
    // What it sent, or wanted to, is in there, too.
    let asks = ["h15", "h34", "h35", "h36", "h37", "h38", "h43", "h44"];
    if asks.iter().any(|name| case.name.starts_with(name)) && class != "plugin/limit" {
        assert!(
            entry["requests"].as_array().is_some_and(|requests| !requests.is_empty()),
            "{}: {entry}",
            case.name
        );
    }
}

/// The high-water mark of a process, in KiB, as far as it could be seen.
fn watch(process: u32) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut highest = 0;
        while let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) {
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            // One that has ended, and was not waited for, has none.
            let Some(kib) = line.and_then(|line| line.split_whitespace().next()?.parse().ok()) else { break };
            highest = highest.max(kib);
            std::thread::sleep(Duration::from_millis(1));
        }
        highest
    })
}

/// A user with a plugin, a granted file and a secret beside it.
fn user(case: &Case, pem: &str) -> (User, PathBuf) {
    let user = User::new();
    user.write("roots.pem", pem);
    user.write(
        "credential",
        format!(r#"{{"Version":1,"AccessKeyId":"AKIDEXAMPLE","SecretAccessKey":"{TOKEN}"}}"#),
    );
    user.write("granted", "granted");
    user.write("secret", CANARY);
    let plugin = user.write(&format!("{}.wasm", case.name), signed(case, &user.key));
    user.approve(&plugin);
    (user, plugin)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_hostile_plugin_ends_as_it_should() {
    let server = Server::start(Protocol::Plain).await;
    let host = format!("http://127.0.0.1:{}", server.port);
    let secure = Server::start(Protocol::Http1).await;
    let secure_host = format!("https://localhost:{}", secure.port);
    let cases = cases(&secure_host);
    let (quiet, plugin) = user(cases.iter().find(|case| case.name == "h19_fewer").expect("a quick one"), "");
    let least = run(&quiet, &plugin, &host, None).memory;
    assert!(least > 0, "memory is seen");
    let (mut worst, mut slowest) = (0, Duration::ZERO);
    for case in cases.iter().filter(|case| !case.moves) {
        let (user, plugin) = user(case, &secure.pem);
        let host = if case.signed.is_some() { &secure_host } else { &host };
        let end = run(&user, &plugin, host, case.signed.as_deref());
        let End { class, said, time, memory } = &end;
        let growth = memory.saturating_sub(least);
        let growth_mib = growth >> 10;
        println!("{:<20} {class:<24} {:>6.2} s {growth_mib:>5} MiB", case.name, time.as_secs_f64());
        assert_eq!(*class, case.ends, "{}: {said}", case.name);
        assert!(*time <= SLOWEST, "{}: {time:?}", case.name);
        assert!(growth <= GROWTH, "{}: {growth} KiB", case.name);
        assert!(!said.contains(CANARY) && !said.contains(TOKEN), "{}: {said}", case.name);
        assert!(said.len() < 8 << 10 && said.lines().count() < 20, "{}: {} bytes", case.name, said.len());
        let invisible = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
        let printable = |c: char| c == '\n' || !(c.is_control() || invisible(c));
        assert!(said.chars().all(printable), "{}: {said:?}", case.name);
        recorded(&user, case, &case.ends);
        let leaked =
            server.requests().iter().any(|request| request.contains(CANARY) || request.contains(TOKEN));
        assert!(!leaked, "{}: the canary went out", case.name);
        (worst, slowest) = (worst.max(growth_mib), slowest.max(*time));
    }
    assert!(!secure.requests().is_empty() && !secure.requests().iter().any(|seen| seen.contains("theirs")));
    let count = cases.len();
    println!("{count} hostile plugins, the slowest {:.2} s, at most {worst} MiB more", slowest.as_secs_f64());
    assert!(count >= 52, "only {count} cases");
}

/// What looks for the credential would find it.
#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_is_there_is_found() {
    let secure = Server::start(Protocol::Http1).await;
    let host = format!("https://localhost:{}", secure.port);
    let cases = cases(&host);
    let case = cases.iter().find(|case| case.name == "h44_credential").expect("the probe");
    let (user, plugin) = user(case, &secure.pem);
    for (grant, found) in
        [("env=TOKEN", "it got a variable"), ("file=credential", "it got the file credential")]
    {
        let mut command = command(&user, &plugin, &host, case.signed.as_deref(), &[grant]);
        let output = command.output().expect("ptrun starts");
        assert!(text(&output.stderr).contains(found), "{}", text(&output.stderr));
    }
}

/// Answers with one address, and with another from then on.
struct Moving(AtomicUsize);

impl Resolve for Moving {
    fn resolve<'a>(&'a self, _: &'a str) -> Boxed<'a, io::Result<Vec<IpAddr>>> {
        let last = if self.0.fetch_add(1, Ordering::SeqCst) == 0 { 1 } else { 2 };
        Box::pin(async move { Ok(vec![[127, 0, 0, last].into()]) })
    }
}

/// The first address is granted. Where the second is granted as well, the plugin gets there.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_moves_is_followed_to_granted_addresses_alone() {
    let first = Server::start(Protocol::Plain).await;
    let second = Server::start_at(Protocol::Plain, &format!("127.0.0.2:{}", first.port)).await;
    let host = format!("http://backend.example:{}", first.port);
    let case = cases("").into_iter().find(|case| case.moves).expect("one");
    for (range, ends) in [
        ("127.0.0.1/32", "was not sent: the host is at an address that is not granted"),
        ("127.0.0.0/8", "it got 200 from elsewhere"),
    ] {
        let runtime = Runtime::new(Limits::default()).expect("an engine");
        let resolver = Arc::new(Moving(AtomicUsize::new(0)));
        let runtime = runtime.with_egress(EgressOptions { resolver, ..EgressOptions::default() });
        let grants = Grants::none().network(range.parse().expect("a range"));
        let said = outcome(&case, &runtime, grants, &host).await;
        assert!(said.contains(ends), "{said}");
    }
    assert_eq!((first.requests().len(), second.requests().len()), (2, 1));
}

/// What becomes of a plugin: the kind of its answer.
async fn outcome(case: &Case, runtime: &Runtime, grants: Grants, host: &str) -> String {
    let key = SecretKey::generate().expect("randomness");
    let mut trust = TrustStore::new();
    trust.add(key.public(), "hostile/*".parse().expect("a scope"));
    let plugin = PluginSource::memory(case.name.clone(), signed(case, &key)).read().expect("in memory");
    let plugin = trust.verify(plugin);
    let grants = grants.random().http(HttpAccess::any(host.parse().expect("an origin")));
    let compiled = match runtime.compile(plugin.expect("signed")) {
        Ok(compiled) => compiled,
        Err(why) => return why.to_string(),
    };
    let sandbox = compiled.sandbox(grants, BTreeMap::new()).expect("granted");
    let reference: SecretRef = format!("guest://{host}").parse().expect("a reference");
    match sandbox.resolve(&[&reference]).await {
        Err(why) => why.to_string(),
        Ok(answers) => answers
            .into_iter()
            .map(|answer| match answer {
                Ok(secret) => format!("it got {}", text(secret.expose())),
                Err(why) => why.to_string(),
            })
            .collect(),
    }
}

/// What a suite shows that could not fail is nothing: without its limit, each of these ends otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn without_its_limit_a_plugin_ends_otherwise() {
    let server = Server::start(Protocol::Plain).await;
    let host = format!("http://127.0.0.1:{}", server.port);
    let mut lifted = 0;
    for case in cases("") {
        let Some(limit) = &case.lifted else { continue };
        let mut limits = Limits::default();
        match limit.as_str() {
            // Then the wall clock ends it.
            "cpu" => (limits.cpu, limits.wall) = (Duration::from_secs(3600), Duration::from_millis(300)),
            "memory" => limits.memory = 512 << 20,
            "table_elements" => limits.table_elements = 10_000_000,
            "instances" => limits.instances = 100_000,
            "handles" => (limits.handles, limits.memory) = (2_000_000, 512 << 20),
            "call_bytes" => (limits.call_bytes, limits.memory) = (1 << 30, 1 << 30),
            "field_bytes" => limits.field_bytes = 64 << 20,
            "requests" => limits.requests = 20_000,
            "random_bytes" => limits.random_bytes = 2 << 30,
            "compile_memory" => limits.compile_memory = 1 << 30,
            other => panic!("{}: no limit is called {other}", case.name),
        }
        if limit != "cpu" {
            (limits.cpu, limits.wall) = (Duration::from_secs(60), Duration::from_secs(60));
            limits.compile_time = Duration::from_secs(60);
        }
        let runtime = |limits| Runtime::new(limits).expect("an engine");
        let with = outcome(&case, &runtime(Limits::default()), Grants::none(), &host).await;
        let without = outcome(&case, &runtime(limits), Grants::none(), &host).await;
        println!("{:<20} {with} / without {limit}: {without}", case.name);
        assert_ne!(with, without, "{}: {limit} makes no difference", case.name);
        lifted += 1;
    }
    assert!(lifted >= 10, "only {lifted} limits were lifted");
}
