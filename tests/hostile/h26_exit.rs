//! H26: ends itself with success.
//!
//! ends: plugin/crashed

use ptrun_hostile::hostile;

hostile!(|_| std::process::exit(0), manifest = "plain.toml");
