//! tokio's connections and listeners, opened by this crate. Nothing of UDP and of UNIX sockets: `from_std` takes them.
//!
//! tokio itself opens no socket on wasm32-wasip1. On wasm32-wasip2 it does, but its look-up of names needs a thread, and its
//! `accept` needs what the C library of Rust 1.95 does not have. The functions here work on both, and on Linux.
//!
//! On WASI tokio has sockets with `--cfg tokio_unstable` in the flags of rustc only.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};

use ::tokio::io::Interest;
use ::tokio::net::TcpStream;

use crate::SocketOptions;
use crate::addr::{self, ToSocketAddrs};

/// Connects to the first of the addresses that accepts, as `tokio::net::TcpStream::connect`.
///
/// The look-up of a name waits for its answer; the connection does not hold other tasks up.
///
/// # Errors
/// That of the last address: `ConnectionRefused`, `TimedOut`, `PermissionDenied` (of the policy), …; see [`ToSocketAddrs`].
pub async fn connect<A: ToSocketAddrs>(addr: A) -> io::Result<TcpStream> {
    let mut last = None;
    for addr in addr.to_socket_addrs()? {
        match connect_to(addr).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| addr::invalid("could not resolve to any addresses")))
}

async fn connect_to(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = crate::TcpStream::connect_nonblocking(&addr)?;
    let stream = TcpStream::from_std(stream.into())?;
    stream.writable().await?;
    match stream.pending_error()? {
        Some(error) => Err(error),
        None => Ok(stream),
    }
}

/// A TCP socket that takes connections, as `tokio::net::TcpListener`.
pub struct TcpListener {
    /// tokio waits for any descriptor through this type; nothing reads or writes here.
    readiness: TcpStream,
}

impl TcpListener {
    /// Listens on the first of the addresses that can be bound, as [`crate::TcpListener::bind`].
    ///
    /// # Errors
    /// Those of [`crate::TcpListener::bind`].
    ///
    /// # Panics
    /// Outside of a runtime of tokio, as every type of tokio.
    pub fn bind<A: ToSocketAddrs>(addr: A) -> io::Result<Self> {
        Self::from_listener(crate::TcpListener::bind(addr)?)
    }

    /// The same from a listener that is there, whichever mode it is in.
    ///
    /// # Errors
    /// Those of tokio's runtime.
    ///
    /// # Panics
    /// Outside of a runtime of tokio, as every type of tokio.
    pub fn from_listener(listener: crate::TcpListener) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let descriptor = std::os::fd::OwnedFd::from(listener);
        let readiness = TcpStream::from_std(descriptor.into())?;
        Ok(Self { readiness })
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// Those of [`crate::TcpListener::accept`].
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let accept = || crate::sys::accept(self.as_fd());
        let (descriptor, peer) = self.readiness.async_io(Interest::READABLE, accept).await?;
        let stream = crate::TcpStream::from(descriptor);
        stream.set_nonblocking(true)?;
        Ok((TcpStream::from_std(stream.into())?, peer.inet()?))
    }

    /// getsockname(2): the address that it listens on.
    ///
    /// # Errors
    /// None for a listener.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        crate::sys::local_addr(self.as_fd())?.inet()
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.readiness.as_fd()
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("TcpListener");
        if let Ok(addr) = self.local_addr() {
            shown.field("addr", &addr);
        }
        shown.finish_non_exhaustive()
    }
}
