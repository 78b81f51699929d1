//! The host over a browser whose every answer the test writes, and which cannot wait: what a guest sees while sockets open, fail and
//! break in the background.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::collections::HashMap;
use std::fmt;
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use guestnet_core::policy::{Policy, PolicyOption, PolicyOptions, Source};
use guestnet_core::resolve::Query;
use guestnet_core::{
    AuditRecord, Capacity, Clock, Denial, Domain, Errno, Fd, GuestThread, Kind, LookupError, Observer,
    OptValue, Ready, RecvFlags, Result, SendFlags, SockAddr, SockOpt,
};
use guestnet_host_direct::{Browser, DirectHost, End, Failure, Id, State, TcpOptions, UdpOptions};

/// One socket of the browser, as the test sets it.
#[derive(Clone, Debug, Default)]
struct Scripted {
    /// The name that it was to connect to.
    name: Option<String>,
    state: State,
    failure: Option<Failure>,
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    data: Vec<u8>,
    room: usize,
    sent: Vec<u8>,
}

#[derive(Clone, Debug, Default)]
struct Script(Arc<Mutex<HashMap<Id, Scripted>>>);

impl Script {
    fn open(&self, remote: Option<SocketAddr>, local: Option<SocketAddr>) -> Id {
        let mut sockets = self.0.lock().unwrap();
        let id = Id::try_from(sockets.len() + 1).unwrap();
        let socket = Scripted {
            remote,
            local,
            ..Scripted::default()
        };
        sockets.insert(id, socket);
        id
    }

    fn with<T>(&self, id: Id, work: impl FnOnce(&mut Scripted) -> T) -> T {
        work(self.0.lock().unwrap().get_mut(&id).unwrap())
    }
}

impl Browser for Script {
    fn tcp_connect(&self, to: SocketAddr, _: &TcpOptions) -> Id {
        self.open(Some(to), None)
    }

    fn tcp_connect_to_name(&self, name: &str, _: u16, _: &TcpOptions) -> Id {
        let id = self.open(None, None);
        self.with(id, |socket| socket.name = Some(name.to_owned()));
        id
    }

    fn udp_connect_to_name(&self, name: &str, port: u16, _: &UdpOptions) -> Id {
        self.tcp_connect_to_name(name, port, &TcpOptions::default())
    }

    fn tcp_listen(&self, at: SocketAddr, _: Option<u32>, _: Option<bool>) -> Id {
        self.open(None, Some(at))
    }

    fn udp_bind(&self, at: SocketAddr, _: &UdpOptions) -> Id {
        self.open(None, Some(at))
    }

    fn udp_connect(&self, to: SocketAddr, _: &UdpOptions) -> Id {
        self.open(Some(to), None)
    }

    fn state(&self, id: Id) -> State {
        self.with(id, |socket| {
            let mut state = socket.state;
            state.set(State::READABLE, !socket.data.is_empty());
            state.set(State::WRITABLE, socket.room > 0);
            state
        })
    }

    fn failure(&self, id: Id) -> Failure {
        self.with(id, |socket| socket.failure.unwrap_or(Failure::Other))
    }

    fn address(&self, id: Id, end: End) -> Option<SocketAddr> {
        self.with(id, |socket| match end {
            End::Local => socket.local,
            End::Remote => socket.remote,
        })
    }

    fn available(&self, id: Id) -> usize {
        self.with(id, |socket| socket.data.len())
    }

    fn arrivals(&self, id: Id) -> u32 {
        u32::try_from(self.available(id)).unwrap()
    }

    fn recv(&self, id: Id, buffer: &mut [u8], peek_at: Option<usize>) -> usize {
        self.with(id, |socket| {
            let at = peek_at.unwrap_or(0).min(socket.data.len());
            let count = buffer.len().min(socket.data.len() - at);
            buffer[..count].copy_from_slice(&socket.data[at..at + count]);
            if peek_at.is_none() {
                socket.data.drain(..count);
            }
            count
        })
    }

    fn recv_from(&self, id: Id, buffer: &mut [u8], peek: bool) -> Option<(usize, SocketAddr)> {
        let len = self.available(id);
        let from = self.address(id, End::Remote)?;
        self.recv(id, buffer, peek.then_some(0));
        (len > 0).then_some((len, from))
    }

    fn send(&self, id: Id, data: &[u8]) -> usize {
        self.with(id, |socket| {
            let count = data.len().min(socket.room);
            socket.room -= count;
            socket.sent.extend(&data[..count]);
            count
        })
    }

    fn send_to(&self, id: Id, data: &[u8], _: SocketAddr) -> bool {
        self.send(id, data) == data.len()
    }

    fn accept(&self, _: Id) -> Option<Id> {
        None
    }

    fn end(&self, id: Id) -> bool {
        self.state(id).contains(State::END)
    }

    fn close(&self, id: Id) {
        self.0.lock().unwrap().remove(&id);
    }

    fn group(&self, _: Id, _: IpAddr, _: bool) -> bool {
        false
    }

    fn now(&self, _: Clock) -> Duration {
        Duration::ZERO
    }

    fn wait(&self, timeout: Option<Duration>, _: Option<Duration>) -> Result<()> {
        if timeout == Some(Duration::ZERO) {
            Ok(())
        } else {
            Err(Errno::EAGAIN)
        }
    }
}

/// Counts the policy's decisions.
#[derive(Clone, Debug, Default)]
struct Decisions(Arc<Mutex<Vec<String>>>);

impl Observer for Decisions {
    fn wants_calls(&self) -> bool {
        false
    }

    fn call(&mut self, _: &'static str, _: fmt::Arguments<'_>, _: Result<u64>) {}

    fn denied(&mut self, _: &Denial<'_>) {}

    fn wants_decisions(&self) -> bool {
        true
    }

    fn decided(&mut self, decided: &AuditRecord<'_>) {
        self.0
            .lock()
            .unwrap()
            .push(format!("{} {}", decided.call, decided.target));
    }
}

type Guest = GuestThread<DirectHost<Script>, ()>;

fn guest() -> (Guest, Script, Decisions) {
    guest_under(Policy::allow_all())
}

fn guest_under(policy: Policy) -> (Guest, Script, Decisions) {
    let (script, decisions) = (Script::default(), Decisions::default());
    let policy = Arc::new(policy);
    let mut guest = Guest::new(DirectHost::new(script.clone()), policy, Capacity::default());
    guest.observe(Box::new(decisions.clone()));
    (guest, script, decisions)
}

fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn pending_error(guest: &mut Guest, fd: Fd) -> OptValue {
    guest.option(fd, SockOpt::Error).unwrap()
}

#[test]
fn a_bind_that_is_answered_late_is_asked_again_and_judged_once() {
    for kind in [Kind::Stream, Kind::Datagram] {
        let (mut guest, script, decisions) = guest();
        let fd = guest.socket(Domain::Inet, kind).unwrap();
        for _ in 0..3 {
            assert_eq!(guest.bind(fd, &addr(0).into()), Err(Errno::EAGAIN));
        }
        assert_eq!(
            guest.bind(fd, &addr(40_000).into()),
            Err(Errno::EINVAL),
            "another address"
        );
        assert_eq!(guest.bind(fd, &addr(0).into()), Err(Errno::EAGAIN));
        script.with(1, |socket| {
            socket.state = State::OPEN;
            socket.local = Some(addr(50_000));
        });
        assert_eq!(guest.bind(fd, &addr(0).into()), Ok(()));
        assert_eq!(guest.local_addr(fd), Ok(addr(50_000).into()));
        assert_eq!(guest.bind(fd, &addr(0).into()), Err(Errno::EINVAL), "it is bound");
        let zero = |line: &&String| line.contains(":0");
        let decisions = decisions.0.lock().unwrap();
        // The first, the one after another address was refused, and the one that came too late.
        assert_eq!(decisions.iter().filter(zero).count(), 3, "{decisions:?}");
    }
}

#[test]
fn a_listen_that_is_answered_late_is_judged_once() {
    let (mut guest, script, decisions) = guest();
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    for _ in 0..3 {
        assert_eq!(guest.listen(fd, 5), Err(Errno::EAGAIN));
    }
    script.with(1, |socket| socket.state = State::OPEN);
    assert_eq!(guest.listen(fd, 5), Ok(()));
    assert_eq!(decisions.0.lock().unwrap().len(), 1);
    assert_eq!(guest.option(fd, SockOpt::AcceptConn), Ok(OptValue::Flag(true)));
}

#[test]
fn an_address_in_use_is_said_late_and_the_socket_can_be_bound_again() {
    let (mut guest, script, _) = guest();
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    assert_eq!(guest.bind(fd, &addr(40_000).into()), Err(Errno::EAGAIN));
    script.with(1, |socket| {
        socket.state = State::FAILED;
        socket.failure = Some(Failure::Network);
    });
    assert_eq!(guest.bind(fd, &addr(40_000).into()), Err(Errno::EADDRINUSE));
    assert_eq!(guest.bind(fd, &addr(40_001).into()), Err(Errno::EAGAIN));
    assert_eq!(
        guest.bind(fd, &addr(80).into()),
        Err(Errno::EACCES),
        "a port of the browser's"
    );
}

#[test]
fn a_connect_fails_late_with_what_the_browser_knows() {
    let table = [
        (Failure::Network, Errno::ECONNREFUSED),
        (Failure::NotFound, Errno::EHOSTUNREACH),
        (Failure::NotAllowed, Errno::EACCES),
        (Failure::TimedOut, Errno::ETIMEDOUT),
    ];
    for (failure, errno) in table {
        let (mut guest, script, decisions) = guest();
        let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
        guest.set_nonblocking(fd, true).unwrap();
        let to = addr(80).into();
        assert_eq!(guest.connect(fd, &to), Err(Errno::EINPROGRESS));
        assert_eq!(guest.connect(fd, &to), Err(Errno::EALREADY));
        assert_eq!(pending_error(&mut guest, fd), OptValue::Error(None));
        script.with(1, |socket| {
            socket.state = State::FAILED;
            socket.failure = Some(failure);
        });
        assert_eq!(pending_error(&mut guest, fd), OptValue::Error(Some(errno)));
        assert_eq!(pending_error(&mut guest, fd), OptValue::Error(None), "once");
        assert_eq!(decisions.0.lock().unwrap().len(), 1);
        assert_eq!(receive(&mut guest, fd), Ok(Vec::new()), "the end");
        let sent = guest.send(fd, &mut [IoSlice::new(b"x")], SendFlags::empty());
        assert_eq!(sent, Err(Errno::EPIPE));
    }
}

#[test]
fn a_receive_after_a_connect_that_failed_has_the_error_once_and_then_the_end() {
    let (mut guest, script, _) = guest();
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.set_nonblocking(fd, true).unwrap();
    assert_eq!(receive(&mut guest, fd), Err(Errno::ENOTCONN), "before it");
    let to = addr(80).into();
    assert_eq!(guest.connect(fd, &to), Err(Errno::EINPROGRESS));
    script.with(1, |socket| {
        socket.state = State::FAILED;
        socket.failure = Some(Failure::Network);
    });
    assert_eq!(receive(&mut guest, fd), Err(Errno::ECONNREFUSED));
    for _ in 0..2 {
        assert_eq!(receive(&mut guest, fd), Ok(Vec::new()));
    }
    assert_eq!(guest.connect(fd, &to), Err(Errno::ECONNABORTED));
    assert_eq!(receive(&mut guest, fd), Err(Errno::ENOTCONN), "as a fresh one");
}

/// A connection, with the browser's number for it.
fn connected() -> (Guest, Script, Fd) {
    let (mut guest, script, _) = guest();
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    guest.set_nonblocking(fd, true).unwrap();
    assert_eq!(guest.connect(fd, &addr(80).into()), Err(Errno::EINPROGRESS));
    script.with(1, |socket| {
        socket.state = State::OPEN;
        socket.room = 4;
    });
    assert_eq!(guest.connect(fd, &addr(80).into()), Ok(()));
    assert_eq!(guest.connect(fd, &addr(80).into()), Err(Errno::EISCONN));
    (guest, script, fd)
}

fn receive(guest: &mut Guest, fd: Fd) -> Result<Vec<u8>> {
    let mut buffer = [0; 16];
    let received = guest.recv(fd, &mut [IoSliceMut::new(&mut buffer)], RecvFlags::empty())?;
    Ok(buffer[..received.len].to_vec())
}

#[test]
fn what_cannot_be_known_is_a_reset_and_never_an_end() {
    let (mut guest, script, fd) = connected();
    script.with(1, |socket| {
        socket.data = b"the last".to_vec();
        socket.state |= State::BROKEN;
        socket.failure = Some(Failure::Reset);
    });
    assert_eq!(
        receive(&mut guest, fd),
        Ok(b"the last".to_vec()),
        "what came before"
    );
    assert_eq!(receive(&mut guest, fd), Err(Errno::ECONNRESET));
    assert_eq!(
        receive(&mut guest, fd),
        Ok(Vec::new()),
        "as Linux says after the error"
    );
    let sent = guest.send(fd, &mut [IoSlice::new(b"x")], SendFlags::empty());
    assert_eq!(sent, Err(Errno::EPIPE));
}

#[test]
fn an_end_comes_behind_the_last_byte() {
    let (mut guest, script, fd) = connected();
    assert_eq!(receive(&mut guest, fd), Err(Errno::EAGAIN));
    script.with(1, |socket| {
        socket.data = b"bye".to_vec();
        socket.state |= State::END;
    });
    assert_eq!(receive(&mut guest, fd), Ok(b"bye".to_vec()));
    assert_eq!(receive(&mut guest, fd), Ok(Vec::new()));
    // After the peer's end the browser can send ours.
    assert_eq!(guest.shutdown(fd, guestnet_core::Shutdown::Write), Ok(()));
}

#[test]
fn a_half_close_before_the_peers_is_refused_and_loses_nothing() {
    let (mut guest, script, fd) = connected();
    assert_eq!(
        guest.shutdown(fd, guestnet_core::Shutdown::Write),
        Err(Errno::EOPNOTSUPP)
    );
    let sent = guest.send(fd, &mut [IoSlice::new(b"hello")], SendFlags::empty());
    assert_eq!(sent, Ok(4), "as much as there is room for");
    let sent = guest.send(fd, &mut [IoSlice::new(b"o")], SendFlags::empty());
    assert_eq!(sent, Err(Errno::EAGAIN));
    script.with(1, |socket| assert_eq!(socket.sent, b"hell"));
}

#[test]
fn a_blocking_call_where_nothing_can_wait_is_asked_again() {
    let (mut guest, script, fd) = connected();
    guest.set_nonblocking(fd, false).unwrap();
    assert_eq!(receive(&mut guest, fd), Err(Errno::EAGAIN));
    script.with(1, |socket| socket.data = b"x".to_vec());
    assert_eq!(receive(&mut guest, fd), Ok(b"x".to_vec()));
    guest.poll_begin();
    guest.poll_add(7, fd, Ready::READ | Ready::WRITE).unwrap();
    assert_eq!(guest.poll_wait(Some(Duration::ZERO)), Ok(()));
    let ready: Vec<_> = guest
        .poll_events()
        .map(|event| (event.token, event.ready))
        .collect();
    assert_eq!(ready, [(7, Ready::WRITE)]);
}

#[test]
fn a_socket_that_is_closed_is_closed_in_the_browser() {
    let (mut guest, script, fd) = connected();
    assert_eq!(script.0.lock().unwrap().len(), 1);
    guest.close(fd).unwrap();
    assert_eq!(script.0.lock().unwrap().len(), 0);
}

/// Rules by their options and values.
type Rules<'a> = &'a [(&'a str, &'a str)];

/// A policy of rules as the options write them.
fn policy(rules: Rules<'_>) -> Policy {
    let mut options = PolicyOptions::default();
    for (name, value) in rules {
        let option = PolicyOption::from_name(name).unwrap();
        options.set(option, value, Source::Api).unwrap();
    }
    options.build()
}

/// The address that stands for a name.
fn look_up(guest: &mut Guest, name: &str, port: u16) -> Result<SockAddr, LookupError> {
    let service = port.to_string();
    let query = Query {
        node: Some(name.as_bytes()),
        service: Some(service.as_bytes()),
        kind: Some(Kind::Stream),
        ..Query::default()
    };
    let found = guest.getaddrinfo(&query)?;
    Ok(found.results[0].addr.into())
}

#[test]
fn a_connection_to_a_name_is_judged_by_where_it_leads_before_a_byte_moves() {
    let without_loopback = [("allow-net", ""), ("deny-connect", "127.0.0.0/8")];
    let by_name = [("allow-connect", "db.example:5432")];
    let by_address = [
        ("allow-resolve", "db.example"),
        ("allow-connect", "10.0.0.0/8:5432"),
    ];
    let table: [(Rules<'_>, &str, Option<Errno>); 7] = [
        (&without_loopback, "127.0.0.1:5432", Some(Errno::EACCES)),
        (&without_loopback, "203.0.113.5:5432", None),
        (&by_name, "203.0.113.5:5432", None),
        // An answer that leads into the private network is no reason to let the guest in there.
        (&by_name, "10.1.2.3:5432", Some(Errno::EACCES)),
        (&by_name, "127.0.0.1:5432", Some(Errno::EACCES)),
        (&by_address, "10.1.2.3:5432", None),
        (&by_address, "203.0.113.5:5432", Some(Errno::EACCES)),
    ];
    for (rules, led, denied) in table {
        for kind in [Kind::Stream, Kind::Datagram] {
            let (mut guest, script, decisions) = guest_under(policy(rules));
            let to = look_up(&mut guest, "db.example", 5432).unwrap();
            let fd = guest.socket(Domain::Inet, kind).unwrap();
            guest.set_nonblocking(fd, true).unwrap();
            let begun = guest.connect(fd, &to);
            let sent = guest.send(fd, &mut [IoSlice::new(b"x")], SendFlags::empty());
            assert_eq!(sent, Err(Errno::EAGAIN), "it has not opened");
            script.with(1, |socket| {
                assert_eq!(socket.name.as_deref(), Some("db.example"));
                socket.remote = Some(led.parse().unwrap());
                socket.state = State::OPEN;
                socket.room = 100;
            });
            if kind == Kind::Stream {
                assert_eq!(begun, Err(Errno::EINPROGRESS));
            }
            let sent = guest.send(fd, &mut [IoSlice::new(b"x")], SendFlags::empty());
            assert_eq!(sent, denied.map_or(Ok(1), Err), "{rules:?} {led}");
            let is_open = script.0.lock().unwrap().contains_key(&1);
            assert_eq!(is_open, denied.is_none(), "what is denied is closed");
            if denied.is_none() {
                assert_eq!(guest.peer_addr(fd), Ok(led.parse::<SocketAddr>().unwrap().into()));
            }
            let judged = |line: &&String| **line == format!("connect {led}");
            assert_eq!(decisions.0.lock().unwrap().iter().filter(judged).count(), 1);
        }
    }
}

#[test]
fn a_name_that_the_policy_denies_is_not_connected_to() {
    let rules = [
        ("allow-connect", "db.example:5432"),
        ("allow-resolve", "*.example"),
    ];
    let (mut guest, script, _) = guest_under(policy(&rules));
    assert_eq!(
        look_up(&mut guest, "elsewhere.test", 5432),
        Err(LookupError::Fail)
    );
    for (name, port) in [("db.example", 80), ("other.example", 80)] {
        let to = look_up(&mut guest, name, port).unwrap();
        let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
        assert_eq!(guest.connect(fd, &to), Err(Errno::EACCES), "{name}:{port}");
    }
    // An address that stands for no name is an address like any other.
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    let unknown = SocketAddr::from(([198, 18, 9, 9], 5432)).into();
    assert_eq!(guest.connect(fd, &unknown), Err(Errno::EACCES));
    assert!(script.0.lock().unwrap().is_empty());
}

#[test]
fn a_datagram_to_a_name_needs_a_connected_socket() {
    let (mut guest, script, _) = guest();
    let to = look_up(&mut guest, "time.example", 123).unwrap();
    let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
    guest.set_nonblocking(fd, true).unwrap();
    let sent = guest.send_to(fd, &mut [IoSlice::new(b"x")], &to, SendFlags::empty());
    assert_eq!(sent, Err(Errno::EHOSTUNREACH));
    assert_eq!(guest.bind(fd, &addr(0).into()), Err(Errno::EAGAIN));
    script.with(1, |socket| socket.state = State::OPEN);
    assert_eq!(guest.bind(fd, &addr(0).into()), Ok(()));
    assert_eq!(guest.connect(fd, &to), Err(Errno::EOPNOTSUPP));
}
