//! guestnet for Emscripten: the socket system calls of its C library, over any host.
//!
//! What a program built with `emcc` imports as `__syscall_socket`, `__syscall_recvfrom` and so on ends, by way of
//! `libguestnet.js`, in one of the functions of [`CALLS`]: integers and pointers in, an integer or a negated errno out,
//! everything else in the module's memory. Here is that ABI and nothing of the JavaScript engine (the addon's), of
//! Emscripten's file system (the JavaScript library's) or of sockets (the core's).
//!
//! ```
//! use std::sync::Arc;
//! use guestnet_core::{Capacity, Guest, policy::Policy};
//! use guestnet_emscripten::{Args, CALLS, Memory, RESERVED, ThreadContext};
//! # use guestnet_host_os::OsHost;
//!
//! # fn main() -> guestnet_core::Result<()> {
//! let guest = Guest::new(Arc::new(Policy::deny_all()), Capacity::default(), RESERVED).thread(OsHost::new()?);
//! let mut context = ThreadContext::new(guest);
//! // SAFETY: a memory without bytes.
//! let memory = unsafe { Memory::new(std::ptr::null_mut(), 0) };
//! let socket = CALLS.iter().find(|call| call.name == "socket").unwrap();
//! let args = Args([2, 1, 0, 0, 0, 0, 0]); // AF_INET, SOCK_STREAM
//! assert!(context.call(socket, memory, &args) >= 4097);
//! # Ok(())
//! # }
//! ```
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
mod address;
mod args;
mod batch;
mod bits;
mod bulk;
mod calls;
mod context;
mod control;
mod convert;
mod event;
mod interface;
mod memory;
mod message;
mod module_options;
mod names;
mod option;
mod poll;
mod services;
mod socket;
mod table;
mod text;

pub use args::Args;
pub use bits::{FOREIGN, READY, STATE};
pub use calls::{CALLS, Call};
pub use context::{RESERVED, ThreadContext};
pub use convert::{lookup_error, negated};
pub use memory::{CopiedMemory, Memory, MemoryAccess};
pub use module_options::{Environment, ModuleOptions, ModuleOptionsError, OptionValue, TraceOption};
pub use names::{ADDRINFO_ROOM, Lookup, LookupKey, LookupResult};
pub use poll::report_once;
