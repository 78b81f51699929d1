//! The table of descriptors, which the guest's thread has for itself: proc(5) shows each thread's.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::thread::yield_now;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::scratch::{ACCEPT, Running, Scratch};

/// Longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until something holds.
#[track_caller]
fn wait_until(holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "it does not come");
        yield_now();
    }
}

/// For each thread whether a socket is open in its table; the main thread is the first.
fn threads_with_sockets(process: u32) -> Vec<bool> {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let mut tasks: Vec<PathBuf> = tasks.map(|task| task.unwrap().path()).collect();
    tasks.sort_by_key(|task| !task.ends_with(process.to_string()));
    let has_socket = |task: PathBuf| {
        let mut fds = fs::read_dir(task.join("fd")).unwrap();
        // One that was closed meanwhile has no link.
        fds.any(|fd| {
            fs::read_link(fd.unwrap().path()).is_ok_and(|link| link.to_string_lossy().starts_with("socket:"))
        })
    };
    tasks.into_iter().map(has_socket).collect()
}

fn start(scratch: &Scratch, options: &[&str]) -> (Running, SocketAddr) {
    let args = [&["run", "--listen=tcp://127.0.0.1:0"], options].concat();
    let mut running = Running::start(scratch.guestnet(&args));
    let line = running.error_line();
    let addr = line.trim().rsplit(' ').next().unwrap();
    (running, addr.parse().unwrap())
}

#[test]
fn only_the_thread_of_the_guest_has_its_sockets() {
    let scratch = Scratch::new();
    scratch.guest("accept.wat", ACCEPT.0, ACCEPT.1);
    let (running, _) = start(&scratch, &["accept.wat"]);
    wait_until(|| threads_with_sockets(running.id()) == [true, false]);
    running.signal(Signal::INT);
    assert_eq!(running.finish().code, Some(130));
}

#[test]
fn threads_that_write_for_the_guest_share_its_table() {
    let scratch = Scratch::new();
    scratch.guest("accept.wat", ACCEPT.0, ACCEPT.1);
    for option in ["--audit=lines", "--trace=lines", "--metrics=lines"] {
        let (running, _) = start(&scratch, &[option, "accept.wat"]);
        let threads = threads_with_sockets(running.id());
        assert!(
            threads.len() > 1 && threads.iter().all(|has| *has),
            "{option}: {threads:?}"
        );
        running.signal(Signal::INT);
        assert_eq!(running.finish().code, Some(130), "{option}");
    }
}

#[test]
fn a_listener_that_the_guest_closes_is_closed() {
    let scratch = Scratch::new();
    scratch.guest(
        "close.wat",
        &["fd_close"],
        r#"(func (export "_start")
             (if (call $fd_close (i32.const 3)) (then (unreachable)))
             (call $ready)
             (loop $again (br $again)))"#,
    );
    let (running, addr) = start(&scratch, &["close.wat"]);
    wait_until(|| TcpStream::connect(addr).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused));
    running.signal(Signal::INT);
    assert_eq!(running.finish().code, Some(130));
}
