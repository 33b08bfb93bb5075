//! H24: crashes while it is asked.
//!
//! ends: plugin/crashed

use ptrun_hostile::hostile;

hostile!(|_| panic!("canary-in-a-panic"), manifest = "plain.toml");
