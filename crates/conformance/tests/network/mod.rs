//! [`Peer`]: peers of a guest that are sockets of a simulated network, and what runs a suite as tests.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Write};
use std::net::{Shutdown, SocketAddr};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use guestnet_conformance::{Behaviour, PATIENCE, PeerListener, PeerStream, PeerUdp};
use guestnet_core::{Domain, Errno, Host, Kind, Ready, RecvFlags, RecvMeta, SendFlags, SockAddr};
use guestnet_host_sim::{Io, Network, SimHost};
use libtest_mimic::{Arguments, Trial};

/// A socket of the network that blocks.
#[derive(Debug)]
pub(crate) struct Peer {
    network: Network,
    pub(crate) io: Io,
    /// What it was opened for.
    pub(crate) addr: SocketAddr,
    nonblocking: AtomicBool,
}

fn error(errno: Errno) -> io::Error {
    let kind = match errno {
        Errno::EAGAIN => ErrorKind::WouldBlock,
        Errno::ECONNRESET => ErrorKind::ConnectionReset,
        Errno::ECONNREFUSED => ErrorKind::ConnectionRefused,
        Errno::EPIPE => ErrorKind::BrokenPipe,
        _ => ErrorKind::Other,
    };
    io::Error::new(kind, errno)
}

impl Peer {
    /// A peer that listens.
    pub(crate) fn listening(network: &Network, addr: SocketAddr) -> io::Result<Peer> {
        let peer = Peer::open(network, addr, Kind::Stream)?;
        let mut host = peer.host();
        host.bind(&peer.io, peer.addr).map_err(error)?;
        host.listen(&peer.io, 128).map_err(error)?;
        Ok(peer)
    }

    /// A peer that has connected.
    pub(crate) fn connected(network: &Network, addr: SocketAddr) -> io::Result<Peer> {
        let peer = Peer::open(network, addr, Kind::Stream)?;
        let to = SockAddr::Inet(peer.addr);
        match peer.host().connect(&peer.io, &to) {
            Err(Errno::EINPROGRESS) => {}
            outcome => return outcome.map(|()| peer).map_err(error),
        }
        if !peer
            .host()
            .wait(&peer.io, Ready::WRITE, Some(PATIENCE))
            .map_err(error)?
        {
            return Err(ErrorKind::TimedOut.into());
        }
        peer.host().connect(&peer.io, &to).map_err(error)?;
        Ok(peer)
    }

    /// A peer of UDP that is bound.
    pub(crate) fn bound(network: &Network, addr: SocketAddr) -> io::Result<Peer> {
        let peer = Peer::open(network, addr, Kind::Datagram)?;
        peer.host().bind(&peer.io, peer.addr).map_err(error)?;
        Ok(peer)
    }

    fn open(network: &Network, addr: SocketAddr, kind: Kind) -> io::Result<Peer> {
        let domain = if addr.is_ipv4() {
            Domain::Inet
        } else {
            Domain::Inet6
        };
        let io = network.host().socket(domain, kind).map_err(error)?;
        Ok(Peer::of(network, io, addr))
    }

    fn of(network: &Network, io: Io, addr: SocketAddr) -> Peer {
        Peer {
            network: network.clone(),
            io,
            addr,
            nonblocking: AtomicBool::new(false),
        }
    }

    /// A host of its own for each call: several threads may call.
    fn host(&self) -> SimHost {
        self.network.host()
    }

    /// Tries a call until it does not have to wait.
    fn block<T>(
        &self,
        want: Ready,
        mut call: impl FnMut(&mut SimHost, &Io) -> Result<T, Errno>,
    ) -> io::Result<T> {
        let mut host = self.host();
        loop {
            match call(&mut host, &self.io) {
                Err(Errno::EAGAIN) if !self.nonblocking.load(Ordering::Relaxed) => {}
                outcome => return outcome.map_err(error),
            }
            if !host.wait(&self.io, want, Some(PATIENCE)).map_err(error)? {
                return Err(ErrorKind::TimedOut.into());
            }
        }
    }

    fn receive(&self, buffer: &mut [u8], flags: RecvFlags) -> io::Result<(RecvMeta, SockAddr)> {
        self.block(Ready::READ, |host, io| {
            host.recv_from(io, &mut [IoSliceMut::new(buffer)], flags)
        })
    }

    fn local(&self) -> io::Result<SocketAddr> {
        let addr = self.host().local_addr(&self.io).map_err(error)?;
        addr.inet().ok_or(ErrorKind::Other.into())
    }

    fn set_mode(&self, nonblocking: bool) {
        self.nonblocking.store(nonblocking, Ordering::Relaxed);
    }
}

impl PeerListener for Peer {
    type Stream = Peer;

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local()
    }

    fn accept(&self) -> io::Result<(Peer, SocketAddr)> {
        let (io, from) = self.block(Ready::READ, |host, io| host.accept(io))?;
        let from = from.inet().ok_or(ErrorKind::Other)?;
        Ok((Peer::of(&self.network, io, from), from))
    }

    fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        self.set_mode(on);
        Ok(())
    }

    fn try_clone(&self) -> io::Result<Self> {
        Ok(Peer::of(&self.network, self.io.share(), self.addr))
    }
}

impl PeerStream for Peer {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local()
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (received, _) = self.receive(buffer, RecvFlags::empty())?;
        Ok(received.len)
    }

    fn peek(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let (received, _) = self.receive(buffer, RecvFlags::PEEK)?;
        Ok(received.len)
    }

    fn write(&self, data: &[u8]) -> io::Result<usize> {
        self.block(Ready::WRITE, |host, io| {
            host.send(io, &[IoSlice::new(data)], SendFlags::empty())
        })
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => guestnet_core::Shutdown::Read,
            Shutdown::Write => guestnet_core::Shutdown::Write,
            Shutdown::Both => guestnet_core::Shutdown::Both,
        };
        self.host().shutdown(&self.io, how).map_err(error)
    }
}

impl PeerUdp for Peer {
    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.local()
    }

    fn connect(&self, addr: impl Into<SocketAddr>) -> io::Result<()> {
        self.host()
            .connect(&self.io, &SockAddr::Inet(addr.into()))
            .map_err(error)
    }

    fn send(&self, data: &[u8]) -> io::Result<usize> {
        PeerStream::write(self, data)
    }

    fn send_to(&self, data: &[u8], addr: impl Into<SocketAddr>) -> io::Result<usize> {
        let addr = addr.into();
        self.block(Ready::WRITE, |host, io| {
            host.send_to(io, &[IoSlice::new(data)], addr, SendFlags::empty())
        })
    }

    fn recv_from(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (received, from) = self.receive(buffer, RecvFlags::empty())?;
        Ok((received.len, from.inet().ok_or(ErrorKind::Other)?))
    }

    fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        self.set_mode(on);
        Ok(())
    }
}

/// Runs behaviours as tests. What does not apply, or cannot be shown for the reason that `cannot` gives, is listed with the
/// reason, and counts as ignored.
pub(crate) fn run(suite: Vec<Behaviour>, cannot: fn(&str) -> Option<&'static str>) -> ExitCode {
    let why = |behaviour: &Behaviour| match behaviour.inapplicable {
        Some(why) => Some(why.to_string()),
        None => cannot(behaviour.name).map(|reason| format!("not applicable: {reason}")),
    };
    let mut lacks: BTreeMap<String, usize> = BTreeMap::new();
    for why in suite.iter().filter_map(why) {
        *lacks.entry(why).or_default() += 1;
    }
    let arguments = Arguments::from_args();
    let trial = |behaviour: Behaviour| {
        let ignored = why(&behaviour).is_some();
        let kind = behaviour.inapplicable.map(|why| format!("needs {}", why.needs));
        let trial = Trial::test(behaviour.name, move || {
            behaviour.run();
            Ok(())
        });
        trial
            .with_kind(kind.unwrap_or_default())
            .with_ignored_flag(ignored)
    };
    let conclusion = libtest_mimic::run(&arguments, suite.into_iter().map(trial).collect());
    if !arguments.list {
        for (why, count) in lacks {
            // A closed stdout is no failure of the host.
            let _ = writeln!(io::stdout(), "{count:3} {why}");
        }
    }
    conclusion.exit_code()
}
