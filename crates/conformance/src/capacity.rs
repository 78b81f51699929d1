//! How large a guest may grow: descriptors, and what the kernel holds for it (A32).

use std::io::IoSlice;

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Domain, Errno, Fd, Kind, OptValue, SendFlags, SockOpt};

use crate::behaviour::behaviours;
use crate::guest::{Calls, TestGuest, guest_with};
use crate::unix::{Place, unix};
use crate::world::World;

behaviours! { "capacity":
    a32_unread_data_of_pairs_is_within_the_budget: SocketPairs,
    a32_a_unix_socket_has_no_larger_send_buffer_than_it_begins_with: SocketPairs,
    a32_unix_sockets_beyond_the_budget_are_enobufs: UnixSockets,
    a32_a_pipe_counts_as_long_as_either_end_is_open: Pipes,
    a32_pipes_count_as_sockets: Pipes SocketPairs,
    a32_an_epoll_counts: Epoll,
    a32_a_larger_buffer_counts_and_a_smaller_one_gives_nothing_back,
    a32_a_buffer_beyond_the_budget_stays_what_it_was,
    a32_an_accepted_socket_counts_what_it_has_from_its_listener,
    a_pair_that_has_no_room_for_both_leaves_neither: Pipes SocketPairs,
    a_closed_descriptor_leaves_room_for_another_whatever_its_number_was,
}

/// A guest without any permission.
fn confined<W: World>(world: &W, capacity: Capacity) -> TestGuest<W> {
    guest_with(world, world.host(), Policy::deny_all(), capacity)
}

fn buffers<W: World>(world: &W, buffers: u64) -> TestGuest<W> {
    confined(
        world,
        Capacity {
            buffers,
            ..Capacity::default()
        },
    )
}

fn size<W: World>(guest: &mut TestGuest<W>, fd: Fd, option: SockOpt) -> u64 {
    match guest.option(fd, option).unwrap() {
        OptValue::Int(bytes) => u64::try_from(bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// What the send buffer of a UNIX socket begins with.
fn unix_buffer<W: World>(world: &W) -> u64 {
    let mut guest = confined(world, Capacity::default());
    let (one, _) = guest.socket_pair(Kind::Stream).unwrap();
    size::<W>(&mut guest, one, SockOpt::SndBuf)
}

fn a32_unread_data_of_pairs_is_within_the_budget<W: World>(world: &W) {
    let budget = 10 * unix_buffer(world) + 1;
    for kind in [Kind::Stream, Kind::Datagram, Kind::SeqPacket] {
        let mut guest = buffers(world, budget);
        let mut held = 0;
        let mut open = Vec::new();
        let ended = loop {
            let (one, other) = match guest.socket_pair(kind) {
                Ok(pair) => pair,
                Err(errno) => break errno,
            };
            for fd in [one, other] {
                let most = OptValue::Int(i32::MAX / 2);
                guest.set_option(fd, SockOpt::SndBuf, most).unwrap();
                guest.make_nonblocking(fd);
                while let Ok(count) = guest.transmit(fd, &[7; 4096]) {
                    held += count as u64;
                }
            }
            // What waits in the queue of one is held though the other is closed.
            guest.close(one).unwrap();
            open.push(other);
        };
        assert_eq!(ended, Errno::ENOBUFS);
        assert_eq!(open.len(), 9, "{kind:?}");
        assert!(held > budget / 10 && held <= 2 * budget, "{kind:?}: {held}");
        for fd in open {
            guest.close(fd).unwrap();
        }
        assert!(guest.socket_pair(kind).is_ok());
    }
}

fn a32_a_unix_socket_has_no_larger_send_buffer_than_it_begins_with<W: World>(world: &W) {
    let mut guest = confined(world, Capacity::default());
    let (one, _) = guest.socket_pair(Kind::Stream).unwrap();
    let begins = size::<W>(&mut guest, one, SockOpt::SndBuf);
    let mut set = |size: i32| guest.set_option(one, SockOpt::SndBuf, OptValue::Int(size));
    set(i32::MAX).unwrap();
    set(16_384).unwrap();
    set(-1).unwrap_or(());
    set(1 << 20).unwrap();
    assert_eq!(size::<W>(&mut guest, one, SockOpt::SndBuf), begins);
    guest
        .set_option(one, SockOpt::SndBuf, OptValue::Int(16_384))
        .unwrap();
    assert_eq!(size::<W>(&mut guest, one, SockOpt::SndBuf), 32_768);
}

fn a32_unix_sockets_beyond_the_budget_are_enobufs<W: World>(world: &W) {
    let capacity = Capacity {
        buffers: 3 * unix_buffer(world),
        ..Capacity::default()
    };
    let mut place = Place::with(world, Policy::allow_all(), capacity);
    let listener = place.stream();
    place.guest.bind(listener, &unix("/run/s")).unwrap();
    place.guest.listen(listener, 8).unwrap();
    // Those that are not connected hold nothing, as many as there are.
    let clients: Vec<Fd> = (0..20).map(|_| place.stream()).collect();
    let guest = &mut place.guest;
    for _ in 0..2 {
        // Asked again, it is the same socket.
        guest.connect(clients[0], &unix("/run/s")).unwrap_or(());
    }
    guest.connect(clients[1], &unix("/run/s")).unwrap();
    let (accepted, _) = guest.accept(listener, false).unwrap();
    assert_eq!(guest.connect(clients[2], &unix("/run/s")), Err(Errno::ENOBUFS));
    assert_eq!(guest.accept(listener, false), Err(Errno::ENOBUFS));
    assert_eq!(guest.socket_pair(Kind::Stream), Err(Errno::ENOBUFS));
    let sender = guest.socket(Domain::Unix, Kind::Datagram).unwrap();
    let sent = guest.send_to(
        sender,
        &mut [IoSlice::new(b"x")],
        &unix("/run/s"),
        SendFlags::empty(),
    );
    assert_eq!(sent, Err(Errno::ENOBUFS));
    guest.close(accepted).unwrap();
    // Its type is not the listener's, which shows that it was sent.
    let sent = guest.send_to(
        sender,
        &mut [IoSlice::new(b"x")],
        &unix("/run/s"),
        SendFlags::empty(),
    );
    assert_eq!(sent, Err(Errno::EPROTOTYPE));
    assert_eq!(guest.accept(listener, false), Err(Errno::ENOBUFS));
    guest.close(sender).unwrap();
    assert!(guest.accept(listener, false).is_ok());
}

fn a32_a_pipe_counts_as_long_as_either_end_is_open<W: World>(world: &W) {
    let mut guest = buffers(world, 2 * 65_536);
    let (one, two) = (guest.pipe().unwrap(), guest.pipe().unwrap());
    assert_eq!(guest.pipe(), Err(Errno::ENFILE));
    guest.close(one.0).unwrap();
    guest.close(two.1).unwrap();
    assert_eq!(guest.pipe(), Err(Errno::ENFILE));
    guest.close(two.0).unwrap();
    guest.pipe().unwrap();
    assert_eq!(guest.pipe(), Err(Errno::ENFILE));
}

fn a32_pipes_count_as_sockets<W: World>(world: &W) {
    let with = |sockets| Capacity {
        sockets,
        ..Capacity::default()
    };
    assert_eq!(confined(world, with(0)).pipe(), Err(Errno::EMFILE));
    assert_eq!(confined(world, with(1)).pipe(), Err(Errno::EMFILE));
    let mut guest = confined(world, with(3));
    let (read, write) = guest.pipe().unwrap();
    assert_eq!(guest.socket_pair(Kind::Stream), Err(Errno::EMFILE));
    guest.tcp();
    assert_eq!(guest.socket(Domain::Inet, Kind::Stream), Err(Errno::EMFILE));
    guest.close(write).unwrap();
    guest.tcp();
    guest.close(read).unwrap();
    guest.tcp();
    assert_eq!(guest.socket(Domain::Inet, Kind::Stream), Err(Errno::EMFILE));
}

fn a32_an_epoll_counts<W: World>(world: &W) {
    // Two that may watch 8192 descriptors each.
    let mut guest = buffers(world, 4 << 20);
    let epoll = guest.epoll_create().unwrap();
    guest.epoll_create().unwrap();
    assert_eq!(guest.epoll_create(), Err(Errno::ENOMEM));
    guest.close(epoll).unwrap();
    assert_eq!(guest.epoll_create(), Ok(epoll));
}

fn a32_a_larger_buffer_counts_and_a_smaller_one_gives_nothing_back<W: World>(world: &W) {
    let mut guest = buffers(world, 100_000);
    let fd = guest.tcp();
    let set = |guest: &mut TestGuest<W>, fd, option, size| guest.set_option(fd, option, OptValue::Int(size));
    // The kernel doubles them.
    set(&mut guest, fd, SockOpt::SndBuf, 20_000).unwrap();
    set(&mut guest, fd, SockOpt::RcvBuf, 25_000).unwrap();
    let other = guest.tcp();
    let over = set(&mut guest, other, SockOpt::RcvBuf, 5001);
    assert_eq!(over, Err(Errno::ENOBUFS));
    set(&mut guest, fd, SockOpt::SndBuf, 5000).unwrap();
    let over = set(&mut guest, other, SockOpt::RcvBuf, 5001);
    assert_eq!(over, Err(Errno::ENOBUFS));
    // What it had it may have again.
    set(&mut guest, fd, SockOpt::SndBuf, 20_000).unwrap();
    assert_eq!(size::<W>(&mut guest, fd, SockOpt::SndBuf), 40_000);
    guest.close(fd).unwrap();
    set(&mut guest, other, SockOpt::RcvBuf, 50_000).unwrap();
}

fn a32_a_buffer_beyond_the_budget_stays_what_it_was<W: World>(world: &W) {
    let mut guest = buffers(world, 50_000);
    for fd in [guest.tcp(), guest.udp()] {
        for option in [SockOpt::SndBuf, SockOpt::RcvBuf] {
            let before = size::<W>(&mut guest, fd, option);
            let over = guest.set_option(fd, option, OptValue::Int(25_001));
            assert_eq!(over, Err(Errno::ENOBUFS));
            assert_eq!(size::<W>(&mut guest, fd, option), before, "{option:?}");
        }
    }
}

fn a32_an_accepted_socket_counts_what_it_has_from_its_listener<W: World>(world: &W) {
    let capacity = Capacity {
        buffers: 100_000,
        ..Capacity::default()
    };
    let mut guest = guest_with(world, world.host(), Policy::allow_all(), capacity);
    let (listener, addr) = guest.tcp_listener();
    guest
        .set_option(listener, SockOpt::RcvBuf, OptValue::Int(25_000))
        .unwrap();
    let _peers = [world.connect(addr).unwrap(), world.connect(addr).unwrap()];
    let (first, _) = guest.accept(listener, false).unwrap();
    assert_eq!(size::<W>(&mut guest, first, SockOpt::RcvBuf), 50_000);
    assert_eq!(guest.accept(listener, false), Err(Errno::ENOBUFS));
    // The connection waits until there is room.
    guest.close(first).unwrap();
    assert_eq!(guest.accept(listener, false).map(|(fd, _)| fd), Ok(first));
}

fn a_pair_that_has_no_room_for_both_leaves_neither<W: World>(world: &W) {
    let mut guest = confined(
        world,
        Capacity {
            descriptors: 3,
            ..Capacity::default()
        },
    );
    let (one, two) = (guest.tcp(), guest.tcp());
    assert_eq!(guest.socket_pair(Kind::Stream), Err(Errno::EMFILE));
    assert_eq!(guest.pipe(), Err(Errno::EMFILE));
    guest.close(one).unwrap();
    guest.close(two).unwrap();
    assert_eq!(guest.descriptors().count(), 0);
    assert_eq!(guest.pipe(), Ok((0, 1)));
    assert_eq!(guest.pipe(), Err(Errno::EMFILE));
    assert_eq!(guest.descriptors().count(), 2);
    guest.tcp();
}

fn a_closed_descriptor_leaves_room_for_another_whatever_its_number_was<W: World>(world: &W) {
    let mut guest = confined(
        world,
        Capacity {
            descriptors: 3,
            ..Capacity::default()
        },
    );
    let fds = [guest.tcp(), guest.tcp(), guest.tcp()];
    for fd in [1, 0, 2, 2, 0, 1] {
        assert_eq!(guest.socket(Domain::Inet, Kind::Stream), Err(Errno::EMFILE));
        guest.close(fd).unwrap();
        assert_eq!(guest.tcp(), fd);
    }
    guest.renumber(fds[2], fds[0]).unwrap();
    assert_eq!(guest.tcp(), fds[2]);
    assert_eq!(guest.socket(Domain::Inet, Kind::Stream), Err(Errno::EMFILE));
}
