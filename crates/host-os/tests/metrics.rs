//! What a guest's calls count, on the kernel's sockets.

use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;

use guestnet_core::policy::{Policy, PolicyBuilder, Use};
use guestnet_core::{
    Capacity, Control, Domain, Errno, Fd, Guest, IncomingMessage, Kind, OutgoingMessage, RecvFlags,
    SendFlags, SharedGuestThread, Shutdown, SockAddr, Traffic,
};
use guestnet_host_os::OsHost;

type GuestThread = SharedGuestThread<OsHost, ()>;

fn guest_under(policy: Policy) -> GuestThread {
    let host = OsHost::new().unwrap();
    Guest::new(Arc::new(policy), Capacity::default(), 0).thread(host)
}

fn any() -> SockAddr {
    SockAddr::Inet("127.0.0.1:0".parse().unwrap())
}

fn send(guest: &mut GuestThread, fd: Fd, bytes: &[u8]) -> usize {
    guest
        .send(fd, &mut [IoSlice::new(bytes)], SendFlags::empty())
        .unwrap()
}

fn recv(guest: &mut GuestThread, fd: Fd, room: usize, flags: RecvFlags) -> usize {
    let mut buffer = vec![0; room];
    guest
        .recv(fd, &mut [IoSliceMut::new(&mut buffer)], flags)
        .unwrap()
        .len
}

#[test]
fn a_connection_counts_at_both_ends_and_a_peek_counts_nothing() {
    let mut guest = guest_under(Policy::allow_all());
    let listener = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.bind(listener, &any()).unwrap();
    guest.listen(listener, 8).unwrap();
    let addr = guest.local_addr(listener).unwrap();
    let client = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.set_nonblocking(client, true).unwrap();
    // The same connect, whether it is over at once or asked about again.
    while let Err(Errno::EINPROGRESS | Errno::EALREADY) = guest.connect(client, &addr) {}
    let (server, _) = guest.accept(listener, false).unwrap();
    assert_eq!(guest.metrics().snapshot().sockets, 3);
    assert_eq!(send(&mut guest, client, &[1; 700]), 700);
    guest.shutdown(client, Shutdown::Write).unwrap();
    for _ in 0..3 {
        assert!(recv(&mut guest, server, 100, RecvFlags::PEEK) > 0);
    }
    let mut came = 0;
    loop {
        match recv(&mut guest, server, 100, RecvFlags::empty()) {
            0 => break,
            count => came += count,
        }
    }
    assert_eq!(came, 700);
    // What read(2) and write(2) move counts as well.
    guest.write(server, &mut [IoSlice::new(b"back")]).unwrap();
    guest.set_nonblocking(client, false).unwrap();
    let mut back = [0; 8];
    guest.read(client, &mut [IoSliceMut::new(&mut back)]).unwrap();
    let metrics = guest.metrics();
    let expected = Traffic {
        connected: 1,
        accepted: 1,
        sent_bytes: 704,
        received_bytes: 704,
        ..Traffic::default()
    };
    assert_eq!(metrics.snapshot().tcp, expected);
    for fd in [listener, client, server] {
        guest.close(fd).unwrap();
    }
    drop(guest);
    let snapshot = metrics.snapshot();
    assert_eq!((snapshot.tcp, snapshot.sockets), (expected, 0));
}

#[test]
fn datagrams_count_one_by_one_by_every_call() {
    let mut guest = guest_under(Policy::allow_all());
    let [one, other] = [(); 2].map(|()| {
        let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
        guest.bind(fd, &any()).unwrap();
        fd
    });
    let to = guest.local_addr(other).unwrap();
    let none = SendFlags::empty();
    guest
        .send_to(one, &mut [IoSlice::new(&[0; 10])], &to, none)
        .unwrap();
    let control = [Control::Tos(0)];
    guest
        .send_message(one, &mut [IoSlice::new(&[0; 20])], Some(&to), &control, none)
        .unwrap();
    let mut bytes = [[IoSlice::new(&[0; 30])], [IoSlice::new(&[0; 30])]];
    let mut batch: Vec<_> = bytes
        .iter_mut()
        .map(|bufs| OutgoingMessage {
            bufs,
            to: Some(to.clone()),
            control: Vec::new(),
            sent: 0,
        })
        .collect();
    assert_eq!(guest.send_batch(one, &mut batch, none), Ok(2));
    guest.connect(one, &to).unwrap();
    send(&mut guest, one, &[]);

    let mut buffer = [0; 64];
    let empty = RecvFlags::empty();
    guest
        .recv_from(other, &mut [IoSliceMut::new(&mut buffer)], empty)
        .unwrap();
    guest
        .recv_message(other, &mut [IoSliceMut::new(&mut buffer)], 0, empty)
        .unwrap();
    let mut room = [[0; 64], [0; 64]];
    let mut bufs: Vec<_> = room.iter_mut().map(|room| [IoSliceMut::new(room)]).collect();
    let mut batch: Vec<_> = bufs
        .iter_mut()
        .map(|bufs| IncomingMessage {
            bufs,
            wants_control: false,
            rights: 0,
            message: None,
        })
        .collect();
    assert_eq!(
        guest.recv_batch(other, &mut batch, empty, false, None).unwrap().0,
        2
    );
    assert_eq!(recv(&mut guest, other, 8, empty), 0);
    let expected = Traffic {
        sent_bytes: 90,
        received_bytes: 90,
        sent_datagrams: 5,
        received_datagrams: 5,
        ..Traffic::default()
    };
    assert_eq!(guest.metrics().snapshot().udp, expected);
}

#[test]
fn unix_sockets_count_apart_and_pipes_only_as_places() {
    let mut guest = guest_under(Policy::allow_all());
    let (one, other) = guest.socket_pair(Kind::Datagram).unwrap();
    let (read, write) = guest.pipe().unwrap();
    send(&mut guest, one, b"abc");
    recv(&mut guest, other, 8, RecvFlags::empty());
    guest.write(write, &mut [IoSlice::new(b"in a pipe")]).unwrap();
    guest.read(read, &mut [IoSliceMut::new(&mut [0; 16])]).unwrap();
    let snapshot = guest.metrics().snapshot();
    let expected = Traffic {
        sent_bytes: 3,
        received_bytes: 3,
        sent_datagrams: 1,
        received_datagrams: 1,
        ..Traffic::default()
    };
    assert_eq!((snapshot.unix, snapshot.sockets), (expected, 4));
    assert!(snapshot.buffer_bytes > 0);
    assert_eq!(
        (snapshot.tcp, snapshot.udp),
        (Traffic::default(), Traffic::default())
    );
}

#[test]
fn a_denial_counts_by_its_use_and_a_failed_call_by_its_errno() {
    let policy = PolicyBuilder::new()
        .allow(Use::Connect, "tcp://127.0.0.1")
        .unwrap()
        .build();
    let mut guest = guest_under(policy);
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    let nowhere = SockAddr::Inet("10.0.0.5:80".parse().unwrap());
    for _ in 0..3 {
        assert_eq!(guest.connect(fd, &nowhere), Err(Errno::EACCES));
    }
    assert_eq!(guest.bind(fd, &any()), Err(Errno::EACCES));
    assert_eq!(guest.listen(999, 1), Err(Errno::EBADF));
    guest.set_nonblocking(fd, true).unwrap();
    let snapshot = guest.metrics().snapshot();
    let denials: Vec<_> = snapshot
        .denials
        .iter()
        .filter(|(_, count)| *count > 0)
        .copied()
        .collect();
    assert_eq!(denials, [(Use::Connect, 3), (Use::Listen, 1)]);
    assert_eq!(snapshot.errors, [(Errno::EBADF, 1), (Errno::EACCES, 4)]);
    assert_eq!(snapshot.tcp, Traffic::default());
}
