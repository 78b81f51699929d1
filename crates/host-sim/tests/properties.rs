//! Properties of the core's blocking and readiness, on a network in virtual time, for many seeds.
//!
//! Each run is the same for the same seed. One that fails names it: `GUESTNET_SIM_SEED=…` runs that seed alone.

use std::fmt::Write as _;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guestnet_core::policy::Policy;
use guestnet_core::{
    Capacity, Clock, Domain, Errno, Fd, GuestThread, Host, Kind, OptValue, Ready, RecvFlags, Result,
    SendFlags, Shutdown, SockAddr, SockOpt,
};
use guestnet_host_sim::{Chance, Faults, Io, Network, SimHost};

type Guest = GuestThread<SimHost, ()>;

/// How many seeds each property is shown for.
const SEEDS: u64 = 100;

const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn for_seeds(property: fn(&mut Numbers)) {
    let seeds = match std::env::var("GUESTNET_SIM_SEED") {
        Ok(seed) => {
            let seed: u64 = seed.parse().expect("GUESTNET_SIM_SEED is a number");
            seed..=seed
        }
        Err(_) => 0..=SEEDS - 1,
    };
    for seed in seeds {
        if catch_unwind(|| property(&mut Numbers(seed))).is_err() {
            panic!("run again with GUESTNET_SIM_SEED={seed}");
        }
    }
}

/// Pseudo-random numbers (xorshift64*).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        let mut state = self.0.wrapping_mul(2).wrapping_add(0x2545_f491_4f6c_dd1d);
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        self.0 = state;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn size(&mut self, end: usize) -> usize {
        usize::try_from(self.below(u64::try_from(end).unwrap())).unwrap()
    }

    fn micros(&mut self, end: u64) -> Duration {
        Duration::from_micros(self.below(end))
    }

    fn happens(&mut self) -> bool {
        self.below(2) == 0
    }

    fn delay(&mut self) -> Faults {
        Faults {
            delay: Duration::ZERO..self.micros(3000),
            ..Faults::default()
        }
    }

    fn network(&mut self, faults: Faults) -> Network {
        Network::new(self.next(), faults)
    }
}

fn guest(network: &Network) -> Guest {
    GuestThread::new(network.host(), Arc::new(Policy::allow_all()), Capacity::default())
}

fn tcp(guest: &mut Guest) -> Fd {
    guest.socket(Domain::Inet, Kind::Stream).unwrap()
}

fn listener(guest: &mut Guest, backlog: i32) -> (Fd, SockAddr) {
    let fd = tcp(guest);
    guest.bind(fd, &LOOPBACK.into()).unwrap();
    guest.listen(fd, backlog).unwrap();
    (fd, guest.local_addr(fd).unwrap())
}

fn clock(guest: &Guest) -> Duration {
    guest.now(Clock::Monotonic)
}

fn set_limit(guest: &mut Guest, fd: Fd, option: SockOpt, limit: Duration) {
    guest.set_option(fd, option, OptValue::Time(Some(limit))).unwrap();
}

fn recv(guest: &mut Guest, fd: Fd, room: usize, flags: RecvFlags) -> Result<Vec<u8>> {
    let mut buffer = vec![0; room];
    // In two buffers, so that pieces go across.
    let (front, back) = buffer.split_at_mut(room / 3);
    let bufs = &mut [IoSliceMut::new(front), IoSliceMut::new(back)];
    let received = guest.recv(fd, bufs, flags)?;
    buffer.truncate(received.len);
    Ok(buffer)
}

fn send(guest: &mut Guest, fd: Fd, data: &[u8], flags: SendFlags) -> Result<usize> {
    let (front, back) = data.split_at(data.len() / 3);
    guest.send(fd, &mut [IoSlice::new(front), IoSlice::new(back)], flags)
}

/// What is ready now.
fn poll(guest: &mut Guest, fd: Fd, want: Ready) -> Ready {
    guest.poll_begin();
    guest.poll_add(0, fd, want).unwrap();
    guest.poll_wait(Some(Duration::ZERO)).unwrap();
    guest
        .poll_events()
        .next()
        .map_or(Ready::empty(), |event| event.ready)
}

fn sleep(guest: &mut Guest, time: Duration) {
    guest.poll_begin();
    guest.poll_wait(Some(time)).unwrap();
}

/// Bytes in which a lost or doubled piece shows.
fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|index| u8::try_from(index * 31 % 251).unwrap())
        .collect()
}

/// A peer that a script of timed actions drives.
struct Peer {
    network: Network,
    host: Mutex<SimHost>,
    io: Io,
    /// What it received, and whether that was everything.
    received: Mutex<(Vec<u8>, bool)>,
    numbers: Mutex<Numbers>,
}

/// A connection of a guest to a scripted peer.
fn connection(numbers: &mut Numbers, network: &Network) -> (Guest, Fd, Arc<Peer>) {
    let mut host = network.host();
    let io = host.socket(Domain::Inet, Kind::Stream).unwrap();
    host.bind(&io, LOOPBACK).unwrap();
    host.listen(&io, 1).unwrap();
    let addr = host.local_addr(&io).unwrap();
    let mut guest = guest(network);
    let fd = tcp(&mut guest);
    guest.connect(fd, &addr).unwrap();
    let (io, _) = host.accept(&io).unwrap();
    let peer = Peer {
        network: network.clone(),
        host: Mutex::new(host),
        io,
        received: Mutex::default(),
        numbers: Mutex::new(Numbers(numbers.next())),
    };
    (guest, fd, Arc::new(peer))
}

impl Peer {
    fn later(self: &Arc<Self>, act: impl FnOnce(&Arc<Peer>) + Send + 'static) {
        let time = self.numbers.lock().unwrap().micros(2000);
        let peer = Arc::clone(self);
        self.network.after(time, move || act(&peer));
    }

    /// Receives now and then, until the stream ends.
    fn read_on(self: &Arc<Self>) {
        let room = 1 + self.numbers.lock().unwrap().size(60_000);
        let mut buffer = vec![0; room];
        let outcome =
            self.host
                .lock()
                .unwrap()
                .recv(&self.io, &mut [IoSliceMut::new(&mut buffer)], RecvFlags::empty());
        let mut received = self.received.lock().unwrap();
        match outcome {
            Ok(piece) if piece.len == 0 => {
                received.1 = true;
                return;
            }
            Ok(piece) => received.0.extend_from_slice(&buffer[..piece.len]),
            Err(Errno::EAGAIN) => {}
            Err(Errno::ECONNRESET | Errno::EPIPE) => {
                received.1 = true;
                return;
            }
            Err(errno) => panic!("{errno}"),
        }
        self.later(Peer::read_on);
    }

    /// Sends now and then, until everything is sent, and closes its direction.
    fn write_on(self: &Arc<Self>, data: Vec<u8>) {
        let len = (1 + self.numbers.lock().unwrap().size(30_000)).min(data.len());
        let mut host = self.host.lock().unwrap();
        if len == 0 {
            host.shutdown(&self.io, Shutdown::Write).unwrap();
            return;
        }
        let sent = match host.send(&self.io, &[IoSlice::new(&data[..len])], SendFlags::empty()) {
            Err(Errno::EAGAIN) => 0,
            outcome => outcome.unwrap(),
        };
        drop(host);
        let rest = data[sent..].to_vec();
        self.later(move |peer| peer.write_on(rest));
    }
}

/// Everything that leaves a connection whole.
fn nuisances(numbers: &mut Numbers) -> Faults {
    Faults {
        short: Chance(300),
        again: Chance(200),
        interrupt: Chance(100),
        ..numbers.delay()
    }
}

/// A guest sends, blocking, what a peer receives now and then. Gives the calls with their times.
fn upload(numbers: &mut Numbers) -> String {
    let network = numbers.network(Faults::default());
    let (mut guest, fd, peer) = connection(numbers, &network);
    network.set_faults(nuisances(numbers));
    let data = pattern(100_000 + numbers.size(300_000));
    peer.read_on();
    let (mut sent, mut log) = (0, String::new());
    while sent < data.len() {
        let len = (1 + numbers.size(200_000)).min(data.len() - sent);
        let outcome = send(&mut guest, fd, &data[sent..sent + len], SendFlags::empty());
        writeln!(log, "{:?} {outcome:?} of {len}", clock(&guest)).unwrap();
        match outcome {
            Ok(count) => {
                assert!(0 < count && count <= len);
                sent += count;
            }
            // Stopped, and it goes on: nothing of this call may have been sent.
            Err(errno) => assert_eq!(errno, Errno::EINTR),
        }
    }
    guest.close(fd).unwrap();
    network.set_faults(Faults::default());
    while !peer.received.lock().unwrap().1 {
        sleep(&mut guest, Duration::from_millis(1));
    }
    assert!(
        peer.received.lock().unwrap().0 == data,
        "a byte was lost or doubled"
    );
    log
}

#[test]
fn a_blocking_send_loses_and_doubles_no_byte() {
    for_seeds(|numbers| drop(upload(numbers)));
}

#[test]
fn a_seed_gives_the_same_run_again() {
    for_seeds(|numbers| {
        let seed = numbers.next();
        assert_eq!(upload(&mut Numbers(seed)), upload(&mut Numbers(seed)));
    });
}

#[test]
fn a_blocking_receive_loses_and_doubles_no_byte() {
    for_seeds(|numbers| {
        let network = numbers.network(Faults::default());
        let (mut guest, fd, peer) = connection(numbers, &network);
        network.set_faults(nuisances(numbers));
        let data = pattern(50_000 + numbers.size(200_000));
        peer.write_on(data.clone());
        let mut received = Vec::new();
        loop {
            if numbers.below(4) == 0 {
                let mark = i32::try_from(1 + numbers.below(5000)).unwrap();
                guest
                    .set_option(fd, SockOpt::RcvLowat, OptValue::Int(mark))
                    .unwrap();
            }
            let mut flags = RecvFlags::empty();
            flags.set(RecvFlags::PEEK, numbers.below(4) == 0);
            flags.set(RecvFlags::WAITALL, numbers.below(4) == 0);
            let room = 1 + numbers.size(20_000);
            let rest = &data[received.len()..];
            match recv(&mut guest, fd, room, flags) {
                Ok(piece) => {
                    assert!(rest.starts_with(&piece), "a byte was lost or doubled");
                    if piece.is_empty() {
                        assert!(rest.is_empty(), "the stream ended early");
                        break;
                    }
                    if !flags.contains(RecvFlags::PEEK) {
                        received.extend(piece);
                    }
                }
                Err(errno) => assert_eq!(errno, Errno::EINTR),
            }
        }
    });
}

#[test]
fn after_a_reset_what_arrived_is_a_beginning_of_what_was_sent() {
    for_seeds(|numbers| {
        let network = numbers.network(Faults::default());
        let (mut guest, fd, peer) = connection(numbers, &network);
        network.set_faults(Faults {
            reset: Chance(300),
            ..nuisances(numbers)
        });
        peer.read_on();
        let data = pattern(1_000_000);
        let mut sent = 0;
        let errno = loop {
            let len = (1 + numbers.size(50_000)).min(data.len() - sent);
            match send(&mut guest, fd, &data[sent..sent + len], SendFlags::empty()) {
                Ok(count) => sent += count,
                Err(Errno::EINTR) => {}
                Err(errno) => break errno,
            }
            assert!(sent < data.len(), "it was not reset");
        };
        // It is reported once; then nothing can be sent, and the stream is at its end.
        assert!(matches!(errno, Errno::ECONNRESET | Errno::EPIPE), "{errno}");
        network.set_faults(Faults::default());
        assert_eq!(guest.option(fd, SockOpt::Error), Ok(OptValue::Error(None)));
        assert_eq!(send(&mut guest, fd, b"x", SendFlags::empty()), Err(Errno::EPIPE));
        assert_eq!(recv(&mut guest, fd, 8, RecvFlags::empty()), Ok(Vec::new()));
        while !peer.received.lock().unwrap().1 {
            sleep(&mut guest, Duration::from_millis(1));
        }
        assert!(data.starts_with(&peer.received.lock().unwrap().0));
    });
}

#[test]
fn a_receive_ends_exactly_when_data_comes_or_its_limit_is_over() {
    for_seeds(|numbers| {
        let network = numbers.network(Faults::default());
        let (mut guest, fd, peer) = connection(numbers, &network);
        for _ in 0..10 {
            let limit = Duration::from_micros(1) + numbers.micros(2000);
            let comes = Duration::from_micros(1) + numbers.micros(3000);
            set_limit(&mut guest, fd, SockOpt::RcvTimeo, limit);
            let began = clock(&guest);
            let sender = Arc::clone(&peer);
            network.after(comes, move || {
                let mut host = sender.host.lock().unwrap();
                host.send(&sender.io, &[IoSlice::new(b"x")], SendFlags::empty())
                    .unwrap();
            });
            let received = recv(&mut guest, fd, 8, RecvFlags::empty());
            let took = clock(&guest) - began;
            // At the same moment the data is there first.
            if comes <= limit {
                assert_eq!((received, took), (Ok(b"x".to_vec()), comes));
            } else {
                assert_eq!((received, took), (Err(Errno::EAGAIN), limit));
                set_limit(&mut guest, fd, SockOpt::RcvTimeo, Duration::from_secs(1));
                assert_eq!(recv(&mut guest, fd, 8, RecvFlags::empty()), Ok(b"x".to_vec()));
                assert_eq!(clock(&guest) - began, comes);
            }
        }
    });
}

#[test]
fn every_blocking_call_ends_exactly_at_its_limit() {
    for_seeds(|numbers| {
        let faults = Faults {
            short: Chance(300),
            ..Faults::default()
        };
        let network = numbers.network(faults);
        let (mut guest, fd, _peer) = connection(numbers, &network);
        let limit = Duration::from_micros(1) + numbers.micros(100_000);
        let ends = |guest: &mut Guest, call: &mut dyn FnMut(&mut Guest)| {
            let began = clock(guest);
            call(guest);
            assert_eq!(clock(guest) - began, limit);
        };
        let (listens, addr) = listener(&mut guest, 0);
        let udp = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
        guest.bind(udp, &LOOPBACK.into()).unwrap();
        for fd in [fd, listens, udp] {
            set_limit(&mut guest, fd, SockOpt::RcvTimeo, limit);
            set_limit(&mut guest, fd, SockOpt::SndTimeo, limit);
        }
        ends(&mut guest, &mut |guest| {
            assert_eq!(guest.accept(listens, false).unwrap_err(), Errno::EAGAIN);
        });
        for flags in [RecvFlags::empty(), RecvFlags::WAITALL, RecvFlags::PEEK] {
            for fd in [fd, udp] {
                ends(&mut guest, &mut |guest| {
                    assert_eq!(recv(guest, fd, 8, flags), Err(Errno::EAGAIN));
                });
            }
        }
        // What fits is sent before the limit; then nothing is.
        let data = vec![0; 1 << 20];
        ends(&mut guest, &mut |guest| {
            assert!(send(guest, fd, &data, SendFlags::empty()).unwrap() < data.len());
        });
        ends(&mut guest, &mut |guest| {
            assert_eq!(send(guest, fd, &data, SendFlags::empty()), Err(Errno::EAGAIN));
        });
        // One connection fills the backlog.
        let first = tcp(&mut guest);
        guest.connect(first, &addr).unwrap();
        let second = tcp(&mut guest);
        set_limit(&mut guest, second, SockOpt::SndTimeo, limit);
        for errno in [Errno::EINPROGRESS, Errno::EALREADY] {
            ends(&mut guest, &mut |guest| {
                assert_eq!(guest.connect(second, &addr), Err(errno));
            });
        }
        ends(&mut guest, &mut |guest| {
            guest.poll_begin();
            guest.poll_add(1, udp, Ready::READ).unwrap();
            guest.poll_wait(Some(limit)).unwrap();
            assert_eq!(guest.poll_events().count(), 0);
        });
    });
}

#[test]
fn a_refused_connect_ends_after_its_delay_with_one_error() {
    for_seeds(|numbers| {
        let delay = numbers.micros(5000);
        let network = numbers.network(Faults {
            refuse: Chance::ALWAYS,
            delay: delay..delay,
            ..Faults::default()
        });
        let mut guest = guest(&network);
        let (_listener, addr) = listener(&mut guest, 8);
        let fd = tcp(&mut guest);
        let began = clock(&guest);
        for _ in 0..3 {
            if numbers.happens() {
                let began = clock(&guest);
                assert_eq!(guest.connect(fd, &addr), Err(Errno::ECONNREFUSED));
                assert_eq!(clock(&guest) - began, delay);
            } else {
                let began = clock(&guest);
                assert_eq!(guest.try_connect(fd, &addr), Err(Errno::EINPROGRESS));
                guest.poll_begin();
                guest.poll_add(0, fd, Ready::WRITE).unwrap();
                guest.poll_wait(None).unwrap();
                assert!(
                    guest
                        .poll_events()
                        .all(|event| event.ready.contains(Ready::ERROR))
                );
                assert_eq!(clock(&guest) - began, delay);
                assert_eq!(
                    guest.option(fd, SockOpt::Error),
                    Ok(OptValue::Error(Some(Errno::ECONNREFUSED)))
                );
                // Linux: the error was taken, and the next connect says that the first was aborted.
                assert_eq!(guest.try_connect(fd, &addr), Err(Errno::ECONNABORTED));
            }
            assert_eq!(guest.option(fd, SockOpt::Error), Ok(OptValue::Error(None)));
        }
        network.set_faults(Faults::default());
        assert_eq!(guest.connect(fd, &addr), Ok(()));
        assert!(clock(&guest) - began >= delay * 3);
    });
}

#[test]
fn what_poll_reports_is_what_a_call_that_does_not_wait_finds() {
    for_seeds(|numbers| {
        let faults = Faults {
            short: Chance(300),
            loss: Chance(100),
            ..numbers.delay()
        };
        let network = numbers.network(faults);
        let mut guest = guest(&network);
        let (listens, to) = listener(&mut guest, 2);
        let mut udp = Vec::new();
        for _ in 0..2 {
            let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
            guest.bind(fd, &LOOPBACK.into()).unwrap();
            udp.push((fd, guest.local_addr(fd).unwrap()));
        }
        let mut streams = Vec::new();
        for _ in 0..150 {
            if streams.len() < 6 && numbers.below(5) == 0 {
                let fd = tcp(&mut guest);
                assert_eq!(guest.try_connect(fd, &to), Err(Errno::EINPROGRESS));
                streams.push(fd);
            }
            let time = numbers.micros(1000);
            sleep(&mut guest, time);
            let ready = poll(&mut guest, listens, Ready::READ);
            assert_eq!(poll(&mut guest, listens, Ready::READ), ready, "level-triggered");
            if numbers.happens() {
                let accepted = guest.try_accept(listens, true);
                assert_eq!(accepted.is_ok(), ready.contains(Ready::READ), "{accepted:?}");
                streams.extend(accepted.ok().map(|(fd, _)| fd));
            }
            let (_, other) = &udp[numbers.size(2)];
            let (fd, _) = udp[numbers.size(2)];
            let sent = guest.send_to(fd, &mut [IoSlice::new(b"datagram")], other, SendFlags::DONTWAIT);
            assert_eq!(sent, Ok(8));
            agrees(numbers, &mut guest, fd);
            if let Some(index) = (!streams.is_empty()).then(|| numbers.size(streams.len())) {
                let fd = streams[index];
                agrees(numbers, &mut guest, fd);
                match numbers.below(20) {
                    0 => {
                        guest.close(fd).unwrap();
                        streams.swap_remove(index);
                    }
                    1 => {
                        let how = [Shutdown::Read, Shutdown::Write, Shutdown::Both][numbers.size(3)];
                        guest
                            .shutdown(fd, how)
                            .or_else(|errno| {
                                if errno == Errno::ENOTCONN {
                                    Ok(())
                                } else {
                                    Err(errno)
                                }
                            })
                            .unwrap();
                    }
                    _ => {}
                }
            }
        }
    });
}

/// What a poll says of a descriptor and what the calls do is the same.
fn agrees(numbers: &mut Numbers, guest: &mut Guest, fd: Fd) {
    let ready = poll(guest, fd, Ready::READ | Ready::WRITE);
    assert_eq!(
        poll(guest, fd, Ready::READ | Ready::WRITE),
        ready,
        "level-triggered"
    );
    let peeked = recv(guest, fd, 16, RecvFlags::DONTWAIT | RecvFlags::PEEK);
    let waits = peeked == Err(Errno::EAGAIN);
    if ready.contains(Ready::READ) {
        assert!(!waits, "{ready:?}");
    } else if !ready.intersects(Ready::ALWAYS) {
        assert!(waits, "{ready:?}: {peeked:?}");
    }
    if numbers.happens() {
        let room = 1 + numbers.size(100_000);
        let taken = recv(guest, fd, room, RecvFlags::DONTWAIT);
        assert_eq!(taken == Err(Errno::EAGAIN), waits, "{peeked:?}, {taken:?}");
    }
    let is_stream = guest.option(fd, SockOpt::Type) == Ok(OptValue::Kind(Kind::Stream));
    if is_stream && numbers.happens() {
        let ready = poll(guest, fd, Ready::WRITE);
        let data = vec![7; 1 + numbers.size(150_000)];
        let sent = send(guest, fd, &data, SendFlags::DONTWAIT);
        let waits = sent == Err(Errno::EAGAIN);
        assert_eq!(waits, !ready.contains(Ready::WRITE), "{ready:?}: {sent:?}");
    }
}

#[test]
fn a_datagram_that_arrives_was_sent_and_arrives_once() {
    for_seeds(|numbers| {
        let faults = Faults {
            loss: Chance(200),
            again: Chance(200),
            ..numbers.delay()
        };
        let network = numbers.network(faults);
        let mut guest = guest(&network);
        let (one, two) = (
            guest.socket(Domain::Inet, Kind::Datagram).unwrap(),
            guest.socket(Domain::Inet, Kind::Datagram).unwrap(),
        );
        for fd in [one, two] {
            guest.bind(fd, &LOOPBACK.into()).unwrap();
            set_limit(&mut guest, fd, SockOpt::RcvTimeo, Duration::from_millis(20));
        }
        let (from, to) = (guest.local_addr(one).unwrap(), guest.local_addr(two).unwrap());
        for number in 0..100_u8 {
            let data = vec![number; usize::from(number)];
            let sent = guest.send_to(one, &mut [IoSlice::new(&data)], &to, SendFlags::empty());
            assert_eq!(sent, Ok(data.len()));
        }
        let mut arrived = Vec::new();
        let mut buffer = [0; 128];
        loop {
            let bufs = &mut [IoSliceMut::new(&mut buffer)];
            match guest.recv_from(two, bufs, RecvFlags::empty()) {
                Ok((received, sender)) => {
                    assert_eq!(sender, from);
                    let data = &buffer[..received.len];
                    assert!(data.iter().all(|&byte| usize::from(byte) == data.len()));
                    assert!(!arrived.contains(&data.len()), "it arrived twice");
                    arrived.push(data.len());
                }
                Err(errno) => {
                    assert_eq!(errno, Errno::EAGAIN);
                    break;
                }
            }
        }
        assert!((50..100).contains(&arrived.len()), "{}", arrived.len());
    });
}

#[test]
fn a_wait_that_nothing_can_end_is_edeadlk() {
    let network = Network::new(0, Faults::default());
    let mut guest = guest(&network);
    let (fd, _) = listener(&mut guest, 1);
    assert_eq!(guest.accept(fd, false).unwrap_err(), Errno::EDEADLK);
}

#[test]
fn the_reader_of_a_connection_in_flight_is_what_poll_waits_for() {
    // The clock moves to the arrival and no further.
    let delay = Duration::from_millis(7);
    let network = Network::new(
        0,
        Faults {
            delay: delay..delay,
            ..Faults::default()
        },
    );
    let mut guest = guest(&network);
    let (listens, to) = listener(&mut guest, 1);
    let fd = tcp(&mut guest);
    assert_eq!(guest.try_connect(fd, &to), Err(Errno::EINPROGRESS));
    let (server, _) = guest.accept(listens, false).unwrap();
    assert_eq!(clock(&guest), delay);
    guest
        .write(server, &mut [IoSlice::new(b"late")])
        .expect("there is room");
    assert_eq!(recv(&mut guest, fd, 8, RecvFlags::empty()), Ok(b"late".to_vec()));
    assert_eq!(clock(&guest), delay * 2);
}
