//! Polling: what is ready, and only that, at the moment of the answer.
//!
//! Each behaviour is shown twice: with the descriptors alone, and in a crowd of 40 idle sockets. A host may wait for
//! few and for many in different ways (poll(2), and epoll with a cache); a guest must not see a difference.

use std::io::IoSliceMut;
use std::time::Duration;

use guestnet_core::policy::Policy;
use guestnet_core::{Errno, Fd, OptValue, Ready, RecvFlags, Result, Shutdown, SockOpt};

use crate::behaviour::Entry;
use crate::guest::{Calls, LOOPBACK, TestGuest, guest_on};
use crate::patience::eventually;
use crate::peer::{reset, take, while_waiting};
use crate::world::{Capability, PeerListener, PeerStream, PeerUdp, World};

macro_rules! twice {
    ($($name:ident $(: $needs:ident)?,)*) => {
        pub(crate) fn behaviours<W: World>() -> Vec<Entry<W>> {
            let mut entries = Vec::new();
            $(
                let bodies: [(&'static str, fn(&W)); 2] = [
                    (concat!("readiness::alone::", stringify!($name)), $name::<W, 0>),
                    (concat!("readiness::in_a_crowd::", stringify!($name)), $name::<W, 40>),
                ];
                entries.extend(bodies.map(|(name, body)| Entry {
                    name,
                    alone: false,
                    needs: vec![$(Capability::$needs)?],
                    body,
                }));
            )*
            entries
        }
    };
}

twice! {
    a_poll_waits_for_data_and_wakes,
    a_listener_is_readable_while_a_connection_waits,
    a_poll_waits_for_a_connection_and_wakes,
    a_connect_that_completes_is_writable,
    a_connect_that_fails_is_an_error,
    data_is_readable_until_it_was_read,
    data_that_was_read_in_part_is_still_readable,
    data_comes_again_and_again,
    a_datagram_is_readable_and_a_datagram_socket_writable,
    end_of_file_is_readable,
    closing_both_ways_hangs_up,
    a_reset_is_an_error_and_a_hang_up,
    an_idle_connection_is_writable_only,
    a_full_connection_is_not_writable_until_the_peer_drains,
    a_poll_waits_for_room_and_wakes,
    a_low_water_mark_holds_readiness_back,
    several_requests_for_one_descriptor_are_answered_each,
    only_what_was_asked_for_is_reported,
    an_unconnected_stream_hangs_up,
    a_descriptor_that_was_closed_and_reused_is_the_new_one,
    a_descriptor_that_was_renumbered_is_what_it_became,
    a_descriptor_that_is_not_open_spoils_nothing,
    zero_time_asks_without_waiting,
    a_time_limit_elapses,
    nothing_to_wait_for_is_a_sleep,
    a_pipe_is_readable_with_data_and_hangs_up_at_its_end: ByteStreams,
    a_poll_waits_for_a_pipe_and_wakes: ByteStreams,
    a_regular_file_is_always_ready: Files,
    the_adapters_files_are_always_ready,
    two_guests_do_not_see_each_others_readiness,
    a_socket_that_another_program_shares_is_polled_too: HandOver,
    the_same_set_can_be_waited_for_again,
    thirty_thousand_requests_are_answered,
    hundreds_of_sockets_are_distinguished,
}

const NOW: Option<Duration> = Some(Duration::ZERO);

/// A guest, and idle sockets that are part of each of its polls.
struct Crowd<W: World> {
    guest: TestGuest<W>,
    idle: Vec<Fd>,
}

impl<W: World> Crowd<W> {
    fn new(world: &W, idle: usize) -> Self {
        Self::on(world, world.host(), idle)
    }

    fn on(world: &W, host: W::Host, idle: usize) -> Self {
        let mut guest = guest_on(world, host, Policy::allow_all());
        let idle = (0..idle).map(|_| guest.udp_bound().0).collect();
        Crowd { guest, idle }
    }

    /// Polls the set and the idle ones between its members; the idle ones must stay idle.
    fn poll(&mut self, set: &[(Fd, Ready)], timeout: Option<Duration>) -> Result<Vec<Ready>> {
        let (front, back) = self.idle.split_at(self.idle.len() / 2);
        let idle = |fds: &[Fd]| fds.iter().map(|&fd| (fd, Ready::READ)).collect::<Vec<_>>();
        let all = [idle(front), set.to_vec(), idle(back)].concat();
        let answers = self.guest.poll(&all, timeout)?;
        let (before, rest) = answers.split_at(front.len());
        let (answers, after) = rest.split_at(set.len());
        assert!(
            before.iter().chain(after).all(|ready| ready.is_empty()),
            "an idle socket is not ready"
        );
        Ok(answers.to_vec())
    }

    fn now(&mut self, fd: Fd, want: Ready) -> Ready {
        self.poll(&[(fd, want)], NOW).unwrap()[0]
    }

    /// Waits until it is ready.
    fn until(&mut self, fd: Fd, want: Ready) -> Ready {
        let ready = self.poll(&[(fd, want)], None).unwrap()[0];
        assert!(
            !ready.is_empty(),
            "a poll without a limit ended with nothing ready"
        );
        ready
    }
}

fn a_poll_waits_for_data_and_wakes<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    for _ in 0..3 {
        let (ready, ()) = while_waiting(
            world,
            || crowd.until(fd, Ready::READ),
            || peer.write_all(b"x").unwrap(),
        );
        assert_eq!(ready, Ready::READ);
        assert_eq!(crowd.guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"x");
    }
}

fn a_listener_is_readable_while_a_connection_waits<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (listener, addr) = crowd.guest.tcp_listener();
    assert_eq!(crowd.now(listener, Ready::READ | Ready::WRITE), Ready::empty());
    let _peers = [world.connect(addr).unwrap(), world.connect(addr).unwrap()];
    for _ in 0..2 {
        assert_eq!(crowd.until(listener, Ready::READ | Ready::WRITE), Ready::READ);
        crowd.guest.accept(listener, true).unwrap();
    }
    assert_eq!(crowd.now(listener, Ready::READ), Ready::empty());
    let _late = world.connect(addr).unwrap();
    assert_eq!(crowd.until(listener, Ready::READ), Ready::READ);
}

fn a_poll_waits_for_a_connection_and_wakes<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (listener, addr) = crowd.guest.tcp_listener();
    for _ in 0..3 {
        let (ready, _peer) = while_waiting(
            world,
            || crowd.until(listener, Ready::READ),
            || world.connect(addr).unwrap(),
        );
        assert_eq!(ready, Ready::READ);
        crowd.guest.accept(listener, true).unwrap();
    }
}

fn a_connect_that_completes_is_writable<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let listener = world.listen(LOOPBACK).unwrap();
    let fd = crowd.guest.tcp();
    crowd.guest.make_nonblocking(fd);
    // Polled before, so that what is remembered of the unconnected socket is wrong afterwards.
    assert!(crowd.now(fd, Ready::WRITE).contains(Ready::HANGUP));
    assert_eq!(
        crowd.guest.connect_to(fd, listener.local_addr().unwrap()),
        Err(Errno::EINPROGRESS)
    );
    assert_eq!(crowd.until(fd, Ready::READ | Ready::WRITE), Ready::WRITE);
    assert_eq!(crowd.guest.option(fd, SockOpt::Error), Ok(OptValue::Error(None)));
}

fn a_connect_that_fails_is_an_error<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (bound, fd) = (crowd.guest.tcp(), crowd.guest.tcp());
    crowd.guest.bind(bound, &LOOPBACK.into()).unwrap();
    let addr = crowd.guest.inet_addr(bound);
    crowd.guest.make_nonblocking(fd);
    assert_eq!(crowd.guest.connect_to(fd, addr), Err(Errno::EINPROGRESS));
    let ready = crowd.until(fd, Ready::READ | Ready::WRITE);
    assert!(
        ready.contains(Ready::READ | Ready::WRITE | Ready::ERROR | Ready::HANGUP),
        "{ready:?}"
    );
    assert_eq!(
        crowd.guest.option(fd, SockOpt::Error),
        Ok(OptValue::Error(Some(Errno::ECONNREFUSED)))
    );
    assert!(
        !crowd.now(fd, Ready::WRITE).contains(Ready::ERROR),
        "the error was taken"
    );
}

fn data_is_readable_until_it_was_read<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
    peer.write_all(b"abc").unwrap();
    assert_eq!(crowd.until(fd, Ready::READ), Ready::READ);
    // Level-triggered: asking again gives the same.
    assert_eq!(crowd.now(fd, Ready::READ), Ready::READ);
    assert_eq!(
        crowd
            .guest
            .receive(fd, 3, RecvFlags::PEEK | RecvFlags::WAITALL)
            .unwrap(),
        b"abc"
    );
    assert_eq!(crowd.now(fd, Ready::READ), Ready::READ);
    assert_eq!(crowd.guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"abc");
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
    assert_eq!(
        crowd
            .poll(&[(fd, Ready::READ)], Some(Duration::from_millis(5)))
            .unwrap(),
        [Ready::empty()]
    );
}

fn data_that_was_read_in_part_is_still_readable<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    peer.write_all(b"abc").unwrap();
    for byte in b"abc" {
        assert_eq!(crowd.until(fd, Ready::READ), Ready::READ);
        assert_eq!(crowd.guest.receive(fd, 1, RecvFlags::empty()).unwrap(), [*byte]);
    }
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
}

fn data_comes_again_and_again<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    let rounds = 2000;
    // Ping-pong with no pause: an edge that falls between a look and a wait must not be lost.
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut byte = [0];
            for _ in 0..rounds {
                peer.write_all(b"?").unwrap();
                peer.read_exact(&mut byte).unwrap();
            }
        });
        for round in 0..rounds {
            assert_eq!(crowd.until(fd, Ready::READ) & Ready::READ, Ready::READ);
            assert_eq!(crowd.guest.receive(fd, 8, RecvFlags::DONTWAIT).unwrap(), b"?");
            if round % 3 == 0 {
                assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
            }
            crowd.guest.transmit(fd, b"!").unwrap();
        }
    });
}

fn a_datagram_is_readable_and_a_datagram_socket_writable<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, addr) = crowd.guest.udp_bound();
    let peer = world.udp(LOOPBACK).unwrap();
    assert_eq!(crowd.now(fd, Ready::READ | Ready::WRITE), Ready::WRITE);
    peer.send_to(b"", addr).unwrap();
    peer.send_to(b"x", addr).unwrap();
    for _ in 0..2 {
        assert_eq!(crowd.until(fd, Ready::READ), Ready::READ);
        crowd.guest.receive(fd, 8, RecvFlags::DONTWAIT).unwrap();
    }
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
}

fn end_of_file_is_readable<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    let want = Ready::READ | Ready::READ_HANGUP;
    let (ready, ()) = while_waiting(
        world,
        || crowd.until(fd, want),
        || peer.shutdown(std::net::Shutdown::Write).unwrap(),
    );
    assert_eq!(ready, want);
    assert_eq!(crowd.guest.receive(fd, 8, RecvFlags::empty()).unwrap(), b"");
    // End of file does not go away by being read.
    assert_eq!(crowd.now(fd, want | Ready::WRITE), want | Ready::WRITE);
    assert_eq!(crowd.now(fd, Ready::READ), Ready::READ);
}

fn closing_both_ways_hangs_up<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
    crowd.guest.shutdown(fd, Shutdown::Write).unwrap();
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
    drop(peer);
    // Reported although it was not asked for.
    assert_eq!(crowd.until(fd, Ready::empty()), Ready::HANGUP);
    assert_eq!(crowd.now(fd, Ready::READ), Ready::READ | Ready::HANGUP);
}

fn a_reset_is_an_error_and_a_hang_up<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    crowd.guest.transmit(fd, b"unread").unwrap();
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
    reset(peer);
    let ready = crowd.until(fd, Ready::empty());
    assert!(ready.contains(Ready::ERROR | Ready::HANGUP), "{ready:?}");
    assert_eq!(
        crowd.guest.receive(fd, 8, RecvFlags::empty()),
        Err(Errno::ECONNRESET)
    );
    assert_eq!(crowd.now(fd, Ready::READ), Ready::READ | Ready::HANGUP);
}

fn an_idle_connection_is_writable_only<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, _peer) = crowd.guest.tcp_pair(world);
    for _ in 0..3 {
        assert_eq!(crowd.now(fd, Ready::READ | Ready::WRITE), Ready::WRITE);
        assert_eq!(crowd.until(fd, Ready::WRITE), Ready::WRITE);
        assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
    }
}

/// Sends until nothing more fits; gives how much.
fn fill<W: World>(guest: &mut TestGuest<W>, fd: Fd) -> usize {
    let chunk = vec![7; 1 << 16];
    let mut sent = 0;
    guest.make_nonblocking(fd);
    eventually("the buffers are full", || match guest.transmit(fd, &chunk) {
        Ok(count) => {
            sent += count;
            None
        }
        Err(errno) => {
            assert_eq!(errno, Errno::EAGAIN);
            // The peer's kernel may still be moving bytes from one buffer to the other.
            guest.poll(&[(fd, Ready::WRITE)], NOW).unwrap()[0]
                .is_empty()
                .then_some(())
        }
    });
    sent
}

fn a_full_connection_is_not_writable_until_the_peer_drains<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    assert_eq!(crowd.now(fd, Ready::WRITE), Ready::WRITE);
    for _ in 0..3 {
        let sent = fill::<W>(&mut crowd.guest, fd);
        assert_eq!(crowd.now(fd, Ready::READ | Ready::WRITE), Ready::empty());
        take(&peer, sent);
        assert_eq!(crowd.until(fd, Ready::READ | Ready::WRITE), Ready::WRITE);
    }
}

fn a_poll_waits_for_room_and_wakes<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    for _ in 0..3 {
        let sent = fill::<W>(&mut crowd.guest, fd);
        let (ready, _) = while_waiting(world, || crowd.until(fd, Ready::WRITE), || take(&peer, sent));
        assert_eq!(ready, Ready::WRITE);
    }
}

fn a_low_water_mark_holds_readiness_back<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    crowd
        .guest
        .set_option(fd, SockOpt::RcvLowat, OptValue::Int(4))
        .unwrap();
    peer.write_all(b"abc").unwrap();
    eventually("the data is there", || {
        (crowd.guest.readable_bytes(fd) == Ok(3)).then_some(())
    });
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
    peer.write_all(b"d").unwrap();
    assert_eq!(crowd.until(fd, Ready::READ), Ready::READ);
    crowd.guest.receive(fd, 8, RecvFlags::empty()).unwrap();
    peer.write_all(b"abc").unwrap();
    eventually("the data is there", || {
        (crowd.guest.readable_bytes(fd) == Ok(3)).then_some(())
    });
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
    crowd
        .guest
        .set_option(fd, SockOpt::RcvLowat, OptValue::Int(1))
        .unwrap();
    assert_eq!(crowd.until(fd, Ready::READ), Ready::READ);
}

fn several_requests_for_one_descriptor_are_answered_each<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    let set = [
        (fd, Ready::READ),
        (fd, Ready::WRITE),
        (fd, Ready::READ),
        (fd, Ready::READ | Ready::WRITE),
    ];
    let [none, write, read] = [Ready::empty(), Ready::WRITE, Ready::READ];
    assert_eq!(crowd.poll(&set, None).unwrap(), [none, write, none, write]);
    peer.write_all(b"x").unwrap();
    crowd.until(fd, Ready::READ);
    assert_eq!(crowd.poll(&set, None).unwrap(), [read, write, read, read | write]);
    crowd.guest.receive(fd, 8, RecvFlags::empty()).unwrap();
    assert_eq!(crowd.poll(&set, NOW).unwrap(), [none, write, none, write]);
    let (answers, ()) = while_waiting(
        world,
        || crowd.poll(&[(fd, Ready::READ), (fd, Ready::READ)], None).unwrap(),
        || peer.write_all(b"x").unwrap(),
    );
    assert_eq!(answers, [read, read]);
}

fn only_what_was_asked_for_is_reported<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    peer.write_all(b"x").unwrap();
    assert_eq!(crowd.until(fd, Ready::READ), Ready::READ);
    assert_eq!(crowd.now(fd, Ready::WRITE), Ready::WRITE);
    assert_eq!(
        crowd.now(fd, Ready::PRIORITY | Ready::READ_HANGUP),
        Ready::empty()
    );
    assert_eq!(crowd.now(fd, Ready::empty()), Ready::empty());
}

fn an_unconnected_stream_hangs_up<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let fd = crowd.guest.tcp();
    // As poll(2) on Linux.
    assert_eq!(
        crowd.now(fd, Ready::READ | Ready::WRITE),
        Ready::WRITE | Ready::HANGUP
    );
    crowd.guest.bind(fd, &LOOPBACK.into()).unwrap();
    crowd.guest.listen(fd, 1).unwrap();
    assert_eq!(crowd.now(fd, Ready::READ | Ready::WRITE), Ready::empty());
}

fn a_descriptor_that_was_closed_and_reused_is_the_new_one<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    for _ in 0..3 {
        let (old, peer) = crowd.guest.tcp_pair(world);
        peer.write_all(b"old").unwrap();
        assert_eq!(
            crowd.until(old, Ready::READ | Ready::WRITE) & Ready::WRITE,
            Ready::WRITE
        );
        crowd.until(old, Ready::READ);
        crowd.guest.close(old).unwrap();
        // The same number, and in the kernel most likely too.
        let (new, addr) = crowd.guest.tcp_listener();
        assert_eq!(new, old);
        assert_eq!(crowd.now(new, Ready::READ | Ready::WRITE), Ready::empty());
        let (ready, _peer) = while_waiting(
            world,
            || crowd.until(new, Ready::READ),
            || world.connect(addr).unwrap(),
        );
        assert_eq!(ready, Ready::READ);
        crowd.guest.close(new).unwrap();
    }
}

fn a_descriptor_that_was_renumbered_is_what_it_became<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (quiet, _quiet_peer) = crowd.guest.tcp_pair(world);
    let (loud, peer) = crowd.guest.tcp_pair(world);
    peer.write_all(b"x").unwrap();
    assert_eq!(crowd.until(loud, Ready::READ), Ready::READ);
    assert_eq!(crowd.now(quiet, Ready::READ), Ready::empty());
    crowd.guest.renumber(loud, quiet).unwrap();
    assert_eq!(crowd.now(quiet, Ready::READ), Ready::READ);
    assert_eq!(crowd.poll(&[(loud, Ready::READ)], NOW), Err(Errno::EBADF));
    crowd.guest.receive(quiet, 8, RecvFlags::empty()).unwrap();
    let (ready, ()) = while_waiting(
        world,
        || crowd.until(quiet, Ready::READ),
        || peer.write_all(b"y").unwrap(),
    );
    assert_eq!(ready, Ready::READ);
}

fn a_descriptor_that_is_not_open_spoils_nothing<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, _) = crowd.guest.udp_bound();
    let guest = &mut crowd.guest;
    guest.poll_begin();
    for &idle in &crowd.idle {
        guest.poll_add(7, idle, Ready::READ).unwrap();
    }
    for bad in [fd + 1, 1 << 31, u32::MAX] {
        assert_eq!(guest.poll_add(1, bad, Ready::READ), Err(Errno::EBADF));
    }
    guest.poll_add(2, fd, Ready::WRITE).unwrap();
    guest.poll_wait(None).unwrap();
    let events: Vec<_> = guest
        .poll_events()
        .map(|event| (event.token, event.ready))
        .collect();
    assert_eq!(events, [(2, Ready::WRITE)]);
}

fn zero_time_asks_without_waiting<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, _) = crowd.guest.udp_bound();
    // Were there a wait, the watchdog's patience would not do for so many.
    for _ in 0..5000 {
        assert_eq!(crowd.poll(&[(fd, Ready::READ)], NOW).unwrap(), [Ready::empty()]);
    }
}

fn a_time_limit_elapses<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, _) = crowd.guest.udp_bound();
    for limit in [1, 999, 1_500, 20_000].map(Duration::from_micros) {
        let start = crowd.guest.clock();
        assert_eq!(
            crowd.poll(&[(fd, Ready::READ)], Some(limit)).unwrap(),
            [Ready::empty()]
        );
        assert!(
            crowd.guest.elapsed(start) >= limit,
            "{limit:?} were not waited for"
        );
    }
    // What cannot be reckoned is for ever, and does not overflow.
    assert_eq!(
        crowd.poll(&[(fd, Ready::WRITE)], Some(Duration::MAX)).unwrap(),
        [Ready::WRITE]
    );
}

fn nothing_to_wait_for_is_a_sleep<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let limit = Duration::from_millis(10);
    let start = crowd.guest.clock();
    assert!(crowd.poll(&[], Some(limit)).unwrap().is_empty());
    assert!(crowd.guest.elapsed(start) >= limit);
}

fn a_pipe_is_readable_with_data_and_hangs_up_at_its_end<W: World, const IDLE: usize>(world: &W) {
    let mut host = world.host();
    let (io, mut writer) = world.pipe_to_guest(&mut host);
    let mut crowd = Crowd::on(world, host, IDLE);
    let fd = crowd.guest.insert_stream(io).unwrap();
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
    writer.write_all(b"abc").unwrap();
    assert_eq!(crowd.until(fd, Ready::READ), Ready::READ);
    let mut buffer = [0; 8];
    assert_eq!(crowd.guest.read(fd, &mut [IoSliceMut::new(&mut buffer)]), Ok(3));
    assert_eq!(crowd.now(fd, Ready::READ), Ready::empty());
    drop(writer);
    assert_eq!(crowd.until(fd, Ready::READ), Ready::HANGUP);
    assert_eq!(crowd.guest.read(fd, &mut [IoSliceMut::new(&mut buffer)]), Ok(0));
}

fn a_poll_waits_for_a_pipe_and_wakes<W: World, const IDLE: usize>(world: &W) {
    let mut host = world.host();
    let (io, mut writer) = world.pipe_to_guest(&mut host);
    let mut crowd = Crowd::on(world, host, IDLE);
    let fd = crowd.guest.insert_stream(io).unwrap();
    let mut buffer = [0; 8];
    for _ in 0..3 {
        let (ready, ()) = while_waiting(
            world,
            || crowd.until(fd, Ready::READ),
            || writer.write_all(b"x").unwrap(),
        );
        assert_eq!(ready, Ready::READ);
        assert_eq!(crowd.guest.read(fd, &mut [IoSliceMut::new(&mut buffer)]), Ok(1));
    }
}

fn a_regular_file_is_always_ready<W: World, const IDLE: usize>(world: &W) {
    let mut host = world.host();
    let (io, _position) = world.file(&mut host);
    let mut crowd = Crowd::on(world, host, IDLE);
    let fd = crowd.guest.insert_stream(io).unwrap();
    let both = Ready::READ | Ready::WRITE;
    for _ in 0..3 {
        assert_eq!(crowd.until(fd, both), both);
        assert_eq!(crowd.until(fd, Ready::READ), Ready::READ);
        assert_eq!(crowd.now(fd, Ready::PRIORITY), Ready::empty());
    }
}

fn the_adapters_files_are_always_ready<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let fd = crowd.guest.insert_file(77).unwrap();
    let (socket, _) = crowd.guest.udp_bound();
    let both = Ready::READ | Ready::WRITE;
    // It ends the wait, and what else is ready is reported with it.
    let answers = crowd.poll(&[(fd, both), (socket, both)], None).unwrap();
    assert_eq!(answers, [both, Ready::WRITE]);
    assert_eq!(
        crowd
            .poll(&[(fd, Ready::READ), (socket, Ready::READ)], None)
            .unwrap()[0],
        Ready::READ
    );
}

fn two_guests_do_not_see_each_others_readiness<W: World, const IDLE: usize>(world: &W) {
    let (mut one, mut two) = (Crowd::new(world, IDLE), Crowd::new(world, IDLE));
    let (fd, peer) = one.guest.tcp_pair(world);
    let (other, _other_peer) = two.guest.tcp_pair(world);
    peer.write_all(b"x").unwrap();
    assert_eq!(one.until(fd, Ready::READ), Ready::READ);
    assert_eq!(two.now(other, Ready::READ), Ready::empty());
}

fn a_socket_that_another_program_shares_is_polled_too<W: World, const IDLE: usize>(world: &W) {
    let listener = world.listen(LOOPBACK).unwrap();
    let addr = listener.local_addr().unwrap();
    for _ in 0..3 {
        // The listener stays open here while the guest's is closed.
        let mut host = world.host();
        let io = world.hand_over_listener(&mut host, listener.try_clone().unwrap());
        let mut inner = Crowd::on(world, host, IDLE);
        let fd = inner.guest.insert_preopened(io, true).unwrap();
        let (ready, _peer) = while_waiting(
            world,
            || inner.until(fd, Ready::READ),
            || world.connect(addr).unwrap(),
        );
        assert_eq!(ready, Ready::READ);
        inner.guest.accept(fd, true).unwrap();
        assert_eq!(inner.now(fd, Ready::READ), Ready::empty());
        inner.guest.close(fd).unwrap();
        let (quiet, _) = inner.guest.udp_bound();
        let _unaccepted = world.connect(addr).unwrap();
        assert_eq!(inner.now(quiet, Ready::READ), Ready::empty());
        listener.accept().unwrap();
    }
}

fn the_same_set_can_be_waited_for_again<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, peer) = crowd.guest.tcp_pair(world);
    let guest = &mut crowd.guest;
    guest.poll_begin();
    for &idle in &crowd.idle {
        guest.poll_add(7, idle, Ready::READ).unwrap();
    }
    guest.poll_add(1, fd, Ready::READ).unwrap();
    guest.poll_wait(NOW).unwrap();
    assert_eq!(guest.poll_events().count(), 0);
    let (waited, ()) = while_waiting(world, || guest.poll_wait(None), || peer.write_all(b"x").unwrap());
    assert_eq!(waited, Ok(()));
    assert_eq!(
        guest.poll_events().map(|event| event.token).collect::<Vec<_>>(),
        [1]
    );
    guest.poll_wait(None).unwrap();
    assert_eq!(
        guest.poll_events().map(|event| event.token).collect::<Vec<_>>(),
        [1]
    );
}

fn thirty_thousand_requests_are_answered<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    let (fd, _) = crowd.guest.udp_bound();
    // Far above what poll(2) takes at once with a usual limit of descriptors.
    let set = vec![(fd, Ready::WRITE); 30_000];
    assert!(
        crowd
            .poll(&set, None)
            .unwrap()
            .iter()
            .all(|ready| *ready == Ready::WRITE)
    );
}

fn hundreds_of_sockets_are_distinguished<W: World, const IDLE: usize>(world: &W) {
    let mut crowd = Crowd::new(world, IDLE);
    // As many as a usual limit of 1024 descriptors leaves room for, with the other behaviours at the same time.
    let sockets: Vec<_> = (0..300).map(|_| crowd.guest.udp_bound()).collect();
    let set: Vec<_> = sockets.iter().map(|(fd, _)| (*fd, Ready::READ)).collect();
    let peer = world.udp(LOOPBACK).unwrap();
    for round in 0..5 {
        let loud = |index: usize| index % 7 == round;
        for (index, (_, addr)) in sockets.iter().enumerate() {
            if loud(index) {
                peer.send_to(b"x", *addr).unwrap();
            }
        }
        let answers = crowd.poll(&set, None).unwrap();
        for (index, ready) in answers.iter().enumerate() {
            assert_eq!(
                *ready == Ready::READ,
                loud(index),
                "socket {index} in round {round}"
            );
            if loud(index) {
                crowd
                    .guest
                    .receive(sockets[index].0, 8, RecvFlags::DONTWAIT)
                    .unwrap();
            }
        }
        assert!(
            crowd
                .poll(&set, NOW)
                .unwrap()
                .iter()
                .all(|ready| ready.is_empty())
        );
    }
}
