//! The gate: what the policy refuses never happens, on any call, and the observer is notified.

use std::fmt;
use std::io::{ErrorKind, IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guestnet_core::policy::{Policy, Use};
use guestnet_core::resolve::Query;
use guestnet_core::{
    Denial, Domain, Errno, Kind, LookupError, Observer, OptValue, Ready, RecvFlags, Result, SendFlags,
    SockAddr, SockOpt,
};

use crate::behaviour::behaviours;
use crate::guest::{Calls, LOOPBACK, TestGuest, allow, deny, guest_on, guest_under};
use crate::peer::while_waiting;
use crate::world::{PeerListener, PeerStream, PeerUdp, World};

behaviours! { "policy":
    nothing_is_allowed_by_default: Ipv6,
    a_refused_connect_sends_nothing,
    a_refused_bind_leaves_the_socket_unbound,
    a5_zero_as_the_destination_is_judged_as_loopback: Ipv6,
    a4_mapped_destinations_are_judged_as_ipv4: Ipv6,
    a8_each_destination_of_a_connected_datagram_socket_is_judged,
    a9_listening_unbound_is_judged_as_a_bind: Ipv6,
    a9_a_handed_over_listener_gives_no_right_to_listen_elsewhere: HandOver,
    a10_a_refused_peer_is_reset_and_the_next_is_accepted,
    a10_a_blocking_accept_waits_on_after_a_refused_peer,
    a10_a_refused_peer_does_not_renew_the_time_limit,
    a10_a_refused_datagram_leaves_no_trace,
    a10_a_refused_datagram_leaves_no_trace_of_a_peek,
    a10_a_blocking_recv_waits_on_after_a_refused_datagram,
    a10_a_non_blocking_recv_among_refused_datagrams_is_eagain,
    a10_an_ipv4_peer_of_a_dual_stack_socket_is_judged_as_ipv4: Ipv6,
    a_socket_that_sent_receives_only_from_peers_it_may_send_to,
    judged_datagrams_are_whole,
    a14_a_port_is_neither_ignored_nor_widened,
    a17_calls_on_closed_and_unknown_numbers_are_ebadf,
    a17_calls_on_what_is_not_a_socket_are_enotsock: ByteStreams,
    a25_an_unspecified_family_is_no_way_round,
    a_multicast_group_is_listened_on_by_permission_only: Groups,
    a_port_of_the_kernels_choice_is_asked_for_as_port_0,
    a_denied_look_up_is_eai_fail,
    an_observer_is_notified_of_each_denial_once_with_the_flag,
    a_path_that_cannot_be_one_is_no_denial: UnixSockets,
    an_observer_is_notified_of_a_denied_peer,
    a_deny_rule_has_no_flag_that_helps,
    an_observer_that_wants_calls_gets_them,
}

/// The calls that an observer received.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

struct Ear {
    log: Log,
    calls: bool,
}

impl Observer for Ear {
    fn wants_calls(&self) -> bool {
        self.calls
    }

    fn call(&mut self, name: &'static str, args: fmt::Arguments<'_>, result: Result<u64>) {
        self.log
            .0
            .lock()
            .unwrap()
            .push(format!("{name}({args}) = {}", guestnet_core::ResultLine(result)));
    }

    fn denied(&mut self, denial: &Denial<'_>) {
        assert_eq!(denial.errno, Errno::EACCES);
        let flag = denial.flag.map(ToString::to_string).unwrap_or_default();
        let line = format!("{} {}: {} [{flag}]", denial.call, denial.target, denial.reason);
        self.log.0.lock().unwrap().push(line);
    }
}

impl Log {
    fn listen<W: World>(guest: &mut TestGuest<W>, calls: bool) -> Self {
        let log = Log::default();
        guest.observe(Box::new(Ear {
            log: log.clone(),
            calls,
        }));
        log
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn udp_peer<W: World>(world: &W) -> (W::Udp, SocketAddr) {
    let peer = world.udp(LOOPBACK).unwrap();
    peer.set_nonblocking(true).unwrap();
    let addr = peer.local_addr().unwrap();
    (peer, addr)
}

/// Nothing that was sent to this socket on loopback arrived: it would be here already.
fn assert_nothing_arrived(peer: &impl PeerUdp) {
    assert_eq!(peer.recv(&mut [0; 8]).unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn nothing_is_allowed_by_default<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    let (peer, addr) = udp_peer(world);
    let listener = world.listen(LOOPBACK).unwrap();
    let tcp = guest.tcp();
    assert_eq!(
        guest.connect_to(tcp, listener.local_addr().unwrap()),
        Err(Errno::EACCES)
    );
    assert_eq!(guest.bind(tcp, &LOOPBACK.into()), Err(Errno::EACCES));
    assert_eq!(guest.listen(tcp, 1), Err(Errno::EACCES));
    let udp = guest.udp();
    assert_eq!(guest.connect_to(udp, addr), Err(Errno::EACCES));
    assert_eq!(guest.bind(udp, &LOOPBACK.into()), Err(Errno::EACCES));
    assert_eq!(guest.transmit_to(udp, b"x", addr), Err(Errno::EACCES));
    assert_nothing_arrived(&peer);
    let v6 = guest.socket(Domain::Inet6, Kind::Datagram).unwrap();
    assert_eq!(
        guest.transmit_to(v6, b"x", (Ipv6Addr::LOCALHOST, 9).into()),
        Err(Errno::EACCES)
    );
    assert_eq!(
        guest.bind(v6, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into()),
        Err(Errno::EACCES)
    );
}

fn a_refused_connect_sends_nothing<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    let listener = world.listen(LOOPBACK).unwrap();
    listener.set_nonblocking(true).unwrap();
    let fd = guest.tcp();
    let to = listener.local_addr().unwrap();
    assert_eq!(guest.connect_to(fd, to), Err(Errno::EACCES));
    assert_eq!(guest.try_connect(fd, &to.into()), Err(Errno::EACCES));
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(guest.inet_addr(fd).port(), 0, "it was not bound either");
}

fn a_refused_bind_leaves_the_socket_unbound<W: World>(world: &W) {
    let mut guest = guest_under(world, allow(&[(Use::Listen, "tcp://127.0.0.1")]));
    let fd = guest.tcp();
    let any: SocketAddr = (Ipv4Addr::UNSPECIFIED, 0).into();
    assert_eq!(guest.bind(fd, &any.into()), Err(Errno::EACCES));
    assert_eq!(guest.inet_addr(fd).port(), 0);
    assert_eq!(guest.bind(fd, &LOOPBACK.into()), Ok(()));
    assert_eq!(guest.listen(fd, 1), Ok(()));
}

fn a5_zero_as_the_destination_is_judged_as_loopback<W: World>(world: &W) {
    let (peer, addr) = udp_peer(world);
    let zero: SocketAddr = (Ipv4Addr::UNSPECIFIED, addr.port()).into();
    let zero6: SocketAddr = (Ipv6Addr::UNSPECIFIED, addr.port()).into();
    let mut refused = guest_under(
        world,
        deny(&[(Use::Connect, "127.0.0.0/8"), (Use::Connect, "[::1]")]),
    );
    let fd = refused.udp();
    assert_eq!(refused.transmit_to(fd, b"x", zero), Err(Errno::EACCES));
    assert_eq!(refused.connect_to(fd, zero), Err(Errno::EACCES));
    let fd = refused.socket(Domain::Inet6, Kind::Datagram).unwrap();
    assert_eq!(refused.transmit_to(fd, b"x", zero6), Err(Errno::EACCES));
    assert_nothing_arrived(&peer);
    let mut allowed = guest_under(world, allow(&[(Use::Connect, "udp://127.0.0.1")]));
    let fd = allowed.udp();
    assert_eq!(allowed.transmit_to(fd, b"x", zero), Ok(1));
    assert_eq!(peer.recv(&mut [0; 8]).unwrap(), 1);
}

fn a4_mapped_destinations_are_judged_as_ipv4<W: World>(world: &W) {
    let (peer, addr) = udp_peer(world);
    let mapped: SocketAddr = (Ipv4Addr::LOCALHOST.to_ipv6_mapped(), addr.port()).into();
    let mut guest = guest_under(world, deny(&[(Use::Connect, "127.0.0.1")]));
    let fd = guest.socket(Domain::Inet6, Kind::Datagram).unwrap();
    assert_eq!(guest.transmit_to(fd, b"x", mapped), Err(Errno::EACCES));
    // The IPv4 spelling on an IPv6 socket is no way round.
    assert_eq!(guest.transmit_to(fd, b"x", addr), Err(Errno::EACCES));
    let fd = guest.socket(Domain::Inet6, Kind::Stream).unwrap();
    assert_eq!(guest.connect_to(fd, mapped), Err(Errno::EACCES));
    assert_nothing_arrived(&peer);
}

fn a8_each_destination_of_a_connected_datagram_socket_is_judged<W: World>(world: &W) {
    let (friend, to) = udp_peer(world);
    let (stranger, elsewhere) = udp_peer(world);
    let mut guest = guest_under(world, allow(&[(Use::Connect, &format!("udp://{to}"))]));
    let fd = guest.udp();
    assert_eq!(guest.connect_to(fd, to), Ok(()));
    assert_eq!(guest.transmit_to(fd, b"x", elsewhere), Err(Errno::EACCES));
    assert_eq!(guest.connect_to(fd, elsewhere), Err(Errno::EACCES));
    assert_eq!(
        guest.peer_addr(fd),
        Ok(to.into()),
        "a refused connect changes nothing"
    );
    assert_eq!(guest.transmit(fd, b"x"), Ok(1));
    assert_eq!(friend.recv(&mut [0; 8]).unwrap(), 1);
    assert_nothing_arrived(&stranger);
}

fn a9_listening_unbound_is_judged_as_a_bind<W: World>(world: &W) {
    let mut guest = guest_under(world, allow(&[(Use::Listen, "tcp://127.0.0.1")]));
    for domain in [Domain::Inet, Domain::Inet6] {
        let fd = guest.socket(domain, Kind::Stream).unwrap();
        assert_eq!(guest.listen(fd, 1), Err(Errno::EACCES));
        assert_eq!(guest.option(fd, SockOpt::AcceptConn), Ok(OptValue::Flag(false)));
    }
}

fn a9_a_handed_over_listener_gives_no_right_to_listen_elsewhere<W: World>(world: &W) {
    let listener = world.listen(LOOPBACK).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut host = world.host();
    let io = world.hand_over_listener(&mut host, listener);
    let mut guest = guest_on(world, host, Policy::deny_all());
    let fd = guest.insert_preopened(io, false).unwrap();
    let _peer = world.connect(addr).unwrap();
    let (accepted, _) = guest.accept(fd, false).unwrap();
    // A connection that was dissolved is a socket like any other.
    assert_eq!(guest.connect(accepted, &SockAddr::Unspec), Ok(()));
    assert_eq!(guest.listen(accepted, 1), Err(Errno::EACCES));
    // So is the listener itself: the kernel would choose it a new port.
    assert_eq!(guest.connect(fd, &SockAddr::Unspec), Ok(()));
    assert_eq!(guest.listen(fd, 1), Err(Errno::EACCES));
}

fn a10_a_refused_peer_is_reset_and_the_next_is_accepted<W: World>(world: &W) {
    let mut other = crate::guest::guest(world);
    let mut guest = guest_under(world, deny(&[(Use::Accept, "127.0.0.2")]));
    let (listener, addr) = guest.tcp_listener();
    let mut dial = |from: [u8; 4]| {
        let fd = other.tcp();
        other.bind(fd, &SocketAddr::from((from, 0)).into()).unwrap();
        other.connect_to(fd, addr).unwrap();
        fd
    };
    let (first, second, third) = (dial([127, 0, 0, 2]), dial([127, 0, 0, 2]), dial([127, 0, 0, 1]));
    let (fd, from) = guest.accept(listener, false).unwrap();
    assert_eq!(Ok(from), other.local_addr(third));
    for refused in [first, second] {
        assert_eq!(
            other.receive(refused, 8, RecvFlags::empty()),
            Err(Errno::ECONNRESET)
        );
    }
    guest.transmit(fd, b"welcome").unwrap();
    assert_eq!(other.receive(third, 8, RecvFlags::empty()).unwrap(), b"welcome");
    guest.make_nonblocking(listener);
    assert_eq!(guest.accept(listener, false).unwrap_err(), Errno::EAGAIN);
}

fn a10_a_blocking_accept_waits_on_after_a_refused_peer<W: World>(world: &W) {
    let mut guest = guest_under(world, deny(&[(Use::Accept, "127.0.0.2")]));
    let (listener, addr) = guest.tcp_listener();
    let (accepted, peer) = while_waiting(
        world,
        || guest.accept(listener, false),
        || {
            let mut refused = crate::guest::guest(world);
            let fd = refused.tcp();
            refused
                .bind(fd, &SocketAddr::from(([127, 0, 0, 2], 0)).into())
                .unwrap();
            // The reset may come before connect has returned.
            let reset = refused
                .connect_to(fd, addr)
                .and_then(|()| refused.receive(fd, 8, RecvFlags::empty()));
            assert_eq!(reset, Err(Errno::ECONNRESET));
            world.connect(addr).unwrap()
        },
    );
    assert_eq!(accepted.unwrap().1, peer.local_addr().unwrap().into());
}

fn a10_a_refused_peer_does_not_renew_the_time_limit<W: World>(world: &W) {
    let mut guest = guest_under(world, deny(&[(Use::Accept, "127.0.0.0/8")]));
    let (listener, addr) = guest.tcp_listener();
    let limit = Duration::from_millis(50);
    guest
        .set_option(listener, SockOpt::RcvTimeo, OptValue::Time(Some(limit)))
        .unwrap();
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                // Each is refused; the reset may come before connect has returned.
                drop(world.connect(addr));
            }
        });
        let accepted = guest.accept(listener, false);
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(accepted.unwrap_err(), Errno::EAGAIN);
    });
}

/// A guest that is bound to UDP on loopback and refuses what 127.0.0.2 sends, and a refused and an allowed peer.
fn between_peers<W: World>(world: &W) -> (TestGuest<W>, u32, SocketAddr, W::Udp, W::Udp) {
    let mut guest = guest_under(world, deny(&[(Use::Accept, "udp://127.0.0.2")]));
    let (fd, addr) = guest.udp_bound();
    let refused = world.udp((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap();
    let allowed = world.udp(LOOPBACK).unwrap();
    (guest, fd, addr, refused, allowed)
}

fn a10_a_refused_datagram_leaves_no_trace<W: World>(world: &W) {
    let (mut guest, fd, addr, refused, allowed) = between_peers(world);
    guest.make_nonblocking(fd);
    refused.send_to(b"SECRET", addr).unwrap();
    let mut buffer = [9; 8];
    let bufs = &mut [IoSliceMut::new(&mut buffer)];
    assert_eq!(guest.recv_from(fd, bufs, RecvFlags::empty()), Err(Errno::EAGAIN));
    assert_eq!(guest.recv(fd, bufs, RecvFlags::empty()), Err(Errno::EAGAIN));
    assert_eq!(buffer, [9; 8]);
    refused.send_to(b"SECRET", addr).unwrap();
    allowed.send_to(b"ok", addr).unwrap();
    let (data, received, from) = guest.receive_from(fd, 8, RecvFlags::empty()).unwrap();
    assert_eq!((&data[..], received.len), (&b"ok\0\0\0\0\0\0"[..], 2));
    assert_eq!(from, allowed.local_addr().unwrap().into());
}

fn a10_a_refused_datagram_leaves_no_trace_of_a_peek<W: World>(world: &W) {
    let (mut guest, fd, addr, refused, allowed) = between_peers(world);
    refused.send_to(b"SECRET", addr).unwrap();
    refused.send_to(b"", addr).unwrap();
    allowed.send_to(b"ok", addr).unwrap();
    for flags in [RecvFlags::PEEK, RecvFlags::PEEK, RecvFlags::empty()] {
        let (data, received, from) = guest.receive_from(fd, 8, flags).unwrap();
        assert_eq!((&data[..], received.len), (&b"ok\0\0\0\0\0\0"[..], 2));
        assert_eq!(from, allowed.local_addr().unwrap().into());
    }
    guest.make_nonblocking(fd);
    refused.send_to(b"SECRET", addr).unwrap();
    let mut buffer = [9; 8];
    let bufs = &mut [IoSliceMut::new(&mut buffer)];
    assert_eq!(guest.recv(fd, bufs, RecvFlags::PEEK), Err(Errno::EAGAIN));
    assert_eq!(buffer, [9; 8]);
}

fn a10_a_blocking_recv_waits_on_after_a_refused_datagram<W: World>(world: &W) {
    let (mut guest, fd, addr, refused, allowed) = between_peers(world);
    let (received, ()) = while_waiting(
        world,
        || guest.receive(fd, 8, RecvFlags::empty()),
        || {
            for _ in 0..100 {
                refused.send_to(b"SECRET", addr).unwrap();
            }
            allowed.send_to(b"ok", addr).unwrap();
        },
    );
    assert_eq!(received.unwrap(), b"ok");
}

fn a10_a_non_blocking_recv_among_refused_datagrams_is_eagain<W: World>(world: &W) {
    let (mut guest, fd, addr, refused, allowed) = between_peers(world);
    guest.make_nonblocking(fd);
    for _ in 0..100 {
        refused.send_to(b"SECRET", addr).unwrap();
    }
    allowed.send_to(b"ok", addr).unwrap();
    // However many calls it takes: none gives anything but the allowed one, and readiness leads to it.
    let received = crate::patience::eventually("the allowed datagram is received", || {
        guest.until(fd, Ready::READ);
        match guest.receive(fd, 8, RecvFlags::empty()) {
            Ok(data) => Some(data),
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                None
            }
        }
    });
    assert_eq!(received, b"ok");
}

fn a10_an_ipv4_peer_of_a_dual_stack_socket_is_judged_as_ipv4<W: World>(world: &W) {
    let mut guest = guest_under(world, deny(&[(Use::Accept, "127.0.0.1")]));
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let udp = guest.socket(Domain::Inet6, Kind::Datagram).unwrap();
    guest.bind(udp, &any.into()).unwrap();
    guest.make_nonblocking(udp);
    let (peer, _) = udp_peer(world);
    peer.send_to(b"x", (Ipv4Addr::LOCALHOST, guest.inet_addr(udp).port()))
        .unwrap();
    assert_eq!(guest.receive(udp, 8, RecvFlags::empty()), Err(Errno::EAGAIN));
    let tcp = guest.socket(Domain::Inet6, Kind::Stream).unwrap();
    guest.bind(tcp, &any.into()).unwrap();
    guest.listen(tcp, 4).unwrap();
    for soft in [false, true] {
        guest.set_nonblocking(tcp, soft).unwrap();
        let peer = world
            .connect((Ipv4Addr::LOCALHOST, guest.inet_addr(tcp).port()))
            .unwrap();
        guest.until(tcp, Ready::READ);
        let accepted = if soft {
            guest.accept(tcp, true)
        } else {
            guest.try_accept(tcp, true)
        };
        assert_eq!(accepted.unwrap_err(), Errno::EAGAIN);
        assert_eq!(
            peer.read(&mut [0]).unwrap_err().kind(),
            ErrorKind::ConnectionReset
        );
    }
}

fn a_socket_that_sent_receives_only_from_peers_it_may_send_to<W: World>(world: &W) {
    let (friend, to) = udp_peer(world);
    let (stranger, _) = udp_peer(world);
    let mut guest = guest_under(world, allow(&[(Use::Connect, &format!("udp://{to}"))]));
    let fd = guest.udp();
    guest.transmit_to(fd, b"x", to).unwrap();
    let (_, from) = friend.recv_from(&mut [0; 8]).unwrap();
    stranger.send_to(b"SECRET", from).unwrap();
    friend.send_to(b"answer", from).unwrap();
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()).unwrap(), b"answer");
    guest.make_nonblocking(fd);
    stranger.send_to(b"SECRET", from).unwrap();
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()), Err(Errno::EAGAIN));
}

fn judged_datagrams_are_whole<W: World>(world: &W) {
    let (mut guest, fd, addr, _refused, allowed) = between_peers(world);
    let long: Vec<u8> = crate::guest::pattern(65_507);
    allowed.send_to(&long, addr).unwrap();
    assert!(guest.receive(fd, 65_536, RecvFlags::empty()).unwrap() == long);
    for _ in 0..3 {
        allowed.send_to(b"abcdef", addr).unwrap();
    }
    let (mut first, mut second) = ([0; 2], [0; 2]);
    let bufs = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    let received = guest.recv(fd, bufs, RecvFlags::PEEK | RecvFlags::TRUNC).unwrap();
    assert_eq!((received.len, received.truncated), (6, true));
    let received = guest.recv(fd, bufs, RecvFlags::empty()).unwrap();
    assert_eq!((received.len, received.truncated), (4, true));
    assert_eq!((&first, &second), (b"ab", b"cd"));
    let received = guest.recv(fd, &mut [], RecvFlags::empty()).unwrap();
    assert_eq!((received.len, received.truncated), (0, true));
    assert_eq!(guest.receive(fd, 6, RecvFlags::WAITALL).unwrap(), b"abcdef");
    allowed.send_to(b"", addr).unwrap();
    let (_, received, from) = guest.receive_from(fd, 6, RecvFlags::empty()).unwrap();
    assert_eq!((received.len, received.truncated), (0, false));
    assert_eq!(from, allowed.local_addr().unwrap().into());
}

fn a14_a_port_is_neither_ignored_nor_widened<W: World>(world: &W) {
    let (peer, to) = udp_peer(world);
    let mut guest = guest_under(world, allow(&[(Use::Connect, &format!("udp://{to}"))]));
    let fd = guest.udp();
    assert_eq!(guest.transmit_to(fd, b"x", to), Ok(1));
    assert_eq!(peer.recv(&mut [0; 8]).unwrap(), 1);
    for port in [
        0,
        1,
        to.port().wrapping_sub(1),
        to.port().wrapping_add(1),
        u16::MAX,
    ] {
        assert_eq!(
            guest.transmit_to(fd, b"x", SocketAddr::new(to.ip(), port)),
            Err(Errno::EACCES),
            "port {port}"
        );
    }
    // The same number of the other protocol.
    let tcp = guest.tcp();
    assert_eq!(guest.connect_to(tcp, to), Err(Errno::EACCES));
}

fn a17_calls_on_closed_and_unknown_numbers_are_ebadf<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    let closed = guest.udp();
    guest.close(closed).unwrap();
    for fd in [closed, closed + 1, 1 << 31, u32::MAX] {
        every_call::<W>(&mut guest, fd, Errno::EBADF);
        assert_eq!(guest.close(fd), Err(Errno::EBADF));
        assert_eq!(guest.read(fd, &mut []), Err(Errno::EBADF));
        assert_eq!(guest.write(fd, &mut []), Err(Errno::EBADF));
        assert_eq!(guest.nonblocking(fd), Err(Errno::EBADF));
        assert_eq!(guest.set_nonblocking(fd, true), Err(Errno::EBADF));
        assert_eq!(guest.readable_bytes(fd), Err(Errno::EBADF));
    }
}

fn a17_calls_on_what_is_not_a_socket_are_enotsock<W: World>(world: &W) {
    let mut host = world.host();
    let (io, _writer) = world.pipe_to_guest(&mut host);
    let mut guest = guest_on(world, host, Policy::deny_all());
    let stream = guest.insert_stream(io).unwrap();
    let file = guest.insert_file(1).unwrap();
    for fd in [stream, file] {
        every_call::<W>(&mut guest, fd, Errno::ENOTSOCK);
    }
}

/// Every call that takes a socket fails with this, before the policy is asked and before anything happens.
fn every_call<W: World>(guest: &mut TestGuest<W>, fd: u32, errno: Errno) {
    let addr = SockAddr::Inet(LOOPBACK);
    let mut byte = [0];
    let bufs = &mut [IoSliceMut::new(&mut byte)];
    assert_eq!(guest.bind(fd, &addr), Err(errno));
    assert_eq!(guest.listen(fd, 1), Err(errno));
    assert_eq!(guest.accept(fd, true).unwrap_err(), errno);
    assert_eq!(guest.try_accept(fd, true).unwrap_err(), errno);
    assert_eq!(guest.connect(fd, &addr), Err(errno));
    assert_eq!(guest.try_connect(fd, &addr), Err(errno));
    assert_eq!(guest.connect(fd, &SockAddr::Unspec), Err(errno));
    assert_eq!(guest.shutdown(fd, guestnet_core::Shutdown::Both), Err(errno));
    assert_eq!(guest.local_addr(fd), Err(errno));
    assert_eq!(guest.peer_addr(fd), Err(errno));
    assert_eq!(
        guest.send(fd, &mut [IoSlice::new(b"x")], SendFlags::empty()),
        Err(errno)
    );
    assert_eq!(
        guest.send_to(fd, &mut [IoSlice::new(b"x")], &addr, SendFlags::empty()),
        Err(errno)
    );
    assert_eq!(guest.recv(fd, bufs, RecvFlags::empty()), Err(errno));
    assert_eq!(guest.recv_from(fd, bufs, RecvFlags::empty()), Err(errno));
    assert_eq!(guest.option(fd, SockOpt::Type), Err(errno));
    assert_eq!(
        guest.set_option(fd, SockOpt::ReuseAddr, OptValue::Int(1)),
        Err(errno)
    );
}

fn a25_an_unspecified_family_is_no_way_round<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    let (fd, tcp) = (guest.udp(), guest.tcp());
    let sent = guest.send_to(
        fd,
        &mut [IoSlice::new(b"x")],
        &SockAddr::Unspec,
        SendFlags::empty(),
    );
    assert_eq!(sent, Err(Errno::EAFNOSUPPORT));
    for fd in [fd, tcp] {
        assert_eq!(guest.bind(fd, &SockAddr::Unspec), Err(Errno::EAFNOSUPPORT));
        assert_eq!(guest.inet_addr(fd).port(), 0);
    }
    // Dissolving what is not there is allowed and does nothing.
    assert_eq!(guest.connect(fd, &SockAddr::Unspec), Ok(()));
    // After it every destination is judged as before.
    assert_eq!(guest.connect_to(fd, LOOPBACK), Err(Errno::EACCES));
}

fn a_multicast_group_is_listened_on_by_permission_only<W: World>(world: &W) {
    let mut guest = guest_under(
        world,
        allow(&[
            (Use::Listen, "udp://127.0.0.1"),
            (Use::Listen, "udp://239.255.77.2"),
        ]),
    );
    let (fd, _) = guest.udp_bound();
    let join = |group| OptValue::Membership4 {
        group,
        interface: Ipv4Addr::LOCALHOST,
    };
    let [allowed, refused] = [Ipv4Addr::new(239, 255, 77, 2), Ipv4Addr::new(239, 255, 77, 3)];
    assert_eq!(
        guest.set_option(fd, SockOpt::IpAddMembership, join(refused)),
        Err(Errno::EACCES)
    );
    assert_eq!(
        guest.set_option(fd, SockOpt::IpAddMembership, join(allowed)),
        Ok(())
    );
    // Leaving needs no permission, only a membership.
    assert_eq!(
        guest.set_option(fd, SockOpt::IpDropMembership, join(refused)),
        Err(Errno::EADDRNOTAVAIL)
    );
    assert_eq!(
        guest.set_option(fd, SockOpt::IpDropMembership, join(allowed)),
        Ok(())
    );
    let group = "ff01::77".parse().unwrap();
    let v6 = guest.socket(Domain::Inet6, Kind::Datagram).unwrap();
    let join = OptValue::Membership6 { group, interface: 0 };
    assert_eq!(
        guest.set_option(v6, SockOpt::Ipv6JoinGroup, join),
        Err(Errno::EACCES)
    );
}

fn a_port_of_the_kernels_choice_is_asked_for_as_port_0<W: World>(world: &W) {
    let mut guest = guest_under(world, allow(&[(Use::Listen, "tcp://127.0.0.1:0")]));
    let fd = guest.tcp();
    assert_eq!(
        guest.bind(fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, 1)).into()),
        Err(Errno::EACCES)
    );
    assert_eq!(guest.bind(fd, &LOOPBACK.into()), Ok(()));
    assert_eq!(guest.listen(fd, 1), Ok(()));
}

fn a_denied_look_up_is_eai_fail<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    let log = Log::listen::<W>(&mut guest, false);
    let query = |node| Query {
        node: Some(node),
        ..Query::default()
    };
    assert_eq!(
        guest.getaddrinfo(&query(b"guestnet.invalid")),
        Err(LookupError::Fail)
    );
    assert_eq!(log.take().len(), 1);
    // No question about an address or a loopback name leaves the machine.
    guest.getaddrinfo(&query(b"192.0.2.1")).unwrap();
    guest.getaddrinfo(&query(b"localhost")).unwrap();
    assert!(log.take().is_empty());
}

fn an_observer_is_notified_of_each_denial_once_with_the_flag<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    let log = Log::listen::<W>(&mut guest, false);
    let (tcp, udp) = (guest.tcp(), guest.udp());
    let to: SocketAddr = "192.0.2.1:443".parse().unwrap();
    guest.connect_to(tcp, to).unwrap_err();
    guest.transmit_to(udp, b"x", to).unwrap_err();
    guest.bind(tcp, &LOOPBACK.into()).unwrap_err();
    guest.listen(tcp, 1).unwrap_err();
    assert_eq!(
        log.take(),
        [
            "connect 192.0.2.1:443: denied because no rule allows it [--allow-connect 192.0.2.1:443]",
            "sendto 192.0.2.1:443: denied because no rule allows it [--allow-connect udp://192.0.2.1:443]",
            "bind 127.0.0.1:0: denied because no rule allows it [--allow-listen 127.0.0.1:0]",
            "listen 0.0.0.0:0: denied because no rule allows it [--allow-listen 0.0.0.0:0]",
        ]
    );
}

fn a_path_that_cannot_be_one_is_no_denial<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    let log = Log::listen::<W>(&mut guest, false);
    let unix = guest.socket(Domain::Unix, Kind::Stream).unwrap();
    let long = SockAddr::Unix("/x".repeat(4096).into());
    assert_eq!(guest.connect(unix, &long), Err(Errno::ENAMETOOLONG));
    assert_eq!(guest.bind(unix, &long), Err(Errno::ENAMETOOLONG));
    assert!(log.take().is_empty());
}

fn an_observer_is_notified_of_a_denied_peer<W: World>(world: &W) {
    let (mut guest, fd, addr, refused, allowed) = between_peers(world);
    let log = Log::listen::<W>(&mut guest, false);
    refused.send_to(b"x", addr).unwrap();
    allowed.send_to(b"x", addr).unwrap();
    guest.receive(fd, 8, RecvFlags::PEEK).unwrap();
    guest.receive(fd, 8, RecvFlags::empty()).unwrap();
    let denials = log.take();
    let [line] = &denials[..] else {
        panic!("one denial, not {denials:?}")
    };
    assert!(
        line.starts_with(&format!("recvfrom {}: denied by ", refused.local_addr().unwrap())),
        "{line}"
    );
}

fn a_deny_rule_has_no_flag_that_helps<W: World>(world: &W) {
    let mut guest = guest_under(world, deny(&[(Use::Connect, "192.0.2.0/24")]));
    let log = Log::listen::<W>(&mut guest, false);
    let fd = guest.tcp();
    guest
        .connect_to(fd, "192.0.2.1:443".parse().unwrap())
        .unwrap_err();
    let denials = log.take();
    assert!(
        denials.len() == 1 && denials[0].contains("192.0.2.0/24") && denials[0].ends_with("[]"),
        "{denials:?}"
    );
}

fn an_observer_that_wants_calls_gets_them<W: World>(world: &W) {
    let mut guest = crate::guest::guest(world);
    let log = Log::listen::<W>(&mut guest, true);
    let fd = guest.udp();
    guest.bind(fd, &LOOPBACK.into()).unwrap();
    guest.receive(fd, 8, RecvFlags::DONTWAIT).unwrap_err();
    guest.listen(fd, 5).unwrap_err();
    guest.close(fd).unwrap();
    guest.close(fd).unwrap_err();
    assert_eq!(
        log.take(),
        [
            "socket(Inet, Datagram) = 0",
            "bind(0, 127.0.0.1:0) = 0",
            "recv(0, RecvFlags(DONTWAIT)) = -1 EAGAIN (Resource temporarily unavailable)",
            "listen(0, 5) = -1 EOPNOTSUPP (Operation not supported)",
            "close(0) = 0",
            "close(0) = -1 EBADF (Bad file descriptor)",
        ]
    );
}
