//! The limits of bytes: what a guest has sent, received or seen in all, by whatever calls.

use std::io::{IoSlice, IoSliceMut};
use std::time::Duration;

use guestnet_core::limits::Limits;
use guestnet_core::policy::{PolicyBuilder, Use};
use guestnet_core::{Errno, Fd, Kind, Ready, RecvFlags, Result, SendFlags};

use crate::behaviour::behaviours;
use crate::guest::{Calls, LOOPBACK, TestGuest, guest_under};
use crate::patience::eventually;
use crate::peer;
use crate::world::{PeerListener, PeerStream, PeerUdp, World};

behaviours! { "limits":
    a28_a_peeked_datagram_counts_and_is_not_counted_again_when_it_is_taken,
    a28_a_peek_into_little_room_counts_what_it_shows_and_the_rest_is_counted_later,
    a28_a_datagram_counts_its_real_length_whatever_room_there_is_for_it,
    a28_what_was_peeked_at_may_still_be_taken_when_nothing_is_left,
    a28_peeks_at_many_sockets_do_not_add_up_beyond_the_total,
    a28_a_refused_datagram_is_neither_counted_nor_credit_for_the_next,
    a28_a_peeked_stream_counts_once_however_often_it_is_shown,
    a28_a_peek_before_the_association_is_dissolved_is_no_credit_after_it,
    urgent_data_counts: UrgentData,
    a_stream_sends_up_to_the_total_and_not_a_byte_more,
    a_stream_is_received_whole_up_to_the_total,
    a_datagram_beyond_what_is_left_is_not_sent_and_a_smaller_one_is,
    an_empty_datagram_needs_a_total_that_is_not_used_up,
    an_empty_receive_from_a_stream_needs_nothing_of_the_total,
    no_datagram_is_received_when_the_total_is_used_up,
    what_is_exactly_left_goes_through_all_buffers_of_one_call,
    a_datagrams_length_is_reported_and_counted_alike,
    unix_sockets_count_nothing: SocketPairs,
    a_call_that_failed_counts_nothing,
    a37_each_datagram_costs_its_headers_of_the_rate_and_none_of_the_total,
    a37_each_received_datagram_costs_its_headers_of_the_rate,
    a37_each_connection_costs_of_the_rate,
    a37_each_accepted_connection_costs_of_the_rate,
    a_rate_of_nothing_holds_a_call_that_does_not_wait_for_a_moment_only,
    a_rate_is_waited_for,
}

/// What a datagram costs of the rate in addition to its data, and a connection: docs/policy.md.
const DATAGRAM: u64 = 28;
const CONNECTION: u64 = 120;

/// A guest that may do everything, but move no more than this in all.
fn total<W: World>(world: &W, bytes: u64) -> TestGuest<W> {
    limited(
        world,
        Limits {
            bytes_total: Some(bytes),
            ..Limits::default()
        },
    )
}

/// A guest that may save up `burst`, and gets next to nothing more within a test.
fn rate<W: World>(world: &W, burst: u64) -> TestGuest<W> {
    assert!(
        burst <= 16 << 10,
        "up to there a whole second's worth is saved up"
    );
    limited(
        world,
        Limits {
            bytes_per_second: Some(burst),
            ..Limits::default()
        },
    )
}

fn limited<W: World>(world: &W, limits: Limits) -> TestGuest<W> {
    let mut builder = PolicyBuilder::new();
    builder.allow_net().limits(limits);
    guest_under(world, builder.build())
}

/// How many bytes of a datagram the guest may still send: what is left of its total.
fn left<W: World>(world: &W, guest: &mut TestGuest<W>) -> usize {
    let sink = world.udp(LOOPBACK).unwrap();
    let fd = guest.udp();
    guest.connect_to(fd, sink.local_addr().unwrap()).unwrap();
    let mut left = 0;
    // Each that is sent is gone: they get ever smaller.
    for bit in (0..16).rev() {
        if guest.transmit(fd, &vec![0; 1 << bit]).is_ok() {
            left += 1 << bit;
        }
    }
    guest.close(fd).unwrap();
    left
}

/// A guest's socket, and a peer that is connected to it.
fn receiver<W: World>(world: &W, guest: &mut TestGuest<W>) -> (Fd, W::Udp) {
    let (fd, addr) = guest.udp_bound();
    let peer = world.udp(LOOPBACK).unwrap();
    peer.connect(addr).unwrap();
    (fd, peer)
}

fn a28_a_peeked_datagram_counts_and_is_not_counted_again_when_it_is_taken<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let (fd, peer) = receiver(world, &mut guest);
    peer.send(&[7; 300]).unwrap();
    for _ in 0..10 {
        assert_eq!(guest.receive(fd, 512, RecvFlags::PEEK).unwrap().len(), 300);
    }
    assert_eq!(guest.receive(fd, 512, RecvFlags::empty()).unwrap().len(), 300);
    peer.send(&[7; 100]).unwrap();
    assert_eq!(guest.receive(fd, 512, RecvFlags::empty()).unwrap().len(), 100);
    assert_eq!(left(world, &mut guest), 600);
}

fn a28_a_peek_into_little_room_counts_what_it_shows_and_the_rest_is_counted_later<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let (fd, peer) = receiver(world, &mut guest);
    // Shown of 300: 10, 100, 20, and then it is thrown away.
    peer.send(&[7; 300]).unwrap();
    for room in [10, 100, 20] {
        assert_eq!(guest.receive(fd, room, RecvFlags::PEEK).unwrap().len(), room);
    }
    // TRUNC gives a length, and no bytes.
    let mut byte = [0];
    let bufs = &mut [IoSliceMut::new(&mut byte)];
    let flags = RecvFlags::PEEK | RecvFlags::TRUNC;
    let received = guest.recv(fd, bufs, flags).unwrap();
    assert_eq!((received.len, received.truncated), (300, true));
    peer.send(&[7; 50]).unwrap();
    assert_eq!(guest.receive(fd, 0, RecvFlags::empty()).unwrap().len(), 0);
    assert_eq!(guest.receive(fd, 512, RecvFlags::empty()).unwrap().len(), 50);
    assert_eq!(left(world, &mut guest), 650);
    let mut guest = total(world, 1000);
    let (fd, peer) = receiver(world, &mut guest);
    peer.send(&[7; 300]).unwrap();
    guest.receive(fd, 100, RecvFlags::PEEK).unwrap();
    assert_eq!(left(world, &mut guest), 900);
}

fn a28_a_datagram_counts_its_real_length_whatever_room_there_is_for_it<W: World>(world: &W) {
    for room in [0, 1, 299, 300, 301] {
        let mut guest = total(world, 1000);
        let (fd, peer) = receiver(world, &mut guest);
        peer.send(&[7; 300]).unwrap();
        let (_, received, _) = guest.receive_from(fd, room, RecvFlags::empty()).unwrap();
        assert_eq!((received.len, received.truncated), (room.min(300), room < 300));
        assert_eq!(left(world, &mut guest), 700, "{room}");
    }
}

fn a28_what_was_peeked_at_may_still_be_taken_when_nothing_is_left<W: World>(world: &W) {
    let mut guest = total(world, 300);
    let (fd, peer) = receiver(world, &mut guest);
    peer.send(&[7; 300]).unwrap();
    assert_eq!(guest.receive(fd, 512, RecvFlags::PEEK).unwrap().len(), 300);
    peer.send(&[8; 1]).unwrap();
    assert_eq!(guest.receive(fd, 512, RecvFlags::PEEK).unwrap().len(), 300);
    assert_eq!(guest.receive(fd, 512, RecvFlags::empty()).unwrap().len(), 300);
    assert_eq!(guest.receive(fd, 512, RecvFlags::PEEK), Err(Errno::ENOBUFS));
    assert_eq!(guest.receive(fd, 512, RecvFlags::empty()), Err(Errno::ENOBUFS));
    // A stream likewise.
    let mut guest = total(world, 5);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"hello world").unwrap();
    assert_eq!(guest.receive(fd, 64, RecvFlags::PEEK).unwrap(), b"hello");
    assert_eq!(guest.receive(fd, 3, RecvFlags::empty()).unwrap(), b"hello"[..3]);
    assert_eq!(guest.receive(fd, 64, RecvFlags::PEEK).unwrap(), b"lo");
    assert_eq!(guest.receive(fd, 64, RecvFlags::empty()).unwrap(), b"lo");
    assert_eq!(guest.receive(fd, 64, RecvFlags::empty()), Err(Errno::ENOBUFS));
}

fn a28_peeks_at_many_sockets_do_not_add_up_beyond_the_total<W: World>(world: &W) {
    let mut guest = total(world, 100);
    let mut seen = 0;
    let mut ends = Vec::new();
    // A byte each of large datagrams, and then all of them.
    for _ in 0..100 {
        let (fd, peer) = receiver(world, &mut guest);
        peer.send(&[7; 10_000]).unwrap();
        seen += guest.receive(fd, 1, RecvFlags::PEEK).unwrap().len();
        ends.push((fd, peer));
    }
    for (fd, _) in &ends {
        for flags in [RecvFlags::PEEK, RecvFlags::empty()] {
            let received = guest.receive(*fd, 10_000, flags).map(|data| data.len());
            assert_eq!(received, Err(Errno::ENOBUFS));
        }
        // A buffer that holds no more than was shown before still gets it.
        assert_eq!(guest.receive(*fd, 1, RecvFlags::PEEK).unwrap().len(), 1);
    }
    assert_eq!(seen, 100);
}

fn a28_a_refused_datagram_is_neither_counted_nor_credit_for_the_next<W: World>(world: &W) {
    let allowed = world.udp(LOOPBACK).unwrap();
    let refused = world.udp(LOOPBACK).unwrap();
    let mut builder = PolicyBuilder::new();
    builder.allow_net().limits(Limits {
        bytes_total: Some(1000),
        ..Limits::default()
    });
    let rule = format!("udp://{}", refused.local_addr().unwrap());
    builder.deny(Use::Accept, &rule).unwrap();
    let mut guest = guest_under(world, builder.build());
    let (fd, addr) = guest.udp_bound();
    for len in [300, 20] {
        refused.send_to(&vec![9; 400], addr).unwrap();
        allowed.send_to(&vec![7; len], addr).unwrap();
        assert_eq!(guest.receive(fd, 512, RecvFlags::PEEK).unwrap(), vec![7; len]);
        assert_eq!(guest.receive(fd, 512, RecvFlags::empty()).unwrap(), vec![7; len]);
    }
    assert_eq!(left(world, &mut guest), 680);
}

fn a28_a_peeked_stream_counts_once_however_often_it_is_shown<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(&[7; 100]).unwrap();
    for flags in [RecvFlags::PEEK, RecvFlags::PEEK | RecvFlags::WAITALL] {
        assert_eq!(guest.receive(fd, 60, flags).unwrap().len(), 60);
    }
    // 60 are counted. Of these 50 are taken, and of 50 that are shown then 40 are new.
    assert_eq!(guest.receive(fd, 50, RecvFlags::WAITALL).unwrap().len(), 50);
    assert_eq!(guest.receive(fd, 100, RecvFlags::PEEK).unwrap().len(), 50);
    assert_eq!(guest.receive(fd, 100, RecvFlags::empty()).unwrap().len(), 50);
    assert_eq!(left(world, &mut guest), 900);
}

fn a28_a_peek_before_the_association_is_dissolved_is_no_credit_after_it<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let listener = world.listen(LOOPBACK).unwrap();
    let fd = guest.tcp();
    for _ in 0..3 {
        guest.connect_to(fd, listener.local_addr().unwrap()).unwrap();
        let (peer, _) = listener.accept().unwrap();
        peer.write_all(&[7; 100]).unwrap();
        let all = RecvFlags::PEEK | RecvFlags::WAITALL;
        assert_eq!(guest.receive(fd, 100, all).unwrap().len(), 100);
        guest.connect(fd, &guestnet_core::SockAddr::Unspec).unwrap();
    }
    assert_eq!(left(world, &mut guest), 700);
}

fn urgent_data_counts<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let (one, other) = guest.tcp_pair(world);
    let sent = guest.send(one, &mut [IoSlice::new(b"!")], SendFlags::OOB);
    assert_eq!(sent, Ok(1));
    peer::take(&other, 0);
    other.write_all(b"x").unwrap();
    assert_eq!(guest.receive(one, 8, RecvFlags::empty()).unwrap(), b"x");
    assert_eq!(left(world, &mut guest), 998);
}

fn a_stream_sends_up_to_the_total_and_not_a_byte_more<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let (fd, peer) = guest.tcp_pair(world);
    let (one, two) = ([1; 600], [2; 600]);
    // Across the buffers of one call, and whatever is asked for afterwards.
    let bufs = &mut [IoSlice::new(&one), IoSlice::new(&[]), IoSlice::new(&two)];
    assert_eq!(guest.send(fd, bufs, SendFlags::empty()), Ok(1000));
    assert_eq!(guest.transmit(fd, b"x"), Err(Errno::ENOBUFS));
    assert_eq!(guest.receive(fd, 1, RecvFlags::empty()), Err(Errno::ENOBUFS));
    guest.close(fd).unwrap();
    let mut seen = Vec::new();
    peer.read_to_end(&mut seen).unwrap();
    assert_eq!(seen, [&one[..], &two[..400]].concat());
}

fn a_stream_is_received_whole_up_to_the_total<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(&[7; 1500]).unwrap();
    let (mut one, mut two) = ([0; 500], [0; 400]);
    let bufs = &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
    let received = guest.recv(fd, bufs, RecvFlags::WAITALL).unwrap();
    assert_eq!(received.len, 900);
    assert_eq!((one, two), ([7; 500], [7; 400]));
    assert_eq!(guest.receive(fd, 500, RecvFlags::WAITALL).unwrap().len(), 100);
    assert_eq!(guest.receive(fd, 500, RecvFlags::WAITALL), Err(Errno::ENOBUFS));
}

fn a_datagram_beyond_what_is_left_is_not_sent_and_a_smaller_one_is<W: World>(world: &W) {
    let mut guest = total(world, 100);
    let peer = world.udp(LOOPBACK).unwrap();
    let to = peer.local_addr().unwrap();
    let fd = guest.udp();
    assert_eq!(guest.transmit_to(fd, &[1; 101], to), Err(Errno::ENOBUFS));
    assert_eq!(guest.transmit_to(fd, &[2; 60], to), Ok(60));
    assert_eq!(guest.transmit_to(fd, &[3; 41], to), Err(Errno::ENOBUFS));
    assert_eq!(guest.transmit_to(fd, &[4; 40], to), Ok(40));
    assert_eq!(guest.transmit_to(fd, &[5; 1], to), Err(Errno::ENOBUFS));
    let mut buffer = [0; 128];
    assert_eq!(peer.recv(&mut buffer).unwrap(), 60);
    assert_eq!(peer.recv(&mut buffer).unwrap(), 40);
    peer.set_nonblocking(true).unwrap();
    assert!(peer.recv(&mut buffer).is_err());
}

fn an_empty_datagram_needs_a_total_that_is_not_used_up<W: World>(world: &W) {
    let mut guest = total(world, 10);
    let peer = world.udp(LOOPBACK).unwrap();
    let to = peer.local_addr().unwrap();
    let fd = guest.udp();
    assert_eq!(guest.transmit_to(fd, b"", to), Ok(0));
    assert_eq!(guest.transmit_to(fd, &[0; 10], to), Ok(10));
    assert_eq!(guest.transmit_to(fd, b"", to), Err(Errno::ENOBUFS));
}

fn an_empty_receive_from_a_stream_needs_nothing_of_the_total<W: World>(world: &W) {
    let mut guest = total(world, 3);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"abcd").unwrap();
    assert_eq!(guest.receive(fd, 3, RecvFlags::WAITALL), Ok(b"abc".to_vec()));
    assert_eq!(guest.receive(fd, 1, RecvFlags::empty()), Err(Errno::ENOBUFS));
    assert_eq!(guest.receive(fd, 0, RecvFlags::empty()), Ok(vec![]));
}

fn no_datagram_is_received_when_the_total_is_used_up<W: World>(world: &W) {
    let mut guest = total(world, 10);
    let (fd, peer) = receiver(world, &mut guest);
    peer.send(&[7; 10]).unwrap();
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()).unwrap(), [7; 10]);
    peer.send(&[]).unwrap();
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()), Err(Errno::ENOBUFS));
}

fn what_is_exactly_left_goes_through_all_buffers_of_one_call<W: World>(world: &W) {
    let mut guest = total(world, 10);
    let (fd, _peer) = guest.tcp_pair(world);
    guest.make_nonblocking(fd);
    let bufs = &mut [IoSlice::new(b"hello"), IoSlice::new(b"world")];
    assert_eq!(guest.send(fd, bufs, SendFlags::empty()), Ok(10));
    let mut guest = total(world, 10);
    let (fd, peer) = guest.tcp_pair(world);
    guest.make_nonblocking(fd);
    peer.write_all(b"helloworld").unwrap();
    let (mut one, mut two) = ([0; 5], [0; 5]);
    let bufs = &mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut two)];
    guest.until(fd, Ready::READ);
    assert_eq!(guest.recv(fd, bufs, RecvFlags::empty()).unwrap().len, 10);
    assert_eq!((&one, &two), (b"hello", b"world"));
}

fn a_datagrams_length_is_reported_and_counted_alike<W: World>(world: &W) {
    let mut guest = total(world, 1000);
    let (fd, peer) = receiver(world, &mut guest);
    peer.send(&[7; 300]).unwrap();
    let mut buffer = [0; 10];
    let bufs = &mut [IoSliceMut::new(&mut buffer)];
    let received = guest.recv(fd, bufs, RecvFlags::TRUNC).unwrap();
    assert_eq!((received.len, received.truncated), (300, true));
    assert_eq!(left(world, &mut guest), 700);
}

fn unix_sockets_count_nothing<W: World>(world: &W) {
    let mut guest = total(world, 10);
    let (one, other) = guest.socket_pair(Kind::Stream).unwrap();
    assert_eq!(guest.transmit(one, &[7; 1000]), Ok(1000));
    assert_eq!(guest.receive(other, 1000, RecvFlags::PEEK).unwrap().len(), 1000);
    assert_eq!(left(world, &mut guest), 10);
}

fn a_call_that_failed_counts_nothing<W: World>(world: &W) {
    let mut guest = total(world, 10);
    let (stream, _peer) = guest.tcp_pair(world);
    guest.make_nonblocking(stream);
    let unconnected = guest.tcp();
    for _ in 0..100 {
        assert_eq!(guest.receive(stream, 10, RecvFlags::empty()), Err(Errno::EAGAIN));
        assert_eq!(guest.transmit(unconnected, b"x"), Err(Errno::EPIPE));
        let udp = guest.udp();
        assert_eq!(guest.transmit(udp, b"x"), Err(Errno::EDESTADDRREQ));
        guest.close(udp).unwrap();
    }
    assert_eq!(left(world, &mut guest), 10);
}

/// How often `act` succeeds until it is `EAGAIN`, which no time may be the reason of.
fn until_again<R>(mut act: impl FnMut() -> Result<R>) -> u64 {
    let mut count = 0;
    loop {
        match act() {
            Ok(_) => count += 1,
            Err(errno) => {
                assert_eq!(errno, Errno::EAGAIN);
                return count;
            }
        }
        assert!(count < 10_000, "no limit is in the way");
    }
}

/// Whether a burst allows so many, with those that a machine that was busy for some seconds got in addition.
fn allows(burst: u64, cost: u64, count: u64) -> bool {
    // The last one goes on credit.
    let exactly = burst.div_ceil(cost);
    (exactly..exactly + 10 * burst / cost).contains(&count)
}

fn a37_each_datagram_costs_its_headers_of_the_rate_and_none_of_the_total<W: World>(world: &W) {
    let mut guest = limited(
        world,
        Limits {
            bytes_per_second: Some(2800),
            bytes_total: Some(100),
            ..Limits::default()
        },
    );
    let peer = world.udp(LOOPBACK).unwrap();
    let fd = guest.udp();
    guest.connect_to(fd, peer.local_addr().unwrap()).unwrap();
    guest.make_nonblocking(fd);
    let sent = until_again(|| guest.transmit(fd, b""));
    assert!(allows(2800, DATAGRAM, sent), "{sent}");
}

fn a37_each_received_datagram_costs_its_headers_of_the_rate<W: World>(world: &W) {
    let mut guest = rate(world, 280);
    let (fd, peer) = receiver(world, &mut guest);
    guest.make_nonblocking(fd);
    for _ in 0..200 {
        peer.send(b"").unwrap();
    }
    let received = until_again(|| guest.receive(fd, 8, RecvFlags::empty()));
    assert!(allows(280, DATAGRAM, received), "{received}");
    assert!(
        peer.send(b"").is_ok() && received < 200,
        "some are left: {received}"
    );
}

fn a37_each_connection_costs_of_the_rate<W: World>(world: &W) {
    let mut guest = rate(world, 1200);
    let listener = world.listen(LOOPBACK).unwrap();
    let to = listener.local_addr().unwrap();
    let mut connections = Vec::new();
    let made = until_again(|| {
        let fd = guest.tcp();
        guest.make_nonblocking(fd);
        let made = match guest.connect_to(fd, to) {
            Err(Errno::EINPROGRESS) => Ok(()),
            made => made,
        };
        guest.close(fd)?;
        made?;
        connections.push(listener.accept().unwrap());
        Ok(())
    });
    assert!(allows(1200, CONNECTION, made), "{made}");
    // Those of UNIX sockets and of datagrams send nothing.
    let udp = guest.udp();
    guest.make_nonblocking(udp);
    assert_eq!(guest.connect_to(udp, to), Ok(()));
}

fn a37_each_accepted_connection_costs_of_the_rate<W: World>(world: &W) {
    let mut guest = rate(world, 1200);
    let (listener, addr) = guest.tcp_listener();
    guest.make_nonblocking(listener);
    let mut peers: Vec<W::Stream> = Vec::new();
    let taken = until_again(|| {
        peers.push(world.connect(addr).unwrap());
        let mut accepted = guest.accept(listener, true);
        while accepted == Err(Errno::EAGAIN)
            && guest.poll(&[(listener, Ready::READ)], Some(Duration::ZERO))?[0].is_empty()
        {
            accepted = guest.accept(listener, true);
        }
        let (fd, _) = accepted?;
        guest.close(fd)
    });
    assert!(allows(1200, CONNECTION, taken), "{taken}");
}

fn a_rate_of_nothing_holds_a_call_that_does_not_wait_for_a_moment_only<W: World>(world: &W) {
    let mut guest = limited(
        world,
        Limits {
            bytes_per_second: Some(0),
            ..Limits::default()
        },
    );
    let (fd, peer) = receiver(world, &mut guest);
    guest.make_nonblocking(fd);
    let to = peer.local_addr().unwrap();
    // One is what may always be saved up.
    assert_eq!(guest.transmit_to(fd, b"x", to), Ok(1));
    let began = guest.clock();
    assert_eq!(guest.transmit_to(fd, b"x", to), Err(Errno::EAGAIN));
    let held = guest.elapsed(began);
    assert!(held >= Duration::from_millis(5), "{held:?}");
}

fn a_rate_is_waited_for<W: World>(world: &W) {
    let mut guest = rate(world, 16 << 10);
    let (fd, peer) = guest.tcp_pair(world);
    let began = guest.clock();
    // The connection and the first 16 KiB are there, 8 KiB more after half a second.
    assert_eq!(guest.transmit(fd, &[7; 24 << 10]), Ok(24 << 10));
    let waited = guest.elapsed(began);
    assert!(waited >= Duration::from_millis(500), "{waited:?}");
    guest.close(fd).unwrap();
    let seen = eventually("all has come", || {
        let mut seen = Vec::new();
        peer.read_to_end(&mut seen).ok().map(|_| seen.len())
    });
    assert_eq!(seen, 24 << 10);
}
