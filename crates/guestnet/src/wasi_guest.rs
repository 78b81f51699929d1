//! Modules on Wasmtime: [`Options::wasi`] for a [`WasiRuntime`], [`Options::wasi_parts`] for a store of the embedder's.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use guestnet_core::GuestThread;
use guestnet_host_os::OsHost;
use guestnet_wasi::{Adapter, GuestCtx, GuestCtxBuilder};
use wasmtime::{Config, Engine, Linker, Module, Store};

use crate::end::End;
use crate::error::Error;
use crate::handle::GuestHandle;
use crate::limit::{DEFAULT_MAX_MEMORY, MemoryLimit};
use crate::options::{Directory, Options};
use crate::run::{RunError, check, run};
use crate::setup::{GuestSetup, give_streams};

/// What an embedder puts into a store of its own.
#[derive(Debug)]
pub struct WasiParts {
    /// The guest's WASI, a part of the store's data.
    pub wasi: GuestCtx<OsHost>,
    /// For other threads. [`GuestHandle::interrupt`] has it end code that computes, too.
    pub handle: GuestHandle,
    /// Where the listeners of [`Options::listen`] are.
    pub listening: Vec<SocketAddr>,
    /// The guest's /etc, which has to stay until the guest has ended: dropping it removes the directory.
    #[cfg(feature = "dns")]
    pub etc: Option<crate::Etc>,
}

/// An engine of Wasmtime's with the functions of all ABIs, for many guests, one after the other or on threads of their own.
pub struct WasiRuntime {
    engine: Engine,
    adapter: Adapter<WasiState>,
}

impl fmt::Debug for WasiRuntime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiRuntime")
            .field("adapter", &self.adapter)
            .finish_non_exhaustive()
    }
}

/// The data of a [`WasiGuest`]'s store.
#[derive(Debug)]
pub struct WasiState {
    wasi: GuestCtx<OsHost>,
    limit: MemoryLimit,
}

/// A guest that is ready to run a module.
pub struct WasiGuest<'a> {
    runtime: &'a WasiRuntime,
    store: Store<WasiState>,
    handle: GuestHandle,
    listening: Vec<SocketAddr>,
    #[cfg(feature = "dns")]
    _etc: Option<crate::Etc>,
}

impl fmt::Debug for WasiGuest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WasiGuest")
            .field("listening", &self.listening)
            .finish_non_exhaustive()
    }
}

impl WasiRuntime {
    /// A runtime with Wasmtime's default settings.
    ///
    /// # Errors
    /// [`Error::Wasi`].
    pub fn new() -> Result<Self, Error> {
        WasiRuntime::with_config(Config::new())
    }

    /// A runtime with settings of the embedder's. `epoch_interruption` is switched on: [`GuestHandle::stop`] needs it.
    ///
    /// # Errors
    /// [`Error::Wasi`].
    pub fn with_config(mut config: Config) -> Result<Self, Error> {
        config.epoch_interruption(true);
        let engine = Engine::new(&config).map_err(Error::Wasi)?;
        let adapter = Adapter::new(&engine, |state: &mut WasiState| &mut state.wasi).map_err(Error::Wasi)?;
        Ok(WasiRuntime { engine, adapter })
    }

    /// A runtime whose modules also find the functions of a linker, those of the ABIs first. Its engine must be configured with
    /// `epoch_interruption`, which [`GuestHandle::stop`] needs.
    ///
    /// # Errors
    /// [`Error::Wasi`].
    pub fn with_linker(linker: &Linker<WasiState>) -> Result<Self, Error> {
        let engine = linker.engine().clone();
        let adapter =
            Adapter::with_linker(linker, |state: &mut WasiState| &mut state.wasi).map_err(Error::Wasi)?;
        Ok(WasiRuntime { engine, adapter })
    }

    /// The engine, to compile modules with.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The functions of all ABIs, to look at a module's imports with.
    #[must_use]
    pub fn adapter(&self) -> &Adapter<WasiState> {
        &self.adapter
    }
}

impl Options {
    /// Makes a guest for modules of this runtime.
    ///
    /// # Errors
    /// [`Error`].
    pub fn wasi<'a>(&mut self, runtime: &'a WasiRuntime) -> Result<WasiGuest<'a>, Error> {
        let limit = MemoryLimit::new(self.max_memory.unwrap_or(DEFAULT_MAX_MEMORY));
        let parts = self.wasi_parts()?;
        let state = WasiState {
            wasi: parts.wasi,
            limit,
        };
        let mut store = Store::new(&runtime.engine, state);
        store.limiter(|state| &mut state.limit);
        parts.handle.interrupt(&mut store);
        Ok(WasiGuest {
            runtime,
            store,
            handle: parts.handle,
            listening: parts.listening,
            #[cfg(feature = "dns")]
            _etc: parts.etc,
        })
    }

    /// Makes what an embedder with an adapter and stores of its own puts into a store. The limit of memory is the store's: see
    /// [`MemoryLimit`].
    ///
    /// # Errors
    /// [`Error`].
    pub fn wasi_parts(&mut self) -> Result<WasiParts, Error> {
        let GuestSetup {
            host,
            policy,
            capacity,
            attachments,
            streams,
            listeners,
            listening,
        } = GuestSetup::new(self)?;
        let options = std::mem::take(self);
        let stopper = host.stopper();
        #[cfg(feature = "dns")]
        let etc = if options.without_etc {
            None
        } else {
            let directories = options.directories.iter();
            crate::Etc::of(
                directories.map(|directory| &*directory.guest),
                &policy,
                &attachments.hosts,
            )?
        };
        let mut guest = GuestThread::new(host, policy, capacity);
        attachments.attach(&mut guest);
        let handle = GuestHandle::new(stopper, guest.names(), guest.metrics(), Arc::default());

        let mut builder = GuestCtxBuilder::new(guest);
        give_streams(
            &mut builder,
            streams,
            [
                GuestCtxBuilder::stdin,
                GuestCtxBuilder::stdout,
                GuestCtxBuilder::stderr,
            ],
        );
        for io in listeners {
            // Go's accept would hold all goroutines; C and Rust programs switch the mode themselves if they mind.
            builder.listener(io, true);
        }
        for Directory { host, guest } in options.directories {
            builder
                .directory(&host, &guest, false)
                .map_err(|error| Error::Directory {
                    path: host,
                    source: error.into(),
                })?;
        }
        #[cfg(feature = "dns")]
        if let Some(etc) = &etc {
            builder
                .directory(etc.path(), crate::etc::ETC, true)
                .map_err(|error| Error::Directory {
                    path: etc.path().to_owned(),
                    source: error.into(),
                })?;
        }
        for arg in options.args {
            builder.arg(arg);
        }
        for (name, value) in options.env {
            builder.env(name, value);
        }
        Ok(WasiParts {
            wasi: builder.build().map_err(Error::Wasi)?,
            handle,
            listening,
            #[cfg(feature = "dns")]
            etc,
        })
    }
}

impl WasiState {
    /// The guest's WASI.
    pub fn wasi(&mut self) -> &mut GuestCtx<OsHost> {
        &mut self.wasi
    }
}

impl WasiGuest<'_> {
    /// Instantiates a module and calls its `_start`, on this thread: it takes as long as the program runs.
    ///
    /// # Errors
    /// [`RunError`].
    pub fn run(mut self, module: &Module) -> Result<End, RunError> {
        let adapter = &self.runtime.adapter;
        check(adapter, module)?;
        run(adapter, module, &mut self.store, |state| state.limit.refusal())
    }

    /// The guest's store, for an embedder that calls a module's functions itself, by
    /// [`Adapter::instantiate`](guestnet_wasi::Adapter::instantiate) of [`WasiRuntime::adapter`].
    pub fn store_mut(&mut self) -> &mut Store<WasiState> {
        &mut self.store
    }

    /// What other threads can do to it.
    #[must_use]
    pub fn handle(&self) -> GuestHandle {
        self.handle.clone()
    }

    /// Where the listeners of [`Options::listen`] are.
    #[must_use]
    pub fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }
}
