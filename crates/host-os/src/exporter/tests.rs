//! The exporter, from the outside: over its file and its sockets.

use super::*;
use crate::OsHost;
use guestnet_core::policy::Policy;
use guestnet_core::{Capacity, Domain, GuestThread, Kind};
use std::io::Read;
use std::net::TcpStream;
use std::sync::Arc;

type Thread = GuestThread<OsHost, ()>;

fn guest() -> Thread {
    GuestThread::new(
        OsHost::new().unwrap(),
        Arc::new(Policy::deny_all()),
        Capacity::default(),
    )
}

fn tcp(guest: &Thread) -> (RunningExporter, SocketAddr) {
    let exporter = MetricsExporter::open(&ReportTo::parse("tcp://127.0.0.1:0").unwrap()).unwrap();
    let addr = exporter.local_addr().unwrap();
    (exporter.start(guest.metrics()).unwrap(), addr)
}

fn ask(mut client: impl Read + Write, request: &str) -> String {
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

const GET: &str = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

#[test]
fn a_client_gets_the_numbers_as_they_are() {
    let mut guest = guest();
    let (_running, addr) = tcp(&guest);
    let sockets = |answer: &str| {
        let line = answer
            .lines()
            .find(|line| line.starts_with("guestnet_sockets "))
            .unwrap();
        line.rsplit(' ').next().unwrap().to_owned()
    };
    let answer = ask(TcpStream::connect(addr).unwrap(), GET);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(sockets(&answer), "0");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.contains(&format!("Content-Length: {}", body.len())),
        "{head}"
    );
    guest.socket(Domain::Inet, Kind::Stream).unwrap();
    assert_eq!(sockets(&ask(TcpStream::connect(addr).unwrap(), GET)), "1");
}

#[test]
fn other_requests_are_refused_in_http() {
    let guest = guest();
    let (_running, addr) = tcp(&guest);
    let long = format!("GET /metrics HTTP/1.1\r\nX: {}", "x".repeat(9 << 10));
    for (request, status) in [
        ("HEAD /metrics HTTP/1.0\r\n\r\n", "200"),
        ("GET /metrics?x=1 HTTP/1.1\n\n", "200"),
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405"),
        ("\r\n\r\n", "400"),
        ("\0\u{fe}\r\n\r\n", "400"),
        ("GET /metrics\r\n\r\n", "400"),
        (&long, "431"),
    ] {
        let answer = ask(TcpStream::connect(addr).unwrap(), request);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{request:?}: {answer}"
        );
    }
}

#[test]
fn clients_that_send_nothing_or_read_nothing_keep_no_other_one_waiting() {
    let guest = guest();
    let (_running, addr) = tcp(&guest);
    // More than are answered at a time; each has said a part of its request or asked and not read.
    let idle: Vec<_> = (0..3 * MAX_CONNECTIONS)
        .map(|index| {
            let mut client = TcpStream::connect(addr).unwrap();
            client
                .write_all(if index % 2 == 0 {
                    b"GET /me"
                } else {
                    GET.as_bytes()
                })
                .unwrap();
            let begun = Instant::now();
            assert!(ask(TcpStream::connect(addr).unwrap(), GET).starts_with("HTTP/1.1 200"));
            assert!(begun.elapsed() < Duration::from_secs(4), "{index}");
            client
        })
        .collect();
    drop(idle);
}

#[test]
fn the_end_closes_the_address_and_the_clients() {
    let guest = guest();
    let (running, addr) = tcp(&guest);
    let mut client = TcpStream::connect(addr).unwrap();
    drop(running);
    assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
    assert_eq!(
        TcpStream::connect(addr).unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused
    );
}

#[test]
fn a_unix_socket_is_removed_at_the_end_and_one_that_was_left_behind_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.sock");
    drop(UnixListener::bind(&path).unwrap());
    let guest = guest();
    let to = ReportTo::Unix(path.clone());
    let exporter = MetricsExporter::open(&to).unwrap();
    assert_eq!(exporter.directory(), Some(directory.path()));
    // One that is listened at is not.
    assert!(MetricsExporter::open(&to).is_err());
    let running = exporter.start(guest.metrics()).unwrap();
    let answer = ask(UnixStream::connect(&path).unwrap(), GET);
    assert!(answer.contains("\nguestnet_sockets 0\n"), "{answer}");
    drop(running);
    assert!(!path.exists());
    // Neither is what is no socket.
    fs::write(&path, "text").unwrap();
    assert!(MetricsExporter::open(&to).is_err());
    assert_eq!(fs::read_to_string(&path).unwrap(), "text");
}

#[test]
fn the_process_of_the_guest_is_refused_where_it_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.sock");
    let guest = guest();
    let mut exporter = MetricsExporter::open(&ReportTo::Unix(path.clone())).unwrap();
    exporter.refuse_this_process();
    let _running = exporter.start(guest.metrics()).unwrap();
    let mut client = UnixStream::connect(&path).unwrap();
    assert!(matches!(client.read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn a_file_is_there_from_the_beginning_and_has_the_last_numbers_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.prom");
    let mut guest = guest();
    let exporter = MetricsExporter::open(&path.clone().into()).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "");
    let running = exporter.start(guest.metrics()).unwrap();
    guest.socket(Domain::Inet, Kind::Stream).unwrap();
    drop(running);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\nguestnet_sockets 1\n"), "{text}");
    let names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names, ["m.prom"]);
}

#[test]
fn what_is_no_file_is_not_replaced() {
    for path in ["/dev/null", "/", "/no/such/m.prom"] {
        let error = MetricsExporter::open(&ReportTo::File(path.into())).unwrap_err();
        assert_eq!((error.what, error.to), ("metrics", ReportTo::File(path.into())));
    }
}

#[test]
fn a_link_where_the_next_file_is_written_is_not_followed() {
    let directory = tempfile::tempdir().unwrap();
    let victim = directory.path().join("victim");
    fs::write(&victim, "as it was").unwrap();
    let path = directory.path().join("metrics");
    let next = directory.path().join(format!(".metrics.{}", std::process::id()));
    std::os::unix::fs::symlink(&victim, next).unwrap();
    MetricsExporter::open(&ReportTo::File(path.clone())).unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "as it was");
    assert!(fs::symlink_metadata(path).unwrap().is_file());
}
