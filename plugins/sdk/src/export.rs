//! What [`export!`](crate::export!) expands to, and the functions that it calls.

use std::cell::RefCell;

use crate::bindings::exports::ptrun::plugin::secret_source as wit;
use crate::{Config, Error, SecretRef, SecretSource};

/// Exports a [`SecretSource`] as the component's `secret-source`, and embeds the manifest, whose path
/// is relative to the file that calls the macro.
///
/// `with enumerate`, `with writer` or both export what the source can do besides: [`Enumerate`](crate::Enumerate) and
/// [`Writer`](crate::Writer).
///
/// On targets other than WebAssembly it exports nothing, so that the plugin's tests run natively.
#[macro_export]
macro_rules! export {
    ($source:ty, manifest = $manifest:literal $(, with $($interface:ident),+)?) => {
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

            $($($crate::export!(@ $interface);)+)?
        };
    };
    (@ enumerate) => {
        use $crate::listing::exports::ptrun::plugin::enumerate;

        impl enumerate::Guest for Component {
            fn list(
                prefix: String,
                options: Vec<(String, String)>,
                cursor: Option<String>,
            ) -> Result<$crate::Entries, $crate::Error> {
                SOURCE.with(|source| $crate::configured(source, |source| {
                    $crate::Enumerate::list(source, &prefix, &options, cursor.as_deref())
                }))
            }
        }

        $crate::listing::export_listing!(Component with_types_in $crate::listing);
    };
    (@ writer) => {
        use $crate::writing::exports::ptrun::plugin::writer;

        impl writer::Guest for Component {
            fn put(reference: $crate::SecretRef, value: Vec<u8>) -> Result<Option<String>, $crate::Error> {
                SOURCE.with(|source| $crate::configured(source, |source| {
                    $crate::Writer::put(source, &reference, &value)
                }))
            }

            fn rotate(reference: $crate::SecretRef) -> Result<String, $crate::Error> {
                SOURCE.with(|source| $crate::configured(source, |source| {
                    $crate::Writer::rotate(source, &reference)
                }))
            }

            fn is_current(reference: $crate::SecretRef, version: String) -> Result<bool, $crate::Error> {
                SOURCE.with(|source| $crate::configured(source, |source| {
                    $crate::Writer::is_current(source, &reference, &version)
                }))
            }
        }

        $crate::writing::export_writing!(Component with_types_in $crate::writing);
    };
}

/// Where an instance keeps its source between `configure` and what comes after it.
pub type Slot<S> = RefCell<Option<S>>;

/// `secret-source.configure`.
///
/// # Errors
/// Those of [`SecretSource::configure`].
pub fn configure<S: SecretSource>(slot: &Slot<S>, config: Vec<(String, String)>) -> Result<(), Error> {
    *slot.borrow_mut() = Some(S::configure(Config::new(config))?);
    Ok(())
}

/// Any other function.
///
/// # Errors
/// Those of `call`, and [`Error::Internal`] before [`configure`].
pub fn configured<S, T>(slot: &Slot<S>, call: impl FnOnce(&mut S) -> Result<T, Error>) -> Result<T, Error> {
    let mut slot = slot.borrow_mut();
    call(slot.as_mut().ok_or_else(|| Error::internal("`configure` was not called"))?)
}

/// `secret-source.get-many`.
///
/// # Errors
/// Those of [`SecretSource::get_many`], and [`Error::Internal`] before [`configure`].
pub fn get_many<S: SecretSource>(
    slot: &Slot<S>,
    references: &[SecretRef],
) -> Result<Vec<Result<wit::Secret, Error>>, Error> {
    let secrets = configured(slot, |source| source.get_many(references))?;
    Ok(secrets.into_iter().map(|secret| secret.map(Into::into)).collect())
}
