//! The bars: what each row must reach. A ratio compares CPU time, and 1.00 means that the sandboxed program takes as long as the other.
//!
//! Rows that are not named here are there for information.

/// What a figure must reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Bar {
    /// Its median is no less than this.
    AtLeast(f64),
    /// Its median is no more than this, in the figure's unit.
    AtMost(f64),
}

/// `bench wasi`: native / guest.
pub(crate) const TCP_BULK: f64 = 0.98;
/// The echo of 64 bytes, blocking and polled.
pub(crate) const TCP_ECHO: f64 = 0.95;
/// Accept and close, blocking and polled.
pub(crate) const TCP_ACCEPT: f64 = 0.95;
/// A file by sendfile(2), a proxy by splice(2), and both by a buffer.
pub(crate) const BULK: f64 = 0.95;
/// Plain calls for one datagram: the host may batch below them.
pub(crate) const UDP_PLAIN: f64 = 1.0;
/// The same with 100 rules, against the guest without a rule.
pub(crate) const UDP_RULES: f64 = 0.98;

/// Microseconds of a `poll_oneoff` with so many idle sockets and an active one.
pub(crate) const POLL: [(u32, f64); 3] = [(1, 5.0), (1_000, 8.0), (10_000, 30.0)];
/// Microseconds of an `epoll_wait`, however many sockets are idle.
pub(crate) const EPOLL: f64 = 6.0;

/// Milliseconds from the start of the command to the first instruction of the guest, compiled before.
pub(crate) const START: f64 = 3.0;
/// The same for a Go module of 13 MB.
pub(crate) const START_LARGE: f64 = 10.0;
/// Microseconds of one more instance in an embedder, pooled.
pub(crate) const INSTANCE: f64 = 4.0;

/// `bench p2`: native / component, in every row.
pub(crate) const COMPONENT: f64 = 0.90;
/// Wasmtime's own sockets / component.
pub(crate) const COMPONENT_WASMTIME: f64 = 1.0;

/// `bench emscripten`: native / guest on Node.
pub(crate) const EMSCRIPTEN_ACCEPT: f64 = 0.8;
/// The same for the receipt of datagrams.
pub(crate) const EMSCRIPTEN_UDP_RECEIVE: f64 = 0.8;
/// Nanoseconds that a call which moves nothing takes more than natively.
pub(crate) const EMSCRIPTEN_CALL: f64 = 150.0;

/// `bench quickjs`: each of Node, Deno and Bun / guestnet.
pub(crate) const QUICKJS: f64 = 1.0;

/// `bench web`: plain JavaScript / guestnet, of time and of CPU time.
pub(crate) const WEB: f64 = 0.9;

/// `bench policy`: percent that a datagram takes more under 100 rules.
pub(crate) const POLICY: f64 = 2.0;

impl Bar {
    /// Whether a median meets it.
    pub(crate) fn is_met(self, median: f64) -> bool {
        match self {
            Bar::AtLeast(bar) => median >= bar,
            Bar::AtMost(bar) => median <= bar,
        }
    }

    /// How far a median is on the wrong side of it.
    pub(crate) fn distance(self, median: f64) -> f64 {
        match self {
            Bar::AtLeast(bar) => bar - median,
            Bar::AtMost(bar) => median - bar,
        }
    }

    /// The bar itself.
    pub(crate) const fn value(self) -> f64 {
        match self {
            Bar::AtLeast(bar) | Bar::AtMost(bar) => bar,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bar;

    #[test]
    fn a_median_at_the_bar_meets_it() {
        assert!(Bar::AtLeast(0.95).is_met(0.95) && !Bar::AtLeast(0.95).is_met(0.94));
        assert!(Bar::AtMost(3.0).is_met(3.0) && !Bar::AtMost(3.0).is_met(3.1));
        assert!(!Bar::AtLeast(0.95).is_met(f64::NAN) && !Bar::AtMost(3.0).is_met(f64::NAN));
    }
}
