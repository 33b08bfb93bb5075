//! H10: answers with a value of 48 MiB.
//!
//! ends: plugin/limit
//! lifted: call_bytes

use ptrun_hostile::hostile;

hostile!(|_| Ok(ptrun_plugin::Secret::new(vec![b'x'; 48 << 20])), manifest = "plain.toml");
