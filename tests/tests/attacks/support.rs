//! Peers that notice whether they were reached, and the guests that try.

use guestnet_tests::emscripten::{self, Engine, Variant};
use guestnet_tests::{Guestnet, Program, ProgramOutput, Running, guest};
use std::io::{ErrorKind, Read};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One of the hostile guests.
pub(crate) fn attack(run: Guestnet, name: &str) -> Program {
    run.guest(&guest("wasip1", &format!("attack_{name}")))
}

/// The hostile component (guests/rust/attacks), with one of its attacks.
pub(crate) fn component(run: Guestnet, name: &str) -> Program {
    run.guest(&guest("component", "attacks")).arg(name)
}

/// The same where it has to send datagrams: every socket of UDP is bound in a component, and so are its TCP sockets in some ways.
pub(crate) fn bound_component(run: Guestnet, name: &str) -> Program {
    let run = run.option("--allow-listen=0.0.0.0:0");
    component(run.option("--allow-listen=[::]:0"), name)
}

/// A server on loopback, on TCP and UDP with the same port, that a guest must not reach, or must reach.
pub(crate) struct Victim {
    tcp: TcpListener,
    udp: UdpSocket,
}

impl Victim {
    pub(crate) fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into())
    }

    pub(crate) fn at(ip: IpAddr) -> Self {
        // Another program may have the port that TCP gets on UDP.
        for _ in 0..100 {
            let tcp = TcpListener::bind((ip, 0)).expect("bind");
            let port = tcp.local_addr().expect("local_addr").port();
            if let Ok(udp) = UdpSocket::bind((ip, port)) {
                tcp.set_nonblocking(true).expect("set_nonblocking");
                udp.set_nonblocking(true).expect("set_nonblocking");
                return Self { tcp, udp };
            }
        }
        panic!("no port is free on TCP and UDP");
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.tcp.local_addr().expect("local_addr")
    }

    pub(crate) fn port(&self) -> u16 {
        self.addr().port()
    }

    /// How many connections and datagrams have come, once their sender has ended.
    pub(crate) fn reached(&self) -> (usize, usize) {
        let connections = std::iter::from_fn(|| match self.tcp.accept() {
            Ok(connection) => Some(connection),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("accept: {error}"),
        });
        (connections.count(), self.datagrams().len())
    }

    /// The datagrams that have come.
    pub(crate) fn datagrams(&self) -> Vec<String> {
        let mut buf = [0; 2048];
        std::iter::from_fn(|| match self.udp.recv(&mut buf) {
            Ok(len) => Some(String::from_utf8_lossy(&buf[..len]).into_owned()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("recv: {error}"),
        })
        .collect()
    }
}

/// The lines of a transcript that end otherwise than with one of these words.
pub(crate) fn others<'t>(transcript: &'t str, endings: &[&str]) -> Vec<&'t str> {
    let ends = |line: &&str| {
        let last = line.rsplit(": ").next().unwrap_or(line);
        endings.contains(&last)
    };
    transcript.lines().filter(|line| !ends(line)).collect()
}

/// A script's run, from its text.
pub(crate) fn script(run: Guestnet, text: &str) -> ProgramOutput {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("guest.js");
    std::fs::write(&path, text).expect("write a script");
    run.guest(&path).finish()
}

/// An audit: of each line the call, the target and the outcome, and how many decisions it stands for.
pub(crate) fn decisions(audit: &str) -> Vec<(String, u64)> {
    let member = |line: &str, name: &str| {
        let (_, behind) = line.split_once(&format!("\"{name}\":\""))?;
        behind.split_once('"').map(|(value, _)| value.to_owned())
    };
    let line = |line: &str| {
        let words = ["call", "target", "outcome"].map(|name| member(line, name).expect(line));
        let count = line.split_once(",\"count\":").map_or(1, |(_, count)| {
            count.trim_end_matches('}').parse().expect("a count")
        });
        (words.join(" "), count)
    };
    audit.lines().map(line).collect()
}

/// Where a guest of several sources runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abi {
    /// The C program for wasip1, under the command.
    Wasi,
    /// The C program built with emcc, under Node.
    Emscripten,
    /// The script that does the same, under the command.
    Script,
    /// The component that does the same, as far as WASI 0.2 has words for it, under the command.
    Component,
}

/// All of them.
pub(crate) const ABIS: [Abi; 4] = [Abi::Wasi, Abi::Emscripten, Abi::Script, Abi::Component];

/// Those that can look at bytes and leave them.
pub(crate) const PEEKING: [Abi; 3] = [Abi::Wasi, Abi::Emscripten, Abi::Script];

/// A script of guests/js.
pub(crate) fn script_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../guests/js")
        .join(format!("{name}.js"))
}

/// The C guest `app_NAME`, or the script `attack_NAME` or the component's attack NAME that does the same, under these options and with
/// these arguments.
pub(crate) fn app(abi: Abi, name: &str, options: &[&str], args: &[&str]) -> Program {
    let run = || {
        options
            .iter()
            .fold(Guestnet::run(), |run, option| run.option(option))
    };
    let program = format!("app_{name}");
    let program = match abi {
        Abi::Wasi => run().guest(&guest("wasip1", &program)),
        Abi::Script => run().guest(&script_file(&format!("attack_{name}"))),
        Abi::Component => component(run(), name),
        Abi::Emscripten => emscripten::program(Variant::Plain, Engine::Node20, &program)
            .env("GUESTNET_OPTIONS", options.join(" ")),
    };
    program.args(args)
}

/// Runs a guest to its "done", and returns what it printed and the most memory that its process had, KiB. It waits then;
/// this ends it.
pub(crate) fn measured(program: Program) -> (String, u64) {
    let mut guest = program.start();
    let mut printed = String::new();
    loop {
        let line = guest.line("");
        if line == "done" {
            break;
        }
        printed += &line;
        printed.push('\n');
    }
    let status =
        std::fs::read_to_string(format!("/proc/{}/status", guest.id())).expect("the process's status");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|text| text.trim().strip_suffix(" kB")?.parse().ok());
    (printed, peak.expect("VmHWM in KiB"))
}

/// A UDP socket on loopback that answers each datagram it gets with this, again and again, until it is dropped.
pub(crate) struct Pourer {
    port: u16,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pourer {
    /// Keeps full the queue of the socket that has written to it.
    pub(crate) fn new(datagram: Vec<u8>) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let port = socket.local_addr().expect("local_addr").port();
        socket
            .set_read_timeout(Some(Duration::from_millis(1)))
            .expect("a timeout");
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            let mut to = None;
            while !stop.load(Ordering::Relaxed) {
                if let Ok((_, from)) = socket.recv_from(&mut [0; 16]) {
                    to = Some(from);
                }
                for _ in 0..if to.is_some() { 50 } else { 0 } {
                    // A guest that has gone is no failure.
                    let _ = socket.send_to(&datagram, to.expect("a receiver"));
                }
            }
        });
        Self {
            port,
            over,
            thread: Some(thread),
        }
    }

    pub(crate) fn port(&self) -> String {
        self.port.to_string()
    }
}

impl Drop for Pourer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A listener on loopback that does this with each connection, one after the other, until it is dropped.
pub(crate) struct Server {
    addr: SocketAddr,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn new(mut serve: impl FnMut(TcpStream) + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let addr = listener.local_addr().expect("local_addr");
        let over = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&over);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                serve(stream.expect("accept"));
            }
        });
        Self {
            addr,
            over,
            thread: Some(thread),
        }
    }

    pub(crate) fn port(&self) -> String {
        self.addr.port().to_string()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes it.
        let _ = TcpStream::connect(self.addr);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Counts all that comes over any number of connections.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<Mutex<Vec<JoinHandle<u64>>>>);

impl Counter {
    /// Reads a connection to its end, on a thread of its own.
    pub(crate) fn read(&self, mut stream: TcpStream) {
        let thread = std::thread::spawn(move || {
            let (mut total, mut buf) = (0, [0; 65536]);
            while let Ok(count @ 1..) = stream.read(&mut buf) {
                total += count as u64;
            }
            total
        });
        self.0.lock().expect("the lock").push(thread);
    }

    /// How many bytes have come, once all have ended.
    pub(crate) fn total(&self) -> u64 {
        let threads = std::mem::take(&mut *self.0.lock().expect("the lock"));
        threads
            .into_iter()
            .map(|thread| thread.join().expect("a reader"))
            .sum()
    }
}

/// A socket on loopback whose receives have a limit.
pub(crate) fn udp() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    socket.set_read_timeout(Some(PATIENCE)).expect("set_read_timeout");
    socket
}

/// Answers each round of a guest that receives (`attack_receive`): a forbidden datagram first, then, unless there must be none, the peer's.
pub(crate) fn serve_rounds(guest: &mut Running, peer: &UdpSocket, forbidden: &UdpSocket) -> usize {
    let rounds: usize = guest.line("rounds ").parse().expect("a number of rounds");
    for _ in 0..rounds {
        let mut round = [0; 16];
        let (len, guest) = peer.recv_from(&mut round).expect("a round begins");
        // Longer than the peer's, so that it shows wherever buffers lie.
        forbidden.send_to(&[b'F'; 1200], guest).expect("send");
        if &round[..len] == b"both" {
            peer.send_to(&[b'a'; 12], guest).expect("send");
        }
    }
    rounds
}

/// Checks that the lines about the protocol of a rule ended well, and that all others were refused. A line says TCP or UDP.
pub(crate) fn check_protocol(transcript: &str, rule: &str) {
    for line in transcript.lines() {
        let allowed = line.contains("TCP") == (rule == "tcp");
        assert!(
            line.ends_with(if allowed { ": ok" } else { ": EACCES" }),
            "{line}"
        );
    }
}

/// The numbers in a line, in their order.
pub(crate) fn numbers(line: &str) -> Vec<u64> {
    line.split(|character: char| !character.is_ascii_digit())
        .filter_map(|digits| digits.parse().ok())
        .collect()
}
