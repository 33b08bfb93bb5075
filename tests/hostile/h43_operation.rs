//! H43: asks the host to sign for another operation than those of its manifest: it would change what it may read.
//!
//! ends: grant/request
//! signed: aws

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::http::send;

hostile!(
    |host| {
        for target in ["secretsmanager.PutSecretValue", "PutSecretValue", "x.GetSecretValue.PutSecretValue"] {
            let headers = [("x-amz-target", target)];
            if send("POST", &format!("{host}/"), &headers, b"{}").is_ok() {
                return loot(target);
            }
        }
        let both = [
            ("x-amz-target", "secretsmanager.GetSecretValue"),
            ("x-amz-target", "secretsmanager.PutSecretValue"),
        ];
        match send("POST", &format!("{host}/"), &both, b"{}") {
            Ok(_) => loot("both"),
            Err(_) => contained(),
        }
    },
    manifest = "http.toml"
);
