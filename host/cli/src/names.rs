//! How host names are found by a ptrun that has the C library in it, as `cargo xtask dist` leaves it.

/// Looks into `hosts(5)` and asks the servers of `resolv.conf(5)`, and nothing else that `nsswitch.conf(5)` may name: that
/// would be libraries of this machine, made for its C library, which is another one.
pub(crate) fn from_files_and_dns() {
    #[cfg(all(target_os = "linux", target_env = "gnu", target_feature = "crt-static"))]
    #[allow(unsafe_code, reason = "the C library has a setting that std does not have")]
    {
        use std::ffi::{c_char, c_int};
        unsafe extern "C" {
            /// `<nss.h>`, of the GNU C library.
            fn __nss_configure_lookup(database: *const c_char, services: *const c_char) -> c_int;
        }
        // SAFETY: both are strings that end with a zero, and stay. It fails where memory is at its end; then the first
        // look-up does too.
        unsafe { __nss_configure_lookup(c"hosts".as_ptr(), c"files dns".as_ptr()) };
    }
}
