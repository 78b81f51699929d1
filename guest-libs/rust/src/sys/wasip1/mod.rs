//! wasm32-wasip1: sockets by the host's functions. A result is an errno of WASI, which std knows on this target.

mod abi;
mod lookup;
mod option;

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::addr::{self, Addr, Domain, Kind, Name, UnixAddr};
use crate::epoll::{EpollEvent, Operation};
use crate::poll::{Events, PollFd};
use crate::socket::{Received, RecvFlags};
use abi::{Address, Event, FdStat, Subscription};

pub(crate) use lookup::lookup;
pub(crate) use option::{
    bytes_option, linger, membership_v4, membership_v6, option, set_linger, set_option, set_timeout, timeout,
};

/// The result of a host function: 0 or an errno.
fn check(code: i32) -> io::Result<()> {
    if code == 0 {
        Ok(())
    } else {
        Err(io::Error::from_raw_os_error(code))
    }
}

pub(crate) fn is_in_progress(error: &io::Error) -> bool {
    error.raw_os_error() == Some(abi::EINPROGRESS)
}

/// The bytes of an address argument. The host reads and writes them through a pointer of a mutable binding alone.
struct Bytes {
    bytes: [u8; abi::ADDRESS],
    len: u32,
    port: u32,
}

impl Bytes {
    /// Room for an address that the host stores.
    fn room() -> Self {
        Self {
            bytes: [0; abi::ADDRESS],
            len: 128,
            port: 0,
        }
    }

    fn new(addr: &Addr) -> io::Result<Self> {
        let mut this = Self::room();
        match addr {
            Addr::Inet(addr) => {
                this.port = addr.port().into();
                match addr {
                    SocketAddr::V4(addr) => this.put(&addr.ip().octets(), 4),
                    SocketAddr::V6(addr) => this.put(&addr.ip().octets(), 16),
                }
            }
            Addr::Unix(UnixAddr(Name::Path(path))) => {
                let path = absolute(path)?;
                let path = path.as_os_str().as_encoded_bytes();
                let mut bytes = abi::UNIX.to_le_bytes().to_vec();
                bytes.extend_from_slice(path);
                if bytes.len() >= abi::ADDRESS {
                    return Err(addr::invalid("path must be shorter than SUN_LEN"));
                }
                this.put(&bytes, 128);
            }
            Addr::Unix(_) | Addr::Unspec => return Err(addr::invalid("no such address")),
        }
        Ok(this)
    }

    fn put(&mut self, bytes: &[u8], len: u32) {
        if let Some(room) = self.bytes.get_mut(..bytes.len()) {
            room.copy_from_slice(bytes);
        }
        self.len = len;
    }

    /// The argument. It points to these bytes, which must stay where they are until the call is over.
    fn argument(&mut self) -> Address {
        Address {
            bytes: self.bytes.as_mut_ptr(),
            len: self.len,
        }
    }

    /// The address that the host has stored.
    fn addr(&self) -> Addr {
        let Some((family, data)) = self.bytes.split_first_chunk::<2>() else {
            return Addr::Unspec;
        };
        // A port is 16 bits wide.
        let port = u16::try_from(self.port & 0xffff).unwrap_or(0);
        let inet = match u16::from_le_bytes(*family) {
            abi::INET => data
                .first_chunk::<4>()
                .map(|octets| (Ipv4Addr::from(*octets), port).into()),
            abi::INET6 => data
                .first_chunk::<16>()
                .map(|octets| (Ipv6Addr::from(*octets), port).into()),
            abi::UNIX => {
                let path = data.split(|byte| *byte == 0).next().unwrap_or_default();
                return Addr::Unix(UnixAddr(name(path)));
            }
            _ => None,
        };
        inet.map_or(Addr::Unspec, Addr::Inet)
    }
}

/// A socket without a name is `@` for wasi-go and guestnet, and nothing for WasmEdge.
fn name(path: &[u8]) -> Name {
    match path {
        b"" | b"@" => Name::Unnamed,
        path => Name::Path(PathBuf::from(String::from_utf8_lossy(path).into_owned())),
    }
}

/// A path for the host, which knows no current directory. In the root a relative path stays as it is: the directory that was given
/// to the program may be called `.`.
fn absolute(path: &Path) -> io::Result<PathBuf> {
    if path.is_absolute() {
        return Ok(path.to_owned());
    }
    let directory = std::env::current_dir()?;
    if directory == Path::new("/") {
        return Ok(path.to_owned());
    }
    Ok(directory.join(path))
}

/// `sock_open`.
pub(crate) fn open(domain: Domain, kind: Kind) -> io::Result<OwnedFd> {
    let family = match domain {
        Domain::Inet => abi::INET,
        Domain::Inet6 => abi::INET6,
        Domain::Unix => abi::UNIX,
    };
    let kind = match kind {
        Kind::Stream => abi::STREAM,
        Kind::Datagram => abi::DGRAM,
    };
    let mut fd = -1;
    // SAFETY: there is room for a descriptor.
    check(unsafe { abi::sock_open(family.into(), kind, &raw mut fd) })?;
    owned(fd)
}

fn owned(fd: i32) -> io::Result<OwnedFd> {
    // std takes -1 for no descriptor.
    if fd < 0 {
        return Err(io::Error::other("the host has given a descriptor below 0"));
    }
    // SAFETY: the descriptor is new, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `sock_bind`.
pub(crate) fn bind(fd: BorrowedFd<'_>, addr: &Addr) -> io::Result<()> {
    let mut bytes = Bytes::new(addr)?;
    let argument = bytes.argument();
    // SAFETY: the argument points to bytes that live as long as the call.
    check(unsafe { abi::sock_bind(fd.as_raw_fd(), &raw const argument, bytes.port) })
}

/// `sock_listen`.
pub(crate) fn listen(fd: BorrowedFd<'_>, backlog: i32) -> io::Result<()> {
    check(abi::sock_listen(fd.as_raw_fd(), backlog))
}

/// `sock_connect`.
pub(crate) fn connect(fd: BorrowedFd<'_>, addr: &Addr) -> io::Result<()> {
    let mut bytes = Bytes::new(addr)?;
    let argument = bytes.argument();
    // SAFETY: the argument points to bytes that live as long as the call.
    check(unsafe { abi::sock_connect(fd.as_raw_fd(), &raw const argument, bytes.port) })
}

/// `sock_accept`, and the peer's address. Of a peer that is gone already only the family is known.
pub(crate) fn accept(fd: BorrowedFd<'_>) -> io::Result<(OwnedFd, Addr)> {
    let mut accepted = -1;
    loop {
        // SAFETY: there is room for a descriptor.
        match unsafe { abi::sock_accept(fd.as_raw_fd(), 0, &raw mut accepted) } {
            abi::EINTR => {}
            code => break check(code)?,
        }
    }
    let accepted = owned(accepted)?;
    let peer = match peer_addr(accepted.as_fd()) {
        Ok(peer) => peer,
        Err(_) => match local_addr(accepted.as_fd())? {
            Addr::Inet(SocketAddr::V4(_)) => Addr::Inet((Ipv4Addr::UNSPECIFIED, 0).into()),
            Addr::Inet(SocketAddr::V6(_)) => Addr::Inet((Ipv6Addr::UNSPECIFIED, 0).into()),
            Addr::Unix(_) | Addr::Unspec => Addr::Unix(UnixAddr(Name::Unnamed)),
        },
    };
    Ok((accepted, peer))
}

/// `sock_shutdown`.
pub(crate) fn shutdown(fd: BorrowedFd<'_>, how: Shutdown) -> io::Result<()> {
    let how = match how {
        Shutdown::Read => abi::SHUT_RD,
        Shutdown::Write => abi::SHUT_WR,
        Shutdown::Both => abi::SHUT_RD | abi::SHUT_WR,
    };
    check(abi::sock_shutdown(fd.as_raw_fd(), how))
}

/// `sock_getlocaladdr`.
pub(crate) fn local_addr(fd: BorrowedFd<'_>) -> io::Result<Addr> {
    let mut bytes = Bytes::room();
    let mut argument = bytes.argument();
    let port = &raw mut bytes.port;
    // SAFETY: the argument points to 128 bytes that live as long as the call, and there is room for the port.
    check(unsafe { abi::sock_getlocaladdr(fd.as_raw_fd(), &raw mut argument, port) })?;
    Ok(bytes.addr())
}

/// `sock_getpeeraddr`.
pub(crate) fn peer_addr(fd: BorrowedFd<'_>) -> io::Result<Addr> {
    let mut bytes = Bytes::room();
    let mut argument = bytes.argument();
    let port = &raw mut bytes.port;
    // SAFETY: the argument points to 128 bytes that live as long as the call, and there is room for the port.
    check(unsafe { abi::sock_getpeeraddr(fd.as_raw_fd(), &raw mut argument, port) })?;
    Ok(bytes.addr())
}

/// `fd_fdstat_set_flags` with what `fd_fdstat_get` says.
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>, nonblocking: bool) -> io::Result<()> {
    let mut stat = FdStat {
        filetype: 0,
        flags: 0,
        rights: 0,
        inheriting: 0,
    };
    // SAFETY: there is room for the structure.
    check(unsafe { abi::fd_fdstat_get(fd.as_raw_fd(), &raw mut stat) })?;
    let flags = if nonblocking {
        stat.flags | abi::FDFLAG_NONBLOCK
    } else {
        stat.flags & !abi::FDFLAG_NONBLOCK
    };
    check(abi::fd_fdstat_set_flags(fd.as_raw_fd(), flags.into()))
}

fn recv_flags(flags: RecvFlags) -> u32 {
    let peek = if flags.peek { abi::RECV_PEEK } else { 0 };
    let dont_wait = if flags.dont_wait { abi::RECV_DONTWAIT } else { 0 };
    peek | dont_wait
}

/// `sock_recv`.
pub(crate) fn recv(fd: BorrowedFd<'_>, buf: &mut [u8], flags: RecvFlags) -> io::Result<usize> {
    recv_into(fd, &mut [IoSliceMut::new(buf)], flags)
}

/// `sock_recv` into several buffers.
pub(crate) fn recv_vectored(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
    recv_into(fd, bufs, RecvFlags::default())
}

fn recv_into(fd: BorrowedFd<'_>, bufs: &mut [IoSliceMut<'_>], flags: RecvFlags) -> io::Result<usize> {
    let (mut received, mut out) = (0, 0);
    let (iovs, count, flags) = (bufs.as_mut_ptr(), buffers(bufs.len()), recv_flags(flags));
    let fd = fd.as_raw_fd();
    // SAFETY: an IoSliceMut is WASI's iovec; the buffers live as long as the call, and there is room for both results.
    check(unsafe { abi::sock_recv(fd, iovs, count, flags, &raw mut received, &raw mut out) })?;
    Ok(received)
}

/// `sock_recv_from`.
pub(crate) fn recv_from(fd: BorrowedFd<'_>, buf: &mut [u8], flags: RecvFlags) -> io::Result<Received> {
    let mut bufs = [IoSliceMut::new(buf)];
    let mut bytes = Bytes::room();
    let mut argument = bytes.argument();
    let port = &raw mut bytes.port;
    let (mut received, mut out) = (0, 0);
    // SAFETY: an IoSliceMut is WASI's iovec; the buffer and the 128 bytes of the address live as long as the call, and there is room
    // for the other results.
    check(unsafe {
        abi::sock_recv_from(
            fd.as_raw_fd(),
            bufs.as_mut_ptr(),
            bufs.len(),
            &raw mut argument,
            recv_flags(flags),
            port,
            &raw mut received,
            &raw mut out,
        )
    })?;
    Ok(Received {
        len: received,
        from: bytes.addr(),
        truncated: out & abi::RECV_TRUNCATED != 0,
    })
}

/// `sock_send`.
pub(crate) fn send(fd: BorrowedFd<'_>, buf: &[u8]) -> io::Result<usize> {
    send_vectored(fd, &[IoSlice::new(buf)])
}

/// `sock_send` of several buffers.
pub(crate) fn send_vectored(fd: BorrowedFd<'_>, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let mut sent = 0;
    let (iovs, count) = (bufs.as_ptr(), buffers(bufs.len()));
    // SAFETY: an IoSlice is WASI's ciovec; the buffers live as long as the call, and there is room for the result.
    check(unsafe { abi::sock_send(fd.as_raw_fd(), iovs, count, 0, &raw mut sent) })?;
    Ok(sent)
}

/// `sock_send_to`.
pub(crate) fn send_to(fd: BorrowedFd<'_>, buf: &[u8], to: &Addr) -> io::Result<usize> {
    let mut bytes = Bytes::new(to)?;
    let argument = bytes.argument();
    let bufs = [IoSlice::new(buf)];
    let (fd, to, port) = (fd.as_raw_fd(), &raw const argument, bytes.port);
    let mut sent = 0;
    // SAFETY: an IoSlice is WASI's ciovec; the buffer and the bytes of the address live as long as the call, and there is room for
    // the result.
    check(unsafe { abi::sock_send_to(fd, bufs.as_ptr(), bufs.len(), to, port, 0, &raw mut sent) })?;
    Ok(sent)
}

/// The most buffers of one call: `IOV_MAX` of Linux.
fn buffers(count: usize) -> usize {
    count.min(1024)
}

/// No function of a host makes a pair.
pub(crate) fn pair(_kind: Kind) -> io::Result<(OwnedFd, OwnedFd)> {
    Err(io::ErrorKind::Unsupported.into())
}

/// `poll_oneoff`.
pub(crate) fn poll(fds: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
    let mut subscriptions = Vec::new();
    for (index, fd) in (0_u64..).zip(&*fds) {
        for (event, tag) in [
            (Events::READABLE, abi::EVENT_FD_READ),
            (Events::WRITABLE, abi::EVENT_FD_WRITE),
        ] {
            if fd.wanted.contains(event) {
                subscriptions.push(Subscription {
                    userdata: index,
                    tag,
                    // Never negative.
                    fd: fd.fd.as_raw_fd().cast_unsigned(),
                    ..Subscription::default()
                });
            }
        }
    }
    if let Some(timeout) = timeout {
        subscriptions.push(Subscription {
            userdata: u64::MAX,
            tag: abi::EVENT_CLOCK,
            fd: abi::CLOCK_MONOTONIC,
            timeout: u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX),
            precision: 1,
            ..Subscription::default()
        });
    }
    let count = subscriptions.len();
    let mut events = vec![Event::default(); count];
    let mut ready = 0;
    // SAFETY: both lists have `count` entries and live as long as the call, and there is room for the result.
    check(unsafe { abi::poll_oneoff(subscriptions.as_ptr(), events.as_mut_ptr(), count, &raw mut ready) })?;
    for event in events.iter().take(ready) {
        let index = usize::try_from(event.userdata).ok();
        // Not that of the clock.
        if let Some(fd) = index.and_then(|index| fds.get_mut(index)) {
            fd.returned |= found(event);
        }
    }
    Ok(())
}

fn found(event: &Event) -> Events {
    match event.error {
        0 => {}
        abi::EBADF => return Events::INVALID,
        _ => return Events::ERROR,
    }
    let mut found = Events::NONE;
    if event.flags == 0 || event.bytes != 0 {
        found |= if event.kind == abi::EVENT_FD_READ {
            Events::READABLE
        } else {
            Events::WRITABLE
        };
    }
    if event.flags & abi::RW_HANGUP != 0 {
        found |= Events::HANGUP;
    }
    if event.flags & abi::RW_ERROR != 0 {
        found |= Events::ERROR;
    }
    found
}

/// `epoll_create`.
pub(crate) fn epoll_create() -> io::Result<OwnedFd> {
    let mut epoll = -1;
    // SAFETY: there is room for a descriptor.
    check(unsafe { abi::epoll_create(&raw mut epoll) })?;
    owned(epoll)
}

/// `epoll_ctl`.
pub(crate) fn epoll_control(
    epoll: BorrowedFd<'_>,
    operation: &Operation,
    fd: BorrowedFd<'_>,
) -> io::Result<()> {
    let (number, bits, token) = operation.parts();
    check(abi::epoll_ctl(
        epoll.as_raw_fd(),
        number,
        fd.as_raw_fd(),
        bits,
        token,
    ))
}

/// `epoll_wait`. A time of more than 292 years is for ever.
pub(crate) fn epoll_wait(
    epoll: BorrowedFd<'_>,
    room: &mut [EpollEvent],
    timeout: Option<Duration>,
) -> io::Result<usize> {
    let timeout = timeout.and_then(|timeout| i64::try_from(timeout.as_nanos()).ok());
    let (events, most) = (room.as_mut_ptr(), room.len());
    let mut count = 0;
    // SAFETY: an EpollEvent is the host's event; the room lives as long as the call, and there is room for the count.
    check(unsafe {
        abi::epoll_wait(
            epoll.as_raw_fd(),
            events,
            most,
            timeout.unwrap_or(-1),
            &raw mut count,
        )
    })?;
    Ok(count)
}

/// `sendfile`. The host takes -1 for the file's position, and no other negative offset.
pub(crate) fn sendfile(
    out: BorrowedFd<'_>,
    file: BorrowedFd<'_>,
    offset: Option<&mut u64>,
    most: usize,
) -> io::Result<usize> {
    let from = match &offset {
        Some(offset) => i64::try_from(**offset).unwrap_or(i64::MIN),
        None => -1,
    };
    let mut sent = 0;
    // SAFETY: there is room for the count.
    check(unsafe { abi::sendfile(out.as_raw_fd(), file.as_raw_fd(), from, most, &raw mut sent) })?;
    if let Some(offset) = offset {
        *offset = offset.saturating_add(sent);
    }
    Ok(usize::try_from(sent).unwrap_or(usize::MAX))
}

/// `pipe`.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: there is room for two descriptors.
    check(unsafe { abi::pipe(&raw mut ends) })?;
    let [read, write] = ends;
    Ok((owned(read)?, owned(write)?))
}

/// `splice`.
pub(crate) fn splice(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
    let mut moved = 0;
    // SAFETY: there is room for the count.
    check(unsafe { abi::splice(from.as_raw_fd(), to.as_raw_fd(), most, 0, &raw mut moved) })?;
    Ok(moved)
}
