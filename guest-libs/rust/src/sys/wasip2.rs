//! wasm32-wasip2: what wasi-libc has of sockets, and what it has not.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::sockaddr::SockAddr;
use crate::addr::{Addr, Domain, Kind};
use crate::epoll::{EpollEvent, Operation};
use crate::option::{BytesOpt, Opt};
use crate::socket::{Received, RecvFlags};

/// Nothing executes another program.
pub(super) const CLOEXEC: libc::c_int = 0;

/// WASI 0.2 has no such option: wasi-libc says so.
pub(super) const LINGER: (libc::c_int, libc::c_int) = (libc::SOL_SOCKET, libc::SO_LINGER);

pub(super) const fn domain(domain: Domain) -> Option<libc::c_int> {
    match domain {
        Domain::Inet => Some(libc::AF_INET),
        Domain::Inet6 => Some(libc::AF_INET6),
        Domain::Unix => None,
    }
}

/// The level and the name of an option that wasi-libc has a number for. What it then does with it is its own business.
pub(super) const fn number(option: Opt) -> Option<(libc::c_int, libc::c_int)> {
    use libc::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET};
    Some(match option {
        Opt::ReuseAddr => (SOL_SOCKET, libc::SO_REUSEADDR),
        Opt::Error => (SOL_SOCKET, libc::SO_ERROR),
        Opt::Broadcast => (SOL_SOCKET, libc::SO_BROADCAST),
        Opt::SndBuf => (SOL_SOCKET, libc::SO_SNDBUF),
        Opt::RcvBuf => (SOL_SOCKET, libc::SO_RCVBUF),
        Opt::KeepAlive => (SOL_SOCKET, libc::SO_KEEPALIVE),
        Opt::AcceptConn => (SOL_SOCKET, libc::SO_ACCEPTCONN),
        Opt::TcpNoDelay => (IPPROTO_TCP, libc::TCP_NODELAY),
        Opt::TcpKeepIdle => (IPPROTO_TCP, libc::TCP_KEEPIDLE),
        Opt::TcpKeepIntvl => (IPPROTO_TCP, libc::TCP_KEEPINTVL),
        Opt::TcpKeepCnt => (IPPROTO_TCP, libc::TCP_KEEPCNT),
        Opt::IpTtl => (IPPROTO_IP, libc::IP_TTL),
        Opt::IpMulticastTtl => (IPPROTO_IP, libc::IP_MULTICAST_TTL),
        Opt::IpMulticastLoop => (IPPROTO_IP, libc::IP_MULTICAST_LOOP),
        Opt::Ipv6UnicastHops => (IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
        Opt::Ipv6MulticastLoop => (IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP),
        Opt::Ipv6Only => (IPPROTO_IPV6, libc::IPV6_V6ONLY),
        Opt::ReusePort
        | Opt::DontRoute
        | Opt::OobInline
        | Opt::RcvLowat
        | Opt::TcpMaxSeg
        | Opt::TcpCork
        | Opt::TcpSynCnt
        | Opt::TcpLinger2
        | Opt::TcpDeferAccept
        | Opt::TcpWindowClamp
        | Opt::TcpQuickAck
        | Opt::TcpUserTimeout
        | Opt::TcpFastOpen
        | Opt::TcpFastOpenConnect
        | Opt::TcpNotSentLowat
        | Opt::IpTos
        | Opt::Ipv6MulticastHops
        | Opt::Ipv6Tclass => return None,
    })
}

pub(super) const fn bytes_number(option: BytesOpt) -> Option<(libc::c_int, libc::c_int)> {
    match option {
        BytesOpt::TcpInfo | BytesOpt::TcpCongestion => None,
    }
}

/// An error of getsockopt(2) or setsockopt(2): wasi-libc says `ENOPROTOOPT` of what WASI 0.2 has no function for.
pub(super) fn option_error(error: io::Error) -> io::Error {
    if error.raw_os_error() == Some(libc::ENOPROTOOPT) {
        io::ErrorKind::Unsupported.into()
    } else {
        error
    }
}

fn count(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// What `MSG_DONTWAIT` would do: a look at whether something is there.
fn readable(fd: BorrowedFd<'_>) -> io::Result<()> {
    let mut list = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: the pointer is to one `pollfd`.
    match unsafe { libc::poll(&raw mut list, 1, 0) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Err(io::ErrorKind::WouldBlock.into()),
        _ => Ok(()),
    }
}

fn recv_flags(fd: BorrowedFd<'_>, flags: RecvFlags) -> io::Result<libc::c_int> {
    if flags.dont_wait {
        readable(fd)?;
    }
    Ok(if flags.peek { libc::MSG_PEEK } else { 0 })
}

/// recv(2).
pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    let flags = recv_flags(fd, flags)?;
    let (pointer, len) = (buf.as_mut_ptr().cast(), buf.len());
    // SAFETY: the pointer and the length are those of the buffer.
    count(unsafe { libc::recv(fd.as_raw_fd(), pointer, len, flags) })
}

/// recvfrom(2), which does not say whether the datagram was cut.
pub(crate) fn recv_from(fd: BorrowedFd<'_>, buf: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
    let flags = recv_flags(fd, flags)?;
    let mut from = SockAddr::room();
    let (pointer, len) = (buf.as_mut_ptr().cast(), buf.len());
    let (from_pointer, from_len) = from.as_mut_ptrs();
    // SAFETY: the pointers and lengths are those of the buffer and of the address.
    let received = unsafe { libc::recvfrom(fd.as_raw_fd(), pointer, len, flags, from_pointer, from_len) };
    Ok(Received {
        len: count(received)?,
        from: from.addr(),
        truncated: false,
    })
}

/// send(2).
pub(crate) fn send(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    let (pointer, len) = (buf.as_ptr().cast(), buf.len());
    // SAFETY: the pointer and the length are those of the buffer.
    count(unsafe { libc::send(fd.as_raw_fd(), pointer, len, 0) })
}

/// sendto(2).
pub(crate) fn send_to(fd: BorrowedFd<'_>, buf: &[u8], to: &Addr) -> io::Result<usize> {
    let to = SockAddr::new(to)?;
    let (pointer, len) = (buf.as_ptr().cast(), buf.len());
    // SAFETY: both pointers and lengths are those of the buffer and of the address.
    count(unsafe { libc::sendto(fd.as_raw_fd(), pointer, len, 0, to.as_ptr(), to.len) })
}

/// WASI 0.2 has no UNIX sockets.
pub(crate) fn pair(_kind: Kind) -> io::Result<(OwnedFd, OwnedFd)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// WASI 0.2 registers nothing: each call of its poll is given a list.
pub(crate) fn epoll_create() -> io::Result<OwnedFd> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Of a descriptor that is no epoll.
pub(crate) fn epoll_control(
    _epoll: BorrowedFd<'_>,
    _operation: &Operation,
    _fd: BorrowedFd<'_>,
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Of a descriptor that is no epoll.
pub(crate) fn epoll_wait(
    _epoll: BorrowedFd<'_>,
    _room: &mut [EpollEvent],
    _timeout: Option<Duration>,
) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// WASI 0.2 splices streams, and its C library has no call for it.
pub(crate) fn sendfile(
    _out: BorrowedFd<'_>,
    _file: BorrowedFd<'_>,
    _offset: Option<&mut u64>,
    _most: usize,
) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}

/// WASI 0.2 has no pipes.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// As [`sendfile`].
pub(crate) fn splice(_from: BorrowedFd<'_>, _to: BorrowedFd<'_>, _most: usize) -> io::Result<usize> {
    Err(io::ErrorKind::Unsupported.into())
}
