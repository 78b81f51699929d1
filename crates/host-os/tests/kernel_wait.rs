//! Calls that wait in the kernel and end by a signal: a stop is never missed.
#![expect(unsafe_code, reason = "a mask of signals is set as another program would")]

use std::io::{IoSliceMut, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Domain, Errno, Fd, GuestThread, Kind, RecvFlags};
use guestnet_host_os::{OsHost, Stopper};

type Guest = GuestThread<OsHost, ()>;

/// A guest whose calls wait in the kernel, what stops it, and a connection of it with its peer.
fn connected() -> (Guest, Stopper, Fd, TcpStream) {
    let mut host = OsHost::new().unwrap();
    host.stop_by_signal().unwrap();
    let stopper = host.stopper();
    let mut guest = GuestThread::new(host, Arc::new(Policy::allow_all()), Capacity::default());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.connect(fd, &listener.local_addr().unwrap().into()).unwrap();
    let (peer, _) = listener.accept().unwrap();
    (guest, stopper, fd, peer)
}

fn receive(guest: &mut Guest, fd: Fd) -> Result<usize, Errno> {
    let mut byte = [0];
    guest
        .recv(fd, &mut [IoSliceMut::new(&mut byte)], RecvFlags::empty())
        .map(|received| received.len)
}

/// A number that is another one at each call.
fn next(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

#[test]
fn a_stop_at_any_moment_of_a_call_ends_it() {
    let (mut guest, stopper, fd, mut peer) = connected();
    let (go, rounds) = channel::<Duration>();
    let (ended, ends) = channel();
    let stopping = thread::spawn(move || {
        for pause in rounds {
            // Now before the call, now within it; the spin is shorter than a sleep can be.
            let start = Instant::now();
            while start.elapsed() < pause {
                std::hint::spin_loop();
            }
            stopper.stop().unwrap();
            ended.send(()).unwrap();
        }
    });
    let mut seed = 0x9e37_79b9_7f4a_7c15;
    for round in 0..500 {
        go.send(Duration::from_nanos(next(&mut seed) % 60_000)).unwrap();
        assert_eq!(receive(&mut guest, fd), Err(Errno::EINTR), "round {round}");
        ends.recv().unwrap();
        guest.resume();
        // Taken back: the next call is one that waits, and is answered.
        peer.write_all(&[1]).unwrap();
        assert_eq!(receive(&mut guest, fd), Ok(1), "round {round}");
    }
    drop(go);
    stopping.join().unwrap();
}

#[test]
fn a_stop_ends_a_call_of_a_thread_that_has_the_signal_blocked() {
    let (mut guest, stopper, fd, _peer) = connected();
    let (ready, begins) = channel();
    let waiting = thread::spawn(move || {
        // As a thread inherits it.
        // SAFETY: all zero is a value of the type.
        let mut set = unsafe { std::mem::zeroed() };
        // SAFETY: it fills the set in.
        unsafe { libc::sigfillset(&raw mut set) };
        // SAFETY: the set was filled in, and outlives the call.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
        let task = std::fs::read_link("/proc/thread-self").unwrap();
        ready.send(task).unwrap();
        receive(&mut guest, fd)
    });
    let stat = Path::new("/proc").join(begins.recv().unwrap()).join("stat");
    // The state follows the name, which is in parentheses (proc_pid_stat(5)).
    let sleeps = || std::fs::read_to_string(&stat).unwrap().contains(") S ");
    while !sleeps() {
        thread::yield_now();
    }
    stopper.stop().unwrap();
    assert_eq!(waiting.join().unwrap(), Err(Errno::EINTR));
}

#[test]
fn an_adapter_that_polls_may_have_one_receive_of_a_stream_wait() {
    let (mut guest, stopper, fd, mut peer) = connected();
    let mut room = [0; 8];
    let mut receive = |guest: &mut Guest, fd, flags| {
        let received = guest.recv_in_call(fd, &mut [IoSliceMut::new(&mut room)], flags);
        received.map(|received| received.map(|received| received.len))
    };
    // Whatever the descriptor's mode, and also where the call says so itself.
    guest.set_nonblocking(fd, true).unwrap();
    for flags in [RecvFlags::empty(), RecvFlags::DONTWAIT, RecvFlags::PEEK] {
        let mut sender = peer.try_clone().unwrap();
        let task = std::fs::read_link("/proc/thread-self").unwrap();
        let sending = thread::spawn(move || {
            let stat = Path::new("/proc").join(task).join("stat");
            while !std::fs::read_to_string(&stat).unwrap().contains(") S ") {
                thread::yield_now();
            }
            sender.write_all(b"abc").unwrap();
        });
        assert_eq!(receive(&mut guest, fd, flags), Some(Ok(3)), "{flags:?}");
        sending.join().unwrap();
    }
    peer.write_all(b"d").unwrap();
    assert_eq!(receive(&mut guest, fd, RecvFlags::empty()), Some(Ok(4)));
    // Where more is asked for than what is there, and on what is no stream, nothing is done.
    for flags in [RecvFlags::WAITALL, RecvFlags::OOB] {
        assert_eq!(receive(&mut guest, fd, flags), None, "{flags:?}");
    }
    let datagrams = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
    assert_eq!(receive(&mut guest, datagrams, RecvFlags::empty()), None);
    assert_eq!(
        receive(&mut guest, 99, RecvFlags::empty()),
        Some(Err(Errno::EBADF))
    );
    let unconnected = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    assert_eq!(
        receive(&mut guest, unconnected, RecvFlags::empty()),
        Some(Err(Errno::ENOTCONN))
    );
    stopper.stop().unwrap();
    assert_eq!(
        receive(&mut guest, fd, RecvFlags::empty()),
        Some(Err(Errno::EAGAIN))
    );
    guest.poll_begin();
    assert_eq!(guest.poll_wait(None), Err(Errno::EINTR));
}

#[test]
fn a_host_that_knows_no_signal_waits_in_no_receive() {
    let mut guest: Guest = GuestThread::new(
        OsHost::new().unwrap(),
        Arc::new(Policy::allow_all()),
        Capacity::default(),
    );
    let (_one, other): (Fd, Fd) = guest.socket_pair(Kind::Stream).unwrap();
    let received = guest.recv_in_call(other, &mut [], RecvFlags::empty());
    assert!(received.is_none());
}
