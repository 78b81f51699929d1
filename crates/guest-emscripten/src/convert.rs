//! Conversions between the core's types and the C library's numbers. No match has a `_` arm for a value of ours.

use guestnet_core::resolve::{LookupFlags, NameInfoFlags};
use guestnet_core::{
    Domain, EpollMode, Errno, Kind, LookupError, Ready, RecvFlags, Result, SendFlags, Shutdown, SockOpt,
};

use crate::abi;

/// An errno of Emscripten's `bits/errno.h`: WASI's numbers, and from 100 on those that WASI does not have.
pub(crate) const fn errno(error: Errno) -> i32 {
    match error {
        Errno::Perm => 63,
        Errno::Noent => 44,
        Errno::Srch => 71,
        Errno::Intr => 27,
        Errno::Io => 29,
        Errno::Nxio => 60,
        Errno::Toobig => 1,
        Errno::Noexec => 45,
        Errno::Badf => 8,
        Errno::Child => 12,
        Errno::Again => 6,
        Errno::Nomem => 48,
        Errno::Acces => 2,
        Errno::Fault => 21,
        Errno::Notblk => 105,
        Errno::Busy => 10,
        Errno::Exist => 20,
        Errno::Xdev => 75,
        Errno::Nodev => 43,
        Errno::Notdir => 54,
        Errno::Isdir => 31,
        Errno::Inval => 28,
        Errno::Nfile => 41,
        Errno::Mfile => 33,
        Errno::Notty => 59,
        Errno::Txtbsy => 74,
        Errno::Fbig => 22,
        Errno::Nospc => 51,
        Errno::Spipe => 70,
        Errno::Rofs => 69,
        Errno::Mlink => 34,
        Errno::Pipe => 64,
        Errno::Dom => 18,
        Errno::Range => 68,
        Errno::Deadlk => 16,
        Errno::Nametoolong => 37,
        Errno::Nolck => 46,
        Errno::Nosys => 52,
        Errno::Notempty => 55,
        Errno::Loop => 32,
        Errno::Nomsg => 49,
        Errno::Idrm => 24,
        Errno::Nostr => 100,
        Errno::Nodata => 116,
        Errno::Time => 117,
        Errno::Nosr => 118,
        Errno::Nonet => 119,
        Errno::Nolink => 47,
        Errno::Comm => 123,
        Errno::Proto => 65,
        Errno::Multihop => 36,
        Errno::Badmsg => 9,
        Errno::Overflow => 61,
        Errno::Ilseq => 25,
        Errno::Users => 136,
        Errno::Notsock => 57,
        Errno::Destaddrreq => 17,
        Errno::Msgsize => 35,
        Errno::Prototype => 67,
        Errno::Noprotoopt => 50,
        Errno::Protonosupport => 66,
        Errno::Socktnosupport => 137,
        Errno::Opnotsupp => 138,
        Errno::Pfnosupport => 139,
        Errno::Afnosupport => 5,
        Errno::Addrinuse => 3,
        Errno::Addrnotavail => 4,
        Errno::Netdown => 38,
        Errno::Netunreach => 40,
        Errno::Netreset => 39,
        Errno::Connaborted => 13,
        Errno::Connreset => 15,
        Errno::Nobufs => 42,
        Errno::Isconn => 30,
        Errno::Notconn => 53,
        Errno::Shutdown => 140,
        Errno::Toomanyrefs => 141,
        Errno::Timedout => 73,
        Errno::Connrefused => 14,
        Errno::Hostdown => 142,
        Errno::Hostunreach => 23,
        Errno::Already => 7,
        Errno::Inprogress => 26,
        Errno::Stale => 72,
        Errno::Remoteio => 146,
        Errno::Dquot => 19,
        Errno::Nomedium => 148,
        Errno::Canceled => 11,
        Errno::Nokey => 150,
        Errno::Keyrejected => 153,
        Errno::Ownerdead => 62,
        Errno::Notrecoverable => 56,
    }
}

/// An `EAI_*` of musl's `netdb.h`.
pub(crate) const fn lookup_error(error: LookupError) -> i32 {
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
        _ => Err(Errno::Afnosupport),
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
        0 | 3 | 4 | 6 | 10 => Err(Errno::Socktnosupport),
        _ => Err(Errno::Inval),
    }
}

pub(crate) const fn socket_type(kind: Kind) -> i32 {
    match kind {
        Kind::Stream => abi::SOCK_STREAM,
        Kind::Datagram => abi::SOCK_DGRAM,
        Kind::SeqPacket => abi::SOCK_SEQPACKET,
    }
}

/// # Errors
/// `EINVAL`.
pub(crate) fn shutdown(how: i32) -> Result<Shutdown> {
    match how {
        0 => Ok(Shutdown::Read),
        1 => Ok(Shutdown::Write),
        2 => Ok(Shutdown::Both),
        _ => Err(Errno::Inval),
    }
}

/// # Errors
/// `EOPNOTSUPP`: `MSG_ERRQUEUE`, which is not offered.
pub(crate) fn recv_flags(flags: i32) -> Result<RecvFlags> {
    if flags & abi::MSG_ERRQUEUE != 0 {
        return Err(Errno::Opnotsupp);
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
    if flags & !known != 0 {
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
    to
}

/// # Errors
/// `ENOPROTOOPT`.
pub(crate) fn option(level: i32, name: i32) -> Result<SockOpt> {
    abi::OPTIONS
        .iter()
        .find(|(at, number, _)| (*at, *number) == (level, name))
        .map(|(_, _, option)| *option)
        .ok_or(Errno::Noprotoopt)
}
