//! Socket addresses, address families and socket types as the core sees them.
//!
//! Not here: any ABI's byte layout (adapters), and the judgement of an address (`policy`).

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// An address family (`AF_*`, socket(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// `AF_INET`: IPv4, ip(7).
    Inet,
    /// `AF_INET6`: IPv6, ipv6(7).
    Inet6,
    /// `AF_UNIX`: local sockets, unix(7).
    Unix,
}

/// A socket type (`SOCK_*`, socket(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `SOCK_STREAM`: TCP, or a UNIX stream.
    Stream,
    /// `SOCK_DGRAM`: UDP, or UNIX datagrams.
    Datagram,
    /// `SOCK_SEQPACKET`: UNIX connections that keep the boundaries of messages. There is none of IP.
    SeqPacket,
}

/// A socket address (`struct sockaddr`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SockAddr {
    /// `AF_UNSPEC`: no address. As the target of connect(2) it dissolves a datagram socket's association.
    Unspec,
    /// `AF_INET` or `AF_INET6`: address, port in host order, and for IPv6 the scope id.
    Inet(SocketAddr),
    /// `AF_UNIX` with a path in the guest's own view of its directories.
    Unix(Box<str>),
    /// `AF_UNIX` without a name, as getpeername(2) reports an unbound peer.
    UnixUnnamed,
}

impl SockAddr {
    /// The family of the address, `None` for [`SockAddr::Unspec`].
    #[must_use]
    pub const fn domain(&self) -> Option<Domain> {
        match self {
            SockAddr::Unspec => None,
            SockAddr::Inet(SocketAddr::V4(_)) => Some(Domain::Inet),
            SockAddr::Inet(SocketAddr::V6(_)) => Some(Domain::Inet6),
            SockAddr::Unix(_) | SockAddr::UnixUnnamed => Some(Domain::Unix),
        }
    }

    /// The IP address and port, if it is one.
    #[must_use]
    pub const fn inet(&self) -> Option<SocketAddr> {
        match self {
            SockAddr::Inet(addr) => Some(*addr),
            SockAddr::Unspec | SockAddr::Unix(_) | SockAddr::UnixUnnamed => None,
        }
    }
}

impl From<SocketAddr> for SockAddr {
    fn from(addr: SocketAddr) -> Self {
        SockAddr::Inet(addr)
    }
}

impl fmt::Display for SockAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SockAddr::Unspec => f.write_str("AF_UNSPEC"),
            SockAddr::Inet(addr) => addr.fmt(f),
            SockAddr::Unix(path) => write!(f, "unix:{path}"),
            SockAddr::UnixUnnamed => f.write_str("unix:(unnamed)"),
        }
    }
}

/// The wildcard address with port 0 of a family, which the kernel binds when a program does not.
#[must_use]
pub fn wildcard(domain: Domain) -> Option<SocketAddr> {
    match domain {
        Domain::Inet => Some(SocketAddr::new(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0)),
        Domain::Inet6 => Some(SocketAddr::new(IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED), 0)),
        Domain::Unix => None,
    }
}
