//! Options: their numbers in the host's functions.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::time::Duration;

use super::abi::{self, Ipv6Mreq, Linger, TimeVal, WamrIp};
use super::check;
use crate::option::{BytesOpt, Direction, Opt};

/// The value of an option: integers and nothing else, so that any bytes are one.
trait Value: Copy + Default {}

impl Value for i32 {}
impl Value for TimeVal {}
impl Value for Linger {}

/// The level and the name of an option; `None` for the two that have functions of their own.
const fn number(option: Opt) -> Option<(u32, u32)> {
    use abi::{IPV4_NAMES, LEVEL_IPV6, LEVEL_SOCKET, LEVEL_TCP};
    Some(match option {
        Opt::ReuseAddr => (LEVEL_SOCKET, 0),
        Opt::Error => (LEVEL_SOCKET, 2),
        Opt::DontRoute => (LEVEL_SOCKET, 3),
        Opt::Broadcast => (LEVEL_SOCKET, 4),
        Opt::SndBuf => (LEVEL_SOCKET, 5),
        Opt::RcvBuf => (LEVEL_SOCKET, 6),
        Opt::KeepAlive => (LEVEL_SOCKET, 7),
        Opt::OobInline => (LEVEL_SOCKET, 8),
        Opt::RcvLowat => (LEVEL_SOCKET, 10),
        Opt::AcceptConn => (LEVEL_SOCKET, 13),
        // wasi-go's number; the others are Linux's.
        Opt::TcpNoDelay => (LEVEL_TCP, 15),
        Opt::TcpMaxSeg => (LEVEL_TCP, 2),
        Opt::TcpCork => (LEVEL_TCP, 3),
        Opt::TcpKeepIdle => (LEVEL_TCP, 4),
        Opt::TcpKeepIntvl => (LEVEL_TCP, 5),
        Opt::TcpKeepCnt => (LEVEL_TCP, 6),
        Opt::TcpSynCnt => (LEVEL_TCP, 7),
        Opt::TcpLinger2 => (LEVEL_TCP, 8),
        Opt::TcpDeferAccept => (LEVEL_TCP, 9),
        Opt::TcpWindowClamp => (LEVEL_TCP, 10),
        Opt::TcpQuickAck => (LEVEL_TCP, 12),
        Opt::TcpUserTimeout => (LEVEL_TCP, 18),
        Opt::TcpFastOpen => (LEVEL_TCP, 23),
        Opt::TcpNotSentLowat => (LEVEL_TCP, 25),
        Opt::IpTos => (LEVEL_SOCKET, IPV4_NAMES + 1),
        Opt::IpTtl => (LEVEL_SOCKET, IPV4_NAMES + 2),
        Opt::IpMulticastTtl => (LEVEL_SOCKET, IPV4_NAMES + 33),
        Opt::IpMulticastLoop => (LEVEL_SOCKET, IPV4_NAMES + 34),
        Opt::Ipv6UnicastHops => (LEVEL_IPV6, 16),
        Opt::Ipv6MulticastHops => (LEVEL_IPV6, 18),
        Opt::Ipv6MulticastLoop => (LEVEL_IPV6, 19),
        Opt::Ipv6Only => (LEVEL_IPV6, 26),
        Opt::Ipv6Tclass => (LEVEL_IPV6, 67),
        Opt::ReusePort | Opt::TcpFastOpenConnect => return None,
    })
}

/// The size of a value, a few bytes.
const fn size<T>() -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "a size is an u32 here")]
    let size = size_of::<T>() as u32;
    size
}

fn get<T: Value>(fd: BorrowedFd<'_>, (level, name): (u32, u32)) -> io::Result<T> {
    let mut value = T::default();
    let mut len = size::<T>();
    let pointer = (&raw mut value).cast();
    // SAFETY: the length is that of the value, which the host does not write beyond; any bytes are a `Value`.
    check(unsafe { abi::sock_getsockopt(fd.as_raw_fd(), level, name, pointer, &raw mut len) })?;
    Ok(value)
}

fn set<T: Copy>(fd: BorrowedFd<'_>, (level, name): (u32, u32), value: &T) -> io::Result<()> {
    let pointer = ptr::from_ref(value).cast();
    // SAFETY: the length is that of the value.
    check(unsafe { abi::sock_setsockopt(fd.as_raw_fd(), level, name, pointer, size::<T>()) })
}

pub(crate) fn option(fd: BorrowedFd<'_>, option: Opt) -> io::Result<i32> {
    if let Some(number) = number(option) {
        return get(fd, number);
    }
    let mut value = 0;
    let (fd, out) = (fd.as_raw_fd(), &raw mut value);
    check(match option {
        // SAFETY: there is room for the value.
        Opt::ReusePort => unsafe { abi::sock_get_reuse_port(fd, out) },
        // SAFETY: there is room for the value.
        _ => unsafe { abi::sock_get_tcp_fastopen_connect(fd, out) },
    })?;
    Ok(value)
}

pub(crate) fn set_option(fd: BorrowedFd<'_>, option: Opt, value: i32) -> io::Result<()> {
    if let Some(number) = number(option) {
        return set(fd, number, &value);
    }
    let fd = fd.as_raw_fd();
    check(match option {
        Opt::ReusePort => abi::sock_set_reuse_port(fd, value),
        _ => abi::sock_set_tcp_fastopen_connect(fd, value),
    })
}

pub(crate) fn bytes_option(fd: BorrowedFd<'_>, option: BytesOpt, room: &mut [u8]) -> io::Result<usize> {
    let name = match option {
        BytesOpt::TcpInfo => abi::TCP_INFO,
        BytesOpt::TcpCongestion => abi::TCP_CONGESTION,
    };
    let mut len = u32::try_from(room.len()).unwrap_or(u32::MAX);
    let (fd, value) = (fd.as_raw_fd(), room.as_mut_ptr());
    // SAFETY: the length is that of the room.
    check(unsafe { abi::sock_getsockopt(fd, abi::LEVEL_TCP, name, value, &raw mut len) })?;
    Ok(usize::try_from(len).unwrap_or(0))
}

fn timeout_number(direction: Direction) -> (u32, u32) {
    let name = match direction {
        Direction::Read => abi::SO_RCVTIMEO,
        Direction::Write => abi::SO_SNDTIMEO,
    };
    (abi::LEVEL_SOCKET, name)
}

pub(crate) fn timeout(fd: BorrowedFd<'_>, direction: Direction) -> io::Result<Option<Duration>> {
    let value: TimeVal = get(fd, timeout_number(direction))?;
    let seconds = u64::try_from(value.seconds).unwrap_or(0);
    let micros = u32::try_from(value.micros).unwrap_or(0);
    let timeout = Duration::new(seconds, micros.saturating_mul(1000));
    Ok((!timeout.is_zero()).then_some(timeout))
}

/// Zero is for ever.
pub(crate) fn set_timeout(fd: BorrowedFd<'_>, direction: Direction, timeout: Duration) -> io::Result<()> {
    let value = TimeVal {
        seconds: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
        micros: i64::from(timeout.subsec_micros()),
    };
    set(fd, timeout_number(direction), &value)
}

/// Seconds, if it is on.
pub(crate) fn linger(fd: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    let value: Linger = get(fd, (abi::LEVEL_SOCKET, abi::SO_LINGER))?;
    Ok((value.on != 0).then_some(value.seconds))
}

pub(crate) fn set_linger(fd: BorrowedFd<'_>, seconds: Option<i32>) -> io::Result<()> {
    let value = Linger {
        on: seconds.is_some().into(),
        seconds: seconds.unwrap_or(0),
    };
    set(fd, (abi::LEVEL_SOCKET, abi::SO_LINGER), &value)
}

pub(crate) fn membership_v4(
    fd: BorrowedFd<'_>,
    join: bool,
    group: Ipv4Addr,
    interface: Ipv4Addr,
) -> io::Result<()> {
    let mut octets = [0; 16];
    if let Some(first) = octets.first_chunk_mut() {
        *first = group.octets();
    }
    let group = WamrIp { kind: 0, octets };
    let (fd, group) = (fd.as_raw_fd(), &raw const group);
    // As `s_addr` is in memory.
    let interface = u32::from_ne_bytes(interface.octets());
    check(if join {
        // SAFETY: the group lives as long as the call.
        unsafe { abi::sock_set_ip_add_membership(fd, group, interface) }
    } else {
        // SAFETY: the group lives as long as the call.
        unsafe { abi::sock_set_ip_drop_membership(fd, group, interface) }
    })
}

pub(crate) fn membership_v6(
    fd: BorrowedFd<'_>,
    join: bool,
    group: Ipv6Addr,
    interface: u32,
) -> io::Result<()> {
    let name = if join {
        abi::IPV6_JOIN_GROUP
    } else {
        abi::IPV6_LEAVE_GROUP
    };
    let value = Ipv6Mreq {
        group: group.octets(),
        interface,
    };
    set(fd, (abi::LEVEL_IPV6, name), &value)
}
