//! TCP: streams and listeners, as in [`std::net`]. Nothing of other families here.

use std::io;
use std::iter::FusedIterator;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;
use std::{fmt, net};

use crate::addr::{self, Addr, Kind, ToSocketAddrs};
use crate::option::{self, Opt};
use crate::poll::{self, Events, PollFd};
use crate::socket::{
    RecvFlags, Socket, descriptor_traits, every_connection, every_socket, halves, stream_traits,
};
use crate::sys;

/// How many connections wait in a listener that std's `bind` makes.
const BACKLOG: i32 = 128;

/// A TCP connection, as [`std::net::TcpStream`].
///
/// Options that std does not have are in [`SocketOptions`](crate::SocketOptions).
pub struct TcpStream(Socket);

impl TcpStream {
    /// Connects to the first of the addresses that accepts.
    ///
    /// # Errors
    /// That of the last address: `ConnectionRefused`, `TimedOut`, `PermissionDenied` (of the policy), …; see [`ToSocketAddrs`].
    pub fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        addr::each(addr, |addr| {
            Socket::connect(&Addr::Inet(addr), Kind::Stream).map(Self)
        })
    }

    /// Connects to one address, and waits at most so long.
    ///
    /// # Errors
    /// `TimedOut` when the time has passed, `InvalidInput` for a timeout of zero, and those of [`connect`](Self::connect).
    pub fn connect_timeout(addr: &SocketAddr, timeout: Duration) -> io::Result<Self> {
        if timeout.is_zero() {
            return Err(addr::invalid("cannot set a 0 duration timeout"));
        }
        let stream = Self::connect_nonblocking(addr)?;
        if poll::poll(&mut [PollFd::new(&stream, Events::WRITABLE)], Some(timeout))? == 0 {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "connection timed out"));
        }
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        stream.set_nonblocking(false)?;
        Ok(stream)
    }

    /// Begins to connect to one address, and does not wait. The stream is in non-blocking mode.
    ///
    /// When it is writable, in [`poll`](crate::poll) or a runtime, the connection is there or has failed, which
    /// [`take_error`](Self::take_error) says.
    ///
    /// # Errors
    /// Those of [`connect`](Self::connect) that are known at once, such as `PermissionDenied`.
    pub fn connect_nonblocking(addr: &SocketAddr) -> io::Result<Self> {
        let addr = Addr::Inet(*addr);
        let socket = Socket::open(addr.domain(), Kind::Stream)?;
        sys::set_nonblocking(socket.as_fd(), true)?;
        match sys::connect(socket.as_fd(), &addr) {
            Err(error) if !sys::is_in_progress(&error) => Err(error),
            Ok(()) | Err(_) => Ok(Self(socket)),
        }
    }

    /// getpeername(2): the address of the other end.
    ///
    /// # Errors
    /// `NotConnected` when it is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        sys::peer_addr(self.as_fd())?.inet()
    }

    /// getsockname(2): the address of this end.
    ///
    /// # Errors
    /// None for a connection.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::local_addr(self.as_fd())?.inet()
    }

    /// Receives without taking what was received: the next read gets it again.
    ///
    /// # Errors
    /// Those of a read.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        sys::recv(self.as_fd(), buf, RecvFlags::PEEK)
    }

    /// `TCP_NODELAY`: small writes are sent at once.
    ///
    /// # Errors
    /// None for a connection.
    pub fn set_nodelay(&self, nodelay: bool) -> io::Result<()> {
        sys::set_option(self.as_fd(), Opt::TcpNoDelay, nodelay.into())
    }

    /// `TCP_NODELAY`.
    ///
    /// # Errors
    /// None for a connection.
    pub fn nodelay(&self) -> io::Result<bool> {
        Ok(sys::option(self.as_fd(), Opt::TcpNoDelay)? != 0)
    }

    /// `IP_TTL`: over how many routers a packet goes at most.
    ///
    /// # Errors
    /// `InvalidInput` if it is not in 1 to 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        sys::set_option(self.as_fd(), Opt::IpTtl, option::int(ttl)?)
    }

    /// `IP_TTL`.
    ///
    /// # Errors
    /// None for a connection.
    pub fn ttl(&self) -> io::Result<u32> {
        sys::option(self.as_fd(), Opt::IpTtl).map(option::unsigned)
    }

    every_socket!();
    every_connection!();
    halves!();
}

/// A TCP socket that takes connections, as [`std::net::TcpListener`].
pub struct TcpListener(Socket);

impl TcpListener {
    /// Listens on the first of the addresses that can be bound, with `SO_REUSEADDR`; port 0 is one that the host chooses.
    ///
    /// # Errors
    /// That of the last address: `AddrInUse`, `AddrNotAvailable`, `PermissionDenied` (of the policy), …; see [`ToSocketAddrs`].
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        addr::each(addr, |addr| Self::bind_with(addr, |_| Ok(())))
    }

    /// As [`bind`](Self::bind) for one address, with options that have to be set before.
    pub(crate) fn bind_with(
        addr: SocketAddr,
        prepare: impl FnOnce(std::os::fd::BorrowedFd<'_>) -> io::Result<()>,
    ) -> io::Result<Self> {
        let socket = Socket::bind(&Addr::Inet(addr), Kind::Stream, |fd| {
            sys::set_option(fd, Opt::ReuseAddr, 1)?;
            prepare(fd)
        })?;
        sys::listen(socket.as_fd(), BACKLOG)?;
        Ok(Self(socket))
    }

    /// listen(2) again, with another backlog: how many connections wait for [`accept`](Self::accept). std has 128.
    ///
    /// # Errors
    /// None for a listener.
    pub fn set_backlog(&self, backlog: u32) -> io::Result<()> {
        sys::listen(self.as_fd(), option::int(backlog)?)
    }

    /// getsockname(2): the address that it listens on.
    ///
    /// # Errors
    /// None for a listener.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        sys::local_addr(self.as_fd())?.inet()
    }

    /// accept(2): waits for a connection.
    ///
    /// WASI's function does not return the address, which is read from the connection. If the peer has reset it by then, the address
    /// on wasm32-wasip1 is `0.0.0.0:0` or `[::]:0`.
    ///
    /// # Errors
    /// `WouldBlock` in non-blocking mode when there is none.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (fd, peer) = sys::accept(self.as_fd())?;
        Ok((TcpStream::from(fd), peer.inet()?))
    }

    /// The connections that come, for ever.
    #[must_use]
    pub fn incoming(&self) -> Incoming<'_> {
        Incoming { listener: self }
    }

    /// `IP_TTL` of the connections that come.
    ///
    /// # Errors
    /// `InvalidInput` if it is not in 1 to 255.
    pub fn set_ttl(&self, ttl: u32) -> io::Result<()> {
        sys::set_option(self.as_fd(), Opt::IpTtl, option::int(ttl)?)
    }

    /// `IP_TTL`.
    ///
    /// # Errors
    /// None for a listener.
    pub fn ttl(&self) -> io::Result<u32> {
        sys::option(self.as_fd(), Opt::IpTtl).map(option::unsigned)
    }

    every_socket!();
}

/// The connections of a [`TcpListener`], from [`TcpListener::incoming`].
#[derive(Debug)]
pub struct Incoming<'a> {
    listener: &'a TcpListener,
}

impl Iterator for Incoming<'_> {
    type Item = io::Result<TcpStream>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.listener.accept().map(|(stream, _)| stream))
    }
}

impl FusedIterator for Incoming<'_> {}

descriptor_traits!(TcpStream, net::TcpStream);
descriptor_traits!(TcpListener, net::TcpListener);
stream_traits!(TcpStream, &TcpStream);

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TcpStream");
        if let Ok(addr) = self.local_addr() {
            shown.field("addr", &addr);
        }
        if let Ok(peer) = self.peer_addr() {
            shown.field("peer", &peer);
        }
        shown.field("fd", &self.as_raw_fd()).finish()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TcpListener");
        if let Ok(addr) = self.local_addr() {
            shown.field("addr", &addr);
        }
        shown.field("fd", &self.as_raw_fd()).finish()
    }
}
