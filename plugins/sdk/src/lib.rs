//! Write a ptrun plugin in Rust: one trait, one macro, one file that says what the plugin is.
//!
//! A plugin is a WebAssembly component that exports the interface [`secret-source`][wit]. It runs in a
//! sandbox that holds nothing but what its manifest asked for and its user granted.
//!
//! ```
//! use ptrun_plugin::{Config, Error, Secret, SecretRef, SecretSource};
//!
//! /// `greeting://NAME` is a greeting for NAME.
//! struct Greeting {
//!     word: String,
//! }
//!
//! impl SecretSource for Greeting {
//!     fn configure(mut config: Config) -> Result<Self, Error> {
//!         let word = config.optional("word")?.unwrap_or_else(|| "Hello".to_owned());
//!         config.finish()?;
//!         Ok(Self { word })
//!     }
//!
//!     fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error> {
//!         reference.no_options()?;
//!         Ok(Secret::new(format!("{}, {}!", self.word, reference.key)))
//!     }
//! }
//!
//! # const IGNORED: &str = stringify!(
//! ptrun_plugin::export!(Greeting, manifest = "../plugin.toml");
//! # );
//!
//! // The same code runs natively, so its tests need no sandbox.
//! let mut plugin = Greeting::configure(Config::new([("word".into(), "Salut".into())]))?;
//! assert_eq!(plugin.get(&SecretRef::new("Ada"))?.value, b"Salut, Ada!");
//! # Ok::<(), Error>(())
//! ```
//!
//! The manifest, `plugin.toml`, sits beside `Cargo.toml` and is embedded in the component:
//!
//! ```toml
//! format = 1
//! publisher = "acme"
//! name = "greeting"
//! version = "1.0.0"
//! interface = "0.1"
//! scheme = "greeting"
//! sequence = 1
//!
//! [config.word]
//! help = "what the greeting begins with"
//! ```
//!
//! Build with `crate-type = ["cdylib"]` for `wasm32-wasip2`, then sign.
//!
//! [wit]: https://github.com/ptrun/ptrun/blob/main/wit/secret-source.wit

mod config;
mod export;
mod optional;
mod types;
mod worlds;

pub mod env;
pub mod files;
pub mod http;
pub mod log;

pub use config::Config;
pub use optional::{Entries, Entry, Enumerate, Writer};
pub use types::{Error, Secret, SecretRef};

#[doc(hidden)]
pub use export::{Slot, configure, configured, get_many};
#[doc(hidden)]
pub use worlds::{listing, source as bindings, writing};

/// A backend: what `scheme://key` stands for.
///
/// An instance lives for one run of the host. It is configured once and asked once, for everything that
/// the run wants from it.
pub trait SecretSource: Sized {
    /// Reads the settings. End with [`Config::finish`], which refuses the ones that nothing read.
    ///
    /// # Errors
    /// [`Error::InvalidConfig`] for settings that make no sense.
    fn configure(config: Config) -> Result<Self, Error>;

    /// Fetches one secret.
    ///
    /// # Errors
    /// The case of [`Error`] that says most precisely why there is none.
    fn get(&mut self, reference: &SecretRef) -> Result<Secret, Error>;

    /// Fetches all secrets that a run wants, one result for each reference and in their order. Write
    /// this one if the backend has a batch call; otherwise [`get`](Self::get) is called for each.
    ///
    /// # Errors
    /// The outer error means that nothing could be asked at all.
    fn get_many(&mut self, references: &[SecretRef]) -> Result<Vec<Result<Secret, Error>>, Error> {
        Ok(references.iter().map(|reference| self.get(reference)).collect())
    }
}
