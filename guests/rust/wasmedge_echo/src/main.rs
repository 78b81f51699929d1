//! TCP and UDP through the crate `wasmedge_wasi_socket`, unmodified, with both ends in one guest.
//!
//! The crate mixes two versions of one ABI (sock_accept of version 1, sock_recv_from of version 2), and the standard
//! library adds its own sock_accept to the same module: three shapes that one host has to answer side by side.

use std::io::{ErrorKind, Read, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd};
use std::time::{Duration, Instant, SystemTime};
use wasmedge_wasi_socket::poll::{EventType, Subscription, poll};
use wasmedge_wasi_socket::socket::{AddressFamily, Socket, SocketOptLevel, SocketOptName, SocketType};
use wasmedge_wasi_socket::{SocketAddr, TcpListener, TcpStream, UdpSocket, nslookup};

const LOOPBACK_V4: &str = "127.0.0.1:0";
const LOOPBACK_V6: &str = "[::1]:0";

const RECV_PEEK: u16 = 1;
const RECV_DATA_TRUNCATED: usize = 1;
const INPROGRESS: i32 = 26;

fn main() {
    tcp();
    tcp_std();
    tcp_timeouts();
    tcp_nonblocking();
    tcp_refused();
    options();
    udp(LOOPBACK_V4);
    udp(LOOPBACK_V6);
    udp_flags();
    lookup();
    println!("end");
}

fn parse(addr: &str) -> SocketAddr {
    addr.parse().expect("a literal address")
}

/// A listener, the client's end and the server's end of one connection.
fn connection() -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind(parse(LOOPBACK_V4), false).expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    let (server, peer) = listener.accept(false).expect("accept");
    assert_eq!(peer, client.local_addr().expect("local_addr"));
    (listener, client, server)
}

fn tcp() {
    let (listener, mut client, mut server) = connection();
    let address = listener.local_addr().expect("local_addr");
    println!("tcp: the port is not 0: {}", address.port() != 0);
    println!(
        "tcp: client's peer is the listener: {}",
        client.peer_addr().expect("peer_addr") == address
    );
    println!(
        "tcp: server's local address is the listener's: {}",
        server.local_addr().expect("local_addr") == address
    );

    client.write_all(b"a request").expect("write");
    client.shutdown(Shutdown::Write).expect("shutdown");
    let mut request = String::new();
    server.read_to_string(&mut request).expect("read");
    println!("tcp: the server read {request:?}, then the end of file");
    server.write_all(b"an answer").expect("write");
    drop(server);
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("read");
    println!("tcp: the client read {answer:?}, then the end of file");

    let v6 = TcpListener::bind(parse(LOOPBACK_V6), false).expect("bind");
    println!(
        "tcp: an IPv6 listener says {}",
        v6.local_addr().expect("local_addr").ip()
    );
}

/// The same listener, handed over to the standard library: its accept has three parameters where the crate's has two.
fn tcp_std() {
    let listener = TcpListener::bind(parse(LOOPBACK_V4), false).expect("bind");
    let mut client = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    // SAFETY: the descriptor is open and its former owner gave it up.
    let listener = unsafe { std::net::TcpListener::from_raw_fd(listener.into_raw_fd()) };
    let (mut server, _) = listener.accept().expect("accept through std");
    client.write_all(b"to std").expect("write");
    client.shutdown(Shutdown::Write).expect("shutdown");
    let mut text = String::new();
    server.read_to_string(&mut text).expect("read through std");
    println!("std: the server read {text:?}");
    server.write_all(b"from std").expect("write through std");
    server.shutdown(Shutdown::Write).expect("shutdown through std");
    text.clear();
    client.read_to_string(&mut text).expect("read");
    println!("std: the client read {text:?}");

    listener.set_nonblocking(true).expect("set_nonblocking");
    println!(
        "std: accept with no connection waiting: {:?}",
        listener.accept().expect_err("no peer connects").kind()
    );
}

fn tcp_timeouts() {
    let (_listener, mut client, _server) = connection();
    let timeout = Duration::from_millis(60);
    client
        .as_ref()
        .set_recv_timeout(Some(timeout))
        .expect("set_recv_timeout");
    client
        .as_ref()
        .set_send_timeout(Some(timeout * 2))
        .expect("set_send_timeout");
    // The kernel rounds up to its tick, so the value read back may be a little more.
    let near = |got: Option<Duration>, set: Duration| {
        got.is_some_and(|got| got >= set && got < set + Duration::from_millis(20))
    };
    println!(
        "timeout: receive reads back: {}",
        near(client.as_ref().get_recv_timeout().expect("get"), timeout)
    );
    println!(
        "timeout: send reads back: {}",
        near(client.as_ref().get_send_timeout().expect("get"), timeout * 2)
    );
    let start = Instant::now();
    let error = client.read(&mut [0; 8]).expect_err("nothing was sent");
    println!(
        "timeout: read: {:?}, not early {}",
        error.kind(),
        start.elapsed() >= timeout
    );
    client.as_ref().set_recv_timeout(None).expect("clear");
    println!(
        "timeout: cleared: {:?}",
        client.as_ref().get_recv_timeout().expect("get")
    );
}

fn tcp_nonblocking() {
    let listener = TcpListener::bind(parse(LOOPBACK_V4), true).expect("bind");
    println!(
        "nonblocking: accept: {:?}",
        listener.accept(true).expect_err("no peer connects").kind()
    );

    let deadline = SystemTime::now() + Duration::from_millis(40);
    let events = poll(&[Subscription::io(1, &listener, true, false, Some(deadline))]).expect("poll");
    println!(
        "nonblocking: poll with a deadline: {}, not early {}",
        describe(&events),
        SystemTime::now() >= deadline
    );

    let client = Socket::new(AddressFamily::Inet4, SocketType::Stream).expect("socket");
    client.set_nonblocking(true).expect("set_nonblocking");
    println!(
        "nonblocking: reads back: {}",
        client.nonblocking().expect("nonblocking")
    );
    let connecting = client.connect(&listener.local_addr().expect("local_addr"));
    let in_progress = connecting
        .as_ref()
        .is_err_and(|error| error.raw_os_error() == Some(INPROGRESS));
    println!(
        "nonblocking: connect is done or in progress: {}",
        connecting.is_ok() || in_progress
    );
    let events = poll(&[Subscription::io(2, &client, false, true, None)]).expect("poll");
    println!("nonblocking: poll for the connection: {}", describe(&events));
    client.take_error().expect("SO_ERROR");

    let events = poll(&[Subscription::io(3, &listener, true, false, None)]).expect("poll");
    println!("nonblocking: poll for the listener: {}", describe(&events));
    let (mut server, _) = listener.accept(true).expect("accept");
    println!(
        "nonblocking: read: {:?}",
        server.read(&mut [0; 8]).expect_err("nothing was sent").kind()
    );
    client.send(b"hello").expect("send");
    let events = poll(&[Subscription::io(4, &server, true, false, None)]).expect("poll");
    println!("nonblocking: poll for data: {}", describe(&events));
    let mut buf = [0; 8];
    let n = server.read(&mut buf).expect("read");
    println!("nonblocking: read {:?}", String::from_utf8_lossy(&buf[..n]));
}

fn describe(events: &[wasmedge_wasi_socket::poll::Event]) -> String {
    let names = events.iter().map(|event| match &event.event_type {
        EventType::Timeout => "timeout".to_string(),
        EventType::Error(error) => format!("error {error}"),
        EventType::Read => format!("read on {}", event.userdata),
        EventType::Write => format!("write on {}", event.userdata),
    });
    names.collect::<Vec<_>>().join(", ")
}

fn tcp_refused() {
    let listener = TcpListener::bind(parse(LOOPBACK_V4), false).expect("bind");
    let address = listener.local_addr().expect("local_addr");
    drop(listener);
    let error = TcpStream::connect(address).expect_err("nothing listens");
    println!("refused: {:?}", error.kind());

    let client = Socket::new(AddressFamily::Inet4, SocketType::Stream).expect("socket");
    client.set_nonblocking(true).expect("set_nonblocking");
    let error = match client.connect(&address) {
        Err(error) if error.raw_os_error() == Some(INPROGRESS) => {
            poll(&[Subscription::io(1, &client, false, true, None)]).expect("poll");
            client.take_error().expect_err("nothing listens")
        }
        other => other.expect_err("nothing listens"),
    };
    println!("refused, nonblocking: {:?}", error.kind());
    println!(
        "refused: SO_ERROR was cleared by reading it: {}",
        client.take_error().is_ok()
    );
}

/// The crate passes the length of an option's value through a pointer; stealthrocket/net passes it by value.
fn options() {
    let (listener, client, _server) = connection();
    // SAFETY: borrowed for the rest of the function, and never closed through it.
    let listening = unsafe { Socket::from_raw_fd(listener.as_raw_fd()) };
    println!(
        "options: the listener listens: {}",
        listening.is_listener().expect("SO_ACCEPTCONN")
    );
    println!(
        "options: the listener reuses addresses: {}",
        listening.reuse_address().expect("SO_REUSEADDR")
    );
    let _ = listening.into_raw_fd();

    let socket = client.as_ref();
    println!(
        "options: the client listens: {}",
        socket.is_listener().expect("SO_ACCEPTCONN")
    );
    println!(
        "options: is a stream: {}",
        matches!(socket.r#type().expect("SO_TYPE"), SocketType::Stream)
    );
    for value in [1_i32, 0] {
        socket
            .setsockopt(SocketOptLevel::SolSocket, SocketOptName::SoKeepalive, value)
            .expect("SO_KEEPALIVE");
        println!(
            "options: keepalive {value} reads back {}",
            socket.keepalive().expect("SO_KEEPALIVE")
        );
    }
    for size in [8192_i32, 65536] {
        socket
            .setsockopt(SocketOptLevel::SolSocket, SocketOptName::SoRcvbuf, size)
            .expect("SO_RCVBUF");
        socket
            .setsockopt(SocketOptLevel::SolSocket, SocketOptName::SoSndbuf, size)
            .expect("SO_SNDBUF");
        let least = usize::try_from(size).expect("a positive size");
        println!(
            "options: buffers of {size} read back at least that: {} {}",
            socket.recv_buffer_size().expect("SO_RCVBUF") >= least,
            socket.send_buffer_size().expect("SO_SNDBUF") >= least
        );
    }
    let datagram = Socket::new(AddressFamily::Inet4, SocketType::Datagram).expect("socket");
    println!(
        "options: broadcast at first: {}",
        datagram.broadcast().expect("SO_BROADCAST")
    );
    datagram
        .setsockopt(SocketOptLevel::SolSocket, SocketOptName::SoBroadcast, 1_i32)
        .expect("SO_BROADCAST");
    println!(
        "options: broadcast after: {}",
        datagram.broadcast().expect("SO_BROADCAST")
    );
    println!(
        "options: is a datagram: {}",
        matches!(datagram.r#type().expect("SO_TYPE"), SocketType::Datagram)
    );
}

/// A bound datagram socket and its address. `UdpSocket` does not say its own.
fn bound(addr: &str) -> (Socket, SocketAddr) {
    let addr = parse(addr);
    let socket = Socket::new(AddressFamily::from(&addr), SocketType::Datagram).expect("socket");
    socket.bind(&addr).expect("bind");
    let local = socket.get_local().expect("get_local");
    (socket, local)
}

fn udp(addr: &str) {
    let (server, server_addr) = bound(addr);
    let client = UdpSocket::bind(parse(addr)).expect("bind");
    let mut buf = [0; 64];
    for message in ["first", "second"] {
        client.send_to(message.as_bytes(), server_addr).expect("send_to");
        let (n, from) = server.recv_from(&mut buf).expect("recv_from");
        let text = String::from_utf8_lossy(&buf[..n]).into_owned();
        println!("udp: the server received {text:?} from {}", from.ip());
        server
            .send_to(format!("{text} back").as_bytes(), from)
            .expect("send_to");
        let (n, from) = client.recv_from(&mut buf).expect("recv_from");
        println!(
            "udp: the client received {:?} from the server: {}",
            String::from_utf8_lossy(&buf[..n]),
            from == server_addr
        );
    }
}

fn udp_flags() {
    let (socket, addr) = bound(LOOPBACK_V4);
    socket.send_to(b"a datagram", addr).expect("send_to");
    let mut buf = [MaybeUninit::<u8>::uninit(); 4];
    for flags in [RECV_PEEK, 0] {
        let (n, _, out) = socket.recv_from_with_flags(&mut buf, flags).expect("recv_from");
        println!(
            "udp: flags {flags}: {n} bytes, truncated {}",
            out & RECV_DATA_TRUNCATED != 0
        );
    }
    socket.send_to(b"", addr).expect("send_to");
    let (n, _) = socket.recv_from(&mut [0; 4]).expect("recv_from");
    println!("udp: an empty datagram: {n} bytes");
    socket.set_nonblocking(true).expect("set_nonblocking");
    let error = socket.recv_from(&mut [0; 4]).expect_err("nothing was sent");
    println!("udp: nothing there: {}", error.kind() == ErrorKind::WouldBlock);
}

fn lookup() {
    let found = nslookup("localhost", "http").expect("look up localhost");
    println!(
        "lookup: localhost is 127.0.0.1: {}",
        found.iter().any(|addr| *addr == parse("127.0.0.1:80"))
    );
    let numeric = nslookup("127.0.0.3", "8080").expect("look up an address");
    println!("lookup: 127.0.0.3 is {numeric:?}");
    println!(
        "lookup: a name that cannot exist: {}",
        nslookup("no-such-name.invalid", "http").is_err()
    );
}
