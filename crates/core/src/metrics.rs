//! [`Metrics`]: what a guest has done so far, as numbers, for its owner.
//!
//! Each thread of a guest counts what it moves in a place of its own, which only this thread writes: a count costs no more than a
//! plain addition. What is rare is counted for all threads together. Nothing that a guest chooses becomes a name here: how many numbers
//! there are does not depend on it. Not here: where the numbers go (the embedder's affair).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::addr::{Domain, Kind};
use crate::capacity::Room;
use crate::errno::{Errno, Result};
use crate::policy::Use;
use crate::sync::lock;

/// TCP, UDP and UNIX.
const PROTOCOLS: usize = 3;

/// What is counted of a protocol: the members of [`Traffic`].
const COUNTS: usize = 6;

const CONNECTED: usize = 0;
const ACCEPTED: usize = 1;
const SENT_BYTES: usize = 2;
const RECEIVED_BYTES: usize = 3;
const SENT_DATAGRAMS: usize = 4;
const RECEIVED_DATAGRAMS: usize = 5;

const ERRNOS: usize = Errno::ALL.len();

/// What the threads of a guest count together.
#[derive(Debug)]
pub(crate) struct Counters {
    threads: Mutex<Threads>,
    local_lookups: AtomicU64,
    sent_lookups: AtomicU64,
    limited_lookups: AtomicU64,
    denials: [AtomicU64; Use::ALL.len()],
    errors: [AtomicU64; ERRNOS],
}

#[derive(Debug, Default)]
struct Threads {
    running: Vec<Arc<Counts>>,
    /// What those have counted that are gone.
    ended: [[u64; COUNTS]; PROTOCOLS],
}

/// What one thread has counted.
type Counts = [[AtomicU64; COUNTS]; PROTOCOLS];

/// Where one thread of a guest counts what it moves. No other thread writes there.
#[derive(Debug)]
pub(crate) struct ThreadCounter {
    own: Arc<Counts>,
    guest: Arc<Counters>,
}

impl Default for Counters {
    fn default() -> Self {
        Counters {
            threads: Mutex::default(),
            local_lookups: AtomicU64::default(),
            sent_lookups: AtomicU64::default(),
            limited_lookups: AtomicU64::default(),
            denials: Default::default(),
            errors: [const { AtomicU64::new(0) }; ERRNOS],
        }
    }
}

impl Counters {
    /// For one more thread.
    pub(crate) fn thread(self: &Arc<Self>) -> ThreadCounter {
        let own = Arc::new(Counts::default());
        lock(&self.threads).running.push(Arc::clone(&own));
        ThreadCounter {
            own,
            guest: Arc::clone(self),
        }
    }

    /// The policy has denied a use.
    pub(crate) fn denied(&self, usage: Use) {
        if let Some(count) = self.denials.get(usage as usize) {
            count.fetch_add(1, Relaxed);
        }
    }

    /// A look-up was answered from what is known here.
    pub(crate) fn looked_up_here(&self) {
        self.local_lookups.fetch_add(1, Relaxed);
    }

    /// A look-up may go to a server, or is one too many for the guest's rate.
    pub(crate) fn looked_up(&self, within_rate: bool) {
        let count = if within_rate {
            &self.sent_lookups
        } else {
            &self.limited_lookups
        };
        count.fetch_add(1, Relaxed);
    }

    fn failed(&self, errno: Errno) {
        if let Some(count) = self.errors.get(errno as usize) {
            count.fetch_add(1, Relaxed);
        }
    }
}

/// Adds to a count that only one thread writes.
#[inline]
fn add(count: &AtomicU64, more: u64) {
    count.store(count.load(Relaxed).wrapping_add(more), Relaxed);
}

impl ThreadCounter {
    #[inline]
    fn of(&self, domain: Domain, kind: Kind) -> &[AtomicU64; COUNTS] {
        let [tcp, udp, unix] = &*self.own;
        match (domain, kind) {
            (Domain::Unix, _) => unix,
            (Domain::Inet | Domain::Inet6, Kind::Datagram) => udp,
            (Domain::Inet | Domain::Inet6, Kind::Stream | Kind::SeqPacket) => tcp,
        }
    }

    /// A connection was begun.
    pub(crate) fn connected(&self, domain: Domain, kind: Kind) {
        if kind != Kind::Datagram {
            add(&self.of(domain, kind)[CONNECTED], 1);
        }
    }

    /// A connection was accepted.
    pub(crate) fn accepted(&self, domain: Domain, kind: Kind) {
        add(&self.of(domain, kind)[ACCEPTED], 1);
    }

    /// A call has sent so much.
    #[inline]
    pub(crate) fn sent(&self, domain: Domain, kind: Kind, bytes: usize) {
        self.moved(domain, kind, bytes, (SENT_BYTES, SENT_DATAGRAMS));
    }

    /// A call has received so much, and has not only peeked at it.
    #[inline]
    pub(crate) fn received(&self, domain: Domain, kind: Kind, bytes: usize) {
        self.moved(domain, kind, bytes, (RECEIVED_BYTES, RECEIVED_DATAGRAMS));
    }

    #[inline]
    fn moved(&self, domain: Domain, kind: Kind, count: usize, (bytes, datagrams): (usize, usize)) {
        let counts = self.of(domain, kind);
        add(&counts[bytes], count as u64);
        if kind != Kind::Stream {
            add(&counts[datagrams], 1);
        }
    }

    /// A call has returned. That it would have to wait, or goes on behind the call, is no error.
    #[inline]
    pub(crate) fn returned<R>(&self, result: &Result<R>) {
        if let Err(errno) = result
            && !matches!(errno, Errno::EAGAIN | Errno::EINPROGRESS | Errno::EALREADY)
        {
            self.guest.failed(*errno);
        }
    }
}

impl Drop for ThreadCounter {
    fn drop(&mut self) {
        let mut threads = lock(&self.guest.threads);
        threads.running.retain(|counts| !Arc::ptr_eq(counts, &self.own));
        sum(&mut threads.ended, &self.own);
    }
}

fn sum(into: &mut [[u64; COUNTS]; PROTOCOLS], counts: &Counts) {
    for (sum, count) in into.iter_mut().flatten().zip(counts.iter().flatten()) {
        *sum = sum.wrapping_add(count.load(Relaxed));
    }
}

/// What a guest has done so far, for any thread to read. It may outlive the guest.
#[derive(Clone, Debug)]
pub struct Metrics {
    counters: Arc<Counters>,
    room: Arc<Room>,
}

impl Metrics {
    pub(crate) fn new(counters: &Arc<Counters>, room: &Arc<Room>) -> Self {
        Metrics {
            counters: Arc::clone(counters),
            room: Arc::clone(room),
        }
    }

    /// The numbers as they are now. Those of threads that run may each be of another moment.
    #[must_use]
    pub fn snapshot(&self) -> MetricsSnapshot {
        let counters = &*self.counters;
        let threads = lock(&counters.threads);
        let mut sums = threads.ended;
        for counts in &threads.running {
            sum(&mut sums, counts);
        }
        drop(threads);
        let [tcp, udp, unix] = sums.map(Traffic::from);
        let (sockets, buffers) = self.room.taken();
        let capacity = self.room.capacity();
        let read = |count: &AtomicU64| count.load(Relaxed);
        MetricsSnapshot {
            sockets: sockets as u64,
            max_sockets: capacity.sockets as u64,
            buffer_bytes: buffers,
            max_buffer_bytes: capacity.buffers,
            tcp,
            udp,
            unix,
            local_lookups: read(&counters.local_lookups),
            sent_lookups: read(&counters.sent_lookups),
            limited_lookups: read(&counters.limited_lookups),
            denials: Use::ALL
                .iter()
                .zip(&counters.denials)
                .map(|(usage, count)| (*usage, read(count)))
                .collect(),
            errors: Errno::ALL
                .iter()
                .zip(&counters.errors)
                .map(|(errno, count)| (*errno, read(count)))
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }
}

/// What the sockets of one protocol have done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections that were begun.
    pub connected: u64,
    /// Connections that were accepted.
    pub accepted: u64,
    /// Bytes that calls have sent.
    pub sent_bytes: u64,
    /// Bytes that calls have received. What a peek shows counts when it is taken.
    pub received_bytes: u64,
    /// Datagrams, or packets of a connection, that were sent.
    pub sent_datagrams: u64,
    /// Datagrams, or packets of a connection, that were received.
    pub received_datagrams: u64,
}

impl From<[u64; COUNTS]> for Traffic {
    fn from(counts: [u64; COUNTS]) -> Self {
        let [
            connected,
            accepted,
            sent_bytes,
            received_bytes,
            sent_datagrams,
            received_datagrams,
        ] = counts;
        Traffic {
            connected,
            accepted,
            sent_bytes,
            received_bytes,
            sent_datagrams,
            received_datagrams,
        }
    }
}

/// The numbers of one guest at one moment. [`Display`](fmt::Display) writes them in Prometheus' text format, version 0.0.4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricsSnapshot {
    /// Open sockets and ends of pipes.
    pub sockets: u64,
    /// How many may be open.
    pub max_sockets: u64,
    /// Bytes of the kernel's buffers that the guest has taken room for.
    pub buffer_bytes: u64,
    /// How many it may take.
    pub max_buffer_bytes: u64,
    /// TCP.
    pub tcp: Traffic,
    /// UDP.
    pub udp: Traffic,
    /// UNIX sockets, among them those of socketpair(2).
    pub unix: Traffic,
    /// Look-ups that were answered from a hosts file or the cache, or that never leave the machine.
    pub local_lookups: u64,
    /// Questions that may go to a server.
    pub sent_lookups: u64,
    /// Questions that were one too many for `lookups-per-second`.
    pub limited_lookups: u64,
    /// What the policy has denied, by use.
    pub denials: Vec<(Use, u64)>,
    /// Calls that failed, by errno, without those errnos that no call has failed with. That a call would have to wait is no error.
    pub errors: Vec<(Errno, u64)>,
}

impl fmt::Display for MetricsSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Exposition(f);
        out.gauge(
            "guestnet_sockets",
            "Open sockets and ends of pipes.",
            self.sockets,
        )?;
        out.gauge(
            "guestnet_sockets_max",
            "Sockets and ends of pipes that may be open.",
            self.max_sockets,
        )?;
        out.gauge(
            "guestnet_buffer_bytes",
            "Room in the kernel's buffers that is taken.",
            self.buffer_bytes,
        )?;
        out.gauge(
            "guestnet_buffer_max_bytes",
            "Room in the kernel's buffers that may be taken.",
            self.max_buffer_bytes,
        )?;
        let [tcp, udp, unix] = [("tcp", self.tcp), ("udp", self.udp), ("unix", self.unix)];
        out.family(
            "guestnet_connections_total",
            "Connections that were begun (out) or accepted (in).",
        )?;
        for (protocol, traffic) in [tcp, unix] {
            for (direction, count) in [("in", traffic.accepted), ("out", traffic.connected)] {
                let labels = format_args!("direction=\"{direction}\",protocol=\"{protocol}\"");
                out.sample("guestnet_connections_total", labels, count)?;
            }
        }
        let by_protocol: [(&str, &str, Member); 4] = [
            ("guestnet_sent_bytes_total", "Bytes that were sent.", |traffic| {
                traffic.sent_bytes
            }),
            (
                "guestnet_received_bytes_total",
                "Bytes that were received.",
                |traffic| traffic.received_bytes,
            ),
            (
                "guestnet_sent_datagrams_total",
                "Datagrams and packets that were sent.",
                |traffic| traffic.sent_datagrams,
            ),
            (
                "guestnet_received_datagrams_total",
                "Datagrams and packets that were received.",
                |traffic| traffic.received_datagrams,
            ),
        ];
        for (name, help, read) in by_protocol {
            out.family(name, help)?;
            for (protocol, traffic) in [tcp, udp, unix] {
                // TCP has none.
                if protocol != "tcp" || !name.contains("datagrams") {
                    out.sample(name, format_args!("protocol=\"{protocol}\""), read(&traffic))?;
                }
            }
        }
        out.family(
            "guestnet_lookups_total",
            "Look-ups that were answered here (local), may go to a server (sent), or are over the rate (limited).",
        )?;
        for (path, count) in [
            ("limited", self.limited_lookups),
            ("local", self.local_lookups),
            ("sent", self.sent_lookups),
        ] {
            out.sample("guestnet_lookups_total", format_args!("path=\"{path}\""), count)?;
        }
        out.family("guestnet_denials_total", "What the policy has denied, by use.")?;
        for (usage, count) in &self.denials {
            out.sample("guestnet_denials_total", format_args!("use=\"{usage}\""), *count)?;
        }
        out.family("guestnet_errors_total", "Calls that failed, by errno.")?;
        for (errno, count) in &self.errors {
            let labels = format_args!("errno=\"{}\"", errno.name());
            out.sample("guestnet_errors_total", labels, *count)?;
        }
        Ok(())
    }
}

/// Reads one member.
type Member = fn(&Traffic) -> u64;

/// Writes Prometheus' text format.
struct Exposition<'f, 'g>(&'f mut fmt::Formatter<'g>);

impl Exposition<'_, '_> {
    fn head(&mut self, name: &str, help: &str, kind: &str) -> fmt::Result {
        writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}")
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.head(name, help, "gauge")?;
        writeln!(self.0, "{name} {value}")
    }

    /// The head of a counter that has labels.
    fn family(&mut self, name: &str, help: &str) -> fmt::Result {
        self.head(name, help, "counter")
    }

    fn sample(&mut self, name: &str, labels: fmt::Arguments<'_>, value: u64) -> fmt::Result {
        writeln!(self.0, "{name}{{{labels}}} {value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::Capacity;

    fn metrics() -> (Arc<Counters>, Metrics) {
        let counters = Arc::new(Counters::default());
        let metrics = Metrics::new(&counters, &Room::new(Capacity::default()));
        (counters, metrics)
    }

    #[test]
    fn threads_count_apart_and_what_those_counted_that_are_gone_stays() {
        let (counters, metrics) = metrics();
        let counting = counters.thread();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let own = counters.thread();
                    for _ in 0..1000 {
                        own.sent(Domain::Inet, Kind::Stream, 3);
                        own.received(Domain::Inet6, Kind::Datagram, 5);
                        own.sent(Domain::Unix, Kind::SeqPacket, 7);
                    }
                });
            }
            counting.connected(Domain::Inet, Kind::Stream);
            counting.connected(Domain::Inet, Kind::Datagram);
            counting.accepted(Domain::Unix, Kind::Stream);
        });
        assert_eq!(lock(&counters.threads).running.len(), 1);
        let snapshot = metrics.snapshot();
        let tcp = Traffic {
            connected: 1,
            sent_bytes: 12_000,
            ..Traffic::default()
        };
        let udp = Traffic {
            received_bytes: 20_000,
            received_datagrams: 4000,
            ..Traffic::default()
        };
        let unix = Traffic {
            accepted: 1,
            sent_bytes: 28_000,
            sent_datagrams: 4000,
            ..Traffic::default()
        };
        assert_eq!((snapshot.tcp, snapshot.udp, snapshot.unix), (tcp, udp, unix));
        drop(counting);
        assert_eq!(metrics.snapshot(), snapshot);
    }

    #[test]
    fn every_use_and_every_errno_has_a_count_of_its_own() {
        let (counters, metrics) = metrics();
        for (index, usage) in Use::ALL.into_iter().enumerate() {
            for _ in 0..=index {
                counters.denied(usage);
            }
        }
        let counting = counters.thread();
        for errno in Errno::ALL {
            counting.returned(&Err::<(), _>(*errno));
        }
        counting.returned(&Ok(()));
        let snapshot = metrics.snapshot();
        let denials: Vec<_> = Use::ALL.into_iter().zip(1..).collect();
        assert_eq!(snapshot.denials, denials);
        let waits = [Errno::EAGAIN, Errno::EINPROGRESS, Errno::EALREADY];
        let errors: Vec<_> = Errno::ALL
            .iter()
            .filter(|errno| !waits.contains(errno))
            .map(|errno| (*errno, 1))
            .collect();
        assert_eq!(snapshot.errors, errors);
    }

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let (counters, metrics) = metrics();
        let counting = counters.thread();
        counting.sent(Domain::Inet, Kind::Datagram, 1200);
        counting.connected(Domain::Inet, Kind::Stream);
        counting.returned(&Err::<(), _>(Errno::ECONNREFUSED));
        counters.denied(Use::Connect);
        counters.looked_up(true);
        let text = metrics.snapshot().to_string();
        for line in [
            "# TYPE guestnet_sockets gauge",
            "guestnet_sockets 0",
            "guestnet_sockets_max 8192",
            "# TYPE guestnet_connections_total counter",
            "guestnet_connections_total{direction=\"out\",protocol=\"tcp\"} 1",
            "guestnet_sent_bytes_total{protocol=\"udp\"} 1200",
            "guestnet_sent_datagrams_total{protocol=\"udp\"} 1",
            "guestnet_lookups_total{path=\"sent\"} 1",
            "guestnet_denials_total{use=\"connect\"} 1",
            "guestnet_errors_total{errno=\"ECONNREFUSED\"} 1",
        ] {
            assert!(text.lines().any(|each| each == line), "{line} is not in\n{text}");
        }
        // Each sample stands below the head of its family, and is of it.
        let mut family = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                family = rest.split(' ').next().unwrap();
            } else if !line.starts_with('#') {
                let name = line.split(['{', ' ']).next().unwrap();
                assert_eq!(name, family);
                assert!(line.rsplit(' ').next().unwrap().parse::<u64>().is_ok(), "{line}");
            }
        }
        assert!(text.ends_with('\n'));
    }
}
