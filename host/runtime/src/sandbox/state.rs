//! What the host keeps for one instance: its limits, its files, its log.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use ptrun_trust::read_regular;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, StoreContextMut, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};
use zeroize::Zeroizing;

use super::bindings::ptrun::plugin::{files, log, types};
use super::http::Http;
use super::known::Known;
use super::{LogLevel, LogRecord};
use crate::engine::TICK;
use crate::runtime::LogSink;
use crate::{Grants, Limit, Limits};

/// What a log message costs besides its text, in bytes.
const LOG_RECORD: usize = 64;
/// The longest code of a log message, in bytes.
const MAX_CODE: usize = 64;
/// The most fields of a log message.
const MAX_FIELDS: usize = 16;

pub(crate) struct State {
    plugin: String,
    wasi: WasiCtx,
    table: ResourceTable,
    grants: Grants,
    pub(crate) known: Arc<Known>,
    log: LogSink,
    log_left: usize,
    memory_left: usize,
    table_left: usize,
    instances: usize,
    file_bytes: u64,
    http: Http,
    ticks_left: u128,
    /// The limit that it ran into.
    pub(crate) stopped: Option<Limit>,
}

impl State {
    pub(crate) fn new(
        plugin: String,
        grants: Grants,
        given: &HashMap<String, Zeroizing<String>>,
        known: Arc<Known>,
        limits: &Limits,
        log: LogSink,
        http: Http,
    ) -> Self {
        let mut wasi = WasiCtx::builder();
        wasi.max_random_size(limits.random_bytes);
        for (name, value) in given {
            wasi.env(name, value.as_str());
        }
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles);
        Self {
            plugin,
            wasi: wasi.build(),
            table,
            grants,
            known,
            log,
            log_left: limits.log_bytes,
            memory_left: limits.memory,
            table_left: limits.table_elements,
            instances: limits.instances,
            file_bytes: limits.file_bytes,
            http,
            ticks_left: limits.cpu.as_nanos() / TICK.as_nanos(),
            stopped: None,
        }
    }

    /// Lets go of all that the guest has handles of: a request that is under way ends with its own.
    pub(crate) fn give_up(&mut self) {
        self.table = ResourceTable::new();
    }

    pub(crate) fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// Called at every tick while the guest computes. Lets the timeout of the whole call be looked at,
    /// or ends the guest.
    pub(crate) fn tick(mut store: StoreContextMut<'_, Self>) -> wasmtime::Result<UpdateDeadline> {
        let state = store.data_mut();
        if state.ticks_left == 0 {
            state.stopped = Some(Limit::Cpu);
            return Ok(UpdateDeadline::Interrupt);
        }
        state.ticks_left -= 1;
        Ok(UpdateDeadline::Yield(1))
    }

    /// Takes the growth of a memory or a table out of what is left for all of them.
    fn grow(&mut self, left: fn(&mut Self) -> &mut usize, growth: usize, limit: Limit) -> bool {
        let left = left(self);
        match left.checked_sub(growth) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => {
                self.stopped = Some(limit);
                false
            }
        }
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.http.view(&mut self.table)
    }
}

impl ResourceLimiter for State {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(|state| &mut state.memory_left, desired.saturating_sub(current), Limit::Memory))
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        Ok(self.grow(|state| &mut state.table_left, desired.saturating_sub(current), Limit::TableElements))
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn tables(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        self.instances
    }
}

impl types::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, code: String, fields: Vec<(String, String)>) {
        let size = fields.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
            + code.len()
            + LOG_RECORD;
        let Some(left) = self.log_left.checked_sub(size) else {
            self.log_left = 0;
            return;
        };
        self.log_left = left;
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let code =
            if code.len() <= MAX_CODE && code.chars().all(good) { code } else { "invalid-code".to_owned() };
        let clean =
            |(name, value): &(String, String)| (self.known.clean(name, &[]), self.known.clean(value, &[]));
        let record = LogRecord {
            plugin: self.plugin.clone(),
            level: match level {
                log::Level::Debug => LogLevel::Debug,
                log::Level::Info => LogLevel::Info,
                log::Level::Warn => LogLevel::Warn,
                log::Level::Error => LogLevel::Error,
            },
            code,
            fields: fields.iter().take(MAX_FIELDS).map(clean).collect(),
        };
        (self.log)(&record);
    }
}

impl files::Host for State {
    fn read(&mut self, name: String) -> Result<Vec<u8>, files::ReadError> {
        if let Some(bytes) = self.grants.content_of(&name) {
            let bytes = bytes.expose().to_vec();
            self.known.remember(&bytes);
            return Ok(bytes);
        }
        let path = self.grants.path(&name).ok_or(files::ReadError::NotGranted)?;
        let bytes = read_regular(path, self.file_bytes).map_err(|why| match why.kind() {
            io::ErrorKind::NotFound => files::ReadError::NotFound,
            io::ErrorKind::FileTooLarge => files::ReadError::TooLarge(self.file_bytes),
            // The kind, not the message: a message could name a path that the plugin has no business with.
            kind => files::ReadError::Failed(kind.to_string()),
        })?;
        self.known.remember(&bytes);
        Ok(bytes)
    }
}
