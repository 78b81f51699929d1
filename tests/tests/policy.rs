//! The policy as the command line gives it, on a Go guest: what a flag does not allow does not happen, and the guest
//! gets EACCES.

use guestnet_tests::{Guestnet, Program, guest};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpListener, TcpStream, UdpSocket};
use std::path::Path;
use std::time::Duration;

/// How long a test waits for an answer on a socket of its own.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn nothing_is_allowed_until_a_flag_allows_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let addr = listener.local_addr().expect("local_addr").to_string();
    let denied = || Guestnet::run().guest(&guest("go", "denied"));

    let dial = denied().arg("tcp").arg(&addr).finish();
    // The first denial says which flag would have allowed it.
    assert!(
        dial.stderr.contains(&format!("--allow-connect {addr} would")),
        "{dial}"
    );
    assert_eq!(dial.success(), format!("dial tcp {addr}: EACCES\n"));
    let listen = denied().arg("listen").arg("tcp").arg("127.0.0.1:0").finish();
    assert!(listen.stderr.contains("--allow-listen 127.0.0.1"), "{listen}");
    assert_eq!(listen.success(), "listen tcp 127.0.0.1:0: EACCES\n");
    let dial = denied().arg("udp").arg(&addr).finish().success();
    assert_eq!(dial, format!("dial udp {addr}: EACCES\n"));

    // Nothing reached the listener.
    listener.set_nonblocking(true).expect("set_nonblocking");
    let error = listener.accept().expect_err("a denied dial must not connect");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
}

#[test]
fn an_allowed_address_is_reached_and_its_neighbour_is_not() {
    let (allowed, refused) = (listener(), listener());
    let transcript = Guestnet::run()
        .option("--allow-connect")
        .option(format!("tcp://{allowed}"))
        .guest(&guest("go", "denied"))
        .arg("tcp")
        .arg(&allowed)
        .arg(&refused)
        .finish()
        .success();
    assert_eq!(
        transcript,
        format!("dial tcp {allowed}: ok\ndial tcp {refused}: EACCES\n")
    );
}

#[test]
fn a_destination_of_zeros_is_judged_as_loopback() {
    let addr = listener();
    let port = port_of(&addr);
    let spelled = [
        format!("127.0.0.1:{port}"),
        format!("0.0.0.0:{port}"),
        format!("[::]:{port}"),
    ];
    let mut program = Guestnet::run()
        .allow_net()
        .option("--deny-connect")
        .option("127.0.0.0/8")
        .option("--deny-connect")
        .option("::1")
        .guest(&guest("go", "denied"))
        .arg("tcp");
    for addr in &spelled {
        program = program.arg(addr);
    }
    let expected: String = spelled
        .iter()
        .map(|addr| format!("dial tcp {addr}: EACCES\n"))
        .collect();
    assert_eq!(program.finish().success(), expected);
}

#[test]
fn a_datagram_to_a_denied_destination_is_refused() {
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let addr = peer.local_addr().expect("local_addr").to_string();
    let transcript = Guestnet::run()
        .option("--allow-listen")
        .option("udp://0.0.0.0/0")
        .guest(&guest("go", "denied"))
        .arg("send")
        .arg("udp")
        .arg(&addr)
        .finish()
        .success();
    assert_eq!(transcript, format!("send udp {addr}: EACCES\n"));
}

#[test]
fn a_connection_from_a_denied_peer_never_reaches_the_guest() {
    // Both families on one listener: the IPv4 peer shows up there in its IPv6 spelling.
    let mut server = accepting_no_ipv4("tcp_echo")
        .arg("server")
        .arg("[::]:0")
        .arg("1")
        .start();
    let port = port_of(&server.line("listening "));
    let mut refused = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the kernel accepts");
    refused
        .set_read_timeout(Some(PATIENCE))
        .expect("set_read_timeout");
    let error = refused
        .read(&mut [0; 1])
        .expect_err("a refused connection is reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);

    let mut allowed = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).expect("connect");
    allowed.write_all(b"let me in").expect("write");
    allowed.shutdown(Shutdown::Write).expect("shutdown");
    let mut echoed = String::new();
    allowed.read_to_string(&mut echoed).expect("read");
    assert_eq!(echoed, "let me in");
    assert!(server.finish().success().ends_with("\nechoed 1 connections\n"));
}

#[test]
fn a_datagram_from_a_denied_peer_never_reaches_the_guest() {
    let mut server = accepting_no_ipv4("udp_echo")
        .arg("server")
        .arg("[::]:0")
        .arg("1")
        .start();
    let port = port_of(&server.line("listening "));
    let refused = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    refused
        .send_to(b"refused", (Ipv4Addr::LOCALHOST, port))
        .expect("send");
    let allowed = UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).expect("bind");
    allowed
        .send_to(b"allowed", (Ipv6Addr::LOCALHOST, port))
        .expect("send");
    allowed
        .set_read_timeout(Some(PATIENCE))
        .expect("set_read_timeout");
    let mut buf = [0; 64];
    // The guest ends after one datagram: were it the first, this one would not come back.
    let n = allowed.recv(&mut buf).expect("receive");
    assert_eq!(&buf[..n], b"allowed");
    assert!(server.finish().success().ends_with("\nechoed 1 datagrams\n"));
}

/// A guest that may do everything but receive from an IPv4 peer.
fn accepting_no_ipv4(name: &str) -> Program {
    Guestnet::run()
        .allow_net()
        .option("--deny-accept")
        .option("127.0.0.0/8")
        .guest(&guest("go", name))
}

fn port_of(addr: &str) -> u16 {
    addr.rsplit(':')
        .next()
        .and_then(|port| port.parse().ok())
        .expect("an address with a port")
}

/// The address of a listener that stays open, and accepts from its queue alone, until the test process ends.
fn listener() -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let addr = listener.local_addr().expect("local_addr").to_string();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    addr
}

#[test]
fn a_unix_socket_outside_the_guests_directories_cannot_be_reached() {
    let (inside, outside) = (
        tempfile::tempdir().expect("a temporary directory"),
        tempfile::tempdir().expect("a temporary directory"),
    );
    let path = outside.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).expect("bind");
    let dial = |addr: &Path| {
        let run = Guestnet::run()
            .allow_net()
            .tmp(inside.path())
            .guest(&guest("go", "denied"));
        run.arg("unix").arg(addr).finish().success()
    };
    let transcript = dial(&path);
    assert!(!transcript.ends_with(": ok\n"), "{transcript}");
    // A link inside the directory does not lead out of it either.
    std::os::unix::fs::symlink(&path, inside.path().join("link")).expect("symlink");
    let transcript = dial(Path::new("/tmp/link"));
    assert!(!transcript.ends_with(": ok\n"), "{transcript}");
    listener.set_nonblocking(true).expect("set_nonblocking");
    assert!(listener.accept().is_err(), "a guest got out");
}
