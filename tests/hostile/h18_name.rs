//! H18: answers with a secret more, which is meant to become a variable that nobody asked for.
//!
//! ends: plugin/crashed

use ptrun_hostile::hostile;
use ptrun_plugin::Secret;

hostile!(
    batch = |references| {
        let extra = Secret::new("LD_PRELOAD=/tmp/evil.so\n".to_owned());
        Ok(references.iter().map(|_| Ok(Secret::new("value".to_owned()))).chain([Ok(extra)]).collect())
    },
    manifest = "plain.toml"
);
