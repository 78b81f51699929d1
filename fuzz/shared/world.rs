//! A guest that looks names up and connects, and a model of what it must be allowed: the addresses that it was given,
//! for the names that its rules have, for a while, and nothing else.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use guestnet_core::policy::{Name, Policy, PolicyBuilder, Use, address_class, canonical_ip};
use guestnet_core::{Capacity, Domain, Errno, Fd, GuestThread, Kind};
use guestnet_fuzz::{Resolver, ScriptHost};

use crate::server::ADDRESSES;

/// What the documentation says: an address may be dialled for so long at least, and for so long at most.
const SHORTEST: Duration = Duration::from_secs(30);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// The port of every rule.
const PORT: u16 = 443;

/// See the module's text.
pub(crate) struct World {
    pub(crate) guest: GuestThread<ScriptHost, ()>,
    pub(crate) policy: Arc<Policy>,
    ticks: Arc<AtomicU64>,
    fd: Fd,
    answers: Vec<Answer>,
    seen: BTreeSet<IpAddr>,
}

struct Answer {
    name: Name,
    ip: IpAddr,
    at: Duration,
    /// It may have been dropped or cut off before the guest got it.
    maybe: bool,
}

/// Rules of each kind that a name can have: below a name, a name, and a denied one that may be looked up.
pub(crate) fn policy() -> Arc<Policy> {
    let mut builder = PolicyBuilder::new();
    for rule in ["*.example:443", "db:443"] {
        builder.allow(Use::Connect, rule).expect("a rule");
    }
    builder.deny(Use::Connect, "bad.example:443").expect("a rule");
    Arc::new(builder.build())
}

fn covered(name: &Name) -> bool {
    name.as_str() == "db" || name.as_str().ends_with(".example")
}

impl World {
    pub(crate) fn new(policy: Arc<Policy>, resolver: Resolver, ticks: Arc<AtomicU64>) -> World {
        let host = ScriptHost::resolving(Arc::clone(&policy), resolver, Arc::clone(&ticks));
        let mut guest = GuestThread::new(host, Arc::clone(&policy), Capacity::default());
        let fd = guest
            .socket(Domain::Inet6, Kind::Stream)
            .expect("everything succeeds");
        World {
            guest,
            policy,
            ticks,
            fd,
            answers: Vec::new(),
            seen: ADDRESSES
                .iter()
                .map(|text| text.parse().expect("an address"))
                .collect(),
        }
    }

    pub(crate) fn now(&self) -> Duration {
        Duration::from_millis(self.ticks.load(Ordering::Relaxed))
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.ticks.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    /// A server has answered with this address. The guest may have got it or not.
    pub(crate) fn see(&mut self, ip: IpAddr) {
        self.seen.insert(ip);
    }

    /// The guest was given this address for this name, or may have been.
    pub(crate) fn record_given(&mut self, name: &Name, ip: IpAddr, maybe: bool) {
        self.seen.insert(ip);
        // What localhost is needs no server, and is not pinned.
        if !name.is_loopback() {
            self.answers.push(Answer {
                name: name.clone(),
                ip: canonical_ip(ip),
                at: self.now(),
                maybe,
            });
        }
    }

    /// Whether the guest was given an address, so that it may ask for its name.
    pub(crate) fn was_given(&self, ip: IpAddr) -> bool {
        self.answers.iter().any(|answer| answer.ip == canonical_ip(ip))
    }

    /// Tries to connect to every address that ever was seen.
    pub(crate) fn probe(&mut self) {
        for ip in self.seen.clone() {
            let outcome = self.guest.connect(self.fd, &SocketAddr::new(ip, PORT).into());
            assert!(matches!(outcome, Ok(()) | Err(Errno::EACCES)), "{outcome:?}");
            let allowed = outcome.is_ok();
            if let Some(expected) = self.expected(ip) {
                assert_eq!(allowed, expected, "{ip} at {:?}", self.now());
            }
            let other = SocketAddr::new(ip, PORT + 1);
            assert_eq!(
                self.guest.connect(self.fd, &other.into()),
                Err(Errno::EACCES),
                "{other}"
            );
        }
    }

    /// Whether the guest may connect, if the documentation settles it.
    fn expected(&self, ip: IpAddr) -> Option<bool> {
        let reached = match canonical_ip(ip) {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::from([127, 0, 0, 1]),
            IpAddr::V6(ip) if ip.is_unspecified() => "::1".parse().expect("an address"),
            ip => ip,
        };
        let now = self.now();
        let class = address_class(reached);
        let (mut live, mut possible, mut denied) = (false, false, false);
        for answer in self.answers.iter().filter(|answer| answer.ip == reached) {
            let age = now.saturating_sub(answer.at);
            if answer.name.as_str() == "bad.example" {
                // Also after it has expired.
                if !answer.maybe {
                    return Some(false);
                }
                denied = true;
            } else if covered(&answer.name) && class.may_follow_name(answer.name.as_str() == "db") {
                possible |= age <= LONGEST;
                live |= !answer.maybe && age < SHORTEST;
            }
        }
        match (live, possible) {
            (_, false) => Some(false),
            (true, _) if !denied => Some(true),
            _ => None,
        }
    }
}
