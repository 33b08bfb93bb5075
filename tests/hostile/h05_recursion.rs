//! H5: calls itself for ever.
//!
//! ends: plugin/limit

use ptrun_hostile::{hostile, loot};

#[allow(unconditional_recursion, reason = "the attack")]
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    std::hint::black_box(deeper(std::hint::black_box(depth) + 1)) + 1
}

hostile!(|key| loot(deeper(key.len() as u64).to_string()), manifest = "plain.toml");
