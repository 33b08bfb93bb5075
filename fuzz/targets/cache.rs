//! Files of compiled code that somebody may have written over: none is taken but what was kept.
#![no_main]

use std::cell::RefCell;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use ptrun_cache::{Cache, Found, Name};
use tempfile::TempDir;

struct Kept {
    _folder: TempDir,
    cache: Cache,
    name: Name,
    path: PathBuf,
    right: Vec<u8>,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = Cache::new(folder.path().join("code"), folder.path().join("key"));
        let name = Name::of(&[b"fuzz"]);
        let Found::Missing(claim) = cache.find(&name, Duration::ZERO).expect("usable") else {
            panic!("empty")
        };
        claim.keep(b"code").expect("space");
        let path = fs::read_dir(cache.folder()).expect("a folder").flatten().next().expect("a file").path();
        let right = fs::read(&path).expect("a file");
        Self { _folder: folder, cache, name, path, right }
    }

    /// Whether something is found if this is in the place of what was kept.
    fn found(&self, file: &[u8]) -> bool {
        fs::write(&self.path, file).expect("space");
        self.cache.get(&self.name).expect("usable").is_some()
    }
}

thread_local! {
    static KEPT: RefCell<Kept> = RefCell::new(Kept::new());
}

fuzz_target!(|bytes: &[u8]| {
    KEPT.with_borrow(|kept| {
        assert_eq!(kept.found(bytes), bytes == kept.right);
        // Most of the right one, with a part of the fuzzer's.
        let mut mixed = kept.right.clone();
        if let [at, rest @ ..] = bytes {
            let at = usize::from(*at) % mixed.len();
            for (to, from) in mixed[at..].iter_mut().zip(rest) {
                *to ^= from;
            }
        }
        assert_eq!(kept.found(&mixed), mixed == kept.right);
    });
});
