//! Conversions between the numbers and bytes that scripts use and the core's types. Every match names all values.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use guestnet_core::resolve::LookupFlags;
use guestnet_core::{
    Domain, Errno, Kind, LookupError, OptKind, OptValue, PeerProgram, RecvFlags, Result, SendFlags, Shutdown,
    SockOpt,
};

use crate::{abi, errno};

/// What a script gets for an error.
pub(crate) fn negative(error: Errno) -> i32 {
    -errno::number(error)
}

/// What a script gets for a failed look-up: an `EAI_*`, or a negative errno.
pub(crate) fn lookup_error(error: LookupError) -> i32 {
    match error {
        LookupError::Again => abi::EAI_AGAIN,
        LookupError::BadFlags => abi::EAI_BADFLAGS,
        LookupError::Fail => abi::EAI_FAIL,
        LookupError::Family => abi::EAI_FAMILY,
        LookupError::Memory => abi::EAI_MEMORY,
        LookupError::NoData => abi::EAI_NODATA,
        LookupError::NoName => abi::EAI_NONAME,
        LookupError::Service => abi::EAI_SERVICE,
        LookupError::SockType => abi::EAI_SOCKTYPE,
        LookupError::System(errno) => negative(errno),
    }
}

/// The name and the words of an `EAI_*`; `None` for other numbers.
pub(crate) fn lookup_error_words(number: i32) -> Option<(&'static str, &'static str)> {
    Some(match number {
        abi::EAI_AGAIN => ("EAI_AGAIN", "Temporary failure in name resolution"),
        abi::EAI_BADFLAGS => ("EAI_BADFLAGS", "Bad value for ai_flags"),
        abi::EAI_FAIL => ("EAI_FAIL", "Non-recoverable failure in name resolution"),
        abi::EAI_FAMILY => ("EAI_FAMILY", "ai_family not supported"),
        abi::EAI_MEMORY => ("EAI_MEMORY", "Memory allocation failure"),
        abi::EAI_NODATA => ("EAI_NODATA", "No address associated with hostname"),
        abi::EAI_NONAME => ("EAI_NONAME", "Name or service not known"),
        abi::EAI_SERVICE => ("EAI_SERVICE", "Servname not supported for ai_socktype"),
        abi::EAI_SOCKTYPE => ("EAI_SOCKTYPE", "ai_socktype not supported"),
        _ => return None,
    })
}

/// The name and the words of what a call fails with: a negative errno or an `EAI_*`.
pub(crate) fn error_words(number: i32) -> Option<(&'static str, &'static str)> {
    let errno = number.checked_neg().and_then(errno::named);
    let errno = errno.map(|errno| (errno.name(), errno.message()));
    errno.or_else(|| lookup_error_words(number))
}

/// `AF_*`, but `AF_UNSPEC`.
pub(crate) fn domain(number: i32) -> Option<Domain> {
    match number {
        abi::AF_INET => Some(Domain::Inet),
        abi::AF_INET6 => Some(Domain::Inet6),
        abi::AF_UNIX => Some(Domain::Unix),
        _ => None,
    }
}

pub(crate) const fn family(domain: Domain) -> i32 {
    match domain {
        Domain::Inet => abi::AF_INET,
        Domain::Inet6 => abi::AF_INET6,
        Domain::Unix => abi::AF_UNIX,
    }
}

/// `SOCK_*` without its flags.
pub(crate) fn kind(number: i32) -> Option<Kind> {
    match number {
        abi::SOCK_STREAM => Some(Kind::Stream),
        abi::SOCK_DGRAM => Some(Kind::Datagram),
        abi::SOCK_SEQPACKET => Some(Kind::SeqPacket),
        _ => None,
    }
}

pub(crate) const fn socktype(kind: Kind) -> i32 {
    match kind {
        Kind::Stream => abi::SOCK_STREAM,
        Kind::Datagram => abi::SOCK_DGRAM,
        Kind::SeqPacket => abi::SOCK_SEQPACKET,
    }
}

/// The arguments of socket(2): family, type and protocol, and whether it blocks.
///
/// # Errors
/// `EAFNOSUPPORT`, `EINVAL` (an unknown type), `ESOCKTNOSUPPORT`, `EPROTONOSUPPORT`, as Linux says.
pub(crate) fn socket(family: i32, socktype: i32, protocol: i32) -> Result<(Domain, Kind, bool)> {
    let flags = abi::SOCK_NONBLOCK | abi::SOCK_CLOEXEC | abi::SOCK_BLOCK;
    let number = socktype & !flags;
    // Linux's types go up to 10.
    if !(0..=10).contains(&number) {
        return Err(Errno::EINVAL);
    }
    let domain = domain(family).ok_or(Errno::EAFNOSUPPORT)?;
    let kind = kind(number).ok_or(Errno::ESOCKTNOSUPPORT)?;
    if kind == Kind::SeqPacket && domain != Domain::Unix {
        return Err(Errno::ESOCKTNOSUPPORT);
    }
    let fits = match (domain, kind, protocol) {
        (_, _, 0)
        | (Domain::Inet | Domain::Inet6, Kind::Stream, abi::IPPROTO_TCP)
        | (Domain::Inet | Domain::Inet6, Kind::Datagram, abi::IPPROTO_UDP) => true,
        (Domain::Unix, ..) => protocol == abi::AF_UNIX,
        (Domain::Inet | Domain::Inet6, ..) => false,
    };
    if !fits {
        return Err(Errno::EPROTONOSUPPORT);
    }
    Ok((domain, kind, socktype & abi::SOCK_BLOCK != 0))
}

/// The value of `SO_PROTOCOL`.
pub(crate) const fn protocol(domain: Domain, kind: Kind) -> i32 {
    match (domain, kind) {
        (Domain::Unix, _) | (_, Kind::SeqPacket) => 0,
        (Domain::Inet | Domain::Inet6, Kind::Stream) => abi::IPPROTO_TCP,
        (Domain::Inet | Domain::Inet6, Kind::Datagram) => abi::IPPROTO_UDP,
    }
}

/// `SHUT_*`.
///
/// # Errors
/// `EINVAL`.
pub(crate) fn shutdown(how: i32) -> Result<Shutdown> {
    match how {
        abi::SHUT_RD => Ok(Shutdown::Read),
        abi::SHUT_WR => Ok(Shutdown::Write),
        abi::SHUT_RDWR => Ok(Shutdown::Both),
        _ => Err(Errno::EINVAL),
    }
}

/// `MSG_*` of a receive.
///
/// # Errors
/// `EINVAL` for a flag that is not known.
pub(crate) fn recv_flags(bits: i32) -> Result<RecvFlags> {
    let known = [
        (abi::MSG_PEEK, RecvFlags::PEEK),
        (abi::MSG_WAITALL, RecvFlags::WAITALL),
        (abi::MSG_DONTWAIT, RecvFlags::DONTWAIT),
        (abi::MSG_TRUNC, RecvFlags::TRUNC),
        (abi::MSG_OOB, RecvFlags::OOB),
        (abi::MSG_NOSIGNAL, RecvFlags::empty()),
    ];
    named(bits, &known)
}

/// `MSG_*` of a send.
///
/// # Errors
/// `EINVAL` for a flag that is not known.
pub(crate) fn send_flags(bits: i32) -> Result<SendFlags> {
    let known = [
        (abi::MSG_DONTWAIT, SendFlags::DONTWAIT),
        (abi::MSG_OOB, SendFlags::OOB),
        (abi::MSG_MORE, SendFlags::MORE),
        (abi::MSG_NOSIGNAL, SendFlags::empty()),
    ];
    named(bits, &known)
}

/// `AI_*`; `None` for a flag that is not known.
pub(crate) fn lookup_flags(bits: i32) -> Option<LookupFlags> {
    let known = [
        (abi::AI_PASSIVE, LookupFlags::PASSIVE),
        (abi::AI_CANONNAME, LookupFlags::CANONNAME),
        (abi::AI_NUMERICHOST, LookupFlags::NUMERICHOST),
        (abi::AI_NUMERICSERV, LookupFlags::NUMERICSERV),
        (abi::AI_V4MAPPED, LookupFlags::V4MAPPED),
        (abi::AI_ALL, LookupFlags::ALL),
        (abi::AI_ADDRCONFIG, LookupFlags::ADDRCONFIG),
    ];
    named(bits, &known).ok()
}

fn named<F: std::ops::BitOrAssign + Default + Copy>(bits: i32, known: &[(i32, F)]) -> Result<F> {
    let mut flags = F::default();
    let mut rest = bits;
    for (bit, flag) in known {
        if bits & bit != 0 {
            flags |= *flag;
            rest &= !bit;
        }
    }
    if rest == 0 { Ok(flags) } else { Err(Errno::EINVAL) }
}

/// The bytes of an option's value, as the C structures have them on a 64-bit machine.
pub(crate) fn option_bytes(value: OptValue) -> Vec<u8> {
    let int = |value: i32| value.to_ne_bytes().to_vec();
    match value {
        OptValue::Int(value) => int(value),
        OptValue::Flag(on) => int(i32::from(on)),
        OptValue::Error(error) => int(error.map_or(0, errno::number)),
        OptValue::Kind(kind) => int(socktype(kind)),
        OptValue::Domain(domain) => int(family(domain)),
        OptValue::Linger { on, seconds } => [int(i32::from(on)), int(seconds)].concat(),
        OptValue::Time(limit) => {
            let limit = limit.unwrap_or_default();
            let seconds = i64::try_from(limit.as_secs()).unwrap_or(i64::MAX);
            let micros = i64::from(limit.subsec_micros());
            [seconds.to_ne_bytes(), micros.to_ne_bytes()].concat()
        }
        OptValue::Interface4(addr) => addr.octets().to_vec(),
        OptValue::Interface(index) => int(index.cast_signed()),
        // A `struct ucred`: process, user, group. A script is the only process that it can see.
        OptValue::Peer(peer) => match peer {
            PeerProgram::Own => [1, 0, 0],
            // Linux: a process and a user from outside of the namespaces of the one who asks.
            PeerProgram::Other => [0, 65534, 65534],
            PeerProgram::None => [0, -1, -1],
        }
        .map(i32::to_ne_bytes)
        .concat(),
        // Can only be set.
        OptValue::Membership4 { .. }
        | OptValue::Membership6 { .. }
        | OptValue::Source4 { .. }
        | OptValue::Group { .. }
        | OptValue::GroupSource { .. } => Vec::new(),
    }
}

/// The value of an option from its bytes.
///
/// # Errors
/// `EINVAL` for too few bytes, `EDOM` for a time out of range, `ENOPROTOOPT` for what can only be read,
/// `EOPNOTSUPP` for what guestnet refuses.
pub(crate) fn option_value(option: SockOpt, level: i32, bytes: &[u8]) -> Result<OptValue> {
    let int = |at: usize| {
        let bytes = bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .ok_or(Errno::EINVAL)?;
        Ok(i32::from_ne_bytes(*bytes))
    };
    let long = |at: usize| {
        let bytes = bytes
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .ok_or(Errno::EINVAL)?;
        Ok(i64::from_ne_bytes(*bytes))
    };
    Ok(match option.kind() {
        OptKind::Int => match bytes {
            // ip(7): these take a byte as well.
            [byte] if multicast_byte(option) => OptValue::Int(i32::from(*byte)),
            _ => OptValue::Int(int(0)?),
        },
        OptKind::Linger => OptValue::Linger {
            on: int(0)? != 0,
            seconds: int(4)?,
        },
        OptKind::Time => OptValue::Time(timeval(long(0)?, long(8)?)?),
        // A `struct in_addr`, or a `struct ip_mreq`, whose second half it is; or a `struct ip_mreqn` with an index.
        OptKind::Interface4 if bytes.len() >= MREQN && int(8)? != 0 => {
            OptValue::Interface(int(8)?.cast_unsigned())
        }
        OptKind::Interface4 => {
            let at = if bytes.len() < 8 { 0 } else { 4 };
            OptValue::Interface4(int(at)?.to_ne_bytes().into())
        }
        OptKind::Name => return Err(Errno::EOPNOTSUPP),
        OptKind::Fact => return Err(Errno::ENOPROTOOPT),
        // Refused, whatever the value is.
        OptKind::Bytes if bytes.is_empty() => return Err(Errno::EINVAL),
        OptKind::Bytes => OptValue::Int(0),
        OptKind::Membership => membership(option, level, bytes)?,
    })
}

/// `struct ip_mreqn`: group, address of the interface, its index.
const MREQN: usize = 12;

/// Where the group of a `struct group_req` is on a 64-bit machine, and how long a `struct sockaddr_storage`.
const GROUP: usize = 8;
const SOCKADDR_STORAGE: usize = 128;

/// The structs of joining and leaving groups.
fn membership(option: SockOpt, level: i32, bytes: &[u8]) -> Result<OptValue> {
    let index = |at: usize| {
        let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk());
        Ok(u32::from_ne_bytes(*bytes.ok_or(Errno::EINVAL)?))
    };
    let ip4 = |at: usize| {
        let bytes = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>());
        Ok(Ipv4Addr::from(*bytes.ok_or(Errno::EINVAL)?))
    };
    let storage = |at: usize| {
        let storage = bytes.get(at..).and_then(|rest| rest.get(..SOCKADDR_STORAGE));
        group_address(level, storage.ok_or(Errno::EINVAL)?)
    };
    Ok(match option {
        SockOpt::McastJoinGroup | SockOpt::McastLeaveGroup => OptValue::Group {
            group: storage(GROUP)?,
            interface: index(0)?,
        },
        SockOpt::McastJoinSourceGroup
        | SockOpt::McastLeaveSourceGroup
        | SockOpt::McastBlockSource
        | SockOpt::McastUnblockSource => OptValue::GroupSource {
            group: storage(GROUP)?,
            source: storage(GROUP + SOCKADDR_STORAGE)?,
            interface: index(0)?,
        },
        SockOpt::IpAddSourceMembership
        | SockOpt::IpDropSourceMembership
        | SockOpt::IpBlockSource
        | SockOpt::IpUnblockSource => OptValue::Source4 {
            group: ip4(0)?,
            interface: ip4(4)?,
            source: ip4(8)?,
        },
        SockOpt::Ipv6JoinGroup | SockOpt::Ipv6LeaveGroup => {
            let group: [u8; 16] = *bytes.first_chunk().ok_or(Errno::EINVAL)?;
            OptValue::Membership6 {
                group: group.into(),
                interface: index(16)?,
            }
        }
        // struct ip_mreqn: the index counts, if there is one.
        _ if bytes.len() >= MREQN && index(8)? != 0 => OptValue::Group {
            group: ip4(0)?.into(),
            interface: index(8)?,
        },
        _ => OptValue::Membership4 {
            group: ip4(0)?,
            interface: ip4(4)?,
        },
    })
}

/// An address of a group or source, whose family is that of the option's level.
///
/// # Errors
/// `EINVAL` (level of IPv4) or `EADDRNOTAVAIL` (of IPv6): another family.
fn group_address(level: i32, storage: &[u8]) -> Result<IpAddr> {
    let (family, rest) = storage.split_first_chunk().ok_or(Errno::EINVAL)?;
    let family = i32::from(u16::from_ne_bytes(*family));
    let octets4 = rest.get(2..).and_then(|rest| rest.first_chunk::<4>());
    let octets6 = rest.get(6..).and_then(|rest| rest.first_chunk::<16>());
    match (level, family) {
        (abi::IPPROTO_IP, abi::AF_INET) => Ok((*octets4.ok_or(Errno::EINVAL)?).into()),
        (abi::IPPROTO_IP, _) => Err(Errno::EINVAL),
        (_, abi::AF_INET6) => Ok((*octets6.ok_or(Errno::EINVAL)?).into()),
        _ => Err(Errno::EADDRNOTAVAIL),
    }
}

const fn multicast_byte(option: SockOpt) -> bool {
    matches!(
        option,
        SockOpt::IpMulticastTtl | SockOpt::IpMulticastLoop | SockOpt::IpTtl | SockOpt::IpTos
    )
}

/// `struct timeval`: all zero is no limit, and a negative time the shortest, as Linux has it.
fn timeval(seconds: i64, micros: i64) -> Result<Option<Duration>> {
    let micros = u32::try_from(micros)
        .ok()
        .filter(|micros| *micros < 1_000_000)
        .ok_or(Errno::EDOM)?;
    let Ok(seconds) = u64::try_from(seconds) else {
        return Ok(Some(Duration::from_micros(1)));
    };
    let limit = Duration::new(seconds, micros * 1000);
    Ok((!limit.is_zero()).then_some(limit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_options_read_back() {
        for (option, value) in [
            (SockOpt::ReuseAddr, OptValue::Int(1)),
            (SockOpt::Linger, OptValue::Linger { on: true, seconds: 7 }),
            (
                SockOpt::RcvTimeo,
                OptValue::Time(Some(Duration::from_micros(1_500_000))),
            ),
            (SockOpt::SndTimeo, OptValue::Time(None)),
        ] {
            assert_eq!(
                option_value(option, abi::SOL_SOCKET, &option_bytes(value)),
                Ok(value)
            );
        }
    }

    #[test]
    fn too_few_bytes_are_refused_for_every_option() {
        for option in SockOpt::ALL {
            assert!(option_value(*option, abi::IPPROTO_IP, &[]).is_err(), "{option:?}");
        }
    }

    #[test]
    fn a_flag_that_is_not_known_is_refused() {
        assert_eq!(
            recv_flags(abi::MSG_PEEK | abi::MSG_DONTWAIT),
            Ok(RecvFlags::PEEK | RecvFlags::DONTWAIT)
        );
        assert_eq!(recv_flags(1 << 30), Err(Errno::EINVAL));
        assert_eq!(send_flags(abi::MSG_PEEK), Err(Errno::EINVAL));
        assert_eq!(recv_flags(-1), Err(Errno::EINVAL));
    }

    #[test]
    fn arguments_of_socket_are_judged_as_linux_does() {
        assert_eq!(socket(2, 1, 0), Ok((Domain::Inet, Kind::Stream, false)));
        assert_eq!(
            socket(10, 2 | abi::SOCK_BLOCK, 17),
            Ok((Domain::Inet6, Kind::Datagram, true))
        );
        assert_eq!(socket(99, 1, 0), Err(Errno::EAFNOSUPPORT));
        assert_eq!(socket(2, 3, 0), Err(Errno::ESOCKTNOSUPPORT));
        assert_eq!(socket(1, 5, 0), Ok((Domain::Unix, Kind::SeqPacket, false)));
        assert_eq!(socket(2, 5, 6), Err(Errno::ESOCKTNOSUPPORT));
        assert_eq!(socket(2, 1, 17), Err(Errno::EPROTONOSUPPORT));
        assert_eq!(socket(2, -1, 0), Err(Errno::EINVAL));
    }
}
