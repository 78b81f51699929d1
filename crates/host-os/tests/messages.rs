//! Control data, pairs, pipes and epoll, on the kernel's sockets.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use guestnet_core::policy::{Policy, PolicyBuilder, Use};
use guestnet_core::{
    Capacity, Control, Domain, EpollEvent, EpollInterest, EpollMode, EpollOp, Errno, Fd, Guest, Kind,
    Message, OptValue, Ready, RecvFlags, SendFlags, SharedGuestThread, SockAddr, SockOpt,
};
use guestnet_host_os::OsHost;

type GuestThread = SharedGuestThread<OsHost, ()>;

fn guest() -> GuestThread {
    guest_under(Policy::allow_all())
}

fn guest_under(policy: Policy) -> GuestThread {
    let host = OsHost::new().unwrap();
    Guest::new(Arc::new(policy), Capacity::default(), 0).thread(host)
}

fn send(guest: &mut GuestThread, fd: Fd, bytes: &[u8], control: &[Control<Fd>]) -> Result<usize, Errno> {
    guest.send_message(fd, &mut [IoSlice::new(bytes)], None, control, SendFlags::empty())
}

fn recv(guest: &mut GuestThread, fd: Fd) -> Result<(Vec<u8>, Message<Fd>), Errno> {
    let mut buffer = vec![0; 64];
    let message = guest.recv_message(fd, &mut [IoSliceMut::new(&mut buffer)], 8, RecvFlags::empty())?;
    buffer.truncate(message.received.len);
    Ok((buffer, message))
}

fn rights(message: &Message<Fd>) -> Vec<Fd> {
    match &message.control[..] {
        [Control::Rights(fds)] => fds.clone(),
        [] => Vec::new(),
        other => panic!("{other:?}"),
    }
}

/// A bound UDP socket of the guest and its address.
fn udp(guest: &mut GuestThread, ip: &str) -> (Fd, SockAddr) {
    let addr: SocketAddr = format!("{ip}:0").parse().unwrap();
    let domain = if addr.is_ipv4() {
        Domain::Inet
    } else {
        Domain::Inet6
    };
    let fd = guest.socket(domain, Kind::Datagram).unwrap();
    guest.bind(fd, &addr.into()).unwrap();
    (fd, guest.local_addr(fd).unwrap())
}

#[test]
fn a_pair_is_connected_both_ways_and_unnamed() {
    let mut guest = guest();
    for kind in [Kind::Stream, Kind::Datagram] {
        let (one, other) = guest.socket_pair(kind).unwrap();
        for (from, to) in [(one, other), (other, one)] {
            assert_eq!(send(&mut guest, from, b"abc", &[]), Ok(3));
            assert_eq!(recv(&mut guest, to).unwrap().0, b"abc");
            assert_eq!(guest.local_addr(from), Ok(SockAddr::UnixUnnamed));
        }
    }
}

#[test]
fn a_passed_descriptor_is_the_same_open_file_also_when_the_sender_has_closed_it() {
    let mut guest = guest();
    let (one, other) = guest.socket_pair(Kind::Stream).unwrap();
    let (passed, peer) = guest.socket_pair(Kind::Stream).unwrap();
    guest.set_nonblocking(passed, true).unwrap();
    assert_eq!(
        send(&mut guest, one, b"x", &[Control::Rights(vec![passed])]),
        Ok(1)
    );
    guest.close(passed).unwrap();
    let (bytes, message) = recv(&mut guest, other).unwrap();
    assert_eq!((bytes, message.control_truncated), (b"x".to_vec(), false));
    let [arrived] = rights(&message)[..] else { panic!() };
    assert_eq!(guest.nonblocking(arrived), Ok(true));
    send(&mut guest, peer, b"through", &[]).unwrap();
    assert_eq!(recv(&mut guest, arrived).unwrap().0, b"through");
    // It was the last one: its peer sees the end.
    guest.close(arrived).unwrap();
    assert_eq!(recv(&mut guest, peer).unwrap().0, b"");
}

#[test]
fn both_ends_of_a_pipe_can_be_passed_and_keep_their_direction() {
    let mut guest = guest();
    let (one, other) = guest.socket_pair(Kind::Datagram).unwrap();
    let (read, write) = guest.pipe().unwrap();
    send(&mut guest, one, b"", &[Control::Rights(vec![read, write])]).unwrap();
    let [read, write] = rights(&recv(&mut guest, other).unwrap().1)[..] else {
        panic!()
    };
    assert_eq!(guest.write(write, &mut [IoSlice::new(b"pipe")]), Ok(4));
    let mut buffer = [0; 8];
    assert_eq!(guest.read(read, &mut [IoSliceMut::new(&mut buffer)]), Ok(4));
    assert_eq!(guest.write(read, &mut [IoSlice::new(b"pipe")]), Err(Errno::EBADF));
}

#[test]
fn descriptors_for_which_there_is_no_room_are_lost_and_that_is_reported() {
    let mut guest = guest();
    let (one, other) = guest.socket_pair(Kind::Stream).unwrap();
    let (a, b) = guest.socket_pair(Kind::Stream).unwrap();
    send(&mut guest, one, b"x", &[Control::Rights(vec![a, b])]).unwrap();
    let mut byte = [0];
    let message = guest
        .recv_message(other, &mut [IoSliceMut::new(&mut byte)], 1, RecvFlags::empty())
        .unwrap();
    assert_eq!((rights(&message).len(), message.control_truncated), (1, true));
    // A receive that wants none loses all of them.
    send(&mut guest, one, b"y", &[Control::Rights(vec![a, b])]).unwrap();
    let received = guest.recv(other, &mut [IoSliceMut::new(&mut byte)], RecvFlags::empty());
    assert_eq!(received.unwrap().len, 1);
}

#[test]
fn descriptors_do_not_leave_the_guest_and_no_other_one_comes_in() {
    let mut guest = guest();
    let (one, _) = guest.socket_pair(Kind::Stream).unwrap();
    // Over TCP there are none.
    let (udp, addr) = udp(&mut guest, "127.0.0.1");
    guest.connect(udp, &addr).unwrap();
    assert_eq!(
        send(&mut guest, udp, b"x", &[Control::Rights(vec![one])]),
        Err(Errno::EINVAL)
    );
    assert_eq!(
        send(&mut guest, one, b"x", &[Control::Rights(vec![77])]),
        Err(Errno::EBADF)
    );
    assert_eq!(
        send(&mut guest, one, b"x", &[Control::Rights(vec![one; 254])]),
        Err(Errno::EINVAL)
    );
}

#[test]
fn who_never_receives_cannot_send_descriptors_without_end() {
    let mut guest = guest();
    let (one, other) = guest.socket_pair(Kind::Stream).unwrap();
    let outcome = (0..100)
        .map(|_| send(&mut guest, one, b"x", &[Control::Rights(vec![other; 100])]))
        .find(Result::is_err);
    assert_eq!(outcome, Some(Err(Errno::ETOOMANYREFS)));
}

#[test]
fn the_arrival_time_of_a_datagram_is_reported_to_a_guest_that_asks() {
    let mut guest = guest();
    let (fd, addr) = udp(&mut guest, "127.0.0.1");
    for option in [
        SockOpt::IpPktInfo,
        SockOpt::IpRecvTtl,
        SockOpt::IpRecvTos,
        SockOpt::Timestamp,
    ] {
        guest.set_option(fd, option, OptValue::Int(1)).unwrap();
    }
    let control = [Control::Ttl(42), Control::Tos(16)];
    let sent = guest.send_message(
        fd,
        &mut [IoSlice::new(b"hi")],
        Some(&addr),
        &control,
        SendFlags::empty(),
    );
    assert_eq!(sent, Ok(2));
    let (_, message) = recv(&mut guest, fd).unwrap();
    assert_eq!(message.from, addr);
    assert!(message.control.contains(&Control::Ttl(42)), "{message:?}");
    assert!(message.control.contains(&Control::Tos(16)), "{message:?}");
    let local = Ipv4Addr::LOCALHOST;
    assert!(
        message.control.iter().any(|item| matches!(item,
            Control::PacketInfo4 { local: l, destination: d, .. } if *l == local && *d == local)),
        "{message:?}"
    );
    assert!(
        message
            .control
            .iter()
            .any(|item| matches!(item, Control::Timestamp(time) if *time > Duration::from_secs(1 << 30))),
        "{message:?}"
    );
}

#[test]
fn the_source_of_a_datagram_can_be_chosen() {
    let mut guest = guest();
    let (to, addr) = udp(&mut guest, "127.0.0.1");
    let (from, _) = udp(&mut guest, "0.0.0.0");
    let source = Control::PacketInfo4 {
        interface: 0,
        local: Ipv4Addr::new(127, 0, 0, 7),
        destination: Ipv4Addr::UNSPECIFIED,
    };
    guest
        .send_message(
            from,
            &mut [IoSlice::new(b"x")],
            Some(&addr),
            &[source],
            SendFlags::empty(),
        )
        .unwrap();
    let (_, message) = recv(&mut guest, to).unwrap();
    assert_eq!(
        message.from.inet().map(|addr| addr.ip()),
        Some(Ipv4Addr::new(127, 0, 0, 7).into())
    );
}

/// A33: an address is judged, and by another interface it may be another machine.
#[test]
fn a_datagram_chooses_its_interface_only_where_no_rule_says_where_it_may_go() {
    let loopback = 1;
    let infos = |interface| {
        [
            Control::PacketInfo4 {
                interface,
                local: Ipv4Addr::UNSPECIFIED,
                destination: Ipv4Addr::UNSPECIFIED,
            },
            Control::PacketInfo6 {
                interface,
                local: Ipv6Addr::UNSPECIFIED,
            },
        ]
    };
    let send = |guest: &mut GuestThread, info: &Control<Fd>| {
        let ip = match info {
            Control::PacketInfo4 { .. } => "127.0.0.1",
            _ => "[::1]",
        };
        let (fd, addr) = udp(guest, ip);
        let control = std::slice::from_ref(info);
        guest.send_message(
            fd,
            &mut [IoSlice::new(b"x")],
            Some(&addr),
            control,
            SendFlags::empty(),
        )
    };
    let mut rules = PolicyBuilder::new();
    rules.allow_net().deny(Use::Connect, "udp://192.0.2.1").unwrap();
    let mut restricted = guest_under(rules.build());
    let mut free = guest();
    for info in infos(loopback) {
        assert_eq!(send(&mut free, &info), Ok(1));
        assert_eq!(send(&mut restricted, &info), Err(Errno::EACCES));
    }
    for info in infos(0) {
        assert_eq!(send(&mut restricted, &info), Ok(1));
    }
}

#[test]
fn ipv6_control_data_go_both_ways() {
    let mut guest = guest();
    let (fd, addr) = udp(&mut guest, "[::1]");
    for option in [
        SockOpt::Ipv6RecvPktInfo,
        SockOpt::Ipv6RecvHopLimit,
        SockOpt::Ipv6RecvTclass,
    ] {
        guest.set_option(fd, option, OptValue::Int(1)).unwrap();
    }
    let control = [Control::HopLimit(9), Control::TrafficClass(32)];
    guest
        .send_message(
            fd,
            &mut [IoSlice::new(b"6")],
            Some(&addr),
            &control,
            SendFlags::empty(),
        )
        .unwrap();
    let (_, message) = recv(&mut guest, fd).unwrap();
    assert!(message.control.contains(&Control::HopLimit(9)), "{message:?}");
    assert!(
        message.control.contains(&Control::TrafficClass(32)),
        "{message:?}"
    );
    assert!(
        message
            .control
            .iter()
            .any(|item| matches!(item, Control::PacketInfo6 { local, .. } if local.is_loopback()))
    );
}

#[test]
fn a_message_is_judged_as_any_other_datagram() {
    let mut policy = PolicyBuilder::new();
    policy.allow(Use::Listen, "udp://127.0.0.1:*").unwrap();
    policy.allow(Use::Connect, "udp://127.0.0.2:*").unwrap();
    policy.deny(Use::Accept, "127.0.0.1").unwrap();
    let host = OsHost::new().unwrap();
    let mut guest = Guest::new(Arc::new(policy.build()), Capacity::default(), 0).thread(host);
    let (fd, addr) = udp(&mut guest, "127.0.0.1");
    guest.set_nonblocking(fd, true).unwrap();
    let denied = guest.send_message(
        fd,
        &mut [IoSlice::new(b"x")],
        Some(&addr),
        &[Control::Ttl(1)],
        SendFlags::empty(),
    );
    assert_eq!(denied, Err(Errno::EACCES));
    let to = addr.inet().unwrap();
    let outside = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    outside.send_to(b"refused", to).unwrap();
    let allowed = std::net::UdpSocket::bind("127.0.0.2:0").unwrap();
    allowed.send_to(b"taken", to).unwrap();
    assert_eq!(recv(&mut guest, fd).unwrap().0, b"taken");
    assert_eq!(recv(&mut guest, fd).map(|(bytes, _)| bytes), Err(Errno::EAGAIN));
}

fn watch(ready: Ready, mode: EpollMode, data: u64) -> EpollInterest {
    EpollInterest { ready, mode, data }
}

fn epoll_now(guest: &mut GuestThread, epoll: Fd) -> Vec<EpollEvent> {
    let mut events = Vec::new();
    guest
        .epoll_wait(epoll, 8, Some(Duration::ZERO), &mut events)
        .unwrap();
    events
}

#[test]
fn an_epoll_reports_levels_edges_and_once() {
    let mut guest = guest();
    let epoll = guest.epoll_create().unwrap();
    let (one, other) = guest.socket_pair(Kind::Stream).unwrap();
    let event = |data| EpollEvent {
        ready: Ready::READ,
        data,
    };
    let add = |mode| EpollOp::Add(watch(Ready::READ, mode, 7));
    guest
        .epoll_control(epoll, other, add(EpollMode::empty()))
        .unwrap();
    assert_eq!(
        guest.epoll_control(epoll, other, add(EpollMode::empty())),
        Err(Errno::EEXIST)
    );
    assert_eq!(epoll_now(&mut guest, epoll), []);
    send(&mut guest, one, b"x", &[]).unwrap();
    for _ in 0..2 {
        assert_eq!(epoll_now(&mut guest, epoll), [event(7)]);
    }
    let edge = EpollOp::Modify(watch(Ready::READ, EpollMode::EDGE, u64::MAX));
    guest.epoll_control(epoll, other, edge).unwrap();
    assert_eq!(epoll_now(&mut guest, epoll), [event(u64::MAX)]);
    assert_eq!(epoll_now(&mut guest, epoll), []);
    let once = EpollOp::Modify(watch(Ready::READ, EpollMode::ONESHOT, 1));
    guest.epoll_control(epoll, other, once).unwrap();
    assert_eq!(epoll_now(&mut guest, epoll), [event(1)]);
    send(&mut guest, one, b"y", &[]).unwrap();
    assert_eq!(epoll_now(&mut guest, epoll), []);
    guest.epoll_control(epoll, other, EpollOp::Delete).unwrap();
    assert_eq!(
        guest.epoll_control(epoll, other, EpollOp::Delete),
        Err(Errno::ENOENT)
    );
}

#[test]
fn an_epoll_waits_is_polled_and_forgets_what_is_closed() {
    let mut guest = guest();
    let epoll = guest.epoll_create().unwrap();
    let (read, write) = guest.pipe().unwrap();
    let add = EpollOp::Add(watch(Ready::READ, EpollMode::empty(), 3));
    guest.epoll_control(epoll, read, add).unwrap();
    let mut events = Vec::new();
    guest
        .epoll_wait(epoll, 1, Some(Duration::from_millis(1)), &mut events)
        .unwrap();
    assert_eq!(events, []);
    guest.write(write, &mut [IoSlice::new(b"x")]).unwrap();
    guest.epoll_wait(epoll, 1, None, &mut events).unwrap();
    assert_eq!(events.len(), 1);
    guest.poll_begin();
    guest.poll_add(5, epoll, Ready::READ).unwrap();
    guest.poll_wait(None).unwrap();
    assert_eq!(
        guest.poll_events().map(|event| event.token).collect::<Vec<_>>(),
        [5]
    );
    guest.close(read).unwrap();
    assert_eq!(epoll_now(&mut guest, epoll), []);
}

#[test]
fn an_epoll_is_neither_read_nor_written() {
    let mut guest = guest();
    let epoll = guest.epoll_create().unwrap();
    let mut byte = [0];
    let read = guest.read(epoll, &mut [IoSliceMut::new(&mut byte)]);
    assert_eq!(read, Err(Errno::EINVAL), "and not a wait for ever");
    assert_eq!(guest.write(epoll, &mut [IoSlice::new(b"x")]), Err(Errno::EINVAL));
}

#[test]
fn what_is_no_epoll_is_reported() {
    let mut guest = guest();
    let epoll = guest.epoll_create().unwrap();
    let (read, _) = guest.pipe().unwrap();
    let add = EpollOp::Add(watch(Ready::READ, EpollMode::empty(), 3));
    for (set, fd, expected) in [
        (read, epoll, Errno::EINVAL),
        (epoll, epoll, Errno::EINVAL),
        (epoll, 99, Errno::EBADF),
        (99, read, Errno::EBADF),
    ] {
        assert_eq!(guest.epoll_control(set, fd, add), Err(expected), "{set} {fd}");
    }
    let mut events = Vec::new();
    let now = Some(Duration::ZERO);
    assert_eq!(guest.epoll_wait(read, 1, now, &mut events), Err(Errno::EINVAL));
    assert_eq!(guest.epoll_wait(epoll, 0, now, &mut events), Err(Errno::EINVAL));
}

#[test]
fn a_message_is_counted_and_stays_within_the_total() {
    let mut policy = PolicyBuilder::new();
    policy.allow_net().limits(guestnet_core::limits::Limits {
        bytes_total: Some(100),
        ..guestnet_core::limits::Limits::default()
    });
    let host = OsHost::new().unwrap();
    let mut guest: GuestThread = Guest::new(Arc::new(policy.build()), Capacity::default(), 0).thread(host);
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.connect(fd, &listener.local_addr().unwrap().into()).unwrap();
    let (mut peer, _) = listener.accept().unwrap();
    std::io::Write::write_all(&mut peer, &[1; 80]).unwrap();
    let mut buffer = [0; 60];
    let mut take = |guest: &mut GuestThread| {
        guest
            .recv_message(fd, &mut [IoSliceMut::new(&mut buffer)], 0, RecvFlags::WAITALL)
            .map(|message| message.received.len)
    };
    assert_eq!(take(&mut guest), Ok(60));
    let control = [Control::Tos(0)];
    let sent = guest.send_message(
        fd,
        &mut [IoSlice::new(&[2; 60])],
        None,
        &control,
        SendFlags::empty(),
    );
    assert_eq!(sent, Ok(40));
    assert_eq!(take(&mut guest), Err(Errno::ENOBUFS));
}

#[test]
fn descriptors_that_no_receive_wanted_are_given_up() {
    let mut guest = guest();
    let (one, other) = guest.socket_pair(Kind::Stream).unwrap();
    let mut byte = [0];
    for _ in 0..1100 {
        let (read, write) = guest.pipe().unwrap();
        send(&mut guest, one, b"x", &[Control::Rights(vec![read])]).unwrap();
        guest.close(read).unwrap();
        let received = guest.recv(other, &mut [IoSliceMut::new(&mut byte)], RecvFlags::empty());
        assert_eq!(received.unwrap().len, 1);
        // Its read end is gone: poll(2) reports that on the write end.
        guest.poll_begin();
        guest.poll_add(0, write, Ready::WRITE).unwrap();
        guest.poll_wait(None).unwrap();
        assert!(
            guest
                .poll_events()
                .any(|event| event.ready.contains(Ready::ERROR))
        );
        guest.close(write).unwrap();
    }
}

#[test]
fn a_message_with_room_for_control_data_waits_for_all() {
    let (mut guest, host) = {
        let host = OsHost::new().unwrap();
        let sibling = host.sibling().unwrap();
        let mut policy = PolicyBuilder::new();
        policy.allow_net();
        let guest: GuestThread = Guest::new(Arc::new(policy.build()), Capacity::default(), 0).thread(host);
        (guest, sibling)
    };
    let (one, other) = guest.socket_pair(Kind::Stream).unwrap();
    let mut second = guest.guest().thread(host);
    std::thread::scope(|scope| {
        let receiver = scope.spawn(move || {
            let mut buffer = [0; 6];
            let message =
                second.recv_message(other, &mut [IoSliceMut::new(&mut buffer)], 8, RecvFlags::WAITALL);
            (message.unwrap().received.len, buffer)
        });
        for piece in [b"ab", b"cd", b"ef"] {
            assert_eq!(send(&mut guest, one, piece, &[]), Ok(2));
        }
        assert_eq!(receiver.join().unwrap(), (6, *b"abcdef"));
    });
}

#[test]
fn as_many_descriptors_as_the_kernel_takes_in_one_message_arrive() {
    let mut guest = guest();
    let (one, other) = guest.socket_pair(Kind::Stream).unwrap();
    for count in [1, 252, 253] {
        let passed: Vec<Fd> = (0..count).map(|_| guest.dup(one).unwrap()).collect();
        assert_eq!(
            send(&mut guest, one, b"x", &[Control::Rights(passed.clone())]),
            Ok(1)
        );
        for fd in passed {
            guest.close(fd).unwrap();
        }
        let mut byte = [0];
        let into = &mut [IoSliceMut::new(&mut byte)];
        let message = guest.recv_message(other, into, 253, RecvFlags::empty()).unwrap();
        let came = rights(&message);
        assert_eq!((came.len(), message.control_truncated), (count, false));
        for fd in came {
            assert_eq!(guest.peer_addr(fd), Ok(SockAddr::UnixUnnamed));
            guest.close(fd).unwrap();
        }
    }
    let too_many = vec![one; 254];
    assert_eq!(
        send(&mut guest, one, b"x", &[Control::Rights(too_many)]),
        Err(Errno::EINVAL)
    );
}

#[test]
fn what_a_message_carried_is_closed_with_the_socket_that_it_waited_in() {
    let mut guest = guest();
    let (read, write) = guest.pipe().unwrap();
    guest.set_nonblocking(read, true).unwrap();
    for kind in [Kind::Stream, Kind::Datagram, Kind::SeqPacket] {
        let (one, other) = guest.socket_pair(kind).unwrap();
        for _ in 0..100 {
            assert_eq!(
                send(&mut guest, one, b"x", &[Control::Rights(vec![write])]),
                Ok(1)
            );
        }
        guest.close(one).unwrap();
        guest.close(other).unwrap();
    }
    let mut byte = [0];
    assert_eq!(
        guest.read(read, &mut [IoSliceMut::new(&mut byte)]),
        Err(Errno::EAGAIN)
    );
    guest.close(write).unwrap();
    // No process has the other end: those under way are gone.
    assert_eq!(guest.read(read, &mut [IoSliceMut::new(&mut byte)]), Ok(0));
}

#[test]
fn who_closes_sockets_meanwhile_takes_nothing_from_who_receives() {
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Set also when an assertion fails, so that the other thread ends.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let host = OsHost::new().unwrap();
    let sibling = host.sibling().unwrap();
    let mut policy = PolicyBuilder::new();
    policy.allow_net();
    let mut guest = Guest::new(Arc::new(policy.build()), Capacity::default(), 0).thread(host);
    let mut closer = guest.guest().thread(sibling);
    let (one, other) = guest.socket_pair(Kind::Stream).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let (near, far) = closer.socket_pair(Kind::Datagram).unwrap();
                send(&mut closer, near, b"y", &[Control::Rights(vec![one])]).unwrap();
                closer.close(near).unwrap();
                closer.close(far).unwrap();
            }
        });
        let _done = Done(&done);
        for _ in 0..3000 {
            send(&mut guest, one, b"x", &[Control::Rights(vec![other])]).unwrap();
            let (bytes, message) = recv(&mut guest, other).unwrap();
            let came = rights(&message);
            let brought = (bytes.as_slice(), came.len(), message.control_truncated);
            assert_eq!(brought, (&b"x"[..], 1, false));
            guest.close(came[0]).unwrap();
        }
    });
}
