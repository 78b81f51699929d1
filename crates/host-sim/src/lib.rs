//! guestnet's simulated host: TCP and UDP over loopback addresses, in memory.
//!
//! A [`Network`] is what its hosts have in common: sockets, a clock and [`Faults`]. Each [`SimHost`] is one guest's, or one
//! peer's, [`guestnet_core::Host`]. Errors and readiness are those of Linux; `crates/conformance` shows how far.
//!
//! There are two kinds of time. With [`Network::new`] it is virtual and everything happens on one thread: nothing passes
//! until a host waits, and a wait ends at the next moment at which something happens. The same seed and the same calls
//! give the same run. With [`Network::in_real_time`] it is the machine's, and hosts may wait on several threads.
//!
//! It has no UNIX sockets, byte streams, epoll, control data, urgent data, groups, resolver and service names: the
//! defaults of the trait say what guests then see.

#![forbid(unsafe_code)]

mod address;
mod faults;
mod host;
mod network;
mod option;
mod socket;
mod state;
mod tcp;
mod udp;

pub use faults::{Chance, Faults};
pub use host::{SimHost, Stopper};
pub use network::{Io, Network};
