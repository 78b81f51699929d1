//! `wasi:sockets/network` and its instance, and every conversion between the interfaces' types and the core's. Nothing here can
//! fail silently: each match names all values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use guestnet_core::{Domain, Errno, Host, LookupError};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::bindings::sockets::instance_network;
use wasmtime_wasi::p2::bindings::sockets::network::{
    ErrorCode, Host as NetworkHost, HostNetwork, IpAddress, IpAddressFamily, IpSocketAddress,
    Ipv4SocketAddress, Ipv6SocketAddress, Network,
};
use wasmtime_wasi::p2::{IoError, SocketError};

use super::ctx::State;
use super::object::{Handle, Role};
use crate::StopTrap;

/// The result of a function of sockets.
pub(crate) type SocketResult<T> = Result<T, SocketError>;

/// There is one network, and what a guest may reach of it the policy says: the resource stands for nothing.
impl<H: Host> instance_network::Host for State<H> {
    fn instance_network(&mut self) -> wasmtime::Result<Resource<Network>> {
        Ok(Handle::new(Role::Network, 0).own())
    }
}

impl<H: Host> NetworkHost for State<H> {
    fn convert_error_code(&mut self, error: SocketError) -> wasmtime::Result<ErrorCode> {
        error.downcast()
    }

    /// The code of an error that a stream has failed with.
    fn network_error_code(&mut self, error: Resource<IoError>) -> wasmtime::Result<Option<ErrorCode>> {
        let errno = self.table().get(&error)?.downcast_ref::<Errno>();
        Ok(errno.map(|errno| error_code(*errno)))
    }
}

impl<H: Host> HostNetwork for State<H> {
    fn drop(&mut self, _: Resource<Network>) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// What an errno is to the guest. `EINTR` ends it.
pub(crate) fn socket_error(errno: Errno) -> SocketError {
    match errno {
        Errno::EINTR => SocketError::trap(StopTrap),
        errno => error_code(errno).into(),
    }
}

/// The code of an errno. WASI 0.2 has twenty, so that several errnos share one; where it has none that a program would treat
/// alike, it is `unknown`.
pub(crate) const fn error_code(errno: Errno) -> ErrorCode {
    match errno {
        Errno::EPERM | Errno::EACCES | Errno::EROFS | Errno::ENOKEY | Errno::EKEYREJECTED => {
            ErrorCode::AccessDenied
        }
        Errno::EOPNOTSUPP
        | Errno::ENOSYS
        | Errno::ENOPROTOOPT
        | Errno::EPROTOTYPE
        | Errno::EPROTONOSUPPORT
        | Errno::ESOCKTNOSUPPORT
        | Errno::EPFNOSUPPORT
        | Errno::EAFNOSUPPORT => ErrorCode::NotSupported,
        Errno::EINVAL
        | Errno::EDESTADDRREQ
        | Errno::EFAULT
        | Errno::EDOM
        | Errno::ERANGE
        | Errno::EOVERFLOW
        | Errno::ENAMETOOLONG
        | Errno::EILSEQ
        | Errno::E2BIG => ErrorCode::InvalidArgument,
        Errno::ENOMEM | Errno::ENOBUFS | Errno::ENOSR | Errno::EDQUOT | Errno::ETOOMANYREFS => {
            ErrorCode::OutOfMemory
        }
        Errno::ETIMEDOUT | Errno::ETIME => ErrorCode::Timeout,
        Errno::EALREADY => ErrorCode::ConcurrencyConflict,
        Errno::EAGAIN | Errno::EINPROGRESS | Errno::EINTR => ErrorCode::WouldBlock,
        Errno::EISCONN | Errno::ENOTCONN | Errno::ESHUTDOWN | Errno::EBADF | Errno::ENOTSOCK => {
            ErrorCode::InvalidState
        }
        Errno::EMFILE | Errno::ENFILE | Errno::EUSERS => ErrorCode::NewSocketLimit,
        Errno::EADDRNOTAVAIL => ErrorCode::AddressNotBindable,
        Errno::EADDRINUSE => ErrorCode::AddressInUse,
        Errno::EHOSTUNREACH | Errno::EHOSTDOWN | Errno::ENETUNREACH | Errno::ENETDOWN | Errno::ENONET => {
            ErrorCode::RemoteUnreachable
        }
        Errno::ECONNREFUSED => ErrorCode::ConnectionRefused,
        Errno::ECONNRESET | Errno::ENETRESET | Errno::EPIPE => ErrorCode::ConnectionReset,
        Errno::ECONNABORTED | Errno::ECANCELED => ErrorCode::ConnectionAborted,
        Errno::EMSGSIZE => ErrorCode::DatagramTooLarge,
        Errno::ENOENT
        | Errno::ESRCH
        | Errno::EIO
        | Errno::ENXIO
        | Errno::ENOEXEC
        | Errno::ECHILD
        | Errno::ENOTBLK
        | Errno::EBUSY
        | Errno::EEXIST
        | Errno::EXDEV
        | Errno::ENODEV
        | Errno::ENOTDIR
        | Errno::EISDIR
        | Errno::ENOTTY
        | Errno::ETXTBSY
        | Errno::EFBIG
        | Errno::ENOSPC
        | Errno::ESPIPE
        | Errno::EMLINK
        | Errno::EDEADLK
        | Errno::ENOLCK
        | Errno::ENOTEMPTY
        | Errno::ELOOP
        | Errno::ENOMSG
        | Errno::EIDRM
        | Errno::ENOSTR
        | Errno::ENODATA
        | Errno::ENOLINK
        | Errno::ECOMM
        | Errno::EPROTO
        | Errno::EMULTIHOP
        | Errno::EBADMSG
        | Errno::ESTALE
        | Errno::EREMOTEIO
        | Errno::ENOMEDIUM
        | Errno::EOWNERDEAD
        | Errno::ENOTRECOVERABLE => ErrorCode::Unknown,
    }
}

/// What a failed look-up is to the guest.
pub(crate) fn lookup_error(error: LookupError) -> SocketError {
    match error {
        LookupError::Again => ErrorCode::TemporaryResolverFailure.into(),
        LookupError::NoName | LookupError::NoData => ErrorCode::NameUnresolvable.into(),
        LookupError::Fail => ErrorCode::PermanentResolverFailure.into(),
        LookupError::Family | LookupError::SockType | LookupError::Service | LookupError::BadFlags => {
            ErrorCode::InvalidArgument.into()
        }
        LookupError::Memory => ErrorCode::OutOfMemory.into(),
        LookupError::System(errno) => socket_error(errno),
    }
}

pub(crate) const fn domain(family: IpAddressFamily) -> Domain {
    match family {
        IpAddressFamily::Ipv4 => Domain::Inet,
        IpAddressFamily::Ipv6 => Domain::Inet6,
    }
}

/// The family of a socket; there are none of others here.
pub(crate) const fn family(domain: Domain) -> IpAddressFamily {
    match domain {
        Domain::Inet | Domain::Unix => IpAddressFamily::Ipv4,
        Domain::Inet6 => IpAddressFamily::Ipv6,
    }
}

pub(crate) fn socket_addr(addr: IpSocketAddress) -> SocketAddr {
    match addr {
        IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port,
            address: (a, b, c, d),
        }) => SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port).into(),
        IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port,
            flow_info,
            address: (a, b, c, d, e, f, g, h),
            scope_id,
        }) => SocketAddrV6::new(Ipv6Addr::new(a, b, c, d, e, f, g, h), port, flow_info, scope_id).into(),
    }
}

pub(crate) fn ip_socket_address(addr: SocketAddr) -> IpSocketAddress {
    match (addr, ip_address(addr.ip())) {
        (SocketAddr::V6(addr), IpAddress::Ipv6(address)) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: addr.port(),
            flow_info: addr.flowinfo(),
            address,
            scope_id: addr.scope_id(),
        }),
        (_, IpAddress::Ipv4(address)) => IpSocketAddress::Ipv4(Ipv4SocketAddress {
            port: addr.port(),
            address,
        }),
        (SocketAddr::V4(_), IpAddress::Ipv6(address)) => IpSocketAddress::Ipv6(Ipv6SocketAddress {
            port: addr.port(),
            flow_info: 0,
            address,
            scope_id: 0,
        }),
    }
}

pub(crate) fn ip_address(ip: IpAddr) -> IpAddress {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            IpAddress::Ipv4((a, b, c, d))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, d, e, f, g, h] = ip.segments();
            IpAddress::Ipv6((a, b, c, d, e, f, g, h))
        }
    }
}

/// Whether a socket of this family can be bound to an address: WASI has no dual-stack sockets.
///
/// # Errors
/// `invalid-argument`.
pub(crate) fn check_local(domain: Domain, addr: SocketAddr) -> SocketResult<()> {
    let is_mapped = matches!(addr.ip(), IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some());
    let is_broadcast = matches!(addr.ip(), IpAddr::V4(ip) if ip.is_broadcast());
    let is_other = addr.is_ipv4() != (domain == Domain::Inet);
    if is_other || is_mapped || is_broadcast || addr.ip().is_multicast() {
        return Err(ErrorCode::InvalidArgument.into());
    }
    Ok(())
}

/// Whether there can be a peer at an address, for a socket of this family.
///
/// # Errors
/// `invalid-argument`.
pub(crate) fn check_remote(domain: Domain, addr: SocketAddr) -> SocketResult<()> {
    let is_mapped = matches!(addr.ip(), IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some());
    let is_other = addr.is_ipv4() != (domain == Domain::Inet);
    if is_other || is_mapped || addr.port() == 0 || addr.ip().is_unspecified() {
        return Err(ErrorCode::InvalidArgument.into());
    }
    Ok(())
}
