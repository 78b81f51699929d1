//! guestnet's host for browsers: TCP and UDP over Chrome's Direct Sockets, for Isolated Web Apps.
//!
//! JavaScript holds the sockets and moves bytes between them and queues ([`Browser`]); here are the rules of POSIX over that: what
//! connect(2) says while the browser opens a socket, `SO_ERROR`, ports, end of file, readiness. It compiles for
//! `wasm32-unknown-unknown`, and natively, where a stand-in of the browser runs it through `crates/conformance`.
//!
//! What the browser cannot do is an errno: it has no UNIX sockets, no urgent data, no FIN before the peer's, and no options beyond a
//! few. bind(2) and listen(2) are answered late, as a connect is: [`DirectHost`] says `EAGAIN` until the browser has answered, and
//! the core waits.
//!
//! Pipes, epolls, counters and timers are memory of this host. A timer is looked at and not run: what waits for one is woken by who
//! knows [`DirectHost::next_timer`].
//!
//! A peek and a receive over IPv4 and IPv6 copy once more than on a kernel: from the browser's queue to the guest's memory by way
//! of the module's.

#![forbid(unsafe_code)]

mod address;
mod bound;
mod browser;
mod epoll;
mod event;
mod host;
mod names;
mod object;
mod option;
mod pipe;
mod services;
mod tcp;
mod timers;
mod udp;

pub use browser::{Browser, End, Failure, Id, State, TcpOptions, UdpOptions};
pub use host::DirectHost;
pub use object::Io;
