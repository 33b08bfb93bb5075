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

/// Tries to read and to list each of these, in every way that there is.
pub fn open(paths: &[&str]) -> Result<Secret, Error> {
    for path in paths {
        let read = std::fs::read(path).is_ok() || ptrun_plugin::files::read(path).is_ok();
        if read || std::fs::read_dir(path).is_ok() || std::fs::metadata(path).is_ok() {
            return loot(*path);
        }
    }
    contained()
}

/// Tries to get each of these targets, where `PORT` is the port of the server at `host`.
pub fn reach(host: &str, targets: &[&str]) -> Result<Secret, Error> {
    let port = host.rsplit(':').next().unwrap_or_default();
    for target in targets {
        if let Ok(response) = ptrun_plugin::http::send("GET", &target.replace("PORT", port), &[], b"") {
            return loot(format!("{target}: {}", response.status));
        }
    }
    contained()
}

/// A plugin that answers every reference with this function.
#[macro_export]
macro_rules! hostile {
    (batch = $attack:expr, manifest = $manifest:literal) => {
        struct Guest;

        impl ptrun_plugin::SecretSource for Guest {
            fn configure(_: ptrun_plugin::Config) -> Result<Self, ptrun_plugin::Error> {
                Ok(Self)
            }

            fn get(
                &mut self,
                _: &ptrun_plugin::SecretRef,
            ) -> Result<ptrun_plugin::Secret, ptrun_plugin::Error> {
                Err(ptrun_plugin::Error::Unsupported)
            }

            fn get_many(
                &mut self,
                references: &[ptrun_plugin::SecretRef],
            ) -> Result<$crate::Answers, ptrun_plugin::Error> {
                let attack: fn(&[ptrun_plugin::SecretRef]) -> Result<$crate::Answers, ptrun_plugin::Error> =
                    $attack;
                attack(references)
            }
        }

        ptrun_plugin::export!(Guest, manifest = $manifest);
    };
    ($attack:expr, manifest = $manifest:literal) => {
        $crate::hostile!(
            batch = |references: &[ptrun_plugin::SecretRef]| {
                let attack: fn(&str) -> Result<ptrun_plugin::Secret, ptrun_plugin::Error> = $attack;
                Ok(references.iter().map(|reference| attack(&reference.key)).collect())
            },
            manifest = $manifest
        );
    };
}

/// What a batch answers.
pub type Answers = Vec<Result<Secret, Error>>;
