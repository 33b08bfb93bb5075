//! Messages for the person who runs the host. They carry a constant code and fields, so that no value
//! slips into a sentence. Natively, they go nowhere.

pub use crate::bindings::ptrun::plugin::log::Level;

/// Adds one message. `code` is a constant such as `cache-miss`.
pub fn write(level: Level, code: &'static str, fields: &[(&str, &str)]) {
    if cfg!(target_family = "wasm") {
        let fields: Vec<_> =
            fields.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        crate::bindings::ptrun::plugin::log::write(level, code, &fields);
    }
}
