//! How much a plugin may use.

use std::time::Duration;

use bytesize::ByteSize;
use jiff::SignedDuration;

/// The limits of one plugin in one run. None can be switched off.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The component, in bytes. 32 MiB; a plugin in Python, which brings its interpreter, has 18 MB.
    pub component_bytes: usize,
    /// Time in which it is compiled, for each MiB of the component that is begun. 5 s.
    pub compile_time: Duration,
    /// By how much the process may grow while it is compiled, in bytes, for each MiB of the component that is
    /// begun. 96 MiB. Looked at every few milliseconds, on Linux.
    pub compile_memory: usize,
    /// The stack of the guest, in bytes. 512 KiB.
    pub stack: usize,
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
    /// Random bytes that one call may ask for. 4 KiB.
    pub random_bytes: u64,
    /// Time in which the plugin computes. 2 s, measured in steps of 10 ms.
    pub cpu: Duration,
    /// Time from the first instruction to the last, waiting included. 10 s.
    pub wall: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component_bytes: 32 << 20,
            compile_time: Duration::from_secs(5),
            compile_memory: 96 << 20,
            stack: 512 << 10,
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
            random_bytes: 4096,
            cpu: Duration::from_secs(2),
            wall: Duration::from_secs(10),
        }
    }
}

/// Why a limit cannot be set so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// No limit has this name.
    #[error("there is no limit of this name; there are {}", Limits::NAMES.join(", "))]
    Name,
    /// Not a size like `64MiB`, a time like `500ms` or a number, or zero, or too much.
    #[error("a limit is a size such as `64MiB`, a time such as `500ms`, or a number, and more than nothing")]
    Value,
}

impl Limits {
    /// What [`set`](Self::set) calls them: the names of the fields, with hyphens.
    pub const NAMES: [&str; 18] = [
        "component-bytes",
        "compile-time",
        "compile-memory",
        "stack",
        "memory",
        "table-elements",
        "instances",
        "call-bytes",
        "handles",
        "value-bytes",
        "file-bytes",
        "log-bytes",
        "requests",
        "http-bytes",
        "field-bytes",
        "random-bytes",
        "cpu",
        "wall",
    ];

    /// Sets the limit of this name.
    ///
    /// ```
    /// let mut limits = ptrun_host::Limits::default();
    /// limits.set("memory", "128MiB")?;
    /// limits.set("wall", "30s")?;
    /// assert_eq!(limits.memory, 128 << 20);
    /// # Ok::<(), ptrun_host::LimitError>(())
    /// ```
    ///
    /// # Errors
    /// If there is none, or the value is none.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), LimitError> {
        match name {
            "component-bytes" => self.component_bytes = size(value)?,
            "compile-time" => self.compile_time = time(value)?,
            "compile-memory" => self.compile_memory = size(value)?,
            "stack" => self.stack = size(value)?,
            "memory" => self.memory = size(value)?,
            "table-elements" => self.table_elements = size(value)?,
            "instances" => self.instances = size(value)?,
            "call-bytes" => self.call_bytes = size(value)?,
            "handles" => self.handles = size(value)?,
            "value-bytes" => self.value_bytes = size(value)?,
            "file-bytes" => self.file_bytes = size(value)?,
            "log-bytes" => self.log_bytes = size(value)?,
            "requests" => self.requests = size(value)?,
            "http-bytes" => self.http_bytes = size(value)?,
            "field-bytes" => self.field_bytes = size(value)?,
            "random-bytes" => self.random_bytes = size(value)?,
            "cpu" => self.cpu = time(value)?,
            "wall" => self.wall = time(value)?,
            _ => return Err(LimitError::Name),
        }
        Ok(())
    }

    /// How long compiling a component of this size may take.
    pub(crate) fn time_to_compile(&self, size: usize) -> Duration {
        self.compile_time.saturating_mul(u32::try_from(begun(size)).unwrap_or(u32::MAX))
    }

    /// By how much compiling a component of this size may let the process grow, in bytes.
    pub(crate) const fn memory_to_compile(&self, size: usize) -> usize {
        self.compile_memory.saturating_mul(begun(size))
    }
}

/// How many MiB are begun, and at least one.
const fn begun(size: usize) -> usize {
    1 + (size >> 20)
}

fn size<T: TryFrom<u64>>(text: &str) -> Result<T, LimitError> {
    let size: ByteSize = text.parse().map_err(|_| LimitError::Value)?;
    let size = Some(size.as_u64()).filter(|size| (1..=MOST).contains(size)).ok_or(LimitError::Value)?;
    size.try_into().map_err(|_| LimitError::Value)
}

/// A TiB: no limit is larger, so that sums of a few of them fit.
const MOST: u64 = 1 << 40;

fn time(text: &str) -> Result<Duration, LimitError> {
    let time: SignedDuration = text.parse().map_err(|_| LimitError::Value)?;
    let day = SignedDuration::from_hours(24);
    if time <= SignedDuration::ZERO || time > day {
        return Err(LimitError::Value);
    }
    time.try_into().map_err(|_| LimitError::Value)
}

/// Which limit a plugin ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Limit {
    /// [`Limits::compile_time`].
    #[error("time to compile")]
    CompileTime,
    /// [`Limits::compile_memory`].
    #[error("memory to compile")]
    CompileMemory,
    /// [`Limits::memory`].
    #[error("memory")]
    Memory,
    /// [`Limits::table_elements`].
    #[error("table elements")]
    TableElements,
    /// [`Limits::stack`].
    #[error("stack")]
    Stack,
    /// [`Limits::instances`].
    #[error("instances")]
    Instances,
    /// [`Limits::random_bytes`].
    #[error("random bytes in one call")]
    RandomBytes,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_can_be_set_by_its_name() {
        for name in Limits::NAMES {
            let mut limits = Limits::default();
            let good = ["7", "7s"].iter().filter(|value| limits.set(name, value).is_ok()).count();
            assert!(good == 1 && limits != Limits::default(), "{name}");
            for bad in ["", "0", "0s", "-1", "-1s", "many", "2TiB", "25h", "1e400", "18446744073709551616"] {
                assert_eq!(limits.set(name, bad), Err(LimitError::Value), "{name}={bad}");
            }
        }
        assert_eq!(Limits::default().set("everything", "1"), Err(LimitError::Name));
    }

    #[test]
    fn larger_components_may_take_longer_to_compile() {
        let limits = Limits::default();
        assert_eq!(limits.time_to_compile(0), limits.compile_time);
        assert_eq!(limits.time_to_compile((2 << 20) + 1), limits.compile_time * 3);
        assert_eq!(limits.memory_to_compile((1 << 20) - 1), limits.compile_memory);
        assert_eq!(limits.memory_to_compile(1 << 20), limits.compile_memory * 2);
    }
}
