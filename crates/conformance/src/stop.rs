//! Stopping a guest from another thread: every wait ends with `EINTR`, and so does every later one.

use std::io::IoSlice;
use std::time::Duration;

use guestnet_core::policy::Policy;
use guestnet_core::resolve::{LookupFlags, Query};
use guestnet_core::{Errno, LookupError, OptValue, Ready, RecvFlags, SendFlags, SockOpt};

use crate::behaviour::behaviours;
use crate::guest::{Calls, LOOPBACK, TestGuest, guest_on};
use crate::patience::eventually;
use crate::peer::{when_waiting, while_waiting};
use crate::world::{PeerListener, PeerStream, PeerUdp, World};

behaviours! { "stop":
    a_blocking_accept_ends,
    a_blocking_recv_ends,
    a_blocking_recv_with_a_limit_ends,
    a_blocking_waitall_gives_what_there_is,
    a_blocking_peek_for_more_ends,
    a_blocking_datagram_recv_ends,
    a_blocking_send_gives_what_was_queued,
    a_blocking_connect_ends,
    a_blocking_read_of_a_pipe_ends: ByteStreams,
    a_close_that_lingers_ends,
    a_guest_with_a_lingering_socket_goes_at_once,
    a_poll_of_a_few_ends,
    a_poll_of_many_ends,
    a_sleep_ends,
    a_poll_without_time_notices,
    what_does_not_wait_still_works,
    every_later_wait_ends_too,
    a_stop_that_is_taken_back_ends_no_later_wait,
    a_look_up_ends_or_answers: Resolver,
    a_refused_flood_of_datagrams_does_not_hold_it_off,
    another_guest_is_not_stopped,
}

/// A guest and what stops it.
fn guest<W: World>(world: &W) -> (TestGuest<W>, Box<dyn Fn() + Send>) {
    let host = world.host();
    let stop = world.stopper(&host);
    (guest_on(world, host, Policy::allow_all()), stop)
}

fn a_blocking_accept_ends<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (listener, _) = guest.tcp_listener();
    let (accepted, ()) = while_waiting(world, || guest.accept(listener, false), stop);
    assert_eq!(accepted.unwrap_err(), Errno::EINTR);
}

fn a_blocking_recv_ends<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    let (received, ()) = while_waiting(world, || guest.receive(fd, 8, RecvFlags::empty()), stop);
    assert_eq!(received, Err(Errno::EINTR));
}

fn a_blocking_recv_with_a_limit_ends<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    guest
        .set_option(
            fd,
            SockOpt::RcvTimeo,
            OptValue::Time(Some(Duration::from_secs(3600))),
        )
        .unwrap();
    let (received, ()) = while_waiting(world, || guest.receive(fd, 8, RecvFlags::empty()), stop);
    assert_eq!(received, Err(Errno::EINTR));
}

fn a_blocking_waitall_gives_what_there_is<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"part").unwrap();
    guest.until(fd, Ready::READ);
    let (received, ()) = while_waiting(world, || guest.receive(fd, 8, RecvFlags::WAITALL), stop);
    assert_eq!(received.unwrap(), b"part");
    assert_eq!(guest.receive(fd, 8, RecvFlags::WAITALL), Err(Errno::EINTR));
}

fn a_blocking_peek_for_more_ends<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    peer.write_all(b"part").unwrap();
    guest.until(fd, Ready::READ);
    let (received, ()) = while_waiting(
        world,
        || guest.receive(fd, 8, RecvFlags::WAITALL | RecvFlags::PEEK),
        stop,
    );
    assert_eq!(received, Err(Errno::EINTR));
}

fn a_blocking_datagram_recv_ends<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (fd, _) = guest.udp_bound();
    let (received, ()) = while_waiting(world, || guest.receive_from(fd, 8, RecvFlags::empty()), stop);
    assert_eq!(received.unwrap_err(), Errno::EINTR);
}

fn a_blocking_send_gives_what_was_queued<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    let data = vec![0; 64 << 20];
    let (sent, ()) = while_waiting(world, || guest.transmit(fd, &data), stop);
    let sent = sent.unwrap();
    assert!(0 < sent && sent < data.len());
    let next = eventually("the buffers are full", || guest.transmit(fd, &data).err());
    assert_eq!(next, Errno::EINTR);
}

fn a_blocking_connect_ends<W: World>(world: &W) {
    let listener = world.listen(LOOPBACK).unwrap();
    let addr = listener.local_addr().unwrap();
    let (mut guest, stop) = guest(world);
    let _queued = eventually("the queue is full", || {
        let fd = guest.tcp();
        guest.make_nonblocking(fd);
        assert_eq!(guest.connect_to(fd, addr), Err(Errno::EINPROGRESS));
        guest.poll(&[(fd, Ready::WRITE)], Some(Duration::ZERO)).unwrap()[0]
            .is_empty()
            .then_some(fd)
    });
    let fd = guest.tcp();
    let (connected, ()) = while_waiting(world, || guest.connect_to(fd, addr), stop);
    assert_eq!(connected, Err(Errno::EINTR));
    // The handshake goes on by itself, as after a signal.
    assert_eq!(guest.connect_to(fd, addr), Err(Errno::EINTR));
}

fn a_blocking_read_of_a_pipe_ends<W: World>(world: &W) {
    let mut host = world.host();
    let stop = world.stopper(&host);
    let (io, _writer) = world.pipe_to_guest(&mut host);
    let mut guest = guest_on(world, host, Policy::allow_all());
    let fd = guest.insert_stream(io).unwrap();
    let mut buffer = [0; 8];
    let (read, ()) = while_waiting(
        world,
        || guest.read(fd, &mut [std::io::IoSliceMut::new(&mut buffer)]),
        stop,
    );
    assert_eq!(read, Err(Errno::EINTR));
}

fn a_close_that_lingers_ends<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    guest
        .set_option(
            fd,
            SockOpt::Linger,
            OptValue::Linger {
                on: true,
                seconds: 100,
            },
        )
        .unwrap();
    guest.make_nonblocking(fd);
    guest.transmit(fd, &vec![0; 64 << 20]).unwrap();
    let (closed, ()) = while_waiting(world, || guest.close(fd), stop);
    assert_eq!(closed, Ok(None));
}

fn a_guest_with_a_lingering_socket_goes_at_once<W: World>(world: &W) {
    let (mut guest, _stop) = guest(world);
    let (fd, _peer) = guest.tcp_pair(world);
    guest
        .set_option(
            fd,
            SockOpt::Linger,
            OptValue::Linger {
                on: true,
                seconds: 100,
            },
        )
        .unwrap();
    guest.make_nonblocking(fd);
    guest.transmit(fd, &vec![0; 64 << 20]).unwrap();
    // The watchdog's minute is far below the hour.
    drop(guest);
}

fn a_poll_of_a_few_ends<W: World>(world: &W) {
    polled(world, 1);
}

fn a_poll_of_many_ends<W: World>(world: &W) {
    polled(world, 40);
}

fn polled<W: World>(world: &W, count: usize) {
    let (mut guest, stop) = guest(world);
    let set: Vec<_> = (0..count).map(|_| (guest.udp_bound().0, Ready::READ)).collect();
    let (answers, ()) = while_waiting(world, || guest.poll(&set, None), stop);
    assert_eq!(answers, Err(Errno::EINTR));
    assert_eq!(guest.poll(&set, Some(Duration::ZERO)), Err(Errno::EINTR));
}

fn a_sleep_ends<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (slept, ()) = while_waiting(world, || guest.poll(&[], Some(Duration::from_secs(3600))), stop);
    assert_eq!(slept, Err(Errno::EINTR));
    assert_eq!(guest.poll(&[], None), Err(Errno::EINTR));
}

fn a_poll_without_time_notices<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let ready = guest.udp();
    // A guest that spins on a writable socket, with few and with many descriptors.
    for count in [1, 40] {
        let set = vec![(ready, Ready::WRITE); count];
        assert!(guest.poll(&set, Some(Duration::ZERO)).is_ok());
    }
    stop();
    for count in [1, 40] {
        let set = vec![(ready, Ready::WRITE); count];
        assert_eq!(guest.poll(&set, Some(Duration::ZERO)), Err(Errno::EINTR));
    }
}

fn what_does_not_wait_still_works<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (fd, addr) = guest.udp_bound();
    stop();
    let sender = guest.udp();
    assert_eq!(guest.transmit_to(sender, b"x", addr), Ok(1));
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"x");
    guest.make_nonblocking(fd);
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()), Err(Errno::EAGAIN));
    assert_eq!(guest.close(fd), Ok(None));
}

fn every_later_wait_ends_too<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (listener, _) = guest.tcp_listener();
    let (fd, _) = guest.udp_bound();
    stop();
    stop();
    for _ in 0..3 {
        assert_eq!(guest.accept(listener, false).unwrap_err(), Errno::EINTR);
        assert_eq!(guest.receive(fd, 8, RecvFlags::empty()), Err(Errno::EINTR));
    }
}

fn a_stop_that_is_taken_back_ends_no_later_wait<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    let (fd, addr) = guest.udp_bound();
    let peer = world.udp(LOOPBACK).unwrap();
    // Nothing has stopped it yet.
    guest.resume();
    for count in [1, 40] {
        let set = vec![(fd, Ready::READ); count];
        stop();
        stop();
        assert_eq!(guest.poll(&set, None), Err(Errno::EINTR));
        guest.resume();
        peer.send_to(b"on", addr).unwrap();
        assert_eq!(guest.poll(&set, None).unwrap().len(), count);
        assert_eq!(guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"on");
        assert!(guest.poll(&set, Some(Duration::ZERO)).is_ok());
    }
    stop();
    assert_eq!(guest.receive(fd, 8, RecvFlags::empty()), Err(Errno::EINTR));
}

fn a_look_up_ends_or_answers<W: World>(world: &W) {
    let (mut guest, stop) = guest(world);
    stop();
    // RFC 6761: the name does not exist; a machine without a resolver may take its time to say so.
    let query = Query {
        node: Some(b"guestnet.invalid"),
        flags: LookupFlags::empty(),
        ..Query::default()
    };
    let answer = guest.getaddrinfo(&query);
    assert_eq!(answer, Err(LookupError::System(Errno::EINTR)));
}

fn a_refused_flood_of_datagrams_does_not_hold_it_off<W: World>(world: &W) {
    let host = world.host();
    let stop = world.stopper(&host);
    let policy = crate::guest::deny(&[(guestnet_core::policy::Use::Accept, "udp://127.0.0.1")]);
    let mut guest = guest_on(world, host, policy);
    let (fd, addr) = guest.udp_bound();
    let peer = world.udp(LOOPBACK).unwrap();
    let ended = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                // A full queue drops it; there is always a next one.
                let _ = peer.send_to(b"spam", addr);
            }
        });
        let stopper = when_waiting(world, scope, stop);
        let received = guest.receive(fd, 8, RecvFlags::empty());
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        stopper.join().unwrap();
        assert_eq!(received, Err(Errno::EINTR));
    });
}

fn another_guest_is_not_stopped<W: World>(world: &W) {
    let (_stopped, stop) = guest(world);
    let (mut other, _) = guest(world);
    let (fd, addr) = other.udp_bound();
    stop();
    let peer = world.udp(LOOPBACK).unwrap();
    let (received, _) = while_waiting(
        world,
        || other.receive(fd, 8, RecvFlags::empty()),
        || peer.send_to(b"on", addr).unwrap(),
    );
    assert_eq!(received.unwrap(), b"on");
    assert_eq!(
        other.send(fd, &mut [IoSlice::new(b"")], SendFlags::empty()),
        Err(Errno::EDESTADDRREQ)
    );
}
