//! Behaviours that std's types have: compiled over the crate and over std. Nothing that only one of them has.

use super::net::{
    Incoming, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs, UdpSocket,
    UnixDatagram, UnixListener, UnixStream, unix,
};
use std::fmt::Debug;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, IntoRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) const ALL: &[crate::Behaviour] = &[
    ("tcp_echo", tcp_echo),
    ("tcp_addresses", tcp_addresses),
    ("tcp_v6", tcp_v6),
    ("tcp_incoming", tcp_incoming),
    ("tcp_vectored", tcp_vectored),
    ("tcp_peek", tcp_peek),
    ("tcp_try_clone", tcp_try_clone),
    ("tcp_descriptors", tcp_descriptors),
    ("tcp_shutdown", tcp_shutdown),
    ("tcp_options", tcp_options),
    ("tcp_timeouts", tcp_timeouts),
    ("tcp_connect_timeout", tcp_connect_timeout),
    ("tcp_nonblocking", tcp_nonblocking),
    ("tcp_large", tcp_large),
    ("tcp_refused", tcp_refused),
    ("tcp_in_use", tcp_in_use),
    ("tcp_reset", tcp_reset),
    ("tcp_closed", tcp_closed),
    ("udp_unconnected", udp_unconnected),
    ("udp_connected", udp_connected),
    ("udp_peek", udp_peek),
    ("udp_sizes", udp_sizes),
    ("udp_timeouts", udp_timeouts),
    ("udp_options", udp_options),
    ("udp_multicast", udp_multicast),
    ("udp_errors", udp_errors),
    ("unix_stream", unix_stream),
    ("unix_listener", unix_listener),
    ("unix_datagram", unix_datagram),
    ("unix_backlog", unix_backlog),
    ("unix_errors", unix_errors),
    ("addresses", addresses),
    ("debug", debug),
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The kind of the error of what has to fail.
fn kind<T: Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("no error but {value:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

/// A listener, the client's end and the server's end of one connection.
fn connection() -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    let (server, peer) = listener.accept().expect("accept");
    assert_eq!(peer, client.local_addr().expect("local_addr"));
    (listener, client, server)
}

/// The address of a TCP port where nothing listens.
fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("bind")
}

fn tcp_echo(_: &Path) {
    let (_listener, mut client, mut server) = connection();
    client.write_all(b"a request").expect("write");
    client.shutdown(Shutdown::Write).expect("shutdown");
    let mut request = String::new();
    println!("the server read {:?} bytes", server.read_to_string(&mut request));
    println!("{request:?}, then the end of file");
    server.write_all(b"an answer").expect("write");
    server.flush().expect("flush");
    drop(server);
    let mut answer = Vec::new();
    println!("the client read {:?} bytes", client.read_to_end(&mut answer));
    println!("{:?}", text(&answer));
}

fn tcp_addresses(_: &Path) {
    let (listener, client, server) = connection();
    let address = listener.local_addr().expect("local_addr");
    println!("ip {}", address.ip());
    println!("the port is not 0: {}", address.port() != 0);
    println!(
        "the client's peer is the listener: {}",
        client.peer_addr().expect("peer_addr") == address
    );
    println!(
        "the server's address is the listener's: {}",
        server.local_addr().expect("local_addr") == address
    );
    println!(
        "the server's peer is the client: {}",
        server.peer_addr().expect("peer_addr") == client.local_addr().expect("local_addr")
    );
    println!(
        "the client's ip {}",
        client.local_addr().expect("local_addr").ip()
    );
    let any = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("bind");
    println!("any ip {}", any.local_addr().expect("local_addr").ip());
}

fn tcp_v6(_: &Path) {
    let listener = TcpListener::bind("[::1]:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    println!("{} {}", address.ip(), address.port() != 0);
    let mut client = TcpStream::connect(address).expect("connect");
    let (mut server, peer) = listener.accept().expect("accept");
    println!(
        "the peer is {}: {}",
        peer.ip(),
        peer == client.local_addr().expect("local_addr")
    );
    client.write_all(b"over IPv6").expect("write");
    let mut buf = [0; 9];
    server.read_exact(&mut buf).expect("read");
    println!("{:?}", text(&buf));
}

fn tcp_incoming(_: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let clients: Vec<TcpStream> = (0..3_u8)
        .map(|number| {
            let mut client = TcpStream::connect(address).expect("connect");
            client.write_all(&[b'0' + number]).expect("write");
            client
        })
        .collect();
    let incoming: Incoming<'_> = listener.incoming();
    for stream in incoming.take(clients.len()) {
        let mut buf = [0; 1];
        stream.expect("accept").read_exact(&mut buf).expect("read");
        println!("{}", text(&buf));
    }
}

fn tcp_vectored(_: &Path) {
    let (_listener, mut client, mut server) = connection();
    let bufs = [IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")];
    println!("wrote {:?}", client.write_vectored(&bufs));
    drop(client);
    let (mut first, mut second) = ([0; 2], [0; 16]);
    let mut into = [IoSliceMut::new(&mut first), IoSliceMut::new(&mut second)];
    println!("read {:?}", server.read_vectored(&mut into));
    println!("{:?} {:?}", text(&first), text(&second[..5]));
}

fn tcp_peek(_: &Path) {
    let (_listener, mut client, mut server) = connection();
    client.write_all(b"peeked").expect("write");
    let mut buf = [0; 16];
    for _ in 0..2 {
        let n = server.peek(&mut buf).expect("peek");
        println!("peek {:?}", text(&buf[..n]));
    }
    let n = server.peek(&mut buf[..2]).expect("peek");
    println!("peek {:?}", text(&buf[..n]));
    let n = server.read(&mut buf).expect("read");
    println!("read {:?}", text(&buf[..n]));
    drop(client);
    println!("peek at the end {:?}", server.peek(&mut buf));
}

fn tcp_try_clone(_: &Path) {
    let (listener, client, mut server) = connection();
    let mut writer = client.try_clone().expect("try_clone");
    println!(
        "the same address: {}",
        writer.local_addr().unwrap() == client.local_addr().unwrap()
    );
    drop(client);
    // The first owner is gone, and the connection is not.
    writer.write_all(b"by the clone").expect("write");
    writer.set_nonblocking(true).expect("set_nonblocking");
    println!("{}", kind(writer.read(&mut [0; 1])));
    drop(writer);
    let mut all = String::new();
    server.read_to_string(&mut all).expect("read");
    println!("{all:?}, then the end of file");

    let second = listener.try_clone().expect("try_clone");
    drop(listener);
    let _client = TcpStream::connect(second.local_addr().unwrap()).expect("connect");
    println!("the clone accepts: {}", second.accept().is_ok());
    let datagram = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let clone = datagram.try_clone().expect("try_clone");
    println!(
        "{}",
        clone.local_addr().unwrap() == datagram.local_addr().unwrap()
    );
}

fn tcp_descriptors(_: &Path) {
    let (_listener, client, mut server) = connection();
    let raw = client.as_raw_fd();
    println!("as_fd is as_raw_fd: {}", client.as_fd().as_raw_fd() == raw);
    let owned = OwnedFd::from(client);
    println!("OwnedFd has it: {}", owned.as_raw_fd() == raw);
    let client = TcpStream::from(owned);
    let number = client.into_raw_fd();
    println!("into_raw_fd has it: {}", number == raw);
    // SAFETY: the number comes from into_raw_fd.
    let mut client = unsafe { TcpStream::from_raw_fd(number) };
    client.write_all(b"still open").expect("write");
    drop(client);
    let mut all = String::new();
    server.read_to_string(&mut all).expect("read");
    println!("{all:?}");
}

fn tcp_shutdown(_: &Path) {
    let (_listener, mut client, mut server) = connection();
    client.shutdown(Shutdown::Write).expect("shutdown");
    println!("read {:?}", server.read(&mut [0; 1]));
    println!("write after it: {}", kind(client.write(b"x")));
    server.write_all(b"the other way").expect("write");
    let mut buf = [0; 16];
    let n = client.read(&mut buf).expect("read");
    println!("{:?}", text(&buf[..n]));
    server.shutdown(Shutdown::Both).expect("shutdown");
    println!("read {:?}", client.read(&mut buf));
}

fn tcp_options(_: &Path) {
    let (listener, client, _server) = connection();
    println!("nodelay {:?}", client.nodelay().unwrap());
    client.set_nodelay(true).expect("set_nodelay");
    println!("nodelay {:?}", client.nodelay().unwrap());
    client.set_nodelay(false).expect("set_nodelay");
    println!("nodelay {:?}", client.nodelay().unwrap());
    println!("ttl {:?}", client.ttl().unwrap());
    client.set_ttl(42).expect("set_ttl");
    println!("ttl {:?}", client.ttl().unwrap());
    println!("ttl 256 {}", kind(client.set_ttl(256)));
    println!("ttl 0 {}", kind(client.set_ttl(0)));
    listener.set_ttl(7).expect("set_ttl");
    println!("the listener's ttl {:?}", listener.ttl().unwrap());
    println!(
        "{:?} {:?}",
        client.take_error().unwrap(),
        listener.take_error().unwrap()
    );
}

/// A limit that the kernel has rounded to its tick.
fn near(got: Option<Duration>, set: Duration) -> bool {
    got.is_some_and(|got| got >= set && got < set + Duration::from_millis(20))
}

fn tcp_timeouts(_: &Path) {
    let (_listener, mut client, _server) = connection();
    println!(
        "{:?} {:?}",
        client.read_timeout().unwrap(),
        client.write_timeout().unwrap()
    );
    let limit = Duration::from_millis(40);
    client.set_read_timeout(Some(limit)).expect("set_read_timeout");
    client
        .set_write_timeout(Some(limit * 2))
        .expect("set_write_timeout");
    println!("{}", near(client.read_timeout().unwrap(), limit));
    println!("{}", near(client.write_timeout().unwrap(), limit * 2));
    let start = Instant::now();
    println!("{}", kind(client.read(&mut [0; 1])));
    println!("not early: {}", start.elapsed() >= limit);
    println!("zero: {}", kind(client.set_read_timeout(Some(Duration::ZERO))));
    client
        .set_read_timeout(Some(Duration::from_nanos(1)))
        .expect("set_read_timeout");
    println!("{}", kind(client.read(&mut [0; 1])));
    client.set_read_timeout(None).expect("set_read_timeout");
    client.set_write_timeout(None).expect("set_write_timeout");
    println!(
        "{:?} {:?}",
        client.read_timeout().unwrap(),
        client.write_timeout().unwrap()
    );

    client.set_write_timeout(Some(limit)).expect("set_write_timeout");
    let full = vec![0; 1 << 20];
    let error = loop {
        if let Err(error) = client.write(&full) {
            break error;
        }
    };
    println!("a write that nothing reads: {:?}", error.kind());
}

fn tcp_connect_timeout(_: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().expect("local_addr");
    let limit = Duration::from_secs(20);
    let mut client = TcpStream::connect_timeout(&address, limit).expect("connect_timeout");
    let (mut server, _) = listener.accept().expect("accept");
    // It is in blocking mode again: the read waits.
    let wait = Duration::from_millis(30);
    client.set_read_timeout(Some(wait)).expect("set_read_timeout");
    let start = Instant::now();
    println!(
        "{}, not early: {}",
        kind(client.read(&mut [0; 1])),
        start.elapsed() >= wait
    );
    server.write_all(b"x").expect("write");
    println!("read {:?}", client.read(&mut [0; 1]));
    println!(
        "zero: {}",
        kind(TcpStream::connect_timeout(&address, Duration::ZERO))
    );
    println!(
        "refused: {}",
        kind(TcpStream::connect_timeout(&closed_port(), limit))
    );
}

fn tcp_nonblocking(_: &Path) {
    let (listener, mut client, mut server) = connection();
    listener.set_nonblocking(true).expect("set_nonblocking");
    println!("accept: {}", kind(listener.accept()));
    server.set_nonblocking(true).expect("set_nonblocking");
    println!("read: {}", kind(server.read(&mut [0; 1])));
    println!("peek: {}", kind(server.peek(&mut [0; 1])));
    server.set_nonblocking(false).expect("set_nonblocking");
    client.write_all(b"x").expect("write");
    println!("read: {:?}", server.read(&mut [0; 1]));
    client.set_nonblocking(true).expect("set_nonblocking");
    let full = vec![0; 1 << 20];
    let error = loop {
        if let Err(error) = client.write(&full) {
            break error;
        }
    };
    println!("write: {:?}", error.kind());
}

/// One MiB, written and read in turns by one thread.
fn tcp_large(_: &Path) {
    const TOTAL: usize = 1 << 20;
    let (_listener, mut client, mut server) = connection();
    client.set_nonblocking(true).expect("set_nonblocking");
    let sent: Vec<u8> = (0..=u8::MAX).cycle().take(TOTAL).collect();
    let mut received = Vec::new();
    let mut at = 0;
    let mut buf = vec![0; 64 * 1024];
    while received.len() < TOTAL {
        if at < TOTAL {
            match client.write(&sent[at..]) {
                Ok(n) => at += n,
                Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
            }
        }
        let n = server.read(&mut buf).expect("read");
        received.extend_from_slice(&buf[..n]);
    }
    println!("{} bytes, the same: {}", received.len(), received == sent);
}

fn tcp_refused(_: &Path) {
    println!("{}", kind(TcpStream::connect(closed_port())));
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let addrs = [closed_port(), listener.local_addr().expect("local_addr")];
    let client = TcpStream::connect(&addrs[..]).expect("the second accepts");
    println!("the second of two: {}", client.peer_addr().unwrap() == addrs[1]);
}

fn tcp_in_use(_: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    println!("{}", kind(TcpListener::bind(listener.local_addr().unwrap())));
    // TEST-NET-1: no machine has this address.
    println!("{}", kind(TcpListener::bind("192.0.2.1:0")));
    let datagram = UdpSocket::bind("127.0.0.1:0").expect("bind");
    println!("{}", kind(UdpSocket::bind(datagram.local_addr().unwrap())));
    let address = listener.local_addr().unwrap();
    drop(listener);
    println!("free again: {}", TcpListener::bind(address).is_ok());
}

/// A socket that is closed with something unread resets the connection.
fn tcp_reset(_: &Path) {
    let (_listener, mut client, server) = connection();
    client.write_all(b"never read").expect("write");
    // Wait until it is there.
    server.peek(&mut [0; 1]).expect("peek");
    drop(server);
    println!("{}", kind(client.read(&mut [0; 1])));
    println!("then {:?}", client.read(&mut [0; 1]));
    println!("and {}", kind(client.write(b"x")));
}

fn tcp_closed(_: &Path) {
    let (_listener, mut client, server) = connection();
    drop(server);
    println!("read {:?}", client.read(&mut [0; 1]));
    // The first write is answered by a reset, which the next call finds.
    println!("write {:?}", client.write(b"x"));
    let error = loop {
        if let Err(error) = client.write_all(b"x") {
            break error;
        }
        std::thread::yield_now();
    };
    println!(
        "write again: reset or a closed pipe {}",
        matches!(
            error.kind(),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
        )
    );
}

fn udp_pair() -> (UdpSocket, UdpSocket) {
    let bind = || UdpSocket::bind("127.0.0.1:0").expect("bind");
    (bind(), bind())
}

fn udp_unconnected(_: &Path) {
    for any in ["127.0.0.1:0", "[::1]:0"] {
        let server = UdpSocket::bind(any).expect("bind");
        let client = UdpSocket::bind(any).expect("bind");
        let address = server.local_addr().expect("local_addr");
        let mut buf = [0; 64];
        for message in ["first", "second"] {
            println!("sent {:?}", client.send_to(message.as_bytes(), address));
            let (n, from) = server.recv_from(&mut buf).expect("recv_from");
            println!(
                "received {:?} from {}, the client: {}",
                text(&buf[..n]),
                from.ip(),
                from == client.local_addr().unwrap()
            );
            server.send_to(&buf[..n], from).expect("send_to");
            let (n, from) = client.recv_from(&mut buf).expect("recv_from");
            println!("back {:?} from the server: {}", text(&buf[..n]), from == address);
        }
        println!("no peer: {}", kind(server.peer_addr()));
    }
}

fn udp_connected(_: &Path) {
    let (one, other) = udp_pair();
    let stranger = UdpSocket::bind("127.0.0.1:0").expect("bind");
    one.connect(other.local_addr().unwrap()).expect("connect");
    println!(
        "the peer: {}",
        one.peer_addr().unwrap() == other.local_addr().unwrap()
    );
    println!("sent {:?}", one.send(b"hello"));
    let mut buf = [0; 16];
    let (n, from) = other.recv_from(&mut buf).expect("recv_from");
    println!("{:?} {}", text(&buf[..n]), from == one.local_addr().unwrap());
    stranger
        .send_to(b"not for it", one.local_addr().unwrap())
        .expect("send_to");
    other.send_to(b"for it", from).expect("send_to");
    let n = one.recv(&mut buf).expect("recv");
    println!("{:?}", text(&buf[..n]));
    one.set_nonblocking(true).expect("set_nonblocking");
    println!("the stranger's: {}", kind(one.recv(&mut buf)));
    println!(
        "not connected: {}",
        kind(stranger.send(b"x").map(drop)) != "no error but ()"
    );
}

fn udp_peek(_: &Path) {
    let (one, other) = udp_pair();
    one.send_to(b"a datagram", other.local_addr().unwrap())
        .expect("send_to");
    one.send_to(b"another", other.local_addr().unwrap())
        .expect("send_to");
    let mut buf = [0; 32];
    let (n, from) = other.peek_from(&mut buf).expect("peek_from");
    println!("{:?} {}", text(&buf[..n]), from == one.local_addr().unwrap());
    let n = other.peek(&mut buf[..3]).expect("peek");
    println!("{:?}", text(&buf[..n]));
    for _ in 0..2 {
        let n = other.recv(&mut buf).expect("recv");
        println!("{:?}", text(&buf[..n]));
    }
}

fn udp_sizes(_: &Path) {
    let (one, other) = udp_pair();
    let to = other.local_addr().unwrap();
    let mut buf = vec![0; 70_000];
    println!("sent {:?}", one.send_to(b"", to));
    println!("received {:?}", other.recv_from(&mut buf).map(|(n, _)| n));
    one.send_to(b"too long for it", to).expect("send_to");
    println!("received {:?}", other.recv(&mut buf[..3]));
    println!("sent {:?}", one.send_to(&vec![1; 65_507], to));
    println!("received {:?}", other.recv(&mut buf));
    println!("longer: {}", one.send_to(&vec![1; 65_508], to).is_err());
}

fn udp_timeouts(_: &Path) {
    let (one, _) = udp_pair();
    let limit = Duration::from_millis(40);
    one.set_read_timeout(Some(limit)).expect("set_read_timeout");
    println!("{}", near(one.read_timeout().unwrap(), limit));
    let start = Instant::now();
    println!("{}", kind(one.recv_from(&mut [0; 1])));
    println!("not early: {}", start.elapsed() >= limit);
    println!("zero: {}", kind(one.set_write_timeout(Some(Duration::ZERO))));
    one.set_read_timeout(None).expect("set_read_timeout");
    one.set_nonblocking(true).expect("set_nonblocking");
    println!("{}", kind(one.recv_from(&mut [0; 1])));
    println!("{}", kind(one.peek(&mut [0; 1])));
}

fn udp_options(_: &Path) {
    let (one, _) = udp_pair();
    println!("broadcast {:?}", one.broadcast().unwrap());
    one.set_broadcast(true).expect("set_broadcast");
    println!("broadcast {:?}", one.broadcast().unwrap());
    println!("ttl {:?}", one.ttl().unwrap());
    one.set_ttl(9).expect("set_ttl");
    println!("ttl {:?}", one.ttl().unwrap());
    println!("multicast loop {:?}", one.multicast_loop_v4().unwrap());
    one.set_multicast_loop_v4(false).expect("set_multicast_loop_v4");
    println!("multicast loop {:?}", one.multicast_loop_v4().unwrap());
    println!("multicast ttl {:?}", one.multicast_ttl_v4().unwrap());
    one.set_multicast_ttl_v4(5).expect("set_multicast_ttl_v4");
    println!("multicast ttl {:?}", one.multicast_ttl_v4().unwrap());
    println!("multicast ttl 256: {}", kind(one.set_multicast_ttl_v4(256)));
    println!("IPv6's of IPv4: {}", one.multicast_loop_v6().is_err());
    let six = UdpSocket::bind("[::1]:0").expect("bind");
    println!("multicast loop {:?}", six.multicast_loop_v6().unwrap());
    six.set_multicast_loop_v6(false).expect("set_multicast_loop_v6");
    println!("multicast loop {:?}", six.multicast_loop_v6().unwrap());
    println!("{:?}", one.take_error().unwrap());
}

fn udp_multicast(_: &Path) {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("bind");
    let (group, interface) = (Ipv4Addr::new(239, 1, 2, 3), Ipv4Addr::LOCALHOST);
    println!("join {:?}", socket.join_multicast_v4(&group, &interface));
    println!("again {}", kind(socket.join_multicast_v4(&group, &interface)));
    println!("leave {:?}", socket.leave_multicast_v4(&group, &interface));
    println!("again {}", kind(socket.leave_multicast_v4(&group, &interface)));
    println!(
        "no group {}",
        kind(socket.join_multicast_v4(&interface, &interface))
    );
    let six = UdpSocket::bind("[::1]:0").expect("bind");
    println!(
        "no group {}",
        kind(six.join_multicast_v6(&Ipv6Addr::LOCALHOST, 0))
    );
    println!(
        "leave {}",
        kind(six.leave_multicast_v6(&Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 9), 1))
    );
}

fn udp_errors(_: &Path) {
    let (one, other) = udp_pair();
    one.connect(other.local_addr().unwrap()).expect("connect");
    drop(other);
    // Nothing receives there: the datagram is answered by an error, which the next call finds.
    one.send(b"x").expect("send");
    println!("{}", kind(one.recv(&mut [0; 1])));
    println!("no address: {}", kind(one.send_to(b"x", &[][..])));
    println!("no address: {}", kind(UdpSocket::bind(&[][..])));
}

fn unix_stream(dir: &Path) {
    let path = dir.join("stream");
    let listener = UnixListener::bind(&path).expect("bind");
    let mut client = UnixStream::connect(&path).expect("connect");
    let (mut server, peer) = listener.accept().expect("accept");
    println!("the peer has no name: {}", peer.is_unnamed());
    println!(
        "the client has none: {}",
        client.local_addr().unwrap().is_unnamed()
    );
    println!(
        "the client's peer: {}",
        client.peer_addr().unwrap().as_pathname() == Some(&path)
    );
    println!(
        "the server: {}",
        server.local_addr().unwrap().as_pathname() == Some(&path)
    );
    client.write_all(b"a request").expect("write");
    client.shutdown(Shutdown::Write).expect("shutdown");
    let mut all = String::new();
    server.read_to_string(&mut all).expect("read");
    println!("{all:?}");
    let clone = server.try_clone().expect("try_clone");
    drop(server);
    (&clone).write_all(b"by the clone").expect("write");
    drop(clone);
    all.clear();
    client.read_to_string(&mut all).expect("read");
    println!("{all:?}");

    let address = unix::SocketAddr::from_pathname(&path).expect("an address");
    let client = UnixStream::connect_addr(&address).expect("connect_addr");
    let limit = Duration::from_millis(20);
    client.set_read_timeout(Some(limit)).expect("set_read_timeout");
    println!("{}", near(client.read_timeout().unwrap(), limit));
    println!("{}", kind((&client).read(&mut [0; 1])));
    println!("{:?}", client.take_error().unwrap());
}

fn unix_listener(dir: &Path) {
    let path = dir.join("listener");
    let listener = UnixListener::bind(&path).expect("bind");
    println!("{}", listener.local_addr().unwrap().as_pathname() == Some(&path));
    listener.set_nonblocking(true).expect("set_nonblocking");
    println!("{}", kind(listener.accept()));
    listener.set_nonblocking(false).expect("set_nonblocking");
    let clients: Vec<UnixStream> = (0..2_u8)
        .map(|number| {
            let mut client = UnixStream::connect(&path).expect("connect");
            client.write_all(&[b'0' + number]).expect("write");
            client
        })
        .collect();
    for stream in listener.incoming().take(clients.len()) {
        let mut buf = [0; 1];
        stream.expect("accept").read_exact(&mut buf).expect("read");
        println!("{}", text(&buf));
    }
    println!("in use: {}", kind(UnixListener::bind(&path)));
    drop(listener);
    println!("closed: {}", kind(UnixStream::connect(&path)));
    std::fs::remove_file(&path).expect("remove the path");
    println!("gone: {}", kind(UnixStream::connect(&path)));
    println!("free again: {}", UnixListener::bind(&path).is_ok());
}

fn unix_datagram(dir: &Path) {
    let (first, second) = (dir.join("first"), dir.join("second"));
    let one = UnixDatagram::bind(&first).expect("bind");
    let other = UnixDatagram::bind(&second).expect("bind");
    println!("sent {:?}", one.send_to(b"hello", &second));
    let mut buf = [0; 32];
    let (n, from) = other.recv_from(&mut buf).expect("recv_from");
    println!("{:?} {}", text(&buf[..n]), from.as_pathname() == Some(&first));
    println!("sent {:?}", other.send_to_addr(b"back", &from));
    println!("{:?}", one.recv(&mut buf));

    let unbound = UnixDatagram::unbound().expect("unbound");
    println!("no name: {}", unbound.local_addr().unwrap().is_unnamed());
    println!("no peer: {}", kind(unbound.send(b"x")));
    unbound.connect(&second).expect("connect");
    println!("sent {:?}", unbound.send(b"from nowhere"));
    let (n, from) = other.recv_from(&mut buf).expect("recv_from");
    println!("{:?} {}", text(&buf[..n]), from.is_unnamed());
    println!(
        "peer {}",
        unbound.peer_addr().unwrap().as_pathname() == Some(&second)
    );
    other.set_nonblocking(true).expect("set_nonblocking");
    println!("{}", kind(other.recv(&mut buf)));
    drop(other);
    println!("closed: {}", kind(unbound.send(b"x")));
}

/// More connections than 128 wait to be accepted.
fn unix_backlog(dir: &Path) {
    let path = dir.join("backlog");
    let listener = UnixListener::bind(&path).expect("bind");
    let clients: Vec<UnixStream> = (0..140)
        .map(|_| UnixStream::connect(&path).expect("connect"))
        .collect();
    println!("{} {}", clients.len(), listener.accept().is_ok());
}

fn unix_errors(dir: &Path) {
    println!(
        "nothing there: {}",
        kind(UnixStream::connect(dir.join("nothing")))
    );
    println!(
        "no directory: {}",
        kind(UnixListener::bind(dir.join("no/directory")))
    );
    println!(
        "too long: {}",
        kind(UnixListener::bind(dir.join("x".repeat(108))))
    );
    println!("a zero byte: {}", kind(UnixStream::connect(dir.join("a\0b"))));
    std::fs::write(dir.join("file"), b"").expect("write a file");
    println!("a file: {}", kind(UnixListener::bind(dir.join("file"))));
    println!("a file: {}", kind(UnixStream::connect(dir.join("file"))));
}

fn addresses(_: &Path) {
    let show = |result: io::Result<Vec<SocketAddr>>| println!("{:?}", result.map_err(|error| error.kind()));
    fn all(addrs: impl ToSocketAddrs) -> io::Result<Vec<SocketAddr>> {
        addrs.to_socket_addrs().map(Iterator::collect)
    }
    show(all("127.0.0.1:80"));
    show(all("[::1]:80"));
    show(all(String::from("192.0.2.1:65535")));
    show(all(("127.0.0.1", 80)));
    show(all((String::from("::1"), 80)));
    show(all((Ipv4Addr::LOCALHOST, 1)));
    show(all((Ipv6Addr::LOCALHOST, 1)));
    show(all("no port"));
    show(all("127.0.0.1:65536"));
    show(all("127.0.0.1:"));
    let localhost = all("localhost:443").expect("look up localhost");
    println!(
        "localhost is this machine: {}",
        localhost.iter().all(|addr| addr.ip().is_loopback())
    );
    println!(
        "and has the port: {}",
        localhost.iter().all(|addr| addr.port() == 443)
    );
    println!("IPv4 among them: {}", localhost.iter().any(SocketAddr::is_ipv4));
    println!("no such name: {}", all("no-such-name.invalid:80").is_err());
}

fn debug(_: &Path) {
    let (listener, client, _server) = connection();
    let datagram = UdpSocket::bind("127.0.0.1:0").expect("bind");
    // Ports and descriptors differ from run to run.
    let shape = |text: String| text.replace(|c: char| c.is_ascii_digit(), "");
    println!("{}", shape(format!("{listener:?}")));
    println!("{}", shape(format!("{client:?}")));
    println!("{}", shape(format!("{datagram:?}")));
}
