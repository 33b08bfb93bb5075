//! How much a plugin may use.

use std::time::Duration;

/// The limits of one plugin in one run. None can be switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// All memories of an instance together, in bytes. 64 MiB.
    pub memory: usize,
    /// All tables of an instance together, in elements. 10,000.
    pub table_elements: usize,
    /// Core instances in one component. 64.
    pub instances: usize,
    /// What one call may hand to the host besides the values that it is asked for, in bytes. 1 MiB.
    pub call_bytes: usize,
    /// Handles that are open at once. 256.
    pub handles: usize,
    /// One value, in bytes. 64 KiB, which is also what AWS Secrets Manager allows.
    pub value_bytes: usize,
    /// One granted file, in bytes. 1 MiB.
    pub file_bytes: u64,
    /// What a plugin may log, in bytes. 64 KiB.
    pub log_bytes: usize,
    /// Requests. 16.
    pub requests: u32,
    /// Bodies of requests and answers together, in bytes. 1 MiB.
    pub http_bytes: u64,
    /// The fields of one request or answer, in bytes. 16 KiB.
    pub field_bytes: usize,
    /// Time in which the plugin computes. 2 s, measured in steps of 10 ms.
    pub cpu: Duration,
    /// Time from the first instruction to the last, waiting included. 10 s.
    pub wall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 64 << 20,
            table_elements: 10_000,
            instances: 64,
            call_bytes: 1 << 20,
            handles: 256,
            value_bytes: 64 << 10,
            file_bytes: 1 << 20,
            log_bytes: 64 << 10,
            requests: 16,
            http_bytes: 1 << 20,
            field_bytes: 16 << 10,
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(10),
        }
    }
}

/// Which limit a plugin ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::memory`].
    #[error("memory")]
    Memory,
    /// [`Limits::table_elements`].
    #[error("table elements")]
    TableElements,
    /// [`Limits::call_bytes`].
    #[error("bytes in one call")]
    CallBytes,
    /// [`Limits::handles`].
    #[error("handles")]
    Handles,
    /// [`Limits::field_bytes`].
    #[error("bytes of header fields")]
    FieldBytes,
    /// [`Limits::cpu`].
    #[error("computing time")]
    Cpu,
    /// [`Limits::wall`].
    #[error("time")]
    Wall,
}
