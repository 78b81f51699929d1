//! TCP: connecting, accepting, closing one way and both. Moving data is `transfer`'s.

use std::net::{Ipv4Addr, Ipv6Addr, Shutdown as StdShutdown, SocketAddr};
use std::time::Duration;

use guestnet_core::{
    Domain, Errno, Fd, Kind, OptValue, Ready, RecvFlags, SendFlags, Shutdown, SockAddr, SockOpt,
};

use crate::behaviour::behaviours;
use crate::guest::{Calls, LOOPBACK, TestGuest, guest, pattern};
use crate::patience::eventually;
use crate::peer::{drain, reset, take, while_waiting};
use crate::world::{PeerListener, PeerStream, World};

behaviours! { "tcp":
    no_call_blocks_a_non_blocking_socket,
    a_try_to_accept_does_not_wait_on_a_blocking_listener,
    a_try_to_connect_does_not_wait_on_a_blocking_socket,
    a_blocking_accept_waits_for_a_connection,
    a_receive_limit_ends_accept_with_eagain,
    a_blocking_connect_waits_for_the_handshake,
    a_send_limit_ends_connect_with_einprogress,
    a_refused_blocking_connect_is_econnrefused,
    a_refused_non_blocking_connect_is_in_so_error_once,
    a_non_blocking_connect_is_einprogress_ealready_and_then_eisconn,
    after_a_blocking_connect_a_second_is_eisconn,
    unspec_dissolves_a_connection,
    a_half_closed_peer_is_end_of_file_and_can_still_be_sent_to,
    shutdown_write_is_end_of_file_at_the_peer,
    shutdown_read_is_end_of_file_here,
    shutdown_of_an_unconnected_socket_is_enotconn,
    a_reset_is_econnreset_once_and_then_end_of_file,
    sending_to_a_closed_peer_is_epipe_without_a_signal,
    accept_gives_the_peer_and_both_sides_agree_on_names,
    accept_on_what_does_not_listen_is_einval,
    listen_twice_changes_the_backlog_only,
    listen_binds_an_unbound_socket,
    binding_twice_is_einval,
    binding_an_address_in_use_is_eaddrinuse,
    binding_a_foreign_address_is_eaddrnotavail,
    wrong_families_are_refused,
    ipv6_works_as_ipv4_does: Ipv6,
    a_dual_stack_listener_sees_mapped_peers: Ipv6,
    an_accepted_socket_blocks_or_not_as_the_caller_says,
    closing_with_a_linger_time_delivers_the_data,
    closing_with_linger_zero_resets,
}

/// A listener of the guest's whose queue is full, and sockets that wait in it; the last one is in progress.
pub(crate) fn stalled<W: World>(guest: &mut TestGuest<W>) -> (SocketAddr, Vec<Fd>) {
    let listener = guest.tcp();
    guest.bind(listener, &LOOPBACK.into()).unwrap();
    guest.listen(listener, 0).unwrap();
    let addr = guest.inet_addr(listener);
    let mut open = vec![listener];
    // Loopback connects at once while there is room in the queue.
    for _ in 0..8 {
        let fd = guest.tcp();
        guest.make_nonblocking(fd);
        assert_eq!(guest.connect_to(fd, addr), Err(Errno::EINPROGRESS));
        open.push(fd);
        if guest.poll(&[(fd, Ready::WRITE)], Some(Duration::ZERO)).unwrap()[0].is_empty() {
            return (addr, open);
        }
    }
    panic!("the backlog of 0 never filled up");
}

/// An address without a listener: it is bound, so that no other socket takes it.
pub(crate) fn dead_end<W: World>(guest: &mut TestGuest<W>) -> SocketAddr {
    let fd = guest.tcp();
    guest.bind(fd, &LOOPBACK.into()).unwrap();
    guest.inet_addr(fd)
}

fn no_call_blocks_a_non_blocking_socket<W: World>(world: &W) {
    let mut guest = guest(world);
    let (listener, addr) = guest.tcp_listener();
    guest.make_nonblocking(listener);
    assert_eq!(guest.accept(listener, true).unwrap_err(), Errno::EAGAIN);
    let client = guest.tcp();
    guest.make_nonblocking(client);
    assert_eq!(guest.connect_to(client, addr), Err(Errno::EINPROGRESS));
    guest.until(listener, Ready::READ);
    let (server, _) = guest.accept(listener, true).unwrap();
    assert_eq!(guest.receive(server, 8, RecvFlags::empty()), Err(Errno::EAGAIN));
    assert_eq!(guest.receive(server, 8, RecvFlags::WAITALL), Err(Errno::EAGAIN));
    assert_eq!(guest.receive(server, 8, RecvFlags::PEEK), Err(Errno::EAGAIN));
    let chunk = vec![0; 1 << 20];
    let full = (0..256).find_map(|_| guest.transmit(server, &chunk).err());
    assert_eq!(full, Some(Errno::EAGAIN));
}

fn a_try_to_accept_does_not_wait_on_a_blocking_listener<W: World>(world: &W) {
    let mut guest = guest(world);
    let (listener, addr) = guest.tcp_listener();
    assert_eq!(guest.try_accept(listener, false).unwrap_err(), Errno::EAGAIN);
    let peer = world.connect(addr).unwrap();
    guest.until(listener, Ready::READ);
    let (fd, from) = guest.try_accept(listener, true).unwrap();
    assert_eq!(from, peer.local_addr().unwrap().into());
    assert_eq!(guest.nonblocking(fd), Ok(true));
    assert_eq!(guest.try_accept(fd, true).unwrap_err(), Errno::EINVAL);
    // The mode is what it was, and so is what another call on the descriptor does.
    assert_eq!(guest.nonblocking(listener), Ok(false));
    let (accepted, _) = while_waiting(
        world,
        || guest.accept(listener, false),
        || world.connect(addr).unwrap(),
    );
    accepted.unwrap();
}

fn a_try_to_connect_does_not_wait_on_a_blocking_socket<W: World>(world: &W) {
    let mut guest = guest(world);
    let (addr, open) = stalled::<W>(&mut guest);
    let fd = guest.tcp();
    let to = addr.into();
    assert_eq!(guest.try_connect(fd, &to), Err(Errno::EINPROGRESS));
    assert_eq!(guest.try_connect(fd, &to), Err(Errno::EALREADY));
    assert_eq!(guest.nonblocking(fd), Ok(false));
    // Room in the queue: the handshake that is under way comes to its end.
    while guest.try_accept(open[0], true).is_ok() {}
    guest.until(fd, Ready::WRITE);
    assert_eq!(guest.try_connect(fd, &to), Ok(()));
    assert_eq!(guest.try_connect(fd, &to), Err(Errno::EISCONN));
    let dead = dead_end::<W>(&mut guest).into();
    let fd = guest.tcp();
    assert_eq!(guest.try_connect(fd, &dead), Err(Errno::EINPROGRESS));
    guest.until(fd, Ready::WRITE);
    assert_eq!(guest.try_connect(fd, &dead), Err(Errno::ECONNREFUSED));
}

fn a_blocking_accept_waits_for_a_connection<W: World>(world: &W) {
    let mut guest = guest(world);
    let (listener, addr) = guest.tcp_listener();
    let (accepted, peer) = while_waiting(
        world,
        || guest.accept(listener, false),
        || world.connect(addr).unwrap(),
    );
    let (_, from) = accepted.unwrap();
    assert_eq!(from, peer.local_addr().unwrap().into());
}

fn a_receive_limit_ends_accept_with_eagain<W: World>(world: &W) {
    let mut guest = guest(world);
    let (listener, addr) = guest.tcp_listener();
    let limit = Duration::from_millis(50);
    guest
        .set_option(listener, SockOpt::RcvTimeo, OptValue::Time(Some(limit)))
        .unwrap();
    let start = guest.clock();
    assert_eq!(guest.accept(listener, false).unwrap_err(), Errno::EAGAIN);
    assert!(guest.elapsed(start) >= limit);
    // The connection inherits it (the kernel says so too).
    let _peer = world.connect(addr).unwrap();
    let (fd, _) = guest.accept(listener, false).unwrap();
    assert_eq!(
        guest.option(fd, SockOpt::RcvTimeo),
        guest.option(listener, SockOpt::RcvTimeo)
    );
    let start = guest.clock();
    assert_eq!(guest.receive(fd, 1, RecvFlags::empty()), Err(Errno::EAGAIN));
    assert!(guest.elapsed(start) >= limit);
}

fn a_blocking_connect_waits_for_the_handshake<W: World>(world: &W) {
    let listener = world.listen(LOOPBACK).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut guest = guest(world);
    // Connections until the queue is full and the next one stays in progress.
    let _queued = eventually("the queue is full", || {
        let fd = guest.tcp();
        guest.make_nonblocking(fd);
        assert_eq!(guest.connect_to(fd, addr), Err(Errno::EINPROGRESS));
        guest.poll(&[(fd, Ready::WRITE)], Some(Duration::ZERO)).unwrap()[0]
            .is_empty()
            .then_some(fd)
    });
    let fd = guest.tcp();
    let (connected, accepted) = while_waiting(
        world,
        || guest.connect_to(fd, addr),
        || {
            listener.set_nonblocking(true).unwrap();
            std::iter::from_fn(|| listener.accept().ok()).collect::<Vec<_>>()
        },
    );
    assert_eq!(connected, Ok(()));
    assert!(!accepted.is_empty());
    assert_eq!(guest.peer_addr(fd), Ok(addr.into()));
}

fn a_send_limit_ends_connect_with_einprogress<W: World>(world: &W) {
    let mut guest = guest(world);
    let (addr, _open) = stalled::<W>(&mut guest);
    let fd = guest.tcp();
    let limit = Duration::from_millis(50);
    guest
        .set_option(fd, SockOpt::SndTimeo, OptValue::Time(Some(limit)))
        .unwrap();
    let start = guest.clock();
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::EINPROGRESS));
    assert!(guest.elapsed(start) >= limit);
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::EALREADY));
    assert!(guest.elapsed(start) >= limit * 2);
}

fn a_refused_blocking_connect_is_econnrefused<W: World>(world: &W) {
    let mut guest = guest(world);
    let addr = dead_end::<W>(&mut guest);
    let fd = guest.tcp();
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::ECONNREFUSED));
    assert_eq!(guest.option(fd, SockOpt::Error), Ok(OptValue::Error(None)));
    // Linux lets the same socket try again.
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::ECONNREFUSED));
}

fn a_refused_non_blocking_connect_is_in_so_error_once<W: World>(world: &W) {
    let mut guest = guest(world);
    let addr = dead_end::<W>(&mut guest);
    let fd = guest.tcp();
    guest.make_nonblocking(fd);
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::EINPROGRESS));
    let ready = guest.until(fd, Ready::WRITE);
    assert!(ready.contains(Ready::ERROR | Ready::WRITE), "{ready:?}");
    assert_eq!(
        guest.option(fd, SockOpt::Error),
        Ok(OptValue::Error(Some(Errno::ECONNREFUSED)))
    );
    assert_eq!(guest.option(fd, SockOpt::Error), Ok(OptValue::Error(None)));
}

fn a_non_blocking_connect_is_einprogress_ealready_and_then_eisconn<W: World>(world: &W) {
    let mut guest = guest(world);
    let (addr, open) = stalled::<W>(&mut guest);
    let (&listener, &waiting) = (open.first().unwrap(), open.last().unwrap());
    assert_eq!(guest.connect_to(waiting, addr), Err(Errno::EALREADY));
    // Room in the queue lets the handshake go on at the next SYN.
    for _ in 1..open.len() {
        guest.until(listener, Ready::READ);
        guest.accept(listener, true).unwrap();
    }
    guest.until(waiting, Ready::WRITE);
    assert_eq!(guest.option(waiting, SockOpt::Error), Ok(OptValue::Error(None)));
    // Linux says once that it is done.
    assert_eq!(guest.connect_to(waiting, addr), Ok(()));
    assert_eq!(guest.connect_to(waiting, addr), Err(Errno::EISCONN));
}

fn after_a_blocking_connect_a_second_is_eisconn<W: World>(world: &W) {
    let mut guest = guest(world);
    let (_listener, addr) = guest.tcp_listener();
    let fd = guest.tcp();
    assert_eq!(guest.connect_to(fd, addr), Ok(()));
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::EISCONN));
}

fn unspec_dissolves_a_connection<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    assert_eq!(guest.connect(fd, &SockAddr::Unspec), Ok(()));
    assert_eq!(guest.peer_addr(fd), Err(Errno::ENOTCONN));
    let error = peer.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let (_listener, addr) = guest.tcp_listener();
    assert_eq!(guest.connect_to(fd, addr), Ok(()));
}

fn a_half_closed_peer_is_end_of_file_and_can_still_be_sent_to<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"bye").unwrap();
    peer.shutdown(StdShutdown::Write).unwrap();
    assert_eq!(guest.receive(fd, 16, RecvFlags::WAITALL).unwrap(), b"bye");
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()).unwrap(), b"");
    assert_eq!(guest.transmit(fd, b"still here"), Ok(10));
    assert_eq!(take(&peer, 10), b"still here");
}

fn shutdown_write_is_end_of_file_at_the_peer<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    guest.transmit(fd, b"last").unwrap();
    guest.shutdown(fd, Shutdown::Write).unwrap();
    assert_eq!(drain(&peer), b"last");
    peer.write_all(b"answer").unwrap();
    assert_eq!(guest.receive(fd, 6, RecvFlags::WAITALL).unwrap(), b"answer");
    guest.shutdown(fd, Shutdown::Both).unwrap();
}

fn shutdown_read_is_end_of_file_here<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    guest.shutdown(fd, Shutdown::Read).unwrap();
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"");
}

fn shutdown_of_an_unconnected_socket_is_enotconn<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    for how in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
        assert_eq!(guest.shutdown(fd, how), Err(Errno::ENOTCONN));
    }
}

fn a_reset_is_econnreset_once_and_then_end_of_file<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    guest.transmit(fd, b"unread").unwrap();
    reset(peer);
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()), Err(Errno::ECONNRESET));
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"");
    assert_eq!(guest.transmit(fd, b"x"), Err(Errno::EPIPE));
}

fn sending_to_a_closed_peer_is_epipe_without_a_signal<W: World>(world: &W) {
    use std::io::IoSlice;
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    drop(peer);
    assert_eq!(guest.receive(fd, 1, RecvFlags::empty()).unwrap(), b"");
    // The first send draws the RST, which is an error of its own on the next call or on the one after.
    let errno = eventually("the peer's RST arrives", || match guest.transmit(fd, b"x") {
        Ok(_) | Err(Errno::ECONNRESET) => None,
        Err(errno) => Some(errno),
    });
    assert_eq!(errno, Errno::EPIPE);
    assert_eq!(guest.write(fd, &mut [IoSlice::new(b"x")]), Err(Errno::EPIPE));
    let both = &mut [IoSlice::new(b"x"), IoSlice::new(b"y")];
    assert_eq!(guest.send(fd, both, SendFlags::empty()), Err(Errno::EPIPE));
}

fn accept_gives_the_peer_and_both_sides_agree_on_names<W: World>(world: &W) {
    let mut guest = guest(world);
    let (listener, addr) = guest.tcp_listener();
    let client = guest.tcp();
    guest.connect_to(client, addr).unwrap();
    let (server, from) = guest.accept(listener, false).unwrap();
    assert_eq!(Ok(&from), guest.local_addr(client).as_ref());
    assert_eq!(Ok(&from), guest.peer_addr(server).as_ref());
    assert_eq!(guest.peer_addr(client), Ok(addr.into()));
    assert_eq!(guest.local_addr(server), Ok(addr.into()));
}

fn accept_on_what_does_not_listen_is_einval<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    assert_eq!(guest.accept(fd, false).unwrap_err(), Errno::EINVAL);
    let datagrams = guest.udp();
    assert_eq!(guest.accept(datagrams, false).unwrap_err(), Errno::EOPNOTSUPP);
    assert_eq!(guest.listen(datagrams, 1), Err(Errno::EOPNOTSUPP));
    let (connected, _peer) = guest.tcp_pair(world);
    assert_eq!(guest.listen(connected, 1), Err(Errno::EINVAL));
}

fn listen_twice_changes_the_backlog_only<W: World>(world: &W) {
    let mut guest = guest(world);
    let (listener, addr) = guest.tcp_listener();
    let _peer = world.connect(addr).unwrap();
    assert_eq!(guest.listen(listener, 1), Ok(()));
    assert_eq!(guest.listen(listener, -1), Ok(()));
    assert_eq!(
        guest.option(listener, SockOpt::AcceptConn),
        Ok(OptValue::Flag(true))
    );
    guest.accept(listener, false).unwrap();
}

fn listen_binds_an_unbound_socket<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    guest.listen(fd, 1).unwrap();
    let addr = guest.inet_addr(fd);
    assert!(addr.ip().is_unspecified() && addr.port() != 0, "{addr}");
    let _peer = world.connect((LOOPBACK.ip(), addr.port())).unwrap();
    guest.accept(fd, false).unwrap();
}

fn binding_twice_is_einval<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, _) = guest.tcp_listener();
    assert_eq!(guest.bind(fd, &LOOPBACK.into()), Err(Errno::EINVAL));
}

fn binding_an_address_in_use_is_eaddrinuse<W: World>(world: &W) {
    let mut guest = guest(world);
    let peer = world.listen(LOOPBACK).unwrap();
    let fd = guest.tcp();
    assert_eq!(
        guest.bind(fd, &peer.local_addr().unwrap().into()),
        Err(Errno::EADDRINUSE)
    );
    assert_eq!(guest.bind(fd, &LOOPBACK.into()), Ok(()));
}

fn binding_a_foreign_address_is_eaddrnotavail<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    // TEST-NET-1 (RFC 5737) belongs to no machine.
    let foreign: SocketAddr = "192.0.2.1:0".parse().unwrap();
    assert_eq!(guest.bind(fd, &foreign.into()), Err(Errno::EADDRNOTAVAIL));
}

fn wrong_families_are_refused<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    let v6: SockAddr = SocketAddr::from((Ipv6Addr::LOCALHOST, 9)).into();
    assert_eq!(guest.bind(fd, &v6), Err(Errno::EAFNOSUPPORT));
    assert_eq!(guest.connect(fd, &v6), Err(Errno::EAFNOSUPPORT));
    for addr in [SockAddr::Unix("/tmp/x".into()), SockAddr::UnixUnnamed] {
        assert_eq!(guest.bind(fd, &addr), Err(Errno::EAFNOSUPPORT));
        assert_eq!(guest.connect(fd, &addr), Err(Errno::EAFNOSUPPORT));
    }
    assert_eq!(guest.bind(fd, &SockAddr::Unspec), Err(Errno::EAFNOSUPPORT));
}

fn ipv6_works_as_ipv4_does<W: World>(world: &W) {
    let mut guest = guest(world);
    let listener = guest.socket(Domain::Inet6, Kind::Stream).unwrap();
    guest
        .bind(listener, &SocketAddr::from((Ipv6Addr::LOCALHOST, 0)).into())
        .unwrap();
    guest.listen(listener, 1).unwrap();
    let addr = guest.inet_addr(listener);
    let peer = world.connect(addr).unwrap();
    let (fd, from) = guest.accept(listener, false).unwrap();
    assert_eq!(from, peer.local_addr().unwrap().into());
    guest.transmit(fd, b"six").unwrap();
    assert_eq!(take(&peer, 3), b"six");
}

fn a_dual_stack_listener_sees_mapped_peers<W: World>(world: &W) {
    let mut guest = guest(world);
    let listener = guest.socket(Domain::Inet6, Kind::Stream).unwrap();
    guest
        .set_option(listener, SockOpt::Ipv6Only, OptValue::Int(0))
        .unwrap();
    guest
        .bind(listener, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())
        .unwrap();
    guest.listen(listener, 1).unwrap();
    let port = guest.inet_addr(listener).port();
    let peer = world.connect((LOOPBACK.ip(), port)).unwrap();
    let (_, from) = guest.accept(listener, false).unwrap();
    let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
    assert_eq!(
        from,
        SocketAddr::from((mapped, peer.local_addr().unwrap().port())).into()
    );
}

fn an_accepted_socket_blocks_or_not_as_the_caller_says<W: World>(world: &W) {
    let mut guest = guest(world);
    let (listener, addr) = guest.tcp_listener();
    for nonblocking in [false, true] {
        guest.set_nonblocking(listener, !nonblocking).unwrap();
        let _peer = world.connect(addr).unwrap();
        guest.until(listener, Ready::READ);
        let (fd, _) = guest.accept(listener, nonblocking).unwrap();
        assert_eq!(guest.nonblocking(fd), Ok(nonblocking));
    }
}

fn closing_with_a_linger_time_delivers_the_data<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    guest
        .set_option(
            fd,
            SockOpt::Linger,
            OptValue::Linger {
                on: true,
                seconds: 30,
            },
        )
        .unwrap();
    guest.make_nonblocking(fd);
    let sent = guest.transmit(fd, &pattern(16 << 20)).unwrap();
    let (closed, received) = while_waiting(world, || guest.close(fd), || drain(&peer));
    assert_eq!(closed, Ok(None));
    assert!(
        received == pattern(sent),
        "every byte arrives before the end of file"
    );
}

fn closing_with_linger_zero_resets<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    guest
        .set_option(fd, SockOpt::Linger, OptValue::Linger { on: true, seconds: 0 })
        .unwrap();
    guest.close(fd).unwrap();
    let error = peer.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}
