//! Addresses: which ones there are here, which socket is meant by one, and the mapped forms of IPv6 sockets.
//!
//! Inside, an IPv4 address of an IPv6 socket is an IPv4 address; [`shown`] maps it for the guest.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use guestnet_core::{Domain, Errno, Interface, InterfaceAddr, InterfaceFlags, Result};

/// The address without IPv6's mapped form.
pub(crate) fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

/// An address as a socket of this family has it.
pub(crate) fn shown(domain: Domain, addr: SocketAddr) -> SocketAddr {
    match (domain, addr.ip()) {
        (Domain::Inet6, IpAddr::V4(ip)) if ip.is_unspecified() => {
            SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), addr.port())
        }
        (Domain::Inet6, IpAddr::V4(ip)) => SocketAddr::new(ip.to_ipv6_mapped().into(), addr.port()),
        _ => addr,
    }
}

/// The wildcard of a family with port 0.
pub(crate) fn unbound(domain: Domain) -> SocketAddr {
    match domain {
        Domain::Inet6 => (Ipv6Addr::UNSPECIFIED, 0).into(),
        Domain::Inet | Domain::Unix => (Ipv4Addr::UNSPECIFIED, 0).into(),
    }
}

/// Where packets to a destination go: the wildcard means loopback.
///
/// # Errors
/// `EAFNOSUPPORT`: not an address of the socket's family. `ENETUNREACH`: not loopback.
pub(crate) fn destination(domain: Domain, only6: bool, addr: SocketAddr) -> Result<SocketAddr> {
    if domain == Domain::Inet && addr.is_ipv6() {
        return Err(Errno::EAFNOSUPPORT);
    }
    let to = canonical(addr);
    if domain == Domain::Inet6 && to.is_ipv4() && only6 {
        return Err(Errno::ENETUNREACH);
    }
    let ip = match to.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip if ip.is_loopback() => ip,
        _ => return Err(Errno::ENETUNREACH),
    };
    Ok(SocketAddr::new(ip, to.port()))
}

/// The address that packets to a destination come from, for a socket that is not bound to one.
pub(crate) fn source(to: SocketAddr) -> IpAddr {
    match to {
        SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    }
}

/// What bind(2) makes of an address.
///
/// # Errors
/// `EAFNOSUPPORT`, `EADDRNOTAVAIL`.
pub(crate) fn local(domain: Domain, addr: SocketAddr) -> Result<SocketAddr> {
    if addr.is_ipv6() != (domain == Domain::Inet6) {
        return Err(Errno::EAFNOSUPPORT);
    }
    let local = canonical(addr);
    if local.ip().is_loopback() || local.ip().is_unspecified() {
        Ok(local)
    } else {
        Err(Errno::EADDRNOTAVAIL)
    }
}

/// Loopback, which is all that there is here.
pub(crate) fn interfaces() -> Vec<Interface> {
    let address = |ip: IpAddr, prefix_len| InterfaceAddr {
        ip,
        prefix_len,
        broadcast: None,
    };
    vec![Interface {
        name: "lo".to_owned(),
        index: 1,
        flags: InterfaceFlags::UP | InterfaceFlags::LOOPBACK | InterfaceFlags::RUNNING,
        mtu: 65_536,
        addresses: vec![
            address(Ipv4Addr::LOCALHOST.into(), 8),
            address(Ipv6Addr::LOCALHOST.into(), 128),
        ],
    }]
}

/// Whether a socket at `local` is meant by packets to `to`; `only6` is its `IPV6_V6ONLY`.
pub(crate) fn reaches(local: SocketAddr, only6: bool, to: SocketAddr) -> bool {
    local.port() == to.port()
        && match (local.ip(), to.ip()) {
            (IpAddr::V4(ip), IpAddr::V4(_)) if ip.is_unspecified() => true,
            (IpAddr::V6(ip), IpAddr::V6(_)) if ip.is_unspecified() => true,
            (IpAddr::V6(ip), IpAddr::V4(_)) if ip.is_unspecified() => !only6,
            (ip, to) => ip == to,
        }
}

/// Whether two sockets of one protocol cannot both be bound to these addresses.
pub(crate) fn conflict(one: (SocketAddr, bool), other: (SocketAddr, bool)) -> bool {
    reaches(one.0, one.1, other.0) || reaches(other.0, other.1, one.0)
}
