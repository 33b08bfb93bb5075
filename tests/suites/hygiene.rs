//! Nothing of a secret is left in the memory of the host when it is gone: neither in what the host freed, nor in
//! what the guest had. With the allocator that `ptrun` has.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::process::{Child, Command, Stdio};

use ptrun_host::{Grants, Limits, PluginSource, Runtime, SecretRef, TrustStore};
use ptrun_tests::guest;
use ptrun_trust::{SecretKey, sign};

#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

/// The variable that makes a worker of this program: what to hold on to, and a file with a secret.
const WORKER: &str = "PTRUN_TESTS_WORKER";

/// Not a test of its own: what [`nothing_is_left_of_a_secret`] starts and looks into.
#[test]
fn worker() {
    let Some(task) = std::env::var_os(WORKER) else { return };
    let task = task.into_string().expect("text");
    let (hold, file) = task.split_once(':').expect("a task");
    let key = SecretKey::generate().expect("randomness");
    let mut trust = TrustStore::new();
    trust.add(key.public(), "*/*".parse().expect("a scope"));
    let signed = sign(&guest("files"), None, &key).expect("signs");
    let plugin = trust.verify(PluginSource::memory("files", signed).read().expect("in memory"));
    let runtime = Runtime::new(Limits::default()).expect("an engine");
    let runtime = if hold.contains("instance") { runtime.leave_instances() } else { runtime };
    let compiled = runtime.compile(plugin.expect("signed")).expect("compiles");
    let sandbox = compiled.sandbox(Grants::none().file("x", file), BTreeMap::new()).expect("granted");
    let reference: SecretRef = "guest://x#key".parse().expect("a reference");
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("tokio");
    let mut answers = tokio.block_on(sandbox.resolve(&[&reference])).expect("it answers");
    let secret = answers.remove(0).expect("a secret");
    assert!(secret.expose().len() > 30);
    let held = (hold == "secret").then_some(secret);
    let left = (hold == "instance").then_some(sandbox);
    drop((answers, tokio));
    println!("\nready");
    // Until somebody has looked.
    let _ = std::io::stdin().read(&mut [0]);
    drop((held, left));
}

/// A worker that has had the secret of a file.
fn start(task: &str) -> Child {
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program)
        .args(["worker", "--exact", "--nocapture"])
        .env(WORKER, task)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let lines = BufReader::new(child.stdout.as_mut().expect("a pipe")).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"), "the worker failed");
    child
}

/// How often `needles` are in the memory of a process.
fn count(process: u32, needles: &[Vec<u8>]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("its maps");
    let mut memory = fs::File::open(format!("/proc/{process}/mem")).expect("its memory");
    let mut found = 0;
    for line in maps.lines().filter(|line| line.contains(" rw") || line.contains(" r-")) {
        let range = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let at = |text| u64::from_str_radix(text, 16).expect("an address");
        let (start, end) = (at(range.0), at(range.1));
        let mut bytes = vec![0; usize::try_from(end - start).expect("a size")];
        // Some of the kernel's own pages cannot be read.
        if memory.seek(SeekFrom::Start(start)).is_ok() && memory.read_exact(&mut bytes).is_ok() {
            for needle in needles {
                found += bytes.windows(needle.len()).filter(|window| window == needle).count();
            }
        }
    }
    found
}

#[test]
fn nothing_is_left_of_a_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret.json");
    let mut random = [0; 24];
    fs::File::open("/dev/urandom").expect("a device").read_exact(&mut random).expect("random");
    let canary = hex::encode(random);
    // As large as what stays where it is when it is freed.
    let padding = "x".repeat(20_000);
    let json = format!("{{\"padding\": \"{padding}\", \"key\": \"{canary}\"}}");
    fs::write(&file, json).expect("a file");
    let needles = [canary.clone().into_bytes(), hex::encode(&canary).into_bytes(), random.to_vec()];
    for (hold, expected) in
        [("secret", 1..=1), ("nothing", 0..=0), ("instance", 1..=usize::MAX), ("no instance", 0..=0)]
    {
        let mut child = start(&format!("{hold}:{}", file.display()));
        let found = count(child.id(), &needles);
        child.stdin.take().expect("a pipe").write_all(b"\n").expect("told");
        assert!(child.wait().expect("ends").success());
        println!("{hold}: {found} copies");
        assert!(expected.contains(&found), "{hold}: {found} copies");
    }
}
