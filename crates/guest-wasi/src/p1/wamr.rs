//! WAMR's lib-socket (`wasi_socket_ext`): the functions whose names or types are its own.
//!
//! `__wasi_addr_t`, 24 bytes: kind i32 @0 (IPv4 0, IPv6 1); IPv4: octets @4, port u16 @8; IPv6: eight u16 in host
//! order @4, port u16 @20. Ports are in host order.
#![expect(clippy::too_many_arguments, reason = "the parameters are the ABI's")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use guestnet_core::resolve::Query;
use guestnet_core::{Domain, Errno, Host, Kind, LookupError, OptValue, Result, SockAddr, SockOpt};
use wasmtime::{Caller, FuncType, ValType};

use super::abi::{self, wamr};
use super::convert;
use super::descriptors;
use super::files::Files;
use super::memory::Memory;
use super::registry::{Registry, calls, enter};
use crate::state::{Getter, GuestCtx};

const ABI: &str = abi::WAMR;

/// The longest C string that is read.
const MAX_TEXT: u32 = 4096;

/// How an option's value travels: a `bool` or `uint8_t` is one byte in memory.
#[derive(Clone, Copy)]
enum Width {
    Bool,
    Byte,
    Word,
}

/// Options with a plain getter and setter.
const OPTIONS: [(&str, &str, SockOpt, Width); 14] = [
    (
        "sock_get_recv_buf_size",
        "sock_set_recv_buf_size",
        SockOpt::RcvBuf,
        Width::Word,
    ),
    (
        "sock_get_send_buf_size",
        "sock_set_send_buf_size",
        SockOpt::SndBuf,
        Width::Word,
    ),
    (
        "sock_get_reuse_addr",
        "sock_set_reuse_addr",
        SockOpt::ReuseAddr,
        Width::Bool,
    ),
    (
        "sock_get_reuse_port",
        "sock_set_reuse_port",
        SockOpt::ReusePort,
        Width::Bool,
    ),
    (
        "sock_get_keep_alive",
        "sock_set_keep_alive",
        SockOpt::KeepAlive,
        Width::Bool,
    ),
    (
        "sock_get_broadcast",
        "sock_set_broadcast",
        SockOpt::Broadcast,
        Width::Bool,
    ),
    (
        "sock_get_tcp_no_delay",
        "sock_set_tcp_no_delay",
        SockOpt::TcpNoDelay,
        Width::Bool,
    ),
    (
        "sock_get_tcp_quick_ack",
        "sock_set_tcp_quick_ack",
        SockOpt::TcpQuickAck,
        Width::Bool,
    ),
    (
        "sock_get_tcp_keep_idle",
        "sock_set_tcp_keep_idle",
        SockOpt::TcpKeepIdle,
        Width::Word,
    ),
    (
        "sock_get_tcp_keep_intvl",
        "sock_set_tcp_keep_intvl",
        SockOpt::TcpKeepIntvl,
        Width::Word,
    ),
    (
        "sock_get_tcp_fastopen_connect",
        "sock_set_tcp_fastopen_connect",
        SockOpt::TcpFastOpenConnect,
        Width::Bool,
    ),
    ("sock_get_ip_ttl", "sock_set_ip_ttl", SockOpt::IpTtl, Width::Byte),
    (
        "sock_get_ip_multicast_ttl",
        "sock_set_ip_multicast_ttl",
        SockOpt::IpMulticastTtl,
        Width::Byte,
    ),
    (
        "sock_get_ipv6_only",
        "sock_set_ipv6_only",
        SockOpt::Ipv6Only,
        Width::Bool,
    ),
];

pub(crate) fn register<T: Send + 'static, H: Host + Send + 'static>(
    registry: &mut Registry<T>,
    get: Getter<T, H>,
    files: &Arc<Files<T>>,
) {
    calls! { registry, get, ABI;
        "sock_open" => sock_open, (pool: u32, family: u32, kind: u32, out: u32);
        "sock_bind" => sock_bind, (fd: u32, addr: u32);
        "sock_connect" => sock_connect, (fd: u32, addr: u32);
        "sock_recv_from" => sock_recv_from,
            (fd: u32, iovs: u32, count: u32, riflags: u32, addr: u32, out: u32);
        "sock_send_to" => sock_send_to,
            (fd: u32, ciovs: u32, count: u32, siflags: u32, addr: u32, out: u32);
        "sock_addr_local" => sock_addr_local, (fd: u32, addr: u32);
        "sock_addr_remote" => sock_addr_remote, (fd: u32, addr: u32);
        "sock_addr_resolve" => sock_addr_resolve,
            (host: u32, service: u32, hints: u32, list: u32, room: u32, total: u32);
        "sock_get_recv_timeout" => sock_get_recv_timeout, (fd: u32, out: u32);
        "sock_get_send_timeout" => sock_get_send_timeout, (fd: u32, out: u32);
        "sock_set_recv_timeout" => sock_set_recv_timeout, (fd: u32, micros: u64);
        "sock_set_send_timeout" => sock_set_send_timeout, (fd: u32, micros: u64);
        "sock_get_linger" => sock_get_linger, (fd: u32, on: u32, seconds: u32);
        "sock_set_linger" => sock_set_linger, (fd: u32, on: u32, seconds: u32);
        "sock_get_ip_multicast_loop" => sock_get_ip_multicast_loop, (fd: u32, ipv6: u32, out: u32);
        "sock_set_ip_multicast_loop" => sock_set_ip_multicast_loop, (fd: u32, ipv6: u32, on: u32);
        "sock_set_ip_add_membership" => sock_set_ip_add_membership, (fd: u32, group: u32, interface: u32);
        "sock_set_ip_drop_membership" => sock_set_ip_drop_membership, (fd: u32, group: u32, interface: u32);
    }
    descriptors::register_close(registry, get, files, "sock_close", ABI);
    for (getter, setter, option, width) in OPTIONS {
        let ty = FuncType::new(registry.engine(), [ValType::I32, ValType::I32], [ValType::I32]);
        registry.add(
            getter,
            ABI,
            ty.clone(),
            move |mut caller: Caller<'_, T>, fd: u32, out: u32| {
                enter(&mut caller, get, |memory, ctx| {
                    get_option(memory, ctx, fd, option, width, out)
                })
            },
        );
        registry.add(
            setter,
            ABI,
            ty,
            move |mut caller: Caller<'_, T>, fd: u32, value: u32| {
                enter(&mut caller, get, |_, ctx| {
                    set_option(ctx, fd, option, width, value)
                })
            },
        );
    }
}

fn sock_open<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    _pool: u32,
    family: u32,
    kind: u32,
    out: u32,
) -> Result<()> {
    memory.check(out, 4)?;
    let domain = match family {
        wamr::INET4 => Domain::Inet,
        wamr::INET6 => Domain::Inet6,
        _ => return Err(Errno::EINVAL),
    };
    let kind = match kind {
        wamr::DGRAM => Kind::Datagram,
        wamr::STREAM => Kind::Stream,
        _ => return Err(Errno::EINVAL),
    };
    let fd = ctx.guest.socket(domain, kind)?;
    memory.store_u32(out, fd)
}

fn sock_bind<H: Host>(memory: &mut Memory<'_>, ctx: &mut GuestCtx<H>, fd: u32, addr: u32) -> Result<()> {
    let addr = load_address(memory, addr)?;
    ctx.guest.bind(fd, &addr.into())
}

fn sock_connect<H: Host>(memory: &mut Memory<'_>, ctx: &mut GuestCtx<H>, fd: u32, addr: u32) -> Result<()> {
    let addr = load_address(memory, addr)?;
    ctx.guest.connect(fd, &addr.into())
}

fn sock_recv_from<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    iovs: u32,
    count: u32,
    riflags: u32,
    addr: u32,
    out: u32,
) -> Result<()> {
    memory.check(out, 4)?;
    memory.check(addr, 24)?;
    let flags = convert::recv_flags(riflags)?;
    let (received, from) = memory.scatter(iovs, count, |bufs| {
        ctx.guest
            .recv_from(fd, bufs, flags)
            .map(|(received, from)| (received.len, (received, from)))
    })?;
    // A connected stream has no address to give.
    if let Some(from) = from.inet() {
        store_address(memory, addr, from)?;
    }
    memory.store_size(out, received.len)
}

fn sock_send_to<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    ciovs: u32,
    count: u32,
    siflags: u32,
    addr: u32,
    out: u32,
) -> Result<()> {
    memory.check(out, 4)?;
    let flags = convert::send_flags(siflags)?;
    let addr = load_address(memory, addr)?.into();
    let sent = memory.gather(ciovs, count, |bufs| ctx.guest.send_to(fd, bufs, &addr, flags))?;
    memory.store_size(out, sent)
}

fn sock_addr_local<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    addr: u32,
) -> Result<()> {
    let local = ctx.guest.local_addr(fd)?;
    store_address(memory, addr, inet(&local)?)
}

fn sock_addr_remote<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    addr: u32,
) -> Result<()> {
    let peer = ctx.guest.peer_addr(fd)?;
    store_address(memory, addr, inet(&peer)?)
}

/// Fills an array of `__wasi_addr_info_t` (address @0, type i32 @24); `total` counts what there was room for and
/// what there was not.
fn sock_addr_resolve<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    host: u32,
    service: u32,
    hints: u32,
    list: u32,
    room: u32,
    total: u32,
) -> Result<()> {
    memory.check(total, 4)?;
    let hints: [u8; 12] = memory.array(hints)?;
    let word = |at| super::memory::word(&hints, at).ok_or(Errno::EFAULT);
    let enabled = hints[8] != 0;
    let family = match word(4)? {
        _ if !enabled => None,
        wamr::UNSPEC => None,
        wamr::INET4 => Some(Domain::Inet),
        wamr::INET6 => Some(Domain::Inet6),
        _ => return Err(Errno::EINVAL),
    };
    let kind = match word(0)? {
        _ if !enabled => None,
        u32::MAX => None,
        wamr::DGRAM => Some(Kind::Datagram),
        wamr::STREAM => Some(Kind::Stream),
        _ => return Err(Errno::EINVAL),
    };
    let query = Query {
        node: text(memory, host)?,
        service: text(memory, service)?,
        family,
        kind,
        ..Query::default()
    };
    let answer = ctx.guest.getaddrinfo(&query).map_err(lookup_errno)?;
    for (info, index) in answer.results.iter().zip(0..room) {
        let at = index
            .checked_mul(wamr::ADDR_INFO)
            .and_then(|offset| list.checked_add(offset))
            .ok_or(Errno::EFAULT)?;
        store_address(memory, at, info.addr)?;
        let kind = match info.kind {
            Kind::Datagram => wamr::DGRAM,
            // No look-up says anything about the second.
            Kind::Stream | Kind::SeqPacket => wamr::STREAM,
        };
        memory.store_u32(at.checked_add(24).ok_or(Errno::EFAULT)?, kind)?;
    }
    memory.store_size(total, answer.results.len())
}

fn sock_get_recv_timeout<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    out: u32,
) -> Result<()> {
    get_timeout(memory, ctx, fd, SockOpt::RcvTimeo, out)
}

fn sock_get_send_timeout<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    out: u32,
) -> Result<()> {
    get_timeout(memory, ctx, fd, SockOpt::SndTimeo, out)
}

fn sock_set_recv_timeout<H: Host>(
    _: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    micros: u64,
) -> Result<()> {
    ctx.guest.set_option(fd, SockOpt::RcvTimeo, timeout(micros))
}

fn sock_set_send_timeout<H: Host>(
    _: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    micros: u64,
) -> Result<()> {
    ctx.guest.set_option(fd, SockOpt::SndTimeo, timeout(micros))
}

fn sock_get_linger<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    on: u32,
    seconds: u32,
) -> Result<()> {
    match ctx.guest.option(fd, SockOpt::Linger)? {
        OptValue::Linger {
            on: lingers,
            seconds: limit,
        } => {
            memory.store(on, &[u8::from(lingers)])?;
            memory.store(seconds, &limit.to_le_bytes())
        }
        _ => Err(Errno::EIO),
    }
}

fn sock_set_linger<H: Host>(
    _: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    on: u32,
    seconds: u32,
) -> Result<()> {
    let value = OptValue::Linger {
        on: on != 0,
        seconds: seconds.cast_signed(),
    };
    ctx.guest.set_option(fd, SockOpt::Linger, value)
}

fn sock_get_ip_multicast_loop<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    ipv6: u32,
    out: u32,
) -> Result<()> {
    get_option(memory, ctx, fd, multicast_loop(ipv6), Width::Bool, out)
}

fn sock_set_ip_multicast_loop<H: Host>(
    _: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    ipv6: u32,
    on: u32,
) -> Result<()> {
    set_option(ctx, fd, multicast_loop(ipv6), Width::Bool, on)
}

fn multicast_loop(ipv6: u32) -> SockOpt {
    if ipv6 == 0 {
        SockOpt::IpMulticastLoop
    } else {
        SockOpt::Ipv6MulticastLoop
    }
}

fn sock_set_ip_add_membership<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    group: u32,
    interface: u32,
) -> Result<()> {
    let (value, ipv6) = membership(memory, group, interface)?;
    ctx.guest.set_option(
        fd,
        if ipv6 {
            SockOpt::Ipv6JoinGroup
        } else {
            SockOpt::IpAddMembership
        },
        value,
    )
}

fn sock_set_ip_drop_membership<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    group: u32,
    interface: u32,
) -> Result<()> {
    let (value, ipv6) = membership(memory, group, interface)?;
    ctx.guest.set_option(
        fd,
        if ipv6 {
            SockOpt::Ipv6LeaveGroup
        } else {
            SockOpt::IpDropMembership
        },
        value,
    )
}

/// The interface is `s_addr` as the guest holds it for IPv4, an index for IPv6.
fn membership(memory: &Memory<'_>, group: u32, interface: u32) -> Result<(OptValue, bool)> {
    Ok(match load_ip(memory, group)? {
        IpAddr::V4(group) => (
            OptValue::Membership4 {
                group,
                interface: Ipv4Addr::from(interface.to_le_bytes()),
            },
            false,
        ),
        IpAddr::V6(group) => (OptValue::Membership6 { group, interface }, true),
    })
}

fn get_option<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    option: SockOpt,
    width: Width,
    out: u32,
) -> Result<()> {
    let value = match ctx.guest.option(fd, option)? {
        OptValue::Int(value) => value,
        OptValue::Flag(on) => i32::from(on),
        _ => return Err(Errno::EIO),
    };
    match width {
        Width::Bool => memory.store(out, &[u8::from(value != 0)]),
        Width::Byte => memory.store(out, &value.to_le_bytes()[..1]),
        Width::Word => memory.store(out, &value.to_le_bytes()),
    }
}

fn set_option<H: Host>(
    ctx: &mut GuestCtx<H>,
    fd: u32,
    option: SockOpt,
    width: Width,
    value: u32,
) -> Result<()> {
    // A byte arrives in an i32: the upper bits mean nothing.
    let value = match width {
        Width::Bool => u32::from(value & 0xff != 0),
        Width::Byte => value & 0xff,
        Width::Word => value,
    };
    ctx.guest
        .set_option(fd, option, OptValue::Int(value.cast_signed()))
}

fn get_timeout<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    fd: u32,
    option: SockOpt,
    out: u32,
) -> Result<()> {
    match ctx.guest.option(fd, option)? {
        OptValue::Time(limit) => {
            let micros =
                u64::try_from(limit.unwrap_or_default().as_micros()).map_err(|_| Errno::EOVERFLOW)?;
            memory.store(out, &micros.to_le_bytes())
        }
        _ => Err(Errno::EIO),
    }
}

fn timeout(micros: u64) -> OptValue {
    OptValue::Time((micros != 0).then(|| Duration::from_micros(micros)))
}

fn inet(addr: &SockAddr) -> Result<SocketAddr> {
    addr.inet().ok_or(Errno::EAFNOSUPPORT)
}

fn load_ip(memory: &Memory<'_>, at: u32) -> Result<IpAddr> {
    let bytes: [u8; 20] = memory.array(at)?;
    let (kind, octets) = bytes.split_first_chunk::<4>().ok_or(Errno::EFAULT)?;
    match u32::from_le_bytes(*kind) {
        wamr::KIND_IPV4 => Ok(Ipv4Addr::from(*octets.first_chunk::<4>().ok_or(Errno::EFAULT)?).into()),
        wamr::KIND_IPV6 => {
            let mut segments = [0; 8];
            for (segment, pair) in segments.iter_mut().zip(octets.chunks_exact(2)) {
                *segment = u16::from_le_bytes(*pair.first_chunk().ok_or(Errno::EFAULT)?);
            }
            Ok(Ipv6Addr::from(segments).into())
        }
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

fn load_address(memory: &Memory<'_>, at: u32) -> Result<SocketAddr> {
    let ip = load_ip(memory, at)?;
    let port_at = if ip.is_ipv4() { 8 } else { 20 };
    let port = memory.array(at.checked_add(port_at).ok_or(Errno::EFAULT)?)?;
    Ok(SocketAddr::new(ip, u16::from_le_bytes(port)))
}

fn store_address(memory: &mut Memory<'_>, at: u32, addr: SocketAddr) -> Result<()> {
    let mut bytes = [0; wamr::ADDR];
    match addr.ip() {
        IpAddr::V4(ip) => {
            bytes[..4].copy_from_slice(&wamr::KIND_IPV4.to_le_bytes());
            bytes[4..8].copy_from_slice(&ip.octets());
            bytes[8..10].copy_from_slice(&addr.port().to_le_bytes());
        }
        IpAddr::V6(ip) => {
            bytes[..4].copy_from_slice(&wamr::KIND_IPV6.to_le_bytes());
            for (pair, segment) in bytes[4..20].chunks_exact_mut(2).zip(ip.segments()) {
                pair.copy_from_slice(&segment.to_le_bytes());
            }
            bytes[20..22].copy_from_slice(&addr.port().to_le_bytes());
        }
    }
    memory.store(at, &bytes)
}

/// A C string; null and the empty one are none.
fn text<'m>(memory: &'m Memory<'_>, at: u32) -> Result<Option<&'m [u8]>> {
    if at == 0 {
        return Ok(None);
    }
    let bytes = memory.from(at)?;
    let end = bytes
        .iter()
        .take(MAX_TEXT as usize)
        .position(|&byte| byte == 0)
        .ok_or(Errno::EINVAL)?;
    Ok(bytes.get(..end).filter(|bytes| !bytes.is_empty()))
}

/// WAMR has no numbers for failed look-ups, only errno.
fn lookup_errno(error: LookupError) -> Errno {
    match error {
        LookupError::Again => Errno::EAGAIN,
        LookupError::NoName | LookupError::NoData => Errno::ENOENT,
        LookupError::Fail => Errno::EACCES,
        LookupError::Family => Errno::EAFNOSUPPORT,
        LookupError::SockType | LookupError::Service | LookupError::BadFlags => Errno::EINVAL,
        LookupError::Memory => Errno::ENOMEM,
        LookupError::System(errno) => errno,
    }
}
