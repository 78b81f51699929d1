//! [`Handle`]: what a number stands for that the guest's resources have on the host's side; [`Object`]: what is behind it.
//!
//! A number of ours has bit 31, so that it is none of wasmtime-wasi's table, from which files and errors come. A pollable is
//! the number of what it waits for, and takes no place of its own.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use guestnet_core::resolve::{AddrInfoList, Lookup};
use guestnet_core::{Domain, Fd, LookupError};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::FsResult;
use wasmtime_wasi::p2::bindings::filesystem::types::DirectoryEntry;

use super::file_stream::{Reader, Writer};
use super::unsent::Unsent;

const OURS: u32 = 1 << 31;
const KIND: u32 = 27;
const SLOT: u32 = (1 << KIND) - 1;

/// The most places: what a number has room for.
pub(crate) const MAX_SLOTS: usize = 1 << 26;

/// The length of a listener's queue if the guest does not say it: what Linux makes of the largest one.
pub(crate) const BACKLOG: i32 = 4096;

/// What a resource of ours is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `wasi:sockets/network.network`; there is one.
    Network,
    /// `tcp-socket` and `udp-socket`, `resolve-address-stream`, the deadline of a clock's pollable, the stream of a file, and the list of
    /// a directory.
    Itself,
    /// The `input-stream` or `incoming-datagram-stream` of a socket.
    Input,
    /// Its `output-stream` or `outgoing-datagram-stream`.
    Output,
    /// A standard stream; the place is the descriptor.
    Stdio,
}

/// A number of ours, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Handle {
    pub(crate) role: Role,
    pub(crate) slot: u32,
}

impl Handle {
    pub(crate) fn new(role: Role, slot: u32) -> Self {
        Handle { role, slot }
    }

    /// The resource for the guest.
    pub(crate) fn own<T: 'static>(self) -> Resource<T> {
        let role = match self.role {
            Role::Network => 0,
            Role::Itself => 1,
            Role::Input => 2,
            Role::Output => 3,
            Role::Stdio => 4,
        };
        Resource::new_own(OURS | role << KIND | (self.slot & SLOT))
    }

    /// What a resource of the guest's stands for.
    ///
    /// # Errors
    /// It is none of ours: an embedder made it with wasmtime-wasi.
    pub(crate) fn of<T: 'static>(resource: &Resource<T>) -> wasmtime::Result<Self> {
        let number = resource.rep();
        let role = match (number & OURS != 0, (number & !OURS) >> KIND) {
            (true, 0) => Role::Network,
            (true, 1) => Role::Itself,
            (true, 2) => Role::Input,
            (true, 3) => Role::Output,
            (true, 4) => Role::Stdio,
            _ => {
                return Err(wasmtime::format_err!(
                    "a stream or pollable that is none of guestnet's"
                ));
            }
        };
        Ok(Handle::new(role, number & SLOT))
    }
}

/// A place of the guest's.
#[derive(Debug)]
pub(crate) struct Slot<Io> {
    pub(crate) object: Object<Io>,
    /// Pollables of the object itself, of its input and of its output.
    pollables: [u32; 3],
    /// Whether the guest has the input and the output.
    streams: [bool; 2],
}

impl<Io> Slot<Io> {
    pub(crate) fn new(object: Object<Io>) -> Self {
        Slot {
            object,
            pollables: [0; 3],
            streams: [false; 2],
        }
    }

    pub(crate) fn pollables(&mut self, role: Role) -> &mut u32 {
        let [itself, input, output] = &mut self.pollables;
        match role {
            Role::Input => input,
            Role::Output => output,
            Role::Itself | Role::Network | Role::Stdio => itself,
        }
    }

    /// Says that the guest has the streams of a socket.
    pub(crate) fn give_streams(&mut self) {
        self.streams = [true; 2];
    }

    pub(crate) fn has_streams(&self) -> bool {
        self.streams != [false; 2]
    }

    /// Whether nothing of what is dropped as this role is left with the guest.
    pub(crate) fn is_childless(&mut self, role: Role) -> bool {
        *self.pollables(role) == 0 && (role != Role::Itself || !self.has_streams())
    }

    /// Takes the streams of a socket back, one at a time.
    pub(crate) fn stream_dropped(&mut self, role: Role) {
        let [input, output] = &mut self.streams;
        match role {
            Role::Input => *input = false,
            Role::Output => *output = false,
            Role::Itself | Role::Network | Role::Stdio => {}
        }
    }
}

/// What is in a place.
#[derive(Debug)]
pub(crate) enum Object<Io> {
    Tcp(TcpSocket),
    Udp(UdpSocket),
    Reader(Reader),
    Writer(Writer),
    List(List),
    /// A look-up, until its result is there.
    Lookup(Lookup<Io>),
    Addresses(Addresses),
    /// The moment of a clock's pollable.
    Timer(Duration),
}

/// The list of a directory, as far as the guest has not taken it.
pub(crate) struct List {
    pub(crate) entries: Box<dyn Iterator<Item = FsResult<DirectoryEntry>> + Send>,
    /// How many there were.
    pub(crate) len: usize,
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("List")
    }
}

/// The result of a look-up, as far as the guest has not taken it.
#[derive(Debug)]
pub(crate) struct Addresses(pub(crate) Result<std::vec::IntoIter<IpAddr>, LookupError>);

impl Addresses {
    pub(crate) fn new(result: Result<AddrInfoList, LookupError>) -> Self {
        Addresses(result.map(|list| {
            let addresses: Vec<_> = list.results.iter().map(|result| result.addr.ip()).collect();
            addresses.into_iter()
        }))
    }
}

/// How far a TCP socket has come. The kernel knows it too; what stands here is what WASI is stricter in than Linux, which
/// connects a socket that listens, and listens on one that was never bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Begins here.
    Unbound,
    /// By `start-bind`; `finish-bind` leads to `Bound`.
    Binding,
    Bound,
    /// By `start-connect`; `finish-connect` leads to `Connected` or `Closed`.
    Connecting(SocketAddr),
    /// Also of an accepted socket. To whom: the kernel knows it no more when the peer has reset.
    Connected(Option<SocketAddr>),
    /// By `start-listen`; `finish-listen` leads to `Listening`.
    Starting,
    Listening,
    /// A connect has failed: the socket can only be dropped.
    Closed,
}

/// A TCP socket with its streams.
#[derive(Debug)]
pub(crate) struct TcpSocket {
    pub(crate) fd: Fd,
    pub(crate) domain: Domain,
    pub(crate) phase: Phase,
    pub(crate) backlog: i32,
    /// The input has ended or was shut down.
    pub(crate) input_closed: bool,
    pub(crate) output: Unsent,
    /// The guest has dropped it, and what it wrote is not sent yet: since when the peer has taken nothing.
    pub(crate) orphan_since: Option<Duration>,
    pub(crate) paced: Paced,
}

impl TcpSocket {
    pub(crate) fn new(fd: Fd, domain: Domain, phase: Phase) -> Self {
        TcpSocket {
            fd,
            domain,
            phase,
            backlog: BACKLOG,
            input_closed: false,
            output: Unsent::default(),
            orphan_since: None,
            paced: Paced::default(),
        }
    }
}

/// Whether a descriptor looks ready and is not: a limit of the guest's rate holds back what the kernel has. Such a one is
/// left out of a wait for a moment, so that a guest that waits does not take a whole processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Paced {
    #[default]
    Free,
    /// A wait has reported it ready.
    Reported,
    /// The call after that would have waited.
    HeldBack,
    /// The guest has been refused once, and may ask again without a wait.
    Refused,
}

impl Paced {
    pub(crate) fn reported(&mut self) {
        if *self == Paced::Free {
            *self = Paced::Reported;
        }
    }

    /// A call has moved something.
    #[inline]
    pub(crate) fn moved(&mut self) {
        *self = Paced::Free;
    }

    /// A call would have waited.
    pub(crate) fn would_block(&mut self) {
        *self = match self {
            Paced::Free => Paced::Free,
            Paced::Reported | Paced::HeldBack | Paced::Refused => Paced::HeldBack,
        };
    }

    /// Whether to say once more that it is not ready.
    pub(crate) fn refuse_once(&mut self) -> bool {
        let refuses = *self == Paced::HeldBack;
        if refuses {
            *self = Paced::Refused;
        }
        refuses
    }

    /// Whether the next wait pauses; asked once.
    pub(crate) fn take_held_back(&mut self) -> bool {
        let is_held_back = matches!(self, Paced::HeldBack | Paced::Refused);
        if is_held_back {
            *self = Paced::Free;
        }
        is_held_back
    }
}

/// A UDP socket with its streams.
#[derive(Debug)]
pub(crate) struct UdpSocket {
    pub(crate) fd: Fd,
    pub(crate) domain: Domain,
    pub(crate) bind: Bind,
    /// What the streams are connected to: the kernel may still have datagrams of others that came before.
    pub(crate) peer: Option<SocketAddr>,
    /// How many datagrams `check-send` has permitted.
    pub(crate) permit: usize,
    /// Of what is received, and of what is sent.
    pub(crate) paced: Paced,
    pub(crate) sending: Paced,
}

/// How far a bind has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bind {
    /// Begins here.
    Unbound,
    /// By `start-bind`.
    Binding,
    /// By `finish-bind`.
    Bound,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_apart_as_it_was_put_together() {
        for role in [
            Role::Network,
            Role::Itself,
            Role::Input,
            Role::Output,
            Role::Stdio,
        ] {
            for slot in [0, 1, 2, SLOT] {
                let handle = Handle::new(role, slot);
                let resource: Resource<u8> = handle.own();
                assert_eq!(Handle::of(&resource).unwrap(), handle);
            }
        }
    }

    #[test]
    fn a_number_of_another_table_is_refused() {
        for number in [0, 1, SLOT, OURS - 1, OURS | 5 << KIND, u32::MAX] {
            assert!(
                Handle::of(&Resource::<u8>::new_own(number)).is_err(),
                "{number:#x}"
            );
        }
    }

    #[test]
    fn only_what_was_reported_ready_and_was_not_is_held_back() {
        let mut paced = Paced::default();
        paced.would_block();
        assert!(!paced.take_held_back());
        paced.reported();
        paced.would_block();
        assert!(paced.take_held_back());
        assert!(!paced.take_held_back());
        paced.reported();
        paced.moved();
        paced.would_block();
        assert!(!paced.take_held_back());
    }
}
