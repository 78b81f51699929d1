//! UDP: whole datagrams, their bounds, connecting and dissolving.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use guestnet_core::{
    Domain, Errno, Kind, OptValue, Ready, RecvFlags, SendFlags, Shutdown, SockAddr, SockOpt,
};

use crate::behaviour::behaviours;
use crate::guest::{Calls, LOOPBACK, guest};
use crate::peer::while_waiting;
use crate::world::{PeerUdp, World};

behaviours! { "udp":
    no_call_blocks_a_non_blocking_socket,
    a_blocking_recv_waits_for_a_datagram,
    datagrams_keep_their_bounds,
    a_datagram_has_its_senders_address,
    a_long_datagram_is_truncated_and_the_rest_is_gone,
    a_long_datagram_is_truncated_over_several_buffers,
    trunc_gives_the_real_length,
    peek_leaves_the_datagram,
    waitall_means_nothing,
    an_empty_datagram_is_a_datagram,
    a_buffer_without_room_takes_a_datagram,
    a_gathered_send_is_one_datagram,
    a_datagram_that_is_too_long_is_emsgsize,
    a_receive_limit_ends_recv_with_eagain,
    sending_binds_an_ephemeral_port,
    sending_without_a_destination_is_edestaddrreq,
    a_connected_socket_receives_from_its_peer_only,
    a_connected_socket_can_send_elsewhere,
    unspec_dissolves_the_association,
    a_bounced_datagram_is_econnrefused_once,
    shutdown_unconnected_is_enotconn,
    a_shut_receiving_side_ends_a_blocking_recv,
    the_next_datagrams_length_can_be_asked_for,
    ipv6_works_as_ipv4_does: Ipv6,
    a_dual_stack_socket_receives_and_answers_ipv4: Ipv6,
    wrong_families_are_refused,
    broadcast_needs_the_option: Groups,
    multicast_reaches_a_member: Groups,
    zero_as_the_destination_reaches_loopback,
}

fn peer<W: World>(world: &W) -> (W::Udp, SocketAddr) {
    let peer = world.udp(LOOPBACK).unwrap();
    let addr = peer.local_addr().unwrap();
    (peer, addr)
}

fn received_by(peer: &impl PeerUdp) -> Vec<u8> {
    let mut buffer = vec![0; 65_536];
    let count = peer.recv(&mut buffer).unwrap();
    buffer.truncate(count);
    buffer
}

fn no_call_blocks_a_non_blocking_socket<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, _) = guest.udp_bound();
    guest.make_nonblocking(fd);
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()), Err(Errno::EAGAIN));
    assert_eq!(
        guest.receive_from(fd, 8, RecvFlags::PEEK).unwrap_err(),
        Errno::EAGAIN
    );
    guest.set_nonblocking(fd, false).unwrap();
    assert_eq!(guest.receive(fd, 8, RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
    assert_eq!(
        guest.receive_from(fd, 8, RecvFlags::DONTWAIT).unwrap_err(),
        Errno::EAGAIN
    );
}

fn a_blocking_recv_waits_for_a_datagram<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, from) = peer(world);
    let (outcome, _) = while_waiting(
        world,
        || guest.receive_from(fd, 16, RecvFlags::empty()),
        || peer.send_to(b"late", addr).unwrap(),
    );
    let (data, received, sender) = outcome.unwrap();
    assert_eq!((&data[..received.len], sender), (&b"late"[..], from.into()));
}

fn datagrams_keep_their_bounds<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, to) = peer(world);
    for data in [&b"one"[..], b"", b"three"] {
        peer.send_to(data, addr).unwrap();
        assert_eq!(guest.transmit_to(fd, data, to), Ok(data.len()));
    }
    for data in [&b"one"[..], b"", b"three"] {
        assert_eq!(guest.receive(fd, 64, RecvFlags::empty()).unwrap(), data);
        assert_eq!(received_by(&peer), data);
    }
}

fn a_datagram_has_its_senders_address<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (one, first) = peer(world);
    let (two, second) = peer(world);
    one.send_to(b"1", addr).unwrap();
    two.send_to(b"2", addr).unwrap();
    assert_eq!(
        guest.receive_from(fd, 8, RecvFlags::empty()).unwrap().2,
        first.into()
    );
    let mut buffer = [0; 4];
    let bufs = &mut [IoSliceMut::new(&mut []), IoSliceMut::new(&mut buffer)];
    let (received, from) = guest.recv_from(fd, bufs, RecvFlags::empty()).unwrap();
    assert_eq!((received.len, from), (1, second.into()));
}

fn a_long_datagram_is_truncated_and_the_rest_is_gone<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, _) = peer(world);
    peer.send_to(b"abcdef", addr).unwrap();
    peer.send_to(b"next", addr).unwrap();
    let (data, received, _) = guest.receive_from(fd, 4, RecvFlags::empty()).unwrap();
    assert_eq!(
        (&data[..], received.len, received.truncated),
        (&b"abcd"[..], 4, true)
    );
    let (data, received, _) = guest.receive_from(fd, 4, RecvFlags::empty()).unwrap();
    assert_eq!(
        (&data[..], received.len, received.truncated),
        (&b"next"[..], 4, false)
    );
}

fn a_long_datagram_is_truncated_over_several_buffers<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, _) = peer(world);
    peer.send_to(b"abcdef", addr).unwrap();
    peer.send_to(b"abcdef", addr).unwrap();
    peer.send_to(b"abc", addr).unwrap();
    let (mut first, mut second) = ([0; 2], [0; 3]);
    let bufs = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    let received = guest.recv(fd, bufs, RecvFlags::empty()).unwrap();
    assert_eq!((received.len, received.truncated), (5, true));
    let received = guest.recv(fd, bufs, RecvFlags::TRUNC).unwrap();
    assert_eq!((received.len, received.truncated), (6, true));
    assert_eq!((&first, &second), (b"ab", b"cde"));
    let (mut first, mut second) = ([0; 2], [9; 3]);
    let bufs = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    let received = guest.recv(fd, bufs, RecvFlags::empty()).unwrap();
    assert_eq!((received.len, received.truncated), (3, false));
    assert_eq!((&first, &second), (b"ab", b"c\x09\x09"));
}

fn trunc_gives_the_real_length<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, _) = peer(world);
    peer.send_to(b"abcdef", addr).unwrap();
    let mut buffer = [0; 2];
    let received = guest
        .recv(
            fd,
            &mut [IoSliceMut::new(&mut buffer)],
            RecvFlags::TRUNC | RecvFlags::PEEK,
        )
        .unwrap();
    assert_eq!((received.len, received.truncated, &buffer), (6, true, b"ab"));
    let (_, received, _) = guest.receive_from(fd, 2, RecvFlags::TRUNC).unwrap();
    assert_eq!((received.len, received.truncated), (6, true));
}

fn peek_leaves_the_datagram<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, from) = peer(world);
    peer.send_to(b"abc", addr).unwrap();
    for flags in [RecvFlags::PEEK, RecvFlags::PEEK, RecvFlags::empty()] {
        let (data, received, sender) = guest.receive_from(fd, 8, flags).unwrap();
        assert_eq!((&data[..received.len], sender), (&b"abc"[..], from.into()));
    }
    assert_eq!(guest.receive(fd, 8, RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
}

fn waitall_means_nothing<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, _) = peer(world);
    peer.send_to(b"abc", addr).unwrap();
    assert_eq!(guest.receive(fd, 64, RecvFlags::WAITALL).unwrap(), b"abc");
}

fn an_empty_datagram_is_a_datagram<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, to) = peer(world);
    guest.connect_to(fd, to).unwrap();
    assert_eq!(guest.transmit(fd, b""), Ok(0));
    assert_eq!(guest.send(fd, &mut [], SendFlags::empty()), Ok(0));
    assert_eq!(guest.write(fd, &mut [IoSlice::new(b"")]), Ok(0));
    for _ in 0..3 {
        assert_eq!(received_by(&peer), b"");
    }
    peer.send_to(b"", addr).unwrap();
    assert!(guest.until(fd, Ready::READ).contains(Ready::READ));
    let (_, received, _) = guest.receive_from(fd, 8, RecvFlags::empty()).unwrap();
    assert_eq!((received.len, received.truncated), (0, false));
    assert_eq!(guest.receive(fd, 8, RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
}

fn a_buffer_without_room_takes_a_datagram<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, _) = peer(world);
    for _ in 0..3 {
        peer.send_to(b"abc", addr).unwrap();
    }
    // read(2) without room leaves it alone; recv(2) takes it.
    assert_eq!(guest.read(fd, &mut []), Ok(0));
    let (_, received, _) = guest.receive_from(fd, 0, RecvFlags::empty()).unwrap();
    assert_eq!((received.len, received.truncated), (0, true));
    let received = guest.recv(fd, &mut [], RecvFlags::empty()).unwrap();
    assert_eq!((received.len, received.truncated), (0, true));
    let received = guest.recv(fd, &mut [], RecvFlags::TRUNC).unwrap();
    assert_eq!((received.len, received.truncated), (3, true));
    assert_eq!(guest.receive(fd, 8, RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
}

fn a_gathered_send_is_one_datagram<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    let (peer, to) = peer(world);
    let parts = &mut [IoSlice::new(b"ab"), IoSlice::new(b""), IoSlice::new(b"cde")];
    assert_eq!(guest.send_to(fd, parts, &to.into(), SendFlags::empty()), Ok(5));
    assert_eq!(received_by(&peer), b"abcde");
    guest.connect_to(fd, to).unwrap();
    let parts = &mut [IoSlice::new(b"ab"), IoSlice::new(b"c")];
    assert_eq!(guest.send(fd, parts, SendFlags::empty()), Ok(3));
    assert_eq!(received_by(&peer), b"abc");
}

fn a_datagram_that_is_too_long_is_emsgsize<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    let (peer, to) = peer(world);
    assert_eq!(guest.transmit_to(fd, &vec![0; 65_508], to), Err(Errno::EMSGSIZE));
    assert_eq!(guest.transmit_to(fd, &vec![7; 65_507], to), Ok(65_507));
    assert_eq!(received_by(&peer).len(), 65_507);
}

fn a_receive_limit_ends_recv_with_eagain<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, _) = guest.udp_bound();
    let limit = Duration::from_millis(50);
    guest
        .set_option(fd, SockOpt::RcvTimeo, OptValue::Time(Some(limit)))
        .unwrap();
    let start = guest.clock();
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()), Err(Errno::EAGAIN));
    assert!(guest.elapsed(start) >= limit);
    assert_eq!(
        guest.receive_from(fd, 8, RecvFlags::empty()).unwrap_err(),
        Errno::EAGAIN
    );
    assert!(guest.elapsed(start) >= limit * 2);
    // It is about blocking calls only.
    guest.make_nonblocking(fd);
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()), Err(Errno::EAGAIN));
}

fn sending_binds_an_ephemeral_port<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    assert_eq!(guest.inet_addr(fd).port(), 0);
    let (peer, to) = peer(world);
    guest.transmit_to(fd, b"x", to).unwrap();
    let (_, from) = peer.recv_from(&mut [0; 8]).unwrap();
    assert_eq!(from.port(), guest.inet_addr(fd).port());
    peer.send_to(b"answer", from).unwrap();
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()).unwrap(), b"answer");
}

fn sending_without_a_destination_is_edestaddrreq<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    assert_eq!(guest.transmit(fd, b"x"), Err(Errno::EDESTADDRREQ));
    assert_eq!(guest.peer_addr(fd), Err(Errno::ENOTCONN));
}

fn a_connected_socket_receives_from_its_peer_only<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (friend, to) = peer(world);
    let (stranger, _) = peer(world);
    guest.connect_to(fd, to).unwrap();
    assert_eq!(guest.peer_addr(fd), Ok(to.into()));
    stranger.send_to(b"spam", addr).unwrap();
    friend.send_to(b"ham", addr).unwrap();
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()).unwrap(), b"ham");
    assert_eq!(guest.receive(fd, 16, RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
}

fn a_connected_socket_can_send_elsewhere<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    let (one, first) = peer(world);
    let (two, second) = peer(world);
    guest.connect_to(fd, first).unwrap();
    assert_eq!(guest.transmit_to(fd, b"2", second), Ok(1));
    assert_eq!(guest.transmit(fd, b"1"), Ok(1));
    assert_eq!(
        (received_by(&one), received_by(&two)),
        (b"1".to_vec(), b"2".to_vec())
    );
    // Connecting again changes the peer.
    assert_eq!(guest.connect_to(fd, second), Ok(()));
    assert_eq!(guest.peer_addr(fd), Ok(second.into()));
}

fn unspec_dissolves_the_association<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (_friend, to) = peer(world);
    let (stranger, _) = peer(world);
    guest.connect_to(fd, to).unwrap();
    assert_eq!(guest.connect(fd, &SockAddr::Unspec), Ok(()));
    assert_eq!(guest.peer_addr(fd), Err(Errno::ENOTCONN));
    assert_eq!(guest.transmit(fd, b"x"), Err(Errno::EDESTADDRREQ));
    // A port of the kernel's choice went with the association; sending takes a new one, which receives from every sender.
    guest.transmit_to(fd, b"x", to).unwrap();
    let addr = SocketAddr::new(addr.ip(), guest.inet_addr(fd).port());
    stranger.send_to(b"now received", addr).unwrap();
    assert_eq!(
        guest.receive(fd, 16, RecvFlags::empty()).unwrap(),
        b"now received"
    );
}

fn a_bounced_datagram_is_econnrefused_once<W: World>(world: &W) {
    let mut guest = guest(world);
    let (closed, addr) = peer(world);
    drop(closed);
    let fd = guest.udp();
    guest.connect_to(fd, addr).unwrap();
    guest.transmit(fd, b"x").unwrap();
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()), Err(Errno::ECONNREFUSED));
    assert_eq!(guest.receive(fd, 8, RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
    guest.transmit(fd, b"x").unwrap();
    assert!(guest.until(fd, Ready::READ).contains(Ready::ERROR));
    assert_eq!(
        guest.option(fd, SockOpt::Error),
        Ok(OptValue::Error(Some(Errno::ECONNREFUSED)))
    );
    assert_eq!(guest.option(fd, SockOpt::Error), Ok(OptValue::Error(None)));
}

fn shutdown_unconnected_is_enotconn<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    assert_eq!(guest.shutdown(fd, Shutdown::Write), Err(Errno::ENOTCONN));
}

fn a_shut_receiving_side_ends_a_blocking_recv<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, to) = peer(world);
    guest.connect_to(fd, to).unwrap();
    peer.send_to(b"before", addr).unwrap();
    guest.until(fd, Ready::READ);
    assert_eq!(guest.shutdown(fd, Shutdown::Read), Ok(()));
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"before");
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"");
    assert_eq!(guest.receive(fd, 8, RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
}

fn the_next_datagrams_length_can_be_asked_for<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, addr) = guest.udp_bound();
    let (peer, _) = peer(world);
    assert_eq!(guest.readable_bytes(fd), Ok(0));
    peer.send_to(b"abc", addr).unwrap();
    peer.send_to(b"de", addr).unwrap();
    guest.until(fd, Ready::READ);
    assert_eq!(guest.readable_bytes(fd), Ok(3));
}

fn ipv6_works_as_ipv4_does<W: World>(world: &W) {
    let mut guest = guest(world);
    let peer = world.udp((Ipv6Addr::LOCALHOST, 0)).unwrap();
    let to = peer.local_addr().unwrap();
    let fd = guest.socket(Domain::Inet6, Kind::Datagram).unwrap();
    guest.transmit_to(fd, b"six", to).unwrap();
    let mut buffer = [0; 8];
    let (count, from) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..count], b"six");
    peer.send_to(b"back", from).unwrap();
    let (data, received, sender) = guest.receive_from(fd, 8, RecvFlags::empty()).unwrap();
    assert_eq!((&data[..received.len], sender), (&b"back"[..], to.into()));
}

fn a_dual_stack_socket_receives_and_answers_ipv4<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.socket(Domain::Inet6, Kind::Datagram).unwrap();
    guest.set_option(fd, SockOpt::Ipv6Only, OptValue::Int(0)).unwrap();
    guest
        .bind(fd, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)).into())
        .unwrap();
    let port = guest.inet_addr(fd).port();
    let (peer, addr) = peer(world);
    peer.send_to(b"four", (Ipv4Addr::LOCALHOST, port)).unwrap();
    let (_, _, from) = guest.receive_from(fd, 8, RecvFlags::empty()).unwrap();
    let mapped = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), addr.port()));
    assert_eq!(from, mapped.into());
    guest.transmit_to(fd, b"answer", mapped).unwrap();
    assert_eq!(received_by(&peer), b"answer");
}

fn wrong_families_are_refused<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    let v6: SocketAddr = (Ipv6Addr::LOCALHOST, 9).into();
    assert_eq!(guest.transmit_to(fd, b"x", v6), Err(Errno::EAFNOSUPPORT));
    assert_eq!(guest.connect_to(fd, v6), Err(Errno::EAFNOSUPPORT));
    for addr in [
        SockAddr::Unspec,
        SockAddr::Unix("/tmp/x".into()),
        SockAddr::UnixUnnamed,
    ] {
        let sent = guest.send_to(fd, &mut [IoSlice::new(b"x")], &addr, SendFlags::empty());
        assert_eq!(sent, Err(Errno::EAFNOSUPPORT));
    }
}

fn broadcast_needs_the_option<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    let everyone: SocketAddr = "127.255.255.255:9".parse().unwrap();
    assert_eq!(guest.transmit_to(fd, b"x", everyone), Err(Errno::EACCES));
    guest
        .set_option(fd, SockOpt::Broadcast, OptValue::Int(1))
        .unwrap();
    assert_eq!(guest.transmit_to(fd, b"x", everyone), Ok(1));
}

fn multicast_reaches_a_member<W: World>(world: &W) {
    let mut guest = guest(world);
    let group = Ipv4Addr::new(239, 255, 77, 1);
    let fd = guest.udp();
    guest
        .bind(fd, &SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into())
        .unwrap();
    let port = guest.inet_addr(fd).port();
    let membership = OptValue::Membership4 {
        group,
        interface: Ipv4Addr::LOCALHOST,
    };
    guest
        .set_option(fd, SockOpt::IpAddMembership, membership)
        .unwrap();
    let (member, _) = guest.udp_bound();
    guest.transmit_to(member, b"all", (group, port).into()).unwrap();
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"all");
    assert_eq!(
        guest.set_option(fd, SockOpt::IpDropMembership, membership),
        Ok(())
    );
    assert_eq!(
        guest.set_option(fd, SockOpt::IpDropMembership, membership),
        Err(Errno::EADDRNOTAVAIL)
    );
}

fn zero_as_the_destination_reaches_loopback<W: World>(world: &W) {
    let mut guest = guest(world);
    let (peer, addr) = peer(world);
    let fd = guest.udp();
    assert_eq!(
        guest.transmit_to(fd, b"x", (Ipv4Addr::UNSPECIFIED, addr.port()).into()),
        Ok(1)
    );
    assert_eq!(received_by(&peer), b"x");
}
