//! `struct sockaddr` of the C library, in and out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use guestnet_core::{Errno, Result, SockAddr};
use smallvec::SmallVec;

use crate::abi;
use crate::memory::Memory;

/// `sizeof (struct sockaddr_storage)`: no address is longer.
pub(crate) const LONGEST: u32 = 128;

/// `sizeof (struct sockaddr_in6)`.
pub(crate) const INET6_SIZE: u32 = 28;

/// `sizeof (struct sockaddr_un)`.
const UNIX_SIZE: u32 = 110;

/// Reads an address argument.
///
/// # Errors
/// `EFAULT`; `EINVAL` (too short for its family, or too long); `EAFNOSUPPORT`.
pub(crate) fn load(memory: Memory<'_>, at: u32, len: u32) -> Result<SockAddr> {
    if !(2..=LONGEST).contains(&len) {
        return Err(Errno::EINVAL);
    }
    let family = i32::from(u16::from_le_bytes(memory.read(at)?));
    let field = |offset: u32| at.checked_add(offset).ok_or(Errno::EFAULT);
    let port = || Ok::<_, Errno>(u16::from_be_bytes(memory.read(field(2)?)?));
    match family {
        abi::AF_UNSPEC => Ok(SockAddr::Unspec),
        abi::AF_INET if len >= 16 => {
            let ip = Ipv4Addr::from(memory.read::<4>(field(4)?)?);
            Ok(SocketAddr::new(ip.into(), port()?).into())
        }
        abi::AF_INET6 if len >= INET6_SIZE => {
            let ip = Ipv6Addr::from(memory.read::<16>(field(8)?)?);
            let flow = memory.u32(field(4)?)?;
            let scope = memory.u32(field(24)?)?;
            Ok(SockAddr::Inet(SocketAddrV6::new(ip, port()?, flow, scope).into()))
        }
        abi::AF_INET | abi::AF_INET6 => Err(Errno::EINVAL),
        abi::AF_UNIX if len > UNIX_SIZE => Err(Errno::EINVAL),
        abi::AF_UNIX => {
            let bytes = memory.read_bytes(field(2)?, len - 2)?;
            let path = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
            if path.is_empty() {
                return Ok(SockAddr::UnixUnnamed);
            }
            let path = std::str::from_utf8(path).map_err(|_| Errno::EINVAL)?;
            Ok(SockAddr::Unix(path.into()))
        }
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// Reads an address of family `AF_UNSPEC` as Linux does for bind(2).
///
/// # Errors
/// `EFAULT`; `EAFNOSUPPORT`: it is not the IPv4 wildcard.
pub(crate) fn load_unspec(memory: Memory<'_>, at: u32, len: u32) -> Result<SockAddr> {
    let field = |offset: u32| at.checked_add(offset).ok_or(Errno::EFAULT);
    if len < 16 || memory.read::<4>(field(4)?)? != [0; 4] {
        return Err(Errno::EAFNOSUPPORT);
    }
    let port = u16::from_be_bytes(memory.read(field(2)?)?);
    Ok(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port).into())
}

/// An address as the C library has it. One of IP is allocated nowhere.
pub(crate) type Bytes = SmallVec<[u8; INET6_SIZE as usize]>;

/// An address as the C library has it; empty for [`SockAddr::Unspec`].
pub(crate) fn bytes(addr: &SockAddr) -> Bytes {
    let family = |family: i32| u16::try_from(family).unwrap_or(0).to_le_bytes();
    let mut bytes = Bytes::new();
    match addr {
        SockAddr::Unspec => {}
        // At once: this is on the way of every datagram.
        SockAddr::Inet(SocketAddr::V4(addr)) => {
            let ([f, g], [p, q], [a, b, c, d]) = (
                family(abi::AF_INET),
                addr.port().to_be_bytes(),
                addr.ip().octets(),
            );
            bytes = Bytes::from_slice(&[f, g, p, q, a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0]);
        }
        SockAddr::Inet(SocketAddr::V6(addr)) => {
            bytes.extend_from_slice(&family(abi::AF_INET6));
            bytes.extend_from_slice(&addr.port().to_be_bytes());
            bytes.extend_from_slice(&addr.flowinfo().to_le_bytes());
            bytes.extend_from_slice(&addr.ip().octets());
            bytes.extend_from_slice(&addr.scope_id().to_le_bytes());
        }
        SockAddr::Unix(path) => {
            bytes.extend_from_slice(&family(abi::AF_UNIX));
            bytes.extend_from_slice(path.as_bytes());
            bytes.push(0);
        }
        SockAddr::UnixUnnamed => bytes.extend_from_slice(&family(abi::AF_UNIX)),
    }
    bytes
}

/// A sender's address as the C library has it: recvfrom(2) says nothing of a peer without a name.
pub(crate) fn sender(addr: &SockAddr) -> Bytes {
    match addr {
        SockAddr::UnixUnnamed => Bytes::new(),
        named => bytes(named),
    }
}

/// Writes an address result: as much as there is room for at `at`, and its whole length at `len`. A null `at` wants
/// nothing.
///
/// # Errors
/// `EFAULT`; `EINVAL`: the room is negative.
pub(crate) fn store(memory: Memory<'_>, bytes: &[u8], at: u32, len: u32) -> Result<()> {
    if at == 0 {
        return Ok(());
    }
    let room = usize::try_from(memory.u32(len)?.cast_signed()).map_err(|_| Errno::EINVAL)?;
    memory.write(at, bytes.get(..room).unwrap_or(bytes))?;
    memory.set_u32(len, u32::try_from(bytes.len()).unwrap_or(0))
}

/// The family of an IP address.
pub(crate) fn family(ip: IpAddr) -> i32 {
    if ip.is_ipv4() { abi::AF_INET } else { abi::AF_INET6 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same address after it was written to a memory of 256 bytes and read again, with the length that it has there.
    fn there_and_back(addr: &SockAddr) -> Result<SockAddr> {
        let mut room = [0_u8; 256];
        let memory = Memory::of(&mut room);
        memory.set_u32(0, 128)?;
        store(memory, &bytes(addr), 16, 0)?;
        load(memory, 16, memory.u32(0)?)
    }

    #[test]
    fn every_address_reads_back() {
        for addr in [
            SockAddr::Inet("127.0.0.1:80".parse().unwrap()),
            SockAddr::Inet("[2001:db8::1]:65535".parse().unwrap()),
            SockAddr::Inet(SocketAddrV6::new(Ipv6Addr::LOCALHOST, 1, 2, 3).into()),
            SockAddr::Unix("/tmp/socket".into()),
            SockAddr::UnixUnnamed,
        ] {
            assert_eq!(there_and_back(&addr), Ok(addr));
        }
    }

    #[test]
    fn lengths_and_places_that_lie_are_refused() {
        let mut room = [0_u8; 64];
        let memory = Memory::of(&mut room);
        memory.write(0, &2_u16.to_le_bytes()).unwrap();
        for len in [0, 1, 15, 129, u32::MAX] {
            assert_eq!(load(memory, 0, len), Err(Errno::EINVAL), "{len}");
        }
        memory.write(0, &1_u16.to_le_bytes()).unwrap();
        assert_eq!(load(memory, 0, UNIX_SIZE + 1), Err(Errno::EINVAL));
        assert_eq!(load(memory, 0, 100), Err(Errno::EFAULT));
        for at in [63, 64, u32::MAX - 1, u32::MAX] {
            assert_eq!(load(memory, at, 16), Err(Errno::EFAULT), "{at}");
        }
    }

    #[test]
    fn an_address_is_cut_where_there_is_no_room_and_its_whole_length_is_stored() {
        let mut room = [0xff_u8; 64];
        let memory = Memory::of(&mut room);
        memory.set_u32(0, 4).unwrap();
        let addr = SockAddr::Inet("127.0.0.1:80".parse().unwrap());
        store(memory, &bytes(&addr), 8, 0).unwrap();
        assert_eq!(memory.u32(0), Ok(16));
        assert_eq!(memory.read::<5>(8), Ok([2, 0, 0, 80, 0xff]));
        memory.set_u32(0, u32::MAX).unwrap();
        assert_eq!(store(memory, &bytes(&addr), 8, 0), Err(Errno::EINVAL));
    }
}
