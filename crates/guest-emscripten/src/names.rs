//! getaddrinfo(3) and getnameinfo(3).
//!
//! A list of results needs memory of the guest's own allocator, which only the caller can call: a look-up therefore says
//! how many results there are, and a second call writes the list there. The C library's freeaddrinfo frees a node and what
//! its `ai_addr` points to, and no other node: so all nodes are one block, that starts with the first of them, and all
//! addresses another, that starts with the first one's.

use std::sync::Arc;

use guestnet_core::resolve::{AddrInfoList, Hosts, MAX_HOSTS, Query};
use guestnet_core::{Errno, Host, Kind, LookupError, Result, SockAddr};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;
use crate::{abi, address, convert};

/// `NI_MAXHOST` and `NI_MAXSERV`: nothing longer is a name.
const LONGEST_NAME: u32 = 1025;

/// `struct addrinfo`: flags, family, type, protocol, addrlen, addr, canonname, next.
const ADDRINFO: u32 = 32;

/// Room for an address of either family.
const ADDRESS: u32 = address::INET6_SIZE;

/// The canonical name with its NUL, behind the nodes.
const CANONICAL_NAME: u32 = 256;

/// The room that `takeAddrInfoList` needs: for a node and for an address, each a result, and once for the canonical name.
pub const ADDRINFO_ROOM: &[(&str, i32)] = &[
    ("NODE", ADDRINFO.cast_signed()),
    ("ADDRESS", ADDRESS.cast_signed()),
    ("CANONICAL_NAME", CANONICAL_NAME.cast_signed()),
];

/// The arguments of a look-up, which any thread of the program may make.
#[derive(Debug)]
pub struct Lookup(Result<AddrInfoQuery, LookupError>);

/// The result of a [`Lookup`], which any thread of the program may take.
#[derive(Debug)]
pub struct LookupResult(Result<(AddrInfoList, i32), LookupError>);

impl Lookup {
    /// Reads the arguments of getaddrinfo(3): node, service, hints. A mistake in them becomes the result of the look-up.
    #[must_use]
    pub fn read(memory: Memory<'_>, args: &Args) -> Self {
        Lookup(load(memory, args))
    }
}

impl<H: Host> ThreadContext<H> {
    /// Makes a look-up. Blocks.
    pub fn look_up(&mut self, lookup: &Lookup) -> LookupResult {
        let query = match &lookup.0 {
            Ok(query) => query,
            Err(error) => return LookupResult(Err(*error)),
        };
        LookupResult(resolve(self, query).map(|list| (list, query.flags)))
    }

    /// Keeps a result for `takeAddrInfoList`: how many results it has, or an `EAI_*`, which is negative.
    pub fn store_result(&mut self, result: LookupResult) -> i32 {
        self.addr_infos = None;
        match result.0 {
            Ok((list, flags)) => {
                // At most 64.
                let count = i32::try_from(list.results.len()).unwrap_or(i32::MAX);
                self.addr_infos = Some((list, flags));
                count
            }
            Err(error) => convert::lookup_error(error),
        }
    }
}

/// A query that owns its strings.
#[derive(Debug)]
struct AddrInfoQuery {
    node: Option<Vec<u8>>,
    service: Option<Vec<u8>>,
    flags: i32,
    family: i32,
    kind: i32,
    protocol: i32,
}

/// getaddrinfo(node, service, hints): how many results there are, or an `EAI_*`, which is negative.
pub(crate) fn getaddrinfo<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let result = context.look_up(&Lookup::read(memory, args));
    Ok(context.store_result(result))
}

/// takeAddrInfoList(nodes, addresses): writes the list of the last look-up, which begins at `nodes`. There is room for a node
/// and an address a result, and behind the nodes for the canonical name.
pub(crate) fn take_addr_info_list<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let (list, flags) = context.addr_infos.take().ok_or(Errno::EINVAL)?;
    store(memory, args.pointer(0), args.pointer(1), &list, flags).map(|()| 0)
}

/// getnameinfo(addr, len, (host, hostlen), (serv, servlen), flags), with the lengths as they come. An `EAI_*`.
pub(crate) fn getnameinfo<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let Ok(SockAddr::Inet(addr)) = address::load(memory, args.pointer(0), args.pointer(1)) else {
        return Ok(convert::lookup_error(LookupError::Family));
    };
    let flags = convert::name_info_flags(args.int(6));
    let info = match context.guest.getnameinfo(addr, flags) {
        Ok(info) => info,
        Err(error) => return Ok(convert::lookup_error(error)),
    };
    for (text, at, room) in [
        (&info.host, args.pointer(2), args.pointer(3)),
        (&info.service, args.pointer(4), args.pointer(5)),
    ] {
        if at == 0 || room == 0 {
            continue;
        }
        let bytes = [text.as_bytes(), &[0]].concat();
        if bytes.len() > room as usize {
            return Ok(abi::EAI_OVERFLOW);
        }
        memory.write(at, &bytes)?;
    }
    Ok(0)
}

/// hosts(text, len): the hosts file of the guest, which is asked before the machine's.
pub(crate) fn hosts<H: Host>(context: &mut ThreadContext<H>, memory: Memory<'_>, args: &Args) -> Result<i32> {
    let len = args
        .pointer(1)
        .min(u32::try_from(MAX_HOSTS).unwrap_or(u32::MAX).saturating_mul(256));
    let text = memory.read_bytes(args.pointer(0), len)?;
    let hosts = Hosts::parse(&String::from_utf8_lossy(&text));
    context.guest.set_guest_hosts(Arc::new(hosts));
    Ok(0)
}

fn load(memory: Memory<'_>, args: &Args) -> Result<AddrInfoQuery, LookupError> {
    let system = LookupError::System;
    let string = |at| match memory.string(at, LONGEST_NAME) {
        Err(Errno::ENAMETOOLONG) => Err(LookupError::NoName),
        other => other.map_err(system),
    };
    let mut query = AddrInfoQuery {
        node: string(args.pointer(0))?,
        service: string(args.pointer(1))?,
        flags: 0,
        family: abi::AF_UNSPEC,
        kind: 0,
        protocol: 0,
    };
    if args.pointer(2) != 0 {
        let hints = memory.read::<16>(args.pointer(2)).map_err(system)?;
        let [flags, family, kind, protocol] = *hints.as_chunks::<4>().0 else {
            return Err(LookupError::BadFlags);
        };
        query.flags = i32::from_le_bytes(flags);
        query.family = i32::from_le_bytes(family);
        query.kind = i32::from_le_bytes(kind);
        query.protocol = i32::from_le_bytes(protocol);
    }
    Ok(query)
}

fn resolve<H: Host>(
    context: &mut ThreadContext<H>,
    query: &AddrInfoQuery,
) -> Result<AddrInfoList, LookupError> {
    let family = match query.family {
        abi::AF_UNSPEC => None,
        family => Some(convert::domain(family).map_err(|_| LookupError::Family)?),
    };
    let by_protocol = match query.protocol {
        0 => None,
        abi::IPPROTO_TCP => Some(Kind::Stream),
        abi::IPPROTO_UDP => Some(Kind::Datagram),
        _ => return Err(LookupError::Service),
    };
    let kind = match (query.kind, by_protocol) {
        (0, kind) => kind,
        (kind, by_protocol) => {
            let kind = convert::kind(kind).map_err(|_| LookupError::SockType)?;
            if by_protocol.is_some_and(|by| by != kind) {
                return Err(LookupError::Service);
            }
            Some(kind)
        }
    };
    context.guest.getaddrinfo(&Query {
        node: query.node.as_deref(),
        service: query.service.as_deref(),
        flags: convert::lookup_flags(query.flags)?,
        family,
        kind,
    })
}

fn store(memory: Memory<'_>, nodes: u32, addresses: u32, infos: &AddrInfoList, flags: i32) -> Result<()> {
    let count = u32::try_from(infos.results.len()).map_err(|_| Errno::EOVERFLOW)?;
    let sum = |a: u32, b: u32| a.checked_add(b).ok_or(Errno::EFAULT);
    let canonical = match &infos.canonical {
        Some(text) if text.len() < CANONICAL_NAME as usize => {
            let name = sum(nodes, count * ADDRINFO)?;
            memory.write(name, &[text.as_bytes(), &[0]].concat())?;
            name
        }
        Some(_) | None => 0,
    };
    for (index, result) in (0..).zip(&infos.results) {
        let addr = address::bytes(&SockAddr::Inet(result.addr));
        let at = sum(addresses, index * ADDRESS)?;
        memory.write(at, &addr)?;
        let node = sum(nodes, index * ADDRINFO)?;
        let next = if index + 1 < count {
            sum(node, ADDRINFO)?
        } else {
            0
        };
        let protocol = match result.kind {
            Kind::Stream => abi::IPPROTO_TCP,
            Kind::Datagram => abi::IPPROTO_UDP,
            Kind::SeqPacket => 0,
        };
        let fields = [
            flags,
            address::family(result.addr.ip()),
            convert::socket_type(result.kind),
            protocol,
            i32::try_from(addr.len()).map_err(|_| Errno::EOVERFLOW)?,
            at.cast_signed(),
            if index == 0 { canonical.cast_signed() } else { 0 },
            next.cast_signed(),
        ];
        memory.write(node, &fields.map(i32::to_le_bytes).concat())?;
    }
    Ok(())
}
