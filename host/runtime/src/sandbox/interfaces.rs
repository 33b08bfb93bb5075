//! Which interfaces a plugin may import, and what each needs.

use ptrun_trust::Capabilities;

use crate::Grants;

/// What every program that Rust compiles for WASI imports, whether it uses it or not. Linked without
/// anything behind it: no argument, no folder, a closed input, outputs that go nowhere; and of the
/// environment what was granted.
const INERT: &[&str] = &[
    "ptrun:plugin/log",
    "ptrun:plugin/types",
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
];

/// Interfaces that do something, and the capability that each needs.
pub(crate) static NEEDS: &[Need] = &[
    Need {
        capability: "files",
        interfaces: &["ptrun:plugin/files"],
        asked: |asked| !asked.files.is_empty(),
        granted: Grants::has_files,
    },
    Need {
        capability: "http",
        interfaces: &["wasi:http/outgoing-handler", "wasi:http/types"],
        asked: |asked| !asked.http.is_empty(),
        granted: Grants::has_http,
    },
    Need {
        capability: "random",
        interfaces: &["wasi:random/random", "wasi:random/insecure", "wasi:random/insecure-seed"],
        asked: |asked| asked.random,
        granted: Grants::has_random,
    },
];

/// A capability, and the interfaces through which it is used.
pub(crate) struct Need {
    /// Its key under `[capabilities]`.
    pub(crate) capability: &'static str,
    interfaces: &'static [&'static str],
    asked: fn(&Capabilities) -> bool,
    granted: fn(&Grants) -> bool,
}

impl Need {
    /// Whether a manifest asks for it.
    pub(crate) fn asked(&self, capabilities: &Capabilities) -> bool {
        (self.asked)(capabilities)
    }

    /// Whether it is granted.
    pub(crate) fn granted(&self, grants: &Grants) -> bool {
        (self.granted)(grants)
    }

    /// Whether it is used through this interface, in any version.
    pub(crate) fn is_for(&self, interface: &str) -> bool {
        self.interfaces.contains(&without_version(interface))
    }
}

/// What an interface needs, if it does something.
pub(crate) fn need(interface: &str) -> Option<&'static Need> {
    NEEDS.iter().find(|need| need.is_for(interface))
}

/// Whether an interface is given to everybody.
pub(crate) fn is_inert(interface: &str) -> bool {
    INERT.contains(&without_version(interface))
}

fn without_version(interface: &str) -> &str {
    interface.split_once('@').map_or(interface, |(name, _)| name)
}
