//! A guest of several threads: one table, several hosts.

use std::io::{IoSlice, IoSliceMut};
use std::sync::Arc;
use std::thread;

use guestnet_core::policy::PolicyBuilder;
use guestnet_core::{
    Capacity, Domain, Errno, Fd, Guest, Kind, Ready, RecvFlags, SendFlags, SharedGuestThread, Shutdown,
    SockAddr,
};
use guestnet_host_os::{Io, OsHost};

type GuestThread = SharedGuestThread<OsHost, ()>;

const RESERVED: Fd = 16;

/// What `SharedGuestThread` asks of a host: descriptors used by several threads, one host a thread.
const fn used_by_several_threads<T: Send + Sync>() {}
const fn moved_to_its_thread<T: Send>() {}

#[test]
fn a_host_serves_a_guest_of_several_threads() {
    used_by_several_threads::<Io>();
    moved_to_its_thread::<OsHost>();
}

fn guest(sockets: usize) -> (GuestThread, OsHost) {
    let host = OsHost::new().unwrap();
    let sibling = host.sibling().unwrap();
    let mut policy = PolicyBuilder::new();
    policy.allow_net();
    let capacity = Capacity {
        sockets,
        ..Capacity::default()
    };
    let guest = Guest::new(Arc::new(policy.build()), capacity, RESERVED).thread(host);
    (guest, sibling)
}

/// A connected pair of TCP sockets of the guest.
fn pair(guest: &mut GuestThread) -> (Fd, Fd) {
    let listener = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    let any: SockAddr = std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into();
    guest.bind(listener, &any).unwrap();
    guest.listen(listener, 1).unwrap();
    let addr = guest.local_addr(listener).unwrap();
    let client = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.connect(client, &addr).unwrap();
    let (server, _) = guest.accept(listener, false).unwrap();
    guest.close(listener).unwrap();
    (client, server)
}

fn send(guest: &mut GuestThread, fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
    guest.send(fd, &mut [IoSlice::new(bytes)], SendFlags::empty())
}

fn recv(guest: &mut GuestThread, fd: Fd) -> Result<Vec<u8>, Errno> {
    let mut buffer = vec![0; 64];
    let received = guest.recv(fd, &mut [IoSliceMut::new(&mut buffer)], RecvFlags::empty())?;
    buffer.truncate(received.len);
    Ok(buffer)
}

#[test]
fn a_socket_of_one_thread_is_read_in_another_while_the_first_writes() {
    let (mut first, host) = guest(8);
    let (client, server) = pair(&mut first);
    let mut second = first.guest().thread(host);
    thread::scope(|scope| {
        let reader = scope.spawn(move || recv(&mut second, server));
        // Whether the other one waits already or not: the call here never waits for it.
        assert_eq!(send(&mut first, client, b"hello"), Ok(5));
        assert_eq!(reader.join().unwrap(), Ok(b"hello".to_vec()));
    });
}

#[test]
fn both_directions_of_one_socket_run_at_once() {
    let (mut first, host) = guest(8);
    let (client, server) = pair(&mut first);
    let mut second = first.guest().thread(host);
    thread::scope(|scope| {
        let echo = scope.spawn(move || {
            while let Ok(bytes) = recv(&mut second, server) {
                if bytes.is_empty() {
                    return second.open_descriptors().len();
                }
                send(&mut second, server, &bytes).unwrap();
            }
            0
        });
        for round in 0..1000_u32 {
            send(&mut first, client, &round.to_le_bytes()).unwrap();
            assert_eq!(recv(&mut first, client), Ok(round.to_le_bytes().to_vec()));
        }
        first.shutdown(client, Shutdown::Write).unwrap();
        assert_eq!(echo.join().unwrap(), 2);
    });
}

#[test]
fn a_descriptor_that_is_closed_during_a_receive_lets_the_receive_finish() {
    let (mut first, host) = guest(2 + 1);
    let (client, server) = pair(&mut first);
    let mut second = first.guest().thread(host);
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let first = recv(&mut second, server);
            (first, recv(&mut second, server))
        });
        // Closed before or during the receive: both are legal. Only the second one has an outcome that is certain.
        first.close(server).unwrap();
        let _ = send(&mut first, client, b"x");
        first.close(client).unwrap();
        let (begun, after) = reader.join().unwrap();
        assert!(
            [Ok(b"x".to_vec()), Ok(Vec::new()), Err(Errno::EBADF)].contains(&begun),
            "{begun:?}"
        );
        assert_eq!(after, Err(Errno::EBADF));
    });
    // The places of both are free again.
    pair(&mut first);
}

#[test]
fn a_duplicate_is_the_same_open_file() {
    let (mut guest, _) = guest(4);
    let (client, server) = pair(&mut guest);
    let twin = guest.dup(server).unwrap();
    assert_ne!(twin, server);
    guest.set_nonblocking(twin, true).unwrap();
    assert_eq!(guest.nonblocking(server), Ok(true));
    guest.close(server).unwrap();
    assert_eq!(recv(&mut guest, server), Err(Errno::EBADF));
    assert_eq!(recv(&mut guest, twin), Err(Errno::EAGAIN));
    assert_eq!(send(&mut guest, client, b"still open"), Ok(10));
    guest.set_nonblocking(twin, false).unwrap();
    assert_eq!(recv(&mut guest, twin), Ok(b"still open".to_vec()));
    guest.close(twin).unwrap();
    // The last descriptor closed the connection.
    assert_eq!(recv(&mut guest, client), Ok(Vec::new()));
}

#[test]
fn the_adapter_places_a_descriptor_where_it_wants() {
    let (mut guest, _) = guest(4);
    let (client, server) = pair(&mut guest);
    assert!(client >= RESERVED && server >= RESERVED);
    assert_eq!(guest.install_at(server, 3), Ok(None));
    assert_eq!(recv_nothing(&mut guest, server), Err(Errno::EBADF));
    send(&mut guest, client, b"to 3").unwrap();
    assert_eq!(recv(&mut guest, 3), Ok(b"to 3".to_vec()));
    // What was there is closed.
    assert_eq!(guest.install_at(client, 3), Ok(None));
    assert_eq!(recv(&mut guest, 3), Ok(Vec::new()));
    for (from, to) in [(3, RESERVED), (3, u32::MAX), (4, 5), (u32::MAX, 5)] {
        assert_eq!(guest.install_at(from, to), Err(Errno::EBADF), "{from} to {to}");
    }
    // A number below the reserved ones is never given by itself, also when it is free again.
    guest.close(3).unwrap();
    assert!(guest.socket(Domain::Inet, Kind::Stream).unwrap() >= RESERVED);
}

fn recv_nothing(guest: &mut GuestThread, fd: Fd) -> Result<Vec<u8>, Errno> {
    guest.set_nonblocking(fd, true)?;
    recv(guest, fd)
}

#[test]
fn the_limit_of_sockets_is_one_for_all_threads() {
    let (mut first, host) = guest(2);
    let mut second = first.guest().thread(host);
    let a = first.socket(Domain::Inet, Kind::Stream).unwrap();
    second.socket(Domain::Inet, Kind::Stream).unwrap();
    for guest in [&mut first, &mut second] {
        assert_eq!(guest.socket(Domain::Inet, Kind::Stream), Err(Errno::EMFILE));
    }
    second.close(a).unwrap();
    first.socket(Domain::Inet, Kind::Stream).unwrap();
}

#[test]
fn a_descriptor_number_that_is_reused_is_polled_as_the_new_one() {
    let (mut first, host) = guest(32);
    let mut second = first.guest().thread(host);
    // More than poll(2) is used for, so that the second thread keeps registrations.
    let pairs: Vec<_> = (0..8).map(|_| pair(&mut first)).collect();
    let poll = |guest: &mut GuestThread, fds: &[Fd]| {
        guest.poll_begin();
        for (token, fd) in (0..).zip(fds) {
            guest.poll_add(token, *fd, Ready::READ).unwrap();
        }
        guest.poll_wait(Some(std::time::Duration::ZERO)).unwrap();
        guest.poll_events().map(|event| event.token).collect::<Vec<_>>()
    };
    let servers: Vec<Fd> = pairs.iter().map(|pair| pair.1).collect();
    assert_eq!(poll(&mut second, &servers), Vec::<u32>::new());
    // The first thread replaces a connection; the kernel gives the same numbers again.
    let (client, server) = pairs[7];
    first.close(server).unwrap();
    first.close(client).unwrap();
    let (client, server) = pair(&mut first);
    let mut servers = servers;
    servers[7] = server;
    assert_eq!(poll(&mut second, &servers), Vec::<u32>::new());
    send(&mut first, client, b"x").unwrap();
    assert_eq!(poll(&mut second, &servers), vec![7]);
}

#[test]
fn a_descriptor_that_was_looked_up_is_polled_and_read_as_what_it_was() {
    let (mut first, host) = guest(32);
    let mut second = first.guest().thread(host);
    let (client, server) = pair(&mut first);
    let held = first.look_up(server).unwrap();
    assert_eq!(held.number(), server);
    assert!(held.is_same_open_file(&second.look_up(server).unwrap()));
    // Another thread makes the number, which is the lowest free one then, another socket's, which has data.
    let _below = second.socket(Domain::Inet, Kind::Stream).unwrap();
    second.close(server).unwrap();
    let (other, far) = second.socket_pair(Kind::Stream).unwrap();
    assert_eq!(other, server);
    send(&mut second, far, b"other").unwrap();
    assert!(!held.is_same_open_file(&second.look_up(server).unwrap()));
    let poll = |first: &mut GuestThread| {
        first.poll_begin();
        first.poll_add(5, &held, Ready::READ).unwrap();
        first.poll_wait(Some(std::time::Duration::ZERO)).unwrap();
        first.poll_events().map(|event| event.token).collect::<Vec<_>>()
    };
    assert_eq!(poll(&mut first), Vec::<u32>::new());
    send(&mut second, client, b"own").unwrap();
    assert_eq!(poll(&mut first), vec![5]);
    let mut buffer = [0; 8];
    let received = first.recv(&held, &mut [IoSliceMut::new(&mut buffer)], RecvFlags::empty());
    assert_eq!((received.unwrap().len, &buffer[..3]), (3, &b"own"[..]));
}

#[test]
fn an_eventfd_without_a_number_wakes_a_thread_from_another_one() {
    let (mut first, host) = guest(2);
    let mut second = first.guest().thread(host);
    let before = first.open_descriptors();
    let event = first.unnumbered_eventfd().unwrap();
    let read = |guest: &mut GuestThread| guest.read(&event, &mut [IoSliceMut::new(&mut [0; 8])]);
    assert_eq!(read(&mut first), Err(Errno::EAGAIN));
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..2 {
                second
                    .write(&event, &mut [IoSlice::new(&1_u64.to_ne_bytes())])
                    .unwrap();
            }
        });
        first.poll_begin();
        first.poll_add(0, &event, Ready::READ).unwrap();
        first.poll_wait(None).unwrap();
        assert_eq!(first.poll_events().count(), 1);
    });
    assert_eq!(read(&mut first), Ok(8));
    assert_eq!(read(&mut first), Err(Errno::EAGAIN));
    assert_eq!(first.open_descriptors(), before);
    assert_eq!(first.read(Fd::MAX, &mut []), Err(Errno::EBADF));
}
