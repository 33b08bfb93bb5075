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

/// Sends a request that is signed for `REGION/SERVICE`, with credentials that nobody has.
pub fn signed_for(host: &str, scope: &str) -> Result<Secret, Error> {
    let credential = format!("Credential=AKIDEXAMPLE/20260101/{scope}/aws4_request");
    let authorization = format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=00");
    let headers = [
        ("authorization", &*authorization),
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "secretsmanager.GetSecretValue"),
    ];
    match ptrun_plugin::http::send("POST", &format!("{host}/"), &headers, b"{}") {
        Ok(answer) => loot(format!("signed for {scope}: {}", answer.status)),
        Err(_) => contained(),
    }
}

/// The credential that the host holds, which is not in this plugin in its own spelling.
pub mod token {
    /// Of the credential.
    pub const LENGTH: usize = TOKEN.len();
    const TOKEN: [u8; 19] = veiled(*b"canary-token-71d0c2");

    const fn veiled(mut bytes: [u8; 19]) -> [u8; 19] {
        let mut at = 0;
        while at < bytes.len() {
            bytes[at] ^= 0x5a;
            at += 1;
        }
        bytes
    }

    /// Whether this is it.
    pub fn is(text: &[u8]) -> bool {
        text.len() == LENGTH && text.iter().zip(&TOKEN).all(|(one, other)| one ^ 0x5a == *other)
    }

    /// All of this plugin's memory.
    #[cfg(target_family = "wasm")]
    #[allow(unsafe_code, reason = "a hostile plugin reads where it pleases")]
    pub fn memory() -> &'static [u8] {
        let size = core::arch::wasm32::memory_size(0) << 16;
        // SAFETY: a guest may read all of its memory. Nothing writes to it meanwhile.
        unsafe { core::slice::from_raw_parts(core::ptr::without_provenance(1), size - 1) }
    }

    /// Natively there is nothing to look for.
    #[cfg(not(target_family = "wasm"))]
    pub fn memory() -> &'static [u8] {
        &[]
    }
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
