//! What the suites share: a user with a home folder, a key that this user trusts, and plugins signed
//! with it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ptrun_trust::{Approvals, Pin, PluginSource, Scope, SecretKey, TrustError, TrustStore, sign};
use tempfile::TempDir;

/// The root of the project.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// A file that `cargo xtask test` builds.
///
/// # Panics
/// If it did not.
#[must_use]
pub fn built(path: &str) -> PathBuf {
    let path = root().join("target").join(path);
    assert!(path.exists(), "{} is missing: run `cargo xtask test`", path.display());
    path
}

/// The program that is tested: what `cargo xtask build` leaves, or the one that `PTRUN_UNDER_TEST` names.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn program() -> PathBuf {
    std::env::var_os("PTRUN_UNDER_TEST").map_or_else(|| built("release/ptrun"), PathBuf::from)
}

/// A guest of `tests/guests`, as the compiler left it.
///
/// # Panics
/// If it was not built.
#[must_use]
pub fn guest(name: &str) -> Vec<u8> {
    fs::read(built(&format!("guests/{name}.wasm"))).unwrap_or_else(|why| panic!("{name}: {why}"))
}

/// A user: a home folder with nothing in it but the trust in one key, for `hostile/*`.
pub struct User {
    home: TempDir,
    /// The key that the user trusts.
    pub key: SecretKey,
}

impl Default for User {
    fn default() -> Self {
        Self::new()
    }
}

impl User {
    /// A new one.
    ///
    /// # Panics
    /// If the system has no folder or no randomness to give.
    #[must_use]
    pub fn new() -> Self {
        let user = Self {
            home: tempfile::tempdir().expect("a folder"),
            key: SecretKey::generate().expect("randomness"),
        };
        let public = user.key.public();
        user.write(
            ".config/ptrun/trust.toml",
            format!("[[key]]\npublic = \"{public}\"\nfor = [\"hostile/*\"]\n"),
        );
        user
    }

    /// The home folder, which is also where the user's programs start.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// Writes a file that only the user may write.
    ///
    /// # Panics
    /// If the file system refuses.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, content).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("permissions");
        path
    }

    /// Signs a guest with the trusted key, puts it into the home folder, and approves it.
    ///
    /// # Panics
    /// If it was not built.
    pub fn install(&self, name: &str) -> PathBuf {
        let path = self.copy(name);
        self.approve(&path);
        path
    }

    /// Approves a plugin, as `ptrun plugin trust` does.
    ///
    /// # Panics
    /// If it is not signed with the trusted key.
    pub fn approve(&self, path: &Path) {
        let mut trust = TrustStore::new();
        trust.add(self.key.public(), Scope::ALL);
        let plugin = trust.verify(PluginSource::file(path).read().expect("a file")).expect("signed");
        let list = self.home().join(".config/ptrun/approved.toml");
        let mut approvals = Approvals::parse(&fs::read_to_string(list).unwrap_or_default()).expect("a list");
        approvals.approve(Pin::of(&plugin));
        self.write(".config/ptrun/approved.toml", approvals.to_string());
    }

    /// Signs a guest with the trusted key, and puts it into the home folder.
    ///
    /// # Panics
    /// If it was not built.
    pub fn copy(&self, name: &str) -> PathBuf {
        let signed = sign(&guest(name), None, &self.key).unwrap_or_else(|why| panic!("{name}: {why}"));
        self.write(&format!("{name}.wasm"), signed)
    }

    /// `ptrun`, started by this user: in the home folder, with an environment that holds nothing else,
    /// and without a terminal.
    #[must_use]
    pub fn ptrun(&self) -> Command {
        let mut command = Command::new(program());
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home())
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    /// Runs `ptrun` with these arguments.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn run<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Output {
        self.ptrun().args(args).output().expect("ptrun starts")
    }
}

/// `--allow-unsigned` for a component.
///
/// # Panics
/// If it is signed.
#[must_use]
pub fn allow_unsigned(component: Vec<u8>) -> String {
    let component = PluginSource::memory("unsigned", component).read().expect("in memory");
    match TrustStore::new().verify(component) {
        Err(TrustError::Unsigned { digest, .. }) => format!("--allow-unsigned={digest}"),
        other => panic!("{other:?}"),
    }
}

/// What a program printed, as text.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
