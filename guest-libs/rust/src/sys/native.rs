//! Linux: what it has and wasi-libc has not. The program runs outside of any sandbox, for tests and debuggers.

use std::io;
use std::mem::{self, MaybeUninit};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use super::sockaddr::SockAddr;
use crate::addr::{Addr, Domain, Kind};
use crate::epoll::{EpollEvent, Operation};
use crate::option::{BytesOpt, Opt};
use crate::socket::{Received, RecvFlags};

pub(super) const CLOEXEC: libc::c_int = libc::SOCK_CLOEXEC;

pub(super) const LINGER: (libc::c_int, libc::c_int) = (libc::SOL_SOCKET, libc::SO_LINGER);

#[expect(clippy::unnecessary_wraps, reason = "wasm32-wasip2 has no UNIX sockets")]
pub(super) const fn domain(domain: Domain) -> Option<libc::c_int> {
    Some(match domain {
        Domain::Inet => libc::AF_INET,
        Domain::Inet6 => libc::AF_INET6,
        Domain::Unix => libc::AF_UNIX,
    })
}

/// The level and the name of an option: socket(7), tcp(7), ip(7), ipv6(7).
#[expect(clippy::unnecessary_wraps, reason = "wasm32-wasip2 has not all of them")]
pub(super) const fn number(option: Opt) -> Option<(libc::c_int, libc::c_int)> {
    use libc::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET};
    Some(match option {
        Opt::ReuseAddr => (SOL_SOCKET, libc::SO_REUSEADDR),
        Opt::ReusePort => (SOL_SOCKET, libc::SO_REUSEPORT),
        Opt::Error => (SOL_SOCKET, libc::SO_ERROR),
        Opt::DontRoute => (SOL_SOCKET, libc::SO_DONTROUTE),
        Opt::Broadcast => (SOL_SOCKET, libc::SO_BROADCAST),
        Opt::SndBuf => (SOL_SOCKET, libc::SO_SNDBUF),
        Opt::RcvBuf => (SOL_SOCKET, libc::SO_RCVBUF),
        Opt::KeepAlive => (SOL_SOCKET, libc::SO_KEEPALIVE),
        Opt::OobInline => (SOL_SOCKET, libc::SO_OOBINLINE),
        Opt::RcvLowat => (SOL_SOCKET, libc::SO_RCVLOWAT),
        Opt::AcceptConn => (SOL_SOCKET, libc::SO_ACCEPTCONN),
        Opt::TcpNoDelay => (IPPROTO_TCP, libc::TCP_NODELAY),
        Opt::TcpMaxSeg => (IPPROTO_TCP, libc::TCP_MAXSEG),
        Opt::TcpCork => (IPPROTO_TCP, libc::TCP_CORK),
        Opt::TcpKeepIdle => (IPPROTO_TCP, libc::TCP_KEEPIDLE),
        Opt::TcpKeepIntvl => (IPPROTO_TCP, libc::TCP_KEEPINTVL),
        Opt::TcpKeepCnt => (IPPROTO_TCP, libc::TCP_KEEPCNT),
        Opt::TcpSynCnt => (IPPROTO_TCP, libc::TCP_SYNCNT),
        Opt::TcpLinger2 => (IPPROTO_TCP, libc::TCP_LINGER2),
        Opt::TcpDeferAccept => (IPPROTO_TCP, libc::TCP_DEFER_ACCEPT),
        Opt::TcpWindowClamp => (IPPROTO_TCP, libc::TCP_WINDOW_CLAMP),
        Opt::TcpQuickAck => (IPPROTO_TCP, libc::TCP_QUICKACK),
        Opt::TcpUserTimeout => (IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
        Opt::TcpFastOpen => (IPPROTO_TCP, libc::TCP_FASTOPEN),
        Opt::TcpFastOpenConnect => (IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT),
        // netinet/tcp.h; the crate libc lacks it on Linux.
        Opt::TcpNotSentLowat => (IPPROTO_TCP, 25),
        Opt::IpTos => (IPPROTO_IP, libc::IP_TOS),
        Opt::IpTtl => (IPPROTO_IP, libc::IP_TTL),
        Opt::IpMulticastTtl => (IPPROTO_IP, libc::IP_MULTICAST_TTL),
        Opt::IpMulticastLoop => (IPPROTO_IP, libc::IP_MULTICAST_LOOP),
        Opt::Ipv6UnicastHops => (IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
        Opt::Ipv6MulticastHops => (IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS),
        Opt::Ipv6MulticastLoop => (IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP),
        Opt::Ipv6Only => (IPPROTO_IPV6, libc::IPV6_V6ONLY),
        Opt::Ipv6Tclass => (IPPROTO_IPV6, libc::IPV6_TCLASS),
    })
}

#[expect(clippy::unnecessary_wraps, reason = "wasm32-wasip2 has none of them")]
pub(super) const fn bytes_number(option: BytesOpt) -> Option<(libc::c_int, libc::c_int)> {
    Some(match option {
        BytesOpt::TcpInfo => (libc::IPPROTO_TCP, libc::TCP_INFO),
        BytesOpt::TcpCongestion => (libc::IPPROTO_TCP, libc::TCP_CONGESTION),
    })
}

/// An error of getsockopt(2) or setsockopt(2): here it is what it is.
pub(super) const fn option_error(error: io::Error) -> io::Error {
    error
}

fn recv_flags(flags: RecvFlags) -> libc::c_int {
    let peek = if flags.peek { libc::MSG_PEEK } else { 0 };
    let dont_wait = if flags.dont_wait { libc::MSG_DONTWAIT } else { 0 };
    peek | dont_wait | libc::MSG_CMSG_CLOEXEC
}

/// A closed peer is an error, and no signal.
const SEND_FLAGS: libc::c_int = libc::MSG_NOSIGNAL;

fn count(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

/// recv(2).
pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    let (pointer, len) = (buf.as_mut_ptr().cast(), buf.len());
    // SAFETY: the pointer and the length are those of the buffer.
    count(unsafe { libc::recv(fd.as_raw_fd(), pointer, len, recv_flags(flags)) })
}

/// recvmsg(2), which says whether the datagram was cut.
pub(crate) fn recv_from(fd: BorrowedFd<'_>, buf: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
    let mut from = SockAddr::room();
    let mut iov = libc::iovec {
        iov_base: buf.as_mut_ptr().cast(),
        iov_len: buf.len(),
    };
    // SAFETY: all bytes zero are a value of this structure.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_name = from.as_mut_ptr().cast();
    message.msg_namelen = from.len;
    message.msg_iov = &raw mut iov;
    message.msg_iovlen = 1;
    // SAFETY: the name and the buffer live as long as the call, and their lengths are theirs.
    let len = count(unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, recv_flags(flags)) })?;
    from.len = message.msg_namelen;
    Ok(Received {
        len,
        from: from.addr(),
        truncated: message.msg_flags & libc::MSG_TRUNC != 0,
    })
}

/// send(2).
pub(crate) fn send(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    let (pointer, len) = (buf.as_ptr().cast(), buf.len());
    // SAFETY: the pointer and the length are those of the buffer.
    count(unsafe { libc::send(fd.as_raw_fd(), pointer, len, SEND_FLAGS) })
}

/// sendto(2).
pub(crate) fn send_to(fd: BorrowedFd<'_>, buf: &[u8], to: &Addr) -> io::Result<usize> {
    let to = SockAddr::new(to)?;
    let (pointer, len, flags) = (buf.as_ptr().cast(), buf.len(), SEND_FLAGS);
    // SAFETY: both pointers and lengths are those of the buffer and of the address.
    count(unsafe { libc::sendto(fd.as_raw_fd(), pointer, len, flags, to.as_ptr(), to.len) })
}

/// socketpair(2).
pub(crate) fn pair(kind: Kind) -> io::Result<(OwnedFd, OwnedFd)> {
    let kind = match kind {
        Kind::Stream => libc::SOCK_STREAM,
        Kind::Datagram => libc::SOCK_DGRAM,
    };
    let mut fds = MaybeUninit::<[libc::c_int; 2]>::zeroed();
    let pointer = fds.as_mut_ptr().cast();
    // SAFETY: there is room for two numbers.
    if unsafe { libc::socketpair(libc::AF_UNIX, kind | CLOEXEC, 0, pointer) } == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has stored both.
    let [one, other] = unsafe { fds.assume_init() };
    // SAFETY: the descriptor is new, and nothing else owns it.
    let one = unsafe { OwnedFd::from_raw_fd(one) };
    // SAFETY: the descriptor is new, and nothing else owns it.
    let other = unsafe { OwnedFd::from_raw_fd(other) };
    Ok((one, other))
}

/// epoll_create1(2).
pub(crate) fn epoll_create() -> io::Result<OwnedFd> {
    // SAFETY: no pointers.
    let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    if fd == -1 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// epoll_ctl(2).
pub(crate) fn epoll_control(
    epoll: BorrowedFd<'_>,
    operation: &Operation,
    fd: BorrowedFd<'_>,
) -> io::Result<()> {
    let (number, events, u64) = operation.parts();
    let mut event = libc::epoll_event { events, u64 };
    let (epoll, fd) = (epoll.as_raw_fd(), fd.as_raw_fd());
    // SAFETY: the event lives as long as the call, which only reads it.
    if unsafe { libc::epoll_ctl(epoll, number, fd, &raw mut event) } == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// epoll_wait(2); again after a signal. It takes no more events at a time than it has room for here.
pub(crate) fn epoll_wait(
    epoll: BorrowedFd<'_>,
    room: &mut [EpollEvent],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    let mut list = [libc::epoll_event { events: 0, u64: 0 }; 128];
    let most = libc::c_int::try_from(room.len().min(list.len())).unwrap_or(0);
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    let count = loop {
        let left = match (timeout, deadline) {
            (None, _) => -1,
            (Some(_), Some(deadline)) => {
                super::posix::milliseconds(deadline.saturating_duration_since(Instant::now()))
            }
            (Some(_), None) => libc::c_int::MAX,
        };
        // SAFETY: the list has room for as many events.
        let count = unsafe { libc::epoll_wait(epoll.as_raw_fd(), list.as_mut_ptr(), most, left) };
        match usize::try_from(count) {
            Ok(0) if deadline.is_none_or(|deadline| Instant::now() < deadline) => {}
            Ok(count) => break count,
            Err(_) => {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            }
        }
    };
    for (event, found) in room.iter_mut().zip(list.iter().take(count)) {
        *event = EpollEvent {
            bits: found.events,
            token: found.u64,
        };
    }
    Ok(count)
}
