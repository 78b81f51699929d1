//! [`suite`]: what every guestnet host must do, as named behaviours.
//!
//! A behaviour is a sentence and a function that panics where the sentence is not true. It drives a [`GuestThread`] on the
//! host under test; the peers are plain `std::net` sockets, mostly on a second thread, so that nothing is compared
//! with itself. Whoever has a host implements [`MakeHost`] and runs every behaviour as one test; `tests/os.rs` does
//! so for the kernel's sockets.
//!
//! Not here: ABIs. What a guest's address or errno looks like in memory is its adapter's.

use std::os::fd::OwnedFd;
use std::path::Path;

use guestnet_core::{GuestThread, Host};

mod behaviour;
mod capacity;
mod fd;
mod gate;
mod limits;
mod option;
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

pub use behaviour::Behaviour;

/// What the suite has to know of a host besides [`Host`].
pub trait MakeHost: 'static {
    /// The host under test.
    type Host: Host + 'static;

    /// A host of its own for one guest.
    fn host() -> Self::Host;

    /// What ends that guest's waits from another thread.
    fn stopper(host: &Self::Host) -> Box<dyn Fn() + Send>;

    /// Lets UNIX socket paths below `guest` reach `directory`.
    fn add_directory(host: &mut Self::Host, directory: &Path, guest: &str);

    /// Takes over one end of a pipe, or a file, as a byte stream.
    fn adopt_stream(host: &mut Self::Host, fd: OwnedFd) -> <Self::Host as Host>::Io;

    /// Takes over a socket that somebody else opened.
    fn adopt_socket(host: &mut Self::Host, fd: OwnedFd) -> <Self::Host as Host>::Io;
}

/// A guest on the host under test; its adapter's files are numbers.
type Tested<M> = GuestThread<<M as MakeHost>::Host, u32>;

/// Every behaviour, for a host.
#[must_use]
pub fn suite<M: MakeHost>(_make_host: &M) -> Vec<Behaviour> {
    [
        tcp::behaviours::<M>(),
        transfer::behaviours::<M>(),
        udp::behaviours::<M>(),
        unix::behaviours::<M>(),
        unix_path::behaviours::<M>(),
        option::behaviours::<M>(),
        readiness::behaviours::<M>(),
        fd::behaviours::<M>(),
        policy::behaviours::<M>(),
        limits::behaviours::<M>(),
        capacity::behaviours::<M>(),
        gate::behaviours::<M>(),
        stop::behaviours::<M>(),
        resolve::behaviours::<M>(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
