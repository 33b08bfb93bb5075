//! Which files are used, and how they are made.

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use ptrun_audit::{AuditError, Log, entries, verify};
use rustix::fs::{CWD, FileType, Mode};
use support::{add, checked, entry, head, place};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

#[test]
fn files_and_folders_are_the_users_own() {
    let (folder, _) = place();
    let path = folder.path().join("a/b/audit.jsonl");
    add(&path, &entry(0));
    assert_eq!((mode(&path), mode(&head(&path))), (0o600, 0o600));
    assert_eq!((mode(&folder.path().join("a")), mode(&folder.path().join("a/b"))), (0o700, 0o700));
    assert!(checked(&path).is_intact());
}

#[test]
fn files_of_others_and_for_others_are_refused() {
    type Change = fn(&Path);
    let readable: Change = |path| fs::set_permissions(path, Permissions::from_mode(0o644)).expect("mine");
    let writable: Change = |path| fs::set_permissions(path, Permissions::from_mode(0o620)).expect("mine");
    let link: Change = |path| {
        fs::rename(path, path.with_extension("moved")).expect("mine");
        symlink(path.with_extension("moved"), path).expect("a link");
    };
    let dangling: Change = |path| {
        fs::remove_file(path).expect("mine");
        symlink(path.with_extension("missing"), path).expect("a link");
    };
    let fifo: Change = |path| {
        fs::remove_file(path).expect("mine");
        rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from(0o600), 0).expect("a pipe");
    };
    let folder: Change = |path| {
        fs::remove_file(path).expect("mine");
        fs::create_dir(path).expect("a folder");
    };
    let socket: Change = |path| {
        fs::remove_file(path).expect("mine");
        drop(UnixListener::bind(path).expect("a socket"));
    };
    let other: Change = |path| chown(path, Some(12345), None).expect("root");

    let mut changes = vec![
        (readable, "others"),
        (writable, "others"),
        (link, "link"),
        (dangling, "link"),
        (fifo, "regular"),
        (folder, "regular"),
        (socket, "regular"),
    ];
    if rustix::process::geteuid().is_root() {
        changes.push((other, "another user"));
    }
    for (change, expected) in changes {
        for changed in [|path: &Path| path.to_owned(), |path: &Path| head(path)] {
            let (_folder, path) = place();
            add(&path, &entry(0));
            change(&changed(&path));
            let refused = Log::open(&path).expect_err("refused");
            assert!(matches!(refused, AuditError::Insecure { .. }), "{refused:?}");
            assert!(refused.to_string().contains(expected), "{refused}");
            // Reading refuses what is no regular file, and waits for nobody.
            if ["link", "regular"].contains(&expected) {
                let refused = verify(&path).expect_err("refused");
                assert!(matches!(refused, AuditError::Insecure { .. }), "{refused:?}");
            }
        }
        let (_folder, path) = place();
        add(&path, &entry(0));
        change(&path);
        assert_eq!(entries(&path).is_err(), ["link", "regular"].contains(&expected));
        assert!(!path.with_extension("missing").exists());
    }
}

#[test]
fn where_nothing_can_be_written_is_an_error() {
    let (folder, path) = place();
    add(&path, &entry(0));
    for impossible in [path.join("audit.jsonl"), path.join("a/b/audit.jsonl")] {
        let refused = Log::open(&impossible).expect_err("refused");
        assert!(matches!(refused, AuditError::Unwritable { .. }), "{refused:?}");
    }
    for impossible in ["/proc/no/audit.jsonl", "/proc/audit.jsonl"] {
        let refused = Log::open(Path::new(impossible)).expect_err("refused");
        assert!(matches!(refused, AuditError::Unwritable { .. }), "{refused:?}");
    }
    if !rustix::process::geteuid().is_root() {
        fs::set_permissions(folder.path(), Permissions::from_mode(0o500)).expect("mine");
        let refused = Log::open(&folder.path().join("new.jsonl")).expect_err("refused");
        assert!(matches!(refused, AuditError::Unwritable { .. }), "{refused:?}");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).expect("mine");
    }
}

#[test]
fn what_is_not_there_is_not_verified() {
    let (_folder, path) = place();
    assert!(matches!(verify(&path), Err(AuditError::Unreadable { .. })));
    assert!(matches!(entries(&path), Err(AuditError::Unreadable { .. })));
    assert!(!path.exists() && !head(&path).exists());
    drop(Log::open(&path).expect("a log"));
    assert!(checked(&path).is_intact() && checked(&path).records == 0);
}
