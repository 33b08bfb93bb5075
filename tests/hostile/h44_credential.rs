//! H44: looks for the credential of its requests wherever it can, after it was used: variables, arguments, files, what
//! comes back from the backend and from failures, and all of its own memory.
//!
//! ends: grant/request
//! signed: bearer

use ptrun_hostile::{contained, hostile, loot, token};
use ptrun_plugin::{files, http::send};

hostile!(
    |host| {
        let has = |text: &[u8]| text.windows(token::LENGTH).any(token::is);
        for path in ["/whoami", "/", "/redirect", "/close", "/echo"] {
            for method in ["GET", "POST", "TRACE", "CONNECT"] {
                match send(method, &format!("{host}{path}"), &[], b"") {
                    Ok(answer) if has(&answer.body) || answer.headers.iter().any(|(_, value)| has(value)) => {
                        return loot(format!("{method} {path} sent it back"));
                    }
                    Err(why) if has(format!("{why:?}").as_bytes()) => return loot("an error says it"),
                    _ => {}
                }
            }
        }
        if std::env::vars().any(|(name, value)| has(name.as_bytes()) || has(value.as_bytes())) {
            return loot("a variable");
        }
        if std::env::args().any(|argument| has(argument.as_bytes())) {
            return loot("an argument");
        }
        for path in ["granted", "credential", "/proc/self/environ", "/proc/self/mem", "/dev/fd/3"] {
            let read = std::fs::read(path).ok().or_else(|| files::read(path).ok());
            if read.is_some_and(|bytes| has(&bytes)) {
                return loot(format!("the file {path}"));
            }
        }
        if has(token::memory()) { loot("its memory") } else { contained() }
    },
    manifest = "files-and-http.toml"
);
