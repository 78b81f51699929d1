//! [`Names`]: what one guest may look up, and which answers it got: policy, pins, cache and rate in one place.
//!
//! The guest's threads share it with other code that answers the guest, such as the stub that serves guests which speak
//! DNS themselves. It asks no server: [`Names::begin`] says what to ask, [`Names::finish`] takes the reply.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use super::cache::{Cache, LONGEST, LONGEST_NEGATIVE};
use super::hosts::Hosts;
use super::question::{LookupError, LookupReply, MAX_ALIASES, MAX_RESULTS, Question, Records};
use crate::addr::Domain;
use crate::errno::Errno;
use crate::limits::Bucket;
use crate::metrics::Counters;
use crate::policy::{Decision, Flag, Name, Pins, Policy, Reason, Use, canonical_ip};
use crate::sync::lock;
use crate::trace::{AuditRecord, Denial, Observer, Subject};

/// How long the addresses of a name may be dialled under a rule with that name, when the answer has no lifetime: the
/// system's resolver and the hosts file do not give one. Long enough for a program that looks up once and connects
/// again on failure.
pub const SYSTEM_ANSWER_LIFETIME: Duration = Duration::from_secs(600);

/// The shortest time that an address may be dialled after its look-up. With a lifetime of 0, which is usual, a
/// program that honours it still has to get from the look-up to the connect, through a few failed attempts.
pub const SHORTEST_PIN: Duration = Duration::from_secs(30);

/// What [`Names::begin`] says.
#[derive(Debug)]
pub enum CacheLookup {
    /// It is known, or denied.
    Known(Result<Arc<Records>, LookupError>),
    /// Ask an upstream, and give its reply to [`Names::finish`].
    Ask,
}

/// The names of one guest. No other guest sees its cache or its pins.
#[derive(Debug)]
pub struct Names {
    policy: Arc<Policy>,
    hosts: Mutex<Arc<Hosts>>,
    /// The guest's own: believed, but no reason to let it connect anywhere.
    guest_hosts: Mutex<Arc<Hosts>>,
    pins: Mutex<Pins>,
    cache: Mutex<Cache>,
    bucket: Mutex<Bucket>,
    audited: AtomicBool,
    pub(crate) counters: Arc<Counters>,
    pub(crate) observer: Mutex<Option<Box<dyn Observer>>>,
}

impl Names {
    pub(crate) fn new(policy: Arc<Policy>) -> Names {
        let rate = u64::from(policy.limits().lookups_per_second);
        Names {
            policy,
            hosts: Mutex::default(),
            guest_hosts: Mutex::default(),
            pins: Mutex::default(),
            cache: Mutex::default(),
            bucket: Mutex::new(Bucket::new(rate, rate)),
            audited: AtomicBool::new(false),
            counters: Arc::default(),
            observer: Mutex::default(),
        }
    }

    pub(crate) fn set_hosts(&self, hosts: Arc<Hosts>) {
        *lock(&self.hosts) = hosts;
    }

    pub(crate) fn set_guest_hosts(&self, hosts: Arc<Hosts>) {
        *lock(&self.guest_hosts) = hosts;
    }

    /// Gives the observer a decision, for an audit.
    #[cold]
    pub(crate) fn audit(
        &self,
        call: &'static str,
        usage: Use,
        protocol: Option<crate::policy::Protocol>,
        subject: Subject<'_>,
        decision: Decision<'_>,
        redirected: bool,
    ) {
        if let Some(observer) = &mut *lock(&self.observer) {
            observer.decided(&AuditRecord {
                call,
                usage,
                protocol,
                target: subject.shown(),
                address: subject.address(),
                decision,
                redirected,
            });
        }
    }

    pub(crate) fn is_audited(&self) -> bool {
        self.audited.load(Ordering::Relaxed)
    }

    pub(crate) fn set_audited(&self, audited: bool) {
        self.audited.store(audited, Ordering::Relaxed);
    }

    /// Makes the observer write what it has held back, at the end of the guest. Returns `false` if the observer is in
    /// use on another thread: that use may never end, so this does not wait for it.
    pub fn flush_observer(&self) -> bool {
        let mut observer = match self.observer.try_lock() {
            Ok(observer) => observer,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        if let Some(observer) = &mut *observer {
            observer.flush();
        }
        true
    }

    pub(crate) fn pins(&self) -> MutexGuard<'_, Pins> {
        lock(&self.pins)
    }

    /// Judges a question and answers it from the hosts file or the cache. `now` is the host's monotonic clock.
    pub fn begin(&self, question: &Question, now: Duration) -> CacheLookup {
        let lookup = self.judge(question, now);
        // Those that go further are counted where the rate is asked, and denials where they are reported.
        if let CacheLookup::Known(Ok(_) | Err(LookupError::NoName | LookupError::NoData)) = &lookup {
            self.counters.looked_up_here();
        }
        lookup
    }

    fn judge(&self, question: &Question, now: Duration) -> CacheLookup {
        CacheLookup::Known(match question {
            Question::Addresses { name, family } => {
                if !self.allowed(name) {
                    return CacheLookup::Known(Err(LookupError::Fail));
                }
                if let Some(outcome) = in_hosts(&lock(&self.guest_hosts), name, *family) {
                    outcome
                } else if let Some(outcome) = in_hosts(&lock(&self.hosts), name, *family) {
                    // A rule with the name localhost is about the loopback addresses, whatever the file says.
                    if let (Ok(found), false) = (&outcome, name.is_loopback()) {
                        self.pin(name, &found.addresses, now.saturating_add(SYSTEM_ANSWER_LIFETIME));
                    }
                    outcome
                } else if name.is_loopback() {
                    // RFC 6761: these names never leave the machine.
                    Ok(Arc::new(loopback(name, *family)))
                } else {
                    return self.in_cache(question, now);
                }
            }
            Question::Pointer(ip) => {
                let named = |hosts: &Mutex<Arc<Hosts>>| {
                    let hosts = lock(hosts);
                    let found = hosts.by_address(*ip)?;
                    Some((found.canonical.to_owned(), owned(&found.aliases)))
                };
                let known = named(&self.guest_hosts).or_else(|| named(&self.hosts));
                let localhost = || ip.is_loopback().then(|| ("localhost".to_owned(), Vec::new()));
                if let Some((name, aliases)) = known.or_else(localhost) {
                    if let Ok(asked) = Name::parse(&pointer_name(*ip)) {
                        self.settle("getnameinfo", &asked, Decision::known_here());
                    }
                    Ok(Arc::new(Records {
                        name,
                        aliases,
                        ..Records::default()
                    }))
                } else if !self.may_ask_back(*ip, now) {
                    Err(LookupError::Fail)
                } else {
                    return self.in_cache(question, now);
                }
            }
        })
    }

    /// Takes the reply to a question that [`Names::begin`] wanted asked: keeps it and pins its addresses.
    ///
    /// # Errors
    /// The reply's own; `NoData` for a reply without an address.
    pub fn finish(
        &self,
        question: &Question,
        reply: LookupReply,
        now: Duration,
    ) -> Result<Arc<Records>, LookupError> {
        let outcome = reply.outcome.and_then(|found| checked(question, found));
        let longest = if outcome.is_ok() {
            LONGEST
        } else {
            LONGEST_NEGATIVE
        };
        let lasting = matches!(outcome, Ok(_) | Err(LookupError::NoName | LookupError::NoData));
        if let (Some(lifetime), true) = (reply.lifetime, lasting) {
            let expires = now.saturating_add(lifetime.min(longest));
            lock(&self.cache).insert(question.clone(), outcome.clone(), expires, now);
        }
        if let (Ok(found), Question::Addresses { name, .. }) = (&outcome, question) {
            let lifetime = reply.lifetime.map_or(SYSTEM_ANSWER_LIFETIME, |lifetime| {
                lifetime.clamp(SHORTEST_PIN, LONGEST)
            });
            self.pin(name, &found.addresses, now.saturating_add(lifetime));
        }
        outcome
    }

    /// Whether the guest may ask for a name at all; notifies the observer if not.
    pub fn allowed(&self, name: &Name) -> bool {
        self.settle("getaddrinfo", name, self.policy.decide_name(name))
    }

    /// Gives the observer a decision, and returns whether it allows.
    fn settle(&self, call: &'static str, name: &Name, decision: Decision<'_>) -> bool {
        if self.is_audited() {
            self.audit(call, Use::Resolve, None, Subject::Other(name), decision, false);
        }
        if decision.is_denied() {
            self.denied(call, name, decision);
        }
        decision.is_allowed()
    }

    /// Takes one query out of the guest's rate of queries that go to a server.
    #[must_use]
    pub fn within_rate(&self, now: Duration) -> bool {
        let mut bucket = lock(&self.bucket);
        let within_rate = bucket.available(now) > 0;
        if within_rate {
            bucket.take(1);
        }
        drop(bucket);
        self.counters.looked_up(within_rate);
        within_rate
    }

    fn in_cache(&self, question: &Question, now: Duration) -> CacheLookup {
        let cache = lock(&self.cache);
        if let Some((outcome, expires)) = cache.at(question, now) {
            if let (Ok(found), Question::Addresses { name, .. }) = (outcome, question) {
                let at_least = now.saturating_add(SHORTEST_PIN);
                self.pin(name, &found.addresses, expires.max(at_least));
            }
            return CacheLookup::Known(outcome.clone());
        }
        drop(cache);
        if self.within_rate(now) {
            CacheLookup::Ask
        } else {
            CacheLookup::Known(Err(LookupError::Again))
        }
    }

    pub(crate) fn pin(&self, name: &Name, addresses: &[IpAddr], expires: Duration) {
        let mut pins = self.pins();
        for &ip in addresses {
            pins.insert(name, canonical_ip(ip), expires);
        }
    }

    /// A query for the name of an address carries the address out, so it is judged as the name that it asks for. A
    /// query for an address that guestnet has given to the guest reveals nothing new.
    fn may_ask_back(&self, ip: IpAddr, now: Duration) -> bool {
        let Ok(name) = Name::parse(&pointer_name(ip)) else {
            return false;
        };
        let mut decision = self.policy.decide_name(&name);
        // Deny beats allow, here too.
        if decision.reason() == Reason::NoRule && self.pins().names(ip, now).next().is_some() {
            decision = Decision::own_answer();
        }
        self.settle("getnameinfo", &name, decision)
    }

    fn denied(&self, call: &'static str, name: &Name, decision: Decision<'_>) {
        self.counters.denied(Use::Resolve);
        if let Some(observer) = &mut *lock(&self.observer) {
            // No allow flag helps against a deny rule.
            let flag = match decision.rule() {
                Some(_) => None,
                None => Some(Flag::name(name)),
            };
            observer.denied(&Denial {
                call,
                target: name,
                reason: &decision.to_string(),
                flag: flag.as_ref(),
                errno: Errno::EACCES,
            });
        }
    }
}

/// The name under which the DNS has the names of an address (RFC 1035, 3.5 and RFC 3596, 2.5).
#[must_use]
pub fn pointer_name(ip: IpAddr) -> String {
    match canonical_ip(ip) {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            let mut name = String::with_capacity(72);
            for nibble in 0..32 {
                let digit = u32::try_from(bits >> (4 * nibble) & 0xf).unwrap_or(0);
                name.extend(char::from_digit(digit, 16));
                name.push('.');
            }
            name + "ip6.arpa"
        }
    }
}

/// Holds a reply to what was asked: no other family, no more than the cap, no name that is none.
fn checked(question: &Question, mut found: Records) -> Result<Arc<Records>, LookupError> {
    let name = Name::parse(&found.name).ok();
    match question {
        Question::Addresses { name: asked, family } => {
            found.addresses.retain(|ip| is_of(*ip, *family));
            found.addresses.truncate(MAX_RESULTS);
            if found.addresses.is_empty() {
                return Err(LookupError::NoData);
            }
            found.name = name.as_ref().unwrap_or(asked).as_str().to_owned();
        }
        Question::Pointer(_) => {
            found.addresses = Vec::new();
            found.name = name.ok_or(LookupError::NoName)?.as_str().to_owned();
        }
    }
    let aliases = found.aliases.iter().filter_map(|alias| Name::parse(alias).ok());
    found.aliases = aliases
        .take(MAX_ALIASES)
        .map(|alias| alias.as_str().to_owned())
        .collect();
    Ok(Arc::new(found))
}

/// What a hosts file says of a name; `None` if nothing.
fn in_hosts(hosts: &Hosts, name: &Name, family: Option<Domain>) -> Option<Result<Arc<Records>, LookupError>> {
    let found = hosts.by_name(name, family)?;
    if found.addresses.is_empty() {
        return Some(Err(LookupError::NoData));
    }
    Some(Ok(Arc::new(Records {
        name: found.canonical.to_owned(),
        aliases: owned(&found.aliases),
        addresses: found.addresses,
        sorted: false,
    })))
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn loopback(name: &Name, family: Option<Domain>) -> Records {
    let both = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
    Records {
        addresses: both.into_iter().filter(|ip| is_of(*ip, family)).collect(),
        name: name.as_str().to_owned(),
        aliases: Vec::new(),
        // Which one comes first depends on what the machine has.
        sorted: false,
    }
}

fn is_of(ip: IpAddr, family: Option<Domain>) -> bool {
    match family {
        None => true,
        Some(Domain::Inet) => ip.is_ipv4(),
        Some(Domain::Inet6) => ip.is_ipv6(),
        Some(Domain::Unix) => false,
    }
}
