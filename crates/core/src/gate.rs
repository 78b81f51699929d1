//! [`Gate`]: where the policy is asked, before the first system call.
//!
//! Each function is one row of the table of uses in docs/policy.md. The gate turns a denial into an errno, tells
//! the observer, and keeps the pins of this guest's look-ups; the judgement itself is `policy`'s.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crate::errno::{Errno, Result};
use crate::policy::{
    Decision, Name, PinLookup, Pins, Policy, Protocol, Reason, Use, canonical_ip, flag_that_would_allow,
};
use crate::trace::{Denial, Observer};

/// The policy as it stands for one guest.
#[derive(Debug)]
pub(crate) struct Gate {
    policy: Arc<Policy>,
    pins: Pins,
    pub(crate) observer: Option<Box<dyn Observer>>,
}

impl Gate {
    pub(crate) fn new(policy: Arc<Policy>) -> Self {
        Gate {
            policy,
            pins: Pins::new(),
            observer: None,
        }
    }

    /// A TCP or UDP connect, or the destination of one datagram. `call` names the call for the denial.
    pub(crate) fn connect(
        &mut self,
        call: &'static str,
        protocol: Protocol,
        addr: SocketAddr,
        now: impl Fn() -> Duration,
    ) -> Result<()> {
        if self.policy.is_unrestricted(Use::Connect, protocol) {
            return Ok(());
        }
        let decision = self.policy.decide(
            Use::Connect,
            protocol,
            addr,
            &LazyPins {
                pins: &self.pins,
                now,
            },
        );
        if decision.is_allowed() {
            return Ok(());
        }
        report(&mut self.observer, call, decision, &addr, || {
            flag_that_would_allow(Use::Connect, protocol, addr)
        });
        Err(Errno::Acces)
    }

    /// An explicit bind, or the implicit one of listen. Port 0 asks for an ephemeral port.
    pub(crate) fn listen(&mut self, call: &'static str, protocol: Protocol, addr: SocketAddr) -> Result<()> {
        let decision = self
            .policy
            .decide(Use::Listen, protocol, addr, &crate::policy::NoPins);
        if decision.is_allowed() {
            return Ok(());
        }
        report(&mut self.observer, call, decision, &addr, || {
            flag_that_would_allow(Use::Listen, protocol, addr)
        });
        Err(Errno::Acces)
    }

    /// The peer of an accepted connection, or the sender of a datagram to a bound socket.
    pub(crate) fn accept(&mut self, call: &'static str, protocol: Protocol, peer: SocketAddr) -> bool {
        let decision = self
            .policy
            .decide(Use::Accept, protocol, peer, &crate::policy::NoPins);
        if decision.is_denied() {
            report(&mut self.observer, call, decision, &peer, || {
                flag_that_would_allow(Use::Accept, protocol, peer)
            });
        }
        decision.is_allowed()
    }

    /// The sender of a datagram to a socket that was bound only by sending: someone it may send to.
    pub(crate) fn reply(&mut self, call: &'static str, peer: SocketAddr, now: impl Fn() -> Duration) -> bool {
        self.connect(call, Protocol::Udp, peer, now).is_ok()
    }

    /// Whether every peer of a datagram socket is allowed, so that none needs to be asked about.
    pub(crate) fn every_sender_allowed(&self, listening: bool) -> bool {
        let side = if listening { Use::Accept } else { Use::Connect };
        self.policy.is_unrestricted(side, Protocol::Udp)
    }

    /// Whether every peer of a TCP listener is allowed.
    pub(crate) fn every_peer_allowed(&self) -> bool {
        self.policy.is_unrestricted(Use::Accept, Protocol::Tcp)
    }

    /// A look-up, before a query leaves.
    pub(crate) fn resolve(&mut self, name: &Name) -> bool {
        let decision = self.policy.decide_name(name);
        if decision.is_denied() {
            report(&mut self.observer, "getaddrinfo", decision, name, || {
                format!("--allow-resolve {name}")
            });
        }
        decision.is_allowed()
    }

    /// Pins the address that a look-up returned to this guest, until `expires`.
    pub(crate) fn pin(&mut self, name: &Name, addr: IpAddr, expires: Duration) {
        self.pins.insert(name, canonical_ip(addr), expires);
    }

    /// A UNIX socket path in the guest's view, symbolic links resolved.
    pub(crate) fn unix(&mut self, call: &'static str, path: &str) -> Result<()> {
        let decision = self.policy.decide_unix(path);
        if decision.is_allowed() {
            return Ok(());
        }
        report(&mut self.observer, call, decision, &path, || {
            format!("--allow-unix {path}")
        });
        Err(Errno::Acces)
    }
}

/// Reads the clock only if a rule needs to know which names led to an address.
struct LazyPins<'a, N> {
    pins: &'a Pins,
    now: N,
}

impl<N: Fn() -> Duration> PinLookup for LazyPins<'_, N> {
    fn visit(&self, ip: IpAddr, visit: &mut dyn FnMut(&Name, bool)) {
        if !self.pins.is_empty() {
            self.pins.at((self.now)()).visit(ip, visit);
        }
    }
}

#[cold]
fn report(
    observer: &mut Option<Box<dyn Observer>>,
    call: &'static str,
    decision: Decision<'_>,
    target: &dyn fmt::Display,
    flag: impl FnOnce() -> String,
) {
    let Some(observer) = observer else { return };
    // No allow flag helps against a deny rule.
    let flag = match decision.reason() {
        Reason::Rule(_) | Reason::Includes(_) | Reason::NotNormal => String::new(),
        Reason::AllowNet
        | Reason::AnyPeer
        | Reason::LoopbackName
        | Reason::NoRule
        | Reason::NeedsOwnRule(..) => flag(),
    };
    let reason = decision.to_string();
    observer.denied(&Denial {
        call,
        target,
        reason: &reason,
        flag: &flag,
        errno: Errno::Acces,
    });
}
