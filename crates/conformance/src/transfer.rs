//! Moving data over TCP: whole and in parts, with every flag, limit and mark. Datagrams are `udp`'s.

use std::io::{IoSlice, IoSliceMut};
use std::time::Duration;

use guestnet_core::{Errno, Fd, OptValue, Ready, RecvFlags, SendFlags, Shutdown, SockAddr, SockOpt};

use crate::behaviour::behaviours;
use crate::guest::{Calls, TestGuest, guest, pattern};
use crate::patience::eventually;
use crate::peer::{drain, take, while_waiting};
use crate::world::{PeerStream, World};

behaviours! { "transfer":
    a_blocking_recv_waits_for_data,
    a_blocking_send_of_8_mib_completes_while_the_peer_drains,
    a_blocking_gathered_send_completes_in_order,
    dontwait_does_not_block_a_blocking_socket,
    a_non_blocking_send_takes_what_fits,
    waitall_waits_for_the_whole_buffer,
    waitall_over_several_buffers_fills_them_in_order,
    waitall_ends_early_at_the_end_of_the_stream,
    waitall_with_a_time_limit_gives_what_there_is,
    waitall_with_peek_waits_and_takes_nothing,
    waitall_with_peek_ends_at_the_end_of_the_stream,
    peek_takes_nothing,
    a_scattered_recv_fills_the_buffers_in_order,
    a_receive_limit_ends_recv_with_eagain,
    a_receive_limit_covers_the_whole_call,
    a_send_limit_ends_send_with_eagain,
    a_low_water_mark_holds_a_blocking_recv_back,
    a_low_water_mark_and_a_time_limit_give_what_there_is,
    urgent_data_is_received_out_of_line: UrgentData,
    urgent_data_is_received_in_line_if_asked_for: UrgentData,
    receiving_urgent_data_never_blocks,
    sending_after_shutdown_write_is_epipe,
    sending_unconnected_is_epipe_and_receiving_enotconn,
    sendto_ignores_the_address_of_a_stream,
    recvfrom_has_no_address_on_a_stream,
    an_empty_send_on_a_stream_is_nothing,
}

const ALL_BYTES: usize = 8 << 20;

fn a_blocking_recv_waits_for_data<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    let (received, ()) = while_waiting(
        world,
        || guest.receive(fd, 16, RecvFlags::empty()),
        || peer.write_all(b"late").unwrap(),
    );
    assert_eq!(received.unwrap(), b"late");
}

fn a_blocking_send_of_8_mib_completes_while_the_peer_drains<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    let data = pattern(ALL_BYTES);
    let (sent, received) = while_waiting(world, || guest.transmit(fd, &data), || take(&peer, ALL_BYTES));
    assert_eq!(sent, Ok(ALL_BYTES));
    assert!(received == data, "every byte arrives in order");
}

fn a_blocking_gathered_send_completes_in_order<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    let data = pattern(ALL_BYTES);
    let mut bufs: Vec<IoSlice<'_>> = data.chunks(100_003).map(IoSlice::new).collect();
    bufs.insert(1, IoSlice::new(&[]));
    let (sent, received) = while_waiting(
        world,
        || guest.send(fd, &mut bufs, SendFlags::empty()),
        || take(&peer, ALL_BYTES),
    );
    assert_eq!(sent, Ok(ALL_BYTES));
    assert!(received == data, "every byte arrives in order");
}

fn dontwait_does_not_block_a_blocking_socket<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    assert_eq!(guest.receive(fd, 8, RecvFlags::DONTWAIT), Err(Errno::EAGAIN));
    assert_eq!(
        guest.receive(fd, 8, RecvFlags::DONTWAIT | RecvFlags::WAITALL),
        Err(Errno::EAGAIN)
    );
    let chunk = vec![0; 1 << 20];
    let full = (0..256).find_map(|_| {
        guest
            .send(fd, &mut [IoSlice::new(&chunk)], SendFlags::DONTWAIT)
            .err()
    });
    assert_eq!(full, Some(Errno::EAGAIN));
}

fn a_non_blocking_send_takes_what_fits<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    guest.make_nonblocking(fd);
    let data = pattern(64 << 20);
    let sent = guest.transmit(fd, &data).unwrap();
    assert!(
        0 < sent && sent < data.len(),
        "{sent} of {} bytes were taken",
        data.len()
    );
    guest.shutdown(fd, Shutdown::Write).unwrap();
    assert!(
        drain(&peer) == data[..sent],
        "exactly the bytes that were counted arrive"
    );
}

fn waitall_waits_for_the_whole_buffer<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"one ").unwrap();
    guest.until(fd, Ready::READ);
    let (received, ()) = while_waiting(
        world,
        || guest.receive(fd, 7, RecvFlags::WAITALL),
        || peer.write_all(b"two three").unwrap(),
    );
    assert_eq!(received.unwrap(), b"one two");
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()).unwrap(), b" three");
}

fn waitall_over_several_buffers_fills_them_in_order<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"ab").unwrap();
    guest.until(fd, Ready::READ);
    let (mut first, mut second) = ([0; 3], [0; 4]);
    let (received, ()) = while_waiting(
        world,
        || {
            let bufs = &mut [
                IoSliceMut::new(&mut first),
                IoSliceMut::new(&mut []),
                IoSliceMut::new(&mut second),
            ];
            guest.recv(fd, bufs, RecvFlags::WAITALL)
        },
        || peer.write_all(b"cdefg").unwrap(),
    );
    assert_eq!(received.unwrap().len, 7);
    assert_eq!((&first, &second), (b"abc", b"defg"));
}

fn waitall_ends_early_at_the_end_of_the_stream<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"short").unwrap();
    guest.until(fd, Ready::READ);
    let (received, ()) = while_waiting(
        world,
        || guest.receive(fd, 100, RecvFlags::WAITALL),
        || drop(peer),
    );
    assert_eq!(received.unwrap(), b"short");
}

/// Sets `SO_RCVTIMEO` or `SO_SNDTIMEO` and gives it.
fn limited<W: World>(guest: &mut TestGuest<W>, fd: Fd, option: SockOpt) -> Duration {
    let limit = Duration::from_millis(50);
    guest.set_option(fd, option, OptValue::Time(Some(limit))).unwrap();
    limit
}

fn waitall_with_a_time_limit_gives_what_there_is<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    let limit = limited::<W>(&mut guest, fd, SockOpt::RcvTimeo);
    peer.write_all(b"some").unwrap();
    let start = guest.clock();
    assert_eq!(guest.receive(fd, 100, RecvFlags::WAITALL).unwrap(), b"some");
    assert!(guest.elapsed(start) >= limit);
}

fn waitall_with_peek_waits_and_takes_nothing<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"one ").unwrap();
    guest.until(fd, Ready::READ);
    let both = RecvFlags::WAITALL | RecvFlags::PEEK;
    let (received, ()) = while_waiting(
        world,
        || guest.receive(fd, 7, both),
        || peer.write_all(b"two").unwrap(),
    );
    assert_eq!(received.unwrap(), b"one two");
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()).unwrap(), b"one two");
}

fn waitall_with_peek_ends_at_the_end_of_the_stream<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"one").unwrap();
    guest.until(fd, Ready::READ);
    let both = RecvFlags::WAITALL | RecvFlags::PEEK;
    let (received, ()) = while_waiting(world, || guest.receive(fd, 7, both), || drop(peer));
    assert_eq!(received.unwrap(), b"one");
}

fn peek_takes_nothing<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"abcdef").unwrap();
    assert_eq!(
        guest
            .receive(fd, 6, RecvFlags::PEEK | RecvFlags::WAITALL)
            .unwrap(),
        b"abcdef"
    );
    assert_eq!(guest.receive(fd, 3, RecvFlags::PEEK).unwrap(), b"abc");
    assert_eq!(guest.receive(fd, 4, RecvFlags::empty()).unwrap(), b"abcd");
    assert_eq!(guest.readable_bytes(fd), Ok(2));
}

fn a_scattered_recv_fills_the_buffers_in_order<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"abcdefgh").unwrap();
    eventually("all is there", || {
        (guest.readable_bytes(fd) == Ok(8)).then_some(())
    });
    let (mut first, mut second) = ([0; 3], [0; 10]);
    let bufs = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    let received = guest.recv(fd, bufs, RecvFlags::empty()).unwrap();
    assert_eq!((received.len, received.truncated), (8, false));
    assert_eq!((&first, &second[..5]), (b"abc", &b"defgh"[..]));
}

fn a_receive_limit_ends_recv_with_eagain<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    let limit = limited::<W>(&mut guest, fd, SockOpt::RcvTimeo);
    let start = guest.clock();
    assert_eq!(guest.receive(fd, 1, RecvFlags::empty()), Err(Errno::EAGAIN));
    assert!(guest.elapsed(start) >= limit);
    assert_eq!(guest.receive(fd, 1, RecvFlags::WAITALL), Err(Errno::EAGAIN));
    assert!(guest.elapsed(start) >= limit * 2);
}

fn a_receive_limit_covers_the_whole_call<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    limited::<W>(&mut guest, fd, SockOpt::RcvTimeo);
    // Something is there from the beginning, however late the peer's thread comes.
    peer.write_all(b".").unwrap();
    guest.until(fd, Ready::READ);
    // A peer that sends a byte now and then, for ever: a limit for each piece would never be reached.
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                peer.write_all(b".").unwrap();
                std::thread::yield_now();
            }
        });
        let received = guest.receive(fd, 1 << 30, RecvFlags::WAITALL);
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(received.unwrap().len() < 1 << 30);
    });
}

fn a_send_limit_ends_send_with_eagain<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    let limit = limited::<W>(&mut guest, fd, SockOpt::SndTimeo);
    let data = vec![0; 64 << 20];
    let start = guest.clock();
    let sent = guest.transmit(fd, &data).unwrap();
    assert!(sent < data.len(), "what was queued before the limit is counted");
    assert!(guest.elapsed(start) >= limit);
    // Now nothing fits, or at most a little that the peer's window still took.
    let start = guest.clock();
    let errno = eventually("the buffers are full", || guest.transmit(fd, &data).err());
    assert_eq!(errno, Errno::EAGAIN);
    assert!(guest.elapsed(start) >= limit);
}

fn a_low_water_mark_holds_a_blocking_recv_back<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    guest.set_option(fd, SockOpt::RcvLowat, OptValue::Int(6)).unwrap();
    peer.write_all(b"abc").unwrap();
    let (received, ()) = while_waiting(
        world,
        || guest.receive(fd, 16, RecvFlags::empty()),
        || peer.write_all(b"defg").unwrap(),
    );
    assert_eq!(received.unwrap(), b"abcdefg");
    assert_eq!(guest.option(fd, SockOpt::RcvLowat), Ok(OptValue::Int(6)));
    // A buffer below the mark is filled and no more is waited for.
    peer.write_all(b"xy").unwrap();
    assert_eq!(guest.receive(fd, 2, RecvFlags::empty()).unwrap(), b"xy");
    // A whole buffer is waited for to its last byte.
    peer.write_all(b"12345678").unwrap();
    assert_eq!(guest.receive(fd, 8, RecvFlags::WAITALL).unwrap(), b"12345678");
    // End of file comes through.
    peer.write_all(b"z").unwrap();
    drop(peer);
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()).unwrap(), b"z");
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()).unwrap(), b"");
}

fn a_low_water_mark_and_a_time_limit_give_what_there_is<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    guest.set_option(fd, SockOpt::RcvLowat, OptValue::Int(6)).unwrap();
    let limit = limited::<W>(&mut guest, fd, SockOpt::RcvTimeo);
    let start = guest.clock();
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()), Err(Errno::EAGAIN));
    peer.write_all(b"abc").unwrap();
    assert_eq!(guest.receive(fd, 16, RecvFlags::empty()).unwrap(), b"abc");
    assert!(guest.elapsed(start) >= limit * 2);
}

/// Two connected sockets of the guest: only it can send urgent data here.
fn inner_pair<W: World>(guest: &mut TestGuest<W>) -> (Fd, Fd) {
    let (listener, addr) = guest.tcp_listener();
    let client = guest.tcp();
    guest.connect_to(client, addr).unwrap();
    let (server, _) = guest.accept(listener, false).unwrap();
    (client, server)
}

fn urgent_data_is_received_out_of_line<W: World>(world: &W) {
    let mut guest = guest(world);
    let (client, server) = inner_pair::<W>(&mut guest);
    guest.transmit(client, b"ab").unwrap();
    assert_eq!(
        guest.send(client, &mut [IoSlice::new(b"!")], SendFlags::OOB),
        Ok(1)
    );
    assert!(guest.until(server, Ready::PRIORITY).contains(Ready::PRIORITY));
    assert_eq!(guest.receive(server, 8, RecvFlags::OOB).unwrap(), b"!");
    assert_eq!(guest.receive(server, 8, RecvFlags::empty()).unwrap(), b"ab");
}

fn urgent_data_is_received_in_line_if_asked_for<W: World>(world: &W) {
    let mut guest = guest(world);
    let (client, server) = inner_pair::<W>(&mut guest);
    guest
        .set_option(server, SockOpt::OobInline, OptValue::Int(1))
        .unwrap();
    guest.transmit(client, b"c").unwrap();
    assert_eq!(
        guest.send(client, &mut [IoSlice::new(b"?")], SendFlags::OOB),
        Ok(1)
    );
    assert_eq!(guest.receive(server, 2, RecvFlags::WAITALL).unwrap(), b"c?");
    assert_eq!(guest.receive(server, 1, RecvFlags::OOB), Err(Errno::EINVAL));
}

fn receiving_urgent_data_never_blocks<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    assert_eq!(guest.receive(fd, 8, RecvFlags::OOB), Err(Errno::EINVAL));
    peer.write_all(b"plain").unwrap();
    guest.until(fd, Ready::READ);
    assert_eq!(guest.receive(fd, 8, RecvFlags::OOB), Err(Errno::EINVAL));
}

fn sending_after_shutdown_write_is_epipe<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    guest.shutdown(fd, Shutdown::Write).unwrap();
    assert_eq!(guest.transmit(fd, b"x"), Err(Errno::EPIPE));
}

fn sending_unconnected_is_epipe_and_receiving_enotconn<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    assert_eq!(guest.transmit(fd, b"x"), Err(Errno::EPIPE));
    assert_eq!(guest.receive(fd, 1, RecvFlags::empty()), Err(Errno::ENOTCONN));
    assert_eq!(guest.peer_addr(fd), Err(Errno::ENOTCONN));
}

fn sendto_ignores_the_address_of_a_stream<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    assert_eq!(
        guest.transmit_to(fd, b"abc", "192.0.2.1:9".parse().unwrap()),
        Ok(3)
    );
    assert_eq!(take(&peer, 3), b"abc");
}

fn recvfrom_has_no_address_on_a_stream<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"abc").unwrap();
    let (data, received, from) = guest.receive_from(fd, 3, RecvFlags::WAITALL).unwrap();
    assert_eq!((&data[..received.len], from), (&b"abc"[..], SockAddr::Unspec));
}

fn an_empty_send_on_a_stream_is_nothing<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    assert_eq!(guest.transmit(fd, b""), Ok(0));
    assert_eq!(guest.send(fd, &mut [], SendFlags::empty()), Ok(0));
    assert_eq!(guest.write(fd, &mut []), Ok(0));
    peer.write_all(b"x").unwrap();
    guest.until(fd, Ready::READ);
    assert_eq!(guest.receive(fd, 0, RecvFlags::empty()).unwrap(), b"");
    assert_eq!(guest.recv(fd, &mut [], RecvFlags::empty()).unwrap().len, 0);
    assert_eq!(guest.read(fd, &mut []), Ok(0));
    assert_eq!(guest.receive(fd, 1, RecvFlags::empty()).unwrap(), b"x");
}
