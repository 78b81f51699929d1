//! One kind of call, again and again, for a tool that counts instructions: `cargo xtask guard`.
//!
//! A guest's calls as an adapter makes them, through the core to the kernel's sockets, and those of Emscripten's adapter with a
//! program's memory. What happens in the kernel is not counted, and neither is what makes ready: only what runs below
//! [`measured`]. Each run of one path executes the same instructions, so that two builds can be compared to the percent on
//! a machine that is busy. Nothing here measures time.
#![expect(clippy::print_stdout, reason = "the answer")]
#![expect(clippy::expect_used, reason = "a call that fails makes the count worthless")]

mod emscripten;
mod script;

use std::hint::black_box;
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use guestnet_core::policy::{Policy, PolicyBuilder, Use};
use guestnet_core::{Capacity, Domain, Errno, Fd, GuestThread, Kind, Ready, RecvFlags, SendFlags, SockAddr};
use guestnet_host_os::OsHost;

type Guest = GuestThread<OsHost, ()>;

/// How often a path is run. The counts are divided by it.
const TIMES: usize = 1000;

/// A path's name, and what it does.
type Path = (&'static str, fn(Measure));

/// Those that are counted.
const PATHS: [Path; 12] = [
    ("tcp echo of 64 bytes, both ends", tcp_echo),
    ("tcp accept and close", tcp_accept),
    ("udp send of 64 bytes", udp_send),
    ("udp send of 64 bytes, 100 rules", udp_send_judged),
    ("udp send that 100 rules deny", udp_send_denied),
    ("udp receive of 64 bytes", udp_receive),
    ("udp receive of 64 bytes, 100 rules", udp_receive_judged),
    ("emscripten: sendto and recvfrom of 64 bytes", emscripten::echo),
    ("script: sendto and recvfrom of 64 bytes", script::datagrams),
    (
        "script: send of 64 bytes and a receive that waits",
        script::stream,
    ),
    ("poll of 1 ready socket", poll_one),
    ("poll of 1000 idle sockets and 1 that is ready", poll_many),
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (wanted, planted) = (arguments.next(), arguments.next());
    let planted = planted.map_or(Ok(0), |planted| planted.parse());
    match (
        PATHS.iter().find(|(name, _)| wanted.as_deref() == Some(name)),
        planted,
    ) {
        (Some((_, run)), Ok(planted)) => {
            // On a thread of its own: its stack begins at a page. The main thread's begins behind the environment, and how many
            // instructions the C library takes to copy a large structure depends on how it is aligned.
            let run = thread::spawn(move || run(Measure { planted }));
            run.join().map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        _ => {
            // How often, and the list: for who counts.
            println!("{TIMES}");
            PATHS.iter().for_each(|(name, _)| println!("{name}"));
            ExitCode::from(2)
        }
    }
}

/// Runs what is counted.
#[derive(Clone, Copy, Debug)]
struct Measure {
    /// So much slower is each call: turns of an empty loop. It shows that the guard notices.
    planted: u32,
}

impl Measure {
    fn times(self, mut call: impl FnMut()) {
        for _ in 0..TIMES {
            self.once(&mut call);
        }
    }

    fn once(self, call: impl FnOnce()) {
        measured(|| {
            for turn in 0..self.planted {
                black_box(turn);
            }
            call();
        });
    }
}

/// What is counted: everything that is called from here. Its name is how the tool knows it.
#[inline(never)]
fn measured(call: impl FnOnce()) {
    call();
}

/// 127.0.0.1 with a port of the kernel's choice.
fn loopback() -> SockAddr {
    SockAddr::Inet(SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn guest(policy: Policy) -> Guest {
    let mut host = OsHost::new().expect("an eventfd can be opened");
    host.stop_by_signal().expect("nothing else handles SIGURG");
    GuestThread::new(host, Arc::new(policy), Capacity::default())
}

fn bound(guest: &mut Guest, kind: Kind) -> (Fd, SockAddr) {
    let fd = guest.socket(Domain::Inet, kind).expect("a socket");
    guest.bind(fd, &loopback()).expect("a free port");
    let addr = guest.local_addr(fd).expect("it is bound");
    (fd, addr)
}

fn connected(guest: &mut Guest) -> (Fd, Fd) {
    let (listener, addr) = bound(guest, Kind::Stream);
    guest.listen(listener, 16).expect("it is bound");
    let client = guest.socket(Domain::Inet, Kind::Stream).expect("a socket");
    guest.connect(client, &addr).expect("it listens");
    let (server, _) = guest.accept(listener, false).expect("a client is there");
    guest.close(listener).expect("it is open");
    (client, server)
}

fn send(guest: &mut Guest, fd: Fd) {
    let sent = guest.send(fd, &mut [IoSlice::new(&[0; 64])], SendFlags::empty());
    assert_eq!(sent, Ok(64));
}

fn receive(guest: &mut Guest, fd: Fd) {
    let mut bytes = [0; 64];
    let received = guest.recv(fd, &mut [IoSliceMut::new(&mut bytes)], RecvFlags::empty());
    assert_eq!(received.map(|received| received.len), Ok(64));
}

fn tcp_echo(measure: Measure) {
    let mut guest = guest(Policy::allow_all());
    let (client, server) = connected(&mut guest);
    measure.times(|| {
        send(&mut guest, client);
        receive(&mut guest, server);
        send(&mut guest, server);
        receive(&mut guest, client);
    });
}

fn tcp_accept(measure: Measure) {
    let mut guest = guest(Policy::allow_all());
    let (listener, addr) = bound(&mut guest, Kind::Stream);
    guest.listen(listener, 16).expect("it is bound");
    for _ in 0..TIMES {
        let client = guest.socket(Domain::Inet, Kind::Stream).expect("a socket");
        guest.connect(client, &addr).expect("it listens");
        measure.once(|| {
            let (server, _) = guest.accept(listener, false).expect("a client is there");
            guest.close(server).expect("it is open");
        });
        guest.close(client).expect("it is open");
    }
}

fn send_to(guest: &mut Guest, fd: Fd, addr: &SockAddr) {
    let sent = guest.send_to(fd, &mut [IoSlice::new(&[0; 64])], addr, SendFlags::empty());
    assert_eq!(sent, Ok(64));
}

fn receive_from(guest: &mut Guest, fd: Fd) {
    let mut bytes = [0; 64];
    let received = guest.recv_from(fd, &mut [IoSliceMut::new(&mut bytes)], RecvFlags::empty());
    assert_eq!(received.map(|(received, _)| received.len), Ok(64));
}

fn udp_send(measure: Measure) {
    send_under(measure, Policy::allow_all());
}

fn udp_send_judged(measure: Measure) {
    send_under(measure, hundred_rules(Use::Connect));
}

fn send_under(measure: Measure, policy: Policy) {
    let mut guest = guest(policy);
    let (socket, _) = bound(&mut guest, Kind::Datagram);
    // No receive follows: what has no room is dropped.
    let (_sink, addr) = bound(&mut guest, Kind::Datagram);
    measure.times(|| send_to(&mut guest, socket, &addr));
}

fn udp_receive(measure: Measure) {
    receive_under(measure, Policy::allow_all());
}

fn udp_receive_judged(measure: Measure) {
    receive_under(measure, hundred_rules(Use::Accept));
}

fn receive_under(measure: Measure, policy: Policy) {
    let mut guest = guest(policy);
    let (sender, _) = bound(&mut guest, Kind::Datagram);
    let (receiver, addr) = bound(&mut guest, Kind::Datagram);
    for _ in 0..TIMES {
        send_to(&mut guest, sender, &addr);
        measure.once(|| receive_from(&mut guest, receiver));
    }
}

/// A hundred rules of one use, of which only the last allows 127.0.0.1; everything else is allowed.
fn hundred_rules(usage: Use) -> Policy {
    let mut policy = PolicyBuilder::new();
    for other in [Use::Connect, Use::Listen, Use::Accept] {
        if other == usage {
            for net in 0..99 {
                policy
                    .allow(usage, &format!("10.{net}.0.0/16"))
                    .expect("it is a rule");
            }
            policy.allow(usage, "127.0.0.0/8").expect("it is a rule");
        } else {
            policy.allow(other, "0.0.0.0/0").expect("it is a rule");
        }
    }
    policy.build()
}

fn poll_one(measure: Measure) {
    poll_of(measure, 0);
}

fn poll_many(measure: Measure) {
    poll_of(measure, 1000);
}

fn poll_of(measure: Measure, idle: u32) {
    let mut guest = guest(Policy::allow_all());
    let (ready, addr) = bound(&mut guest, Kind::Datagram);
    send_to(&mut guest, ready, &addr);
    let all: Vec<Fd> = (0..idle)
        .map(|_| bound(&mut guest, Kind::Datagram).0)
        .chain([ready])
        .collect();
    let mut poll = || {
        guest.poll_begin();
        for (token, fd) in (0..).zip(&all) {
            guest.poll_add(token, *fd, Ready::READ).expect("it is open");
        }
        guest.poll_wait(Some(Duration::ZERO)).expect("nothing stops it");
        assert_eq!(guest.poll_events().count(), 1);
    };
    // The first one registers them.
    poll();
    measure.times(poll);
}

fn udp_send_denied(measure: Measure) {
    let policy = hundred_rules(Use::Connect);
    let mut guest = guest(policy);
    let (socket, _) = bound(&mut guest, Kind::Datagram);
    let denied = SockAddr::Inet(SocketAddr::from(([192, 0, 2, 1], 9)));
    measure.times(|| {
        let sent = guest.send_to(socket, &mut [], &denied, SendFlags::empty());
        assert_eq!(sent, Err(Errno::EACCES));
    });
}
