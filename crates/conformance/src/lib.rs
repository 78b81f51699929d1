//! [`suite`]: what every guestnet host must do, as named behaviours.
//!
//! A behaviour is a sentence and a function that panics where the sentence is not true. It drives a guest on the
//! host under test; the peers are sockets of the host's [`World`], mostly on a second thread. For the kernel's host they are
//! plain `std::net` sockets, so that nothing is compared with itself.
//!
//! To run the suite on a host, implement [`World`] and run every behaviour as one test, as `tests/os.rs` does
//! for the kernel's sockets and `tests/sim.rs` for those of memory. A behaviour that needs something which the host lacks
//! ([`Capability`]) is in the suite all the same, with the reason why it does not apply.
//!
//! ```
//! use guestnet_conformance::{World, suite};
//!
//! /// Runs what applies to a host, and gives how many behaviours that were.
//! fn run<W: World + Default>() -> usize {
//!     let behaviours = suite(W::default).into_iter();
//!     behaviours.filter(|behaviour| behaviour.inapplicable.is_none()).map(|behaviour| behaviour.run()).count()
//! }
//! ```
//!
//! Not here: ABIs. What a guest's address or errno looks like in memory is its adapter's.

mod batch;
mod behaviour;
mod bulk;
mod capacity;
mod event;
mod fd;
mod gate;
mod guest;
mod interface;
mod limits;
mod once;
mod option;
mod patience;
mod peer;
mod policy;
mod readiness;
mod resolve;
mod stop;
mod tcp;
mod transfer;
mod udp;
mod unix;
mod unix_path;
mod world;

pub use behaviour::{Behaviour, Inapplicable};
pub use patience::PATIENCE;
pub use world::{Capability, Io, PeerListener, PeerStream, PeerUdp, World};

/// Every behaviour, for a host. Each gets a world of its own.
#[must_use]
pub fn suite<W: World>(world: fn() -> W) -> Vec<Behaviour> {
    [
        tcp::behaviours::<W>(),
        transfer::behaviours::<W>(),
        bulk::behaviours::<W>(),
        udp::behaviours::<W>(),
        batch::behaviours::<W>(),
        unix::behaviours::<W>(),
        unix_path::behaviours::<W>(),
        option::behaviours::<W>(),
        readiness::behaviours::<W>(),
        fd::behaviours::<W>(),
        event::behaviours::<W>(),
        policy::behaviours::<W>(),
        limits::behaviours::<W>(),
        capacity::behaviours::<W>(),
        gate::behaviours::<W>(),
        interface::behaviours::<W>(),
        once::behaviours::<W>(),
        stop::behaviours::<W>(),
        resolve::behaviours::<W>(),
    ]
    .into_iter()
    .flatten()
    .map(|entry| entry.behaviour(world))
    .collect()
}
