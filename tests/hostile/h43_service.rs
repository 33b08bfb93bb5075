//! H43: asks the host to sign for another service than the one of its manifest.
//!
//! ends: grant/credential
//! signed: aws

use ptrun_hostile::{hostile, signed_for};

hostile!(|host| signed_for(host, "eu-west-1/s3"), manifest = "http.toml");
