//! [`World`]: what the suite has to know of a host under test in addition to [`Host`], and the peers that it makes.
//!
//! A peer is a socket of the world that is not the guest's. Nothing here names an operating system: the kernel's world
//! makes `std::net` peers, another world makes its own.

use std::fmt;
use std::io::{self, Read, Seek, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::path::Path;

use guestnet_core::Host;

/// Something that a host may lack. A behaviour that needs it does not apply then, and the suite gives the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Capability {
    /// IPv6 on loopback, with IPv4 peers of an IPv6 socket.
    Ipv6,
    /// Multicast groups and broadcasts on loopback.
    Groups,
    /// Urgent data of TCP.
    UrgentData,
    /// What a kernel knows of a TCP connection (`TCP_INFO`).
    TcpInfo,
    /// UNIX sockets at paths of this machine, where other programs have theirs too ([`World::add_directory`]).
    UnixSockets,
    /// socketpair(2).
    SocketPairs,
    /// pipe(2) by the guest.
    Pipes,
    /// sendfile(2) and splice(2).
    Bulk,
    /// Pipes whose other end is a peer's ([`World::pipe_to_guest`], [`World::pipe_from_guest`]).
    ByteStreams,
    /// Regular files as byte streams ([`World::file`]).
    Files,
    /// epoll_create1(2).
    Epoll,
    /// eventfd(2) and timerfd_create(2).
    Events,
    /// A resolver that can be waited for.
    Resolver,
    /// The names of services(5).
    Services,
    /// Sockets that were open before the guest began ([`World::hand_over_listener`], [`World::hand_over_stream`]).
    HandOver,
    /// Descriptors of this process, one for each socket, which `/proc/self/fd` lists.
    KernelDescriptors,
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Capability::Ipv6 => "IPv6",
            Capability::Groups => "groups and broadcasts",
            Capability::UrgentData => "urgent data",
            Capability::TcpInfo => "TCP_INFO",
            Capability::UnixSockets => "UNIX sockets",
            Capability::SocketPairs => "socketpair(2)",
            Capability::Pipes => "pipe(2)",
            Capability::Bulk => "sendfile(2) and splice(2)",
            Capability::ByteStreams => "byte streams",
            Capability::Files => "regular files",
            Capability::Epoll => "epoll",
            Capability::Events => "eventfd and timerfd",
            Capability::Resolver => "a resolver",
            Capability::Services => "service names",
            Capability::HandOver => "sockets that were open before the guest",
            Capability::KernelDescriptors => "kernel descriptors",
        })
    }
}

/// A host under test, with its guests' peers. Each behaviour has a world of its own.
///
/// Every peer is blocking until it is set otherwise, and each of its waits ends with an error after [`PATIENCE`], so that
/// a failed behaviour does not hang. The optional parts panic by default: a world has them where [`World::lacks`] does not
/// give a reason.
///
/// [`PATIENCE`]: crate::PATIENCE
pub trait World: Sized + Send + Sync + 'static {
    /// The host under test.
    type Host: Host + 'static;
    /// A TCP listener.
    type Listener: PeerListener<Stream = Self::Stream>;
    /// A TCP connection.
    type Stream: PeerStream;
    /// A UDP socket.
    type Udp: PeerUdp;

    /// Why the behaviours that need a capability do not apply to this host; `None` if they do.
    fn lacks(capability: Capability) -> Option<&'static str>;

    /// A host of its own for one guest.
    fn host(&self) -> Self::Host;

    /// What ends that guest's waits from another thread.
    fn stopper(&self, host: &Self::Host) -> Box<dyn Fn() + Send>;

    /// Whether the thread that calls this waits in a call of its host, asked from another thread. It may say so too early:
    /// then what the other thread does comes early, and a behaviour is shown less sharply but never wrongly.
    fn waits(&self) -> Box<dyn Fn() -> bool + Send>;

    /// A peer that listens, with room for at least 16 connections.
    ///
    /// # Errors
    /// What the world says.
    fn listen(&self, addr: impl Into<SocketAddr>) -> io::Result<Self::Listener>;

    /// A peer that has connected.
    ///
    /// # Errors
    /// What the world says.
    fn connect(&self, addr: impl Into<SocketAddr>) -> io::Result<Self::Stream>;

    /// A peer that is bound.
    ///
    /// # Errors
    /// What the world says.
    fn udp(&self, addr: impl Into<SocketAddr>) -> io::Result<Self::Udp>;

    /// Gives a peer's listener to a guest's host.
    fn hand_over_listener(&self, host: &mut Self::Host, listener: Self::Listener) -> Io<Self> {
        let _ = (host, listener);
        lacking(Capability::HandOver)
    }

    /// Gives a peer's connection to a guest's host.
    fn hand_over_stream(&self, host: &mut Self::Host, stream: Self::Stream) -> Io<Self> {
        let _ = (host, stream);
        lacking(Capability::HandOver)
    }

    /// A pipe from a peer to a guest.
    fn pipe_to_guest(&self, host: &mut Self::Host) -> (Io<Self>, Box<dyn Write + Send>) {
        let _ = host;
        lacking(Capability::ByteStreams)
    }

    /// A pipe from a guest to a peer.
    fn pipe_from_guest(&self, host: &mut Self::Host) -> (Io<Self>, Box<dyn Read + Send>) {
        let _ = host;
        lacking(Capability::ByteStreams)
    }

    /// An empty regular file, open for reading and writing, and what moves its position.
    fn file(&self, host: &mut Self::Host) -> (Io<Self>, Box<dyn Seek>) {
        let _ = host;
        lacking(Capability::Files)
    }

    /// Lets UNIX socket paths below `guest` reach `directory`.
    fn add_directory(&self, host: &mut Self::Host, directory: &Path, guest: &str) {
        let _ = (host, directory, guest);
        lacking(Capability::UnixSockets)
    }
}

/// What a world's host calls an open socket or stream.
pub type Io<W> = <<W as World>::Host as Host>::Io;

fn lacking(capability: Capability) -> ! {
    panic!("a world without {capability} was asked for it")
}

/// A TCP listener that is not the guest's. The methods are those of [`std::net::TcpListener`].
pub trait PeerListener: fmt::Debug + Sized + Send + Sync {
    /// What it accepts.
    type Stream: PeerStream;

    /// The address that it listens on.
    ///
    /// # Errors
    /// What the world says.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// The next connection and its address.
    ///
    /// # Errors
    /// `WouldBlock` if it does not wait. What the world says.
    fn accept(&self) -> io::Result<(Self::Stream, SocketAddr)>;

    /// Whether its calls wait.
    ///
    /// # Errors
    /// What the world says.
    fn set_nonblocking(&self, on: bool) -> io::Result<()>;

    /// Another handle of the same open listener.
    ///
    /// # Errors
    /// What the world says.
    fn try_clone(&self) -> io::Result<Self>;
}

/// A TCP connection that is not the guest's. The methods are those of [`std::net::TcpStream`], [`Read`] and [`Write`].
pub trait PeerStream: fmt::Debug + Send + Sync {
    /// Its own address.
    ///
    /// # Errors
    /// What the world says.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Receives what there is.
    ///
    /// # Errors
    /// `ConnectionReset`. What the world says.
    fn read(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// As [`PeerStream::read`], and leaves it there.
    ///
    /// # Errors
    /// As [`PeerStream::read`].
    fn peek(&self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Sends what fits.
    ///
    /// # Errors
    /// What the world says.
    fn write(&self, data: &[u8]) -> io::Result<usize>;

    /// Closes one direction or both.
    ///
    /// # Errors
    /// What the world says.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// Sends everything.
    ///
    /// # Errors
    /// As [`PeerStream::write`].
    fn write_all(&self, data: &[u8]) -> io::Result<()> {
        ReadWrite(self).write_all(data)
    }

    /// Fills the buffer.
    ///
    /// # Errors
    /// As [`PeerStream::read`], and `UnexpectedEof`.
    fn read_exact(&self, buffer: &mut [u8]) -> io::Result<()> {
        ReadWrite(self).read_exact(buffer)
    }

    /// Receives until the end of file.
    ///
    /// # Errors
    /// As [`PeerStream::read`].
    fn read_to_end(&self, data: &mut Vec<u8>) -> io::Result<usize> {
        ReadWrite(self).read_to_end(data)
    }
}

/// A peer as the traits of `std::io` see it.
struct ReadWrite<'s, S: ?Sized>(&'s S);

impl<S: PeerStream + ?Sized> Read for ReadWrite<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<S: PeerStream + ?Sized> Write for ReadWrite<'_, S> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A UDP socket that is not the guest's. The methods are those of [`std::net::UdpSocket`].
pub trait PeerUdp: fmt::Debug + Send + Sync {
    /// The address that it is bound to.
    ///
    /// # Errors
    /// What the world says.
    fn local_addr(&self) -> io::Result<SocketAddr>;

    /// Connects it.
    ///
    /// # Errors
    /// What the world says.
    fn connect(&self, addr: impl Into<SocketAddr>) -> io::Result<()>;

    /// Sends a datagram to the peer that it is connected to.
    ///
    /// # Errors
    /// What the world says.
    fn send(&self, data: &[u8]) -> io::Result<usize>;

    /// Sends a datagram.
    ///
    /// # Errors
    /// What the world says.
    fn send_to(&self, data: &[u8], addr: impl Into<SocketAddr>) -> io::Result<usize>;

    /// Receives a datagram, with its sender.
    ///
    /// # Errors
    /// `WouldBlock` if it does not wait. What the world says.
    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)>;

    /// Receives a datagram.
    ///
    /// # Errors
    /// As [`PeerUdp::recv_from`].
    fn recv(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.recv_from(buffer).map(|(count, _)| count)
    }

    /// Whether its calls wait.
    ///
    /// # Errors
    /// What the world says.
    fn set_nonblocking(&self, on: bool) -> io::Result<()>;

    /// Joins a group at an interface. A world with [`Capability::Groups`] has it.
    ///
    /// # Errors
    /// What the world says.
    fn join(&self, group: Ipv4Addr, interface: Ipv4Addr) -> io::Result<()> {
        let _ = (group, interface);
        lacking(Capability::Groups)
    }
}
