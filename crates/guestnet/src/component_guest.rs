//! WASI 0.2 components on Wasmtime: [`Options::component`] for a [`ComponentRuntime`], [`Options::component_parts`] for a store of
//! the embedder's.

use std::fmt;

use guestnet_host_os::OsHost;
use guestnet_wasi::p2::{add_to_linker, limit_handles};
use guestnet_wasi::{ComponentCtx, ComponentView};
use wasmtime::component::{Component, Linker};
use wasmtime::{Config, Engine, Store};

use crate::end::End;
use crate::error::Error;
use crate::handle::GuestHandle;
use crate::limit::{DEFAULT_MAX_MEMORY, MemoryLimit};
use crate::options::Options;
use crate::run::RunError;
use crate::run_component::run_component;

/// What an embedder puts into a store of its own.
#[derive(Debug)]
pub struct ComponentParts {
    /// The guest's WASI, a part of the store's data.
    pub wasi: ComponentCtx<OsHost>,
    /// For other threads. [`GuestHandle::interrupt`] has it end code that computes, too.
    pub handle: GuestHandle,
}

/// An engine of Wasmtime's with a linker for components, for many guests, one after the other or on threads of their own.
pub struct ComponentRuntime {
    engine: Engine,
    linker: Linker<ComponentState>,
}

impl fmt::Debug for ComponentRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentRuntime").finish_non_exhaustive()
    }
}

/// The data of a [`ComponentGuest`]'s store.
#[derive(Debug)]
pub struct ComponentState {
    wasi: ComponentCtx<OsHost>,
    limit: MemoryLimit,
}

impl ComponentView for ComponentState {
    type Host = OsHost;

    fn component(&mut self) -> &mut ComponentCtx<OsHost> {
        &mut self.wasi
    }
}

/// How much a component that may have little memory passes to the host in one call at most, in bytes.
const MIN_CALL: u64 = 1 << 20;

/// How much one that may have more does: Wasmtime's own limit.
const MAX_CALL: u64 = 128 << 20;

/// Bounds what the component of a store has the host hold: its handles ([`limit_handles`]), and what it passes in one call. The host makes
/// a copy of that; in a list of lists, all of them may be the same bytes of the component's, which are more to the host than
/// the component's whole memory. What goes beyond is a trap.
pub fn limit_component<T: ComponentView>(store: &mut Store<T>, max_memory: u64) {
    limit_handles(store);
    let most = max_memory.clamp(MIN_CALL, MAX_CALL);
    store.set_hostcall_fuel(usize::try_from(most).unwrap_or(usize::MAX));
}

/// A guest that is ready to run a component.
pub struct ComponentGuest<'a> {
    runtime: &'a ComponentRuntime,
    store: Store<ComponentState>,
    handle: GuestHandle,
}

impl fmt::Debug for ComponentGuest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ComponentGuest").finish_non_exhaustive()
    }
}

impl ComponentRuntime {
    /// A runtime with Wasmtime's default settings.
    ///
    /// # Errors
    /// [`Error::Wasi`].
    pub fn new() -> Result<Self, Error> {
        ComponentRuntime::with_config(Config::new())
    }

    /// A runtime with settings of the embedder's. `epoch_interruption` is switched on: [`GuestHandle::stop`] needs it.
    ///
    /// # Errors
    /// [`Error::Wasi`].
    pub fn with_config(mut config: Config) -> Result<Self, Error> {
        config.epoch_interruption(true);
        let engine = Engine::new(&config).map_err(Error::Wasi)?;
        ComponentRuntime::with_linker(Linker::new(&engine))
    }

    /// A runtime whose components also find the interfaces of a linker, which must not define those of `wasi:cli/imports`. Its
    /// engine must be configured with `epoch_interruption`, which [`GuestHandle::stop`] needs.
    ///
    /// # Errors
    /// [`Error::Wasi`].
    pub fn with_linker(mut linker: Linker<ComponentState>) -> Result<Self, Error> {
        add_to_linker(&mut linker).map_err(Error::Wasi)?;
        Ok(ComponentRuntime {
            engine: linker.engine().clone(),
            linker,
        })
    }

    /// The engine, to compile components with.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What components find.
    #[must_use]
    pub fn linker(&self) -> &Linker<ComponentState> {
        &self.linker
    }
}

impl Options {
    /// Makes a guest for components of this runtime.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Listeners`] if the options have listeners.
    pub fn component<'a>(&mut self, runtime: &'a ComponentRuntime) -> Result<ComponentGuest<'a>, Error> {
        let max_memory = self.max_memory.unwrap_or(DEFAULT_MAX_MEMORY);
        let limit = MemoryLimit::new(max_memory);
        let ComponentParts { wasi, handle } = self.component_parts()?;
        let mut store = Store::new(&runtime.engine, ComponentState { wasi, limit });
        store.limiter(|state| &mut state.limit);
        limit_component(&mut store, max_memory);
        handle.interrupt(&mut store);
        Ok(ComponentGuest {
            runtime,
            store,
            handle,
        })
    }

    /// Makes what an embedder with a linker and stores of its own puts into a store. The limits of the store are the
    /// embedder's to set: [`MemoryLimit`], and [`limit_component`].
    ///
    /// # Errors
    /// [`Error`]; [`Error::Listeners`] if the options have listeners.
    pub fn component_parts(&mut self) -> Result<ComponentParts, Error> {
        if !self.listen.is_empty() || !self.sockets.is_empty() {
            return Err(Error::Listeners);
        }
        // Components look names up by an interface.
        #[cfg(feature = "dns")]
        self.without_etc();
        let parts = self.wasi_parts()?;
        Ok(ComponentParts {
            wasi: parts.wasi.into(),
            handle: parts.handle,
        })
    }
}

impl ComponentState {
    /// The guest's WASI.
    pub fn wasi(&mut self) -> &mut ComponentCtx<OsHost> {
        &mut self.wasi
    }
}

impl ComponentGuest<'_> {
    /// Instantiates a component and calls its `wasi:cli/run`, on this thread: it takes as long as the program runs.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(mut self, component: &Component) -> Result<End, RunError> {
        run_component(&self.runtime.linker, component, &mut self.store, |state| {
            state.limit.refusal()
        })
    }

    /// The guest's store, for an embedder that calls a component's functions itself.
    pub fn store_mut(&mut self) -> &mut Store<ComponentState> {
        &mut self.store
    }

    /// What other threads can do to it.
    #[must_use]
    pub fn handle(&self) -> GuestHandle {
        self.handle.clone()
    }
}
