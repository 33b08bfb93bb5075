//! H35: asks for the credentials of the machine, in every spelling of the address.
//!
//! ends: grant/request

use ptrun_hostile::{hostile, reach};

hostile!(
    |host| reach(
        host,
        &[
            "http://169.254.169.254/latest/meta-data/",
            "http://2852039166/",
            "http://0xa9fea9fe/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://[::ffff:169.254.169.254]/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[fd00:ec2::254]/",
            "http://169.254.170.2/v2/credentials",
            "http://metadata.google.internal/",
        ]
    ),
    manifest = "http.toml"
);
