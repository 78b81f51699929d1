//! Calls of `wasi:sockets` and `wasi:io` in orders, with lengths and in numbers that no library makes. The first argument says which;
//! it prints what comes of it, or traps.

use wasi::cli::stdin::get_stdin;
use wasi::clocks::monotonic_clock;
use wasi::filesystem::types::filesystem_error_code;
use wasi::io::poll;
use wasi::io::streams::{InputStream, OutputStream, StreamError};
use wasi::sockets::instance_network::instance_network;
use wasi::sockets::ip_name_lookup::resolve_addresses;
use wasi::sockets::network::{
    ErrorCode, IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, Ipv6SocketAddress, Network,
};
use wasi::sockets::tcp::{ShutdownType, TcpSocket};
use wasi::sockets::tcp_create_socket::create_tcp_socket;
use wasi::sockets::udp::{OutgoingDatagram, UdpSocket};
use wasi::sockets::udp_create_socket::create_udp_socket;

/// In the order in which they may be dropped.
type Connection = (InputStream, OutputStream, TcpSocket);

fn main() {
    let network = instance_network();
    match std::env::args().nth(1).unwrap_or_default().as_str() {
        "states" => states(&network),
        "udp-states" => udp_states(&network),
        "names" => names(&network),
        "both-ends" => both_ends(&network),
        "leave-full" => {
            let ((input, output, client), server) = pair(&network);
            println!("it took bytes: {}", fill(&output) > 0);
            std::mem::forget((input, output, client, server));
        }
        "leave-unsent" => {
            let (input, output, client) = connected(&network);
            println!("written {}", fill(&output));
            std::mem::forget((input, output, client));
        }
        "drop-unsent" => {
            let (input, output, client) = connected(&network);
            println!("written {}", fill(&output));
            drop((input, output));
            drop(client);
            println!("dropped");
            let (input, output, client) = connected(&network);
            println!("read {}", input.blocking_read(1).expect("read").len());
            drop((input, output));
            drop(client);
        }
        "doors" => doors(&network),
        "waits" => waits(&network),
        "sockets" => sockets(),
        "lookups" => lookups(&network),
        "drop-socket" => {
            let ((_input, _output, socket), _server) = pair(&network);
            drop(socket);
        }
        "drop-stream" => {
            let ((input, _output, _socket), _server) = pair(&network);
            let _pollable = input.subscribe();
            drop(input);
        }
        "drop-stdin" => {
            let (first, second) = (get_stdin(), get_stdin());
            let _pollable = second.subscribe();
            drop(first);
            drop(second);
        }
        "stdin" => {
            drop(get_stdin().subscribe());
            match get_stdin().blocking_read(1) {
                Err(StreamError::LastOperationFailed(error)) => {
                    println!("reading: {:?}", filesystem_error_code(&error));
                }
                other => println!("reading: {other:?}"),
            }
        }
        "write-too-much" => {
            let ((_input, output, _socket), _server) = pair(&network);
            let permit = usize::try_from(output.check_write().expect("check-write")).expect("a length");
            let _ = output.write(&vec![0; permit + 1]);
        }
        "zeroes-too-much" => {
            let ((_input, output, _socket), _server) = pair(&network);
            let _ = output.write_zeroes(u64::MAX);
        }
        "send-too-much" => {
            let socket = bound(&network);
            let (_incoming, outgoing) = socket.stream(None).expect("stream");
            let permit = outgoing.check_send().expect("check-send");
            let to = socket.local_address().expect("local-address");
            let datagrams: Vec<_> = (0..=permit)
                .map(|_| OutgoingDatagram {
                    data: Vec::new(),
                    remote_address: Some(to),
                })
                .collect();
            let _ = outgoing.send(&datagrams);
        }
        "stream-twice" => {
            let socket = bound(&network);
            let _streams = socket.stream(None).expect("stream");
            let _ = socket.stream(None);
        }
        "empty-poll" => drop(poll::poll(&[])),
        "handles" => {
            let mut all = Vec::new();
            loop {
                all.push(monotonic_clock::subscribe_duration(0));
            }
        }
        "networks" => {
            let mut all = Vec::new();
            loop {
                all.push(instance_network());
            }
        }
        other => panic!("no case {other:?}"),
    }
    println!("to the end");
}

fn loopback(port: u16) -> IpSocketAddress {
    IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port,
        address: (127, 0, 0, 1),
    })
}

/// A connection to the port that is the second argument.
fn connected(network: &Network) -> Connection {
    let port = std::env::args().nth(2).expect("a port").parse().expect("a port");
    let client = create_tcp_socket(IpAddressFamily::Ipv4).expect("create");
    client
        .start_connect(network, loopback(port))
        .expect("start-connect");
    client.subscribe().block();
    let (input, output) = client.finish_connect().expect("finish-connect");
    (input, output, client)
}

fn port(address: IpSocketAddress) -> u16 {
    match address {
        IpSocketAddress::Ipv4(address) => address.port,
        IpSocketAddress::Ipv6(address) => address.port,
    }
}

fn listener(network: &Network) -> TcpSocket {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4).expect("create");
    socket.start_bind(network, loopback(0)).expect("start-bind");
    socket.finish_bind().expect("finish-bind");
    socket.start_listen().expect("start-listen");
    socket.finish_listen().expect("finish-listen");
    socket
}

fn pair(network: &Network) -> (Connection, Connection) {
    let listener = listener(network);
    let client = create_tcp_socket(IpAddressFamily::Ipv4).expect("create");
    let to = listener.local_address().expect("local-address");
    client.start_connect(network, to).expect("start-connect");
    client.subscribe().block();
    let (input, output) = client.finish_connect().expect("finish-connect");
    listener.subscribe().block();
    let (server, from, to) = listener.accept().expect("accept");
    ((input, output, client), (from, to, server))
}

fn bound(network: &Network) -> UdpSocket {
    let socket = create_udp_socket(IpAddressFamily::Ipv4).expect("create");
    socket.start_bind(network, loopback(0)).expect("start-bind");
    socket.finish_bind().expect("finish-bind");
    socket
}

fn show<T>(what: &str, result: Result<T, ErrorCode>) {
    println!("{what}: {}", result.map_or_else(|error| error.name(), |_| "done"));
}

/// What WASI forbids and Linux has.
fn states(network: &Network) {
    let socket = create_tcp_socket(IpAddressFamily::Ipv4).expect("create");
    show("listen before bind", socket.start_listen());
    show("accept before listen", socket.accept());
    show("finish-bind before start", socket.finish_bind());
    show("finish-connect before start", socket.finish_connect());
    show("finish-listen before start", socket.finish_listen());
    show("local-address before bind", socket.local_address());
    show("remote-address before connect", socket.remote_address());
    show("shutdown before connect", socket.shutdown(ShutdownType::Both));
    let mapped = IpSocketAddress::Ipv6(Ipv6SocketAddress {
        port: 0,
        flow_info: 0,
        address: (0, 0, 0, 0, 0, 0xffff, 0x7f00, 1),
        scope_id: 0,
    });
    show("bind to another family", socket.start_bind(network, mapped));
    let six = create_tcp_socket(IpAddressFamily::Ipv6).expect("create");
    show("bind to a mapped address", six.start_bind(network, mapped));
    show("connect to port 0", socket.start_connect(network, loopback(0)));
    let everyone = IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: 7,
        address: (255, 255, 255, 255),
    });
    show("connect to everyone", socket.start_connect(network, everyone));
    show("no keep-alive count", socket.set_keep_alive_count(0));
    show("no hop limit", socket.set_hop_limit(0));
    show("no buffer", socket.set_send_buffer_size(0));
    show("a large buffer", socket.set_send_buffer_size(u64::MAX));
    show("no backlog", socket.set_listen_backlog_size(0));
    show("a long keep-alive", socket.set_keep_alive_idle_time(u64::MAX));
    show("bind", socket.start_bind(network, loopback(0)));
    show("bind twice", socket.start_bind(network, loopback(0)));
    show("listen while it binds", socket.start_listen());
    show("finish-bind", socket.finish_bind());
    show("bind when bound", socket.start_bind(network, loopback(0)));
    let ((input, output, client), server) = pair(network);
    show(
        "connect when connected",
        client.start_connect(network, loopback(1)),
    );
    show("listen when connected", client.start_listen());
    show("shutdown", client.shutdown(ShutdownType::Both));
    println!(
        "read after it: {:?}",
        input.read(10).map_err(|error| error.to_string())
    );
    println!(
        "write after it: {:?}",
        output.check_write().map_err(|error| error.to_string())
    );
    println!(
        "flush after it: {:?}",
        output.flush().map_err(|error| error.to_string())
    );
    drop((input, output, client, server));
    let closed = port(listener(network).local_address().expect("local-address"));
    let refused = create_tcp_socket(IpAddressFamily::Ipv4).expect("create");
    let started = refused.start_connect(network, loopback(closed));
    if started.is_ok() {
        refused.subscribe().block();
        show("a closed port", refused.finish_connect());
    } else {
        show("a closed port", started);
    }
    show("again", refused.start_connect(network, loopback(closed)));
}

fn udp_states(network: &Network) {
    let socket = create_udp_socket(IpAddressFamily::Ipv4).expect("create");
    show("stream before bind", socket.stream(None));
    show("local-address before bind", socket.local_address());
    show("finish-bind before start", socket.finish_bind());
    let socket = bound(network);
    show("bind when bound", socket.start_bind(network, loopback(0)));
    show("remote-address before connect", socket.remote_address());
    show("connect to port 0", socket.stream(Some(loopback(0))));
    let (incoming, outgoing) = socket.stream(None).expect("stream");
    println!(
        "nothing there: {}",
        incoming.receive(u64::MAX).expect("receive").len()
    );
    println!("permit: {}", outgoing.check_send().expect("check-send"));
    let to_none = [OutgoingDatagram {
        data: b"x".to_vec(),
        remote_address: None,
    }];
    show("a datagram to no one", outgoing.send(&to_none));
    println!("permit: {}", outgoing.check_send().expect("check-send"));
    let large = [OutgoingDatagram {
        data: vec![0; 1 << 20],
        remote_address: Some(socket.local_address().expect("local-address")),
    }];
    show("a large datagram", outgoing.send(&large));
    drop((incoming, outgoing));
    let peer = bound(network).local_address().expect("local-address");
    let (_incoming, outgoing) = socket.stream(Some(peer)).expect("stream");
    println!("permit: {}", outgoing.check_send().expect("check-send"));
    let elsewhere = [OutgoingDatagram {
        data: b"x".to_vec(),
        remote_address: Some(loopback(1)),
    }];
    show("elsewhere when connected", outgoing.send(&elsewhere));
}

fn names(network: &Network) {
    let long = "a.".repeat(1 << 20);
    for name in ["", ".", "a b", "a..b", "\0", "[::1", &long] {
        let shown: String = name.chars().take(4).collect();
        show(&format!("{shown:?}"), resolve_addresses(network, name));
    }
    for name in ["127.0.0.1", "::", "[::]", "localhost"] {
        let stream = resolve_addresses(network, name).expect("resolve-addresses");
        stream.subscribe().block();
        let first = stream.resolve_next_address();
        println!("{name}: {}", first.is_ok_and(|address| address.is_some()));
    }
}

/// Fills a connection whose other end this program has, closes it with bytes that the kernel has not taken, and reads all.
fn both_ends(network: &Network) {
    let ((input, output, client), (from, to, server)) = pair(network);
    let written = fill(&output);
    println!("the output is full: {}", !output.subscribe().ready());
    println!(
        "nothing may be written: {}",
        output.write(&[]).is_ok() && output.write_zeroes(0).is_ok()
    );
    client.shutdown(ShutdownType::Send).expect("shutdown");
    let mut read = 0;
    while let Ok(bytes) = from.blocking_read(1 << 16) {
        read += u64::try_from(bytes.len()).expect("a length");
    }
    println!("all of it came: {}", read == written);
    drop((input, output, client, from, to, server));
}

/// Writes until there is no permit, and returns how much.
fn fill(output: &OutputStream) -> u64 {
    let mut written = 0;
    loop {
        let permit = output.check_write().expect("check-write");
        if permit == 0 {
            return written;
        }
        let piece = vec![7; usize::try_from(permit).expect("a length")];
        output.write(&piece).expect("write");
        written += permit;
    }
}

/// As many sockets as there are, and that they come back.
fn sockets() {
    for _ in 0..2 {
        let mut all = Vec::new();
        let limit = loop {
            match create_tcp_socket(IpAddressFamily::Ipv4) {
                Ok(socket) => all.push(socket),
                Err(error) => break error,
            }
        };
        println!("{} sockets, then {}", all.len(), limit.name());
    }
}

fn lookups(network: &Network) {
    let mut all = Vec::new();
    let limit = loop {
        match resolve_addresses(network, "127.0.0.1") {
            Ok(stream) => all.push(stream),
            Err(error) => break error,
        }
    };
    println!("{} look-ups, then {}", all.len(), limit.name());
    all.clear();
    show("after they were dropped", resolve_addresses(network, "127.0.0.1"));
}

/// Every call by which something could reach the network, with the port of the second argument.
fn doors(network: &Network) {
    let to = loopback(std::env::args().nth(2).expect("a port").parse().expect("a port"));
    let tcp = || create_tcp_socket(IpAddressFamily::Ipv4).expect("create");
    let udp = || {
        let socket = create_udp_socket(IpAddressFamily::Ipv4).expect("create");
        let bound = socket.start_bind(network, loopback(0));
        bound.and_then(|()| socket.finish_bind()).map(|()| socket)
    };
    show("tcp-socket.start-connect", tcp().start_connect(network, to));
    let listener = tcp();
    let bound = listener.start_bind(network, loopback(0));
    show(
        "tcp-socket.start-listen",
        bound
            .and_then(|()| listener.finish_bind())
            .and_then(|()| listener.start_listen()),
    );
    show(
        "udp-socket.stream",
        udp().and_then(|socket| socket.stream(Some(to)).map(drop)),
    );
    show(
        "outgoing-datagram-stream.send",
        udp().and_then(|socket| {
            let (_incoming, outgoing) = socket.stream(None)?;
            outgoing.check_send()?;
            outgoing.send(&[OutgoingDatagram {
                data: b"x".to_vec(),
                remote_address: Some(to),
            }])
        }),
    );
    show(
        "resolve-addresses",
        resolve_addresses(network, "localhost").and_then(|stream| {
            stream.subscribe().block();
            stream.resolve_next_address()
        }),
    );
}

/// Waits for ever, in the way that the second argument says. Not for a transcript: to be stopped.
fn waits(network: &Network) {
    let how = std::env::args().nth(2).unwrap_or_default();
    let ((input, output, client), server) = pair(network);
    let ((empty, _output, _client), _server) = pair(network);
    if how != "splice-read" {
        fill(&output);
    }
    println!("waits");
    match how.as_str() {
        "flush" => drop(output.blocking_flush()),
        "read" => drop(input.blocking_read(u64::MAX)),
        "splice" => drop(output.blocking_splice(&empty, u64::MAX)),
        "splice-read" => drop(output.blocking_splice(&empty, u64::MAX)),
        "write" => drop(output.blocking_write_and_flush(b"x")),
        "zeroes" => drop(output.blocking_write_zeroes_and_flush(1)),
        "instant" => monotonic_clock::subscribe_instant(u64::MAX).block(),
        "duration" => monotonic_clock::subscribe_duration(u64::MAX).block(),
        "poll" => {
            let pollables = [input.subscribe(), output.subscribe(), server.0.subscribe()];
            let [read, write, _] = &pollables;
            drop(poll::poll(&[read, write, read, write]));
        }
        other => panic!("no wait {other:?}"),
    }
    println!("waits no more");
    std::mem::forget((client, server));
}
