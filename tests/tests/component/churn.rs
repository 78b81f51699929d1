//! Connections that come and go through one component, and what is left of them: descriptors, sockets and memory.
//!
//! CI has so many connections that a leak of a hundred bytes in each shows; `cargo xtask soak component` goes on for an hour.

use guestnet_tests::{Guestnet, Running, guest};
use rustix::net::sockopt::set_socket_linger;
use std::fs;
use std::io::{PipeWriter, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

/// How many connections of each kind a round has.
const CONNECTIONS: usize = 1000;

/// How many rounds CI has, after one that everything takes its size in.
const ROUNDS: usize = 6;

/// How much more memory the process may have at the end: less than a hundred bytes for each connection of CI.
const MORE_MEMORY: u64 = 1 << 20;

/// How long the process may take to close what the component has closed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A component that makes connections, and the pipe that says how many.
struct Churn {
    running: Running,
    orders: PipeWriter,
}

impl Churn {
    fn start(deadline: Duration) -> Self {
        let (input, orders) = std::io::pipe().expect("a pipe");
        let program = Guestnet::run().allow_net().guest(&guest("component", "churn"));
        let running = program.stdin(Stdio::from(input)).deadline(deadline).start();
        Self { running, orders }
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("the component reads");
    }

    fn wait(&mut self, order: &str) {
        let _ = self.running.line(&format!("done {order}"));
    }

    /// Connections with both ends in the component, to a peer, and from one.
    fn round(&mut self) {
        let own = format!("own {CONNECTIONS}");
        self.order(&own);
        self.wait(&own);

        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let port = listener.local_addr().expect("an address").port();
        let connect = format!("connect {port} {CONNECTIONS}");
        self.order(&connect);
        let peer = thread::spawn(move || serve(&listener));
        self.wait(&connect);
        peer.join().expect("the peer");

        let accept = format!("accept {CONNECTIONS}");
        self.order(&accept);
        let port = self.running.line("port ").parse().expect("a port");
        let peer = thread::spawn(move || connect_to(port));
        self.wait(&accept);
        peer.join().expect("the peer");
    }

    fn usage(&self) -> Usage {
        Usage::of(self.running.id())
    }
}

#[test]
fn peers_that_reset_their_connections_before_they_are_accepted_do_not_end_a_component() {
    let mut churn = Churn::start(PATIENCE);
    let order = "resets 100";
    churn.order(order);
    let port: u16 = churn.running.line("port ").parse().expect("a port");
    for _ in 0..100 {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
        // With a limit of nothing a close resets the connection.
        set_socket_linger(&stream, Some(Duration::ZERO)).expect("SO_LINGER");
    }
    churn.order("all of them are reset");
    churn.wait(order);
    drop(churn.orders);
    let _ = churn.running.finish().success();
}

/// Sends back what it reads, one connection after the other.
fn serve(listener: &TcpListener) {
    for stream in listener.incoming().take(CONNECTIONS) {
        let mut stream = stream.expect("accept");
        let mut byte = [0];
        while stream.read(&mut byte).expect("read") != 0 {
            stream.write_all(&byte).expect("write");
        }
    }
}

fn connect_to(port: u16) {
    for _ in 0..CONNECTIONS {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("connect");
        stream.write_all(b"a").expect("write");
        stream.read_exact(&mut [0]).expect("read");
    }
}

/// What a process has of the machine.
#[derive(Debug, Clone, Copy)]
struct Usage {
    descriptors: usize,
    sockets: usize,
    /// In bytes.
    memory: u64,
}

impl Usage {
    fn of(process: u32) -> Self {
        let process = Path::new("/proc").join(process.to_string());
        let links: Vec<_> = fs::read_dir(process.join("fd"))
            .expect("the descriptors")
            // One may be closed meanwhile.
            .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
            .collect();
        let status = fs::read_to_string(process.join("status")).expect("the status");
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kibibytes: u64 = resident
            .and_then(|rest| rest.trim().strip_suffix(" kB"))
            .and_then(|number| number.parse().ok())
            .expect("the resident memory");
        let is_socket = |link: &&std::path::PathBuf| link.to_string_lossy().starts_with("socket:");
        Self {
            descriptors: links.len(),
            sockets: links.iter().filter(is_socket).count(),
            memory: kibibytes << 10,
        }
    }
}

#[test]
fn connections_that_come_and_go_leave_no_descriptor_no_socket_and_no_memory() {
    let soak: Option<u64> = std::env::var("GUESTNET_SOAK_SECONDS")
        .ok()
        .map(|seconds| seconds.parse().expect("GUESTNET_SOAK_SECONDS is a number"));
    let began = Instant::now();
    let is_over = |seconds: u64| began.elapsed() >= Duration::from_secs(seconds);
    let mut churn = Churn::start(Duration::from_secs(soak.unwrap_or(0) + 600));

    churn.round();
    while soak.is_some_and(|seconds| !is_over(seconds.min(60))) {
        churn.round();
    }
    let first = churn.usage();
    let mut rounds = 0;
    while rounds < ROUNDS || soak.is_some_and(|seconds| !is_over(seconds)) {
        churn.round();
        rounds += 1;
    }

    let deadline = Instant::now() + PATIENCE;
    let mut last = churn.usage();
    while (last.descriptors > first.descriptors || last.sockets > first.sockets) && Instant::now() < deadline
    {
        thread::yield_now();
        last = churn.usage();
    }
    let all = format!(
        "after {} connections more {last:?}, before {first:?}",
        3 * CONNECTIONS * rounds
    );
    assert!(last.descriptors <= first.descriptors, "{all}");
    assert!(last.sockets <= first.sockets, "{all}");
    assert!(last.memory <= first.memory + MORE_MEMORY, "{all}");
    drop(churn.orders);
    let _ = churn.running.finish().success();
}
