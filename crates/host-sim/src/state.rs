//! [`State`]: the sockets of a network and what is under way between them. TCP's part is in `tcp`, UDP's in `udp`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use guestnet_core::{Domain, Errno, Kind, OptValue, Ready, Result, SockOpt};

use crate::address::{self, conflict, unbound};
use crate::faults::{Dice, Faults};
use crate::option;
use crate::socket::{Id, Phase, Protocol, Socket, ports};

/// The ports that bind(2) with port 0 chooses from (`ip_local_port_range` of Linux).
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32_768..=60_999;

/// Something that a test does at a moment ([`crate::Network::after`]).
pub(crate) type Action = Box<dyn FnOnce() + Send>;

/// What a network is at a moment.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) sockets: BTreeMap<Id, Socket>,
    pub(crate) now: Duration,
    pub(crate) dice: Dice,
    pub(crate) faults: Faults,
    /// What is under way, by the moment of its arrival and the order of its departure.
    events: BTreeMap<(Duration, u64), Event>,
    departures: u64,
    last_id: Id,
    last_port: u16,
}

/// What happens at a later moment.
pub(crate) enum Event {
    /// A connect reaches its destination.
    Syn { from: Id, to: SocketAddr },
    /// Bytes of a connection arrive.
    Bytes { from: Id, to: Id, data: Vec<u8> },
    /// The end of a connection's bytes arrives.
    Fin { from: Id, to: Id },
    /// A connection is reset.
    Rst { from: Id, to: Id },
    /// A datagram arrives.
    Datagram {
        sender: Id,
        from: SocketAddr,
        to: SocketAddr,
        data: Vec<u8>,
    },
    /// A test's action.
    Act(Action),
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Event::Syn { .. } => "Syn",
            Event::Bytes { .. } => "Bytes",
            Event::Fin { .. } => "Fin",
            Event::Rst { .. } => "Rst",
            Event::Datagram { .. } => "Datagram",
            Event::Act(_) => "Act",
        })
    }
}

impl State {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        State {
            sockets: BTreeMap::new(),
            now: Duration::ZERO,
            dice: Dice::new(seed),
            faults,
            events: BTreeMap::new(),
            departures: 0,
            last_id: 0,
            last_port: *EPHEMERAL.end(),
        }
    }

    /// When the next thing happens.
    pub(crate) fn next_event(&self) -> Option<Duration> {
        self.events.keys().next().map(|(at, _)| *at)
    }

    /// Lets everything happen that is due, up to an action, which the caller has to run with the network unlocked.
    pub(crate) fn advance(&mut self) -> Option<Action> {
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            match entry.remove() {
                Event::Act(action) => return Some(action),
                event => self.happen(event),
            }
        }
        None
    }

    /// As [`State::advance`], and leaves an action for later.
    pub(crate) fn catch_up(&mut self) {
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > self.now || matches!(entry.get(), Event::Act(_)) {
                break;
            }
            let event = entry.remove();
            self.happen(event);
        }
    }

    /// Lets something happen at a moment, at once if that is now.
    pub(crate) fn post(&mut self, at: Duration, event: Event) {
        if at <= self.now && !matches!(event, Event::Act(_)) {
            self.happen(event);
        } else {
            self.departures += 1;
            self.events.insert((at, self.departures), event);
        }
    }

    /// When something arrives that departs now.
    pub(crate) fn arrival(&mut self) -> Duration {
        self.now + self.dice.time(&self.faults.delay)
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Syn { from, to } => self.syn_arrives(from, to),
            Event::Bytes { from, to, data } => self.bytes_arrive(from, to, &data),
            Event::Fin { from, to } => self.fin_arrives(from, to),
            Event::Rst { from, to } => self.rst_arrives(from, to),
            Event::Datagram {
                sender,
                from,
                to,
                data,
            } => self.datagram_arrives(sender, from, to, data),
            // Run by the network, which is not locked then.
            Event::Act(_) => {}
        }
    }

    /// A socket that an `Io` stands for is there as long as the `Io` is.
    ///
    /// # Errors
    /// `EBADF`: it was of another network.
    pub(crate) fn socket(&self, id: Id) -> Result<&Socket> {
        self.sockets.get(&id).ok_or(Errno::EBADF)
    }

    pub(crate) fn socket_mut(&mut self, id: Id) -> Result<&mut Socket> {
        self.sockets.get_mut(&id).ok_or(Errno::EBADF)
    }

    pub(crate) fn insert(&mut self, socket: Socket) -> Id {
        self.last_id += 1;
        self.sockets.insert(self.last_id, socket);
        self.last_id
    }

    /// socket(2).
    pub(crate) fn open(&mut self, domain: Domain, kind: Kind) -> Result<Id> {
        match (domain, kind) {
            (Domain::Unix, _) => Err(Errno::EAFNOSUPPORT),
            (_, Kind::SeqPacket) => Err(Errno::ESOCKTNOSUPPORT),
            (domain, kind) => Ok(self.insert(Socket::new(domain, kind))),
        }
    }

    /// close(2).
    pub(crate) fn close(&mut self, id: Id) {
        if let Some(socket) = self.sockets.remove(&id)
            && let Protocol::Tcp(tcp) = socket.protocol
        {
            self.close_tcp(id, &socket.options, tcp);
        }
    }

    /// bind(2).
    pub(crate) fn bind(&mut self, id: Id, addr: SocketAddr) -> Result<()> {
        let socket = self.socket(id)?;
        let (tcp, only6, domain) = (socket.is_tcp(), socket.only6(), socket.domain);
        let mut local = address::local(domain, addr)?;
        let idle = match &socket.protocol {
            Protocol::Tcp(tcp) => matches!(tcp.phase, Phase::Closed),
            Protocol::Udp(_) => true,
        };
        if socket.local.port() != 0 || !idle {
            return Err(Errno::EINVAL);
        }
        let chosen = local.port() != 0;
        if !chosen {
            local.set_port(self.ephemeral(tcp)?);
        } else if self.taken(id, (local, only6)) {
            return Err(Errno::EADDRINUSE);
        }
        let socket = self.socket_mut(id)?;
        socket.local = local;
        socket.address_chosen = !local.ip().is_unspecified();
        socket.port_chosen = chosen;
        Ok(())
    }

    /// Whether another socket keeps this one from an address.
    fn taken(&self, id: Id, local: (SocketAddr, bool)) -> bool {
        let Ok(me) = self.socket(id) else { return true };
        self.sockets.iter().any(|(&other_id, other)| {
            let both = |option| me.options.is_set(option) && other.options.is_set(option);
            let listens =
                matches!(&other.protocol, Protocol::Tcp(tcp) if matches!(tcp.phase, Phase::Listening { .. }));
            let shared = both(SockOpt::ReusePort) || (both(SockOpt::ReuseAddr) && !listens);
            let meets = other.is_tcp() == me.is_tcp() && conflict((other.local, other.only6()), local);
            other_id != id && other.local.port() != 0 && meets && !shared
        })
    }

    /// A free port.
    ///
    /// # Errors
    /// `EADDRINUSE`: there is none.
    fn ephemeral(&mut self, tcp: bool) -> Result<u16> {
        let taken = ports(self.sockets.values(), tcp);
        for _ in EPHEMERAL {
            self.last_port = if self.last_port >= *EPHEMERAL.end() {
                *EPHEMERAL.start()
            } else {
                self.last_port + 1
            };
            if !taken.contains(&self.last_port) {
                return Ok(self.last_port);
            }
        }
        Err(Errno::EADDRINUSE)
    }

    /// Binds a socket that is not, as its first use does. With `to` it gets the address that packets to it come from.
    pub(crate) fn bind_for(&mut self, id: Id, to: Option<SocketAddr>) -> Result<()> {
        let socket = self.socket(id)?;
        let (tcp, mut local) = (socket.is_tcp(), socket.local);
        if local.port() == 0 {
            local.set_port(self.ephemeral(tcp)?);
        }
        if let Some(to) = to
            && local.ip().is_unspecified()
        {
            local.set_ip(address::source(to));
        }
        self.socket_mut(id)?.local = local;
        Ok(())
    }

    /// connect(2) to an address.
    pub(crate) fn connect(&mut self, id: Id, addr: SocketAddr) -> Result<()> {
        let socket = self.socket(id)?;
        let to = address::destination(socket.domain, socket.only6(), addr)?;
        if socket.is_tcp() {
            self.connect_tcp(id, to)
        } else {
            self.connect_udp(id, to)
        }
    }

    /// connect(2) to nothing.
    pub(crate) fn dissolve(&mut self, id: Id) -> Result<()> {
        if self.socket(id)?.is_tcp() {
            self.dissolve_tcp(id)?;
        } else if let Some(udp) = self.socket_mut(id)?.udp() {
            udp.peer = None;
        }
        self.socket_mut(id)?.unbind();
        Ok(())
    }

    /// getsockname(2).
    pub(crate) fn local_addr(&self, id: Id) -> Result<SocketAddr> {
        let socket = self.socket(id)?;
        Ok(address::shown(socket.domain, socket.local))
    }

    /// getpeername(2).
    pub(crate) fn peer_addr(&self, id: Id) -> Result<SocketAddr> {
        let socket = self.socket(id)?;
        let peer = match &socket.protocol {
            Protocol::Tcp(tcp) => match tcp.phase {
                Phase::Connected { to, .. } => Some(to),
                _ => None,
            },
            Protocol::Udp(udp) => udp.peer,
        };
        let peer = peer.ok_or(Errno::ENOTCONN)?;
        Ok(address::shown(socket.domain, peer))
    }

    /// getsockopt(2).
    pub(crate) fn option(&mut self, id: Id, option: SockOpt) -> Result<OptValue> {
        let socket = self.socket_mut(id)?;
        Ok(match option {
            SockOpt::Error => OptValue::Error(socket.error.take()),
            SockOpt::Type => OptValue::Kind(socket.kind()),
            SockOpt::Domain => OptValue::Domain(socket.domain),
            SockOpt::AcceptConn => OptValue::Flag(
                socket
                    .tcp()
                    .is_some_and(|tcp| matches!(tcp.phase, Phase::Listening { .. })),
            ),
            option => {
                return socket.options.value(option, socket.domain, socket.is_tcp());
            }
        })
    }

    /// getsockopt(2) of bytes.
    pub(crate) fn option_bytes(&self, id: Id, option: SockOpt, room: &mut [u8]) -> Result<usize> {
        let socket = self.socket(id)?;
        option::bytes(option, socket.domain, socket.is_tcp(), room)
    }

    /// setsockopt(2).
    pub(crate) fn set_option(&mut self, id: Id, option: SockOpt, value: OptValue) -> Result<()> {
        let socket = self.socket_mut(id)?;
        let bound = socket.local != unbound(socket.domain);
        if option == SockOpt::Ipv6Only && bound {
            return Err(Errno::EINVAL);
        }
        let (domain, tcp) = (socket.domain, socket.is_tcp());
        socket.options.set(option, value, domain, tcp)
    }

    /// `FIONREAD`.
    pub(crate) fn readable_bytes(&self, id: Id) -> Result<usize> {
        match &self.socket(id)?.protocol {
            Protocol::Tcp(tcp) if matches!(tcp.phase, Phase::Listening { .. }) => Err(Errno::EINVAL),
            Protocol::Tcp(tcp) => Ok(tcp.received.len()),
            Protocol::Udp(udp) => Ok(udp.received.front().map_or(0, |datagram| datagram.data.len())),
        }
    }

    /// What a socket is ready for; a socket that is gone fails whatever is called.
    pub(crate) fn ready(&self, id: Id) -> Ready {
        match self.sockets.get(&id) {
            Some(socket) => socket.ready(self.room(id)),
            None => Ready::ERROR,
        }
    }
}
