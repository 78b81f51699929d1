//! The guest's side of a behaviour: guests, and shorthand for their calls.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use guestnet_core::policy::{Policy, PolicyBuilder, Use};
use guestnet_core::{
    Capacity, Clock, Domain, Fd, GuestThread, Host, Kind, Ready, RecvFlags, RecvMeta, Result, SendFlags,
    SockAddr,
};

use crate::behaviour::watch;
use crate::world::{PeerListener, World};

/// A guest on the host under test; its adapter's files are numbers.
pub(crate) type TestGuest<W> = GuestThread<<W as World>::Host, u32>;

/// 127.0.0.1 with a port of the kernel's choice.
pub(crate) const LOOPBACK: SocketAddr = SocketAddr::V4(std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

/// A guest that may do everything.
pub(crate) fn guest<W: World>(world: &W) -> TestGuest<W> {
    guest_on(world, world.host(), Policy::allow_all())
}

/// A guest under a policy.
pub(crate) fn guest_under<W: World>(world: &W, policy: Policy) -> TestGuest<W> {
    guest_on(world, world.host(), policy)
}

/// A guest on a host that was prepared.
pub(crate) fn guest_on<W: World>(world: &W, host: W::Host, policy: Policy) -> TestGuest<W> {
    guest_with(world, host, policy, Capacity::default())
}

/// A guest with room for so many descriptors and sockets.
pub(crate) fn guest_with<W: World>(
    world: &W,
    host: W::Host,
    policy: Policy,
    capacity: Capacity,
) -> TestGuest<W> {
    watch(world.stopper(&host));
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

/// The calls of a guest in the forms that the behaviours use most.
pub(crate) trait Calls {
    fn tcp(&mut self) -> Fd;
    fn udp(&mut self) -> Fd;
    /// A blocking TCP listener on 127.0.0.1.
    fn tcp_listener(&mut self) -> (Fd, SocketAddr);
    /// A UDP socket bound to 127.0.0.1.
    fn udp_bound(&mut self) -> (Fd, SocketAddr);
    /// A blocking TCP connection from the guest to a peer.
    fn tcp_pair<W: World>(&mut self, world: &W) -> (Fd, W::Stream);
    fn inet_addr(&mut self, fd: Fd) -> SocketAddr;
    fn connect_to(&mut self, fd: Fd, addr: SocketAddr) -> Result<()>;
    fn transmit(&mut self, fd: Fd, data: &[u8]) -> Result<usize>;
    fn transmit_to(&mut self, fd: Fd, data: &[u8], addr: SocketAddr) -> Result<usize>;
    fn receive(&mut self, fd: Fd, room: usize, flags: RecvFlags) -> Result<Vec<u8>>;
    /// As `receive`, with the length, the truncation and the sender; the whole buffer comes back.
    fn receive_from(
        &mut self,
        fd: Fd,
        room: usize,
        flags: RecvFlags,
    ) -> Result<(Vec<u8>, RecvMeta, SockAddr)>;
    fn make_nonblocking(&mut self, fd: Fd);
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

    fn tcp_pair<W: World>(&mut self, world: &W) -> (Fd, W::Stream) {
        let listener = world.listen(LOOPBACK).unwrap();
        let fd = self.tcp();
        self.connect_to(fd, listener.local_addr().unwrap()).unwrap();
        let (peer, from) = listener.accept().unwrap();
        assert_eq!(from, self.inet_addr(fd));
        (fd, peer)
    }

    fn inet_addr(&mut self, fd: Fd) -> SocketAddr {
        self.local_addr(fd).unwrap().inet().unwrap()
    }

    fn connect_to(&mut self, fd: Fd, addr: SocketAddr) -> Result<()> {
        self.connect(fd, &addr.into())
    }

    fn transmit(&mut self, fd: Fd, data: &[u8]) -> Result<usize> {
        self.send(fd, &mut [IoSlice::new(data)], SendFlags::empty())
    }

    fn transmit_to(&mut self, fd: Fd, data: &[u8], addr: SocketAddr) -> Result<usize> {
        self.send_to(fd, &mut [IoSlice::new(data)], &addr.into(), SendFlags::empty())
    }

    fn receive(&mut self, fd: Fd, room: usize, flags: RecvFlags) -> Result<Vec<u8>> {
        let mut buffer = vec![0; room];
        let received = self.recv(fd, &mut [IoSliceMut::new(&mut buffer)], flags)?;
        assert!(received.len <= room, "more was received than there was room for");
        buffer.truncate(received.len);
        Ok(buffer)
    }

    fn receive_from(
        &mut self,
        fd: Fd,
        room: usize,
        flags: RecvFlags,
    ) -> Result<(Vec<u8>, RecvMeta, SockAddr)> {
        let mut buffer = vec![0; room];
        let (received, from) = self.recv_from(fd, &mut [IoSliceMut::new(&mut buffer)], flags)?;
        Ok((buffer, received, from))
    }

    fn make_nonblocking(&mut self, fd: Fd) {
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

/// Bytes in which a lost or doubled piece shows.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| u8::try_from(index * 31 % 251).unwrap())
        .collect()
}
