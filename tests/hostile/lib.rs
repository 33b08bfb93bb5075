//! What hostile plugins share. Each tries one thing: what it gets hold of is its secret, and the run succeeds,
//! which the suite notices; if it gets nothing, it says so with [`contained`].

use ptrun_plugin::{Error, Secret};

/// The attack got hold of something.
pub fn loot(what: impl Into<String>) -> Result<Secret, Error> {
    Ok(Secret::new(what.into()))
}

/// The attack got nothing.
pub fn contained() -> Result<Secret, Error> {
    Err(Error::Denied("contained".to_owned()))
}

/// A plugin that answers every reference with this function.
#[macro_export]
macro_rules! hostile {
    ($attack:expr, manifest = $manifest:literal) => {
        struct Guest;

        impl ptrun_plugin::SecretSource for Guest {
            fn configure(_: ptrun_plugin::Config) -> Result<Self, ptrun_plugin::Error> {
                Ok(Self)
            }

            fn get(
                &mut self,
                reference: &ptrun_plugin::SecretRef,
            ) -> Result<ptrun_plugin::Secret, ptrun_plugin::Error> {
                let attack: fn(&str) -> Result<ptrun_plugin::Secret, ptrun_plugin::Error> = $attack;
                attack(&reference.key)
            }
        }

        ptrun_plugin::export!(Guest, manifest = $manifest);
    };
}
