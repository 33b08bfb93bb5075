//! Files that the user granted, by the name of the grant. A plugin that calls this asks for `files` in
//! its manifest. Natively, a name is a path.

pub use crate::bindings::ptrun::plugin::files::ReadError;

/// The whole file, read now.
///
/// # Errors
/// [`ReadError`] says whether it was granted, is there, and fits.
pub fn read(name: &str) -> Result<Vec<u8>, ReadError> {
    if cfg!(target_family = "wasm") {
        return crate::bindings::ptrun::plugin::files::read(name);
    }
    std::fs::read(name).map_err(|why| match why.kind() {
        std::io::ErrorKind::NotFound => ReadError::NotFound,
        _ => ReadError::Failed(why.to_string()),
    })
}
