//! The calls below the types: one file a target, with the same functions. All `unsafe` of the crate is here, but for a trait's
//! function that is unsafe by itself.

#![expect(unsafe_code, reason = "calls of C and of the host")]

#[cfg(all(target_os = "wasi", target_env = "p1"))]
mod wasip1;
#[cfg(all(target_os = "wasi", target_env = "p1"))]
pub(crate) use wasip1::*;

#[cfg(not(all(target_os = "wasi", target_env = "p1")))]
mod posix;
#[cfg(not(all(target_os = "wasi", target_env = "p1")))]
mod sockaddr;
#[cfg(not(all(target_os = "wasi", target_env = "p1")))]
pub(crate) use posix::*;

#[cfg(target_os = "linux")]
#[path = "native_bulk.rs"]
mod bulk;
#[cfg(target_os = "linux")]
#[path = "native.rs"]
mod target;
#[cfg(target_os = "linux")]
pub(crate) use bulk::{pipe, sendfile, splice};
#[cfg(all(target_os = "wasi", not(target_env = "p1")))]
#[path = "wasip2.rs"]
mod target;
#[cfg(not(all(target_os = "wasi", target_env = "p1")))]
pub(crate) use target::{epoll_control, epoll_create, epoll_wait, pair, recv, recv_from, send, send_to};
#[cfg(all(target_os = "wasi", not(target_env = "p1")))]
pub(crate) use target::{pipe, sendfile, splice};

#[cfg(not(any(target_os = "linux", target_os = "wasi")))]
compile_error!("guestnet-guest is for programs on Linux, wasm32-wasip1 and wasm32-wasip2");
