//! `dial` and `listen`: a network and an address as text, in the manner of Go's `net.Dial` and `net.Listen`.

use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use crate::addr::{self, Domain, Kind};
use crate::lookup;
use crate::option::SocketOptions;
use crate::socket::raw_descriptor_traits;
use crate::sys;
use crate::tcp::{TcpListener, TcpStream};
use crate::udp::UdpSocket;
use crate::unix::{self, UnixDatagram, UnixListener, UnixStream};

/// Connects to an address of a network.
///
/// | network | address |
/// |---|---|
/// | `tcp`, `tcp4`, `tcp6`, `udp`, `udp4`, `udp6` | `host:port`: a name, an IPv4 address or an IPv6 address in brackets, and a number or the name of a service of TCP or UDP. No host is this machine, no port is 0 |
/// | `unix`, `unixgram` | a path |
///
/// Each address of a name is tried in order.
///
/// ```
/// use std::io::{Read, Write};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = guestnet_guest::listen("tcp", "127.0.0.1:0")?;
/// let mut client = guestnet_guest::dial("tcp", &listener.addr()?.to_string())?;
/// let (mut server, _) = listener.accept()?;
/// client.write_all(b"hello")?;
/// let mut text = [0; 5];
/// server.read_exact(&mut text)?;
/// assert_eq!(&text, b"hello");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `InvalidInput` for another network and for text that is no address; that of the last address otherwise.
pub fn dial(network: &str, address: &str) -> io::Result<Connection> {
    Target::parse(network, address)?.dial(None)
}

/// As [`dial`], and waits at most so long for all addresses together, or for room in the backlog of a UNIX socket. The time for a
/// look-up counts, and is not cut short.
///
/// # Errors
/// `TimedOut`, and those of [`dial`].
pub fn dial_timeout(network: &str, address: &str, timeout: Duration) -> io::Result<Connection> {
    // What no clock can show is for ever.
    let deadline = Instant::now().checked_add(timeout);
    Target::parse(network, address)?.dial(deadline)
}

/// Listens on an address of a network: `tcp`, `tcp4`, `tcp6` or `unix`, as [`dial`] has them.
///
/// `:port` is every address of this machine, of IPv6 and IPv4 for `tcp`; port 0 is one that the host chooses. For datagrams
/// there are [`UdpSocket::bind`] and [`UnixDatagram::bind`].
///
/// # Errors
/// `InvalidInput` for another network and for text that is no address; that of the last address otherwise.
pub fn listen(network: &str, address: &str) -> io::Result<Listener> {
    match Target::parse(network, address)? {
        Target::Inet {
            stream: true,
            domain,
            host,
            port,
        } => listen_tcp(domain, host, port).map(Listener::Tcp),
        Target::Unix { stream: true, path } => UnixListener::bind(path).map(Listener::Unix),
        Target::Inet { .. } | Target::Unix { .. } => Err(addr::invalid("a network without connections")),
    }
}

/// A network and an address, taken apart.
enum Target<'a> {
    Inet {
        stream: bool,
        domain: Option<Domain>,
        host: &'a str,
        port: &'a str,
    },
    Unix {
        stream: bool,
        path: &'a str,
    },
}

impl<'a> Target<'a> {
    fn parse(network: &str, address: &'a str) -> io::Result<Self> {
        let (stream, domain) = match network {
            "tcp" => (true, None),
            "tcp4" => (true, Some(Domain::Inet)),
            "tcp6" => (true, Some(Domain::Inet6)),
            "udp" => (false, None),
            "udp4" => (false, Some(Domain::Inet)),
            "udp6" => (false, Some(Domain::Inet6)),
            "unix" | "unixgram" => {
                return Ok(Self::Unix {
                    stream: network == "unix",
                    path: address,
                });
            }
            _ => return Err(addr::invalid("no such network")),
        };
        let (host, port) = split(address)?;
        Ok(Self::Inet {
            stream,
            domain,
            host,
            port,
        })
    }

    fn dial(&self, deadline: Option<Instant>) -> io::Result<Connection> {
        match *self {
            Self::Unix { stream: true, path } => match deadline {
                None => UnixStream::connect(path).map(Connection::Unix),
                Some(deadline) => {
                    UnixStream::connect_timeout(path, share(deadline, 1)?).map(Connection::Unix)
                }
            },
            Self::Unix { stream: false, path } => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Connection::UnixDatagram(socket))
            }
            Self::Inet {
                stream,
                domain,
                host,
                port,
            } => {
                let kind = if stream { Kind::Stream } else { Kind::Datagram };
                let addrs = addresses(domain, host, lookup::port(port, kind)?, false)?;
                let mut left = addrs.len();
                addr::each(&addrs[..], |addr| {
                    let timeout = deadline.map(|deadline| share(deadline, left)).transpose()?;
                    left -= 1;
                    match (stream, timeout) {
                        (true, None) => TcpStream::connect(addr).map(Connection::Tcp),
                        (true, Some(timeout)) => {
                            TcpStream::connect_timeout(&addr, timeout).map(Connection::Tcp)
                        }
                        (false, _) => UdpSocket::connected(addr).map(Connection::Udp),
                    }
                })
            }
        }
    }
}

/// The part of the time until `deadline` that one of `count` addresses gets.
fn share(deadline: Instant, count: usize) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    let part = left / u32::try_from(count.max(1)).unwrap_or(u32::MAX);
    if part.is_zero() {
        return Err(io::Error::new(io::ErrorKind::TimedOut, "connection timed out"));
    }
    Ok(part)
}

/// `host:port` and `[host]:port`; a host with colons needs its brackets.
fn split(address: &str) -> io::Result<(&str, &str)> {
    let (host, port) = address
        .rsplit_once(':')
        .ok_or_else(|| addr::invalid("the address has no port"))?;
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match inner {
        Some(host) => Ok((host, port)),
        None if host.contains([':', '[', ']']) => {
            Err(addr::invalid("an IPv6 address with a port stands in brackets"))
        }
        None => Ok((host, port)),
    }
}

fn addresses(domain: Option<Domain>, host: &str, port: u16, passive: bool) -> io::Result<Vec<SocketAddr>> {
    if host.is_empty() {
        let (v4, v6) = if passive {
            (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED)
        } else {
            (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST)
        };
        let (v4, v6) = ((v4, port).into(), (v6, port).into());
        return Ok(match domain {
            Some(Domain::Inet) => vec![v4],
            Some(Domain::Inet6) => vec![v6],
            // A listener on [::] takes IPv4 too; a peer on this machine is more likely at 127.0.0.1.
            _ if passive => vec![v6, v4],
            _ => vec![v4, v6],
        });
    }
    lookup::addresses(host, port, domain)
}

fn listen_tcp(domain: Option<Domain>, host: &str, port: &str) -> io::Result<TcpListener> {
    let addrs = addresses(domain, host, lookup::port(port, Kind::Stream)?, true)?;
    let only_v6 = domain == Some(Domain::Inet6);
    addr::each(&addrs[..], |addr| {
        TcpListener::bind_with(addr, |fd| match addr {
            SocketAddr::V6(addr) if addr.ip().is_unspecified() => fd.set_only_v6(only_v6),
            SocketAddr::V4(_) | SocketAddr::V6(_) => Ok(()),
        })
    })
}

/// An address of a connection or a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NetAddr {
    /// Of TCP and UDP.
    Inet(SocketAddr),
    /// Of a UNIX socket.
    Unix(unix::SocketAddr),
}

/// As [`dial`] takes it; nothing for a UNIX socket without a name.
impl std::fmt::Display for NetAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Inet(addr) => addr.fmt(f),
            Self::Unix(addr) => match addr.as_pathname() {
                Some(path) => path.display().fmt(f),
                None => Ok(()),
            },
        }
    }
}

/// What [`dial`] has connected: a stream to read and write, or a socket for datagrams of which a read takes one and a write sends one.
/// A datagram without bytes reads as the end of a stream does.
///
/// [`SocketOptions`](crate::SocketOptions) are there too.
#[derive(Debug)]
pub enum Connection {
    /// `tcp`, `tcp4`, `tcp6`.
    Tcp(TcpStream),
    /// `udp`, `udp4`, `udp6`.
    Udp(UdpSocket),
    /// `unix`.
    Unix(UnixStream),
    /// `unixgram`.
    UnixDatagram(UnixDatagram),
}

/// Calls the same method of whichever socket it is.
macro_rules! of_any {
    ($value:expr, $socket:ident => $call:expr) => {
        match $value {
            Connection::Tcp($socket) => $call,
            Connection::Udp($socket) => $call,
            Connection::Unix($socket) => $call,
            Connection::UnixDatagram($socket) => $call,
        }
    };
}

impl Connection {
    /// The address of this end.
    ///
    /// # Errors
    /// None for a connection.
    pub fn local_addr(&self) -> io::Result<NetAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().map(NetAddr::Inet),
            Self::Udp(socket) => socket.local_addr().map(NetAddr::Inet),
            Self::Unix(socket) => socket.local_addr().map(NetAddr::Unix),
            Self::UnixDatagram(socket) => socket.local_addr().map(NetAddr::Unix),
        }
    }

    /// The address of the other end.
    ///
    /// # Errors
    /// `NotConnected` when it is gone.
    pub fn peer_addr(&self) -> io::Result<NetAddr> {
        match self {
            Self::Tcp(socket) => socket.peer_addr().map(NetAddr::Inet),
            Self::Udp(socket) => socket.peer_addr().map(NetAddr::Inet),
            Self::Unix(socket) => socket.peer_addr().map(NetAddr::Unix),
            Self::UnixDatagram(socket) => socket.peer_addr().map(NetAddr::Unix),
        }
    }

    /// A second owner of the same socket, as [`TcpStream::try_clone`] has it.
    ///
    /// # Errors
    /// `EMFILE` on Linux when there is no descriptor left.
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(socket) => socket.try_clone().map(Self::Tcp),
            Self::Udp(socket) => socket.try_clone().map(Self::Udp),
            Self::Unix(socket) => socket.try_clone().map(Self::Unix),
            Self::UnixDatagram(socket) => socket.try_clone().map(Self::UnixDatagram),
        }
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    /// `NotConnected` when the other end is gone.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        of_any!(self, socket => socket.shutdown(how))
    }

    /// How long a read waits before it is `WouldBlock`; `None` is for ever.
    ///
    /// # Errors
    /// `InvalidInput` for a timeout of zero.
    pub fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        of_any!(self, socket => socket.set_read_timeout(timeout))
    }

    /// How long a write waits before it is `WouldBlock`; `None` is for ever.
    ///
    /// # Errors
    /// `InvalidInput` for a timeout of zero.
    pub fn set_write_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        of_any!(self, socket => socket.set_write_timeout(timeout))
    }

    /// Whether calls return `WouldBlock` (`true`) or wait.
    ///
    /// # Errors
    /// None for a socket.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        of_any!(self, socket => socket.set_nonblocking(nonblocking))
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        of_any!(self, socket => socket.as_fd())
    }
}

impl From<Connection> for OwnedFd {
    /// # Panics
    /// On WASI, while a clone of it exists: WASI cannot duplicate a descriptor.
    fn from(connection: Connection) -> Self {
        of_any!(connection, socket => socket.into())
    }
}

impl Read for Connection {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        sys::recv(self.as_fd(), buf, crate::socket::RecvFlags::default())
    }

    fn read_vectored(&mut self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        sys::recv_vectored(self.as_fd(), bufs)
    }
}

impl Write for Connection {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        sys::send(self.as_fd(), buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(_) | Self::Unix(_) => sys::send_vectored(self.as_fd(), bufs),
            // One datagram, also of more buffers than one call takes.
            Self::Udp(_) | Self::UnixDatagram(_) => {
                let datagram: Vec<u8> = bufs.iter().flat_map(|buf| buf.iter().copied()).collect();
                sys::send(self.as_fd(), &datagram)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What [`listen`] has opened.
#[derive(Debug)]
pub enum Listener {
    /// `tcp`, `tcp4`, `tcp6`.
    Tcp(TcpListener),
    /// `unix`.
    Unix(UnixListener),
}

impl Listener {
    /// Waits for a connection.
    ///
    /// # Errors
    /// `WouldBlock` in non-blocking mode when there is none.
    pub fn accept(&self) -> io::Result<(Connection, NetAddr)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept()?;
                Ok((Connection::Tcp(stream), NetAddr::Inet(peer)))
            }
            Self::Unix(listener) => {
                let (stream, peer) = listener.accept()?;
                Ok((Connection::Unix(stream), NetAddr::Unix(peer)))
            }
        }
    }

    /// Where it listens.
    ///
    /// # Errors
    /// None for a listener.
    pub fn addr(&self) -> io::Result<NetAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(NetAddr::Inet),
            Self::Unix(listener) => listener.local_addr().map(NetAddr::Unix),
        }
    }

    /// A second owner of the same socket, as [`TcpStream::try_clone`] has it.
    ///
    /// # Errors
    /// `EMFILE` on Linux when there is no descriptor left.
    pub fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(listener) => listener.try_clone().map(Self::Tcp),
            Self::Unix(listener) => listener.try_clone().map(Self::Unix),
        }
    }

    /// Whether [`accept`](Self::accept) returns `WouldBlock` (`true`) or waits.
    ///
    /// # Errors
    /// None for a listener.
    pub fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Self::Tcp(listener) => listener.set_nonblocking(nonblocking),
            Self::Unix(listener) => listener.set_nonblocking(nonblocking),
        }
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

impl From<Listener> for OwnedFd {
    /// # Panics
    /// On WASI, while a clone of it exists: WASI cannot duplicate a descriptor.
    fn from(listener: Listener) -> Self {
        match listener {
            Listener::Tcp(listener) => listener.into(),
            Listener::Unix(listener) => listener.into(),
        }
    }
}

raw_descriptor_traits!(Connection);
raw_descriptor_traits!(Listener);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port() {
        assert_eq!(split("a:1").unwrap(), ("a", "1"));
        assert_eq!(split(":http").unwrap(), ("", "http"));
        assert_eq!(split("[::1]:80").unwrap(), ("::1", "80"));
        for wrong in ["a", "::1:80", "[::1]", "[::1", "a]:1"] {
            assert!(split(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_address_gets_its_share_of_the_time_that_is_left() {
        let deadline = Instant::now() + Duration::from_secs(100);
        assert!(share(deadline, 4).unwrap() <= Duration::from_secs(25));
        assert!(share(deadline, 1).unwrap() > Duration::from_secs(25));
        assert_eq!(
            share(Instant::now(), 1).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
    }

    #[test]
    fn no_host_is_this_machine_and_for_a_listener_all_of_it() {
        let dial = |domain| addresses(domain, "", 80, false).unwrap();
        let listen = |domain| addresses(domain, "", 80, true).unwrap();
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(dial(None), [parse("127.0.0.1:80"), parse("[::1]:80")]);
        assert_eq!(dial(Some(Domain::Inet6)), [parse("[::1]:80")]);
        assert_eq!(listen(None), [parse("[::]:80"), parse("0.0.0.0:80")]);
        assert_eq!(listen(Some(Domain::Inet)), [parse("0.0.0.0:80")]);
    }
}
