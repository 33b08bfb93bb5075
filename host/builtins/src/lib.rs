//! The plugins that ptrun carries, so that one file is the whole installation.
//!
//! They are ordinary signed components: they are verified and run like any other. The key that signed
//! them was made for the build and thrown away, and its public half is compiled in, which is how the
//! Linux kernel signs its modules. Their machine code was compiled with them, so that nobody waits for
//! the compiler.
//!
//! `cargo xtask build` builds them. A plain `cargo build` takes what the last `cargo xtask build` left,
//! and has none before the first.

use std::sync::LazyLock;

use ptrun_host::{
    Code, Compiled, LoadError, PluginSource, Precompiled, PublicKey, Runtime, TrustStore, Verified,
};

include!(concat!(env!("OUT_DIR"), "/embedded.rs"));

struct Embedded {
    name: &'static str,
    component: &'static [u8],
    /// Of the component, as it prints.
    digest: &'static str,
    code: &'static [u8],
}

/// A plugin that ptrun carries.
#[derive(Clone, Copy)]
pub struct Builtin(&'static Embedded);

impl std::fmt::Debug for Builtin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Builtin({})", self.0.name)
    }
}

/// All of them, by name.
pub fn all() -> impl Iterator<Item = Builtin> {
    EMBEDDED.iter().map(Builtin)
}

/// The one of this name, which is also its scheme.
#[must_use]
pub fn find(name: &str) -> Option<Builtin> {
    all().find(|builtin| builtin.name() == name)
}

/// The key that signed them, unless there are none.
#[must_use]
pub fn signer() -> Option<PublicKey> {
    // It is asked for each plugin, and a key is a point of a curve, which takes a while to find.
    static KEY: LazyLock<Option<PublicKey>> = LazyLock::new(|| SIGNER.and_then(|key| key.parse().ok()));
    *KEY
}

/// Trusts the signer of the built-in plugins for the names of this project, and nobody else.
#[must_use]
pub fn trust() -> TrustStore {
    let mut trust = TrustStore::new();
    if let (Some(signer), Ok(scope)) = (signer(), "ptrun/*".parse()) {
        trust.add(signer, scope);
    }
    trust
}

impl Builtin {
    /// Its name, which is also its scheme.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.0.name
    }

    /// The signed component, to be verified like any other; but for its digest, which was computed when this program
    /// was built.
    #[must_use]
    pub fn source(&self) -> PluginSource {
        match self.0.digest.parse() {
            Ok(digest) => PluginSource::constant(self.name(), self.0.component, digest),
            Err(_) => PluginSource::memory(self.name(), self.0.component),
        }
    }

    /// The code that was compiled with it; or what `runtime` has or makes of `plugin`, if its content is another.
    ///
    /// # Errors
    /// Those of [`Runtime::code`].
    pub fn code(&self, runtime: &Runtime, plugin: Verified) -> Result<Code, LoadError> {
        if plugin.digest().to_string() != self.0.digest {
            return runtime.code(plugin);
        }
        #[allow(unsafe_code, reason = "vouches for code that is part of this program")]
        // SAFETY: the code was made of this component by `precompile` when this program was built, and
        // is a constant of the program.
        let code = unsafe { Precompiled::new(self.0.code) };
        Ok(Code::precompiled(plugin, code))
    }

    /// The same, loaded; it is compiled if the code is for another engine.
    ///
    /// # Errors
    /// Those of [`Runtime::compile`].
    pub fn load(&self, runtime: &Runtime, plugin: Verified) -> Result<Compiled, LoadError> {
        runtime.load(self.code(runtime, plugin)?)
    }
}
