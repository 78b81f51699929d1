//! The other end of each measurement: native, the same for both sides, and not measured.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt::set_socket_linger;

use crate::{Result, sys};

/// Longer than any peer waits for anything.
const PATIENCE: Duration = Duration::from_secs(30);

/// The size of a datagram; also in bench/c/udp.c.
const DATAGRAM: usize = 1200;

/// After how many datagrams the receiver answers the sender; also in bench/c/udp.c.
const WINDOW: usize = 25;

/// How many windows are under way: their datagrams fit the receiver's default buffer.
const WINDOWS: usize = 2;

/// How many connections are open at a time: fewer than the backlog of bench/c/tcp_accept.c.
const CONNECTIONS: usize = 64;

/// What the program under test has at its other end.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Peer {
    /// Nothing.
    None,
    /// Accepts a connection and reads until its end, which must come after this many bytes.
    TcpSink(u64),
    /// The same without ever sleeping, so that a sender of small pieces pays for no wake-up. How many of them it
    /// causes depends on how fast it is.
    TcpBusySink(u64),
    /// Accepts a connection and writes this many bytes.
    TcpSource(u64),
    /// Accepts two connections, writes this many bytes to the first and reads as many from the second.
    TcpBetween(u64),
    /// Accepts a connection and sends back what comes.
    TcpEcho,
    /// Connects this often, with up to [`CONNECTIONS`] open at a time.
    TcpConnect(u64),
    /// Takes datagrams without ever sleeping, so that their sender pays for no wake-up.
    UdpSink,
    /// Sends this many datagrams, a window in each call, so that the receiver finds some whenever it looks.
    UdpSource(u64),
}

/// A peer at work.
pub(crate) struct Running {
    thread: JoinHandle<std::io::Result<()>>,
    stop: Arc<AtomicBool>,
}

impl Peer {
    /// Whether it waits for the program under test to come, and not the other way round.
    pub(crate) fn listens(self) -> bool {
        match self {
            Peer::TcpSink(_)
            | Peer::TcpBusySink(_)
            | Peer::TcpSource(_)
            | Peer::TcpBetween(_)
            | Peer::TcpEcho
            | Peer::UdpSink => true,
            Peer::None | Peer::TcpConnect(_) | Peer::UdpSource(_) => false,
        }
    }

    /// Starts a peer that listens; gives its port.
    pub(crate) fn listen(self, cpu: usize) -> Result<(Running, u16)> {
        let failed = |error: std::io::Error| format!("the peer cannot listen: {error}");
        let any = (Ipv4Addr::LOCALHOST, 0);
        if matches!(self, Peer::UdpSink) {
            let socket = UdpSocket::bind(any).map_err(failed)?;
            let port = socket.local_addr().map_err(failed)?.port();
            return Ok((start(cpu, move |stop| udp_sink(&socket, stop)), port));
        }
        let listener = TcpListener::bind(any).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let serve = move |stop: &AtomicBool| {
            let mut stream = accept(&listener, stop)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            match self {
                Peer::TcpSource(bytes) => tcp_source(&mut stream, bytes),
                Peer::TcpSink(bytes) => tcp_sink(bytes, |buffer| stream.read(buffer)),
                Peer::TcpBusySink(bytes) => {
                    stream.set_nonblocking(true)?;
                    tcp_sink(bytes, |buffer| without_sleeping(|| stream.read(buffer)))
                }
                Peer::TcpBetween(bytes) => {
                    let mut sink = accept(&listener, stop)?;
                    sink.set_read_timeout(Some(PATIENCE))?;
                    tcp_between(stream, &mut sink, bytes)
                }
                _ => tcp_echo(&mut stream),
            }
        };
        Ok((start(cpu, serve), port))
    }

    /// Starts a peer that goes to the program under test.
    pub(crate) fn connect(self, cpu: usize, port: u16) -> Running {
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        match self {
            Peer::TcpConnect(count) => start(cpu, move |_| tcp_connect(to, count)),
            Peer::UdpSource(count) => start(cpu, move |_| udp_source(to, count)),
            _ => start(cpu, |_| Ok(())),
        }
    }
}

fn start(cpu: usize, work: impl FnOnce(&AtomicBool) -> std::io::Result<()> + Send + 'static) -> Running {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let thread = std::thread::spawn(move || {
        sys::pin(cpu)?;
        work(&stopped)
    });
    Running { thread, stop }
}

impl Running {
    /// Waits for the end of the peer, once the program under test has ended well.
    pub(crate) fn join(self) -> Result<()> {
        self.stop.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(format!("the peer failed: {error}")),
            Err(_) => Err("the peer panicked".into()),
        }
    }

    /// Stops the peer, when the program under test has failed: a peer that waits gives up by itself.
    pub(crate) fn abandon(self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// Accepts a connection; an error if the program under test has ended without making one.
fn accept(listener: &TcpListener, stop: &AtomicBool) -> std::io::Result<TcpStream> {
    /// Between two looks at `stop`.
    const WHILE: Timespec = Timespec {
        tv_sec: 0,
        tv_nsec: 50_000_000,
    };
    loop {
        let ended = stop.load(Ordering::Relaxed);
        if poll(&mut [PollFd::new(listener, PollFlags::IN)], Some(&WHILE))? == 1 {
            return listener.accept().map(|(stream, _)| stream);
        }
        if ended {
            return Err(std::io::Error::other("no program connected"));
        }
    }
}

/// Reads by `read` until the end.
fn tcp_sink(bytes: u64, mut read: impl FnMut(&mut [u8]) -> std::io::Result<usize>) -> std::io::Result<()> {
    let mut buffer = vec![0; 1 << 18];
    let mut left = bytes;
    loop {
        match u64::try_from(read(&mut buffer)?).map_err(std::io::Error::other)? {
            0 if left == 0 => return Ok(()),
            0 => return Err(std::io::Error::other(format!("{left} bytes did not come"))),
            count => left = left.saturating_sub(count),
        }
    }
}

/// Makes a call on a non-blocking socket until it has something.
fn without_sleeping<T>(mut call: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    let start = Instant::now();
    loop {
        match call() {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock && start.elapsed() <= PATIENCE => {
                std::hint::spin_loop();
            }
            outcome => return outcome,
        }
    }
}

fn tcp_source(stream: &mut TcpStream, bytes: u64) -> std::io::Result<()> {
    let buffer = vec![0; 1 << 18];
    let mut left = usize::try_from(bytes).map_err(std::io::Error::other)?;
    while left != 0 {
        let piece = left.min(buffer.len());
        stream.write_all(buffer.get(..piece).unwrap_or(&buffer))?;
        left -= piece;
    }
    Ok(())
}

/// The source is a thread of its own on the same processor.
fn tcp_between(mut source: TcpStream, sink: &mut TcpStream, bytes: u64) -> std::io::Result<()> {
    let source = std::thread::spawn(move || tcp_source(&mut source, bytes));
    tcp_sink(bytes, |buffer| sink.read(buffer))?;
    source
        .join()
        .unwrap_or_else(|_| Err(std::io::Error::other("the source panicked")))
}

fn tcp_echo(stream: &mut TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let len = stream.read(&mut buffer)?;
        if len == 0 {
            return Ok(());
        }
        stream.write_all(buffer.get(..len).unwrap_or(&buffer))?;
    }
}

fn tcp_connect(to: SocketAddr, count: u64) -> std::io::Result<()> {
    let mut open = VecDeque::with_capacity(CONNECTIONS);
    for _ in 0..count {
        if open.len() == CONNECTIONS
            && let Some(oldest) = open.pop_front()
        {
            finish(oldest)?;
        }
        open.push_back(TcpStream::connect(to)?);
    }
    open.into_iter().try_for_each(finish)
}

/// Waits for the other end's close and answers with a reset, so that nothing is left in TIME_WAIT.
fn finish(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    set_socket_linger(&stream, Some(Duration::ZERO))?;
    match stream.read(&mut [0])? {
        0 => Ok(()),
        _ => Err(std::io::Error::other("data where the end was due")),
    }
}

fn udp_sink(socket: &UdpSocket, stop: &AtomicBool) -> std::io::Result<()> {
    socket.set_nonblocking(true)?;
    let mut buffer = [0; 2 * DATAGRAM];
    while !stop.load(Ordering::Relaxed) {
        match socket.recv(&mut buffer) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn udp_source(to: SocketAddr, count: u64) -> std::io::Result<()> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect(to)?;
    socket.set_nonblocking(true)?;
    sys::segment(&socket, i32::try_from(DATAGRAM).map_err(std::io::Error::other)?)?;
    let window = vec![0; WINDOW * DATAGRAM];
    let windows = usize::try_from(count)
        .map_err(std::io::Error::other)?
        .div_ceil(WINDOW);
    for sent in 0..windows + WINDOWS {
        if sent >= WINDOWS {
            // The receiver says that it has taken a window.
            without_sleeping(|| socket.recv(&mut [0]))?;
        }
        if sent < windows {
            socket.send(&window)?;
        }
    }
    Ok(())
}
