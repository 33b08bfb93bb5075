//! H2: computes for ever before it can be asked anything.
//!
//! ends: plugin/limit
//! lifted: cpu

use ptrun_hostile::{contained, hostile};

/// What the linker has called when the component is instantiated.
#[cfg(target_family = "wasm")]
#[used]
#[allow(unsafe_code, reason = "the section of constructors has a fixed name")]
#[unsafe(link_section = ".init_array")]
static START: extern "C" fn() = {
    extern "C" fn spin() {
        loop {
            std::hint::black_box(0);
        }
    }
    spin
};

hostile!(|_| contained(), manifest = "plain.toml");
