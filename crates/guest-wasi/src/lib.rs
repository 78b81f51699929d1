//! guestnet for Wasmtime: WASI preview 1 whole, with real sockets by the ABIs that guests use.
//!
//! Sockets, streams and waiting are guestnet's; files, random numbers, arguments and the environment are
//! wasmtime-wasi's, behind the same descriptor numbers. The socket functions are those of preview 1 itself, of
//! WasmEdge (both versions, and modules that mix them), of wasi-go and of WAMR; each import is answered by its own
//! type. docs/wasi.md lists them.
//!
//! To embed: make a [`GuestCtx`] for each store with a [`GuestCtxBuilder`], one [`Adapter`] for an engine, and
//! [`Adapter::instantiate`] in place of a linker's.
//!
//! ```
//! use std::sync::Arc;
//! use guestnet_core::{Capacity, GuestThread, policy::Policy};
//! use guestnet_wasi::{Adapter, GuestCtx, GuestCtxBuilder};
//! use wasmtime::{Engine, Module, Store};
//! # use guestnet_host_os::OsHost;
//!
//! # fn main() -> wasmtime::Result<()> {
//! let engine = Engine::default();
//! let adapter: Adapter<GuestCtx<OsHost>> = Adapter::new(&engine, |ctx| ctx)?;
//! let module = Module::new(&engine, r#"
//!     (module
//!       (import "wasi_snapshot_preview1" "sock_open" (func $open (param i32 i32 i32) (result i32)))
//!       (memory (export "memory") 1)
//!       (func (export "open") (result i32) (call $open (i32.const 1) (i32.const 2) (i32.const 8))))"#)?;
//!
//! let guest = GuestThread::new(OsHost::new()?, Arc::new(Policy::deny_all()), Capacity::default());
//! let mut store = Store::new(&engine, GuestCtxBuilder::new(guest).build()?);
//! let instance = adapter.instantiate(&mut store, &module)?;
//! let open = instance.get_typed_func::<(), i32>(&mut store, "open")?;
//! assert_eq!(open.call(&mut store, ())?, 0);
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

mod abi;
mod addrinfo;
mod convert;
mod cost;
mod files;
mod inspect;
mod link;
mod memory;
mod p1;
mod poll;
mod registry;
mod sock;
mod state;
mod wamr;

pub use cost::{CompileLimits, check_compile};
pub use inspect::Inspection;
pub use link::{Adapter, Import, InstancePre, SocketAbi, add_to_linker};
pub use registry::Stopped;
pub use state::{File, Getter, GuestCtx, GuestCtxBuilder};
pub use wasmtime_wasi::I32Exit;
