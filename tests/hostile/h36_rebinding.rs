//! H36: owns the name of its backend, which is at a granted address first, and at another from then on.
//!
//! ends: grant/request
//! moves: yes

use ptrun_hostile::{contained, hostile, loot};
use ptrun_plugin::Error;
use ptrun_plugin::http::send;

hostile!(
    |host| {
        // The backend closes the connection, so that the next request looks for the name again.
        let get = || send("GET", &format!("{host}/close"), &[], b"");
        if get().is_err() {
            return Err(Error::Internal("not even once".to_owned()));
        }
        match get() {
            Ok(answer) => loot(format!("{} from elsewhere", answer.status)),
            Err(_) => contained(),
        }
    },
    manifest = "http.toml"
);
