//! [`Socket`]: what one open socket of the network is.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use guestnet_core::{Domain, Errno, Kind, Ready, SockOpt};

use crate::address::unbound;
use crate::option::Options;

/// The number of a socket in its network.
pub(crate) type Id = u64;

/// An open socket, or a connection that waits to be accepted.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) domain: Domain,
    pub(crate) options: Options,
    /// Its address; the port is 0 as long as it is not bound.
    pub(crate) local: SocketAddr,
    /// bind(2) chose the address, the port: it outlives a dissolved connection.
    pub(crate) address_chosen: bool,
    pub(crate) port_chosen: bool,
    /// `SO_ERROR`.
    pub(crate) error: Option<Errno>,
    pub(crate) protocol: Protocol,
}

#[derive(Debug)]
pub(crate) enum Protocol {
    Tcp(Tcp),
    Udp(Udp),
}

/// A TCP socket.
#[derive(Debug, Default)]
pub(crate) struct Tcp {
    pub(crate) phase: Phase,
    /// Received and not read yet.
    pub(crate) received: VecDeque<u8>,
    /// Bytes under way to it.
    pub(crate) coming: usize,
    /// The peer sends no more: its FIN is here.
    pub(crate) fin: bool,
    /// shutdown(2).
    pub(crate) read_shut: bool,
    pub(crate) write_shut: bool,
    /// When the last of what it sent arrives: what is sent later does not overtake it.
    pub(crate) last_arrival: Duration,
}

/// Where a TCP socket is between socket(2) and the end of its connection.
#[derive(Debug, Default)]
pub(crate) enum Phase {
    /// Neither connected nor listening. By listen(2) it becomes `Listening`, by connect(2) `Connecting`.
    #[default]
    Closed,
    /// By accept(2) it hands out `queue`; by connect(2) to nothing it becomes `Closed`.
    Listening {
        backlog: usize,
        /// Connections that can be accepted.
        queue: VecDeque<Id>,
        /// Sockets whose connect waits for room in the queue.
        waiting: VecDeque<Id>,
    },
    /// A connect is under way. It becomes `Connected`, or `Failed` with the error in `SO_ERROR`.
    Connecting { to: SocketAddr },
    /// A connect failed, and connect(2) has not said so yet; then it becomes `Closed`.
    Failed,
    /// Until a RST comes (`Ended`), or the association is dissolved (`Closed`).
    Connected {
        peer: Id,
        to: SocketAddr,
        /// connect(2) has said so.
        reported: bool,
    },
    /// The connection was reset.
    Ended {
        /// connect(2) had said before that it was made.
        reported: bool,
    },
}

/// A UDP socket.
#[derive(Debug, Default)]
pub(crate) struct Udp {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) received: VecDeque<Datagram>,
    pub(crate) read_shut: bool,
    pub(crate) write_shut: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) data: Vec<u8>,
}

impl Socket {
    pub(crate) fn new(domain: Domain, kind: Kind) -> Self {
        Socket {
            domain,
            options: Options::default(),
            local: unbound(domain),
            address_chosen: false,
            port_chosen: false,
            error: None,
            protocol: match kind {
                Kind::Datagram => Protocol::Udp(Udp::default()),
                Kind::Stream | Kind::SeqPacket => Protocol::Tcp(Tcp::default()),
            },
        }
    }

    pub(crate) fn is_tcp(&self) -> bool {
        matches!(self.protocol, Protocol::Tcp(_))
    }

    pub(crate) fn kind(&self) -> Kind {
        if self.is_tcp() {
            Kind::Stream
        } else {
            Kind::Datagram
        }
    }

    pub(crate) fn only6(&self) -> bool {
        self.options.is_set(SockOpt::Ipv6Only)
    }

    pub(crate) fn tcp(&mut self) -> Option<&mut Tcp> {
        match &mut self.protocol {
            Protocol::Tcp(tcp) => Some(tcp),
            Protocol::Udp(_) => None,
        }
    }

    pub(crate) fn udp(&mut self) -> Option<&mut Udp> {
        match &mut self.protocol {
            Protocol::Udp(udp) => Some(udp),
            Protocol::Tcp(_) => None,
        }
    }

    /// Gives back what bind(2) did not choose.
    pub(crate) fn unbind(&mut self) {
        if !self.address_chosen {
            self.local.set_ip(unbound(self.domain).ip());
        }
        if !self.port_chosen {
            self.local.set_port(0);
        }
    }

    /// What it is ready for, as poll(2) of Linux has it. `room` is what a send on a connection could move.
    pub(crate) fn ready(&self, room: usize) -> Ready {
        let mut ready = Ready::empty();
        ready.set(Ready::ERROR, self.error.is_some());
        match &self.protocol {
            Protocol::Udp(udp) => {
                ready |= Ready::WRITE;
                ready.set(
                    Ready::READ,
                    !udp.received.is_empty() || udp.read_shut || self.error.is_some(),
                );
                ready.set(Ready::READ_HANGUP, udp.read_shut);
                ready.set(Ready::HANGUP, udp.read_shut && udp.write_shut);
            }
            Protocol::Tcp(tcp) => match &tcp.phase {
                Phase::Closed => ready |= Ready::WRITE | Ready::HANGUP,
                Phase::Listening { queue, .. } => ready.set(Ready::READ, !queue.is_empty()),
                Phase::Connecting { .. } => {}
                Phase::Failed | Phase::Ended { .. } => {
                    ready |= Ready::READ | Ready::WRITE | Ready::HANGUP | Ready::READ_HANGUP;
                }
                Phase::Connected { .. } => {
                    let ended = tcp.fin || tcp.read_shut;
                    ready.set(
                        Ready::READ,
                        ended || tcp.received.len() >= self.options.low_water() || self.error.is_some(),
                    );
                    ready.set(Ready::READ_HANGUP, ended);
                    ready.set(Ready::WRITE, room > 0 || tcp.write_shut);
                    ready.set(Ready::HANGUP, ended && tcp.write_shut);
                }
            },
        }
        ready
    }
}

/// Which ports of a protocol are taken.
pub(crate) fn ports<'s>(sockets: impl Iterator<Item = &'s Socket>, tcp: bool) -> BTreeSet<u16> {
    sockets
        .filter(|socket| socket.is_tcp() == tcp && socket.local.port() != 0)
        .map(|socket| socket.local.port())
        .collect()
}
