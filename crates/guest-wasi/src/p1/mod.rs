//! WASI preview 1 for modules: its own functions, and the socket functions of WasmEdge, wasi-go and WAMR.
//!
//! `link` finds for each import of a module what answers it; `registry` is how a function is declared; `memory`, `abi` and
//! `convert` decode what a guest passes and encode what it gets. Files are wasmtime-wasi's (`files`).

mod abi;
mod addrinfo;
mod bulk;
mod convert;
mod descriptors;
mod epoll;
mod files;
mod inspect;
mod link;
mod memory;
mod opened;
mod poll;
mod registry;
mod sock;
mod wamr;

pub use inspect::Inspection;
pub use link::{Adapter, Import, InstancePre, SocketAbi, add_to_linker};
