//! getsockopt(2) and setsockopt(2): the C library's layout of each value.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use guestnet_core::{
    Domain, Errno, Host, Kind, MAX_OPTION_BYTES, OptKind, OptValue, PeerProgram, Result, SockOpt,
};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;
use crate::{abi, convert};

/// `struct ip_mreqn`: group, address of the interface, its index.
const MREQN: u32 = 12;

/// `struct sockaddr_storage`.
const SOCKADDR_STORAGE: u32 = 128;

/// `struct group_req`: index of the interface, group.
const GROUP_REQ: u32 = 4 + SOCKADDR_STORAGE;

/// `struct group_source_req`: index of the interface, group, source.
const GROUP_SOURCE_REQ: u32 = 4 + 2 * SOCKADDR_STORAGE;

/// getsockopt(fd, level, name, value, len)
pub(crate) fn getsockopt<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let room = usize::try_from(memory.u32(args.pointer(4))?.cast_signed()).map_err(|_| Errno::EINVAL)?;
    let bytes = if (args.int(1), args.int(2)) == (abi::SOL_SOCKET, abi::SO_PROTOCOL) {
        let socket = fd.open_file().socket()?;
        let protocol = match (socket.domain(), socket.kind()) {
            (Domain::Unix, _) | (_, Kind::SeqPacket) => 0,
            (Domain::Inet | Domain::Inet6, Kind::Stream) => abi::IPPROTO_TCP,
            (Domain::Inet | Domain::Inet6, Kind::Datagram) => abi::IPPROTO_UDP,
        };
        protocol.to_le_bytes().to_vec()
    } else {
        let option = convert::option(args.int(1), args.int(2))?;
        if option.kind() == OptKind::Bytes {
            let mut bytes = vec![0; MAX_OPTION_BYTES];
            // Linux looks at the room that there is: of a name it stores as much as fits.
            let room = bytes.get_mut(..room.min(MAX_OPTION_BYTES)).unwrap_or_default();
            let len = context.guest.option_bytes(fd, option, room)?;
            bytes.truncate(len);
            bytes
        } else {
            encode(context.guest.option(fd, option)?)
        }
    };
    // getsockopt(2): a value that does not fit is cut, and its length says how much was stored.
    let stored = bytes.get(..room).unwrap_or(&bytes);
    memory.write(args.pointer(3), stored)?;
    memory.set_u32(args.pointer(4), u32::try_from(stored.len()).unwrap_or(0))?;
    Ok(0)
}

/// setsockopt(fd, level, name, value, len)
pub(crate) fn setsockopt<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let len = u32::try_from(args.int(4)).map_err(|_| Errno::EINVAL)?;
    let option = convert::option(args.int(1), args.int(2))?;
    let value = decode(option, args.int(1), memory, args.pointer(3), len)?;
    context.guest.set_option(fd, option, value).map(|()| 0)
}

fn encode(value: OptValue) -> Vec<u8> {
    let int = match value {
        OptValue::Int(value) => value,
        OptValue::Flag(on) => i32::from(on),
        OptValue::Error(error) => error.map_or(0, convert::errno),
        OptValue::Kind(kind) => convert::socket_type(kind),
        OptValue::Domain(domain) => convert::family(domain),
        OptValue::Interface4(ip) => i32::from_le_bytes(ip.octets()),
        OptValue::Interface(index) => index.cast_signed(),
        OptValue::Peer(peer) => return credentials(peer).map(i32::to_le_bytes).concat(),
        OptValue::Linger { on, seconds } => {
            return [i32::from(on).to_le_bytes(), seconds.to_le_bytes()].concat();
        }
        OptValue::Time(limit) => {
            let limit = limit.unwrap_or_default();
            let micros = u64::from(limit.subsec_micros());
            return [limit.as_secs().to_le_bytes(), micros.to_le_bytes()].concat();
        }
        // These can only be set.
        OptValue::Membership4 { .. }
        | OptValue::Membership6 { .. }
        | OptValue::Source4 { .. }
        | OptValue::Group { .. }
        | OptValue::GroupSource { .. } => return Vec::new(),
    };
    int.to_le_bytes().to_vec()
}

/// `struct ucred`: process, user, group.
fn credentials(peer: PeerProgram) -> [i32; 3] {
    match peer {
        PeerProgram::Own => [abi::PID, abi::UID, abi::GID],
        // Linux: a process and a user from outside of the namespaces of the one who asks.
        PeerProgram::Other => [0, abi::OVERFLOW_ID, abi::OVERFLOW_ID],
        PeerProgram::None => [0, -1, -1],
    }
}

fn decode(option: SockOpt, level: i32, memory: Memory<'_>, at: u32, len: u32) -> Result<OptValue> {
    let need = |bytes: u32| if len < bytes { Err(Errno::EINVAL) } else { Ok(()) };
    let field = |offset: u32| at.checked_add(offset).ok_or(Errno::EFAULT);
    let int = |offset: u32| Ok::<_, Errno>(memory.u32(field(offset)?)?.cast_signed());
    Ok(match option.kind() {
        // Linux takes a single byte for these of ip(7).
        OptKind::Int if (1..4).contains(&len) && takes_a_byte(option) => {
            OptValue::Int(i32::from(memory.read::<1>(at)?[0]))
        }
        OptKind::Int | OptKind::Fact => {
            need(4)?;
            OptValue::Int(int(0)?)
        }
        // Refused, whatever the value is.
        OptKind::Bytes | OptKind::Name => OptValue::Int(0),
        OptKind::Interface4 => {
            need(4)?;
            // struct ip_mreq and ip_mreqn have the interface's address second, and the latter its index third.
            let index = if len >= MREQN { int(8)?.cast_unsigned() } else { 0 };
            if index != 0 {
                return Ok(OptValue::Interface(index));
            }
            let offset = if len >= 8 { 4 } else { 0 };
            OptValue::Interface4(memory.read::<4>(field(offset)?)?.into())
        }
        OptKind::Linger => {
            need(8)?;
            OptValue::Linger {
                on: int(0)? != 0,
                seconds: int(4)?,
            }
        }
        OptKind::Time => {
            need(16)?;
            let seconds = i64::from_le_bytes(memory.read(at)?);
            let micros = u32::try_from(int(8)?).ok().filter(|micros| *micros < 1_000_000);
            let micros = micros.ok_or(Errno::EDOM)?;
            // Linux: a negative time is over at once, which it rounds to the shortest one.
            let limit = match u64::try_from(seconds) {
                Ok(seconds) => Duration::new(seconds, micros * 1000),
                Err(_) => Duration::from_micros(1),
            };
            OptValue::Time((!limit.is_zero()).then_some(limit))
        }
        OptKind::Membership => membership(option, level, memory, at, len)?,
    })
}

/// The structs of joining and leaving groups.
fn membership(option: SockOpt, level: i32, memory: Memory<'_>, at: u32, len: u32) -> Result<OptValue> {
    let need = |bytes: u32| if len < bytes { Err(Errno::EINVAL) } else { Ok(()) };
    let field = |offset: u32| at.checked_add(offset).ok_or(Errno::EFAULT);
    let ip4 = |offset: u32| Ok::<_, Errno>(Ipv4Addr::from(memory.read::<4>(field(offset)?)?));
    let index = |offset: u32| memory.u32(field(offset)?);
    let group = || group_address(level, memory, field(4)?);
    Ok(match option {
        SockOpt::McastJoinGroup | SockOpt::McastLeaveGroup => {
            need(GROUP_REQ)?;
            OptValue::Group {
                group: group()?,
                interface: index(0)?,
            }
        }
        SockOpt::McastJoinSourceGroup
        | SockOpt::McastLeaveSourceGroup
        | SockOpt::McastBlockSource
        | SockOpt::McastUnblockSource => {
            need(GROUP_SOURCE_REQ)?;
            OptValue::GroupSource {
                group: group()?,
                source: group_address(level, memory, field(4 + SOCKADDR_STORAGE)?)?,
                interface: index(0)?,
            }
        }
        SockOpt::IpAddSourceMembership
        | SockOpt::IpDropSourceMembership
        | SockOpt::IpBlockSource
        | SockOpt::IpUnblockSource => {
            need(12)?;
            OptValue::Source4 {
                group: ip4(0)?,
                interface: ip4(4)?,
                source: ip4(8)?,
            }
        }
        SockOpt::Ipv6JoinGroup | SockOpt::Ipv6LeaveGroup => {
            need(20)?;
            OptValue::Membership6 {
                group: memory.read::<16>(at)?.into(),
                interface: index(16)?,
            }
        }
        // struct ip_mreqn: the index counts, if there is one.
        _ if len >= MREQN && index(8)? != 0 => OptValue::Group {
            group: ip4(0)?.into(),
            interface: index(8)?,
        },
        _ => {
            need(8)?;
            OptValue::Membership4 {
                group: ip4(0)?,
                interface: ip4(4)?,
            }
        }
    })
}

/// An address of a group or source, whose family is that of the option's level.
///
/// # Errors
/// `EINVAL` (level of IPv4) or `EADDRNOTAVAIL` (of IPv6): another family.
fn group_address(level: i32, memory: Memory<'_>, at: u32) -> Result<IpAddr> {
    let family = i32::from(u16::from_le_bytes(memory.read(at)?));
    let field = |offset: u32| at.checked_add(offset).ok_or(Errno::EFAULT);
    match (level, family) {
        (abi::IPPROTO_IP, abi::AF_INET) => Ok(IpAddr::from(memory.read::<4>(field(4)?)?)),
        (abi::IPPROTO_IP, _) => Err(Errno::EINVAL),
        (_, abi::AF_INET6) => Ok(IpAddr::from(memory.read::<16>(field(8)?)?)),
        _ => Err(Errno::EADDRNOTAVAIL),
    }
}

fn takes_a_byte(option: SockOpt) -> bool {
    matches!(
        option,
        SockOpt::IpTtl
            | SockOpt::IpTos
            | SockOpt::IpMulticastTtl
            | SockOpt::IpMulticastLoop
            | SockOpt::IpMulticastAll
            | SockOpt::IpPktInfo
            | SockOpt::IpRecvTtl
            | SockOpt::IpRecvTos
            | SockOpt::IpFreebind
    )
}
