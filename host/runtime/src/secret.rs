//! Secret values.

use zeroize::Zeroizing;

/// The bytes of a secret. They are wiped from memory when this goes.
///
/// It has no `Debug`, `Display`, `Clone` or `Serialize`: a value leaves through
/// [`expose`](Self::expose), which is easy to search for.
#[allow(
    missing_debug_implementations,
    reason = "a secret that cannot be printed cannot be leaked by printing"
)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// Takes the bytes over, without a copy.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The value.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::SecretBytes;

    static_assertions::assert_not_impl_any!(
        SecretBytes: std::fmt::Debug, std::fmt::Display, Clone, serde::Serialize, std::ops::Deref, AsRef<[u8]>
    );

    #[test]
    fn a_secret_is_what_it_was() {
        assert_eq!(SecretBytes::new(vec![0, 255]).expose(), [0, 255]);
    }
}
