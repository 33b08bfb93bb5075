//! What [`export!`](crate::export!) expands to, and the functions that it calls.

use std::cell::RefCell;

use crate::bindings::exports::ptrun::plugin::secret_source as wit;
use crate::{Config, Error, SecretRef, SecretSource};

/// Exports a [`SecretSource`] as the component's `secret-source`, and embeds the manifest, whose path
/// is relative to the file that calls the macro.
///
/// On targets other than WebAssembly it exports nothing, so that the plugin's tests run natively.
#[macro_export]
macro_rules! export {
    ($source:ty, manifest = $manifest:literal) => {
        #[cfg(not(target_family = "wasm"))]
        const _: (&[u8], fn($crate::Config) -> Result<$source, $crate::Error>) =
            (include_bytes!($manifest), <$source as $crate::SecretSource>::configure);

        #[cfg(target_family = "wasm")]
        #[allow(
            unsafe_code,
            reason = "the exports of a component, and the section of its manifest, need fixed names"
        )]
        const _: () = {
            #[unsafe(link_section = "ptrun:plugin")]
            #[used]
            static MANIFEST: [u8; include_bytes!($manifest).len()] = *include_bytes!($manifest);

            struct Component;

            thread_local! {
                static SOURCE: $crate::Slot<$source> = const { $crate::Slot::new(None) };
            }

            use $crate::bindings::exports::ptrun::plugin::secret_source as wit;

            impl wit::Guest for Component {
                fn configure(config: Vec<(String, String)>) -> Result<(), wit::Error> {
                    SOURCE.with(|source| $crate::configure(source, config))
                }

                fn get_many(
                    refs: Vec<wit::SecretRef>,
                ) -> Result<Vec<Result<wit::Secret, wit::Error>>, wit::Error> {
                    SOURCE.with(|source| $crate::get_many(source, &refs))
                }
            }

    $crate::bindings::export_source!(Component with_types_in $crate::bindings);
        };
    };
}

/// Where an instance keeps its source between `configure` and `get-many`.
pub type Slot<S> = RefCell<Option<S>>;

/// `secret-source.configure`.
///
/// # Errors
/// Those of [`SecretSource::configure`].
pub fn configure<S: SecretSource>(slot: &Slot<S>, config: Vec<(String, String)>) -> Result<(), Error> {
    *slot.borrow_mut() = Some(S::configure(Config::new(config))?);
    Ok(())
}

/// `secret-source.get-many`.
///
/// # Errors
/// Those of [`SecretSource::get_many`], and [`Error::Internal`] before [`configure`].
pub fn get_many<S: SecretSource>(
    slot: &Slot<S>,
    references: &[SecretRef],
) -> Result<Vec<Result<wit::Secret, Error>>, Error> {
    let mut slot = slot.borrow_mut();
    let source = slot.as_mut().ok_or_else(|| Error::internal("`configure` was not called"))?;
    let secrets = source.get_many(references)?;
    Ok(secrets.into_iter().map(|secret| secret.map(Into::into)).collect())
}
