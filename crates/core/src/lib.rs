//! guestnet's socket core: real POSIX sockets for sandboxed programs, without any guest ABI and any system.
//!
//! Two axes meet here. Above are **guests**: adapters that know an ABI (WASI preview 1 on Wasmtime, Emscripten,
//! QuickJS) and call the methods of [`GuestThread`]. Below are **hosts**: where real sockets come from, behind the one
//! trait [`Host`]. Between them stands the [`policy`], which every call passes before the first system call.
//!
//! The core reads no clock, opens no file, starts no thread and prints nothing; it builds for
//! `wasm32-unknown-unknown`.
//!
//! What an adapter's function does: it decodes, makes one call, and encodes. It works on every host; those of this project
//! are the crates `guestnet-host-os` and `guestnet-host-sim`, whose pages have a guest that runs.
//!
//! ```
//! use std::io::IoSlice;
//! use std::net::SocketAddr;
//!
//! use guestnet_core::policy::{NoPins, PolicyBuilder, Protocol, Use};
//! use guestnet_core::{Errno, Fd, GuestThread, Host, SendFlags};
//!
//! /// A call of some ABI, which takes integers and gives the number of bytes, or an errno below zero.
//! fn send<H: Host>(guest: &mut GuestThread<H, ()>, fd: Fd, bytes: &[u8], dont_wait: bool) -> i64 {
//!     let flags = if dont_wait { SendFlags::DONTWAIT } else { SendFlags::empty() };
//!     match guest.send(fd, &mut [IoSlice::new(bytes)], flags) {
//!         Ok(sent) => i64::try_from(sent).unwrap_or(i64::MAX),
//!         Err(errno) => -i64::from(number(errno)),
//!     }
//! }
//!
//! /// The numbers of that ABI.
//! fn number(errno: Errno) -> u16 {
//!     match errno {
//!         Errno::EBADF => 9,
//!         Errno::EACCES => 13,
//!         _ => 5,
//!     }
//! }
//!
//! // The policy is what its owner wrote, whatever the ABI and the host are.
//! let policy = PolicyBuilder::new().allow(Use::Connect, "tcp://10.0.0.0/8:443")?.build();
//! let decide = |addr: [u8; 4]| policy.decide(Use::Connect, Protocol::Tcp, SocketAddr::from((addr, 443)), &NoPins);
//! assert!(decide([10, 1, 2, 3]).is_allowed());
//! assert!(decide([192, 0, 2, 1]).is_denied());
//! # Ok::<(), guestnet_core::policy::ParseError>(())
//! ```
#![forbid(unsafe_code)]

mod addr;
mod blocking;
mod capacity;
mod cell;
mod epoll;
mod errno;
mod event;
mod fd;
mod flags;
mod gate;
mod guest;
mod host;
mod interface;
pub mod limits;
mod log;
mod metrics;
mod netdevice;
mod open_file;
mod option;
pub mod policy;
mod poll;
mod poll_list;
mod quota;
mod readiness;
mod report;
pub mod resolve;
mod socket;
mod stream;
mod sync;
mod timer;
mod trace;
mod visible;

pub use addr::{Domain, Kind, SockAddr, wildcard};
pub use blocking::{Backoff, RecvStrategy};
pub use capacity::Capacity;
pub use errno::{Errno, Result};
pub use fd::{Descriptor, Fd, SharedTable, Slots, Table, Target};
pub use gate::PeerJudge;
pub use guest::{Guest, GuestThread, LingeringFile, SharedDescriptor, SharedGuestThread};

pub use host::{
    Clock, Control, Destination, Host, Identity, IncomingDatagram, Message, OutgoingDatagram, RecvFlags,
    RecvMeta, SendFlags, Shutdown, StreamKind, TimerClock, TimerFlags, TimerSpec,
};
pub use interface::{Interface, InterfaceAddr, InterfaceFlags, MAX_INTERFACE_ADDRESSES, MAX_INTERFACES};
pub use log::{MAX_OCCURRENCES, Sink};
pub use metrics::{Metrics, MetricsSnapshot, Traffic};
pub use open_file::{OpenFile, Stream};
pub use option::{MAX_OPTION_BYTES, OptKind, OptValue, PeerProgram, SockOpt};
pub use readiness::{EpollEvent, EpollInterest, EpollMode, EpollOp, PollEvent, PollSet, Ready};
pub use report::{Reporter, Sinks};
pub use resolve::LookupError;
pub use socket::{IncomingMessage, MAX_BATCH, OutgoingMessage, Socket, SpliceFlags};
pub use trace::{AuditRecord, Denial, Observer, ResultLine};
pub use visible::{escape_controls, is_hidden, visible, visible_lines};
