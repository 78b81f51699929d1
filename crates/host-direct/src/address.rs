//! Addresses as the browser has them and as a guest sees them: inside, an IPv4 address of an IPv6 socket is an IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use guestnet_core::{Domain, Errno, Result};

/// The first port at which the browser lets a TCP socket listen.
const FIRST_TCP_PORT: u16 = 32_768;

/// The first port to which it lets a UDP socket be bound.
const FIRST_UDP_PORT: u16 = 1024;

/// The wildcard of a family with port 0.
pub(crate) fn unbound(domain: Domain) -> SocketAddr {
    match domain {
        Domain::Inet6 => (Ipv6Addr::UNSPECIFIED, 0).into(),
        Domain::Inet | Domain::Unix => (Ipv4Addr::UNSPECIFIED, 0).into(),
    }
}

/// An address as a socket of this family has it.
pub(crate) fn shown(domain: Domain, addr: SocketAddr) -> SocketAddr {
    match (domain, addr.ip()) {
        (Domain::Inet6, IpAddr::V4(ip)) if ip.is_unspecified() => (Ipv6Addr::UNSPECIFIED, addr.port()).into(),
        (Domain::Inet6, IpAddr::V4(ip)) => (ip.to_ipv6_mapped(), addr.port()).into(),
        _ => addr,
    }
}

/// Where a connect or a datagram goes: the wildcard means loopback, as in Linux.
///
/// # Errors
/// `EAFNOSUPPORT`: not an address of the socket's family. `ENETUNREACH`: IPv4 for a socket of IPv6 alone.
pub(crate) fn destination(domain: Domain, only_v6: bool, addr: SocketAddr) -> Result<SocketAddr> {
    if domain == Domain::Inet && addr.is_ipv6() {
        return Err(Errno::EAFNOSUPPORT);
    }
    let ip = match addr.ip().to_canonical() {
        IpAddr::V4(_) if domain == Domain::Inet6 && only_v6 => return Err(Errno::ENETUNREACH),
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    Ok(SocketAddr::new(ip, addr.port()))
}

/// What bind(2) makes of an address of a TCP (`stream`) or UDP socket.
///
/// # Errors
/// `EAFNOSUPPORT`: of another family. `EACCES`: a port that the browser keeps from its apps.
pub(crate) fn local(domain: Domain, stream: bool, addr: SocketAddr) -> Result<SocketAddr> {
    if addr.is_ipv6() != (domain == Domain::Inet6) {
        return Err(Errno::EAFNOSUPPORT);
    }
    let first = if stream { FIRST_TCP_PORT } else { FIRST_UDP_PORT };
    if (1..first).contains(&addr.port()) {
        return Err(Errno::EACCES);
    }
    Ok(SocketAddr::new(addr.ip().to_canonical(), addr.port()))
}
