//! Environment variables that the user granted. `std::env` reads them too, but goes through a buffer of
//! 64 KiB for all of them together, and a plugin crashes if they do not fit.

/// The value of a variable; `None` if it is unset, or was not granted.
#[must_use]
pub fn var(name: &str) -> Option<String> {
    #[cfg(target_family = "wasm")]
    {
        let variables = wasip2::cli::environment::get_environment();
        variables.into_iter().find(|(variable, _)| variable == name).map(|(_, value)| value)
    }
    #[cfg(not(target_family = "wasm"))]
    std::env::var(name).ok()
}
