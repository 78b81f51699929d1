//! guestnet for Wasmtime: WASI preview 1 whole, with real sockets by the ABIs that guests use.
//!
//! Sockets, streams and waiting are guestnet's; files, random numbers, arguments and the environment are
//! wasmtime-wasi's, behind the same descriptor numbers. The socket functions are those of preview 1 itself, of
//! WasmEdge (both versions, and modules that mix them), of wasi-go and of WAMR; each import is answered by its own
//! type. docs/wasi.md lists them.
//!
//! To embed: one [`Adapter`] for an engine, one [`InstancePre`] for a module, and for each store a [`GuestCtx`] from a
//! [`GuestCtxBuilder`]. [`add_to_linker`] puts the functions into a Wasmtime linker instead. docs/embedding.md has more:
//! stopping a guest, observers, hosts, many guests.
//!
//! ```
//! use std::sync::Arc;
//! use guestnet_core::policy::{PolicyBuilder, Use};
//! use guestnet_core::{Capacity, GuestThread};
//! use guestnet_host_os::OsHost;
//! use guestnet_wasi::{Adapter, GuestCtx, GuestCtxBuilder, I32Exit};
//! use wasmtime::{Engine, Linker, Module, Store};
//!
//! # fn main() -> wasmtime::Result<()> {
//! // An import of your own. A store's data may be any type that contains a `GuestCtx`.
//! let engine = Engine::default();
//! let mut linker: Linker<GuestCtx<OsHost>> = Linker::new(&engine);
//! linker.func_wrap("env", "twice", |value: i32| value * 2)?;
//!
//! let adapter = Adapter::with_linker(&linker, |ctx| ctx)?;
//! let module = Module::new(&engine, r#"
//!     (module
//!       (import "env" "twice" (func $twice (param i32) (result i32)))
//!       (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
//!       (memory (export "memory") 1)
//!       (func (export "_start") (call $exit (call $twice (i32.const 21)))))"#)?;
//!
//! let policy = PolicyBuilder::new().allow(Use::Connect, "tcp://db.internal:5432")?.build();
//! let guest = GuestThread::new(OsHost::new()?, Arc::new(policy), Capacity::default());
//! let mut store = Store::new(&engine, GuestCtxBuilder::new(guest).build()?);
//! let instance = adapter.instantiate(&mut store, &module)?;
//! let start = instance.get_typed_func::<(), ()>(&mut store, "_start")?;
//! let code = match start.call(&mut store, ()) {
//!     Ok(()) => 0,
//!     Err(error) => error.downcast::<I32Exit>()?.0,
//! };
//! assert_eq!(code, 42);
//! # Ok(())
//! # }
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable
    )
)]

mod cost;
mod instances;
mod p1;
pub mod p2;
mod state;
mod stop;

pub use cost::{CompileLimits, check_compile};
pub use p1::{Adapter, Import, Inspection, InstancePre, SocketAbi, add_to_linker};
pub use p2::{ComponentCtx, ComponentView};
pub use state::{File, Getter, GuestCtx, GuestCtxBuilder};
pub use stop::StopTrap;
pub use wasmtime_wasi::I32Exit;

/// Its examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/embedding.md")]
struct EmbeddingPage;
