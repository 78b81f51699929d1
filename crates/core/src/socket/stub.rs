//! DNS that is answered by our stub: the guest goes on seeing the server that it chose.

use std::net::{IpAddr, SocketAddr};

use super::state::Socket;
use crate::addr::{Domain, SockAddr};
use crate::errno::{Errno, Result};
use crate::gate::{Gate, Route};
use crate::host::Host;
use crate::policy::canonical_ip;

/// Where a connection or datagram to `to` really goes.
///
/// # Errors
/// `EACCES`: it may only go to the stub, and the host has none.
pub(super) fn target<H: Host>(
    host: &mut H,
    gate: &Gate,
    socket: &Socket<H::Io>,
    to: SocketAddr,
    route: Route,
) -> Result<SocketAddr> {
    if route == Route::Direct {
        return Ok(to);
    }
    let stub = host
        .dns_stub(&gate.names, &socket.io)
        .map_err(|_| Errno::EACCES)?;
    let stub = *gate.stub.get_or_init(|| stub);
    socket.dns_redirect.set(Some(to));
    // The stub listens on IPv4; a socket of IPv6 reaches it in the mapped form.
    Ok(match (socket.domain, stub.ip()) {
        (Domain::Inet6, IpAddr::V4(ip)) => SocketAddr::new(ip.to_ipv6_mapped().into(), stub.port()),
        _ => stub,
    })
}

/// The route of a connect to `to` that is under way.
pub(super) fn route<Io>(socket: &Socket<Io>, to: SocketAddr) -> Route {
    if socket.dns_redirect.get() == Some(to) {
        Route::Stub
    } else {
        Route::Direct
    }
}

/// Whether this is our stub, which answers this socket.
pub(super) fn is_stub<Io>(gate: &Gate, socket: &Socket<Io>, peer: SocketAddr) -> bool {
    socket.dns_redirect.get().is_some()
        && gate
            .stub
            .get()
            .is_some_and(|stub| stub.port() == peer.port() && stub.ip() == canonical_ip(peer.ip()))
}

/// A peer's address as the guest sees it.
pub(super) fn as_seen<Io>(gate: &Gate, socket: &Socket<Io>, peer: SockAddr) -> SockAddr {
    match (peer.inet(), socket.dns_redirect.get()) {
        (Some(addr), Some(original)) if is_stub(gate, socket, addr) => SockAddr::Inet(original),
        _ => peer,
    }
}
