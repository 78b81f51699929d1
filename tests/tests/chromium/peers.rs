//! The other side of the connections: threads with plain sockets, and the bytes that are sent.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// How long a peer may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(120);

/// The size of the pattern: a prime number, so that no power of two that is lost or sent twice leaves it as it was.
const PATTERN: usize = 65521;

/// A thread that serves connections.
pub(crate) struct Peer<T> {
    pub(crate) port: u16,
    result: Receiver<T>,
}

impl<T> Peer<T> {
    /// What it found out.
    pub(crate) fn finish(self) -> T {
        self.result
            .recv_timeout(DEADLINE)
            .expect("the peer comes to its end")
    }
}

/// Serves one connection.
pub(crate) fn peer<T: Send + 'static>(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> Peer<T> {
    listen(
        Ipv4Addr::LOCALHOST.into(),
        |_| (),
        move |listener| serve(accept(listener)),
    )
}

/// The same with a receive buffer as small as the system has it.
pub(crate) fn small_peer<T: Send + 'static>(serve: impl FnOnce(TcpStream) -> T + Send + 'static) -> Peer<T> {
    let shrink = |listener: &TcpListener| {
        rustix::net::sockopt::set_socket_recv_buffer_size(listener, 1).expect("set SO_RCVBUF");
    };
    listen(Ipv4Addr::LOCALHOST.into(), shrink, move |listener| {
        serve(accept(listener))
    })
}

/// Serves as many connections as it likes to.
pub(crate) fn listen<T: Send + 'static>(
    address: IpAddr,
    prepare: impl FnOnce(&TcpListener),
    serve: impl FnOnce(&TcpListener) -> T + Send + 'static,
) -> Peer<T> {
    let listener = TcpListener::bind((address, 0)).expect("bind");
    prepare(&listener);
    let port = listener.local_addr().expect("its address").port();
    let (sender, result) = mpsc::channel();
    thread::spawn(move || {
        let found = serve(&listener);
        // The test has failed already if this is not asked for.
        let _ = sender.send(found);
    });
    Peer { port, result }
}

/// One connection, on which nothing takes for ever.
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().expect("accept");
    bounded(&stream);
    stream
}

/// Has calls end that wait for too long.
pub(crate) fn bounded(stream: &TcpStream) {
    stream.set_read_timeout(Some(DEADLINE)).expect("set a timeout");
    stream.set_write_timeout(Some(DEADLINE)).expect("set a timeout");
}

/// Whether this machine has IPv6 on loopback.
pub(crate) fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// The bytes that are sent, again and again: the same as in tests/chromium/sockets.js.
pub(crate) struct Pattern(Vec<u8>);

impl Pattern {
    pub(crate) fn new() -> Self {
        let bytes = std::iter::successors(Some(1_u64), |x| Some(next(*x)))
            .skip(1)
            .take(PATTERN)
            .map(|x| u8::try_from(x >> 16 & 255).expect("masked"));
        Self(bytes.collect())
    }

    /// Writes its first bytes.
    pub(crate) fn write(&self, mut to: impl Write, length: usize) {
        let mut left = length;
        while left > 0 {
            let part = &self.0[..left.min(PATTERN)];
            to.write_all(part).expect("write");
            left -= part.len();
        }
    }

    /// Whether these are the bytes from `start` on.
    pub(crate) fn is_at(&self, start: usize, mut bytes: &[u8]) -> bool {
        let mut from = start % PATTERN;
        while !bytes.is_empty() {
            let count = bytes.len().min(PATTERN - from);
            let (part, rest) = bytes.split_at(count);
            if part != &self.0[from..from + count] {
                return false;
            }
            bytes = rest;
            from = 0;
        }
        true
    }

    /// Reads, and compares, until there are `end` bytes in all or the stream ends. Gives how many there are; `start` is how many
    /// were read before.
    pub(crate) fn read(&self, mut from: impl Read, start: usize, end: usize) -> usize {
        let mut buffer = vec![0; 1 << 16];
        let mut position = start;
        while position < end {
            let most = buffer.len().min(end - position);
            let count = from.read(&mut buffer[..most]).expect("read");
            if count == 0 {
                break;
            }
            let bytes = &buffer[..count];
            assert!(
                self.is_at(position, bytes),
                "other bytes than were sent, in the {count} from {position} on"
            );
            position += count;
        }
        position
    }
}

fn next(x: u64) -> u64 {
    (x * 1_103_515_245 + 12345) & 0x7fff_ffff
}
