//! H43: asks the host to sign for another region than the one of the reference.
//!
//! ends: grant/credential
//! signed: aws

use ptrun_hostile::{hostile, signed_for};

hostile!(|host| signed_for(host, "us-east-1/secretsmanager"), manifest = "http.toml");
