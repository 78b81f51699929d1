//! The gate alone: which route, which denial and which audit line come of a decision.

use std::cell::Cell;
use std::sync::Mutex;

use super::*;
use crate::policy::PolicyBuilder;
use crate::trace::{AuditRecord, Observer};

/// What an observer got, as text.
#[derive(Clone, Debug, Default)]
struct Seen {
    audit: Arc<Mutex<Vec<String>>>,
    denials: Arc<Mutex<Vec<String>>>,
}

impl Observer for Seen {
    fn wants_calls(&self) -> bool {
        false
    }

    fn call(&mut self, _: &'static str, _: fmt::Arguments<'_>, _: Result<u64>) {}

    fn denied(&mut self, denial: &Denial<'_>) {
        let flag = denial.flag.map(ToString::to_string).unwrap_or_default();
        lock(&self.denials).push(format!("{} {}: {flag}", denial.call, denial.target));
    }

    fn decided(&mut self, record: &AuditRecord<'_>) {
        let word = match (record.redirected, record.decision.is_allowed()) {
            (true, _) => "redirected",
            (false, true) => "allowed",
            (false, false) => "denied",
        };
        lock(&self.audit).push(format!("{} {}: {word}", record.call, record.target));
    }
}

impl Seen {
    fn audit(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.audit))
    }

    fn denials(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.denials))
    }
}

/// A gate under these rules, and what its observer gets; decisions too if it is `audited`.
fn gate(audited: bool, rules: impl FnOnce(&mut PolicyBuilder)) -> (Gate, Seen) {
    let mut builder = PolicyBuilder::new();
    rules(&mut builder);
    let mut gate = Gate::new(Arc::new(builder.build()));
    let seen = Seen::default();
    *lock(&gate.names.observer) = Some(Box::new(seen.clone()));
    gate.audited = audited;
    (gate, seen)
}

fn everything(builder: &mut PolicyBuilder) {
    builder.allow_net();
}

fn one_name(builder: &mut PolicyBuilder) {
    builder.allow(Use::Connect, "db.example:5432").unwrap();
}

fn one_address(builder: &mut PolicyBuilder) {
    builder.allow(Use::Connect, "10.0.0.5:80").unwrap();
}

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn now() -> Duration {
    Duration::ZERO
}

const NOTHING: [&str; 0] = [];

#[test]
fn dns_goes_to_the_stub_only_where_some_name_may_be_looked_up() {
    let (mut named, seen) = gate(false, one_name);
    let udp = Protocol::Udp;
    assert_eq!(named.connect("sendto", udp, STUB, now), Ok(Route::Stub));
    let other = addr("9.9.9.9:53");
    assert_eq!(named.connect("sendto", udp, other, now), Ok(Route::Stub));
    assert_eq!(seen.denials(), NOTHING);
    // The stub's address with another port, and a denied address that is no DNS, are addresses like any other.
    for to in ["192.0.2.53:54", "9.9.9.9:54"] {
        assert_eq!(
            named.connect("sendto", udp, addr(to), now),
            Err(Errno::EACCES),
            "{to}"
        );
    }
    assert_eq!(seen.denials().len(), 2);
    assert_eq!(seen.audit(), NOTHING);

    let (mut unnamed, seen) = gate(false, one_address);
    for to in [STUB, other] {
        assert_eq!(
            unnamed.connect("connect", Protocol::Tcp, to, now),
            Err(Errno::EACCES)
        );
    }
    assert_eq!(seen.denials().len(), 2);
}

#[test]
fn a_dns_server_that_a_rule_allows_is_reached_itself() {
    let (mut gate, _) = gate(false, |builder| {
        one_name(builder);
        builder.allow(Use::Connect, "9.9.9.9:53").unwrap();
    });
    assert_eq!(
        gate.connect("sendto", Protocol::Udp, addr("9.9.9.9:53"), now),
        Ok(Route::Direct)
    );
    assert_eq!(
        gate.connect("sendto", Protocol::Udp, addr("9.9.9.8:53"), now),
        Ok(Route::Stub)
    );
}

#[test]
fn an_audit_has_a_line_for_every_decision_and_for_what_the_stub_takes_over() {
    let (mut named, seen) = gate(true, one_name);
    assert_eq!(named.connect("sendto", Protocol::Udp, STUB, now), Ok(Route::Stub));
    assert_eq!(
        named.connect("sendto", Protocol::Udp, addr("9.9.9.9:53"), now),
        Ok(Route::Stub)
    );
    assert_eq!(
        seen.audit(),
        [
            "sendto 192.0.2.53:53: redirected",
            "sendto 9.9.9.9:53: redirected"
        ]
    );
    assert_eq!(seen.denials(), NOTHING);

    let (mut open, seen) = gate(true, everything);
    assert_eq!(
        open.connect("connect", Protocol::Tcp, addr("9.9.9.9:80"), now),
        Ok(Route::Direct)
    );
    assert_eq!(
        open.connect("connect", Protocol::Tcp, STUB, now),
        Ok(Route::Stub),
        "no machine has this address"
    );
    assert_eq!(
        seen.audit(),
        ["connect 9.9.9.9:80: allowed", "connect 192.0.2.53:53: redirected"]
    );
}

#[test]
fn without_an_audit_what_is_allowed_without_rules_leaves_no_line() {
    let (mut gate, seen) = gate(false, everything);
    assert_eq!(
        gate.connect("connect", Protocol::Tcp, addr("9.9.9.9:80"), now),
        Ok(Route::Direct)
    );
    assert!(gate.every_sender_allowed(true) && gate.every_sender_allowed(false));
    assert!(gate.every_peer_allowed());
    assert_eq!((seen.audit(), seen.denials()), (vec![], vec![]));
}

#[test]
fn under_an_audit_or_a_rule_each_peer_and_sender_is_judged() {
    let (audited, _) = gate(true, everything);
    assert!(!audited.every_peer_allowed());
    assert!(!audited.every_sender_allowed(true) && !audited.every_sender_allowed(false));

    let (peers, _) = gate(false, |builder| {
        everything(builder);
        builder.deny(Use::Accept, "10.0.0.9").unwrap();
    });
    assert!(!peers.every_peer_allowed() && !peers.every_sender_allowed(true));
    assert!(
        peers.every_sender_allowed(false),
        "who only sends is answered by those it may send to"
    );

    let (replies, _) = gate(false, |builder| {
        everything(builder);
        builder.deny(Use::Connect, "10.0.0.9").unwrap();
    });
    assert!(replies.every_peer_allowed() && replies.every_sender_allowed(true));
    assert!(!replies.every_sender_allowed(false));
}

#[test]
fn listening_accepting_and_replying_are_reported_with_the_flag_that_would_allow_them() {
    let (mut gate, seen) = gate(true, |builder| {
        one_address(builder);
        builder.allow(Use::Accept, "10.0.0.5").unwrap();
    });
    let peer = addr("10.0.0.6:9");
    assert_eq!(
        gate.listen("bind", Protocol::Tcp, addr("127.0.0.1:80")),
        Err(Errno::EACCES)
    );
    assert!(!gate.accept("accept", Protocol::Tcp, peer));
    assert!(gate.accept("accept", Protocol::Tcp, addr("10.0.0.5:9")));
    assert!(!gate.reply("recvfrom", peer, now));
    assert!(gate.reply("recvfrom", addr("10.0.0.5:80"), now));
    assert_eq!(gate.unix("connect", "/run/x"), Err(Errno::EACCES));
    assert_eq!(gate.outside("connect", "/x"), Errno::EACCES);
    assert_eq!(
        seen.audit(),
        [
            "bind 127.0.0.1:80: denied",
            "accept 10.0.0.6:9: denied",
            "accept 10.0.0.5:9: allowed",
            "recvfrom 10.0.0.6:9: denied",
            "recvfrom 10.0.0.5:80: allowed",
            "connect /run/x: denied",
            "connect /x: denied",
        ]
    );
    assert_eq!(
        seen.denials(),
        [
            "bind 127.0.0.1:80: --allow-listen 127.0.0.1:80",
            "accept 10.0.0.6:9: --allow-accept 10.0.0.6",
            "recvfrom 10.0.0.6:9: --allow-connect udp://10.0.0.6:9",
            "connect /run/x: --allow-unix /run/x",
            "connect /x: ",
        ]
    );
}

#[test]
fn broadcasts_are_audited_by_the_option_and_reported_by_the_datagram() {
    let (open, seen) = gate(false, everything);
    assert!(open.broadcast("setsockopt"));
    assert_eq!(seen.audit(), NOTHING);

    let (open, seen) = gate(true, everything);
    assert!(open.broadcast("setsockopt"));
    assert_eq!(seen.audit(), ["setsockopt SO_BROADCAST: allowed"]);

    let (closed, seen) = gate(true, one_address);
    assert!(!closed.broadcast("setsockopt"));
    assert_eq!(seen.audit(), ["setsockopt SO_BROADCAST: denied"]);
    assert_eq!(seen.denials(), NOTHING, "many programs set it and never send one");
    closed.broadcast_refused("sendto", addr("10.255.255.255:9"));
    assert_eq!(seen.audit(), ["sendto 10.255.255.255:9: denied"]);
    assert_eq!(
        seen.denials(),
        ["sendto 10.255.255.255:9: --allow-connect udp://255.255.255.255"]
    );

    let (quiet, seen) = gate(false, one_address);
    assert!(!quiet.broadcast("setsockopt"));
    assert_eq!((seen.audit(), seen.denials()), (vec![], vec![]));
}

#[test]
fn an_interface_may_be_chosen_only_where_no_rule_is_about_addresses() {
    let (mut open, seen) = gate(false, everything);
    assert_eq!(open.interface("sendmsg", 1), Ok(()));
    assert_eq!(seen.audit(), NOTHING);

    let (mut audited, seen) = gate(true, everything);
    assert_eq!(audited.interface("sendmsg", 1), Ok(()));
    assert_eq!(seen.audit(), ["sendmsg interface 1: allowed"]);
    assert_eq!(audited.interface("sendmsg", 0), Ok(()));
    assert_eq!(seen.audit(), NOTHING, "0 leaves the choice to the system");

    let (mut closed, seen) = gate(false, one_address);
    assert_eq!(closed.interface("sendmsg", 0), Ok(()));
    assert_eq!(closed.interface("sendmsg", 1), Err(Errno::EACCES));
    assert_eq!(seen.denials(), ["sendmsg interface 1: "]);
}

#[test]
fn a_backlog_is_cut_to_the_limit_and_a_negative_one_is_a_large_one() {
    let (gate, _) = gate(false, |builder| {
        everything(builder);
        builder.limits(crate::limits::Limits {
            pending: 5,
            ..Default::default()
        });
    });
    for (asked, given) in [(0, 0), (4, 4), (5, 5), (6, 5), (-1, 5)] {
        assert_eq!(gate.backlog(asked), given, "{asked}");
    }
}

#[test]
fn a_clock_is_read_only_where_a_name_was_pinned_and_its_rule_then_counts() {
    let (mut gate, _) = gate(false, one_name);
    let reads = Cell::new(0);
    let clock = || {
        reads.set(reads.get() + 1);
        Duration::ZERO
    };
    let to = addr("9.9.9.9:5432");
    assert_eq!(
        gate.connect("connect", Protocol::Tcp, to, clock),
        Err(Errno::EACCES)
    );
    assert_eq!(reads.get(), 0);

    let name = Name::parse("db.example").unwrap();
    let reply = crate::resolve::LookupReply {
        outcome: Ok(crate::resolve::Records {
            addresses: vec![to.ip()],
            ..Default::default()
        }),
        lifetime: Some(Duration::from_secs(60)),
    };
    let question = crate::resolve::Question::Addresses { name, family: None };
    gate.names.finish(&question, reply, Duration::ZERO).unwrap();
    assert_eq!(
        gate.connect("connect", Protocol::Tcp, to, clock),
        Ok(Route::Direct)
    );
    assert_eq!(reads.get(), 1);
}
