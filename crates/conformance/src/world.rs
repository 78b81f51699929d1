//! The guest's side of a behaviour: guests, and shorthand for their calls.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use guestnet_core::policy::{Policy, PolicyBuilder, Use};
use guestnet_core::{
    Capacity, Clock, Domain, Fd, GuestThread, Host, Kind, Ready, Received, RecvFlags, Result, SendFlags,
    SockAddr,
};

use crate::behaviour::watch;
use crate::{MakeHost, Tested};

/// 127.0.0.1 with a port of the kernel's choice.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// A guest that may do everything.
pub(crate) fn guest<M: MakeHost>() -> Tested<M> {
    guest_on::<M>(M::host(), Policy::allow_all())
}

/// A guest under a policy.
pub(crate) fn guest_under<M: MakeHost>(policy: Policy) -> Tested<M> {
    guest_on::<M>(M::host(), policy)
}

/// A guest on a host that was prepared.
pub(crate) fn guest_on<M: MakeHost>(host: M::Host, policy: Policy) -> Tested<M> {
    guest_with::<M>(host, policy, Capacity::default())
}

/// A guest with room for so many descriptors and sockets.
pub(crate) fn guest_with<M: MakeHost>(host: M::Host, policy: Policy, capacity: Capacity) -> Tested<M> {
    watch(M::stopper(&host));
    GuestThread::new(host, Arc::new(policy), capacity)
}

/// A policy that allows what these rules say.
pub(crate) fn allow(rules: &[(Use, &str)]) -> Policy {
    let mut builder = PolicyBuilder::new();
    for (usage, text) in rules {
        builder.allow(*usage, text).unwrap();
    }
    builder.build()
}

/// A policy that allows everything but what these rules say.
pub(crate) fn deny(rules: &[(Use, &str)]) -> Policy {
    let mut builder = PolicyBuilder::new();
    builder.allow_net();
    for (usage, text) in rules {
        builder.deny(*usage, text).unwrap();
    }
    builder.build()
}

/// A guest's pipe: what is written to the second end is read from the first.
pub(crate) fn pipe_to_guest<M: MakeHost>(host: &mut M::Host) -> (<M::Host as Host>::Io, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().unwrap();
    (M::adopt_stream(host, OwnedFd::from(reader)), writer)
}

/// The calls of a guest in the forms that the behaviours use most.
pub(crate) trait Calls {
    fn tcp(&mut self) -> Fd;
    fn udp(&mut self) -> Fd;
    /// A blocking TCP listener on 127.0.0.1.
    fn tcp_listener(&mut self) -> (Fd, SocketAddr);
    /// A UDP socket bound to 127.0.0.1.
    fn udp_bound(&mut self) -> (Fd, SocketAddr);
    /// A blocking TCP connection from the guest to a std peer.
    fn tcp_pair(&mut self) -> (Fd, TcpStream);
    fn inet_addr(&mut self, fd: Fd) -> SocketAddr;
    fn dial(&mut self, fd: Fd, addr: SocketAddr) -> Result<()>;
    fn say(&mut self, fd: Fd, data: &[u8]) -> Result<usize>;
    fn say_to(&mut self, fd: Fd, data: &[u8], addr: SocketAddr) -> Result<usize>;
    fn hear(&mut self, fd: Fd, room: usize, flags: RecvFlags) -> Result<Vec<u8>>;
    /// As `hear`, with what the host says of it; the whole buffer comes back.
    fn hear_from(&mut self, fd: Fd, room: usize, flags: RecvFlags) -> Result<(Vec<u8>, Received, SockAddr)>;
    fn soft(&mut self, fd: Fd);
    /// One poll of some descriptors: for each the readiness, empty if it was not reported.
    fn poll(&mut self, set: &[(Fd, Ready)], timeout: Option<Duration>) -> Result<Vec<Ready>>;
    /// Waits until a descriptor is ready for any of `want`.
    fn until(&mut self, fd: Fd, want: Ready) -> Ready;
    fn elapsed(&self, since: Duration) -> Duration;
    fn clock(&self) -> Duration;
}

impl<H: Host> Calls for GuestThread<H, u32> {
    fn tcp(&mut self) -> Fd {
        self.socket(Domain::Inet, Kind::Stream).unwrap()
    }

    fn udp(&mut self) -> Fd {
        self.socket(Domain::Inet, Kind::Datagram).unwrap()
    }

    fn tcp_listener(&mut self) -> (Fd, SocketAddr) {
        let fd = self.tcp();
        self.bind(fd, &LOOPBACK.into()).unwrap();
        self.listen(fd, 16).unwrap();
        (fd, self.inet_addr(fd))
    }

    fn udp_bound(&mut self) -> (Fd, SocketAddr) {
        let fd = self.udp();
        self.bind(fd, &LOOPBACK.into()).unwrap();
        (fd, self.inet_addr(fd))
    }

    fn tcp_pair(&mut self) -> (Fd, TcpStream) {
        let listener = TcpListener::bind(LOOPBACK).unwrap();
        let fd = self.tcp();
        self.dial(fd, listener.local_addr().unwrap()).unwrap();
        let (peer, from) = listener.accept().unwrap();
        assert_eq!(from, self.inet_addr(fd));
        (fd, crate::peer::patient(peer))
    }

    fn inet_addr(&mut self, fd: Fd) -> SocketAddr {
        self.local_addr(fd).unwrap().inet().unwrap()
    }

    fn dial(&mut self, fd: Fd, addr: SocketAddr) -> Result<()> {
        self.connect(fd, &addr.into())
    }

    fn say(&mut self, fd: Fd, data: &[u8]) -> Result<usize> {
        self.send(fd, &mut [IoSlice::new(data)], SendFlags::empty())
    }

    fn say_to(&mut self, fd: Fd, data: &[u8], addr: SocketAddr) -> Result<usize> {
        self.send_to(fd, &mut [IoSlice::new(data)], &addr.into(), SendFlags::empty())
    }

    fn hear(&mut self, fd: Fd, room: usize, flags: RecvFlags) -> Result<Vec<u8>> {
        let mut buffer = vec![0; room];
        let received = self.recv(fd, &mut [IoSliceMut::new(&mut buffer)], flags)?;
        assert!(received.len <= room, "more was received than there was room for");
        buffer.truncate(received.len);
        Ok(buffer)
    }

    fn hear_from(&mut self, fd: Fd, room: usize, flags: RecvFlags) -> Result<(Vec<u8>, Received, SockAddr)> {
        let mut buffer = vec![0; room];
        let (received, from) = self.recv_from(fd, &mut [IoSliceMut::new(&mut buffer)], flags)?;
        Ok((buffer, received, from))
    }

    fn soft(&mut self, fd: Fd) {
        self.set_nonblocking(fd, true).unwrap();
    }

    fn poll(&mut self, set: &[(Fd, Ready)], timeout: Option<Duration>) -> Result<Vec<Ready>> {
        self.poll_begin();
        for (&(fd, want), token) in set.iter().zip(0..) {
            self.poll_add(token, fd, want)?;
        }
        self.poll_wait(timeout)?;
        let mut answers = vec![Ready::empty(); set.len()];
        for event in self.poll_events() {
            let answer = &mut answers[event.token as usize];
            assert!(answer.is_empty(), "one request is answered once");
            assert!(!event.ready.is_empty(), "what is reported is ready for something");
            *answer = event.ready;
        }
        Ok(answers)
    }

    fn until(&mut self, fd: Fd, want: Ready) -> Ready {
        let ready = self.poll(&[(fd, want)], None).unwrap()[0];
        assert!(!ready.is_empty());
        ready
    }

    fn elapsed(&self, since: Duration) -> Duration {
        self.clock().saturating_sub(since)
    }

    fn clock(&self) -> Duration {
        self.now(Clock::Monotonic)
    }
}

/// Repeats until it gives something, for conditions that no call can wait for. Fails after a while.
pub(crate) fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < end, "it never came to pass that {what}");
        std::thread::yield_now();
    }
}

/// Bytes in which a lost or doubled piece shows.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| u8::try_from(index * 31 % 251).unwrap())
        .collect()
}
