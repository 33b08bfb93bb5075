//! H1: computes for ever.
//!
//! ends: plugin/limit
//! lifted: cpu

use ptrun_hostile::hostile;

hostile!(
    |_| loop {
        std::hint::black_box(0);
    },
    manifest = "plain.toml"
);
