//! UDP, as in [`std::net`]. Batches are in `batch.rs`.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::{fmt, net};

use crate::addr::{self, Addr, Kind, ToSocketAddrs};
use crate::option::{self, Opt};
use crate::socket::{RecvFlags, Socket, descriptor_traits, every_connection, every_socket, halves};
use crate::sys;

/// A UDP socket, as [`std::net::UdpSocket`].
///
/// Options that std does not have are in [`SocketOptions`](crate::SocketOptions).
pub struct UdpSocket(Socket);

macro_rules! flag {
    ($(#[$doc:meta])* $get:ident, $set:ident, $option:ident) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// That of an option which the socket's family does not have.
        pub fn $set(&self, on: bool) -> io::Result<()> {
            sys::set_option(self.as_fd(), Opt::$option, on.into())
        }

        $(#[$doc])*
        ///
        /// # Errors
        /// That of an option which the socket's family does not have.
        pub fn $get(&self) -> io::Result<bool> {
            Ok(sys::option(self.as_fd(), Opt::$option)? != 0)
        }
    };
}

macro_rules! number {
    ($(#[$doc:meta])* $get:ident, $set:ident, $option:ident) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// `InvalidInput` for a number that the option does not take.
        pub fn $set(&self, value: u32) -> io::Result<()> {
            sys::set_option(self.as_fd(), Opt::$option, option::int(value)?)
        }

        $(#[$doc])*
        ///
        /// # Errors
        /// That of an option which the socket's family does not have.
        pub fn $get(&self) -> io::Result<u32> {
            sys::option(self.as_fd(), Opt::$option).map(option::unsigned)
        }
    };
}

impl UdpSocket {
    /// Binds to the first of the addresses that can be bound; port 0 is one that the host chooses.
    ///
    /// # Errors
    /// That of the last address: `AddrInUse`, `AddrNotAvailable`, `PermissionDenied` (of the policy), …; see [`ToSocketAddrs`].
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        addr::each(addr, |addr| {
            Socket::bind(&Addr::Inet(addr), Kind::Datagram, |_| Ok(())).map(Self)
        })
    }

    /// connect(2): from here on the socket sends to the first of the addresses that can be, and receives from it alone.
    ///
    /// # Errors
    /// That of the last address; see [`ToSocketAddrs`].
    pub fn connect<A: ToSocketAddrs>(&self, addr: A) -> io::Result<()> {
        addr::each(addr, |addr| sys::connect(self.as_fd(), &Addr::Inet(addr)))
    }

    /// A socket that is connected and bound to no port before: for `dial`.
    pub(crate) fn connected(addr: SocketAddr) -> io::Result<Self> {
        Socket::connect(&Addr::Inet(addr), Kind::Datagram).map(Self)
    }

    /// recvfrom(2): one datagram and its sender. What does not fit is lost.
    ///
    /// # Errors
    /// `WouldBlock` when there is none, in non-blocking mode or after the read timeout.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = sys::recv_from(self.as_fd(), buf, RecvFlags::default())?;
        Ok((received.len, received.from.inet()?))
    }

    /// As [`recv_from`](Self::recv_from), and the datagram stays.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = sys::recv_from(self.as_fd(), buf, RecvFlags::PEEK)?;
        Ok((received.len, received.from.inet()?))
    }

    /// sendto(2): one datagram, to the first of the addresses.
    ///
    /// # Errors
    /// `PermissionDenied` of the policy, `EMSGSIZE` if it is too long; see [`ToSocketAddrs`].
    pub fn send_to<A: ToSocketAddrs>(&self, buf: &[u8], addr: A) -> io::Result<usize> {
        match addr.to_socket_addrs()?.next() {
            Some(addr) => sys::send_to(self.as_fd(), buf, &Addr::Inet(addr)),
            None => Err(addr::invalid("no addresses to send data to")),
        }
    }

    /// getpeername(2): what it is connected to.
    ///
    /// # Errors
    /// `NotConnected` if it is not.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        sys::peer_addr(self.as_fd())?.inet()
    }

    /// getsockname(2): what it is bound to.
    ///
    /// # Errors
    /// None for a socket.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::local_addr(self.as_fd())?.inet()
    }

    /// send(2): one datagram to the address that it is connected to.
    ///
    /// # Errors
    /// `EDESTADDRREQ` without one; `ConnectionRefused` if nothing receives there, which the datagram before has found out.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        sys::send(self.as_fd(), buf)
    }

    /// recv(2): one datagram. What does not fit is lost.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from).
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        sys::recv(self.as_fd(), buf, RecvFlags::default())
    }

    /// As [`recv`](Self::recv), and the datagram stays.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        sys::recv(self.as_fd(), buf, RecvFlags::PEEK)
    }

    flag! {
        /// `SO_BROADCAST`: whether it may send to broadcast addresses.
        broadcast, set_broadcast, Broadcast
    }
    flag! {
        /// `IP_MULTICAST_LOOP`: whether this machine receives what it sends to groups.
        multicast_loop_v4, set_multicast_loop_v4, IpMulticastLoop
    }
    flag! {
        /// `IPV6_MULTICAST_LOOP`: whether this machine receives what it sends to groups.
        multicast_loop_v6, set_multicast_loop_v6, Ipv6MulticastLoop
    }
    number! {
        /// `IP_MULTICAST_TTL`: over how many routers a packet to a group goes at most.
        multicast_ttl_v4, set_multicast_ttl_v4, IpMulticastTtl
    }
    number! {
        /// `IP_TTL`: over how many routers a packet goes at most.
        ttl, set_ttl, IpTtl
    }

    /// `IP_ADD_MEMBERSHIP`: joins a group on the interface with this address; 0.0.0.0 is the host's choice.
    ///
    /// # Errors
    /// `PermissionDenied` without a rule that covers the group, `InvalidInput` if it is none.
    pub fn join_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        sys::membership_v4(self.as_fd(), true, *multiaddr, *interface)
    }

    /// `IPV6_JOIN_GROUP`: joins a group on the interface with this index; 0 is the host's choice.
    ///
    /// # Errors
    /// `PermissionDenied` without a rule that covers the group, `InvalidInput` if it is none.
    pub fn join_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        sys::membership_v6(self.as_fd(), true, *multiaddr, interface)
    }

    /// `IP_DROP_MEMBERSHIP`.
    ///
    /// # Errors
    /// `AddrNotAvailable` if it was not joined.
    pub fn leave_multicast_v4(&self, multiaddr: &Ipv4Addr, interface: &Ipv4Addr) -> io::Result<()> {
        sys::membership_v4(self.as_fd(), false, *multiaddr, *interface)
    }

    /// `IPV6_LEAVE_GROUP`.
    ///
    /// # Errors
    /// `AddrNotAvailable` if it was not joined.
    pub fn leave_multicast_v6(&self, multiaddr: &Ipv6Addr, interface: u32) -> io::Result<()> {
        sys::membership_v6(self.as_fd(), false, *multiaddr, interface)
    }

    every_socket!();
    every_connection!();
    halves! {
        ///
        /// std's type does not have it. Of a socket that is connected it ends a receive that waits, as on Linux; nothing goes to the peer.
        /// On wasm32-wasip2 it is `Unsupported`.
    }
}

descriptor_traits!(UdpSocket, net::UdpSocket);

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("UdpSocket");
        if let Ok(addr) = self.local_addr() {
            shown.field("addr", &addr);
        }
        shown.field("fd", &self.as_raw_fd()).finish()
    }
}
