//! guestnet's socket core: real POSIX sockets for sandboxed programs, without any guest ABI and any system.
//!
//! Two axes meet here. Above are **guests**: adapters that know an ABI (WASI preview 1 on Wasmtime, Emscripten,
//! QuickJS) and call the methods of [`GuestThread`]. Below are **hosts**: where real sockets come from, behind the one
//! trait [`Host`]. Between them stands the [`policy`], which every call passes before the first system call.
//!
//! The core reads no clock, opens no file, starts no thread and prints nothing; it builds for
//! `wasm32-unknown-unknown`.
#![forbid(unsafe_code)]

mod addr;
mod blocking;
mod capacity;
mod cell;
mod epoll;
mod errno;
mod event;
mod fd;
mod gate;
mod guest;
mod host;
pub mod limits;
mod log;
mod open_file;
mod option;
pub mod policy;
mod quota;
mod readiness;
mod report;
pub mod resolve;
mod socket;
mod stream;
mod sync;
mod trace;
mod visible;

pub use addr::{Domain, Kind, SockAddr, wildcard};
pub use blocking::Backoff;
pub use capacity::Capacity;
pub use errno::{Errno, Result};
pub use fd::{Descriptor, Fd, SharedTable, Slots, Table, Target};
pub use guest::{Guest, GuestThread, LingeringFile, SharedDescriptor, SharedGuestThread};

pub use host::{
    Clock, Control, Destination, EpollEvent, EpollInterest, EpollMode, EpollOp, Host, Identity, Message,
    RecvFlags, RecvMeta, SendFlags, Shutdown, StreamKind, TimerClock, TimerFlags, TimerSpec,
};
pub use log::{MAX_OCCURRENCES, Sink};
pub use open_file::{OpenFile, Stream};
pub use option::{OptKind, OptValue, SockOpt};
pub use readiness::{PollEvent, Ready};
pub use report::{Reporter, Sinks};
pub use resolve::LookupError;
pub use socket::Socket;
pub use trace::{AuditRecord, Denial, Observer, ResultLine};
pub use visible::{escape_controls, is_hidden, visible, visible_lines};
