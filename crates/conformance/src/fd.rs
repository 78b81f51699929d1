//! Descriptor numbers: the lowest free one, room, and nothing left behind.

use std::io::{IoSlice, IoSliceMut};

use guestnet_core::policy::{Policy, Use};
use guestnet_core::{Capacity, Domain, Errno, Kind, Ready, RecvFlags, StreamKind};

use crate::behaviour::behaviours;
use crate::guest::{Calls, LOOPBACK, deny, guest, guest_on, guest_with};
use crate::patience::eventually;
use crate::peer::{take, while_waiting};
use crate::world::{PeerListener, PeerStream, World};

behaviours! { "fd":
    numbers_are_the_lowest_free_ones,
    sockets_streams_and_files_share_one_number_space: ByteStreams,
    accept_takes_the_lowest_free_number,
    renumber_moves_a_socket_and_closes_what_was_there,
    renumber_onto_itself_changes_nothing,
    renumber_needs_both_to_be_open,
    a_file_of_the_adapter_comes_back_from_close_and_renumber,
    a_full_table_is_emfile: ByteStreams,
    too_many_sockets_are_emfile_and_other_descriptors_are_not,
    a_full_accept_leaves_the_connection_waiting,
    a_descriptor_blocks_until_it_is_made_nonblocking: ByteStreams,
    a_pipe_carries_data_to_the_guest: ByteStreams,
    a_pipe_carries_data_from_the_guest: ByteStreams,
    a_pipe_whose_reader_is_gone_is_epipe: ByteStreams,
    a_regular_file_is_read_and_written_in_place: Files,
    the_wrong_direction_of_a_pipe_is_ebadf: ByteStreams,
    a_handed_over_listener_accepts: HandOver,
    a_handed_over_connection_carries_data: HandOver,
    #[alone] closing_leaves_no_kernel_descriptor: KernelDescriptors UnixSockets,
    #[alone] a_guest_that_goes_away_leaves_no_kernel_descriptor: KernelDescriptors,
    #[alone] failures_leave_no_kernel_descriptor: KernelDescriptors UnixSockets,
    #[alone] a_refused_peer_leaves_no_kernel_descriptor: KernelDescriptors,
    #[alone] a_kernel_without_descriptors_is_emfile_and_polls_go_on: KernelDescriptors,
}

fn numbers_are_the_lowest_free_ones<W: World>(world: &W) {
    let mut guest = guest(world);
    for expected in 0..5 {
        assert_eq!(guest.next_descriptor(), Ok(expected));
        assert_eq!(guest.udp(), expected);
    }
    for closed in [3, 1, 4] {
        guest.close(closed).unwrap();
    }
    for expected in [1, 3, 4, 5] {
        assert_eq!(guest.tcp(), expected);
    }
    assert_eq!(
        guest.descriptors().map(|(fd, _)| fd).collect::<Vec<_>>(),
        [0, 1, 2, 3, 4, 5]
    );
}

fn sockets_streams_and_files_share_one_number_space<W: World>(world: &W) {
    let mut host = world.host();
    let (io, _writer) = world.pipe_to_guest(&mut host);
    let mut guest = guest_on(world, host, Policy::allow_all());
    assert_eq!(guest.insert_stream(io), Ok(0));
    assert_eq!(guest.insert_file(70), Ok(1));
    assert_eq!(guest.udp(), 2);
    assert_eq!(guest.close(0), Ok(None));
    assert_eq!(guest.insert_file(71), Ok(0));
    assert_eq!(guest.file(0), Ok(Some(&71)));
    assert_eq!(guest.file(2), Ok(None));
    assert_eq!(guest.close(1), Ok(Some(70)));
    assert_eq!(guest.tcp(), 1);
}

fn accept_takes_the_lowest_free_number<W: World>(world: &W) {
    let mut guest = guest(world);
    let low = guest.udp();
    let (listener, addr) = guest.tcp_listener();
    guest.close(low).unwrap();
    let _peer = world.connect(addr).unwrap();
    assert_eq!(guest.accept(listener, false).unwrap().0, low);
}

fn renumber_moves_a_socket_and_closes_what_was_there<W: World>(world: &W) {
    let mut guest = guest(world);
    let (kept, peer) = guest.tcp_pair(world);
    let (closed, gone) = guest.tcp_pair(world);
    assert_eq!(guest.renumber(kept, closed), Ok(None));
    assert_eq!(gone.read(&mut [0]).unwrap(), 0, "what was there was closed");
    assert_eq!(guest.transmit(kept, b"x"), Err(Errno::EBADF));
    peer.write_all(b"moved").unwrap();
    assert_eq!(guest.receive(closed, 5, RecvFlags::WAITALL).unwrap(), b"moved");
    assert_eq!(guest.udp(), kept, "the source's number is free");
}

fn renumber_onto_itself_changes_nothing<W: World>(world: &W) {
    let mut guest = guest(world);
    let (fd, peer) = guest.tcp_pair(world);
    assert_eq!(guest.renumber(fd, fd), Ok(None));
    peer.write_all(b"x").unwrap();
    assert_eq!(guest.receive(fd, 1, RecvFlags::empty()).unwrap(), b"x");
}

fn renumber_needs_both_to_be_open<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    for bad in [fd + 1, 1 << 31, u32::MAX] {
        assert_eq!(guest.renumber(fd, bad), Err(Errno::EBADF));
        assert_eq!(guest.renumber(bad, fd), Err(Errno::EBADF));
        assert_eq!(guest.renumber(bad, bad), Err(Errno::EBADF));
    }
    assert!(guest.local_addr(fd).is_ok());
}

fn a_file_of_the_adapter_comes_back_from_close_and_renumber<W: World>(world: &W) {
    let mut guest = guest(world);
    let (file, other, socket) = (
        guest.insert_file(1).unwrap(),
        guest.insert_file(2).unwrap(),
        guest.udp(),
    );
    assert_eq!(guest.renumber(file, other), Ok(Some(2)));
    assert_eq!(guest.renumber(socket, other), Ok(Some(1)));
    assert!(guest.local_addr(other).is_ok());
    let file = guest.insert_file(3).unwrap();
    assert_eq!(guest.close(file), Ok(Some(3)));
    assert_eq!(guest.close(file), Err(Errno::EBADF));
}

fn a_full_table_is_emfile<W: World>(world: &W) {
    let mut host = world.host();
    let (io, _writer) = world.pipe_to_guest(&mut host);
    let mut guest = guest_with(
        world,
        host,
        Policy::allow_all(),
        Capacity {
            descriptors: 3,
            sockets: 100,
            ..Capacity::default()
        },
    );
    let (listener, addr) = guest.tcp_listener();
    guest.udp();
    guest.insert_file(1).unwrap();
    assert_eq!(guest.socket(Domain::Inet, Kind::Stream), Err(Errno::EMFILE));
    assert_eq!(guest.insert_file(2), Err((Errno::EMFILE, 2)));
    assert_eq!(guest.insert_stream(io), Err(Errno::EMFILE));
    assert_eq!(guest.next_descriptor(), Err(Errno::EMFILE));
    let _peer = world.connect(addr).unwrap();
    assert_eq!(guest.accept(listener, false).unwrap_err(), Errno::EMFILE);
    guest.close(1).unwrap();
    assert_eq!(guest.accept(listener, false).unwrap().0, 1);
}

fn too_many_sockets_are_emfile_and_other_descriptors_are_not<W: World>(world: &W) {
    let capacity = Capacity {
        descriptors: 100,
        sockets: 2,
        ..Capacity::default()
    };
    let mut guest = guest_with(world, world.host(), Policy::allow_all(), capacity);
    let (one, two) = (guest.udp(), guest.tcp());
    for _ in 0..3 {
        assert_eq!(guest.socket(Domain::Inet, Kind::Datagram), Err(Errno::EMFILE));
        let file = guest.insert_file(1).unwrap();
        // A socket that a file replaces is one less.
        guest.renumber(file, two).unwrap();
        assert_eq!(guest.socket(Domain::Inet6, Kind::Stream), Ok(file));
        guest.renumber(file, two).unwrap();
    }
    guest.close(one).unwrap();
    assert_eq!(guest.socket(Domain::Inet, Kind::Datagram), Ok(one));
}

fn a_full_accept_leaves_the_connection_waiting<W: World>(world: &W) {
    let capacity = Capacity {
        descriptors: 100,
        sockets: 2,
        ..Capacity::default()
    };
    let mut guest = guest_with(world, world.host(), Policy::allow_all(), capacity);
    let (listener, addr) = guest.tcp_listener();
    let other = guest.udp();
    let peer = world.connect(addr).unwrap();
    assert_eq!(guest.accept(listener, false).unwrap_err(), Errno::EMFILE);
    guest.close(other).unwrap();
    assert_eq!(
        guest.accept(listener, false).unwrap().1,
        peer.local_addr().unwrap().into()
    );
}

fn a_descriptor_blocks_until_it_is_made_nonblocking<W: World>(world: &W) {
    let mut host = world.host();
    let (io, _writer) = world.pipe_to_guest(&mut host);
    let mut guest = guest_on(world, host, Policy::allow_all());
    let (stream, socket) = (guest.insert_stream(io).unwrap(), guest.udp());
    for fd in [stream, socket] {
        for on in [false, true, false] {
            assert_eq!(guest.nonblocking(fd), Ok(on));
            guest.set_nonblocking(fd, !on).unwrap();
        }
    }
    assert_eq!(
        guest.read(stream, &mut [IoSliceMut::new(&mut [0])]),
        Err(Errno::EAGAIN)
    );
}

fn a_pipe_carries_data_to_the_guest<W: World>(world: &W) {
    let mut host = world.host();
    let (io, mut writer) = world.pipe_to_guest(&mut host);
    let mut guest = guest_on(world, host, Policy::allow_all());
    let fd = guest.insert_stream(io).unwrap();
    assert_eq!(guest.stream_kind(fd), Ok(Some(StreamKind::Pipe)));
    assert_eq!(guest.read(fd, &mut []), Ok(0), "no room, no waiting");
    let (mut first, mut second) = ([0; 2], [0; 4]);
    let bufs = &mut [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    let (read, ()) = while_waiting(
        world,
        || guest.read(fd, bufs),
        || writer.write_all(b"abcd").unwrap(),
    );
    assert_eq!(read, Ok(4));
    assert_eq!((&first, &second[..2]), (b"ab", &b"cd"[..]));
    writer.write_all(b"xyz").unwrap();
    guest.until(fd, Ready::READ);
    assert_eq!(guest.readable_bytes(fd), Ok(3));
    drop(writer);
    let mut rest = [0; 8];
    assert_eq!(guest.read(fd, &mut [IoSliceMut::new(&mut rest)]), Ok(3));
    assert_eq!(guest.read(fd, &mut [IoSliceMut::new(&mut rest)]), Ok(0));
}

fn a_pipe_carries_data_from_the_guest<W: World>(world: &W) {
    let mut host = world.host();
    let (io, mut reader) = world.pipe_from_guest(&mut host);
    let mut guest = guest_on(world, host, Policy::allow_all());
    let fd = guest.insert_stream(io).unwrap();
    // More than a pipe holds: the guest waits for room, although the pipe is a blocking one.
    let data = crate::guest::pattern(1 << 20);
    let mut bufs: Vec<IoSlice<'_>> = data.chunks(70_001).map(IoSlice::new).collect();
    let (written, received) = while_waiting(
        world,
        || guest.write(fd, &mut bufs),
        || {
            let mut received = vec![0; 1 << 20];
            reader.read_exact(&mut received).unwrap();
            received
        },
    );
    assert_eq!(written, Ok(1 << 20));
    assert!(received == data, "every byte arrives in order");
    guest.set_nonblocking(fd, true).unwrap();
    let full = eventually("the pipe is full", || {
        guest.write(fd, &mut [IoSlice::new(&data)]).err()
    });
    assert_eq!(full, Errno::EAGAIN);
    assert_eq!(
        guest.write(fd, &mut []),
        if cfg!(target_os = "linux") {
            Err(Errno::EAGAIN)
        } else {
            Ok(0)
        }
    );
}

fn a_pipe_whose_reader_is_gone_is_epipe<W: World>(world: &W) {
    let mut host = world.host();
    let (io, reader) = world.pipe_from_guest(&mut host);
    let mut guest = guest_on(world, host, Policy::allow_all());
    let fd = guest.insert_stream(io).unwrap();
    drop(reader);
    assert_eq!(guest.write(fd, &mut [IoSlice::new(b"x")]), Err(Errno::EPIPE));
    assert!(guest.until(fd, Ready::WRITE).contains(Ready::ERROR));
}

fn a_regular_file_is_read_and_written_in_place<W: World>(world: &W) {
    let mut host = world.host();
    let (io, mut position) = world.file(&mut host);
    let mut guest = guest_on(world, host, Policy::allow_all());
    let fd = guest.insert_stream(io).unwrap();
    assert_eq!(guest.stream_kind(fd), Ok(Some(StreamKind::File)));
    let data = crate::guest::pattern(100_000);
    assert_eq!(
        guest.write(fd, &mut [IoSlice::new(&data[..10]), IoSlice::new(&data[10..])]),
        Ok(100_000)
    );
    position.rewind().unwrap();
    let mut received = vec![0; 200_000];
    assert_eq!(guest.read(fd, &mut [IoSliceMut::new(&mut received)]), Ok(100_000));
    assert!(received[..100_000] == data);
    assert_eq!(guest.read(fd, &mut [IoSliceMut::new(&mut received)]), Ok(0));
}

fn the_wrong_direction_of_a_pipe_is_ebadf<W: World>(world: &W) {
    let mut host = world.host();
    let (read_end, _writer) = world.pipe_to_guest(&mut host);
    let (write_end, _reader) = world.pipe_from_guest(&mut host);
    let mut guest = guest_on(world, host, Policy::allow_all());
    let (reader, writer) = (
        guest.insert_stream(read_end).unwrap(),
        guest.insert_stream(write_end).unwrap(),
    );
    assert_eq!(guest.write(reader, &mut [IoSlice::new(b"x")]), Err(Errno::EBADF));
    assert_eq!(
        guest.read(writer, &mut [IoSliceMut::new(&mut [0])]),
        Err(Errno::EBADF)
    );
}

fn a_handed_over_listener_accepts<W: World>(world: &W) {
    let listener = world.listen(LOOPBACK).unwrap();
    let addr = listener.local_addr().unwrap();
    let mut host = world.host();
    let io = world.hand_over_listener(&mut host, listener);
    // The owner of the listener decided when it was handed over: the guest needs no permission to listen.
    let mut guest = guest_on(world, host, Policy::deny_all());
    let fd = guest.insert_preopened(io, true).unwrap();
    assert_eq!(guest.local_addr(fd), Ok(addr.into()));
    assert_eq!(guest.accept(fd, true).unwrap_err(), Errno::EAGAIN);
    let peer = world.connect(addr).unwrap();
    guest.until(fd, Ready::READ);
    let (fd, _) = guest.accept(fd, false).unwrap();
    guest.transmit(fd, b"hi").unwrap();
    assert_eq!(take(&peer, 2), b"hi");
}

fn a_handed_over_connection_carries_data<W: World>(world: &W) {
    let listener = world.listen(LOOPBACK).unwrap();
    let connected = world.connect(listener.local_addr().unwrap()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    let mut host = world.host();
    let io = world.hand_over_stream(&mut host, connected);
    let mut guest = guest_on(world, host, Policy::deny_all());
    let fd = guest.insert_preopened(io, false).unwrap();
    let (received, ()) = while_waiting(
        world,
        || guest.receive(fd, 8, RecvFlags::empty()),
        || peer.write_all(b"x").unwrap(),
    );
    assert_eq!(received.unwrap(), b"x");
}

/// The descriptors of this process.
fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

fn closing_leaves_no_kernel_descriptor<W: World>(world: &W) {
    let root = tempfile::tempdir().unwrap();
    let mut host = world.host();
    world.add_directory(&mut host, root.path(), "/run");
    let mut guest = guest_on(world, host, Policy::allow_all());
    // The host's own descriptors for polling many are opened once.
    let udp: Vec<_> = (0..10).map(|_| (guest.udp(), Ready::READ)).collect();
    guest.poll(&udp, Some(std::time::Duration::ZERO)).unwrap();
    let before = open_descriptors();
    for round in 0..5 {
        let (connected, peer) = guest.tcp_pair(world);
        let (listener, addr) = guest.tcp_listener();
        let client = guest.tcp();
        guest.connect_to(client, addr).unwrap();
        let (accepted, _) = guest.accept(listener, false).unwrap();
        let path = guestnet_core::SockAddr::Unix(format!("/run/{round}").into());
        let (bound, to) = (
            guest.socket(Domain::Unix, Kind::Stream).unwrap(),
            guest.socket(Domain::Unix, Kind::Stream).unwrap(),
        );
        guest.bind(bound, &path).unwrap();
        guest.listen(bound, 1).unwrap();
        guest.connect(to, &path).unwrap();
        let (unix, _) = guest.accept(bound, false).unwrap();
        let query = guestnet_core::resolve::Query {
            node: Some(b"localhost"),
            ..Default::default()
        };
        guest.getaddrinfo(&query).unwrap();
        let renumbered = guest.udp();
        guest.renumber(accepted, renumbered).unwrap();
        drop(peer);
        for fd in [connected, listener, client, renumbered, bound, to, unix] {
            guest.close(fd).unwrap();
        }
    }
    assert_eq!(open_descriptors(), before);
}

fn a_guest_that_goes_away_leaves_no_kernel_descriptor<W: World>(world: &W) {
    let before = open_descriptors();
    {
        let host = world.host();
        let mut guest = guestnet_core::GuestThread::<W::Host, u32>::new(
            host,
            std::sync::Arc::new(Policy::allow_all()),
            Capacity::default(),
        );
        let set: Vec<_> = (0..10).map(|_| (guest.udp(), Ready::WRITE)).collect();
        guest.poll(&set, None).unwrap();
    }
    assert_eq!(open_descriptors(), before);
}

fn failures_leave_no_kernel_descriptor<W: World>(world: &W) {
    let root = tempfile::tempdir().unwrap();
    let mut host = world.host();
    world.add_directory(&mut host, root.path(), "/run");
    let capacity = Capacity {
        descriptors: 4,
        sockets: 3,
        ..Capacity::default()
    };
    let mut guest = guest_with(world, host, deny(&[(Use::Unix, "/run/no")]), capacity);
    let (listener, addr) = guest.tcp_listener();
    let unix = guest.socket(Domain::Unix, Kind::Stream).unwrap();
    guest.tcp();
    let _peer = world.connect(addr).unwrap();
    let before = open_descriptors();
    for _ in 0..5 {
        guest.socket(Domain::Inet, Kind::Stream).unwrap_err();
        guest.accept(listener, false).unwrap_err();
        for path in ["/run/no", "/run/nothing/s", "/etc/s", "/run/.."] {
            let path = guestnet_core::SockAddr::Unix(path.into());
            guest.bind(unix, &path).unwrap_err();
            guest.connect(unix, &path).unwrap_err();
        }
    }
    assert_eq!(open_descriptors(), before);
}

fn a_refused_peer_leaves_no_kernel_descriptor<W: World>(world: &W) {
    let mut guest = crate::guest::guest_under(world, deny(&[(Use::Accept, "127.0.0.0/8")]));
    let (listener, addr) = guest.tcp_listener();
    guest.make_nonblocking(listener);
    let before = open_descriptors();
    for _ in 0..5 {
        let peer = world.connect(addr).unwrap();
        guest.until(listener, Ready::READ);
        assert_eq!(guest.accept(listener, false).unwrap_err(), Errno::EAGAIN);
        drop(peer);
    }
    assert_eq!(open_descriptors(), before);
}

fn a_kernel_without_descriptors_is_emfile_and_polls_go_on<W: World>(world: &W) {
    let mut guest = guest(world);
    let mut sockets: Vec<_> = (0..10).map(|_| guest.udp_bound()).collect();
    // Every descriptor that this process may have.
    let mut hoard = Vec::new();
    while let Ok(file) = std::fs::File::open("/dev/null") {
        hoard.push(file);
    }
    assert_eq!(guest.socket(Domain::Inet, Kind::Datagram), Err(Errno::EMFILE));
    let set: Vec<_> = sockets.iter().map(|(fd, _)| (*fd, Ready::READ)).collect();
    let (from, _) = sockets.pop().unwrap();
    let (to, addr) = sockets.pop().unwrap();
    guest.transmit_to(from, b"x", addr).unwrap();
    let ready = guest.poll(&set, None).unwrap();
    assert_eq!(ready.iter().filter(|ready| !ready.is_empty()).count(), 1);
    assert_eq!(guest.receive(to, 8, RecvFlags::empty()).unwrap(), b"x");
    drop(hoard);
    assert!(guest.socket(Domain::Inet, Kind::Datagram).is_ok());
}
