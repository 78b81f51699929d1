//! WASI 0.2 components: `wasi:sockets`, `wasi:io`, the monotonic clock and standard streams over the core's guest thread; the
//! rest of `wasi:cli/imports` is wasmtime-wasi's.
//!
//! Every function is called on the guest's own thread and is not async: what blocks waits in the host, as for preview 1.
//! The interfaces' types and traits are those that wasmtime-wasi has generated, so that a function that is missing does not
//! compile, and its file functions link with our streams. Its own sockets are not in the linker: there is no way round the
//! policy.

mod ctx;
mod error;
mod file_stream;
mod files;
mod lend;
mod link;
mod lookup;
mod network;
mod object;
mod open_files;
mod poll;
mod send;
mod stdio;
mod stdio_children;
mod streams;
mod tcp;
mod udp;
mod unsent;
mod wait;

pub use ctx::{ComponentCtx, ComponentView};
pub use link::{ComponentImport, add_to_linker, component_imports, limit_handles};
