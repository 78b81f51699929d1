//! The suite on the host for browsers, over a stand-in of the browser: sockets of the simulated network that open late, as those of
//! Direct Sockets do.
//!
//! What the browser's sockets cannot do is not in the host, so that its behaviours do not hold; they are listed with the
//! reason.

mod network;

use std::collections::HashMap;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use guestnet_conformance::{Capability, World, suite};
use guestnet_core::{
    Clock, Domain, Errno, Host, Kind, OptValue, Ready, RecvFlags, Result, SendFlags, SockAddr, SockOpt,
};
use guestnet_host_direct::{Browser, DirectHost, End, Failure, Id, State, TcpOptions, UdpOptions};
use guestnet_host_sim::{Faults, Io, Network, SimHost};

use network::{Peer, run};

/// How long the stand-in takes to open a socket.
const OPENING: Duration = Duration::from_millis(1);

/// How long it waits before it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

/// A browser over the simulated network. A clone is the same one.
#[derive(Clone, Debug)]
struct StandIn(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    host: SimHost,
    sockets: HashMap<Id, Socket>,
    next: Id,
    stopped: Arc<AtomicBool>,
}

#[derive(Debug)]
struct Socket {
    io: Io,
    /// Before this it is not open, whatever the network says.
    opens: Duration,
    kind: Opened,
    failure: Option<Failure>,
    broken: bool,
    remote: Option<SocketAddr>,
    arrivals: u32,
    seen: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opened {
    /// A connect to the remote address.
    Connecting,
    Connected,
    Server,
    Udp,
}

fn failure(errno: Errno) -> Failure {
    match errno {
        Errno::ETIMEDOUT => Failure::TimedOut,
        Errno::ECONNRESET => Failure::Reset,
        _ => Failure::Network,
    }
}

impl StandIn {
    fn new(network: &Network) -> Self {
        StandIn(Arc::new(Mutex::new(Inner {
            host: network.host(),
            sockets: HashMap::new(),
            next: 1,
            stopped: Arc::default(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stops the guest from another thread, also while it waits.
    fn stopper(&self) -> impl Fn() + Send + use<> {
        let inner = self.lock();
        let (stopped, stopper) = (Arc::clone(&inner.stopped), inner.host.stopper());
        move || {
            stopped.store(true, Ordering::Relaxed);
            stopper.stop();
        }
    }

    fn with<T>(&self, id: Id, call: impl FnOnce(&mut SimHost, &mut Socket) -> T) -> T {
        let inner = &mut *self.lock();
        let socket = inner
            .sockets
            .get_mut(&id)
            .expect("a socket of the browser that is open");
        call(&mut inner.host, socket)
    }

    /// Opens a socket, to be seen a little later.
    fn open(
        &self,
        addr: SocketAddr,
        kind: (Kind, Opened),
        begin: impl FnOnce(&mut SimHost, &Io) -> Result<()>,
    ) -> Id {
        let inner = &mut *self.lock();
        let domain = if addr.is_ipv4() {
            Domain::Inet
        } else {
            Domain::Inet6
        };
        let io = inner.host.socket(domain, kind.0).expect("the network has room");
        let failure = match begin(&mut inner.host, &io) {
            Ok(()) | Err(Errno::EINPROGRESS) => None,
            Err(errno) => Some(failure(errno)),
        };
        let opens = inner.host.now(Clock::Monotonic) + OPENING;
        let socket = Socket {
            io,
            opens,
            kind: kind.1,
            failure,
            broken: false,
            remote: (kind.1 == Opened::Connecting).then_some(addr),
            arrivals: 0,
            seen: 0,
        };
        inner.add(socket)
    }
}

impl Inner {
    fn add(&mut self, socket: Socket) -> Id {
        let id = self.next;
        self.next += 1;
        self.sockets.insert(id, socket);
        id
    }
}

impl Socket {
    /// Asked of a host of its own: that of a guest which was stopped answers nothing.
    fn is_ready(&self, host: &SimHost, want: Ready) -> bool {
        let waited = host.network().host().wait(&self.io, want, Some(Duration::ZERO));
        waited.unwrap_or(false)
    }

    /// What can be taken: `None` for nothing yet, 0 for the end.
    fn peek(&mut self, host: &mut SimHost, buffer: &mut [u8]) -> Option<usize> {
        if self.broken {
            return None;
        }
        match host.recv_from(&self.io, &mut [IoSliceMut::new(buffer)], RecvFlags::PEEK) {
            Ok((received, _)) => Some(received.len),
            Err(Errno::EAGAIN) => None,
            Err(errno) => {
                self.broken = true;
                self.failure = Some(failure(errno));
                None
            }
        }
    }
}

impl Browser for StandIn {
    fn tcp_connect(&self, to: SocketAddr, _: &TcpOptions) -> Id {
        self.open(to, (Kind::Stream, Opened::Connecting), |host, io| {
            host.connect(io, &to.into())
        })
    }

    fn tcp_connect_to_name(&self, _: &str, _: u16, _: &TcpOptions) -> Id {
        unreachable!("the suite knows no name that has to be asked for")
    }

    fn udp_connect_to_name(&self, _: &str, _: u16, _: &UdpOptions) -> Id {
        unreachable!("as above")
    }

    fn tcp_listen(&self, at: SocketAddr, backlog: Option<u32>, only_v6: Option<bool>) -> Id {
        let backlog = backlog
            .and_then(|backlog| i32::try_from(backlog).ok())
            .unwrap_or(128);
        self.open(at, (Kind::Stream, Opened::Server), |host, io| {
            if let Some(only) = only_v6 {
                host.set_option(io, SockOpt::Ipv6Only, OptValue::Int(i32::from(only)))?;
            }
            host.bind(io, at)?;
            host.listen(io, backlog)
        })
    }

    fn udp_bind(&self, at: SocketAddr, options: &UdpOptions) -> Id {
        self.open(at, (Kind::Datagram, Opened::Udp), |host, io| {
            if let Some(only) = options.only_v6 {
                host.set_option(io, SockOpt::Ipv6Only, OptValue::Int(i32::from(only)))?;
            }
            host.bind(io, at)
        })
    }

    fn udp_connect(&self, to: SocketAddr, _: &UdpOptions) -> Id {
        let id = self.open(to, (Kind::Datagram, Opened::Udp), |host, io| {
            host.connect(io, &to.into())
        });
        self.with(id, |_, socket| socket.remote = Some(to));
        id
    }

    fn state(&self, id: Id) -> State {
        self.with(id, |host, socket| {
            if host.now(Clock::Monotonic) < socket.opens {
                return State::empty();
            }
            if socket.kind == Opened::Connecting
                && let Some(to) = socket.remote
                && socket.failure.is_none()
            {
                match host.connect(&socket.io, &to.into()) {
                    Ok(()) | Err(Errno::EISCONN) => socket.kind = Opened::Connected,
                    Err(Errno::EALREADY | Errno::EINPROGRESS) => return State::empty(),
                    Err(errno) => socket.failure = Some(failure(errno)),
                }
            }
            if socket.failure.is_some() && !socket.broken {
                return State::FAILED;
            }
            let mut state = State::OPEN;
            match socket.kind {
                Opened::Server if socket.is_ready(host, Ready::READ) => state |= State::READABLE,
                Opened::Connected => {
                    match socket.peek(host, &mut [0]) {
                        Some(0) | None => {}
                        Some(_) => state |= State::READABLE,
                    }
                    if !socket.broken && socket.is_ready(host, Ready::READ_HANGUP) {
                        state |= State::END;
                    }
                }
                Opened::Udp if socket.is_ready(host, Ready::READ) => state |= State::READABLE,
                _ => {}
            }
            if socket.broken {
                state |= State::BROKEN;
            } else if socket.kind != Opened::Server && socket.is_ready(host, Ready::WRITE) {
                state |= State::WRITABLE;
            }
            state
        })
    }

    fn failure(&self, id: Id) -> Failure {
        self.with(id, |_, socket| socket.failure.unwrap_or(Failure::Other))
    }

    fn address(&self, id: Id, end: End) -> Option<SocketAddr> {
        self.with(id, |host, socket| match end {
            _ if host.now(Clock::Monotonic) < socket.opens => None,
            End::Remote => host.peer_addr(&socket.io).ok()?.inet(),
            End::Local => host.local_addr(&socket.io).ok()?.inet(),
        })
    }

    fn available(&self, id: Id) -> usize {
        self.with(id, |host, socket| host.readable_bytes(&socket.io).unwrap_or(0))
    }

    fn arrivals(&self, id: Id) -> u32 {
        self.with(id, |host, socket| {
            let available = host.readable_bytes(&socket.io).unwrap_or(0);
            if available > socket.seen {
                socket.arrivals = socket.arrivals.wrapping_add(1);
            }
            socket.seen = available;
            socket.arrivals
        })
    }

    fn recv(&self, id: Id, buffer: &mut [u8], peek_at: Option<usize>) -> usize {
        self.with(id, |host, socket| match peek_at {
            None => {
                let received = host.recv_from(&socket.io, &mut [IoSliceMut::new(buffer)], RecvFlags::empty());
                match received {
                    Ok((received, _)) => received.len,
                    Err(Errno::EAGAIN) => 0,
                    Err(errno) => {
                        socket.broken = true;
                        socket.failure = Some(failure(errno));
                        0
                    }
                }
            }
            Some(at) => {
                let mut whole = vec![0; at + buffer.len()];
                let count = socket.peek(host, &mut whole).unwrap_or(0).saturating_sub(at);
                buffer[..count].copy_from_slice(&whole[at..at + count]);
                count
            }
        })
    }

    fn recv_from(&self, id: Id, buffer: &mut [u8], peek: bool) -> Option<(usize, SocketAddr)> {
        self.with(id, |host, socket| {
            let mut flags = RecvFlags::TRUNC;
            flags.set(RecvFlags::PEEK, peek);
            match host.recv_from(&socket.io, &mut [IoSliceMut::new(buffer)], flags) {
                Ok((received, from)) => Some((received.len, from.inet()?)),
                // The browser reports no ICMP errors.
                Err(_) => None,
            }
        })
    }

    fn send(&self, id: Id, data: &[u8]) -> usize {
        self.with(id, |host, socket| {
            match host.send(&socket.io, &[IoSlice::new(data)], SendFlags::empty()) {
                Ok(sent) => sent,
                Err(Errno::ECONNRESET | Errno::EPIPE) => {
                    socket.broken = true;
                    socket.failure.get_or_insert(Failure::Reset);
                    0
                }
                // A datagram may be lost.
                Err(Errno::ECONNREFUSED) => data.len(),
                Err(_) => 0,
            }
        })
    }

    fn send_to(&self, id: Id, data: &[u8], to: SocketAddr) -> bool {
        self.with(id, |host, socket| {
            let to = match host.local_addr(&socket.io) {
                Ok(SockAddr::Inet(SocketAddr::V6(_))) => match to.ip() {
                    IpAddr::V4(ip) => (ip.to_ipv6_mapped(), to.port()).into(),
                    IpAddr::V6(_) => to,
                },
                _ => to,
            };
            let sent = host.send_to(&socket.io, &[IoSlice::new(data)], to, SendFlags::empty());
            !matches!(sent, Err(Errno::EAGAIN))
        })
    }

    fn accept(&self, id: Id) -> Option<Id> {
        let inner = &mut *self.lock();
        let io = &inner.sockets.get(&id)?.io;
        let (io, _) = inner.host.accept(io).ok()?;
        Some(inner.add(Socket {
            io,
            opens: Duration::ZERO,
            kind: Opened::Connected,
            failure: None,
            broken: false,
            remote: None,
            arrivals: 0,
            seen: 0,
        }))
    }

    fn end(&self, id: Id) -> bool {
        self.with(id, |host, socket| {
            socket.peek(host, &mut [0]) == Some(0)
                && host.shutdown(&socket.io, guestnet_core::Shutdown::Write).is_ok()
        })
    }

    fn close(&self, id: Id) {
        self.lock().sockets.remove(&id);
    }

    fn group(&self, _: Id, _: IpAddr, _: bool) -> bool {
        false
    }

    fn now(&self, clock: Clock) -> Duration {
        self.lock().host.now(clock)
    }

    fn is_stopped(&self) -> bool {
        self.lock().stopped.load(Ordering::Relaxed)
    }

    fn resume(&self) {
        let mut inner = self.lock();
        inner.stopped.store(false, Ordering::Relaxed);
        inner.host.resume();
    }

    fn wait(&self, timeout: Option<Duration>, timer: Option<Duration>) -> Result<()> {
        let longest = [timeout, timer].into_iter().flatten().min();
        let host = &mut self.lock().host;
        host.poll_begin();
        host.poll_wait(Some(longest.unwrap_or(LOOK_AGAIN).min(LOOK_AGAIN)))
    }
}

struct Direct(Network);

impl World for Direct {
    type Host = DirectHost<StandIn>;
    type Listener = Peer;
    type Stream = Peer;
    type Udp = Peer;

    fn lacks(capability: Capability) -> Option<&'static str> {
        match capability {
            Capability::Ipv6 | Capability::Pipes | Capability::Epoll | Capability::Events => None,
            Capability::Bulk => Some("the browser has no files, and takes bytes from memory only"),
            Capability::Groups => Some("the stand-in's network has no groups"),
            Capability::UrgentData => Some("the browser has no urgent data"),
            Capability::TcpInfo => Some("the browser says nothing of a connection"),
            Capability::UnixSockets | Capability::SocketPairs => Some("the browser has sockets of IP only"),
            Capability::ByteStreams | Capability::Files => {
                Some("a browser has no descriptors of other programs")
            }
            Capability::Resolver => Some("the browser looks names up only to connect"),
            Capability::Services => Some("it sees no services(5)"),
            Capability::HandOver => Some("no socket is open before the guest"),
            Capability::KernelDescriptors => Some("its sockets are the browser's"),
        }
    }

    fn host(&self) -> Self::Host {
        DirectHost::new(StandIn::new(&self.0))
    }

    fn stopper(&self, host: &Self::Host) -> Box<dyn Fn() + Send> {
        Box::new(host.browser().stopper())
    }

    fn waits(&self) -> Box<dyn Fn() -> bool + Send> {
        let (network, thread) = (self.0.clone(), thread::current().id());
        Box::new(move || network.is_waiting(thread))
    }

    fn listen(&self, addr: impl Into<SocketAddr>) -> io::Result<Peer> {
        Peer::listening(&self.0, addr.into())
    }

    fn connect(&self, addr: impl Into<SocketAddr>) -> io::Result<Peer> {
        Peer::connected(&self.0, addr.into())
    }

    fn udp(&self, addr: impl Into<SocketAddr>) -> io::Result<Peer> {
        Peer::bound(&self.0, addr.into())
    }
}

/// The behaviours that a browser's sockets cannot show, by what their names begin or end with, and why.
const CANNOT: &[(&str, &[&str])] = &[
    (
        "the browser sends no FIN before the peer's",
        &[
            "closing_both_ways_hangs_up",
            "tcp::shutdown_write_is_end_of_file_at_the_peer",
            "transfer::a_non_blocking_send_takes_what_fits",
            "transfer::sending_after_shutdown_write_is_epipe",
        ],
    ),
    (
        "a port of TCP that is bound listens, so that a connect to it is not refused",
        &[
            "a_connect_that_fails_is_an_error",
            "once::a_connect_after_one_whose_failure_the_guest_was_told_is_judged_again",
            "tcp::a_refused_blocking_connect_is_econnrefused",
            "tcp::a_refused_non_blocking_connect_is_in_so_error_once",
            "tcp::a_try_to_connect_does_not_wait_on_a_blocking_socket",
        ],
    ),
    (
        "the backlog of a port that was bound is the browser's",
        &[
            "stop::a_blocking_connect_ends",
            "tcp::a_blocking_connect_waits_for_the_handshake",
            "tcp::a_send_limit_ends_connect_with_einprogress",
        ],
    ),
    (
        "the browser closes a connection with a FIN and never with a reset",
        &[
            "policy::a10_a_blocking_accept_waits_on_after_a_refused_peer",
            "policy::a10_an_ipv4_peer_of_a_dual_stack_socket_is_judged_as_ipv4",
            "tcp::unspec_dissolves_a_connection",
        ],
    ),
    (
        "the browser connects from a port of its own choice",
        &["policy::a10_a_refused_peer_is_reset_and_the_next_is_accepted"],
    ),
    (
        "the browser sends no empty datagrams",
        &[
            "batch::an_empty_message_is_a_datagram",
            "limits::a37_each_datagram_costs_its_headers_of_the_rate_and_none_of_the_total",
            "limits::an_empty_datagram_needs_a_total_that_is_not_used_up",
            "udp::an_empty_datagram_is_a_datagram",
            "udp::datagrams_keep_their_bounds",
        ],
    ),
    (
        "the browser reports no ICMP errors",
        &[
            "batch::a_bounced_datagram_comes_before_what_is_there",
            "udp::a_bounced_datagram_is_econnrefused_once",
        ],
    ),
    (
        "the browser's connected socket has one destination",
        &[
            "batch::a_connected_socket_sends_to_its_peer_and_elsewhere",
            "udp::a_connected_socket_can_send_elsewhere",
        ],
    ),
    (
        "the browser does not say why a socket could not be bound",
        &["tcp::binding_a_foreign_address_is_eaddrnotavail"],
    ),
    (
        "the browser has no such options, and takes them before a socket opens",
        &[
            "capacity::a32_an_accepted_socket_counts_what_it_has_from_its_listener",
            "gate::a33_broadcasting_can_always_be_switched_off",
            "option::a_number_out_of_range_is_refused",
            "option::a_privilege_of_the_process_is_none_of_the_guests",
            "option::every_flag_is_set_and_read_back",
            "option::every_number_is_set_and_read_back",
            "option::every_wrong_shape_is_einval_or_refused",
            "option::linger_is_set_and_read_back",
            "option::the_congestion_control_can_be_read_and_not_set",
            "stop::a_close_that_lingers_ends",
            "stop::a_guest_with_a_lingering_socket_goes_at_once",
            "tcp::closing_with_a_linger_time_delivers_the_data",
            "tcp::closing_with_linger_zero_resets",
        ],
    ),
    (
        "the browser lists no interfaces",
        &[
            "interface::a_policy_shows_loopback_and_what_it_lets_listen_on",
            "interface::a_scope_may_be_the_name_of_an_interface_that_is_shown",
            "interface::without_rules_for_listen_every_interface_is_shown",
        ],
    ),
    (
        "the browser opens a socket late, for which a stopped guest does not wait",
        &["stop::what_does_not_wait_still_works"],
    ),
];

/// Why a behaviour cannot be shown.
fn reason(name: &str) -> Option<&'static str> {
    let has = |names: &[&str]| {
        names
            .iter()
            .any(|listed| name == *listed || name.ends_with(&format!("::{listed}")))
    };
    CANNOT
        .iter()
        .find(|(_, names)| has(names))
        .map(|(reason, _)| *reason)
}

fn main() -> ExitCode {
    let suite = suite(|| Direct(Network::in_real_time(0, Faults::default())));
    for listed in CANNOT.iter().flat_map(|(_, names)| *names) {
        let found = suite
            .iter()
            .any(|behaviour| behaviour.inapplicable.is_none() && behaviour.name.ends_with(listed));
        assert!(
            found,
            "{listed} is listed as what cannot be, and is not in the suite"
        );
    }
    run(suite, reason)
}
