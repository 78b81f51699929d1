//! guestnet's simulated host: TCP and UDP over loopback addresses, in memory.
//!
//! A [`Network`] is what its hosts have in common: sockets, a clock and [`Faults`]. Each [`SimHost`] is one guest's, or one
//! peer's, [`guestnet_core::Host`]. Errors and readiness are those of Linux; `crates/conformance` shows how far.
//!
//! There are two kinds of time. With [`Network::new`] it is virtual and everything happens on one thread: nothing passes
//! until a host waits, and a wait ends at the next moment at which something happens. The same seed and the same calls
//! give the same run. With [`Network::in_real_time`] it is the machine's, and hosts may wait on several threads.
//!
//! ```
//! use std::io::{IoSlice, IoSliceMut};
//! use std::net::SocketAddr;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use guestnet_core::policy::Policy;
//! use guestnet_core::{Capacity, Clock, Domain, GuestThread, Kind, RecvFlags, SendFlags};
//! use guestnet_host_sim::{Faults, Network};
//!
//! let delay = Duration::from_millis(5);
//! let network = Network::new(1, Faults { delay: delay..delay, ..Faults::default() });
//! let mut guest: GuestThread<_, ()> =
//!     GuestThread::new(network.host(), Arc::new(Policy::allow_all()), Capacity::default());
//! let listener = guest.socket(Domain::Inet, Kind::Stream)?;
//! guest.bind(listener, &SocketAddr::from(([127, 0, 0, 1], 80)).into())?;
//! guest.listen(listener, 1)?;
//! let client = guest.socket(Domain::Inet, Kind::Stream)?;
//! let addr = guest.local_addr(listener)?;
//! guest.connect(client, &addr)?;
//! let (server, _) = guest.accept(listener, false)?;
//! guest.send(client, &mut [IoSlice::new(b"hello")], SendFlags::empty())?;
//! let mut buffer = [0; 5];
//! guest.recv(server, &mut [IoSliceMut::new(&mut buffer)], RecvFlags::empty())?;
//! assert_eq!(&buffer, b"hello");
//! // The connection and the data were under way, each for so long.
//! assert_eq!(guest.now(Clock::Monotonic), delay * 2);
//! # Ok::<(), guestnet_core::Errno>(())
//! ```
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
