//! The rows of `bench policy`: what the policy and the cache of names cost, call by call, through the calls that a guest's
//! adapter makes. One thread of this process is the guest; there is no sandbox around it, so that nothing hides the cost.
//!
//! Only CPU time of that thread counts. Each variant is measured in every round, one after the other.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::Arc;
use std::thread;

use guestnet_core::limits::Limits;
use guestnet_core::policy::{PolicyBuilder, Use};
use guestnet_core::resolve::{Hosts, Query};
use guestnet_core::{
    AuditRecord, Capacity, Denial, Domain, Errno, Fd, GuestThread, Kind, Observer, OptValue, RecvFlags,
    SendFlags, SockAddr, SockOpt,
};
use guestnet_host_os::{OsHost, Upstream};

use crate::record::Figure;
use crate::report::Report;
use crate::run::CPU;
use crate::{Plan, Result, bars, dns, sys};

/// Calls of each kind in one round, so that a round of a variant takes some tens of milliseconds.
const DATAGRAMS: usize = 20_000;
const CONNECTS: usize = 20_000;
const STREAMS: usize = 2_000;
const LOOKUPS: usize = 20_000;

/// How many datagrams are received between two looks at the clock: as many as wait in a socket without loss.
const BURST: usize = 50;

/// The size of a datagram, as in the UDP rows of `bench wasi`.
const SIZE: usize = 1200;

/// Numbers of rules.
const RULES: [usize; 3] = [1, 100, 10_000];

/// A guest under test.
type Subject = GuestThread<OsHost, ()>;

/// What the guest's policy consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    /// `--allow-net`, under which there is nothing to decide.
    Net,
    /// The same, with an observer that wants every decision and does nothing with it.
    Audited,
    /// Rules about addresses, of which the last covers loopback.
    Addresses(usize),
    /// Rules about names, of which the last covers a name that the hosts file has loopback for.
    Names(usize),
    /// Rules about the senders of datagrams, of which the last covers loopback.
    Senders(usize),
}

impl Rules {
    fn text(self) -> String {
        match self {
            Rules::Net => "--allow-net".to_owned(),
            Rules::Audited => "--allow-net, audited".to_owned(),
            Rules::Addresses(count) => format!("{count} address rules"),
            Rules::Names(count) => format!("{count} name rules"),
            Rules::Senders(count) => format!("{count} sender rules"),
        }
    }
}

/// One kind of call, and the policies it is measured under. The first is what the others are compared with.
struct Row {
    name: &'static str,
    variants: Vec<Rules>,
    /// Measures one round: nanoseconds a call.
    round: fn(&mut Variant) -> Result<f64>,
    /// [`bars::POLICY`] is meant for this row.
    barred: bool,
}

/// A guest with what it talks to.
struct Variant {
    guest: Subject,
    fd: Fd,
    to: SocketAddr,
    /// Sends to the guest, or takes what it sends and never reads it.
    peer: UdpSocket,
}

/// Measures every row of the plan.
///
/// # Errors
/// The first call that failed. A row that misses its bar is no error.
pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    sys::pin(CPU).map_err(|error| format!("cannot choose a processor: {error}"))?;
    let every = |rules: fn(usize) -> Rules| RULES.map(rules);
    let decided: Vec<Rules> = [Rules::Net, Rules::Audited]
        .into_iter()
        .chain(every(Rules::Addresses))
        .chain(every(Rules::Names))
        .collect();
    let received: Vec<Rules> = [Rules::Net, Rules::Audited]
        .into_iter()
        .chain(every(Rules::Addresses))
        .chain(every(Rules::Senders))
        .collect();
    let rows = [
        Row {
            name: "policy: sendto of a datagram, 1200 B",
            variants: decided.clone(),
            round: send,
            barred: true,
        },
        Row {
            name: "policy: recvfrom of a datagram, 1200 B",
            variants: received,
            round: receive,
            barred: true,
        },
        Row {
            name: "policy: connect of a UDP socket",
            variants: decided.clone(),
            round: connect,
            barred: false,
        },
        Row {
            name: "policy: socket, connect and close of TCP",
            variants: decided,
            round: open,
            barred: false,
        },
    ];
    for row in rows.iter().filter(|row| plan.has(row.name)) {
        compare(plan, row, report)?;
    }
    names(plan, report)
}

fn compare(plan: &Plan, row: &Row, report: &mut Report) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(text)?;
    let tcp = listener.local_addr().map_err(text)?;
    // Ends with the process; what it accepts it closes.
    thread::spawn(move || listener.incoming().for_each(drop));
    let mut variants = Vec::new();
    for rules in &row.variants {
        variants.push(variant(*rules, tcp)?);
    }
    let mut times = vec![Vec::new(); variants.len()];
    for round in 0..=plan.rounds {
        for (variant, times) in variants.iter_mut().zip(&mut times) {
            let time = (row.round)(variant)?;
            // The first round is for the caches.
            if round > 0 {
                times.push(time);
            }
        }
    }
    let first = times.first().cloned().unwrap_or_default();
    let mut figures = Vec::new();
    for (rules, times) in row.variants.iter().zip(&times) {
        figures.push(Figure::new(rules.text(), "ns", times));
        if *rules == Rules::Net {
            continue;
        }
        let shares: Vec<f64> = times
            .iter()
            .zip(&first)
            .map(|(time, first)| (time / first - 1.0) * 100.0)
            .collect();
        let has_bar = row.barred && matches!(rules, Rules::Addresses(100) | Rules::Names(100));
        let more = Figure::new(format!("{}, more than --allow-net", rules.text()), "%", &shares);
        figures.push(more.at_most(has_bar.then_some(bars::POLICY)));
    }
    report.row(row.name, figures);
    Ok(())
}

/// A guest of this policy with a socket, and its peers. `tcp` is where a listener is.
fn variant(rules: Rules, tcp: SocketAddr) -> Result<Variant> {
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).map_err(text)?;
    let mut guest = guest(rules)?;
    if matches!(rules, Rules::Names(_)) {
        // From here on loopback is what the name stands for.
        guest.set_hosts(Arc::new(Hosts::parse("127.0.0.1 h0")));
        look_up(&mut guest, "h0")?;
    }
    if rules == Rules::Audited {
        guest.observe(Box::new(Silent));
    }
    let fd = guest
        .socket(Domain::Inet, Kind::Datagram)
        .map_err(failed("socket"))?;
    guest
        .bind(fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
        .map_err(failed("bind"))?;
    Ok(Variant {
        guest,
        fd,
        to: tcp,
        peer,
    })
}

/// Wants every decision, and keeps none: what is left is what the core does for it.
struct Silent;

impl Observer for Silent {
    fn wants_calls(&self) -> bool {
        false
    }

    fn call(&mut self, _: &'static str, _: std::fmt::Arguments<'_>, _: guestnet_core::Result<u64>) {}

    fn denied(&mut self, _: &Denial<'_>) {}

    fn wants_decisions(&self) -> bool {
        true
    }

    fn decided(&mut self, decided: &AuditRecord<'_>) {
        std::hint::black_box(decided);
    }
}

fn guest(rules: Rules) -> Result<Subject> {
    let mut policy = PolicyBuilder::new();
    let mut allow = |usage: Use, rule: String| match policy.allow(usage, &rule) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    };
    // The ports of all kernels: a socket is bound to whatever there is.
    let host = |index: usize| format!("10.{}.{}.{}", index >> 16 & 255, index >> 8 & 255, index & 255);
    match rules {
        Rules::Net | Rules::Audited => {
            policy.allow_net();
        }
        Rules::Addresses(count) => {
            for index in 1..count {
                allow(Use::Connect, format!("{}:1000-2000", host(index)))?;
            }
            allow(Use::Connect, "127.0.0.1:*".to_owned())?;
            allow(Use::Listen, "127.0.0.1:*".to_owned())?;
        }
        Rules::Names(count) => {
            for index in 1..count {
                allow(Use::Connect, format!("h{index}:1000-2000"))?;
            }
            allow(Use::Connect, "h0:*".to_owned())?;
            allow(Use::Listen, "127.0.0.1:*".to_owned())?;
        }
        Rules::Senders(count) => {
            for index in 1..count {
                allow(Use::Accept, format!("{}:1000-2000", host(index)))?;
            }
            allow(Use::Accept, "127.0.0.1:*".to_owned())?;
            allow(Use::Listen, "127.0.0.1:*".to_owned())?;
        }
    }
    new_guest(policy)
}

fn new_guest(mut policy: PolicyBuilder) -> Result<Subject> {
    policy.limits(Limits::default());
    let host = OsHost::new().map_err(failed("eventfd"))?;
    Ok(GuestThread::new(
        host,
        Arc::new(policy.build()),
        Capacity::default(),
    ))
}

/// The receiver never reads: once its queue is full the kernel drops the datagram, which costs the same each time.
fn send(variant: &mut Variant) -> Result<f64> {
    let to = SockAddr::Inet(variant.peer.local_addr().map_err(text)?);
    let datagram = [7; SIZE];
    timed(DATAGRAMS, || {
        for _ in 0..DATAGRAMS {
            let sent = variant.guest.send_to(
                variant.fd,
                &mut [IoSlice::new(&datagram)],
                &to,
                SendFlags::empty(),
            );
            sent.map_err(failed("sendto"))?;
        }
        Ok(())
    })
}

fn receive(variant: &mut Variant) -> Result<f64> {
    let to = local(variant)?;
    let datagram = [7; SIZE];
    let mut buffer = [0; SIZE];
    let mut total = 0.0;
    for _ in 0..DATAGRAMS / BURST {
        for _ in 0..BURST {
            variant.peer.send_to(&datagram, to).map_err(text)?;
        }
        total += timed(DATAGRAMS, || {
            for _ in 0..BURST {
                let received = variant.guest.recv_from(
                    variant.fd,
                    &mut [IoSliceMut::new(&mut buffer)],
                    RecvFlags::empty(),
                );
                received.map_err(failed("recvfrom"))?;
            }
            Ok(())
        })?;
    }
    Ok(total)
}

fn local(variant: &mut Variant) -> Result<SocketAddr> {
    let addr = variant
        .guest
        .local_addr(variant.fd)
        .map_err(failed("getsockname"))?;
    addr.inet().ok_or_else(|| "not an IP socket".to_owned())
}

/// A socket of its own, because one that is connected takes nothing from others.
fn connect(variant: &mut Variant) -> Result<f64> {
    let to = SockAddr::Inet(variant.peer.local_addr().map_err(text)?);
    let fd = variant
        .guest
        .socket(Domain::Inet, Kind::Datagram)
        .map_err(failed("socket"))?;
    let time = timed(CONNECTS, || {
        for _ in 0..CONNECTS {
            variant.guest.connect(fd, &to).map_err(failed("connect"))?;
        }
        Ok(())
    });
    variant.guest.close(fd).map_err(failed("close"))?;
    time
}

/// Closed with a reset, so that no port is left waiting.
fn open(variant: &mut Variant) -> Result<f64> {
    let to = SockAddr::Inet(variant.to);
    timed(STREAMS, || {
        for _ in 0..STREAMS {
            let guest = &mut variant.guest;
            let fd = guest
                .socket(Domain::Inet, Kind::Stream)
                .map_err(failed("socket"))?;
            guest.connect(fd, &to).map_err(failed("connect"))?;
            let at_once = OptValue::Linger { on: true, seconds: 0 };
            guest
                .set_option(fd, SockOpt::Linger, at_once)
                .map_err(failed("setsockopt"))?;
            guest.close(fd).map_err(failed("close"))?;
        }
        Ok(())
    })
}

/// Look-ups that need no server: numbers, the hosts file, and the cache.
fn names(plan: &Plan, report: &mut Report) -> Result<()> {
    let name = "names: getaddrinfo, one address";
    if !plan.has(name) {
        return Ok(());
    }
    let server = dns::start((Ipv4Addr::LOCALHOST, 0).into())?;
    let nodes = [
        ("a number", "127.0.0.1"),
        ("the hosts file", "h0"),
        ("the cache", "h0.example"),
    ];
    let mut figures = Vec::new();
    for rules in RULES {
        let mut policy = PolicyBuilder::new();
        let rest = (1..rules).map(|index| format!("h{index}.example:443"));
        for rule in rest.chain(["*.example:443".to_owned(), "h0:443".to_owned()]) {
            policy
                .allow(Use::Connect, &rule)
                .map_err(|error| error.to_string())?;
        }
        let mut host = OsHost::new().map_err(failed("eventfd"))?;
        host.set_upstream(&Upstream::Servers(vec![server]))
            .map_err(failed("the server"))?;
        let mut guest: Subject = GuestThread::new(host, Arc::new(policy.build()), Capacity::default());
        guest.set_hosts(Arc::new(Hosts::parse("127.0.0.1 h0")));
        for (what, node) in nodes {
            let mut times = Vec::new();
            for round in 0..=plan.rounds {
                let time = timed(LOOKUPS, || {
                    (0..LOOKUPS).try_for_each(|_| look_up(&mut guest, node))
                })?;
                // In the first round the server is asked.
                if round > 0 {
                    times.push(time);
                }
            }
            figures.push(Figure::new(format!("{what}, {rules} rules"), "ns", &times));
        }
    }
    report.row(name, figures);
    Ok(())
}

fn look_up(guest: &mut Subject, node: &str) -> Result<()> {
    let query = Query {
        node: Some(node.as_bytes()),
        service: Some(b"443"),
        family: Some(Domain::Inet),
        kind: Some(Kind::Stream),
        ..Query::default()
    };
    let answer = guest
        .getaddrinfo(&query)
        .map_err(|error| format!("getaddrinfo of {node}: {error}"))?;
    match answer.results.len() {
        1 => Ok(()),
        count => Err(format!("{count} addresses of {node}")),
    }
}

/// Nanoseconds of this thread's CPU time for one of so many calls.
fn timed(count: usize, calls: impl FnOnce() -> Result<()>) -> Result<f64> {
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
    };
    let before = now();
    calls()?;
    let spent = u64::try_from(now() - before).unwrap_or(0);
    let count = u32::try_from(count).map_or(f64::NAN, f64::from);
    Ok(std::time::Duration::from_nanos(spent).as_secs_f64() * 1e9 / count)
}

fn failed(call: &'static str) -> impl Fn(Errno) -> String {
    move |errno| format!("{call}: {errno}")
}

fn text(error: std::io::Error) -> String {
    error.to_string()
}
