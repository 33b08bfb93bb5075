//! H16: answers with an error that is not UTF-8.
//!
//! ends: plugin/crashed

use ptrun_hostile::hostile;

hostile!(
    |_| {
        #[allow(unsafe_code, reason = "the attack")]
        // SAFETY: this is not UTF-8, as the host is to find out.
        let text = unsafe { String::from_utf8_unchecked(vec![0xff, 0xfe, 0x80]) };
        Err(ptrun_plugin::Error::Denied(text))
    },
    manifest = "plain.toml"
);
