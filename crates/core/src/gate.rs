//! [`Gate`]: where the policy is asked, before the first system call.
//!
//! Each function is one row of the table of uses in docs/policy.md. The gate turns a denial into an errno, notifies
//! the observer, and keeps the pins of this guest's look-ups; the judgement itself is `policy`'s.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::errno::{Errno, Result};
use crate::interface::{Interface, InterfaceFlags};
use crate::policy::{Decision, Flag, Name, PinLookup, Policy, Protocol, Reason, Use, canonical_ip};
use crate::resolve::{Names, STUB, SYSTEM_ANSWER_LIFETIME};
use crate::sync::lock;
use crate::trace::{Denial, Subject};

/// Where an outgoing connection or datagram may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To its destination.
    Direct,
    /// To the stub that answers DNS for us.
    Stub,
}

/// The policy as it stands for one guest.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    policy: Arc<Policy>,
    pub(crate) names: Arc<Names>,
    /// The observer wants to get every decision.
    pub(crate) audited: bool,
    /// Where our stub is, once it was needed.
    pub(crate) stub: Arc<OnceLock<SocketAddr>>,
}

impl Gate {
    pub(crate) fn new(policy: Arc<Policy>) -> Self {
        Gate {
            names: Arc::new(Names::new(Arc::clone(&policy))),
            policy,
            audited: false,
            stub: Arc::default(),
        }
    }

    /// A TCP or UDP connect, or the destination of one datagram. `call` names the call for the denial.
    ///
    /// DNS that the policy does not allow outright goes to our own resolver, where names are judged and addresses
    /// pinned, provided that the policy lets any name be looked up.
    pub(crate) fn connect(
        &mut self,
        call: &'static str,
        protocol: Protocol,
        addr: SocketAddr,
        now: impl Fn() -> Duration,
    ) -> Result<Route> {
        let dns = addr.port() == STUB.port() && self.policy.resolves_names();
        // No machine has this address.
        let stub = dns && addr == STUB;
        if !self.audited {
            if stub {
                return Ok(Route::Stub);
            }
            if self.policy.is_unrestricted(Use::Connect, protocol) {
                return Ok(Route::Direct);
            }
        }
        let decision = self.destination(protocol, addr, now);
        let redirected = stub || (dns && decision.is_denied());
        let flag = || Some(Flag::address(Use::Connect, protocol, addr));
        match self.record(
            call,
            Use::Connect,
            Some(protocol),
            Subject::Address(&addr),
            decision,
            redirected,
            flag,
        ) {
            _ if redirected => Ok(Route::Stub),
            true => Ok(Route::Direct),
            false => Err(Errno::EACCES),
        }
    }

    /// A connect to a name whose address is not known before it is made. [`PeerJudge`] judges that.
    pub(crate) fn connect_to_name(
        &mut self,
        call: &'static str,
        protocol: Protocol,
        name: &Name,
        port: u16,
    ) -> Result<()> {
        if !self.audited && self.policy.is_unrestricted(Use::Connect, protocol) {
            return Ok(());
        }
        let decision = self.policy.decide_before_address(protocol, name, port);
        let target = format!("{name}:{port}");
        self.enforce(
            call,
            Use::Connect,
            Some(protocol),
            Subject::Other(&target),
            decision,
            || None,
        )
    }

    /// What judges where connections to names have led.
    pub(crate) fn peer_judge(&self) -> PeerJudge {
        PeerJudge {
            policy: Arc::clone(&self.policy),
            names: Arc::clone(&self.names),
        }
    }

    fn destination(&self, protocol: Protocol, addr: SocketAddr, now: impl Fn() -> Duration) -> Decision<'_> {
        let names = &self.names;
        self.policy
            .decide(Use::Connect, protocol, addr, &LazyPins { names, now })
    }

    /// An explicit bind, or the implicit one of listen. Port 0 asks for an ephemeral port.
    pub(crate) fn listen(&mut self, call: &'static str, protocol: Protocol, addr: SocketAddr) -> Result<()> {
        let decision = self
            .policy
            .decide(Use::Listen, protocol, addr, &crate::policy::NoPins);
        let flag = || Some(Flag::address(Use::Listen, protocol, addr));
        self.enforce(
            call,
            Use::Listen,
            Some(protocol),
            Subject::Address(&addr),
            decision,
            flag,
        )
    }

    /// The peer of an accepted connection, or the sender of a datagram to a bound socket.
    pub(crate) fn accept(&mut self, call: &'static str, protocol: Protocol, peer: SocketAddr) -> bool {
        let decision = self
            .policy
            .decide(Use::Accept, protocol, peer, &crate::policy::NoPins);
        let flag = || Some(Flag::address(Use::Accept, protocol, peer));
        self.record(
            call,
            Use::Accept,
            Some(protocol),
            Subject::Address(&peer),
            decision,
            false,
            flag,
        )
    }

    /// The sender of a datagram to a socket that was bound only by sending: someone it may send to.
    pub(crate) fn reply(&mut self, call: &'static str, peer: SocketAddr, now: impl Fn() -> Duration) -> bool {
        let decision = self.destination(Protocol::Udp, peer, now);
        let flag = || Some(Flag::address(Use::Connect, Protocol::Udp, peer));
        self.record(
            call,
            Use::Connect,
            Some(Protocol::Udp),
            Subject::Address(&peer),
            decision,
            false,
            flag,
        )
    }

    /// `SO_BROADCAST`: from then on the kernel lets the socket send to whole networks, whose addresses look like any other.
    /// The observer does not get it as a denial: many programs set it and never send such a thing.
    pub(crate) fn broadcast(&self, call: &'static str) -> bool {
        if !self.audited && self.policy.is_unrestricted(Use::Connect, Protocol::Udp) {
            return true;
        }
        let decision = self.policy.decide_broadcast();
        if self.audited {
            let (usage, protocol) = (Use::Connect, Some(Protocol::Udp));
            self.names.audit(
                call,
                usage,
                protocol,
                Subject::Other(&"SO_BROADCAST"),
                decision,
                false,
            );
        }
        decision.is_allowed()
    }

    /// A destination that the kernel took for a broadcast, by a socket that would have been let if the policy had been
    /// another.
    pub(crate) fn broadcast_refused(&self, call: &'static str, to: SocketAddr) {
        let decision = self.policy.decide_broadcast();
        let (usage, protocol, flag) = (Use::Connect, Some(Protocol::Udp), || Some(Flag::broadcast()));
        self.record(
            call,
            usage,
            protocol,
            Subject::Address(&to),
            decision,
            false,
            flag,
        );
    }

    /// The interface that a datagram would leave by (`IP_PKTINFO`, `IPV6_PKTINFO`), 0 for the one that the system chooses.
    /// Rules are about addresses, and the same address may be another machine on another interface.
    pub(crate) fn interface(&mut self, call: &'static str, index: u32) -> Result<()> {
        let unrestricted = self.policy.is_unrestricted(Use::Connect, Protocol::Udp);
        if index == 0 || (unrestricted && !self.audited) {
            return Ok(());
        }
        let decision = Decision::interface(unrestricted);
        let (usage, protocol, target) = (Use::Connect, Some(Protocol::Udp), format!("interface {index}"));
        self.enforce(call, usage, protocol, Subject::Other(&target), decision, || None)
    }

    /// Whether the guest may listen wherever it likes, so that no interface of the machine is hidden from it.
    pub(crate) fn shows_every_interface(&self) -> bool {
        Protocol::ALL
            .iter()
            .any(|protocol| self.policy.is_unrestricted(Use::Listen, *protocol))
    }

    /// What the guest sees of an interface; `None` if it is hidden. An address that the guest may listen on is no secret, and neither
    /// is loopback. Nothing is audited: a list is no use of the network.
    pub(crate) fn shown(&self, mut interface: Interface) -> Option<Interface> {
        if self.shows_every_interface() {
            return Some(interface);
        }
        let loopback = interface.flags.contains(InterfaceFlags::LOOPBACK);
        let index = interface.index;
        interface
            .addresses
            .retain(|each| (loopback && each.ip.is_loopback()) || self.policy.listens_on(each.ip, index));
        (loopback || !interface.addresses.is_empty()).then_some(interface)
    }

    /// Whether every peer of a datagram socket is allowed, so that none needs to be asked about.
    pub(crate) fn every_sender_allowed(&self, listening: bool) -> bool {
        let side = if listening { Use::Accept } else { Use::Connect };
        !self.audited && self.policy.is_unrestricted(side, Protocol::Udp)
    }

    /// The longest queue of connections that wait for accept.
    pub(crate) fn backlog(&self, asked: i32) -> i32 {
        // listen(2) takes a negative number for a large one.
        let most = i32::try_from(self.policy.limits().pending).unwrap_or(i32::MAX);
        if asked < 0 { most } else { asked.min(most) }
    }

    /// Whether every peer of a TCP listener is allowed.
    pub(crate) fn every_peer_allowed(&self) -> bool {
        !self.audited && self.policy.is_unrestricted(Use::Accept, Protocol::Tcp)
    }

    /// A UNIX socket path in the guest's view, symbolic links resolved.
    pub(crate) fn unix(&mut self, call: &'static str, path: &str) -> Result<()> {
        let decision = self.policy.decide_unix(path);
        let flag = || Flag::path(path);
        self.enforce(call, Use::Unix, None, Subject::Other(&path), decision, flag)
    }

    /// A UNIX socket path that none of the guest's directories leads to. Returns the errno for the guest.
    pub(crate) fn outside(&mut self, call: &'static str, path: &str) -> Errno {
        let subject = Subject::Other(&path);
        self.record(call, Use::Unix, None, subject, Decision::outside(), false, || {
            None
        });
        Errno::EACCES
    }

    /// [`Gate::record`], with `EACCES` for a denial.
    fn enforce(
        &self,
        call: &'static str,
        usage: Use,
        protocol: Option<Protocol>,
        subject: Subject<'_>,
        decision: Decision<'_>,
        flag: impl FnOnce() -> Option<Flag>,
    ) -> Result<()> {
        match self.record(call, usage, protocol, subject, decision, false, flag) {
            true => Ok(()),
            false => Err(Errno::EACCES),
        }
    }

    /// Audits a decision, reports it if it is a denial, and returns whether it allows. A denial that our stub makes good
    /// (`redirected`) is not reported. `flag` is what would have allowed it.
    #[expect(clippy::too_many_arguments, reason = "what an audit line says")]
    fn record(
        &self,
        call: &'static str,
        usage: Use,
        protocol: Option<Protocol>,
        subject: Subject<'_>,
        decision: Decision<'_>,
        redirected: bool,
        flag: impl FnOnce() -> Option<Flag>,
    ) -> bool {
        if self.audited {
            self.names
                .audit(call, usage, protocol, subject, decision, redirected);
        }
        if decision.is_denied() && !redirected {
            self.names.counters.denied(usage);
            report(&self.names, call, decision, subject.shown(), flag);
        }
        decision.is_allowed()
    }
}

/// Judges where a connection to a name has led, for a host that learns the address only by connecting
/// ([`Host::set_peer_judge`](crate::Host::set_peer_judge)).
#[derive(Clone, Debug)]
pub struct PeerJudge {
    policy: Arc<Policy>,
    names: Arc<Names>,
}

/// That one name has led to one address.
struct Led<'a> {
    name: &'a Name,
    ip: IpAddr,
}

impl PinLookup for Led<'_> {
    fn visit(&self, ip: IpAddr, visit: &mut dyn FnMut(&Name, bool)) {
        if ip == self.ip {
            visit(self.name, true);
        }
    }
}

impl PeerJudge {
    /// Whether a connection to the name may go on, now that it is known to have reached this address. It is judged, audited and
    /// reported as a connect to the address after a look-up of the name; what is allowed may be connected to by its address
    /// too, for as long as an answer without a lifetime. `now` is the host's monotonic clock.
    #[must_use]
    pub fn allows(&self, protocol: Protocol, name: &Name, peer: SocketAddr, now: Duration) -> bool {
        let ip = canonical_ip(peer.ip());
        let decision = self
            .policy
            .decide(Use::Connect, protocol, peer, &Led { name, ip });
        let flag = || Some(Flag::address(Use::Connect, protocol, peer));
        if self.names.is_audited() {
            self.names.audit(
                "connect",
                Use::Connect,
                Some(protocol),
                Subject::Address(&peer),
                decision,
                false,
            );
        }
        if decision.is_denied() {
            self.names.counters.denied(Use::Connect);
            report(&self.names, "connect", decision, &peer, flag);
        } else {
            self.names
                .pin(name, &[ip], now.saturating_add(SYSTEM_ANSWER_LIFETIME));
        }
        decision.is_allowed()
    }
}

/// Reads the clock only if a rule needs to know which names led to an address.
struct LazyPins<'a, N> {
    names: &'a Names,
    now: N,
}

impl<N: Fn() -> Duration> PinLookup for LazyPins<'_, N> {
    fn visit(&self, ip: IpAddr, visit: &mut dyn FnMut(&Name, bool)) {
        let pins = self.names.pins();
        if !pins.is_empty() {
            pins.at((self.now)()).visit(ip, visit);
        }
    }
}

#[cold]
fn report(
    names: &Names,
    call: &'static str,
    decision: Decision<'_>,
    target: &dyn fmt::Display,
    flag: impl FnOnce() -> Option<Flag>,
) {
    let mut observer = lock(&names.observer);
    let Some(observer) = &mut *observer else { return };
    // No allow flag helps against a deny rule.
    let flag = match decision.reason() {
        Reason::Rule(_) | Reason::Includes(_) | Reason::NotNormal | Reason::Outside | Reason::Interface => {
            None
        }
        Reason::Group(_)
        | Reason::Covered
        | Reason::OwnAnswer
        | Reason::AllowNet
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
        flag: flag.as_ref(),
        errno: Errno::EACCES,
    });
}

#[cfg(test)]
mod tests;
