//! A plugin is compiled once on a machine, and nothing but what this user's ptrun compiled is ever run.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use ptrun_host::{CodeCache, Grants, Limits, PluginSource, Runtime, TrustStore};
use ptrun_tests::{User, guest, root, text};
use ptrun_trust::{SecretKey, sign};

/// A run with a plugin that somebody else wrote.
fn ptrun(user: &User) -> Command {
    let mut command = user.ptrun();
    command.args(["--plugin", "json", "-s", "A=guest://x#/a/b/1", "--", "printenv", "A"]);
    command
}

/// As if compiling could take no time at all.
fn without_compiler(user: &User) -> Output {
    let mut command = user.ptrun();
    command.args(["--plugin", "json", "--limit", "guest:compile-time=1ns", "-s", "A=guest://x#/a/b/1"]);
    command.args(["--", "printenv", "A"]).output().expect("starts")
}

fn answered(output: &Output) -> bool {
    output.status.success() && output.stdout == b"1\n"
}

fn code(user: &User) -> PathBuf {
    user.home().join(".cache/ptrun/code")
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.expect("a name").path()).collect()
}

/// The only file.
fn file(user: &User) -> PathBuf {
    let files = files(&code(user));
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().expect("one")
}

/// It works, says one thing, and keeps nothing.
fn warned(output: &Output) {
    let said = text(&output.stderr);
    assert!(answered(output), "{output:?}");
    assert!(said.starts_with("warning[cache/unusable]: "), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains("[")).count(), 1, "{said}");
}

fn user() -> User {
    let user = User::new();
    user.install("json");
    user
}

#[test]
fn the_second_run_needs_no_compiler() {
    let user = user();
    let refused = without_compiler(&user);
    assert!(text(&refused.stderr).starts_with("error[plugin/limit]"), "{refused:?}");
    assert_eq!(files(&code(&user)), Vec::<PathBuf>::new());
    assert!(answered(&ptrun(&user).output().expect("starts")));
    let warm = without_compiler(&user);
    assert!(answered(&warm) && warm.stderr.is_empty(), "{warm:?}");
    file(&user);
    // A built-in one needs neither.
    let other = User::new();
    let status = other.ptrun().env("B", "b").args(["-s", "A=env://B", "--", "true"]).status();
    assert!(status.expect("starts").success() && !other.home().join(".cache").exists());
}

#[test]
fn fifty_cold_runs_at_once_compile_once() {
    let user = user();
    let start = || ptrun(&user).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
    let runs: Vec<_> = (0..50).map(|_| start()).collect();
    for run in runs {
        let output = run.wait_with_output().expect("ends");
        assert!(answered(&output) && output.stderr.is_empty(), "{output:?}");
    }
    file(&user);
}

#[test]
fn whoever_is_killed_while_compiling_leaves_nothing_that_is_run() {
    let user = user();
    for number in 0..40_u32 {
        let mut run = ptrun(&user).stdout(Stdio::null()).spawn().expect("starts");
        // Another moment each time: what there is in the folder, looked at so often.
        for _ in 0..number * number * 20 {
            std::hint::black_box(code(&user).exists());
        }
        run.kill().expect("killed, or gone");
        run.wait().expect("ends");
    }
    assert!(answered(&ptrun(&user).output().expect("starts")));
    assert!(answered(&without_compiler(&user)));
    file(&user);
}

#[test]
fn altered_code_is_compiled_again() {
    let user = user();
    assert!(answered(&ptrun(&user).output().expect("starts")));
    let path = file(&user);
    let right = fs::read(&path).expect("a file");
    for number in 0..20 {
        let mut wrong = right.clone();
        let at = right.len() / 20 * number;
        wrong[at] ^= 1;
        fs::write(&path, &wrong).expect("written");
        assert!(!answered(&without_compiler(&user)), "byte {at}");
        let output = ptrun(&user).output().expect("starts");
        assert!(answered(&output) && output.stderr.is_empty(), "{output:?}");
    }
    assert!(answered(&without_compiler(&user)));
    // The key of another user.
    fs::write(user.home().join(".local/state/ptrun/cache.key"), [7; 32]).expect("written");
    assert!(!answered(&without_compiler(&user)));
}

/// A plugin that is small enough to be compiled a thousand times.
fn small() -> Vec<u8> {
    let read = |name: &str| fs::read_to_string(root().join("tests/hostile").join(name)).expect("a text");
    let module = "(core module $main (memory (export \"memory\") 1)
        (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) i32.const 1024)
        (func (export \"configure\") (param i32 i32) (result i32) i32.const 64)
        (func (export \"get-many\") (param i32 i32) (result i32) i32.const 64))";
    let text = read("shell.wat").replace("\n  MODULE\n", module);
    wat::parse_str(text).expect("a component")
}

#[test]
fn a_thousand_flipped_bits_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = || CodeCache::new(folder.path().join("code"), folder.path().join("key"));
    let key = SecretKey::generate().expect("randomness");
    let manifest = "format = 1\npublisher = \"a\"\nname = \"b\"\nversion = \"1.0.0\"\ninterface = \"0.1\"\nscheme \
                    = \"b\"\nsequence = 1\n";
    let signed = sign(&small(), Some(manifest), &key).expect("signs");
    let mut trust = TrustStore::new();
    trust.add(key.public(), "a/*".parse().expect("a scope"));
    let verified = || {
        let source = PluginSource::memory("small", signed.clone()).read().expect("in memory");
        trust.verify(source).expect("signed")
    };
    let runtime = Runtime::new(Limits::default()).expect("an engine").with_cache(cache());
    assert!(runtime.code(verified()).expect("compiles").is_new());
    let path = files(&folder.path().join("code")).remove(0);
    let right = fs::read(&path).expect("a file");
    for number in 0..1000_usize {
        let mut wrong = right.clone();
        wrong[number * 7919 % right.len()] ^= 1 << (number % 8);
        fs::write(&path, wrong).expect("written");
        let code = runtime.code(verified()).expect("compiles");
        assert!(code.is_new() && code.problem().is_none(), "{number}");
        let sandbox = runtime.load(code).expect("loads").sandbox(Grants::none(), Default::default());
        assert!(sandbox.is_ok(), "{number}");
    }
    assert_eq!(runtime.compilations(), 1001);
    // The last one was kept as it should be.
    let code = runtime.code(verified()).expect("kept");
    assert!(!code.is_new() && runtime.load(code).is_ok());
    println!("1,000 flipped bits: compiled again 1,000 times");
}

#[test]
fn the_compiler_begins_with_what_confines_it() {
    static CALLED: AtomicBool = AtomicBool::new(false);
    let confine = || {
        assert_eq!(std::thread::current().name(), Some("ptrun-compile"));
        CALLED.store(true, Ordering::Relaxed);
    };
    let key = SecretKey::generate().expect("randomness");
    let mut trust = TrustStore::new();
    trust.add(key.public(), "hostile/*".parse().expect("a scope"));
    let signed = sign(&guest("json"), None, &key).expect("signs");
    let plugin =
        trust.verify(PluginSource::memory("json", signed).read().expect("in memory")).expect("signed");
    let runtime = Runtime::new(Limits::default()).expect("an engine").confine_compiler(confine);
    assert!(!CALLED.load(Ordering::Relaxed));
    assert!(runtime.code(plugin).expect("compiles").is_new() && CALLED.load(Ordering::Relaxed));
}

#[test]
fn where_nothing_can_be_kept_it_works_and_says_so_once() {
    let user = user();
    let run = |command: &mut Command| command.output().expect("starts");
    warned(&run(ptrun(&user).env("XDG_CACHE_HOME", "/proc/self")));
    warned(&run(ptrun(&user).env("PTRUN_CACHE", "/proc/none")));
    assert!(!code(&user).exists());
    let nobody = run(ptrun(&user)
        .env_remove("HOME")
        .env("PTRUN_AUDIT", "off")
        .env("XDG_CONFIG_HOME", user.home().join(".config")));
    warned(&nobody);
    // Two plugins, and one warning.
    let mut both = user.ptrun();
    both.args(["--cache", "/proc/none", "--plugin", "json", "--plugin", "other=./json.wasm"]);
    warned(&run(both.args(["-s", "A=guest://x#/a/b/1", "-s", "B=other://x", "--", "printenv", "A"])));
    // Off is off.
    let off = run(ptrun(&user).env("PTRUN_CACHE", "off"));
    assert!(answered(&off) && off.stderr.is_empty() && !code(&user).exists(), "{off:?}");
}

#[test]
fn a_full_disk_is_no_reason_to_fail() {
    let user = user();
    // Blocks of 512 bytes: the record has space, and compiled code has not.
    let run = ptrun(&user);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$0\" \"$@\""]);
    limited.arg(run.get_program()).args(run.get_args()).env_clear().current_dir(user.home());
    limited.envs(run.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(Stdio::null());
    let output = limited.output().expect("starts");
    warned(&output);
    assert!(text(&output.stderr).contains("File too large"), "{output:?}");
    assert_eq!(files(&code(&user)), Vec::<PathBuf>::new());
}

#[test]
fn what_others_could_have_written_is_not_used() {
    let user = user();
    assert!(answered(&ptrun(&user).output().expect("starts")));
    let (folder, kept) = (code(&user), file(&user));
    let set =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("changed");
    set(&folder, 0o777);
    warned(&ptrun(&user).output().expect("starts"));
    assert!(!answered(&without_compiler(&user)));
    set(&folder, 0o700);
    let key = user.home().join(".local/state/ptrun/cache.key");
    set(&key, 0o644);
    warned(&ptrun(&user).output().expect("starts"));
    set(&key, 0o600);
    // Only root can give files away.
    if chown(&folder, Some(12345), None).is_ok() {
        warned(&ptrun(&user).output().expect("starts"));
        assert!(!answered(&without_compiler(&user)));
        chown(&folder, Some(0), None).expect("root");
    }
    assert!(answered(&without_compiler(&user)));
    // A link in the place of the file is replaced.
    let elsewhere = user.home().join("elsewhere");
    fs::rename(&kept, &elsewhere).expect("moved");
    symlink(&elsewhere, &kept).expect("linked");
    assert!(!answered(&without_compiler(&user)));
    assert!(answered(&ptrun(&user).output().expect("starts")));
    assert!(fs::symlink_metadata(&kept).expect("there").is_file());
}

#[test]
fn it_is_verified_before_it_is_looked_for() {
    let user = user();
    assert!(answered(&ptrun(&user).output().expect("starts")));
    let path = user.home().join("json.wasm");
    let right = fs::read(&path).expect("a plugin");
    let mut wrong = right.clone();
    let last = wrong.len() - 1;
    wrong[last] ^= 1;
    fs::write(&path, wrong).expect("written");
    let altered = ptrun(&user).output().expect("starts");
    assert!(text(&altered.stderr).starts_with("error[trust/altered]"), "{altered:?}");
    fs::write(&path, right).expect("written");
    user.write(".config/ptrun/trust.toml", "");
    let untrusted = ptrun(&user).output().expect("starts");
    assert!(text(&untrusted.stderr).starts_with("error[trust/unknown-signer]"), "{untrusted:?}");
    let compile = user.run(["plugin", "compile", "json"]);
    assert!(text(&compile.stderr).starts_with("error[trust/unknown-signer]"), "{compile:?}");
}

#[test]
fn plugins_are_compiled_on_request() {
    let user = user();
    let compile = |args: &[&str]| user.run([&["plugin", "compile"], args].concat());
    let first = compile(&["json", "env"]);
    let said = text(&first.stdout);
    assert!(
        said.starts_with("hostile/guest: compiled in ")
            && said.ends_with("\nptrun/env: compiled with ptrun\n")
    );
    assert_eq!(text(&compile(&["./json.wasm"]).stdout), "hostile/guest: compiled before\n");
    assert!(answered(&without_compiler(&user)));
    let doctor = user.run(["doctor"]);
    assert!(text(&doctor.stdout).contains("cache     1 plugins are compiled, 0."), "{doctor:?}");
    // It is an error where a run would only warn.
    let nowhere = compile(&["json", "--cache", "/proc/none"]);
    assert_eq!(nowhere.status.code(), Some(125));
    assert!(text(&nowhere.stderr).starts_with("error[cache/unusable]"), "{nowhere:?}");
    // A container's image: another folder, and the same states.
    assert!(compile(&["json", "--cache", "image"]).status.success());
    assert_eq!(files(&user.home().join("image")).len(), 1);
}
