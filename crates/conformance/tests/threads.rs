//! Guests of several threads: a limit holds for all of them together, and a number that another thread changes in the
//! middle of a call changes nothing for the call.

use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use guestnet_core::limits::Limits;
use guestnet_core::policy::{PolicyBuilder, Use};
use guestnet_core::{
    Capacity, Domain, Errno, Fd, Guest, Kind, OpenFile, OptValue, RecvFlags, SendFlags, SharedGuestThread,
    SockOpt,
};
use guestnet_host_os::OsHost;

type GuestThread = SharedGuestThread<OsHost, u32>;

/// Numbers below it are placed by the tests.
const RESERVED: Fd = 16;

/// How long something is tried that must never come to pass.
const TRIES: usize = 20_000;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(60);

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn host() -> OsHost {
    OsHost::new().expect("an eventfd can be opened")
}

fn guest(limits: Limits, denied: &[(Use, String)]) -> GuestThread {
    let mut builder = PolicyBuilder::new();
    builder.allow_net().limits(limits);
    for (usage, rule) in denied {
        builder.deny(*usage, rule).expect("a rule");
    }
    Guest::new(Arc::new(builder.build()), Capacity::default(), RESERVED).thread(host())
}

fn total(bytes: u64) -> Limits {
    Limits {
        bytes_total: Some(bytes),
        ..Limits::default()
    }
}

/// A listener that reads all connections to their ends and counts the bytes.
fn sink(connections: usize) -> (SocketAddr, thread::JoinHandle<usize>) {
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let addr = listener.local_addr().unwrap();
    let counting = thread::spawn(move || {
        let readers: Vec<_> = (0..connections)
            .map(|_| {
                let (mut stream, _) = listener.accept().unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                thread::spawn(move || {
                    let mut count = 0;
                    let mut buffer = vec![0; 65_536];
                    loop {
                        match stream.read(&mut buffer).unwrap() {
                            0 => return count,
                            more => count += more,
                        }
                    }
                })
            })
            .collect();
        readers.into_iter().map(|reader| reader.join().unwrap()).sum()
    });
    (addr, counting)
}

/// Puts the descriptor `of` at number `at` as well.
fn put(guest: &mut GuestThread, of: Fd, at: Fd) {
    let copy = guest.dup(of).unwrap();
    guest.install_at(copy, at).unwrap();
}

/// While another thread puts `one` and `other` at number 3 in turn, calls `act` often, until it says that it is enough.
fn swapping(guest: &mut GuestThread, one: Fd, other: Fd, mut act: impl FnMut(&mut GuestThread) -> bool) {
    put(guest, one, 3);
    let done = AtomicBool::new(false);
    let swaps = AtomicUsize::new(0);
    let mut swapper = guest.guest().thread(host());
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                put(&mut swapper, other, 3);
                put(&mut swapper, one, 3);
                swaps.fetch_add(1, Ordering::Relaxed);
            }
        });
        let (mut tries, began) = (0, Instant::now());
        // Both threads must have had their turns.
        while (tries < TRIES || swaps.load(Ordering::Relaxed) < TRIES) && began.elapsed() < PATIENCE {
            tries += 1;
            if act(guest) {
                break;
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    guest.close(3).unwrap();
}

#[test]
fn a29_a_number_that_is_swapped_during_sends_sends_no_byte_uncounted() {
    let mut guest = guest(total(1000), &[]);
    let (addr, counted) = sink(1);
    let tcp = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.connect(tcp, &addr.into()).unwrap();
    guest.set_nonblocking(tcp, true).unwrap();
    let (unix, far) = guest.socket_pair(Kind::Stream).unwrap();
    for fd in [unix, far] {
        guest.set_nonblocking(fd, true).unwrap();
    }
    let data = [7; 4096];
    let mut drained = [0; 4096];
    swapping(&mut guest, tcp, unix, |guest| {
        for _ in 0..4 {
            let _ = guest.write(3, &mut [IoSlice::new(&data)]);
            let _ = guest.send(3, &mut [IoSlice::new(&data)], SendFlags::empty());
            let bufs = &mut [IoSlice::new(&data)];
            let _ = guest.send_to(3, bufs, &addr.into(), SendFlags::empty());
            let _ = guest.send_message(3, &mut [IoSlice::new(&data)], None, &[], SendFlags::empty());
        }
        while guest
            .recv(far, &mut [IoSliceMut::new(&mut drained)], RecvFlags::empty())
            .is_ok()
        {}
        false
    });
    guest.close(tcp).unwrap();
    assert_eq!(counted.join().unwrap(), 1000);
}

#[test]
fn a29_a_number_that_is_swapped_during_receives_shows_no_byte_uncounted() {
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let addr = listener.local_addr().unwrap();
    let pouring = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let data = vec![9; 1 << 20];
        // It fails when the guest closes.
        while stream.write_all(&data).is_ok() {}
    });
    let mut guest = guest(total(1000), &[]);
    let tcp = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.connect(tcp, &addr.into()).unwrap();
    let (unix, far) = guest.socket_pair(Kind::Stream).unwrap();
    for fd in [tcp, unix, far] {
        guest.set_nonblocking(fd, true).unwrap();
    }
    let mut seen = 0;
    swapping(&mut guest, unix, tcp, |guest| {
        let _ = guest.write(far, &mut [IoSlice::new(&[7; 64])]);
        let mut buffer = [0; 4096];
        for call in 0..4 {
            let bufs = &mut [IoSliceMut::new(&mut buffer)];
            let none = RecvFlags::empty();
            let len = match call {
                0 => guest.read(3, bufs),
                1 => guest.recv(3, bufs, none).map(|received| received.len),
                2 => guest.recv_from(3, bufs, none).map(|(received, _)| received.len),
                _ => guest
                    .recv_message(3, bufs, 0, RecvFlags::WAITALL)
                    .map(|message| message.received.len),
            };
            let shown = buffer.get(..len.unwrap_or(0)).unwrap();
            seen += shown.iter().filter(|byte| **byte == 9).count();
        }
        false
    });
    guest.close(tcp).unwrap();
    pouring.join().unwrap();
    assert_eq!(seen, 1000);
}

#[test]
fn a29_a_datagram_that_must_be_judged_is_judged_whatever_its_number_meant_before() {
    let refused = UdpSocket::bind(LOOPBACK).unwrap();
    let rule = format!("udp://{}", refused.local_addr().unwrap());
    let mut guest = guest(Limits::default(), &[(Use::Accept, rule)]);
    let udp = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
    guest.bind(udp, &LOOPBACK.into()).unwrap();
    let addr = guest.local_addr(udp).unwrap().inet().unwrap();
    let (unix, far) = guest.socket_pair(Kind::Stream).unwrap();
    for fd in [unix, udp, far] {
        guest.set_nonblocking(fd, true).unwrap();
    }
    swapping(&mut guest, unix, udp, |guest| {
        let _ = guest.write(far, &mut [IoSlice::new(&[7; 16])]);
        refused.send_to(&[9; 16], addr).unwrap();
        for flags in [RecvFlags::WAITALL, RecvFlags::PEEK, RecvFlags::empty()] {
            let mut buffer = [0; 64];
            let bufs = &mut [IoSliceMut::new(&mut buffer)];
            let _ = guest.recv_message(3, bufs, 0, flags);
            let bufs = &mut [IoSliceMut::new(&mut buffer)];
            let _ = guest.recv_from(3, bufs, flags);
            assert!(
                !buffer.contains(&9),
                "a refused datagram is in the guest's memory"
            );
        }
        false
    });
}

#[test]
fn a29_a_socket_that_is_bound_while_a_thread_waits_on_it_receives_from_no_refused_sender() {
    let refused = UdpSocket::bind(LOOPBACK).unwrap();
    let allowed = UdpSocket::bind(LOOPBACK).unwrap();
    let rule = format!("udp://{}", refused.local_addr().unwrap());
    let mut guest = guest(Limits::default(), &[(Use::Accept, rule)]);
    let udp = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
    let mut binder = guest.guest().thread(host());
    thread::scope(|scope| {
        let waiting = scope.spawn(move || {
            let mut buffer = [0; 64];
            let bufs = &mut [IoSliceMut::new(&mut buffer)];
            let received = guest.recv_from(udp, bufs, RecvFlags::empty());
            (received.unwrap().1, buffer)
        });
        binder.bind(udp, &LOOPBACK.into()).unwrap();
        let addr = binder.local_addr(udp).unwrap().inet().unwrap();
        refused.send_to(&[9; 16], addr).unwrap();
        allowed.send_to(&[7; 16], addr).unwrap();
        let (from, buffer) = waiting.join().unwrap();
        assert_eq!(from, allowed.local_addr().unwrap().into());
        assert!(!buffer.contains(&9));
    });
}

#[test]
fn a30_threads_together_send_the_total_and_know_what_arrived() {
    const THREADS: usize = 12;
    let guest = guest(total(1 << 20), &[]);
    let (addr, counted) = sink(THREADS);
    let sent: usize = thread::scope(|scope| {
        let senders: Vec<_> = (0..THREADS)
            .map(|_| {
                let mut guest = guest.guest().thread(host());
                scope.spawn(move || {
                    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
                    guest.connect(fd, &addr.into()).unwrap();
                    let data = vec![7; 1 << 20];
                    let mut sent = 0;
                    let ended = loop {
                        match guest.send(fd, &mut [IoSlice::new(&data)], SendFlags::empty()) {
                            Ok(count) => sent += count,
                            Err(errno) => break errno,
                        }
                    };
                    assert_eq!(ended, Errno::ENOBUFS);
                    guest.close(fd).unwrap();
                    sent
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    assert_eq!((sent, counted.join().unwrap()), (1 << 20, 1 << 20));
    assert_eq!(guest.open_descriptors(), []);
}

#[test]
fn a30_threads_together_see_the_total_and_one_datagram_at_most() {
    const THREADS: usize = 8;
    const LEN: usize = 10_000;
    let guest = guest(total(50_000), &[]);
    let seen: usize = thread::scope(|scope| {
        let receivers: Vec<_> = (0..THREADS)
            .map(|_| {
                let mut guest = guest.guest().thread(host());
                scope.spawn(move || {
                    let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
                    guest.bind(fd, &LOOPBACK.into()).unwrap();
                    let addr = guest.local_addr(fd).unwrap().inet().unwrap();
                    let peer = UdpSocket::bind(LOOPBACK).unwrap();
                    let mut seen = 0;
                    loop {
                        peer.send_to(&[7; LEN], addr).unwrap();
                        let mut buffer = vec![0; LEN];
                        let bufs = &mut [IoSliceMut::new(&mut buffer)];
                        match guest.recv(fd, bufs, RecvFlags::empty()) {
                            Ok(received) => seen += received.len,
                            Err(errno) => {
                                assert_eq!(errno, Errno::ENOBUFS);
                                return seen;
                            }
                        }
                    }
                })
            })
            .collect();
        receivers
            .into_iter()
            .map(|receiver| receiver.join().unwrap())
            .sum()
    });
    assert!((50_000..50_000 + LEN).contains(&seen), "{seen}");
}

#[test]
fn a28_threads_that_peek_and_take_one_socket_see_no_more_than_the_total() {
    let guest = guest(total(100_000), &[]);
    let mut main = guest.guest().thread(host());
    let fd = main.socket(Domain::Inet, Kind::Datagram).unwrap();
    main.bind(fd, &LOOPBACK.into()).unwrap();
    main.set_option(
        fd,
        SockOpt::RcvTimeo,
        OptValue::Time(Some(Duration::from_millis(1))),
    )
    .unwrap();
    let addr = main.local_addr(fd).unwrap().inet().unwrap();
    let done = AtomicBool::new(false);
    let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            let peer = UdpSocket::bind(LOOPBACK).unwrap();
            for number in 0_u64.. {
                if done.load(Ordering::Relaxed) {
                    return;
                }
                let mut datagram = [0; 1000];
                datagram[..8].copy_from_slice(&number.to_le_bytes());
                peer.send_to(&datagram, addr).unwrap();
            }
        });
        let threads: Vec<_> = [
            RecvFlags::PEEK,
            RecvFlags::empty(),
            RecvFlags::PEEK,
            RecvFlags::empty(),
        ]
        .into_iter()
        .map(|flags| {
            let mut guest = guest.guest().thread(host());
            let seen = &seen;
            scope.spawn(move || {
                loop {
                    let mut buffer = [0; 1000];
                    let bufs = &mut [IoSliceMut::new(&mut buffer)];
                    match guest.recv(fd, bufs, flags) {
                        Ok(_) => {
                            let number = u64::from_le_bytes(buffer[..8].try_into().unwrap());
                            seen.lock().unwrap().insert(number);
                        }
                        Err(Errno::EAGAIN) => {}
                        Err(errno) => {
                            assert_eq!(errno, Errno::ENOBUFS);
                            return;
                        }
                    }
                }
            })
        })
        .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    let seen = seen.lock().unwrap().len();
    assert!(seen <= 100, "{seen} datagrams of 1000 bytes");
}

#[test]
fn a28_messages_count_as_other_receives_do() {
    let mut guest = guest(total(1000), &[]);
    let udp = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
    guest.bind(udp, &LOOPBACK.into()).unwrap();
    let peer = UdpSocket::bind(LOOPBACK).unwrap();
    peer.connect(guest.local_addr(udp).unwrap().inet().unwrap())
        .unwrap();
    let message = |guest: &mut GuestThread, fd, room: usize, flags| {
        let mut buffer = vec![0; room];
        let bufs = &mut [IoSliceMut::new(&mut buffer)];
        let message = guest.recv_message(fd, bufs, 0, flags)?;
        Ok((message.received.len, message.received.truncated))
    };
    peer.send(&[7; 300]).unwrap();
    assert_eq!(message(&mut guest, udp, 100, RecvFlags::PEEK), Ok((100, true)));
    assert_eq!(message(&mut guest, udp, 0, RecvFlags::empty()), Ok((0, true)));
    let bufs = &mut [IoSlice::new(&[7; 300])];
    let to = peer.local_addr().unwrap().into();
    assert_eq!(
        guest.send_message(udp, bufs, Some(&to), &[], SendFlags::empty()),
        Ok(300)
    );
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let tcp = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest
        .connect(tcp, &listener.local_addr().unwrap().into())
        .unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(&[7; 500]).unwrap();
    assert_eq!(
        message(&mut guest, tcp, 300, RecvFlags::WAITALL),
        Ok((300, false))
    );
    assert_eq!(
        message(&mut guest, tcp, 300, RecvFlags::WAITALL),
        Ok((100, false))
    );
    assert_eq!(
        message(&mut guest, tcp, 300, RecvFlags::WAITALL),
        Err(Errno::ENOBUFS)
    );
    let bufs = &mut [IoSlice::new(&[7; 1])];
    assert_eq!(
        guest.send_message(udp, bufs, Some(&to), &[], SendFlags::empty()),
        Err(Errno::ENOBUFS)
    );
    assert!(matches!(&*guest.open_file(udp).unwrap(), OpenFile::Socket(_)));
}
