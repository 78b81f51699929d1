//! What the crate has and std has not.

use guestnet_guest::{
    Connection, Epoll, EpollEvent, EpollInterest, Events, IncomingDatagram, Listener, LookupError,
    OutgoingDatagram, PollFd, SocketOptions, TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener,
    UnixStream, dial, dial_timeout, listen, lookup_host, poll,
};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

pub(crate) const ALL: &[crate::Behaviour] = &[
    ("options", options),
    ("options_of_tcp", options_of_tcp),
    ("options_of_others", options_of_others),
    ("linger", linger),
    ("backlog", backlog),
    ("connect_nonblocking", connect_nonblocking),
    ("lookup_host", lookups),
    ("dial_tcp", dial_tcp),
    ("dial_udp", dial_udp),
    ("dial_ports", dial_ports),
    ("dial_unix", dial_unix),
    ("dial_unix_timeout", dial_unix_timeout),
    ("dial_errors", dial_errors),
    ("dial_clone", dial_clone),
    ("dial_descriptors", dial_descriptors),
    ("vectored_many", vectored_many),
    ("udp_shutdown", udp_shutdown),
    ("batch", batch),
    ("poll_many", poll_many),
    ("epoll_many", epoll_many),
    ("epoll_modes", epoll_modes),
    ("epoll_errors", epoll_errors),
    ("unix_peek", unix_peek),
    ("unix_relative", unix_relative),
    ("to_std", to_std),
];

pub(crate) fn kind<T: Debug>(result: io::Result<T>) -> String {
    match result {
        Ok(value) => format!("no error but {value:?}"),
        Err(error) => format!("{:?}", error.kind()),
    }
}

fn connection() -> (TcpListener, TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let client = TcpStream::connect(listener.local_addr().expect("local_addr")).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    (listener, client, server)
}

/// Reads several options, so that one that another was set for shows.
macro_rules! read_all {
    ($socket:expr; $($get:ident),*) => {
        $(println!("{} is {:?}", stringify!($get), $socket.$get().expect(stringify!($get)));)*
    };
}

/// Sets an option, and reads it again.
macro_rules! set_and_read {
    ($socket:expr, $get:ident, $set:ident, $value:expr) => {
        $socket.$set($value).expect(stringify!($set));
        println!(
            "{} {:?}",
            stringify!($get),
            $socket.$get().expect(stringify!($get))
        );
    };
}

fn options(_: &Path) {
    let (listener, client, _server) = connection();
    println!(
        "listener {:?} {:?}",
        listener.is_listener().unwrap(),
        client.is_listener().unwrap()
    );
    println!("reuse_address {:?}", listener.reuse_address().unwrap());
    set_and_read!(client, reuse_address, set_reuse_address, true);
    set_and_read!(client, reuse_port, set_reuse_port, true);
    set_and_read!(client, reuse_port, set_reuse_port, false);
    set_and_read!(client, keepalive, set_keepalive, true);
    read_all!(client; keepalive, dont_route, oob_inline);
    set_and_read!(client, dont_route, set_dont_route, true);
    read_all!(client; keepalive, dont_route, oob_inline);
    set_and_read!(client, oob_inline, set_oob_inline, true);
    set_and_read!(client, recv_low_water, set_recv_low_water, 4);
    read_all!(client; reuse_address, reuse_port, keepalive, dont_route, oob_inline, recv_low_water);
    for size in [8192, 65536] {
        client.set_recv_buffer_size(size).expect("SO_RCVBUF");
        client.set_send_buffer_size(size).expect("SO_SNDBUF");
        println!(
            "at least {size}: {} {}",
            client.recv_buffer_size().unwrap() >= size,
            client.send_buffer_size().unwrap() >= size
        );
    }
    println!(
        "too much for an int: {}",
        kind(client.set_recv_buffer_size(u32::MAX))
    );
}

fn options_of_tcp(_: &Path) {
    let (listener, client, _server) = connection();
    let seconds = Duration::from_secs;
    set_and_read!(client, keepalive_time, set_keepalive_time, seconds(30));
    set_and_read!(client, keepalive_interval, set_keepalive_interval, seconds(10));
    set_and_read!(client, keepalive_retries, set_keepalive_retries, 4);
    set_and_read!(client, syn_retries, set_syn_retries, 3);
    set_and_read!(client, fin_timeout, set_fin_timeout, seconds(5));
    set_and_read!(client, cork, set_cork, true);
    set_and_read!(client, cork, set_cork, false);
    set_and_read!(
        client,
        user_timeout,
        set_user_timeout,
        Duration::from_millis(1500)
    );
    set_and_read!(client, not_sent_low_water, set_not_sent_low_water, 4096);
    read_all!(client; keepalive_time, keepalive_interval, keepalive_retries, syn_retries, fin_timeout);
    read_all!(client; cork, user_timeout, not_sent_low_water);
    client.set_quick_ack(false).expect("TCP_QUICKACK");
    println!("quick_ack {:?}", client.quick_ack().is_ok());
    println!(
        "max_segment_size is not 0: {}",
        client.max_segment_size().unwrap() != 0
    );
    println!("window_clamp {}", client.window_clamp().is_ok());
    println!("fast_open_connect {:?}", client.fast_open_connect().unwrap());
    set_and_read!(listener, defer_accept, set_defer_accept, seconds(1));
    set_and_read!(listener, fast_open, set_fast_open, 5);
    read_all!(listener; defer_accept, fast_open);
    println!(
        "a name: {}",
        client
            .congestion()
            .unwrap()
            .bytes()
            .all(|byte| byte.is_ascii_graphic())
    );
    println!("tcp_info: {}", client.tcp_info().unwrap().len() > 100);
    println!("retries 0: {}", kind(client.set_keepalive_retries(0)));
}

fn options_of_others(_: &Path) {
    let four = UdpSocket::bind("127.0.0.1:0").expect("bind");
    set_and_read!(four, tos_v4, set_tos_v4, 0x10);
    println!("TCP's of UDP: {}", four.cork().is_err());
    println!("IPv6's of IPv4: {}", four.unicast_hops_v6().is_err());
    let six = UdpSocket::bind("[::1]:0").expect("bind");
    println!("only_v6 {:?}", six.only_v6().unwrap());
    set_and_read!(six, unicast_hops_v6, set_unicast_hops_v6, 12);
    set_and_read!(six, multicast_hops_v6, set_multicast_hops_v6, 3);
    set_and_read!(six, traffic_class_v6, set_traffic_class_v6, 0x20);
    read_all!(six; unicast_hops_v6, multicast_hops_v6, traffic_class_v6);
    println!("reuse_port of IPv6 {:?}", six.reuse_port().unwrap());
    let unix = UnixDatagram::unbound().expect("unbound");
    println!("of UNIX: {}", unix.keepalive_time().is_err());
    println!("of UNIX: {:?}", unix.is_listener().unwrap());
}

/// `SO_LINGER` of zero: the close resets the connection.
fn linger(_: &Path) {
    let (_listener, mut client, server) = connection();
    println!("{:?}", server.linger().unwrap());
    set_and_read!(server, linger, set_linger, Some(Duration::from_secs(3)));
    set_and_read!(server, linger, set_linger, None);
    server.set_linger(Some(Duration::ZERO)).expect("set_linger");
    drop(server);
    println!("{}", kind(client.read(&mut [0; 1])));
}

fn backlog(_: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    listener.set_backlog(1).expect("set_backlog");
    let _client = TcpStream::connect(listener.local_addr().unwrap()).expect("connect");
    println!("{}", listener.accept().is_ok());
}

fn connect_nonblocking(_: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().unwrap();
    let mut client = TcpStream::connect_nonblocking(&address).expect("connect");
    println!("{:?}", poll(&mut [PollFd::new(&client, Events::WRITABLE)], None));
    println!("{:?}", client.take_error().unwrap());
    let (_server, peer) = listener.accept().expect("accept");
    println!("{}", peer == client.local_addr().unwrap());
    println!("still: {}", kind(client.read(&mut [0; 1])));
    drop(listener);
    // Refused at once or later: both are allowed.
    let error = match TcpStream::connect_nonblocking(&address) {
        Ok(client) => {
            poll(&mut [PollFd::new(&client, Events::WRITABLE)], None).expect("poll");
            let error = client.take_error().unwrap();
            println!("no peer: {}", client.peer_addr().is_err());
            error
        }
        Err(error) => {
            println!("no peer: true");
            Some(error)
        }
    };
    println!("{:?}", error.map(|error| error.kind()));
}

fn lookups(_: &Path) {
    let found: Vec<_> = lookup_host(("localhost", 80)).expect("look up").collect();
    println!(
        "{}",
        !found.is_empty() && found.iter().all(|addr| addr.ip().is_loopback())
    );
    println!(
        "{:?}",
        lookup_host("127.0.0.3:8080")
            .expect("look up")
            .collect::<Vec<_>>()
    );
    let error = match lookup_host("no-such-name.invalid:80") {
        Ok(found) => panic!("found {:?}", found.collect::<Vec<_>>()),
        Err(error) => error,
    };
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<LookupError>());
    // A machine without a name server says Again.
    println!(
        "no such name: {}",
        matches!(inner, Some(LookupError::NoName | LookupError::Again))
    );
    println!("a NUL: {}", lookup_host("a\0b:80").is_err());
    println!("no name: {}", lookup_host(":80").is_err());
}

fn exchange(mut client: Connection, mut server: Connection) {
    client.write_all(b"a request").expect("write");
    let mut buf = [0; 9];
    server.read_exact(&mut buf).expect("read");
    println!("{:?}", String::from_utf8_lossy(&buf));
    server.write_all(b"an answer").expect("write");
    client.read_exact(&mut buf).expect("read");
    println!("{:?}", String::from_utf8_lossy(&buf));
    client.shutdown(Shutdown::Write).expect("shutdown");
    println!("{:?}", server.read(&mut buf));
}

fn dial_tcp(_: &Path) {
    for (network, any) in [
        ("tcp", "127.0.0.1:0"),
        ("tcp4", "127.0.0.1:0"),
        ("tcp6", "[::1]:0"),
    ] {
        let listener = listen(network, any).expect("listen");
        let client = dial(network, &listener.addr().unwrap().to_string()).expect("dial");
        let (server, peer) = listener.accept().expect("accept");
        println!("{network}: {}", peer == client.local_addr().unwrap());
        println!("{}", client.peer_addr().unwrap() == listener.addr().unwrap());
        exchange(client, server);
    }
    let listener = listen("tcp", ":0").expect("listen");
    let Listener::Tcp(tcp) = &listener else {
        panic!("not TCP")
    };
    let port = tcp.local_addr().unwrap().port();
    for (network, host) in [
        ("tcp4", "127.0.0.1"),
        ("tcp6", "[::1]"),
        ("tcp", ""),
        ("tcp", "localhost"),
    ] {
        let client = dial_timeout(network, &format!("{host}:{port}"), Duration::from_secs(20));
        println!("{network} {host:?}: {}", client.is_ok());
        if client.is_ok() {
            drop(listener.accept().expect("accept"));
        }
    }
    listener.set_nonblocking(true).expect("set_nonblocking");
    println!("{}", kind(listener.accept()));
}

fn dial_udp(_: &Path) {
    let server = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let mut client = dial("udp", &server.local_addr().unwrap().to_string()).expect("dial");
    println!("sent {:?}", client.write(b"a datagram"));
    let mut buf = [0; 32];
    let (n, from) = server.recv_from(&mut buf).expect("recv_from");
    println!("{:?}", String::from_utf8_lossy(&buf[..n]));
    server.send_to(b"back", from).expect("send_to");
    println!("read {:?}", client.read(&mut buf));
    println!("{}", client.local_addr().unwrap().to_string() == from.to_string());
    // More buffers than one call of the host takes are still one datagram.
    let many = vec![io::IoSlice::new(b"x"); 1500];
    println!("sent {:?}", client.write_vectored(&many));
    println!("received {:?}", server.recv(&mut [0; 2048]));
    client
        .set_read_timeout(Some(Duration::from_millis(20)))
        .expect("set_read_timeout");
    println!("{}", kind(client.read(&mut buf)));
    client.set_nonblocking(true).expect("set_nonblocking");
    println!("{}", kind(client.read(&mut buf)));
}

/// What is a port: a number of 16 bits, nothing, or a service of the network's own protocol.
fn dial_ports(_: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().unwrap().port();
    println!("{}", dial("tcp", &format!("127.0.0.1:0{port}")).is_ok());
    // The C library takes the first of them for the port itself.
    for text in [
        (u32::from(port) + 65536).to_string(),
        format!("+{port}"),
        format!(" {port}"),
        "-1".into(),
    ] {
        for host in ["127.0.0.1", ""] {
            println!("{}", kind(dial("tcp", &format!("{host}:{text}"))));
        }
    }
    println!(
        "no such service: {}",
        kind(dial("tcp", "127.0.0.1:no-such-service"))
    );
    for service in ["ntp", "tftp", "domain"] {
        let peer = dial("udp", &format!("127.0.0.1:{service}")).and_then(|socket| socket.peer_addr());
        println!(
            "{service} {:?}",
            peer.map(|peer| peer.to_string()).map_err(|error| error.kind())
        );
    }
    println!("ntp of TCP: {}", kind(dial("tcp", "127.0.0.1:ntp")));
    for any in ["127.0.0.1:", ":"] {
        println!("{}", listen("tcp", any).is_ok());
    }
}

fn dial_unix(dir: &Path) {
    let path = dir.join("dial").to_string_lossy().into_owned();
    let listener = listen("unix", &path).expect("listen");
    println!("{}", listener.addr().unwrap().to_string() == path);
    let client = dial("unix", &path).expect("dial");
    let (server, _) = listener.accept().expect("accept");
    exchange(client, server);
    let path = dir.join("datagrams").to_string_lossy().into_owned();
    let server = UnixDatagram::bind(&path).expect("bind");
    let mut client = dial("unixgram", &path).expect("dial");
    println!("sent {:?}", client.write(b"a datagram"));
    println!("received {:?}", server.recv(&mut [0; 32]));
}

/// A connect that waits for room in the backlog.
fn dial_unix_timeout(dir: &Path) {
    let path = dir.join("full").to_string_lossy().into_owned();
    let listener = UnixListener::bind(&path).expect("bind");
    listener.set_backlog(0).expect("set_backlog");
    let limit = Duration::from_secs(20);
    let client = dial_timeout("unix", &path, limit).expect("dial_timeout");
    let Connection::Unix(client) = client else {
        panic!("not a stream")
    };
    println!("no time is left over: {:?}", client.write_timeout().unwrap());
    let (start, limit) = (Instant::now(), Duration::from_millis(30));
    println!("{}", kind(dial_timeout("unix", &path, limit)));
    println!("not early: {}", start.elapsed() >= limit);
    println!("zero: {}", kind(dial_timeout("unix", &path, Duration::ZERO)));
    listener.accept().expect("accept");
    println!("for ever: {}", dial_timeout("unix", &path, Duration::MAX).is_ok());
    println!(
        "nothing: {}",
        kind(dial_timeout(
            "unix",
            &dir.join("nothing").to_string_lossy(),
            limit
        ))
    );
}

fn dial_errors(dir: &Path) {
    println!("{}", kind(dial("icmp", "127.0.0.1:1")));
    println!("{}", kind(dial("tcp", "127.0.0.1")));
    println!("{}", kind(dial("tcp", "::1:80")));
    println!("{}", kind(listen("udp", "127.0.0.1:0")));
    println!("{}", kind(listen("unixgram", "/x")));
    println!("{}", kind(dial("unix", &dir.join("nothing").to_string_lossy())));
    let closed = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("bind");
    println!("{}", kind(dial("tcp", &closed.to_string())));
    println!(
        "{}",
        kind(dial_timeout("tcp", &closed.to_string(), Duration::from_secs(20)))
    );
    println!(
        "{}",
        kind(dial_timeout("tcp", &closed.to_string(), Duration::ZERO))
    );
    println!("IPv4 by tcp6: {}", dial("tcp6", "127.0.0.1:80").is_err());
    println!(
        "no such name: {}",
        dial("tcp", "no-such-name.invalid:80").is_err()
    );
}

/// Two owners of what `dial` and `listen` return.
fn dial_clone(_: &Path) {
    let first = listen("tcp", "127.0.0.1:0").expect("listen");
    let listener = first.try_clone().expect("try_clone");
    let address = first.addr().unwrap();
    println!("{}", listener.addr().unwrap() == address);
    drop(first);
    let client = dial("tcp", &address.to_string()).expect("dial");
    let (mut server, _) = listener.accept().expect("accept");
    let mut writer = client.try_clone().expect("try_clone");
    println!("{}", writer.local_addr().unwrap() == client.local_addr().unwrap());
    drop(client);
    writer.write_all(b"by the clone").expect("write");
    drop(writer);
    let mut all = String::new();
    server.read_to_string(&mut all).expect("read");
    println!("{all:?}, then the end of file");
    let datagrams = dial("udp", "127.0.0.1:9").expect("dial");
    println!("{}", datagrams.try_clone().unwrap().peer_addr().unwrap());
}

/// The descriptors of what `dial` and `listen` return.
fn dial_descriptors(_: &Path) {
    let listener = listen("tcp", "127.0.0.1:0").expect("listen");
    let client = dial("tcp", &listener.addr().unwrap().to_string()).expect("dial");
    let (mut server, _) = listener.accept().expect("accept");
    println!(
        "as_fd is as_raw_fd: {}",
        client.as_fd().as_raw_fd() == client.as_raw_fd()
    );
    let number = client.as_raw_fd();
    let owned = OwnedFd::from(client);
    println!("OwnedFd has it: {}", owned.as_raw_fd() == number);
    let mut client = TcpStream::from(owned);
    client.write_all(b"still open").expect("write");
    drop(client);
    let mut all = String::new();
    server.read_to_string(&mut all).expect("read");
    println!("{all:?}");
    let number = listener.as_raw_fd();
    println!("into_raw_fd has it: {}", listener.into_raw_fd() == number);
}

/// More buffers than one call of the host takes: some are written and read, and the call does not fail.
fn vectored_many(_: &Path) {
    let (_listener, mut client, mut server) = connection();
    let many = vec![io::IoSlice::new(b"ab"); 3000];
    let sent = client.write_vectored(&many).expect("write_vectored");
    println!("some: {}", sent > 0 && sent <= 6000);
    drop(client);
    let mut bytes = vec![[0; 1]; 3000];
    let mut received: Vec<u8> = Vec::new();
    loop {
        let mut bufs: Vec<_> = bytes.iter_mut().map(|byte| io::IoSliceMut::new(byte)).collect();
        let count = server.read_vectored(&mut bufs).expect("read_vectored");
        if count == 0 {
            break;
        }
        received.extend(bytes.iter().flatten().take(count).copied());
    }
    println!("all of them: {}", received == b"ab".repeat(sent / 2));
}

/// std's UDP socket does not have it: what it ends is the receive.
fn udp_shutdown(_: &Path) {
    let one = UdpSocket::bind("127.0.0.1:0").expect("bind");
    println!("without a peer: {}", kind(one.shutdown(Shutdown::Read)));
    let other = UdpSocket::bind("127.0.0.1:0").expect("bind");
    one.connect(other.local_addr().unwrap()).expect("connect");
    let received = one.shutdown(Shutdown::Read).and_then(|()| one.recv(&mut [0; 8]));
    println!(
        "nothing is waited for: {:?}",
        received.map_err(|error| error.kind())
    );
}

fn batch(_: &Path) {
    let one = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let other = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let to = other.local_addr().ok();
    let datagrams = ["first", "second", "a third that is too long"].map(|text| OutgoingDatagram {
        data: text.as_bytes(),
        to,
    });
    println!("sent {:?}", one.send_many(&datagrams));
    let mut bufs = [[0; 8]; 5];
    let mut room: Vec<_> = bufs.iter_mut().map(|buf| IncomingDatagram::new(buf)).collect();
    // More room than datagrams: it does not wait for a fourth.
    let mut received = 0;
    while received < datagrams.len() {
        received += other.recv_many(&mut room[received..]).expect("recv_many");
    }
    println!("received {received}");
    for datagram in &room {
        println!(
            "{:?} {} {}",
            String::from_utf8_lossy(datagram.data()),
            datagram.is_truncated(),
            datagram.sender() == one.local_addr().ok()
        );
    }
    one.send_many(&datagrams[..1]).expect("send_many");
    println!("received {:?}", other.recv_many(&mut room));
    for datagram in &room[..2] {
        println!(
            "{:?} {}",
            String::from_utf8_lossy(datagram.data()),
            datagram.sender().is_some()
        );
    }
    other.set_nonblocking(true).expect("set_nonblocking");
    println!("{}", kind(other.recv_many(&mut room)));
    println!("none: {:?} {:?}", one.send_many(&[]), other.recv_many(&mut []));
    let nowhere = OutgoingDatagram { data: b"x", to: None };
    println!("no peer: {}", one.send_many(&[nowhere]).is_err());
    println!("after one: {:?}", one.send_many(&[datagrams[0], nowhere]));
    one.connect(other.local_addr().unwrap()).expect("connect");
    println!("connected: {:?}", one.send_many(&[nowhere, nowhere]));
    let mut received = 0;
    while received < 3 {
        received += other.recv_many(&mut room[received..]).unwrap_or(0);
    }
    println!("received {received}");
}

fn poll_many(_: &Path) {
    let (listener, mut client, server) = connection();
    let idle = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let limit = Duration::from_millis(30);
    let start = Instant::now();
    let mut fds = [
        PollFd::new(&listener, Events::READABLE),
        PollFd::new(&server, Events::READABLE),
        PollFd::new(&idle, Events::READABLE),
    ];
    println!(
        "{:?}, not early: {}",
        poll(&mut fds, Some(limit)),
        start.elapsed() >= limit
    );
    println!("{:?}", poll(&mut fds, Some(Duration::ZERO)));
    client.write_all(b"x").expect("write");
    println!("{:?}", poll(&mut fds, None));
    let show = |fds: &[PollFd<'_>]| {
        for fd in fds {
            let has = |event| fd.returned().contains(event);
            println!(
                "readable {} writable {} error {}",
                has(Events::READABLE),
                has(Events::WRITABLE),
                has(Events::ERROR)
            );
        }
    };
    show(&fds);
    let mut fds = [
        PollFd::new(&client, Events::READABLE | Events::WRITABLE),
        PollFd::new(&idle, Events::WRITABLE),
    ];
    println!("{:?}", poll(&mut fds, None));
    show(&fds);
    drop(server);
    let mut fds = [PollFd::new(&client, Events::READABLE)];
    println!("{:?}", poll(&mut fds, None));
    println!(
        "readable at the end: {}",
        fds[0].returned().contains(Events::READABLE)
    );
    println!(
        "nothing asked: {}",
        kind(poll(&mut [PollFd::new(&idle, Events::NONE)], None))
    );
    println!(
        "an error asked: {}",
        kind(poll(&mut [PollFd::new(&idle, Events::ERROR)], None))
    );
    println!("nothing at all: {}", kind(poll(&mut [], None)));
    println!("a pause: {:?}", poll(&mut [], Some(Duration::from_millis(1))));
}

/// Prints what an epoll reports now, in the order of the tokens.
fn report(epoll: &Epoll) {
    let mut room = [EpollEvent::default(); 8];
    let events = epoll.wait(&mut room, Some(Duration::ZERO)).expect("wait");
    let mut events: Vec<String> = events.iter().map(|event| format!("{event:?}")).collect();
    events.sort();
    println!("{events:?}");
}

/// Waits until bytes are there, so that what is reported does not depend on the time.
fn wait_readable(fd: &impl AsFd) {
    poll(&mut [PollFd::new(fd, Events::READABLE)], None).expect("poll");
}

fn epoll_many(_: &Path) {
    let (listener, mut client, server) = connection();
    let sockets: Vec<UdpSocket> = (0..20)
        .map(|_| UdpSocket::bind("127.0.0.1:0").expect("bind"))
        .collect();
    let epoll = Epoll::new().expect("epoll");
    for (token, socket) in (100..).zip(&sockets) {
        epoll
            .add(socket, EpollInterest::new(token, Events::READABLE))
            .expect("add");
    }
    epoll
        .add(&listener, EpollInterest::new(1, Events::READABLE))
        .expect("add");
    epoll
        .add(
            &server,
            EpollInterest::new(u64::MAX, Events::READABLE | Events::READ_HANGUP),
        )
        .expect("add");
    let limit = Duration::from_millis(30);
    let start = Instant::now();
    let mut room = [EpollEvent::default(); 8];
    println!("{:?}", epoll.wait(&mut room, Some(limit)));
    println!("not early: {}", start.elapsed() >= limit);
    client.write_all(b"x").expect("write");
    println!("{:?}", epoll.wait(&mut room, None));
    for socket in sockets.iter().step_by(2) {
        let to = socket.local_addr().expect("local_addr");
        sockets[1].send_to(b"y", to).expect("send_to");
        wait_readable(socket);
    }
    // Eleven are ready, and eight have room: the kernel puts those that it has reported behind the others.
    let mut tokens = BTreeSet::new();
    for _ in 0..2 {
        let events = epoll.wait(&mut room, None).expect("wait");
        println!("{}", events.len());
        tokens.extend(events.iter().map(EpollEvent::token));
    }
    println!("{tokens:?}");
    drop(sockets);
    client.shutdown(Shutdown::Write).expect("shutdown");
    let mut fds = [PollFd::new(&epoll, Events::READABLE)];
    println!("the epoll in poll: {:?}", poll(&mut fds, None));
    while !epoll
        .wait(&mut room, None)
        .expect("wait")
        .iter()
        .any(|event| event.events().contains(Events::READ_HANGUP))
    {}
    report(&epoll);
    let outer = Epoll::new().expect("epoll");
    outer
        .add(&epoll, EpollInterest::new(3, Events::READABLE))
        .expect("add");
    report(&outer);
    drop(epoll);
    report(&outer);
}

fn epoll_modes(_: &Path) {
    let (_listener, mut client, server) = connection();
    let epoll = Epoll::new().expect("epoll");
    let interest = EpollInterest::new(7, Events::READABLE | Events::WRITABLE);
    println!("{interest:?} {:?}", EpollEvent::default());
    epoll.add(&server, interest).expect("add");
    report(&epoll);
    report(&epoll);
    client.write_all(b"x").expect("write");
    wait_readable(&server);
    let read = EpollInterest::new(8, Events::READABLE);
    epoll.modify(&server, read.edge_triggered()).expect("modify");
    report(&epoll);
    report(&epoll);
    epoll
        .modify(&server, read.edge_triggered().oneshot())
        .expect("modify");
    report(&epoll);
    client.write_all(b"y").expect("write");
    let mut two = [0; 2];
    while server.peek(&mut two).expect("peek") < 2 {}
    report(&epoll);
    epoll.modify(&server, read.oneshot()).expect("modify");
    report(&epoll);
    report(&epoll);
    epoll
        .modify(&server, EpollInterest::new(9, Events::NONE))
        .expect("modify");
    report(&epoll);
    epoll.delete(&server).expect("delete");
    report(&epoll);
}

fn epoll_errors(_: &Path) {
    let epoll = Epoll::new().expect("epoll");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("bind");
    let read = EpollInterest::new(1, Events::READABLE);
    println!("modify: {}", kind(epoll.modify(&socket, read)));
    println!("delete: {}", kind(epoll.delete(&socket)));
    println!("itself: {}", kind(epoll.add(&epoll, read)));
    epoll.add(&socket, read).expect("add");
    println!("twice: {}", kind(epoll.add(&socket, read)));
    println!("no room: {}", kind(epoll.wait(&mut [], Some(Duration::ZERO))));
    let inner = Epoll::new().expect("epoll");
    epoll.add(&inner, read).expect("add");
    println!("a circle: {}", inner.add(&epoll, read).is_err());
    let fd = OwnedFd::from(inner);
    let inner = Epoll::from(fd);
    println!("{}", inner.as_raw_fd() == inner.as_fd().as_raw_fd());
    let no_epoll = Epoll::from(OwnedFd::from(socket));
    println!("no epoll: {}", kind(no_epoll.add(&inner, read)));
    let mut room = [EpollEvent::default()];
    println!("no epoll: {}", kind(no_epoll.wait(&mut room, None)));
}

fn unix_peek(dir: &Path) {
    let path = dir.join("peek");
    let listener = UnixListener::bind(&path).expect("bind");
    listener.set_backlog(3).expect("set_backlog");
    let mut client = UnixStream::connect(&path).expect("connect");
    let (mut server, _) = listener.accept().expect("accept");
    client.write_all(b"peeked").expect("write");
    let mut buf = [0; 8];
    println!("{:?} {:?}", server.peek(&mut buf), server.read(&mut buf));
    let path = dir.join("peek datagram");
    let socket = UnixDatagram::bind(&path).expect("bind");
    socket.send_to(b"to itself", &path).expect("send_to");
    let (n, from) = socket.peek_from(&mut buf).expect("peek_from");
    println!("{n} {}", from.as_pathname() == Some(&path));
    println!("{:?} {:?}", socket.peek(&mut buf), socket.recv(&mut buf));
}

/// A path that begins at the current directory, which is the program's own on WASI.
fn unix_relative(dir: &Path) {
    std::env::set_current_dir(dir).expect("set_current_dir");
    let listener = UnixListener::bind("relative").expect("bind");
    println!("{}", UnixStream::connect(dir.join("relative")).is_ok());
    println!("{}", UnixStream::connect("relative").is_ok());
    println!("{}", kind(UnixStream::connect("nothing")));
    println!("{}", listener.accept().is_ok());
}

/// std's types with descriptors that the crate has opened, and back.
fn to_std(_: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = listener.local_addr().unwrap();
    let listener = std::net::TcpListener::from(listener);
    let mut client = std::net::TcpStream::from(TcpStream::connect(address).expect("connect"));
    let (mut server, _) = listener.accept().expect("accept through std");
    client.write_all(b"through std").expect("write");
    let mut buf = [0; 11];
    server.read_exact(&mut buf).expect("read");
    println!("{:?}", String::from_utf8_lossy(&buf));
    println!("{}", client.peer_socket_addr().unwrap() == address);
    println!(
        "{}",
        server.peer_socket_addr().unwrap() == client.local_socket_addr().unwrap()
    );
    println!("{:?}", server.pending_error().unwrap());
    // Options of std's own types.
    set_and_read!(client, keepalive, set_keepalive, true);
    let server = TcpStream::from(server);
    println!("back again: {}", server.local_addr().unwrap() == address);
    let socket = std::net::UdpSocket::from(UdpSocket::bind("127.0.0.1:0").expect("bind"));
    let socket = UdpSocket::from(socket);
    println!("{}", socket.local_addr().unwrap().ip());
    server.set_nodelay(true).expect("set_nodelay");
    println!("{:?}", server.nodelay().unwrap());
}
