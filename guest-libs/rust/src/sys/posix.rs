//! Linux and wasm32-wasip2: the calls of the C library that are the same on both. What differs is in `native.rs` and `wasip2.rs`.

use std::ffi::CString;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr;
use std::time::{Duration, Instant};

use super::sockaddr::{SockAddr, size};
use super::target;
use crate::addr::{Addr, Domain, Kind};
use crate::lookup::LookupError;
use crate::option::{BytesOpt, Direction, Opt};
use crate::poll::{Events, PollFd};

/// The most buffers of one `readv` or `writev`: `IOV_MAX` of Linux.
const MAX_BUFFERS: usize = 1024;

/// The result of a call that is -1 when it fails.
fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result == -1 {
        Err(io::Error::last_os_error())
    } else {
        Ok(result)
    }
}

/// A count of bytes, -1 when the call fails.
fn count(result: isize) -> io::Result<usize> {
    usize::try_from(result).map_err(|_| io::Error::last_os_error())
}

fn unsupported() -> io::Error {
    io::ErrorKind::Unsupported.into()
}

pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EINPROGRESS)
}

/// A type of socket, as the C library has it.
const fn number(kind: Kind) -> libc::c_int {
    match kind {
        Kind::Stream => libc::SOCK_STREAM,
        Kind::Datagram => libc::SOCK_DGRAM,
    }
}

/// socket(2).
pub(crate) fn open(domain: Domain, kind: Kind) -> io::Result<OwnedFd> {
    let domain = target::domain(domain).ok_or_else(unsupported)?;
    // SAFETY: no pointers.
    let fd = check(unsafe { libc::socket(domain, number(kind) | target::CLOEXEC, 0) })?;
    // SAFETY: the descriptor is new, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// bind(2).
pub(crate) fn bind(fd: BorrowedFd<'_>, addr: &Addr) -> io::Result<()> {
    let addr = SockAddr::new(addr)?;
    // SAFETY: the pointer and the length are those of `addr`, which lives as long as the call.
    check(unsafe { libc::bind(fd.as_raw_fd(), addr.as_ptr(), addr.len) }).map(drop)
}

/// listen(2).
pub(crate) fn listen(fd: BorrowedFd<'_>, backlog: i32) -> io::Result<()> {
    // SAFETY: no pointers.
    check(unsafe { libc::listen(fd.as_raw_fd(), backlog) }).map(drop)
}

/// connect(2); tried again after a signal, as std does. The connection may be there by then.
pub(crate) fn connect(fd: BorrowedFd<'_>, addr: &Addr) -> io::Result<()> {
    let addr = SockAddr::new(addr)?;
    let mut interrupted = false;
    loop {
        // SAFETY: the pointer and the length are those of `addr`, which lives as long as the call.
        match check(unsafe { libc::connect(fd.as_raw_fd(), addr.as_ptr(), addr.len) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => interrupted = true,
            Err(error) if interrupted && error.raw_os_error() == Some(libc::EISCONN) => return Ok(()),
            result => return result.map(drop),
        }
    }
}

/// accept4(2); tried again after a signal.
pub(crate) fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, Addr)> {
    let mut peer = SockAddr::room();
    loop {
        let (pointer, len) = peer.as_mut_ptrs();
        // SAFETY: both pointers are those of `peer`, whose length is that of its room.
        match check(unsafe { libc::accept4(fd.as_raw_fd(), pointer, len, target::CLOEXEC) }) {
            Ok(accepted) => {
                // SAFETY: the descriptor is new, and nothing else owns it.
                return Ok((unsafe { OwnedFd::from_raw_fd(accepted) }, peer.addr()));
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// shutdown(2).
pub(crate) fn shutdown(fd: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
    let how = match how {
        Shutdown::Read => libc::SHUT_RD,
        Shutdown::Write => libc::SHUT_WR,
        Shutdown::Both => libc::SHUT_RDWR,
    };
    // SAFETY: no pointers.
    check(unsafe { libc::shutdown(fd.as_raw_fd(), how) }).map(drop)
}

/// getsockname(2).
pub(crate) fn local_addr(fd: BorrowedFd<'_>) -> io::Result<Addr> {
    let mut addr = SockAddr::room();
    let (pointer, len) = addr.as_mut_ptrs();
    // SAFETY: both pointers are those of `addr`, whose length is that of its room.
    check(unsafe { libc::getsockname(fd.as_raw_fd(), pointer, len) })?;
    Ok(addr.addr())
}

/// getpeername(2).
pub(crate) fn peer_addr(fd: BorrowedFd<'_>) -> io::Result<Addr> {
    let mut addr = SockAddr::room();
    let (pointer, len) = addr.as_mut_ptrs();
    // SAFETY: both pointers are those of `addr`, whose length is that of its room.
    check(unsafe { libc::getpeername(fd.as_raw_fd(), pointer, len) })?;
    Ok(addr.addr())
}

/// `FIONBIO`, which wasi-libc takes where it does not take `F_SETFL`.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let mut on = libc::c_int::from(nonblocking);
    // SAFETY: the request takes a pointer to an int.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::FIONBIO, &raw mut on) }).map(drop)
}

/// readv(2).
pub(crate) fn recv_vectored(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    // At most MAX_BUFFERS.
    let len = libc::c_int::try_from(bufs.len().min(MAX_BUFFERS)).unwrap_or(0);
    // SAFETY: an IoSliceMut is a `struct iovec`, and their buffers live as long as the call.
    count(unsafe { libc::readv(fd.as_raw_fd(), bufs.as_mut_ptr().cast(), len) })
}

/// writev(2).
pub(crate) fn send_vectored(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    // At most MAX_BUFFERS.
    let len = libc::c_int::try_from(bufs.len().min(MAX_BUFFERS)).unwrap_or(0);
    // SAFETY: an IoSlice is a `struct iovec`, and their buffers live as long as the call.
    count(unsafe { libc::writev(fd.as_raw_fd(), bufs.as_ptr().cast(), len) })
}

/// getsockopt(2) of a structure of integers.
fn get<T: Copy>(fd: BorrowedFd<'_>, (level, name): (libc::c_int, libc::c_int)) -> io::Result<T> {
    let mut value = MaybeUninit::<T>::zeroed();
    let mut len = size::<T>();
    // SAFETY: the length is that of the value, which the call does not write beyond.
    check(unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &raw mut len,
        )
    })
    .map_err(target::option_error)?;
    // SAFETY: `T` is a structure of integers, and all of its bytes were zeroed at least.
    Ok(unsafe { value.assume_init() })
}

/// setsockopt(2).
fn set<T: Copy>(fd: BorrowedFd<'_>, (level, name): (libc::c_int, libc::c_int), value: &T) -> io::Result<()> {
    let pointer = ptr::from_ref(value).cast();
    // SAFETY: the length is that of the value.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, pointer, size::<T>()) })
        .map(drop)
        .map_err(target::option_error)
}

pub(crate) fn option(fd: BorrowedFd<'_>, option: Opt) -> io::Result<i32> {
    get(fd, target::number(option).ok_or_else(unsupported)?)
}

pub(crate) fn set_option(fd: BorrowedFd<'_>, option: Opt, value: i32) -> io::Result<()> {
    set(fd, target::number(option).ok_or_else(unsupported)?, &value)
}

pub(crate) fn bytes_option(fd: BorrowedFd<'_>, option: BytesOpt, room: &mut [u8]) -> io::Result<usize> {
    let (level, name) = target::bytes_number(option).ok_or_else(unsupported)?;
    let mut len = libc::socklen_t::try_from(room.len()).unwrap_or(0);
    let value = room.as_mut_ptr().cast();
    // SAFETY: the length is that of the room.
    check(unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, value, &raw mut len) })?;
    Ok(usize::try_from(len).unwrap_or(0))
}

fn timeout_number(direction: Direction) -> (libc::c_int, libc::c_int) {
    let name = match direction {
        Direction::Read => libc::SO_RCVTIMEO,
        Direction::Write => libc::SO_SNDTIMEO,
    };
    (libc::SOL_SOCKET, name)
}

pub(crate) fn timeout(fd: BorrowedFd<'_>, direction: Direction) -> io::Result<Option<Duration>> {
    let value: libc::timeval = get(fd, timeout_number(direction))?;
    let seconds = u64::try_from(value.tv_sec).unwrap_or(0);
    let micros = u32::try_from(value.tv_usec).unwrap_or(0);
    let timeout = Duration::new(seconds, micros.saturating_mul(1000));
    Ok((!timeout.is_zero()).then_some(timeout))
}

/// Zero is for ever.
pub(crate) fn set_timeout(fd: BorrowedFd<'_>, direction: Direction, timeout: Duration) -> io::Result<()> {
    let value = libc::timeval {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        // Less than a million.
        tv_usec: timeout.subsec_micros().cast_signed().into(),
    };
    set(fd, timeout_number(direction), &value)
}

/// Seconds, if it is on.
pub(crate) fn linger(fd: BorrowedFd<'_>) -> io::Result<Option<i32>> {
    let value: libc::linger = get(fd, target::LINGER)?;
    Ok((value.l_onoff != 0).then_some(value.l_linger))
}

pub(crate) fn set_linger(fd: BorrowedFd<'_>, seconds: Option<i32>) -> io::Result<()> {
    let value = libc::linger {
        l_onoff: seconds.is_some().into(),
        l_linger: seconds.unwrap_or(0),
    };
    set(fd, target::LINGER, &value)
}

pub(crate) fn membership_v4(
    fd: BorrowedFd<'_>,
    join: bool,
    group: Ipv4Addr,
    interface: Ipv4Addr,
) -> io::Result<()> {
    let name = if join {
        libc::IP_ADD_MEMBERSHIP
    } else {
        libc::IP_DROP_MEMBERSHIP
    };
    let address = |ip: Ipv4Addr| libc::in_addr {
        s_addr: u32::from_ne_bytes(ip.octets()),
    };
    let value = libc::ip_mreq {
        imr_multiaddr: address(group),
        imr_interface: address(interface),
    };
    set(fd, (libc::IPPROTO_IP, name), &value)
}

pub(crate) fn membership_v6(
    fd: BorrowedFd<'_>,
    join: bool,
    group: Ipv6Addr,
    interface: u32,
) -> io::Result<()> {
    let name = if join {
        libc::IPV6_ADD_MEMBERSHIP
    } else {
        libc::IPV6_DROP_MEMBERSHIP
    };
    let value = libc::ipv6_mreq {
        ipv6mr_multiaddr: libc::in6_addr {
            s6_addr: group.octets(),
        },
        ipv6mr_interface: interface,
    };
    set(fd, (libc::IPPROTO_IPV6, name), &value)
}

/// As poll(2) takes them; what is too long for an int is the longest that is not.
pub(super) fn milliseconds(time: Duration) -> libc::c_int {
    libc::c_int::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
}

/// poll(2); again after a signal.
pub(crate) fn poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    const BITS: [(Events, libc::c_short); 5] = [
        (Events::READABLE, libc::POLLIN),
        (Events::WRITABLE, libc::POLLOUT),
        (Events::HANGUP, libc::POLLHUP),
        (Events::ERROR, libc::POLLERR),
        (Events::INVALID, libc::POLLNVAL),
    ];
    let mut list: Vec<libc::pollfd> = fds
        .iter()
        .map(|fd| libc::pollfd {
            fd: fd.fd.as_raw_fd(),
            events: BITS
                .iter()
                .filter(|(event, _)| fd.wanted.contains(*event))
                .fold(0, |bits, (_, bit)| bits | bit),
            revents: 0,
        })
        .collect();
    let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
    loop {
        let left = match (timeout, deadline) {
            (None, _) => -1,
            // Rounded up, so that it never ends early.
            (Some(_), Some(deadline)) => milliseconds(deadline.saturating_duration_since(Instant::now())),
            (Some(_), None) => libc::c_int::MAX,
        };
        let len = libc::nfds_t::try_from(list.len()).unwrap_or(0);
        // SAFETY: the pointer and the length are those of the list.
        match check(unsafe { libc::poll(list.as_mut_ptr(), len, left) }) {
            Ok(0) if deadline.is_none_or(|deadline| Instant::now() < deadline) => {}
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    for (fd, found) in fds.iter_mut().zip(list) {
        for (event, bit) in BITS {
            if found.revents & bit != 0 {
                fd.returned |= event;
            }
        }
    }
    Ok(())
}

/// getaddrinfo(3), each address once. No service is the empty one.
pub(crate) fn lookup(
    host: &str,
    service: &str,
    domain: Option<Domain>,
    kind: Kind,
) -> io::Result<Vec<SocketAddr>> {
    let text = |text: &str| CString::new(text).map_err(|_| io::Error::from(LookupError::NoName));
    let (host, service_text) = (text(host)?, text(service)?);
    let service = if service.is_empty() {
        ptr::null()
    } else {
        service_text.as_ptr()
    };
    // SAFETY: all bytes zero are a value of this structure.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_socktype = number(kind);
    if let Some(domain) = domain {
        hints.ai_family = target::domain(domain).ok_or_else(unsupported)?;
    }
    let mut list = ptr::null_mut();
    // SAFETY: the texts end with a NUL, and all pointers live as long as the call.
    let code = unsafe { libc::getaddrinfo(host.as_ptr(), service, &raw const hints, &raw mut list) };
    if code != 0 {
        return Err(match lookup_error(code) {
            LookupError::System => io::Error::last_os_error(),
            error => error.into(),
        });
    }
    let mut found = Vec::new();
    let mut node = list;
    // SAFETY: the list is the C library's, whose links end with a null pointer.
    while let Some(info) = unsafe { node.as_ref() } {
        let mut addr = SockAddr::room();
        let len = info.ai_addrlen.min(addr.len);
        let (from, to) = (info.ai_addr.cast::<u8>(), addr.as_mut_ptr().cast::<u8>());
        // SAFETY: the node has so many bytes, and the room is at least as large.
        unsafe { ptr::copy_nonoverlapping(from, to, usize::try_from(len).unwrap_or(0)) };
        addr.len = len;
        if let Addr::Inet(addr) = addr.addr()
            && !found.contains(&addr)
        {
            found.push(addr);
        }
        node = info.ai_next;
    }
    // SAFETY: the list is the C library's, and nothing points into it any more.
    unsafe { libc::freeaddrinfo(list) };
    Ok(found)
}

/// The `EAI_*` of netdb.h, which glibc and wasi-libc have alike.
fn lookup_error(code: libc::c_int) -> LookupError {
    match code {
        -1 => LookupError::BadFlags,
        -2 => LookupError::NoName,
        -3 => LookupError::Again,
        -5 => LookupError::NoData,
        -6 => LookupError::Family,
        -7 => LookupError::SockType,
        -8 => LookupError::Service,
        -9 => LookupError::AddrFamily,
        -10 => LookupError::Memory,
        -11 => LookupError::System,
        // -4, and what is not in netdb.h.
        _ => LookupError::Fail,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::{UnixListener, UnixStream};
    use std::os::unix::thread::JoinHandleExt;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    static SIGNALS: AtomicUsize = AtomicUsize::new(0);

    extern "C" fn count_signal(_: libc::c_int) {
        SIGNALS.fetch_add(1, Ordering::Relaxed);
    }

    #[test]
    fn a_connect_goes_on_after_a_signal() {
        let path = std::env::temp_dir().join(format!("guestnet-guest-connect-{}", std::process::id()));
        let listener = UnixListener::bind(&path).unwrap();
        listener.set_backlog(0).unwrap();
        // With one in the backlog the next one waits.
        let _first = UnixStream::connect(&path).unwrap();
        // SAFETY: all bytes zero are a value of this structure.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = count_signal as *const () as usize;
        // SAFETY: the handler changes an atomic and nothing else.
        let installed = unsafe { libc::sigaction(libc::SIGUSR1, &raw const action, ptr::null_mut()) };
        assert_eq!(installed, 0);

        let second = thread::spawn({
            let path = path.clone();
            move || UnixStream::connect(path).map(drop)
        });
        while SIGNALS.load(Ordering::Relaxed) < 100 && !second.is_finished() {
            // SAFETY: the thread was not joined.
            unsafe { libc::pthread_kill(second.as_pthread_t(), libc::SIGUSR1) };
            thread::yield_now();
        }
        let still_waiting = !second.is_finished();
        listener.accept().unwrap();
        // The path is looked up anew after the wait.
        let connected = second.join().unwrap();
        std::fs::remove_file(&path).unwrap();
        connected.unwrap();
        assert!(still_waiting);
    }
}
