//! H12: asks for a GiB of random bytes at once.
//!
//! ends: plugin/limit
//! lifted: random_bytes

use ptrun_hostile::{hostile, loot};
use wasip2::random::random::get_random_bytes;

hostile!(|_| loot(format!("{} bytes", get_random_bytes(1 << 30).len())), manifest = "random.toml");
