//! Fuzzes what ptrun parses before anybody is trusted, with LLVM's fuzzer and the toolchain that is there.

use std::fs;

use crate::sh::{self, Result};

/// What cargo-fuzz passes, so that every branch and comparison is seen; without a sanitizer, which the stable
/// toolchain does not have, and which safe Rust needs least.
const COVERAGE: &str = "--cfg fuzzing -Ccodegen-units=1 -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares";

/// `cargo xtask fuzz [SECONDS [TARGET]]`: each target for SECONDS, 60 unless said otherwise.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let seconds: u32 = args.first().map_or(Ok(60), |seconds| seconds.parse())?;
    let mut targets = Vec::new();
    for entry in fs::read_dir(sh::root().join("fuzz/targets"))? {
        let path = entry?.path();
        targets.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
    }
    targets.sort();
    if let Some(only) = args.get(1) {
        targets.retain(|target| target == only);
    }
    if targets.is_empty() {
        return Err("there is no such target in fuzz/targets".into());
    }

    // With a target named, the flags are for what is fuzzed alone, and not for build scripts and macros.
    let rustc = sh::command("rustc").args(["--print", "host-tuple"]).output();
    let host = rustc.ok_or("`rustc --print host-tuple` says nothing")?;
    sh::cargo(&["build", "--release", "--locked", "--target", &host])
        .env("CARGO_TARGET_DIR", sh::target("fuzz"))
        .env("RUSTFLAGS", COVERAGE)
        .current_dir(sh::root().join("fuzz"))
        .run()?;
    seeds()?;
    for target in targets {
        let corpus = sh::target("fuzz/corpus").join(&target);
        fs::create_dir_all(&corpus)?;
        println!("fuzzing {target} for {seconds} s");
        sh::command(sh::target("fuzz").join(&host).join("release").join(&target))
            .args([corpus, sh::target("fuzz/seeds").join(&target)])
            .args([
                &format!("-max_total_time={seconds}"),
                "-timeout=10",
                "-rss_limit_mb=1024",
                "-max_len=8192",
                "-print_final_stats=1",
                "-verbosity=0",
            ])
            .args([format!("-artifact_prefix={}/", sh::target("fuzz").display())])
            .run()?;
    }
    Ok(())
}

/// Where the fuzzer begins: the files of the attacks, and texts of every kind.
fn seeds() -> Result<()> {
    let folder = sh::target("fuzz/seeds");
    for target in ["audit", "cache", "egress", "key", "manifest", "plugin", "store"] {
        sh::recreate(&folder.join(target))?;
    }
    let write = |name: &str, bytes: &[u8]| sh::write(&folder.join(name), bytes);
    for group in fs::read_dir(sh::root().join("tests/signatures"))? {
        for case in fs::read_dir(group?.path())? {
            let path = case?.path();
            let text = fs::read_to_string(&path)?;
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            let part = |key: &str| text.split(&format!("{key} = '''\n")).nth(1)?.split("'''").next();
            let hex: String = part("plugin").unwrap_or_default().split_whitespace().collect();
            write(&format!("plugin/{name}"), &hex::decode(hex)?)?;
            write(&format!("store/{name}"), part("trust").unwrap_or_default().as_bytes())?;
        }
    }
    for (index, target) in
        ["https://a.example.com/x", "https://x.b.example.com:8443", "http://127.1/", "http://localhost:4566/"]
            .iter()
            .enumerate()
    {
        write(&format!("egress/{index}"), target.as_bytes())?;
    }
    let entry = r#"{"time":"2026-01-31T12:00:00.000Z","event":"run","decision":"allowed","user":{"id":0},"process":1}"#;
    let line = format!(r#"{{"seq":1,"prev":"{0:064}","entry":{entry},"hash":"{0:064}"}}"#, 0);
    write("audit/line", format!("{line}\n{line}").as_bytes())?;
    write("cache/header", [b"ptrun code 1\0\0\0\0".as_slice(), &[0; 72], b"code"].concat().as_slice())?;
    write("manifest/env", &sh::read(&sh::root().join("plugins/env/plugin.toml"))?)?;
    let lock = "format = 1\n\n[plugin.vault]\npublisher = \"acme\"\nname = \"vault\"\nversion = \"1.0.0\"\nsequence = 1\ndigest = \"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"\nsigners = [\"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a\"]\n\n[plugin.vault.capabilities]\nenv = [\"A\"]\nrandom = true\n";
    write("store/lock", lock.as_bytes())?;
    write(
        "store/approved",
        lock.replace("format = 1\n", "")
            .replace("[plugin.vault]", "[[plugin]]")
            .replace("[plugin.vault.", "[plugin.")
            .as_bytes(),
    )?;
    let key = ptrun_trust::SecretKey::generate()?;
    write("key/public", key.public().to_openssh("seed").as_bytes())?;
    write("key/secret", key.to_openssh("seed", None)?.as_bytes())
}
