//! UNIX sockets: the names of [`std::os::unix::net`].
//!
//! A path is one in a directory that the program was given (`--dir`, `--allow-unix`). On wasm32-wasip1 one that is relative begins
//! at std's current directory, which is `/` unless the program has changed it; once changed, the address that comes back is
//! the absolute one. There a path is UTF-8 (`EILSEQ` otherwise). WASI 0.2 has no UNIX sockets: on wasm32-wasip2 every function here is
//! `Unsupported`.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::time::Duration;
use std::{fmt, iter};

use crate::addr::{Addr, Domain, Kind};
use crate::option;
use crate::socket::{
    RecvFlags, Socket, descriptor_traits, every_connection, every_socket, halves, stream_traits,
};
use crate::sys;

pub use crate::addr::UnixAddr as SocketAddr;

/// As std's `bind` on Linux: as many as the kernel allows (`net.core.somaxconn`).
const BACKLOG: i32 = -1;

fn path(path: impl AsRef<Path>) -> io::Result<Addr> {
    SocketAddr::from_pathname(path).map(Addr::Unix)
}

macro_rules! names {
    () => {
        /// getsockname(2): the address of this end.
        ///
        /// # Errors
        /// None for a socket.
        pub fn local_addr(&self) -> io::Result<SocketAddr> {
            sys::local_addr(self.as_fd())?.unix()
        }

        /// getpeername(2): the address of the other end.
        ///
        /// # Errors
        /// `NotConnected` without one.
        pub fn peer_addr(&self) -> io::Result<SocketAddr> {
            sys::peer_addr(self.as_fd())?.unix()
        }
    };
}

/// A connection over a path, as [`std::os::unix::net::UnixStream`].
pub struct UnixStream(Socket);

impl UnixStream {
    /// Connects to a listener at a path.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused`, `PermissionDenied` (of the policy or the file system).
    pub fn connect<P: AsRef<Path>>(to: P) -> io::Result<Self> {
        Socket::connect(&path(to)?, Kind::Stream).map(Self)
    }

    /// As [`connect`](Self::connect), with an address.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub fn connect_addr(addr: &SocketAddr) -> io::Result<Self> {
        Socket::connect(&Addr::Unix(addr.clone()), Kind::Stream).map(Self)
    }

    /// As [`connect`](Self::connect), and waits at most so long for room in the backlog: for `dial`.
    pub(crate) fn connect_timeout(to: &str, timeout: Duration) -> io::Result<Self> {
        let addr = path(to)?;
        let stream = Self(Socket::open(addr.domain(), Kind::Stream)?);
        // unix(7): the time of a connect is that of a send.
        stream.set_write_timeout(Some(timeout))?;
        sys::connect(stream.as_fd(), &addr).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => io::Error::new(io::ErrorKind::TimedOut, "connection timed out"),
            _ => error,
        })?;
        stream.set_write_timeout(None)?;
        Ok(stream)
    }

    /// socketpair(2): both ends of a connection.
    ///
    /// # Errors
    /// `Unsupported` on WASI.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = sys::pair(Kind::Stream)?;
        Ok((one.into(), other.into()))
    }

    /// Receives without taking what was received: the next read gets it again.
    ///
    /// # Errors
    /// Those of a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        sys::recv(self.as_fd(), buf, RecvFlags::PEEK)
    }

    names!();
    every_socket!();
    every_connection!();
    halves!();
}

/// A socket at a path that takes connections, as [`std::os::unix::net::UnixListener`]. The path stays when it is dropped.
pub struct UnixListener(Socket);

impl UnixListener {
    /// Listens at a path, where nothing may be yet.
    ///
    /// # Errors
    /// `AddrInUse`, `NotFound` (the directory), `PermissionDenied` (of the policy or the file system).
    pub fn bind<P: AsRef<Path>>(to: P) -> io::Result<Self> {
        Self::bind_to(&path(to)?)
    }

    /// As [`bind`](Self::bind), with an address.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<Self> {
        Self::bind_to(&Addr::Unix(addr.clone()))
    }

    fn bind_to(addr: &Addr) -> io::Result<Self> {
        let socket = Socket::bind(addr, Kind::Stream, |_| Ok(()))?;
        sys::listen(socket.as_fd(), BACKLOG)?;
        Ok(Self(socket))
    }

    /// listen(2) again, with another backlog: how many connections wait for [`accept`](Self::accept). [`bind`](Self::bind) has, as
    /// std's, the most that the kernel allows.
    ///
    /// # Errors
    /// None for a listener.
    pub fn set_backlog(&self, backlog: u32) -> io::Result<()> {
        sys::listen(self.as_fd(), option::int(backlog)?)
    }

    /// accept(2): waits for a connection.
    ///
    /// # Errors
    /// `WouldBlock` in non-blocking mode when there is none.
    pub fn accept(&self) -> io::Result<(UnixStream, SocketAddr)> {
        let (fd, peer) = sys::accept(self.as_fd())?;
        Ok((UnixStream::from(fd), peer.unix()?))
    }

    /// getsockname(2): where it listens.
    ///
    /// # Errors
    /// None for a listener.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::local_addr(self.as_fd())?.unix()
    }

    /// The connections that come, for ever.
    #[must_use]
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    every_socket!();
}

/// The connections of a [`UnixListener`], from [`UnixListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a UnixListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<UnixStream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl iter::FusedIterator for Incoming<'_> {}

impl<'a> IntoIterator for &'a UnixListener {
    type Item = io::Result<UnixStream>;
    type IntoIter = Incoming<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.incoming()
    }
}

/// A socket for datagrams over paths, as [`std::os::unix::net::UnixDatagram`].
pub struct UnixDatagram(Socket);

impl UnixDatagram {
    /// A socket at a path, where nothing may be yet.
    ///
    /// # Errors
    /// `AddrInUse`, `NotFound` (the directory), `PermissionDenied` (of the policy or the file system).
    pub fn bind<P: AsRef<Path>>(to: P) -> io::Result<Self> {
        Socket::bind(&path(to)?, Kind::Datagram, |_| Ok(())).map(Self)
    }

    /// As [`bind`](Self::bind), with an address.
    ///
    /// # Errors
    /// Those of [`bind`](Self::bind).
    pub fn bind_addr(addr: &SocketAddr) -> io::Result<Self> {
        Socket::bind(&Addr::Unix(addr.clone()), Kind::Datagram, |_| Ok(())).map(Self)
    }

    /// A socket without an address.
    ///
    /// # Errors
    /// `EMFILE` when there is no descriptor left.
    pub fn unbound() -> io::Result<Self> {
        Socket::open(Domain::Unix, Kind::Datagram).map(Self)
    }

    /// socketpair(2): two sockets that are connected to each other.
    ///
    /// # Errors
    /// `Unsupported` on WASI.
    pub fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = sys::pair(Kind::Datagram)?;
        Ok((one.into(), other.into()))
    }

    /// connect(2): from here on it sends to this path, and receives from there alone.
    ///
    /// # Errors
    /// `NotFound`, `ConnectionRefused`, `PermissionDenied` (of the policy or the file system).
    pub fn connect<P: AsRef<Path>>(&self, to: P) -> io::Result<()> {
        sys::connect(self.as_fd(), &path(to)?)
    }

    /// As [`connect`](Self::connect), with an address.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub fn connect_addr(&self, addr: &SocketAddr) -> io::Result<()> {
        sys::connect(self.as_fd(), &Addr::Unix(addr.clone()))
    }

    /// recvfrom(2): one datagram and its sender. What does not fit is lost.
    ///
    /// # Errors
    /// `WouldBlock` when there is none, in non-blocking mode or after the read timeout.
    pub fn recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = sys::recv_from(self.as_fd(), buf, RecvFlags::default())?;
        Ok((received.len, received.from.unix()?))
    }

    /// As [`recv_from`](Self::recv_from), and the datagram stays.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from).
    pub fn peek_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let received = sys::recv_from(self.as_fd(), buf, RecvFlags::PEEK)?;
        Ok((received.len, received.from.unix()?))
    }

    /// recv(2): one datagram. What does not fit is lost.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from).
    pub fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        sys::recv(self.as_fd(), buf, RecvFlags::default())
    }

    /// As [`recv`](Self::recv), and the datagram stays.
    ///
    /// # Errors
    /// Those of [`recv_from`](Self::recv_from).
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        sys::recv(self.as_fd(), buf, RecvFlags::PEEK)
    }

    /// sendto(2): one datagram to the socket at a path.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub fn send_to<P: AsRef<Path>>(&self, buf: &[u8], to: P) -> io::Result<usize> {
        sys::send_to(self.as_fd(), buf, &path(to)?)
    }

    /// As [`send_to`](Self::send_to), with an address.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect).
    pub fn send_to_addr(&self, buf: &[u8], addr: &SocketAddr) -> io::Result<usize> {
        sys::send_to(self.as_fd(), buf, &Addr::Unix(addr.clone()))
    }

    /// send(2): one datagram to the socket that it is connected to.
    ///
    /// # Errors
    /// `NotConnected` without one, `ConnectionRefused` when it is closed.
    pub fn send(&self, buf: &[u8]) -> io::Result<usize> {
        sys::send(self.as_fd(), buf)
    }

    names!();
    every_socket!();
    every_connection!();
    halves!();
}

#[cfg(unix)]
mod conversions {
    use super::{UnixDatagram, UnixListener, UnixStream, descriptor_traits};
    use std::os::unix::net;

    descriptor_traits!(UnixStream, net::UnixStream);
    descriptor_traits!(UnixListener, net::UnixListener);
    descriptor_traits!(UnixDatagram, net::UnixDatagram);
}

/// std has none of these types here.
#[cfg(not(unix))]
mod conversions {
    use super::{UnixDatagram, UnixListener, UnixStream, descriptor_traits};

    descriptor_traits!(UnixStream);
    descriptor_traits!(UnixListener);
    descriptor_traits!(UnixDatagram);
}

stream_traits!(UnixStream, &UnixStream);

macro_rules! debug {
    ($($ty:ident),*) => {
        $(impl fmt::Debug for $ty {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut shown = f.debug_struct(stringify!($ty));
                shown.field("fd", &self.as_raw_fd());
                if let Ok(addr) = self.local_addr() {
                    shown.field("local", &addr);
                }
                if let Ok(Ok(addr)) = sys::peer_addr(self.as_fd()).map(Addr::unix) {
                    shown.field("peer", &addr);
                }
                shown.finish()
            }
        })*
    };
}

debug!(UnixStream, UnixListener, UnixDatagram);

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn a_pair_is_connected_to_each_other() {
        let (mut one, mut other) = UnixStream::pair().unwrap();
        one.write_all(b"hello").unwrap();
        drop(one);
        let mut text = String::new();
        other.read_to_string(&mut text).unwrap();
        assert_eq!(text, "hello");

        let (one, other) = UnixDatagram::pair().unwrap();
        one.send(b"a datagram").unwrap();
        let (len, from) = other.recv_from(&mut [0; 32]).unwrap();
        assert_eq!(len, 10);
        assert!(from.is_unnamed());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_peer_outside_of_any_directory_gets_an_answer() {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net;

        let name = format!("guestnet-guest-{}", std::process::id());
        let peer = net::SocketAddr::from_abstract_name(&name).unwrap();
        let peer = net::UnixDatagram::bind_addr(&peer).unwrap();
        let path = std::env::temp_dir().join(&name);
        let socket = UnixDatagram::bind(&path).unwrap();
        peer.send_to(b"hello", &path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let (_, from) = socket.recv_from(&mut [0; 8]).unwrap();
        assert_eq!(from.as_pathname(), None);
        assert!(!from.is_unnamed());
        socket.send_to_addr(b"back", &from).unwrap();
        assert_eq!(peer.recv(&mut [0; 8]).unwrap(), 4);
    }

    #[test]
    fn a_socket_becomes_stds_and_comes_back() {
        let (one, _other) = UnixStream::pair().unwrap();
        let number = one.as_raw_fd();
        let std = std::os::unix::net::UnixStream::from(one);
        assert_eq!(UnixStream::from(std).as_raw_fd(), number);
    }
}
