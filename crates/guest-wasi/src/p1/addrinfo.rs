//! `sock_getaddrinfo` of WasmEdge: the guest allocates a whole list, the host fills it in.
//!
//! Layouts (dispatchrun/net, the crate `wasmedge_wasi_socket` and WasmEdge agree unless said):
//! `addrinfo`, 28 bytes: flags u16 @0, family u8 @2, socktype u8 @3, protocol u8 @4 (an u32 for wasi-go), addrlen u32
//! @8, address pointer @12, canonname pointer @16, canonname_len u32 @20, next pointer @24.
//! `sockaddr`, 12 bytes: family u8 @0 (dispatchrun reads an u32), data_len u32 @4, data pointer @8.
//! The data are the port in network order and the octets (dispatchrun's layout for IPv6, which WasmEdge's differs
//! from and the crate ignores).
#![expect(clippy::too_many_arguments, reason = "the parameters are the ABI's")]

use std::net::IpAddr;

use guestnet_core::resolve::{AddrInfoList, LookupFlags, Query};
use guestnet_core::{Domain, Errno, Host, Kind, LookupError, Result};

use super::abi::{self, wasmedge};
use super::convert;
use super::memory::Memory;
use super::registry::{Registry, calls};
use crate::state::{Getter, GuestCtx};

/// The longest node and service that are read: longer than any name, with room for the error to be the resolver's.
const MAX_TEXT: u32 = 4096;

/// What the crate passes for its 26-byte buffers.
const CRATE_DATA_LEN: u32 = 14;
const DATA_LEN: u32 = 26;

pub(crate) fn register<T: Send + 'static, H: Host + Send + 'static>(
    registry: &mut Registry<T>,
    get: Getter<T, H>,
) {
    calls! { registry, get, abi::WASMEDGE;
        "sock_getaddrinfo" => sock_getaddrinfo,
            (node: u32, node_len: u32, service: u32, service_len: u32, hints: u32, list: u32, room: u32, out: u32);
    }
}

/// Returns an errno, or one of WasmEdge's codes from 77 on for a failed look-up.
fn sock_getaddrinfo<H: Host>(
    memory: &mut Memory<'_>,
    ctx: &mut GuestCtx<H>,
    node: u32,
    node_len: u32,
    service: u32,
    service_len: u32,
    hints: u32,
    list: u32,
    room: u32,
    out: u32,
) -> Result<i32> {
    memory.check(out, 4)?;
    if room == 0 {
        return Ok(abi::EAI_MEMORY);
    }
    let first = memory.u32(list)?;
    let query = match query(memory, node, node_len, service, service_len, hints)? {
        Ok(query) => query,
        Err(error) => return Ok(convert::lookup_error(error)),
    };
    match ctx.guest.getaddrinfo(&query) {
        Ok(answer) => {
            let stored = store(memory, &answer, first, room)?;
            memory.store_u32(out, stored)?;
            Ok(0)
        }
        Err(LookupError::System(Errno::EINTR)) => Err(Errno::EINTR),
        Err(error) => {
            memory.store_u32(out, 0)?;
            Ok(convert::lookup_error(error))
        }
    }
}

fn query<'m>(
    memory: &'m Memory<'_>,
    node: u32,
    node_len: u32,
    service: u32,
    service_len: u32,
    hints: u32,
) -> Result<Result<Query<'m>, LookupError>> {
    let node = text(memory, node, node_len)?;
    let service = text(memory, service, service_len)?;
    let bytes: [u8; 8] = if hints == 0 { [0; 8] } else { memory.array(hints)? };
    let [flags_low, flags_high, family, kind, protocol, ..] = bytes;
    let Some(flags) = LookupFlags::from_bits(u16::from_le_bytes([flags_low, flags_high])) else {
        return Ok(Err(LookupError::BadFlags));
    };
    let family = match u32::from(family) {
        wasmedge::UNSPEC => None,
        wasmedge::INET => Some(Domain::Inet),
        wasmedge::INET6 => Some(Domain::Inet6),
        _ => return Ok(Err(LookupError::Family)),
    };
    // The type and the protocol say the same thing twice; either may be left open.
    let kind = match (u32::from(kind), u32::from(protocol)) {
        (0, 0) => None,
        (wasmedge::STREAM, 0 | wasmedge::TCP) | (0, wasmedge::TCP) => Some(Kind::Stream),
        (wasmedge::DGRAM, 0 | wasmedge::UDP) | (0, wasmedge::UDP) => Some(Kind::Datagram),
        _ => return Ok(Err(LookupError::SockType)),
    };
    Ok(Ok(Query {
        node,
        service,
        flags,
        family,
        kind,
    }))
}

/// A string whose length counts a NUL at its end; the empty one is none.
fn text<'m>(memory: &'m Memory<'_>, offset: u32, len: u32) -> Result<Option<&'m [u8]>> {
    if len > MAX_TEXT {
        return Err(Errno::EINVAL);
    }
    let bytes = if len == 0 { &[] } else { memory.bytes(offset, len)? };
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    Ok((!bytes.is_empty()).then_some(bytes))
}

/// Fills the guest's list in; pointers and links in it stay as they are. Returns how many nodes were filled.
fn store(memory: &mut Memory<'_>, answer: &AddrInfoList, first: u32, room: u32) -> Result<u32> {
    let mut node = first;
    let mut stored = 0;
    for info in answer.results.iter().take(room as usize) {
        if node == 0 {
            break;
        }
        let entry: [u8; wasmedge::ADDRINFO as usize] = memory.array(node)?;
        let field = |at| super::memory::word(&entry, at).ok_or(Errno::EFAULT);
        let (sockaddr, canonical, canonical_room, next) = (field(12)?, field(16)?, field(20)?, field(24)?);
        let room = match memory.u32(sockaddr.wrapping_add(4))? {
            CRATE_DATA_LEN => DATA_LEN,
            room => room,
        };
        let data = memory.u32(sockaddr.wrapping_add(8))?;

        let (family, octets) = match info.addr.ip() {
            IpAddr::V4(ip) => (wasmedge::INET, ip.to_ipv6_mapped().octets()),
            IpAddr::V6(ip) => (wasmedge::INET6, ip.octets()),
        };
        let octets = if family == wasmedge::INET {
            octets.get(12..).unwrap_or(&octets)
        } else {
            &octets
        };
        if (room as usize) < octets.len() + 2 {
            return Err(Errno::EINVAL);
        }
        memory.store(data, &info.addr.port().to_be_bytes())?;
        memory.store(data.wrapping_add(2), octets)?;
        memory.store_u32(sockaddr, family)?;

        let kind = convert::wasmedge_type(info.kind);
        let protocol = match info.kind {
            Kind::Stream => wasmedge::TCP,
            Kind::Datagram => wasmedge::UDP,
            Kind::SeqPacket => 0,
        };
        let [family, ..] = family.to_le_bytes();
        let [kind, ..] = kind.to_le_bytes();
        memory.store(node, &[0, 0, family, kind])?;
        memory.store_u32(node.wrapping_add(4), protocol)?;
        memory.store_u32(node.wrapping_add(8), 16)?;
        let name = answer
            .canonical
            .as_deref()
            .filter(|name| stored == 0 && name.len() < canonical_room as usize);
        if let Some(name) = name {
            memory.store(canonical, name.as_bytes())?;
            memory.store(
                canonical.wrapping_add(u32::try_from(name.len()).unwrap_or(0)),
                &[0],
            )?;
        }
        memory.store_size(node.wrapping_add(20), name.map_or(0, str::len))?;
        stored += 1;
        node = next;
    }
    Ok(stored)
}
