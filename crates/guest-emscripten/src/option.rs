//! getsockopt(2) and setsockopt(2): the C library's layout of each value.

use std::time::Duration;

use guestnet_core::{Domain, Errno, Host, Kind, OptKind, OptValue, Result, SockOpt};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;
use crate::{abi, convert};

/// getsockopt(fd, level, name, value, len)
pub(crate) fn getsockopt<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let room = usize::try_from(memory.u32(args.pointer(4))?.cast_signed()).map_err(|_| Errno::EINVAL)?;
    let bytes = if (args.int(1), args.int(2)) == (abi::SOL_SOCKET, abi::SO_PROTOCOL) {
        let entry = context.guest.open_file(fd)?;
        let socket = entry.socket()?;
        let protocol = match (socket.domain(), socket.kind()) {
            (Domain::Unix, _) | (_, Kind::SeqPacket) => 0,
            (Domain::Inet | Domain::Inet6, Kind::Stream) => abi::IPPROTO_TCP,
            (Domain::Inet | Domain::Inet6, Kind::Datagram) => abi::IPPROTO_UDP,
        };
        protocol.to_le_bytes().to_vec()
    } else {
        let option = convert::option(args.int(1), args.int(2))?;
        encode(context.guest.option(fd, option)?)
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
    let value = decode(option, memory, args.pointer(3), len)?;
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
        OptValue::Linger { on, seconds } => {
            return [i32::from(on).to_le_bytes(), seconds.to_le_bytes()].concat();
        }
        OptValue::Time(limit) => {
            let limit = limit.unwrap_or_default();
            let micros = u64::from(limit.subsec_micros());
            return [limit.as_secs().to_le_bytes(), micros.to_le_bytes()].concat();
        }
        // These can only be set.
        OptValue::Membership4 { .. } | OptValue::Membership6 { .. } => return Vec::new(),
    };
    int.to_le_bytes().to_vec()
}

fn decode(option: SockOpt, memory: Memory<'_>, at: u32, len: u32) -> Result<OptValue> {
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
        OptKind::Interface4 => {
            need(4)?;
            // struct ip_mreq and ip_mreqn have the interface's address second.
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
        OptKind::Name => OptValue::Int(0),
        OptKind::Membership => match option {
            SockOpt::Ipv6JoinGroup | SockOpt::Ipv6LeaveGroup => {
                need(20)?;
                OptValue::Membership6 {
                    group: memory.read::<16>(at)?.into(),
                    interface: int(16)?.cast_unsigned(),
                }
            }
            _ => {
                need(8)?;
                OptValue::Membership4 {
                    group: memory.read::<4>(at)?.into(),
                    interface: memory.read::<4>(field(4)?)?.into(),
                }
            }
        },
    })
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
    )
}
