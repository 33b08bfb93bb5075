//! What is kept is found by whoever kept it, and nothing else ever is.

use std::collections::BTreeSet;
use std::fs::{self, File, FileTimes};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use ptrun_cache::{Cache, CacheError, Found, Name};

const PATIENCE: Duration = Duration::from_secs(60);

fn place() -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = at(folder.path());
    (folder, cache)
}

fn at(folder: &Path) -> Cache {
    Cache::new(folder.join("cache/code"), folder.join("state/key"))
}

fn name(number: usize) -> Name {
    Name::of(&[b"test", &number.to_le_bytes()])
}

fn keep(cache: &Cache, name: &Name, code: &[u8]) {
    match cache.find(name, PATIENCE).expect("usable") {
        Found::Missing(claim) => claim.keep(code).expect("space"),
        Found::Here(_) => panic!("it is there"),
    }
}

fn get(cache: &Cache, name: &Name) -> Option<Vec<u8>> {
    cache.get(name).expect("usable").map(|code| code.bytes().to_vec())
}

fn files(cache: &Cache) -> Vec<PathBuf> {
    fs::read_dir(cache.folder()).expect("a folder").map(|entry| entry.expect("a name").path()).collect()
}

/// The only file.
fn file(cache: &Cache) -> PathBuf {
    let files = files(cache);
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().expect("one")
}

#[test]
fn what_was_kept_is_found_under_its_name_alone() {
    let (folder, cache) = place();
    assert!(get(&cache, &name(0)).is_none() && !folder.path().join("cache").exists());
    for (number, code) in [vec![], b"code".to_vec(), vec![7; 3_000_001]].into_iter().enumerate() {
        keep(&cache, &name(number), &code);
        assert_eq!(get(&cache, &name(number)).as_deref(), Some(code.as_slice()));
        let found = cache.get(&name(number)).expect("usable").expect("there");
        assert!(found.bytes().as_ptr().addr().is_multiple_of(4096));
        assert!(found.leak() == code);
    }
    assert!(get(&cache, &name(9)).is_none());
    let usage = cache.usage().expect("usable");
    assert!(usage.entries == 3 && usage.bytes > 3_000_000, "{usage:?}");
    for path in files(&cache).iter().chain([&folder.path().join("state/key")]) {
        assert_eq!(fs::metadata(path).expect("there").permissions().mode() & 0o777, 0o600);
    }
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(cache.folder()), 0o700);
    // Parts of a name do not run into each other.
    assert_ne!(Name::of(&[b"ab", b"c"]), Name::of(&[b"a", b"bc"]));
}

#[test]
fn a_thousand_altered_files_are_none() {
    let (_folder, cache) = place();
    let code: Vec<u8> = (0..5000_u32).map(|number| (number * 7 % 251) as u8).collect();
    keep(&cache, &name(0), &code);
    let path = file(&cache);
    let right = fs::read(&path).expect("a file");
    let mut found = 0;
    for number in 0..1000_usize {
        let mut wrong = right.clone();
        // Every byte of the header, and then others.
        let at = if number < 100 { number } else { number * 7919 % right.len() };
        wrong[at] ^= 1 << (number % 8);
        fs::write(&path, wrong).expect("written");
        found += usize::from(get(&cache, &name(0)).is_some());
    }
    for length in (0..right.len()).step_by(97) {
        fs::write(&path, &right[..length]).expect("written");
        found += usize::from(get(&cache, &name(0)).is_some());
    }
    fs::write(&path, [right.as_slice(), b"x"].concat()).expect("written");
    found += usize::from(get(&cache, &name(0)).is_some());
    assert_eq!(found, 0);
    // It is made again.
    keep(&cache, &name(0), &code);
    assert_eq!(get(&cache, &name(0)), Some(code));
    println!("1,000 flipped bits, 53 lengths: none was taken");
}

#[test]
fn a_file_cannot_be_put_in_the_place_of_another() {
    let (_folder, cache) = place();
    keep(&cache, &name(0), b"zero");
    let zero = file(&cache);
    keep(&cache, &name(1), b"one");
    let one = files(&cache).into_iter().find(|path| *path != zero).expect("another");
    fs::copy(&zero, &one).expect("copied");
    assert!(get(&cache, &name(1)).is_none());
    // Nor the whole folder in the place of another user's.
    let (_other, theirs) = place();
    keep(&theirs, &name(2), b"two");
    fs::copy(&zero, theirs.folder().join(zero.file_name().expect("a name"))).expect("copied");
    assert!(get(&theirs, &name(0)).is_none());
    // A file that others may write, or a link, is made again.
    fs::set_permissions(&zero, PermissionsExt::from_mode(0o666)).expect("changed");
    assert!(get(&cache, &name(0)).is_none());
    fs::set_permissions(&zero, PermissionsExt::from_mode(0o600)).expect("changed");
    let moved = zero.with_extension("moved");
    fs::rename(&zero, &moved).expect("moved");
    symlink(&moved, &zero).expect("linked");
    assert!(get(&cache, &name(0)).is_none());
    keep(&cache, &name(0), b"again");
    assert_eq!(get(&cache, &name(0)).as_deref(), Some(&b"again"[..]));
}

fn insecure(cache: &Cache, expected: &str) {
    for result in [cache.get(&name(0)).map(drop), cache.find(&name(0), PATIENCE).map(drop)] {
        match result {
            Err(CacheError::Insecure { why, .. }) => assert!(why.contains(expected), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_others_could_have_changed_is_not_used() {
    let (folder, cache) = place();
    keep(&cache, &name(0), b"code");
    let set =
        |path: &Path, mode| fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("changed");
    let (code, key) = (folder.path().join("cache/code"), folder.path().join("state/key"));
    for mode in [0o770, 0o707, 0o722] {
        set(&code, mode);
        insecure(&cache, "others may write");
    }
    set(&code, 0o700);
    for mode in [0o640, 0o604, 0o620] {
        set(&key, mode);
        insecure(&cache, "others may read or write");
    }
    set(&key, 0o600);
    let right = fs::read(&key).expect("a key");
    for wrong in [&right[..31], &[], &[right.as_slice(), b"\n"].concat()] {
        fs::write(&key, wrong).expect("written");
        insecure(&cache, "no key");
    }
    fs::write(&key, &right).expect("written");
    assert!(get(&cache, &name(0)).is_some());
    // Only root can give files away.
    if chown(&code, Some(12345), None).is_ok() {
        insecure(&cache, "another user");
        chown(&code, Some(0), None).expect("root");
        chown(&key, Some(12345), None).expect("root");
        insecure(&cache, "another user");
        chown(&key, Some(0), None).expect("root");
    }
    for path in [code, key] {
        let moved = path.with_extension("moved");
        fs::rename(&path, &moved).expect("moved");
        symlink(&moved, &path).expect("linked");
        insecure(&cache, "link");
        fs::remove_file(&path).expect("removed");
        fs::rename(&moved, &path).expect("moved");
    }
    assert_eq!(get(&cache, &name(0)).as_deref(), Some(&b"code"[..]));
}

#[test]
fn without_a_place_there_is_an_error_and_no_panic() {
    let (folder, _) = place();
    let nowhere = Path::new("/proc/self/status");
    for cache in [
        Cache::new(nowhere.join("code"), folder.path().join("key")),
        Cache::new(folder.path().join("code"), nowhere.join("key")),
    ] {
        assert!(cache.find(&name(0), PATIENCE).is_err());
        assert!(cache.usage().is_err());
    }
}

#[test]
fn fifty_at_once_make_it_once() {
    let (_folder, cache) = place();
    let made = AtomicUsize::new(0);
    let work = || match cache.find(&name(0), PATIENCE).expect("usable") {
        Found::Here(code) => assert_eq!(code.bytes(), b"made"),
        Found::Missing(claim) => {
            made.fetch_add(1, Ordering::Relaxed);
            claim.keep(b"made").expect("space");
        }
    };
    std::thread::scope(|scope| (0..50).for_each(|_| drop(scope.spawn(work))));
    assert_eq!(made.into_inner(), 1);
    file(&cache);
}

#[test]
fn whoever_gives_up_leaves_nothing_and_the_next_one_makes_it() {
    let (_folder, cache) = place();
    let Found::Missing(claim) = cache.find(&name(0), PATIENCE).expect("usable") else { panic!("empty") };
    match cache.find(&name(0), Duration::ZERO) {
        Err(CacheError::Busy { .. }) => {}
        other => panic!("{other:?}"),
    }
    // Another one waits for nobody.
    keep(&cache, &name(1), b"one");
    drop(claim);
    file(&cache);
    let waits = std::thread::scope(|scope| {
        let Found::Missing(claim) = cache.find(&name(0), PATIENCE).expect("usable") else { panic!("empty") };
        let waits = scope.spawn(|| matches!(cache.find(&name(0), PATIENCE), Ok(Found::Missing(_))));
        drop(claim);
        waits.join().expect("no panic")
    });
    assert!(waits);
    file(&cache);
}

#[test]
fn what_nobody_uses_goes() {
    let (_folder, cache) = place();
    keep(&cache, &name(0), b"old");
    let old = file(&cache);
    let half = old.with_extension("code.new");
    fs::write(&half, "half").expect("written");
    let then = SystemTime::now() - Duration::from_hours(31 * 24);
    for path in [&old, &half] {
        let times = FileTimes::new().set_accessed(then).set_modified(then);
        File::options().write(true).open(path).and_then(|file| file.set_times(times)).expect("set");
    }
    keep(&cache, &name(1), b"new");
    assert_ne!(file(&cache), old);
    assert_eq!(get(&cache, &name(1)).as_deref(), Some(&b"new"[..]));
}

/// What a child keeps, so that it can be told from anything else.
fn content(number: usize) -> Vec<u8> {
    (0..400_000 + number * 1000).map(|byte| (byte * 31 % 253) as u8 ^ number as u8).collect()
}

/// Keeps code until it is killed, or there is no space.
#[test]
fn child() {
    let Some(folder) = std::env::var_os("CHILD_PATH") else { return };
    let cache = at(Path::new(&folder));
    for number in (0..50).cycle() {
        match cache.find(&name(number), PATIENCE).expect("usable") {
            Found::Missing(claim) => {
                if let Err(why) = claim.keep(&content(number)) {
                    eprintln!("{why}");
                    std::process::exit(7);
                }
            }
            Found::Here(code) => {
                assert!(code.bytes() == content(number));
                fs::remove_file(cache.folder().join(fs_name(&cache, number))).expect("removed");
            }
        }
    }
}

/// The file of a name: the one that appears when it is kept.
fn fs_name(cache: &Cache, number: usize) -> String {
    let (_other, elsewhere) = place();
    keep(&elsewhere, &name(number), b"");
    let path = file(&elsewhere);
    assert_ne!(elsewhere.folder(), cache.folder());
    path.file_name().and_then(|name| name.to_str()).expect("a name").to_owned()
}

fn child_at(folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["child", "--exact", "--nocapture"]).env("CHILD_PATH", folder);
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

#[test]
fn two_hundred_kills_leave_nothing_that_is_taken() {
    let (folder, cache) = place();
    let (mut halves, mut whole) = (0, BTreeSet::new());
    for round in 0..200_u64 {
        let mut child = child_at(folder.path()).spawn().expect("a child");
        // Another moment each time, counted in what it has written: no clock knows how busy the machine is.
        let before = files_in(cache.folder());
        let mut looks = 0_u64;
        while looks < 20_000 && (files_in(cache.folder()) == before || looks < round * 3 % 100) {
            looks += 1;
        }
        child.kill().expect("a child");
        child.wait().expect("an end");
        halves += usize::from(files_in(cache.folder()).iter().any(|name| name.ends_with(".new")));
        for number in 0..50 {
            if let Some(code) = get(&cache, &name(number)) {
                assert!(code == content(number), "half of {number}");
                whole.insert(number);
            }
        }
    }
    println!(
        "200 kills: {halves} left half a file, which nobody took; {} pieces of code seen whole",
        whole.len()
    );
    assert!(halves > 0 && !whole.is_empty());
    // And whoever comes next goes on.
    for number in 0..50 {
        match cache.find(&name(number), PATIENCE).expect("usable") {
            Found::Missing(claim) => claim.keep(&content(number)).expect("space"),
            Found::Here(code) => assert!(code.bytes() == content(number)),
        }
    }
    assert_eq!(files(&cache).len(), 50);
}

fn files_in(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let (folder, cache) = place();
    // Blocks of 512 bytes; the first code has 400,000. What goes over it is an error if the signal is ignored.
    let child = child_at(folder.path());
    let variables = child.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -c 0; ulimit -f 100; exec \"$0\" \"$@\""])
        .arg(child.get_program())
        .args(child.get_args())
        .envs(variables)
        .output()
        .expect("a shell");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{errors}");
    assert!(errors.contains("File too large"), "{errors}");
    assert_eq!(files(&cache), Vec::<PathBuf>::new());
}
