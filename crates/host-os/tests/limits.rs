//! The limits of a policy, on the kernel's sockets.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use guestnet_core::limits::Limits;
use guestnet_core::policy::PolicyBuilder;
use guestnet_core::{Capacity, Domain, Errno, Fd, GuestThread, Kind, RecvFlags, SendFlags};
use guestnet_host_os::OsHost;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

fn guest(limits: Limits) -> GuestThread<OsHost, ()> {
    let mut policy = PolicyBuilder::new();
    policy.allow_net().limits(limits);
    GuestThread::new(
        OsHost::new().unwrap(),
        Arc::new(policy.build()),
        Capacity::default(),
    )
}

fn connected(guest: &mut GuestThread<OsHost, ()>) -> (Fd, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.connect(fd, &listener.local_addr().unwrap().into()).unwrap();
    (fd, listener.accept().unwrap().0)
}

fn send(guest: &mut GuestThread<OsHost, ()>, fd: Fd, bytes: &[u8]) -> Result<usize, Errno> {
    guest.send(fd, &mut [IoSlice::new(bytes)], SendFlags::empty())
}

fn recv(guest: &mut GuestThread<OsHost, ()>, fd: Fd, room: usize) -> Result<usize, Errno> {
    let mut buffer = vec![0; room];
    let received = guest.recv(fd, &mut [IoSliceMut::new(&mut buffer)], RecvFlags::empty())?;
    Ok(received.len)
}

#[test]
fn above_the_total_it_is_enobufs_in_both_directions() {
    let mut guest = guest(Limits {
        bytes_total: Some(1000),
        ..Limits::default()
    });
    let (fd, mut peer) = connected(&mut guest);
    assert_eq!(send(&mut guest, fd, &[7; 600]), Ok(600));
    peer.write_all(&[8; 300]).unwrap();
    assert_eq!(recv(&mut guest, fd, 300), Ok(300));
    // What is left is sent, and send(2) returns how much that was.
    assert_eq!(send(&mut guest, fd, &[7; 600]), Ok(100));
    assert_eq!(send(&mut guest, fd, &[7]), Err(Errno::ENOBUFS));
    assert_eq!(recv(&mut guest, fd, 1), Err(Errno::ENOBUFS));
    let mut all = [0; 700];
    peer.read_exact(&mut all).unwrap();
}

#[test]
fn a_datagram_goes_whole_or_not_at_all() {
    let mut guest = guest(Limits {
        bytes_total: Some(100),
        ..Limits::default()
    });
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
    let to = peer.local_addr().unwrap().into();
    let mut datagram = |len: usize| {
        let bytes = vec![0; len];
        guest.send_to(fd, &mut [IoSlice::new(&bytes)], &to, SendFlags::empty())
    };
    assert_eq!(datagram(101), Err(Errno::ENOBUFS));
    assert_eq!(datagram(100), Ok(100));
    assert_eq!(datagram(1), Err(Errno::ENOBUFS));
}

#[test]
fn a_blocking_stream_is_slowed_down_to_its_rate() {
    let mut guest = guest(Limits {
        bytes_per_second: Some(40_000),
        ..Limits::default()
    });
    let (fd, mut peer) = connected(&mut guest);
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        peer.read_to_end(&mut bytes).unwrap();
        bytes.len()
    });
    let start = Instant::now();
    // 16,384 are saved up, the other 20,000 come with time.
    assert_eq!(send(&mut guest, fd, &[1; 36_384]), Ok(36_384));
    assert!(start.elapsed().as_millis() >= 450, "{:?}", start.elapsed());
    guest.close(fd).unwrap();
    assert_eq!(reader.join().unwrap(), 36_384);
}

#[test]
fn a_stream_that_does_not_block_moves_no_more_than_its_rate() {
    const RATE: u64 = 10_000;
    let mut guest = guest(Limits {
        bytes_per_second: Some(RATE),
        ..Limits::default()
    });
    let (fd, _peer) = connected(&mut guest);
    guest.set_nonblocking(fd, true).unwrap();
    let start = Instant::now();
    let mut sent = 0;
    let mut held = 0;
    while held < 20 {
        match send(&mut guest, fd, &[1; 4000]) {
            Ok(count) => {
                sent += u64::try_from(count).unwrap();
                held += 1;
            }
            Err(Errno::EAGAIN) => held += 1,
            Err(errno) => panic!("{errno}"),
        }
    }
    let earned = RATE * u64::try_from(start.elapsed().as_micros()).unwrap() / 1_000_000;
    assert!(sent <= RATE + earned + 1, "{sent} bytes, {earned} earned");
}

/// How many of 8 connections to a guest that accepts none are made. Loopback makes a connection before connect returns.
fn made(limits: Limits, backlog: i32) -> usize {
    let mut guest = guest(limits);
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest
        .bind(fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .unwrap();
    guest.listen(fd, backlog).unwrap();
    let to = guest.local_addr(fd).unwrap().inet().unwrap();
    let clients = [(); 8].map(|()| {
        let (family, flags) = (AddressFamily::INET, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC);
        let client = rustix::net::socket_with(family, SocketType::STREAM, flags, None).unwrap();
        assert_eq!(
            rustix::net::connect(&client, &to),
            Err(rustix::io::Errno::INPROGRESS)
        );
        client
    });
    let connected = clients
        .iter()
        .filter(|client| matches!(rustix::net::getpeername(client), Ok(Some(_))));
    connected.count()
}

#[test]
fn a_backlog_is_cut_to_the_limit_of_pending_connections() {
    let limited = || Limits {
        pending: 2,
        ..Limits::default()
    };
    // Linux lets one more connection wait than the backlog says.
    assert_eq!(made(limited(), 100), 3);
    assert_eq!(made(limited(), -1), 3);
    assert_eq!(made(limited(), 1), 2);
    assert_eq!(made(Limits::default(), 100), 8);
}

#[test]
fn without_limits_nothing_is_counted() {
    let mut guest = guest(Limits::default());
    let (fd, mut peer) = connected(&mut guest);
    let reader = thread::spawn(move || {
        let mut bytes = vec![0; 1 << 20];
        peer.read_exact(&mut bytes).unwrap();
    });
    assert_eq!(send(&mut guest, fd, &vec![1; 1 << 20]), Ok(1 << 20));
    reader.join().unwrap();
}
