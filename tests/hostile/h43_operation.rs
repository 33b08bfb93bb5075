//! H43: asks the host to sign for another operation than those of its manifest: it would change what it may read.
//!
//! ends: grant/request
//! signed: aws

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::http::send;

hostile!(
    |host| {
        let json = ("content-type", "application/x-amz-json-1.1");
        for target in [
            "secretsmanager.PutSecretValue",
            "PutSecretValue",
            "x.GetSecretValue.PutSecretValue",
            "secretsmanager.PutSecretValue,secretsmanager.GetSecretValue",
        ] {
            if send("POST", &format!("{host}/"), &[json, ("x-amz-target", target)], b"{}").is_ok() {
                return loot(target);
            }
        }
        // The operation that is granted in the header, and another where some services look first.
        let granted = ("x-amz-target", "secretsmanager.GetSecretValue");
        let form = ("content-type", "application/x-www-form-urlencoded");
        for (kind, target, body) in [
            (json, "/?Action=PutSecretValue", "{}"),
            (json, "/service/secretsmanager/operation/PutSecretValue", "{}"),
            (form, "/", "Action=PutSecretValue"),
            (json, "/", "Action=PutSecretValue"),
            (json, "/", ""),
        ] {
            if send("POST", &format!("{host}{target}"), &[kind, granted], body.as_bytes()).is_ok() {
                return loot(target);
            }
        }
        let both = [
            json,
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
