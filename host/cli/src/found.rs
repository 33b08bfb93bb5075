//! Where the plugins are, and whether their signatures hold.

use std::path::PathBuf;

use ptrun_builtins::Builtin;
use ptrun_host::{Code, LoadError, PluginSource, Runtime, TrustStore, Verified};

use crate::report::Failure;
use crate::user;

/// A plugin that was found and verified. Whether it may run is another question.
pub(crate) struct Found {
    pub(crate) verified: Verified,
    /// Where it was found, for people.
    pub(crate) place: String,
    builtin: Option<Builtin>,
}

impl Found {
    /// A bare name is a built-in plugin, or a file in the user's folder, or one in the working directory,
    /// in this order; anything with a slash is that file. A file has at most `largest` bytes.
    pub(crate) fn find(name: &str, trust: &TrustStore, largest: u64) -> Result<Self, Failure> {
        if name.contains('/') {
            return Self::file(PathBuf::from(name), trust, largest);
        }
        let stem = name.strip_suffix(".wasm").unwrap_or(name);
        if let Some(builtin) = ptrun_builtins::find(stem) {
            return Self::builtin(builtin, trust);
        }
        let file = format!("{stem}.wasm");
        let folder = user::plugins();
        let places = folder.iter().map(|folder| folder.join(&file)).chain([PathBuf::from(&file)]);
        match places.into_iter().find(|path| path.exists()) {
            Some(path) => Self::file(path, trust, largest),
            None => {
                let builtins: Vec<_> = ptrun_builtins::all().map(|builtin| builtin.name()).collect();
                Err(Failure::new("plugin/not-found", format!("there is no plugin `{name}`"))
                    .fact(
                        "built in",
                        if builtins.is_empty() { "none".to_owned() } else { builtins.join(", ") },
                    )
                    .fact(
                        "looked in",
                        folder.map_or_else(|| "no user folder".to_owned(), |f| f.display().to_string()),
                    )
                    .help("give the path of its file: `--plugin ./NAME.wasm`"))
            }
        }
    }

    /// Verified like any other, so that its key can be revoked.
    pub(crate) fn builtin(builtin: Builtin, trust: &TrustStore) -> Result<Self, Failure> {
        let verified = trust.verify(builtin.source().read()?)?;
        Ok(Self { verified, place: "built in".to_owned(), builtin: Some(builtin) })
    }

    fn file(path: PathBuf, trust: &TrustStore, largest: u64) -> Result<Self, Failure> {
        let place = path.display().to_string();
        let verified = trust.verify(PluginSource::file(path).read_at_most(largest)?)?;
        Ok(Self { verified, place, builtin: None })
    }

    /// Whether the key of the built-in plugins signed it.
    pub(crate) fn is_ours(&self) -> bool {
        ptrun_builtins::signer().is_some_and(|signer| self.verified.signers().contains(&signer))
    }

    pub(crate) const fn is_built_in(&self) -> bool {
        self.builtin.is_some()
    }

    /// Its machine code: what was built in with it, or what was kept, or what the compiler makes of it now.
    pub(crate) fn code(self, runtime: &Runtime) -> Result<Code, LoadError> {
        match self.builtin {
            Some(builtin) => builtin.code(runtime, self.verified),
            None => runtime.code(self.verified),
        }
    }
}
