//! Compiled code. The only place in this crate where code is unsafe: machine code that was compiled
//! earlier is run as it is, so whoever hands it in answers for it.

use ptrun_trust::Verified;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::LoadError;
use crate::engine::{Target, engine};

/// The machine code of a component, from [`precompile`].
#[derive(Debug, Clone, Copy)]
pub struct Precompiled<'a>(&'a [u8]);

impl<'a> Precompiled<'a> {
    /// Takes `code` for what [`precompile`] made of the plugin that it will be used with.
    ///
    /// # Safety
    /// It must be exactly that, kept where nobody else could write. Other bytes are other machine code,
    /// and run with the rights of this process. Code of another version of this crate, or for another
    /// processor, is recognised and refused.
    #[must_use]
    #[allow(unsafe_code, reason = "the caller vouches for machine code, which no check here could replace")]
    pub const unsafe fn new(code: &'a [u8]) -> Self {
        Self(code)
    }

    #[allow(unsafe_code, reason = "loads what `new` was promised to be machine code of ours")]
    pub(crate) fn load(self, engine: &Engine) -> Result<Component, LoadError> {
        // SAFETY: `new` was promised that these bytes are the unaltered output of `precompile`.
        let component = unsafe { Component::deserialize(engine, self.0) };
        component.map_err(LoadError::compiler)
    }
}

/// Compiles a plugin for any processor of this architecture, for [`Precompiled`].
///
/// # Errors
/// If the component is invalid, or uses what the sandbox does not have.
pub fn precompile(plugin: &Verified) -> Result<Vec<u8>, LoadError> {
    engine(&Target::Portable)?.precompile_component(plugin.bytes()).map_err(LoadError::compiler)
}

/// Compiles a plugin for this processor. There is no other call of the compiler, and it takes nothing
/// but a [`Verified`].
pub(crate) fn compile(engine: &Engine, plugin: &Verified) -> Result<Component, LoadError> {
    Component::from_binary(engine, plugin.bytes()).map_err(LoadError::compiler)
}
