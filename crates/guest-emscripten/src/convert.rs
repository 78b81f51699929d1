//! Conversions between the core's types and the C library's numbers. No match has a `_` arm for a value of ours.

use guestnet_core::resolve::{LookupFlags, NameInfoFlags};
use guestnet_core::{
    Domain, EpollMode, Errno, Kind, LookupError, Ready, RecvFlags, Result, SendFlags, Shutdown, SockOpt,
    TimerClock, TimerFlags,
};

use crate::abi;

/// An errno of Emscripten's `bits/errno.h`: WASI's numbers, and from 100 on those that WASI does not have.
pub(crate) const fn errno(error: Errno) -> i32 {
    match error {
        Errno::EPERM => 63,
        Errno::ENOENT => 44,
        Errno::ESRCH => 71,
        Errno::EINTR => 27,
        Errno::EIO => 29,
        Errno::ENXIO => 60,
        Errno::E2BIG => 1,
        Errno::ENOEXEC => 45,
        Errno::EBADF => 8,
        Errno::ECHILD => 12,
        Errno::EAGAIN => 6,
        Errno::ENOMEM => 48,
        Errno::EACCES => 2,
        Errno::EFAULT => 21,
        Errno::ENOTBLK => 105,
        Errno::EBUSY => 10,
        Errno::EEXIST => 20,
        Errno::EXDEV => 75,
        Errno::ENODEV => 43,
        Errno::ENOTDIR => 54,
        Errno::EISDIR => 31,
        Errno::EINVAL => 28,
        Errno::ENFILE => 41,
        Errno::EMFILE => 33,
        Errno::ENOTTY => 59,
        Errno::ETXTBSY => 74,
        Errno::EFBIG => 22,
        Errno::ENOSPC => 51,
        Errno::ESPIPE => 70,
        Errno::EROFS => 69,
        Errno::EMLINK => 34,
        Errno::EPIPE => 64,
        Errno::EDOM => 18,
        Errno::ERANGE => 68,
        Errno::EDEADLK => 16,
        Errno::ENAMETOOLONG => 37,
        Errno::ENOLCK => 46,
        Errno::ENOSYS => 52,
        Errno::ENOTEMPTY => 55,
        Errno::ELOOP => 32,
        Errno::ENOMSG => 49,
        Errno::EIDRM => 24,
        Errno::ENOSTR => 100,
        Errno::ENODATA => 116,
        Errno::ETIME => 117,
        Errno::ENOSR => 118,
        Errno::ENONET => 119,
        Errno::ENOLINK => 47,
        Errno::ECOMM => 123,
        Errno::EPROTO => 65,
        Errno::EMULTIHOP => 36,
        Errno::EBADMSG => 9,
        Errno::EOVERFLOW => 61,
        Errno::EILSEQ => 25,
        Errno::EUSERS => 136,
        Errno::ENOTSOCK => 57,
        Errno::EDESTADDRREQ => 17,
        Errno::EMSGSIZE => 35,
        Errno::EPROTOTYPE => 67,
        Errno::ENOPROTOOPT => 50,
        Errno::EPROTONOSUPPORT => 66,
        Errno::ESOCKTNOSUPPORT => 137,
        Errno::EOPNOTSUPP => 138,
        Errno::EPFNOSUPPORT => 139,
        Errno::EAFNOSUPPORT => 5,
        Errno::EADDRINUSE => 3,
        Errno::EADDRNOTAVAIL => 4,
        Errno::ENETDOWN => 38,
        Errno::ENETUNREACH => 40,
        Errno::ENETRESET => 39,
        Errno::ECONNABORTED => 13,
        Errno::ECONNRESET => 15,
        Errno::ENOBUFS => 42,
        Errno::EISCONN => 30,
        Errno::ENOTCONN => 53,
        Errno::ESHUTDOWN => 140,
        Errno::ETOOMANYREFS => 141,
        Errno::ETIMEDOUT => 73,
        Errno::ECONNREFUSED => 14,
        Errno::EHOSTDOWN => 142,
        Errno::EHOSTUNREACH => 23,
        Errno::EALREADY => 7,
        Errno::EINPROGRESS => 26,
        Errno::ESTALE => 72,
        Errno::EREMOTEIO => 146,
        Errno::EDQUOT => 19,
        Errno::ENOMEDIUM => 148,
        Errno::ECANCELED => 11,
        Errno::ENOKEY => 150,
        Errno::EKEYREJECTED => 153,
        Errno::EOWNERDEAD => 62,
        Errno::ENOTRECOVERABLE => 56,
    }
}

/// A failed call's result: the negated errno of the C library.
#[must_use]
pub const fn negated(error: Errno) -> i32 {
    -errno(error)
}

/// An `EAI_*` of musl's `netdb.h`, which is negative: what a failed look-up returns.
#[must_use]
pub const fn lookup_error(error: LookupError) -> i32 {
    match error {
        LookupError::BadFlags => -1,
        LookupError::NoName => -2,
        LookupError::Again => -3,
        LookupError::Fail => -4,
        LookupError::NoData => -5,
        LookupError::Family => -6,
        LookupError::SockType => -7,
        LookupError::Service => -8,
        LookupError::Memory => -10,
        LookupError::System(_) => -11,
    }
}

/// # Errors
/// `EAFNOSUPPORT`.
pub(crate) fn domain(family: i32) -> Result<Domain> {
    match family {
        abi::AF_UNIX => Ok(Domain::Unix),
        abi::AF_INET => Ok(Domain::Inet),
        abi::AF_INET6 => Ok(Domain::Inet6),
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

pub(crate) const fn family(domain: Domain) -> i32 {
    match domain {
        Domain::Unix => abi::AF_UNIX,
        Domain::Inet => abi::AF_INET,
        Domain::Inet6 => abi::AF_INET6,
    }
}

/// The type without its flags.
///
/// # Errors
/// `EINVAL` (no type at all), `ESOCKTNOSUPPORT` (one that is not offered, such as raw sockets).
pub(crate) fn kind(kind: i32) -> Result<Kind> {
    match kind & abi::SOCK_TYPE_MASK {
        abi::SOCK_STREAM => Ok(Kind::Stream),
        abi::SOCK_DGRAM => Ok(Kind::Datagram),
        abi::SOCK_SEQPACKET => Ok(Kind::SeqPacket),
        0 | 3 | 4 | 6 | 10 => Err(Errno::ESOCKTNOSUPPORT),
        _ => Err(Errno::EINVAL),
    }
}

pub(crate) const fn socket_type(kind: Kind) -> i32 {
    match kind {
        Kind::Stream => abi::SOCK_STREAM,
        Kind::Datagram => abi::SOCK_DGRAM,
        Kind::SeqPacket => abi::SOCK_SEQPACKET,
    }
}

/// `SOCK_NONBLOCK`, and `SOCK_CLOEXEC`, which is the JavaScript library's to keep: whether the first is there.
///
/// # Errors
/// `EINVAL`: any other flag.
pub(crate) fn descriptor_flags(flags: i32) -> Result<bool> {
    if flags & !(abi::SOCK_NONBLOCK | abi::SOCK_CLOEXEC) != 0 {
        return Err(Errno::EINVAL);
    }
    Ok(flags & abi::SOCK_NONBLOCK != 0)
}

/// # Errors
/// `EPERM`: one that wakes the machine, which Linux takes a privilege for; `EINVAL`: one that no timer has.
pub(crate) fn timer_clock(clock: i32) -> Result<TimerClock> {
    match clock {
        abi::CLOCK_REALTIME => Ok(TimerClock::Realtime),
        abi::CLOCK_MONOTONIC => Ok(TimerClock::Monotonic),
        abi::CLOCK_BOOTTIME => Ok(TimerClock::Boottime),
        abi::CLOCK_REALTIME_ALARM | abi::CLOCK_BOOTTIME_ALARM => Err(Errno::EPERM),
        _ => Err(Errno::EINVAL),
    }
}

/// # Errors
/// `EINVAL`.
pub(crate) fn timer_flags(flags: i32) -> Result<TimerFlags> {
    if flags & !(abi::TFD_TIMER_ABSTIME | abi::TFD_TIMER_CANCEL_ON_SET) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut to = TimerFlags::empty();
    to.set(TimerFlags::ABSTIME, flags & abi::TFD_TIMER_ABSTIME != 0);
    to.set(
        TimerFlags::CANCEL_ON_SET,
        flags & abi::TFD_TIMER_CANCEL_ON_SET != 0,
    );
    Ok(to)
}

/// # Errors
/// `EINVAL`.
pub(crate) fn shutdown(how: i32) -> Result<Shutdown> {
    match how {
        0 => Ok(Shutdown::Read),
        1 => Ok(Shutdown::Write),
        2 => Ok(Shutdown::Both),
        _ => Err(Errno::EINVAL),
    }
}

/// # Errors
/// `EOPNOTSUPP`: `MSG_ERRQUEUE`, which is not offered.
pub(crate) fn recv_flags(flags: i32) -> Result<RecvFlags> {
    if flags & abi::MSG_ERRQUEUE != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    let mut to = RecvFlags::empty();
    to.set(RecvFlags::PEEK, flags & abi::MSG_PEEK != 0);
    to.set(RecvFlags::WAITALL, flags & abi::MSG_WAITALL != 0);
    to.set(RecvFlags::DONTWAIT, flags & abi::MSG_DONTWAIT != 0);
    to.set(RecvFlags::TRUNC, flags & abi::MSG_TRUNC != 0);
    to.set(RecvFlags::OOB, flags & abi::MSG_OOB != 0);
    Ok(to)
}

pub(crate) fn send_flags(flags: i32) -> SendFlags {
    let mut to = SendFlags::empty();
    to.set(SendFlags::DONTWAIT, flags & abi::MSG_DONTWAIT != 0);
    to.set(SendFlags::OOB, flags & abi::MSG_OOB != 0);
    to.set(SendFlags::MORE, flags & abi::MSG_MORE != 0);
    to
}

const POLL: [(Ready, i16); 6] = [
    (Ready::READ, abi::POLLIN),
    (Ready::PRIORITY, abi::POLLPRI),
    (Ready::WRITE, abi::POLLOUT),
    (Ready::ERROR, abi::POLLERR),
    (Ready::HANGUP, abi::POLLHUP),
    (Ready::READ_HANGUP, abi::POLLRDHUP),
];

/// What poll(2) is asked for. `POLLRDNORM` and its like mean the same as the plain ones.
pub(crate) fn ready(events: i16) -> Ready {
    let mut ready = Ready::empty();
    for (condition, bit) in POLL {
        ready.set(condition, events & bit != 0);
    }
    ready.set(Ready::READ, events & (abi::POLLIN | abi::POLLRDNORM) != 0);
    ready.set(Ready::WRITE, events & (abi::POLLOUT | abi::POLLWRNORM) != 0);
    ready
}

/// What poll(2) reports to one who asked for `events`.
pub(crate) fn poll_bits(ready: Ready, events: i16) -> i16 {
    let mut bits = 0;
    for (condition, bit) in POLL {
        if ready.contains(condition) {
            bits |= bit;
        }
    }
    for (normal, plain) in [(abi::POLLRDNORM, abi::POLLIN), (abi::POLLWRNORM, abi::POLLOUT)] {
        if bits & plain != 0 {
            bits |= normal;
        }
    }
    bits & (events | abi::POLLERR | abi::POLLHUP)
}

pub(crate) fn epoll_mode(events: u32) -> EpollMode {
    let mut mode = EpollMode::empty();
    mode.set(EpollMode::EDGE, events & abi::EPOLLET != 0);
    mode.set(EpollMode::ONESHOT, events & abi::EPOLLONESHOT != 0);
    mode.set(EpollMode::EXCLUSIVE, events & abi::EPOLLEXCLUSIVE != 0);
    mode
}

/// # Errors
/// `BadFlags`: a flag that musl does not know either.
pub(crate) fn lookup_flags(flags: i32) -> Result<LookupFlags, LookupError> {
    const NAMES: [(i32, LookupFlags); 7] = [
        (0x01, LookupFlags::PASSIVE),
        (0x02, LookupFlags::CANONNAME),
        (0x04, LookupFlags::NUMERICHOST),
        (0x08, LookupFlags::V4MAPPED),
        (0x10, LookupFlags::ALL),
        (0x20, LookupFlags::ADDRCONFIG),
        (0x400, LookupFlags::NUMERICSERV),
    ];
    let known = NAMES.iter().fold(0, |all, (bit, _)| all | bit);
    if flags & !known & !abi::WITH_ALIASES != 0 {
        return Err(LookupError::BadFlags);
    }
    Ok(NAMES
        .iter()
        .filter(|(bit, _)| flags & bit != 0)
        .map(|(_, flag)| *flag)
        .collect())
}

pub(crate) fn name_info_flags(flags: i32) -> NameInfoFlags {
    let mut to = NameInfoFlags::empty();
    to.set(NameInfoFlags::NUMERICHOST, flags & 0x01 != 0);
    to.set(NameInfoFlags::NUMERICSERV, flags & 0x02 != 0);
    to.set(NameInfoFlags::NOFQDN, flags & 0x04 != 0);
    to.set(NameInfoFlags::NAMEREQD, flags & 0x08 != 0);
    to.set(NameInfoFlags::DGRAM, flags & 0x10 != 0);
    to.set(NameInfoFlags::NUMERICSCOPE, flags & 0x100 != 0);
    to
}

/// # Errors
/// `ENOPROTOOPT`.
pub(crate) fn option(level: i32, name: i32) -> Result<SockOpt> {
    abi::OPTIONS
        .iter()
        .find(|(at, number, _)| (*at, *number) == (level, name))
        .map(|(_, _, option)| *option)
        .ok_or(Errno::ENOPROTOOPT)
}
