//! The standard `sock_*` functions and WasmEdge's, in both of its versions, with wasi-go's extensions.
//!
//! Versions differ in a few functions only; each stands here once, under every name and type that it has. Sources:
//! WASI preview 1, WasmEdge's socket extension, wasi-go and dispatchrun/net; docs/wasi.md has the table.
#![expect(clippy::too_many_arguments, reason = "the parameters are the ABI's")]

use guestnet_core::{
    Domain, Errno, Host, Kind, MAX_OPTION_BYTES, OpenFile, OptKind, OptValue, RecvMeta, Result, SockAddr,
    SockOpt,
};

use super::abi::{self, wasmedge};
use super::convert;
use super::memory::Memory;
use super::registry::{Registry, calls};
use crate::state::{Getter, GuestCtx};

pub(crate) fn register<T: Send + 'static, H: Host + Send + 'static>(
    registry: &mut Registry<T>,
    get: Getter<T, H>,
) {
    calls! { registry, get, abi::PREVIEW_1;
        "sock_accept" => sock_accept, (fd: u32, flags: u32, out: u32);
        "sock_recv" => sock_recv, (fd: u32, iovs: u32, count: u32, riflags: u32, out: u32, roflags: u32);
        "sock_send" => sock_send, (fd: u32, ciovs: u32, count: u32, siflags: u32, out: u32);
        "sock_shutdown" => sock_shutdown, (fd: u32, how: u32);
    }
    calls! { registry, get, abi::WASMEDGE;
        "sock_open" => sock_open, (family: u32, kind: u32, out: u32);
        "sock_bind" => sock_bind, (fd: u32, addr: u32, port: u32);
        "sock_listen" => sock_listen, (fd: u32, backlog: u32);
        "sock_connect" => sock_connect, (fd: u32, addr: u32, port: u32);
        "sock_send_to" => sock_send_to,
            (fd: u32, ciovs: u32, count: u32, addr: u32, port: u32, siflags: u32, out: u32);
        "sock_getsockopt" => sock_getsockopt, (fd: u32, level: u32, name: u32, value: u32, len: u32);
        "sock_setsockopt" => sock_setsockopt, (fd: u32, level: u32, name: u32, value: u32, len: u32);
    }
    calls! { registry, get, abi::WASMEDGE_V1;
        "sock_accept" => sock_accept_v1, (fd: u32, out: u32);
        "sock_recv_from" => sock_recv_from_v1,
            (fd: u32, iovs: u32, count: u32, addr: u32, riflags: u32, out: u32, roflags: u32);
        "sock_getlocaladdr" => sock_getlocaladdr_v1, (fd: u32, addr: u32, kind: u32, port: u32);
        "sock_getpeeraddr" => sock_getpeeraddr_v1, (fd: u32, addr: u32, kind: u32, port: u32);
    }
    calls! { registry, get, abi::WASMEDGE_V2;
        "sock_recv_from" => sock_recv_from,
            (fd: u32, iovs: u32, count: u32, addr: u32, riflags: u32, port: u32, out: u32, roflags: u32);
        "sock_getlocaladdr" => sock_getlocaladdr, (fd: u32, addr: u32, port: u32);
        "sock_getpeeraddr" => sock_getpeeraddr, (fd: u32, addr: u32, port: u32);
        "sock_open_v2" => sock_open, (family: u32, kind: u32, out: u32);
        "sock_bind_v2" => sock_bind, (fd: u32, addr: u32, port: u32);
        "sock_connect_v2" => sock_connect, (fd: u32, addr: u32, port: u32);
        "sock_listen_v2" => sock_listen, (fd: u32, backlog: u32);
        "sock_accept_v2" => sock_accept, (fd: u32, flags: u32, out: u32);
        "sock_recv_v2" => sock_recv, (fd: u32, iovs: u32, count: u32, riflags: u32, out: u32, roflags: u32);
        "sock_recv_from_v2" => sock_recv_from,
            (fd: u32, iovs: u32, count: u32, addr: u32, riflags: u32, port: u32, out: u32, roflags: u32);
        "sock_send_v2" => sock_send, (fd: u32, ciovs: u32, count: u32, siflags: u32, out: u32);
        "sock_send_to_v2" => sock_send_to,
            (fd: u32, ciovs: u32, count: u32, addr: u32, port: u32, siflags: u32, out: u32);
        "sock_getlocaladdr_v2" => sock_getlocaladdr, (fd: u32, addr: u32, port: u32);
        "sock_getpeeraddr_v2" => sock_getpeeraddr, (fd: u32, addr: u32, port: u32);
    }
}

fn sock_open<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    family: u32,
    kind: u32,
    out: u32,
) -> Result<()> {
    memory.check(out, 4)?;
    let domain = match family {
        wasmedge::INET => Domain::Inet,
        wasmedge::INET6 => Domain::Inet6,
        wasmedge::UNIX => Domain::Unix,
        _ => return Err(Errno::EINVAL),
    };
    let kind = match kind {
        wasmedge::DGRAM => Kind::Datagram,
        wasmedge::STREAM => Kind::Stream,
        _ => return Err(Errno::EINVAL),
    };
    let fd = ctx.guest.socket(domain, kind)?;
    memory.store_u32(out, fd)
}

fn sock_bind<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    addr: u32,
    port: u32,
) -> Result<()> {
    let fd = &ctx.guest.look_up(fd)?;
    let addr = load_address(memory, addr, port)?;
    ctx.guest.bind(fd, &addr)
}

pub(crate) fn sock_listen<H: Host>(
    _memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    backlog: u32,
) -> Result<()> {
    ctx.guest.listen(fd, backlog.cast_signed())
}

fn sock_connect<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    addr: u32,
    port: u32,
) -> Result<()> {
    let fd = &ctx.guest.look_up(fd)?;
    let addr = load_address(memory, addr, port)?;
    ctx.guest.connect(fd, &addr)
}

fn sock_accept_v1<H: Host>(memory: &mut Memory<'_>, ctx: &mut GuestCtx<H>, fd: u32, out: u32) -> Result<()> {
    sock_accept(memory, ctx, fd, 0, out)
}

pub(crate) fn sock_accept<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    flags: u32,
    out: u32,
) -> Result<()> {
    memory.check(out, 4)?;
    let nonblocking = match flags & 0xffff {
        0 => false,
        abi::FDFLAG_NONBLOCK => true,
        _ => return Err(Errno::EINVAL),
    };
    let (fd, _) = ctx.guest.accept(fd, nonblocking)?;
    memory.store_u32(out, fd)
}

pub(crate) fn sock_recv<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    iovs: u32,
    count: u32,
    riflags: u32,
    out: u32,
    roflags: u32,
) -> Result<()> {
    memory.check(out, 4)?;
    memory.check(roflags, 2)?;
    let flags = convert::recv_flags(riflags)?;
    let received = memory.scatter(iovs, count, |bufs| {
        ctx.guest
            .recv(fd, bufs, flags)
            .map(|received| (received.len, received))
    })?;
    store_received(memory, received, out, roflags)
}

pub(crate) fn sock_send<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    ciovs: u32,
    count: u32,
    siflags: u32,
    out: u32,
) -> Result<()> {
    memory.check(out, 4)?;
    let flags = convert::send_flags(siflags)?;
    let sent = memory.gather(ciovs, count, |bufs| ctx.guest.send(fd, bufs, flags))?;
    memory.store_size(out, sent)
}

fn sock_recv_from_v1<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    iovs: u32,
    count: u32,
    addr: u32,
    riflags: u32,
    out: u32,
    roflags: u32,
) -> Result<()> {
    let (received, from, place) = recv_from(memory, ctx, fd, iovs, count, addr, riflags, out, roflags)?;
    store_octets(memory, place, &from)?;
    store_received(memory, received, out, roflags)
}

fn sock_recv_from<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    iovs: u32,
    count: u32,
    addr: u32,
    riflags: u32,
    port: u32,
    out: u32,
    roflags: u32,
) -> Result<()> {
    memory.check(port, 4)?;
    let (received, from, place) = recv_from(memory, ctx, fd, iovs, count, addr, riflags, out, roflags)?;
    let (buf, len) = place;
    if len as usize == wasmedge::ADDRESS {
        // A path that has no room is left out: the datagram is taken already.
        let (bytes, from_port) =
            convert::address_v2(&from).or_else(|_| convert::address_v2(&SockAddr::UnixUnnamed))?;
        memory.store(buf, &bytes)?;
        memory.store_u32(port, from_port)?;
    } else {
        store_octets(memory, place, &from)?;
        memory.store_u32(port, from.inet().map_or(0, |from| u32::from(from.port())))?;
    }
    store_received(memory, received, out, roflags)
}

/// Receives, once it is sure that every result has its place: what has left the kernel's queue must not be lost. The
/// place of the address comes back, as it was before: what was received may lie over its header.
fn recv_from<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    iovs: u32,
    count: u32,
    addr: u32,
    riflags: u32,
    out: u32,
    roflags: u32,
) -> Result<(RecvMeta, SockAddr, (u32, u32))> {
    memory.check(out, 4)?;
    memory.check(roflags, 2)?;
    let (buf, len) = address_buffer(memory, addr)?;
    if !matches!(len, 4 | 16 | 128) {
        return Err(Errno::EINVAL);
    }
    memory.check(buf, len)?;
    let fd = &ctx.guest.look_up(fd)?;
    if len == 4
        && let OpenFile::Socket(socket) = ctx.guest.open_file(fd.number())?
        && (socket.domain(), socket.kind()) == (Domain::Inet6, Kind::Datagram)
    {
        return Err(Errno::ENOMEM);
    }
    let flags = convert::recv_flags(riflags)?;
    memory.scatter(iovs, count, |bufs| {
        ctx.guest
            .recv_from(fd, bufs, flags)
            .map(|(received, from)| (received.len, (received, from, (buf, len))))
    })
}

fn sock_send_to<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    ciovs: u32,
    count: u32,
    addr: u32,
    port: u32,
    siflags: u32,
    out: u32,
) -> Result<()> {
    memory.check(out, 4)?;
    let fd = &ctx.guest.look_up(fd)?;
    let flags = convert::send_flags(siflags)?;
    let addr = load_address(memory, addr, port)?;
    let sent = memory.gather(ciovs, count, |bufs| ctx.guest.send_to(fd, bufs, &addr, flags))?;
    memory.store_size(out, sent)
}

pub(crate) fn sock_shutdown<H: Host>(
    _memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    how: u32,
) -> Result<()> {
    let fd = &ctx.guest.look_up(fd)?;
    ctx.guest.shutdown(fd, convert::shutdown(how)?)
}

fn sock_getlocaladdr_v1<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    addr: u32,
    kind: u32,
    port: u32,
) -> Result<()> {
    let local = ctx.guest.local_addr(fd)?;
    store_address_v1(memory, &local, addr, kind, port)
}

fn sock_getpeeraddr_v1<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    addr: u32,
    kind: u32,
    port: u32,
) -> Result<()> {
    let peer = ctx.guest.peer_addr(fd)?;
    store_address_v1(memory, &peer, addr, kind, port)
}

fn sock_getlocaladdr<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    addr: u32,
    port: u32,
) -> Result<()> {
    let local = ctx.guest.local_addr(fd)?;
    store_address_v2(memory, &local, addr, port)
}

fn sock_getpeeraddr<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    addr: u32,
    port: u32,
) -> Result<()> {
    let peer = ctx.guest.peer_addr(fd)?;
    store_address_v2(memory, &peer, addr, port)
}

/// The last argument is a length for wasi-go and dispatchrun/net, and a pointer to one for WasmEdge and its crate;
/// the wasm type is the same. No program has data below [`wasmedge::LENGTH_BY_VALUE`], so that the value
/// shows which it is.
fn sock_getsockopt<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    level: u32,
    name: u32,
    value: u32,
    len: u32,
) -> Result<()> {
    let fd = &ctx.guest.look_up(fd)?;
    let option = option(level, name)?;
    let by_value = len <= wasmedge::LENGTH_BY_VALUE;
    let room = if by_value { len } else { memory.u32(len)? };
    if option.kind() == OptKind::Bytes {
        let mut bytes = [0; MAX_OPTION_BYTES];
        let bytes = bytes
            .get_mut(..(room as usize).min(MAX_OPTION_BYTES))
            .unwrap_or_default();
        let stored = ctx.guest.option_bytes(fd, option, bytes)?;
        memory.store(value, bytes.get(..stored).ok_or(Errno::EINVAL)?)?;
        // At most MAX_OPTION_BYTES.
        let stored = u32::try_from(stored).unwrap_or(0);
        return if by_value {
            Ok(())
        } else {
            memory.store_u32(len, stored)
        };
    }
    let size = option_size(option);
    if by_value && room != size {
        return Err(Errno::EINVAL);
    }
    // getsockopt(2): what does not fit is cut off. Room for it is checked before SO_ERROR is read and so cleared.
    let stored = size.min(room);
    memory.check(value, stored)?;
    let mut bytes = [0; 16];
    encode_option(ctx.guest.option(fd, option)?, &mut bytes);
    memory.store(value, bytes.get(..stored as usize).ok_or(Errno::EINVAL)?)?;
    if by_value {
        Ok(())
    } else {
        memory.store_u32(len, stored)
    }
}

fn sock_setsockopt<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    level: u32,
    name: u32,
    value: u32,
    len: u32,
) -> Result<()> {
    let fd = &ctx.guest.look_up(fd)?;
    let option = option(level, name)?;
    if option.kind() != OptKind::Name && len < option_size(option) {
        return Err(Errno::EINVAL);
    }
    let bytes = memory.bytes(value, option_size(option))?;
    let value = decode_option(option, bytes)?;
    ctx.guest.set_option(fd, option, value)
}

fn option(level: u32, name: u32) -> Result<SockOpt> {
    let numbered = |table: &[(u32, SockOpt)], name: u32| {
        table
            .iter()
            .find(|(number, _)| *number == name)
            .map(|(_, option)| *option)
    };
    match (level, name.checked_sub(wasmedge::IPV4_NAMES)) {
        (0, Some(name)) => numbered(&wasmedge::IPV4_OPTIONS, name),
        (0, None) => wasmedge::SOCKET_OPTIONS.get(name as usize).copied(),
        (6, _) => numbered(&wasmedge::TCP_OPTIONS, name),
        (41, _) => numbered(&wasmedge::IPV6_OPTIONS, name),
        _ => None,
    }
    .ok_or(Errno::ENOPROTOOPT)
}

/// The size of an option's value in a guest: ints 4, `struct timeval` 16 (two i64), `struct linger` 8, and
/// `struct ipv6_mreq` 20.
fn option_size(option: SockOpt) -> u32 {
    match option.kind() {
        OptKind::Int | OptKind::Interface4 | OptKind::Fact => 4,
        OptKind::Time => 16,
        OptKind::Linger => 8,
        OptKind::Name | OptKind::Bytes => 0,
        OptKind::Membership => 20,
    }
}

fn encode_option(value: OptValue, bytes: &mut [u8; 16]) {
    let int = match value {
        OptValue::Int(value) => value,
        OptValue::Flag(on) => i32::from(on),
        OptValue::Error(error) => error.map_or(0, convert::errno),
        OptValue::Kind(kind) => convert::wasmedge_type(kind).cast_signed(),
        OptValue::Domain(domain) => match domain {
            Domain::Inet => wasmedge::INET,
            Domain::Inet6 => wasmedge::INET6,
            Domain::Unix => wasmedge::UNIX,
        }
        .cast_signed(),
        OptValue::Linger { on, seconds } => {
            bytes[4..8].copy_from_slice(&seconds.to_le_bytes());
            i32::from(on)
        }
        OptValue::Time(limit) => {
            let limit = limit.unwrap_or_default();
            bytes[..8].copy_from_slice(&limit.as_secs().to_le_bytes());
            bytes[8..16].copy_from_slice(&u64::from(limit.subsec_micros()).to_le_bytes());
            return;
        }
        OptValue::Interface4(addr) => i32::from_le_bytes(addr.octets()),
        OptValue::Interface(index) => index.cast_signed(),
        // The ABIs have no number for the first, and the others can only be set.
        OptValue::Peer(_)
        | OptValue::Membership4 { .. }
        | OptValue::Membership6 { .. }
        | OptValue::Source4 { .. }
        | OptValue::Group { .. }
        | OptValue::GroupSource { .. } => 0,
    };
    bytes[..4].copy_from_slice(&int.to_le_bytes());
}

fn decode_option(option: SockOpt, bytes: &[u8]) -> Result<OptValue> {
    let int = |at: usize| -> Result<i32> {
        bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .map(i32::from_le_bytes)
            .ok_or(Errno::EINVAL)
    };
    let long = |at: usize| -> Result<i64> {
        bytes
            .get(at..)
            .and_then(<[u8]>::first_chunk)
            .copied()
            .map(i64::from_le_bytes)
            .ok_or(Errno::EINVAL)
    };
    Ok(match option.kind() {
        OptKind::Int | OptKind::Fact => OptValue::Int(int(0)?),
        OptKind::Interface4 => OptValue::Interface4(int(0)?.to_le_bytes().into()),
        OptKind::Linger => OptValue::Linger {
            on: int(0)? != 0,
            seconds: int(4)?,
        },
        OptKind::Time => OptValue::Time(convert::timeval(long(0)?, long(8)?)?),
        OptKind::Name | OptKind::Bytes => OptValue::Int(0),
        OptKind::Membership => {
            let group: [u8; 16] = bytes.first_chunk().copied().ok_or(Errno::EINVAL)?;
            OptValue::Membership6 {
                group: group.into(),
                interface: int(16)?.cast_unsigned(),
            }
        }
    })
}

/// Reads an address argument: a pointer to `{ buf, len }`, and the port as a second argument.
fn load_address(memory: &Memory<'_>, addr: u32, port: u32) -> Result<SockAddr> {
    let (buf, len) = address_buffer(memory, addr)?;
    if !matches!(len, 4 | 16 | 128) {
        return Err(Errno::EINVAL);
    }
    convert::address(memory.bytes(buf, len)?, port)
}

fn address_buffer(memory: &Memory<'_>, addr: u32) -> Result<(u32, u32)> {
    Ok((
        memory.u32(addr)?,
        memory.u32(addr.checked_add(4).ok_or(Errno::EFAULT)?)?,
    ))
}

fn store_address_v2(memory: &mut Memory<'_>, from: &SockAddr, addr: u32, port: u32) -> Result<()> {
    let (buf, len) = address_buffer(memory, addr)?;
    if len as usize != wasmedge::ADDRESS {
        return Err(Errno::EINVAL);
    }
    let (bytes, number) = convert::address_v2(from)?;
    memory.store(buf, &bytes)?;
    memory.store_u32(port, number)
}

/// v1: raw octets, the kind as 4 or 6, and the port.
fn store_address_v1(memory: &mut Memory<'_>, from: &SockAddr, addr: u32, kind: u32, port: u32) -> Result<()> {
    let inet = from.inet().ok_or(Errno::EAFNOSUPPORT)?;
    store_octets(memory, address_buffer(memory, addr)?, from)?;
    memory.store_u32(kind, if inet.is_ipv4() { 4 } else { 6 })?;
    memory.store_u32(port, u32::from(inet.port()))
}

/// Stores an IP address as raw octets; what is no IP address leaves the buffer as it is.
///
/// # Errors
/// `EINVAL` for a buffer of no known length, `ENOMEM` where IPv6 does not fit, as WasmEdge says.
fn store_octets(memory: &mut Memory<'_>, (buf, len): (u32, u32), from: &SockAddr) -> Result<()> {
    let Some(from) = from.inet() else { return Ok(()) };
    match (from.ip(), len) {
        (std::net::IpAddr::V4(ip), 4 | 16 | 128) => memory.store(buf, &ip.octets()),
        (std::net::IpAddr::V6(ip), 16 | 128) => memory.store(buf, &ip.octets()),
        (std::net::IpAddr::V6(_), 4) => Err(Errno::ENOMEM),
        _ => Err(Errno::EINVAL),
    }
}

/// `roflags` is an u16 in every ABI, although some guests give it more room.
fn store_received(memory: &mut Memory<'_>, received: RecvMeta, out: u32, roflags: u32) -> Result<()> {
    memory.store_size(out, received.len)?;
    let flags = if received.truncated {
        abi::RO_DATA_TRUNCATED
    } else {
        0
    };
    memory.store(roflags, &flags.to_le_bytes())
}
