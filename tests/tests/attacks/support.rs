//! Peers that notice whether they were reached, and the guests that try.

use guestnet_tests::{Finished, Guestnet, Program, guest};
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::time::Duration;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One of the hostile guests.
pub(crate) fn attack(run: Guestnet, name: &str) -> Program {
    run.guest(&guest("wasip1", &format!("attack_{name}")))
}

/// Somebody on loopback, on TCP and UDP with the same port, who must not be reached, or must be.
pub(crate) struct Victim {
    tcp: TcpListener,
    udp: UdpSocket,
}

impl Victim {
    pub(crate) fn new() -> Self {
        Self::at(Ipv4Addr::LOCALHOST.into())
    }

    pub(crate) fn at(ip: IpAddr) -> Self {
        // The port that TCP gets may be taken on UDP by somebody else.
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

    /// How many connections and datagrams have come, once whoever sent them has ended.
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
pub(crate) fn script(run: Guestnet, text: &str) -> Finished {
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
