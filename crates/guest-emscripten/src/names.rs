//! getaddrinfo(3) and getnameinfo(3).
//!
//! A list of results needs memory of the guest's own allocator, which only the caller can call: a look-up therefore says
//! how many results there are, and a second call writes the list there. The C library's freeaddrinfo frees a node and what
//! its `ai_addr` points to, and no other node: so all nodes are one block, that starts with the first of them, and all
//! addresses another, that starts with the first one's.

use std::sync::Arc;

use guestnet_core::resolve::{AddrInfoList, Hosts, MAX_HOSTS, Query, TriedLookup, UnaskedLookup};
use guestnet_core::{Errno, Host, Kind, LookupError, Result, SockAddr};

use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;
use crate::{abi, address, convert, text};

/// `NI_MAXHOST` and `NI_MAXSERV`: nothing longer is a name.
const LONGEST_NAME: u32 = 1025;

/// `struct addrinfo`: flags, family, type, protocol, addrlen, addr, canonname, next.
const ADDRINFO: u32 = 32;

/// Room for an address of either family.
const ADDRESS: u32 = address::INET6_SIZE;

/// The canonical name with its NUL, and its aliases, behind the nodes.
const CANONICAL_NAME: u32 = 1024;

/// The room that `takeAddrInfoList` needs: for a node and for an address, each a result, and once for the canonical name.
pub const ADDRINFO_ROOM: &[(&str, i32)] = &[
    ("NODE", ADDRINFO.cast_signed()),
    ("ADDRESS", ADDRESS.cast_signed()),
    ("CANONICAL_NAME", CANONICAL_NAME.cast_signed()),
];

/// A look-up, which any thread of the program may make.
#[derive(Debug)]
pub struct Lookup {
    query: Arc<Result<AddrInfoQuery, LookupError>>,
    /// What is left of it, when it was tried.
    unasked: Option<UnaskedLookup>,
}

/// The arguments of a [`Lookup`]: those of two are equal if they ask for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupKey(Arc<Result<AddrInfoQuery, LookupError>>);

/// The result of a [`Lookup`], which any thread of the program may take.
#[derive(Debug)]
pub struct LookupResult(Result<(AddrInfoList, i32), LookupError>);

impl Lookup {
    /// Reads the arguments of getaddrinfo(3): node, service, hints. A mistake in them becomes the result of the look-up.
    #[must_use]
    pub fn read(memory: Memory<'_>, args: &Args) -> Self {
        Lookup {
            query: Arc::new(load(memory, args)),
            unasked: None,
        }
    }

    /// What tells it apart from others.
    #[must_use]
    pub fn key(&self) -> LookupKey {
        LookupKey(Arc::clone(&self.query))
    }
}

impl<H: Host> ThreadContext<H> {
    /// Makes a look-up as far as it goes without asking a resolver. Does not wait. `None`: the rest is
    /// [`ThreadContext::look_up`]'s, on this thread or another.
    pub fn try_look_up(&mut self, lookup: &mut Lookup) -> Option<LookupResult> {
        let query = lookup.query.as_ref().as_ref();
        let tried = query.map_err(|error| *error).and_then(|query| {
            let arguments = query.arguments()?;
            Ok((self.guest.try_getaddrinfo(&arguments), query.flags))
        });
        match tried {
            Ok((TriedLookup::MustAsk(unasked), _)) => {
                lookup.unasked = Some(unasked);
                None
            }
            Ok((TriedLookup::Answered(result), flags)) => {
                Some(LookupResult(result.map(|list| (list, flags))))
            }
            Err(error) => Some(LookupResult(Err(error))),
        }
    }

    /// Makes a look-up, or what is left of it. Blocks.
    pub fn look_up(&mut self, mut lookup: Lookup) -> LookupResult {
        if lookup.unasked.is_none()
            && let Some(result) = self.try_look_up(&mut lookup)
        {
            return result;
        }
        let (Ok(query), Some(unasked)) = (&*lookup.query, lookup.unasked) else {
            return LookupResult(Err(LookupError::System(Errno::EIO)));
        };
        let result = query
            .arguments()
            .and_then(|arguments| self.guest.ask_getaddrinfo(&arguments, unasked));
        LookupResult(result.map(|list| (list, query.flags)))
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
#[derive(Debug, PartialEq, Eq)]
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
    let result = context.look_up(Lookup::read(memory, args));
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
    let aliases = (args.int(6) & abi::WITH_ALIASES != 0).then_some(&*info.aliases);
    for (text, aliases, at, room) in [
        (&info.host, aliases, args.pointer(2), args.pointer(3)),
        (&info.service, None, args.pointer(4), args.pointer(5)),
    ] {
        if at == 0 || room == 0 {
            continue;
        }
        let Some(bytes) = text::list(text, aliases, room as usize) else {
            return Ok(abi::EAI_OVERFLOW);
        };
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

impl AddrInfoQuery {
    fn arguments(&self) -> Result<Query<'_>, LookupError> {
        let family = match self.family {
            abi::AF_UNSPEC => None,
            family => Some(convert::domain(family).map_err(|_| LookupError::Family)?),
        };
        let by_protocol = match self.protocol {
            0 => None,
            abi::IPPROTO_TCP => Some(Kind::Stream),
            abi::IPPROTO_UDP => Some(Kind::Datagram),
            _ => return Err(LookupError::Service),
        };
        let kind = match (self.kind, by_protocol) {
            (0, kind) => kind,
            (kind, by_protocol) => {
                let kind = convert::kind(kind).map_err(|_| LookupError::SockType)?;
                if by_protocol.is_some_and(|by| by != kind) {
                    return Err(LookupError::Service);
                }
                Some(kind)
            }
        };
        Ok(Query {
            node: self.node.as_deref(),
            service: self.service.as_deref(),
            flags: convert::lookup_flags(self.flags)?,
            family,
            kind,
        })
    }
}

fn store(memory: Memory<'_>, nodes: u32, addresses: u32, infos: &AddrInfoList, flags: i32) -> Result<()> {
    let count = u32::try_from(infos.results.len()).map_err(|_| Errno::EOVERFLOW)?;
    let sum = |a: u32, b: u32| a.checked_add(b).ok_or(Errno::EFAULT);
    let aliases = (flags & abi::WITH_ALIASES != 0).then_some(&*infos.aliases);
    let name = infos.canonical.as_ref();
    let canonical = match name.and_then(|name| text::list(name, aliases, CANONICAL_NAME as usize)) {
        Some(text) => {
            let name = sum(nodes, count * ADDRINFO)?;
            memory.write(name, &text)?;
            name
        }
        None => 0,
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
