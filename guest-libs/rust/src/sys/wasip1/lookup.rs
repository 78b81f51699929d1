//! Look-ups: the list that `sock_getaddrinfo` fills in.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ptr;

use super::abi::{self, AddrInfo, SockAddr};
use crate::addr::{Domain, Kind};
use crate::lookup::LookupError;

/// The most addresses of one name.
const CAPACITY: usize = 64;

/// What every client of this call gives for an address, of which a port and sixteen octets take eighteen.
const DATA: usize = 26;
const DATA_LEN: u32 = 26;

/// WasmEdge's numbers of protocols here.
const TCP: u32 = 1;
const UDP: u32 = 2;

/// Each address once. No service is the empty one.
pub(crate) fn lookup(
    host: &str,
    service: &str,
    domain: Option<Domain>,
    kind: Kind,
) -> io::Result<Vec<SocketAddr>> {
    let mut data = vec![[0_u8; DATA]; CAPACITY];
    let bytes = data.as_mut_ptr();
    let mut addrs: Vec<SockAddr> = (0..CAPACITY)
        .map(|index| SockAddr {
            family: 0,
            len: DATA_LEN,
            data: bytes.wrapping_add(index).cast(),
            reserved: 0,
        })
        .collect();
    let addr = addrs.as_mut_ptr();
    let mut nodes: Vec<AddrInfo> = (0..CAPACITY)
        .map(|index| AddrInfo {
            addr: addr.wrapping_add(index),
            ..node()
        })
        .collect();
    let first = nodes.as_mut_ptr();
    for index in 1..CAPACITY {
        // SAFETY: both are nodes of the list, and nothing else refers to it.
        unsafe { (*first.wrapping_add(index - 1)).next = first.wrapping_add(index) };
    }

    let hints = AddrInfo {
        family: match domain {
            None => 0,
            Some(Domain::Inet) => 1,
            Some(Domain::Inet6) => 2,
            Some(Domain::Unix) => return Err(LookupError::Family.into()),
        },
        // One type, so that each address comes once.
        socktype: match kind {
            Kind::Datagram => 1,
            Kind::Stream => 2,
        },
        protocol: match kind {
            Kind::Datagram => UDP,
            Kind::Stream => TCP,
        },
        ..node()
    };
    // The terminating zeros are counted, as all clients of this call do.
    let (host, service) = (format!("{host}\0"), format!("{service}\0"));
    let mut list = first;
    let mut count = 0_usize;
    // SAFETY: the texts, the hints, the list and the count live as long as the call; the list has as many nodes as it says, each of
    // which points to an address with as many bytes as it says.
    let code = unsafe {
        abi::sock_getaddrinfo(
            host.as_ptr(),
            host.len(),
            service.as_ptr(),
            service.len(),
            &raw const hints,
            &raw mut list,
            CAPACITY,
            &raw mut count,
        )
    };
    if code != 0 {
        return Err(error(code));
    }
    let mut found = Vec::new();
    for (addr, data) in addrs.iter().zip(&data).take(count) {
        if let Some(addr) = decode(addr.family, data)
            && !found.contains(&addr)
        {
            found.push(addr);
        }
    }
    if found.is_empty() {
        return Err(LookupError::NoName.into());
    }
    Ok(found)
}

fn node() -> AddrInfo {
    AddrInfo {
        flags: 0,
        family: 0,
        socktype: 0,
        protocol: 0,
        addrlen: 0,
        addr: ptr::null_mut(),
        canonname: ptr::null_mut(),
        canonname_len: 0,
        next: ptr::null_mut(),
    }
}

fn decode(family: u32, data: &[u8; DATA]) -> Option<SocketAddr> {
    let (port, octets) = data.split_first_chunk::<2>()?;
    let port = u16::from_be_bytes(*port);
    // Hosts store one byte or four.
    match family & 0xff {
        1 => Some((Ipv4Addr::from(*octets.first_chunk::<4>()?), port).into()),
        2 => Some((Ipv6Addr::from(*octets.first_chunk::<16>()?), port).into()),
        _ => None,
    }
}

/// WasmEdge's numbers for failed look-ups, and an errno.
fn error(code: i32) -> io::Error {
    match code.checked_sub(abi::FIRST_EAI) {
        Some(0) => LookupError::AddrFamily.into(),
        Some(1) => LookupError::Again.into(),
        Some(2) => LookupError::BadFlags.into(),
        Some(3) => LookupError::Fail.into(),
        Some(4) => LookupError::Family.into(),
        Some(5) => LookupError::Memory.into(),
        Some(6) => LookupError::NoData.into(),
        Some(7) => LookupError::NoName.into(),
        Some(8) => LookupError::Service.into(),
        Some(9) => LookupError::SockType.into(),
        Some(10) => LookupError::System.into(),
        _ => io::Error::from_raw_os_error(code),
    }
}
