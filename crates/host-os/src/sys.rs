//! The system calls that rustix does not wrap: options as raw bytes, getaddrinfo(3), and ppoll(2) over
//! descriptors whose owner is elsewhere. The only module of this crate with `unsafe`.
#![expect(unsafe_code, reason = "the boundary to libc; each block says why it is sound")]

pub(crate) mod batch;
pub(crate) mod buffers;
pub(crate) mod burst;
pub(crate) mod group;
pub(crate) mod interface;
pub(crate) mod interrupt;
pub(crate) mod message;
pub(crate) mod sigpipe;
pub(crate) mod table;

use std::ffi::{CStr, CString};
use std::mem::{MaybeUninit, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use rustix::io::Errno;

/// A C type that is valid for every bit pattern, so that the kernel may fill it in.
///
/// # Safety
/// Integers and structs of integers without padding only.
pub(crate) unsafe trait Plain: Copy {}
// SAFETY: an integer.
unsafe impl Plain for i32 {}
// SAFETY: two integers of the same size.
unsafe impl Plain for libc::linger {}
// SAFETY: two integers of the same size.
unsafe impl Plain for libc::timeval {}
// SAFETY: structs of integers without padding.
unsafe impl Plain for libc::ip_mreq {}
// SAFETY: structs of integers without padding.
unsafe impl Plain for libc::ip_mreqn {}
// SAFETY: structs of integers without padding.
unsafe impl Plain for libc::ip_mreq_source {}
// SAFETY: structs of integers without padding.
unsafe impl Plain for libc::ipv6_mreq {}
// SAFETY: three integers of the same size.
unsafe impl Plain for libc::ucred {}

fn socklen<T>() -> libc::socklen_t {
    // No option's type is anywhere near 4 GiB.
    libc::socklen_t::try_from(size_of::<T>()).unwrap_or(0)
}

fn check(result: libc::c_int) -> Result<(), Errno> {
    if result < 0 { Err(last_error()) } else { Ok(()) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}

/// getsockopt(2).
pub(crate) fn getsockopt<T: Plain>(fd: BorrowedFd<'_>, level: i32, name: i32) -> Result<T, Errno> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut len = socklen::<T>();
    // SAFETY: `value` has room for `len` bytes and outlives the call.
    check(unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &raw mut len,
        )
    })?;
    // SAFETY: all zero to begin with, partly overwritten, and `Plain` takes any bits.
    Ok(unsafe { value.assume_init() })
}

/// getsockopt(2) into bytes: how many the kernel has stored.
pub(crate) fn getsockopt_bytes(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    room: &mut [u8],
) -> Result<usize, Errno> {
    let mut len = libc::socklen_t::try_from(room.len()).unwrap_or(0);
    // SAFETY: `room` has room for `len` bytes and outlives the call.
    check(unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            room.as_mut_ptr().cast(),
            &raw mut len,
        )
    })?;
    Ok(room.len().min(usize::try_from(len).unwrap_or(0)))
}

/// setsockopt(2).
pub(crate) fn setsockopt<T: Plain>(
    fd: BorrowedFd<'_>,
    level: i32,
    name: i32,
    value: &T,
) -> Result<(), Errno> {
    let value: *const T = value;
    // SAFETY: `value` points to as many bytes as the length says and outlives the call.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, value.cast(), socklen::<T>()) })
}

/// `SIOCOUTQ` of tcp(7): bytes that the peer has not acknowledged.
pub(crate) fn unacknowledged(fd: BorrowedFd<'_>) -> Result<i32, Errno> {
    let mut count: libc::c_int = 0;
    // SAFETY: TIOCOUTQ, which has SIOCOUTQ's number, stores one int.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut count) })?;
    Ok(count)
}

/// `FIONREAD`, which is also `SIOCINQ` of udp(7) and tcp(7).
pub(crate) fn fionread(fd: BorrowedFd<'_>) -> Result<i32, Errno> {
    let mut count: libc::c_int = 0;
    // SAFETY: FIONREAD stores one int.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONREAD, &raw mut count) })?;
    Ok(count)
}

/// `SIOCATMARK` of tcp(7): 0 if the socket is not at the mark.
pub(crate) fn at_mark(fd: BorrowedFd<'_>) -> Result<i32, Errno> {
    /// `linux/sockios.h`'s number, which libc does not have for every target.
    const SIOCATMARK: libc::Ioctl = 0x8905;
    let mut mark: libc::c_int = 0;
    // SAFETY: SIOCATMARK stores one int.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), SIOCATMARK, &raw mut mark) })?;
    Ok(mark)
}

/// ppoll(2). A descriptor that was closed meanwhile is reported as `POLLNVAL`: nothing is read through it.
pub(crate) fn ppoll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> Result<usize, Errno> {
    let timeout = timeout.map(|limit| libc::timespec {
        tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(limit.subsec_nanos().cast_signed()),
    });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let count = libc::nfds_t::try_from(fds.len()).unwrap_or(0);
    // SAFETY: `fds` holds `count` entries; `timeout` is null or points to a timespec that outlives the call.
    let ready = unsafe { libc::ppoll(fds.as_mut_ptr(), count, timeout, std::ptr::null()) };
    usize::try_from(ready).map_err(|_| last_error())
}

/// epoll_ctl(2) with `EPOLL_CTL_ADD`, the descriptor's number as its data. A stale number is `EBADF`.
pub(crate) fn epoll_add(epoll: BorrowedFd<'_>, fd: RawFd, events: u32) -> Result<(), Errno> {
    epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, events)
}

/// epoll_ctl(2) with `EPOLL_CTL_MOD`: the kernel reports again whatever is ready now.
pub(crate) fn epoll_rearm(epoll: BorrowedFd<'_>, fd: RawFd, events: u32) -> Result<(), Errno> {
    epoll_ctl(epoll, libc::EPOLL_CTL_MOD, fd, events)
}

/// epoll_ctl(2) with `EPOLL_CTL_DEL`.
pub(crate) fn epoll_remove(epoll: BorrowedFd<'_>, fd: RawFd) -> Result<(), Errno> {
    epoll_ctl(epoll, libc::EPOLL_CTL_DEL, fd, 0)
}

fn epoll_ctl(epoll: BorrowedFd<'_>, operation: i32, fd: RawFd, events: u32) -> Result<(), Errno> {
    let mut event = libc::epoll_event {
        events,
        u64: u64::from(fd.cast_unsigned()),
    };
    // SAFETY: `event` is a valid epoll_event that the kernel only reads.
    check(unsafe { libc::epoll_ctl(epoll.as_raw_fd(), operation, fd, &raw mut event) })
}

/// epoll_wait(2) in milliseconds rounded up, -1 for ever.
pub(crate) fn epoll_wait(
    epoll: BorrowedFd<'_>,
    events: &mut [libc::epoll_event],
    timeout: Option<Duration>,
) -> Result<usize, Errno> {
    let millis = timeout.map_or(-1, |limit| {
        i32::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    });
    let capacity = i32::try_from(events.len()).unwrap_or(i32::MAX);
    // SAFETY: `events` has room for `capacity` entries.
    let ready = unsafe { libc::epoll_wait(epoll.as_raw_fd(), events.as_mut_ptr(), capacity, millis) };
    usize::try_from(ready).map_err(|_| last_error())
}

/// The addresses that getaddrinfo(3) gives for a name, in its order, and the canonical name. Blocks.
///
/// The error is the `EAI_*` number, and errno for `EAI_SYSTEM`.
pub(crate) fn getaddrinfo(
    name: &CString,
    family: i32,
) -> Result<(Vec<IpAddr>, Option<String>), (i32, Errno)> {
    // SAFETY: all zero is a valid addrinfo: no flags, any protocol, null pointers.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_family = family;
    hints.ai_socktype = libc::SOCK_STREAM;
    hints.ai_flags = libc::AI_CANONNAME;
    let mut list = std::ptr::null_mut();
    // SAFETY: the name is NUL-terminated, the hints are valid, and the list is freed below.
    let code = unsafe { libc::getaddrinfo(name.as_ptr(), std::ptr::null(), &raw const hints, &raw mut list) };
    if code != 0 {
        return Err((code, last_error()));
    }
    let mut addresses = Vec::new();
    let mut canonical = None;
    let mut node = list;
    // SAFETY: getaddrinfo returned a list of valid nodes that ends with a null pointer.
    while let Some(info) = unsafe { node.as_ref() } {
        // SAFETY: the node's address has the type that its family says.
        let address = unsafe { ip_at(info.ai_addr) };
        if let Some(address) = address
            && !addresses.contains(&address)
        {
            addresses.push(address);
        }
        if canonical.is_none() && !info.ai_canonname.is_null() {
            // SAFETY: ai_canonname is null or a NUL-terminated string that lives as long as the list.
            let name = unsafe { CStr::from_ptr(info.ai_canonname) };
            canonical = Some(name.to_string_lossy().into_owned());
        }
        node = info.ai_next;
    }
    // SAFETY: the list came from getaddrinfo and nothing refers to it any more.
    unsafe { libc::freeaddrinfo(list) };
    Ok((addresses, canonical))
}

/// The name that getnameinfo(3) gives for an address. Blocks.
///
/// The error is the `EAI_*` number, and errno for `EAI_SYSTEM`.
pub(crate) fn getnameinfo(ip: IpAddr) -> Result<String, (i32, Errno)> {
    /// `NI_MAXHOST` of getnameinfo(3).
    const ROOM: usize = 1025;
    let addr = rustix::net::SocketAddrAny::from(SocketAddr::new(ip, 0));
    let mut host: [libc::c_char; ROOM] = [0; ROOM];
    let room = libc::socklen_t::try_from(ROOM).unwrap_or(0);
    let addr_len = addr.addr_len();
    // SAFETY: the address is valid for its length, the buffer for `room` bytes; no service is asked for.
    let code = unsafe {
        libc::getnameinfo(
            addr.as_ptr().cast(),
            addr_len,
            host.as_mut_ptr(),
            room,
            std::ptr::null_mut(),
            0,
            libc::NI_NAMEREQD,
        )
    };
    if code != 0 {
        return Err((code, last_error()));
    }
    // SAFETY: getnameinfo wrote a NUL-terminated string, and the buffer was all zero before.
    let name = unsafe { CStr::from_ptr(host.as_ptr()) };
    Ok(name.to_string_lossy().into_owned())
}

/// # Safety
/// `addr` is null or points to the kind of address that its family says.
unsafe fn ip_at(addr: *const libc::sockaddr) -> Option<IpAddr> {
    // SAFETY: the caller's promise; every kind begins with its family.
    let family = unsafe { addr.cast::<libc::sa_family_t>().as_ref() }?;
    match i32::from(*family) {
        libc::AF_INET => {
            // SAFETY: the caller's promise.
            let addr = unsafe { addr.cast::<libc::sockaddr_in>().read_unaligned() };
            Some(Ipv4Addr::from(u32::from_be(addr.sin_addr.s_addr)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let addr = unsafe { addr.cast::<libc::sockaddr_in6>().read_unaligned() };
            Some(Ipv6Addr::from(addr.sin6_addr.s6_addr).into())
        }
        _ => None,
    }
}
