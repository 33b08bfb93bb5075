//! Environment variables that the user granted. `std::env` reads them too, but goes through a buffer of
//! 64 KiB for all of them together, and a plugin crashes if they do not fit.

/// WASI's own interface, whole, since the adapter that Rust links imports it too.
#[cfg(target_family = "wasm")]
#[allow(missing_docs, unreachable_pub, reason = "generated from the interface of WASI")]
mod wasi {
    wit_bindgen::generate!({
        inline: "
            package ptrun:sdk;

            world variables {
                import wasi:cli/environment@0.2.6;
            }

            package wasi:cli@0.2.6 {
                interface environment {
                    get-environment: func() -> list<tuple<string, string>>;
                    get-arguments: func() -> list<string>;
                    initial-cwd: func() -> option<string>;
                }
            }
        ",
        generate_all,
    });
}

/// The value of a variable; `None` if it is unset, or was not granted.
#[must_use]
pub fn var(name: &str) -> Option<String> {
    #[cfg(target_family = "wasm")]
    {
        let variables = wasi::wasi::cli::environment::get_environment();
        variables.into_iter().find(|(variable, _)| variable == name).map(|(_, value)| value)
    }
    #[cfg(not(target_family = "wasm"))]
    std::env::var(name).ok()
}
