//! Every conversion between WASI's numbers and bytes and the core's types. Nothing here can fail silently: each
//! match names all values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use guestnet_core::{
    EpollMode, Errno, Kind, LookupError, Ready, RecvFlags, Result, SendFlags, Shutdown, SockAddr,
};

use super::abi;

/// WASI's number of an errno. Where WASI has no such name, the one that a program would treat alike.
pub(crate) const fn errno(error: Errno) -> i32 {
    match error {
        Errno::EPERM => 63,
        Errno::ENOENT => 44,
        Errno::ESRCH => 71,
        Errno::EINTR => 27,
        Errno::EIO => 29,
        Errno::ENXIO => 60,
        Errno::E2BIG => 1,
        Errno::ENOEXEC => 45,
        Errno::EBADF => 8,
        Errno::ECHILD => 12,
        Errno::EAGAIN => 6,
        Errno::ENOMEM => 48,
        Errno::EACCES => 2,
        Errno::EFAULT => 21,
        Errno::ENOTBLK => errno(Errno::EINVAL),
        Errno::EBUSY => 10,
        Errno::EEXIST => 20,
        Errno::EXDEV => 75,
        Errno::ENODEV => 43,
        Errno::ENOTDIR => 54,
        Errno::EISDIR => 31,
        Errno::EINVAL => 28,
        Errno::ENFILE => 41,
        Errno::EMFILE => 33,
        Errno::ENOTTY => 59,
        Errno::ETXTBSY => 74,
        Errno::EFBIG => 22,
        Errno::ENOSPC => 51,
        Errno::ESPIPE => 70,
        Errno::EROFS => 69,
        Errno::EMLINK => 34,
        Errno::EPIPE => 64,
        Errno::EDOM => 18,
        Errno::ERANGE => 68,
        Errno::EDEADLK => 16,
        Errno::ENAMETOOLONG => 37,
        Errno::ENOLCK => 46,
        Errno::ENOSYS => 52,
        Errno::ENOTEMPTY => 55,
        Errno::ELOOP => 32,
        Errno::ENOMSG => 49,
        Errno::EIDRM => 24,
        Errno::ENOSTR => errno(Errno::EINVAL),
        Errno::ENODATA => errno(Errno::EIO),
        Errno::ETIME => errno(Errno::ETIMEDOUT),
        Errno::ENOSR => errno(Errno::ENOBUFS),
        Errno::ENONET => errno(Errno::ENETDOWN),
        Errno::ENOLINK => 47,
        Errno::ECOMM => errno(Errno::EIO),
        Errno::EPROTO => 65,
        Errno::EMULTIHOP => 36,
        Errno::EBADMSG => 9,
        Errno::EOVERFLOW => 61,
        Errno::EILSEQ => 25,
        Errno::EUSERS => errno(Errno::EAGAIN),
        Errno::ENOTSOCK => 57,
        Errno::EDESTADDRREQ => 17,
        Errno::EMSGSIZE => 35,
        Errno::EPROTOTYPE => 67,
        Errno::ENOPROTOOPT => 50,
        Errno::EPROTONOSUPPORT => 66,
        Errno::ESOCKTNOSUPPORT => errno(Errno::EPROTONOSUPPORT),
        Errno::EOPNOTSUPP => 58,
        Errno::EPFNOSUPPORT => errno(Errno::EAFNOSUPPORT),
        Errno::EAFNOSUPPORT => 5,
        Errno::EADDRINUSE => 3,
        Errno::EADDRNOTAVAIL => 4,
        Errno::ENETDOWN => 38,
        Errno::ENETUNREACH => 40,
        Errno::ENETRESET => 39,
        Errno::ECONNABORTED => 13,
        Errno::ECONNRESET => 15,
        Errno::ENOBUFS => 42,
        Errno::EISCONN => 30,
        Errno::ENOTCONN => 53,
        Errno::ESHUTDOWN => errno(Errno::EPIPE),
        Errno::ETOOMANYREFS => errno(Errno::ENOBUFS),
        Errno::ETIMEDOUT => 73,
        Errno::ECONNREFUSED => 14,
        Errno::EHOSTDOWN => errno(Errno::EHOSTUNREACH),
        Errno::EHOSTUNREACH => 23,
        Errno::EALREADY => 7,
        Errno::EINPROGRESS => 26,
        Errno::ESTALE => 72,
        Errno::EREMOTEIO => errno(Errno::EIO),
        Errno::EDQUOT => 19,
        Errno::ENOMEDIUM => errno(Errno::ENODEV),
        Errno::ECANCELED => 11,
        Errno::ENOKEY => errno(Errno::EACCES),
        Errno::EKEYREJECTED => errno(Errno::EACCES),
        Errno::EOWNERDEAD => 62,
        Errno::ENOTRECOVERABLE => 56,
    }
}

/// The code of WasmEdge's `sock_getaddrinfo` for a failed look-up.
pub(crate) const fn lookup_error(error: LookupError) -> i32 {
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
        LookupError::System(_) => abi::EAI_SYSTEM,
    }
}

/// `riflags`: the standard's bits and guestnet's (docs/wasi.md).
pub(crate) fn recv_flags(riflags: u32) -> Result<RecvFlags> {
    let riflags = riflags & 0xffff;
    let mut flags = RecvFlags::empty();
    let mut known = 0;
    for (bit, flag) in [
        (abi::RI_PEEK, RecvFlags::PEEK),
        (abi::RI_WAITALL, RecvFlags::WAITALL),
        (abi::RI_DONTWAIT, RecvFlags::DONTWAIT),
        (abi::RI_TRUNC, RecvFlags::TRUNC),
    ] {
        known |= bit;
        flags.set(flag, riflags & bit != 0);
    }
    if riflags & !known == 0 {
        Ok(flags)
    } else {
        Err(Errno::EINVAL)
    }
}

/// `siflags`: the standard has none, guestnet one.
pub(crate) fn send_flags(siflags: u32) -> Result<SendFlags> {
    match siflags & 0xffff {
        0 => Ok(SendFlags::empty()),
        abi::SI_DONTWAIT => Ok(SendFlags::DONTWAIT),
        _ => Err(Errno::EINVAL),
    }
}

/// `sdflags`.
pub(crate) fn shutdown(sdflags: u32) -> Result<Shutdown> {
    match sdflags & 0xff {
        1 => Ok(Shutdown::Read),
        2 => Ok(Shutdown::Write),
        3 => Ok(Shutdown::Both),
        _ => Err(Errno::EINVAL),
    }
}

const EPOLL: [(Ready, u32); 6] = [
    (Ready::READ, abi::EPOLLIN),
    (Ready::PRIORITY, abi::EPOLLPRI),
    (Ready::WRITE, abi::EPOLLOUT),
    (Ready::ERROR, abi::EPOLLERR),
    (Ready::HANGUP, abi::EPOLLHUP),
    (Ready::READ_HANGUP, abi::EPOLLRDHUP),
];

/// The conditions that `events` of `epoll_ctl` asks for.
pub(crate) fn epoll_interest(events: u32) -> Ready {
    let asked = EPOLL.iter().filter(|(_, bit)| events & bit != 0);
    asked.map(|(condition, _)| *condition).collect()
}

pub(crate) fn epoll_mode(events: u32) -> EpollMode {
    let mut mode = EpollMode::empty();
    mode.set(EpollMode::EDGE, events & abi::EPOLLET != 0);
    mode.set(EpollMode::ONESHOT, events & abi::EPOLLONESHOT != 0);
    mode.set(EpollMode::EXCLUSIVE, events & abi::EPOLLEXCLUSIVE != 0);
    mode
}

/// The events that `epoll_wait` reports.
pub(crate) fn epoll_bits(ready: Ready) -> u32 {
    let found = EPOLL.iter().filter(|(condition, _)| ready.contains(*condition));
    found.fold(0, |bits, (_, bit)| bits | bit)
}

/// `struct timeval`: seconds and microseconds; all zero is no limit, and a negative time the shortest, as Linux has it.
///
/// # Errors
/// `EDOM` for microseconds out of range (socket(7)).
pub(crate) fn timeval(seconds: i64, micros: i64) -> Result<Option<Duration>> {
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

/// The file type of a socket.
pub(crate) const fn filetype(kind: Kind) -> u8 {
    match kind {
        Kind::Stream => abi::FILETYPE_SOCKET_STREAM,
        Kind::Datagram => abi::FILETYPE_SOCKET_DGRAM,
        // It has no word for these; only a service manager can hand one over.
        Kind::SeqPacket => abi::FILETYPE_UNKNOWN,
    }
}

/// WasmEdge's socket type.
pub(crate) const fn wasmedge_type(kind: Kind) -> u32 {
    match kind {
        Kind::Stream => abi::wasmedge::STREAM,
        Kind::Datagram => abi::wasmedge::DGRAM,
        Kind::SeqPacket => abi::wasmedge::ANY,
    }
}

/// Decodes the bytes behind a WasmEdge address: 4 (IPv4), 16 (IPv6) or 128 (family and data).
pub(crate) fn address(bytes: &[u8], port: u32) -> Result<SockAddr> {
    // The port is an u16 that arrives in an i32: the upper half means nothing.
    let port = u16::try_from(port & 0xffff).map_err(|_| Errno::EINVAL)?;
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Ok(SocketAddr::new(Ipv4Addr::from(v4).into(), port).into());
    }
    if let Ok(v6) = <[u8; 16]>::try_from(bytes) {
        return Ok(SocketAddr::new(Ipv6Addr::from(v6).into(), port).into());
    }
    let bytes = <&[u8; abi::wasmedge::ADDRESS]>::try_from(bytes).map_err(|_| Errno::EINVAL)?;
    let (family, data) = bytes.split_first_chunk::<2>().ok_or(Errno::EINVAL)?;
    match u32::from(u16::from_le_bytes(*family)) {
        abi::wasmedge::UNSPEC => Ok(SockAddr::Unspec),
        abi::wasmedge::INET => {
            let v4 = data.first_chunk::<4>().ok_or(Errno::EINVAL)?;
            Ok(SocketAddr::new(Ipv4Addr::from(*v4).into(), port).into())
        }
        abi::wasmedge::INET6 => {
            let v6 = data.first_chunk::<16>().ok_or(Errno::EINVAL)?;
            Ok(SocketAddr::new(Ipv6Addr::from(*v6).into(), port).into())
        }
        abi::wasmedge::UNIX => {
            let end = data.iter().position(|&byte| byte == 0).ok_or(Errno::EINVAL)?;
            let path = data.get(..end).ok_or(Errno::EINVAL)?;
            let path = std::str::from_utf8(path).map_err(|_| Errno::EILSEQ)?;
            Ok(SockAddr::Unix(path.into()))
        }
        _ => Err(Errno::EAFNOSUPPORT),
    }
}

/// Encodes an address in the 128-byte form, and its port.
///
/// # Errors
/// `EINVAL` for a path of more than 125 bytes, which has no room for its NUL.
pub(crate) fn address_v2(addr: &SockAddr) -> Result<([u8; abi::wasmedge::ADDRESS], u32)> {
    let mut bytes = [0; abi::wasmedge::ADDRESS];
    let (family, data) = bytes.split_first_chunk_mut::<2>().ok_or(Errno::EINVAL)?;
    let mut put = |number: u32, octets: &[u8]| {
        *family = u16::try_from(number).unwrap_or(0).to_le_bytes();
        // One byte stays for the NUL of a path.
        let room = data.len() - 1;
        let room = data
            .get_mut(..room)
            .and_then(|data| data.get_mut(..octets.len()))
            .ok_or(Errno::EINVAL)?;
        room.copy_from_slice(octets);
        Ok(())
    };
    let mut port = 0;
    match addr {
        SockAddr::Unspec => put(abi::wasmedge::UNSPEC, &[])?,
        SockAddr::Inet(inet) => {
            port = u32::from(inet.port());
            match inet.ip() {
                IpAddr::V4(ip) => put(abi::wasmedge::INET, &ip.octets())?,
                IpAddr::V6(ip) => put(abi::wasmedge::INET6, &ip.octets())?,
            }
        }
        SockAddr::Unix(path) => put(abi::wasmedge::UNIX, path.as_bytes())?,
        // wasi-go's name for what has none; Go's net package needs a name to compare.
        SockAddr::UnixUnnamed => put(abi::wasmedge::UNIX, b"@")?,
    }
    Ok((bytes, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_128_byte_form_of_every_address_reads_back() {
        for addr in [
            SockAddr::Inet("127.0.0.1:80".parse().unwrap()),
            SockAddr::Inet("[2001:db8::1]:65535".parse().unwrap()),
            SockAddr::Unix("/tmp/socket".into()),
        ] {
            let (bytes, port) = address_v2(&addr).unwrap();
            assert_eq!(address(&bytes, port), Ok(addr));
        }
        let longest = SockAddr::Unix("x".repeat(125).into());
        let (bytes, _) = address_v2(&longest).unwrap();
        assert_eq!(address(&bytes, 0), Ok(longest));
        assert_eq!(
            address_v2(&SockAddr::Unix("x".repeat(126).into())),
            Err(Errno::EINVAL)
        );
    }

    #[test]
    fn a_path_without_nul_and_odd_lengths_are_refused() {
        let mut bytes = [b'x'; 128];
        bytes[..2].copy_from_slice(&3u16.to_le_bytes());
        assert_eq!(address(&bytes, 0), Err(Errno::EINVAL));
        for len in (0..130).filter(|len| ![4, 16, 128].contains(len)) {
            assert_eq!(address(&vec![0; len], 0), Err(Errno::EINVAL), "{len}");
        }
    }
}
