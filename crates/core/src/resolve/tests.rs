//! [`Names`] under a clock of the test's own.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::policy::{Policy, PolicyBuilder, Protocol, Use};
use crate::sync::lock;

const START: Duration = Duration::from_secs(1000);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn policy(rules: &[&str]) -> Arc<Policy> {
    let mut builder = PolicyBuilder::new();
    for rule in rules {
        builder.allow(Use::Connect, rule).unwrap();
    }
    Arc::new(builder.build())
}

fn names(policy: &Arc<Policy>) -> Names {
    Names::new(Arc::clone(policy))
}

fn question(name: &str) -> Question {
    Question::Addresses {
        name: Name::parse(name).unwrap(),
        family: None,
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn reply(addresses: &[&str], lifetime: Option<u64>) -> LookupReply {
    LookupReply {
        outcome: Ok(Records {
            addresses: addresses.iter().map(|text| ip(text)).collect(),
            ..Records::default()
        }),
        lifetime: lifetime.map(seconds),
    }
}

fn failure(error: LookupError, lifetime: Option<u64>) -> LookupReply {
    LookupReply {
        outcome: Err(error),
        lifetime: lifetime.map(seconds),
    }
}

fn known(names: &Names, name: &str, now: Duration) -> Option<Result<Vec<IpAddr>, LookupError>> {
    match names.begin(&question(name), now) {
        CacheLookup::Known(outcome) => Some(outcome.map(|found| found.addresses.clone())),
        CacheLookup::Ask => None,
    }
}

fn may_connect(policy: &Policy, names: &Names, to: &str, now: Duration) -> bool {
    let to: SocketAddr = to.parse().unwrap();
    let pins = names.pins();
    policy
        .decide(Use::Connect, Protocol::Tcp, to, &pins.at(now))
        .is_allowed()
}

#[test]
fn an_answer_is_asked_for_once_within_its_lifetime() {
    let policy = policy(&["db.example:5432"]);
    let names = names(&policy);
    assert_eq!(known(&names, "db.example", START), None);
    names
        .finish(&question("db.example"), reply(&["192.0.2.1"], Some(60)), START)
        .unwrap();
    let cached = Some(Ok(vec![ip("192.0.2.1")]));
    assert_eq!(known(&names, "DB.example.", START + seconds(59)), cached);
    assert_eq!(known(&names, "db.example", START + seconds(60)), None);
}

#[test]
fn no_such_name_is_kept_as_long_as_the_server_says_and_no_answer_is_not() {
    let policy = policy(&["*"]);
    let names = names(&policy);
    let error = names.finish(
        &question("no.example"),
        failure(LookupError::NoName, Some(10)),
        START,
    );
    assert_eq!(error, Err(LookupError::NoName));
    assert_eq!(
        known(&names, "no.example", START + seconds(9)),
        Some(Err(LookupError::NoName))
    );
    assert_eq!(known(&names, "no.example", START + seconds(10)), None);
    // A server may not keep a name away for a day.
    let error = names.finish(
        &question("no.example"),
        failure(LookupError::NoName, Some(86_400)),
        START,
    );
    assert_eq!(error, Err(LookupError::NoName));
    assert_eq!(known(&names, "no.example", START + seconds(300)), None);
    let error = names.finish(
        &question("slow.example"),
        failure(LookupError::Again, Some(60)),
        START,
    );
    assert_eq!(error, Err(LookupError::Again));
    assert_eq!(known(&names, "slow.example", START), None);
}

#[test]
fn the_systems_answers_are_not_cached_and_stay_pinned() {
    let policy = policy(&["db.example:5432"]);
    let names = names(&policy);
    names
        .finish(&question("db.example"), reply(&["192.0.2.1"], None), START)
        .unwrap();
    assert_eq!(known(&names, "db.example", START), None);
    assert!(may_connect(
        &policy,
        &names,
        "192.0.2.1:5432",
        START + seconds(599)
    ));
    assert!(!may_connect(
        &policy,
        &names,
        "192.0.2.1:5432",
        START + seconds(600)
    ));
}

#[test]
fn a_pin_lasts_as_long_as_the_answer_and_long_enough_to_connect() {
    let policy = policy(&["long.example:1", "short.example:1"]);
    let names = names(&policy);
    names
        .finish(&question("long.example"), reply(&["192.0.2.1"], Some(120)), START)
        .unwrap();
    names
        .finish(&question("short.example"), reply(&["192.0.2.2"], Some(0)), START)
        .unwrap();
    assert!(may_connect(&policy, &names, "192.0.2.1:1", START + seconds(119)));
    assert!(!may_connect(&policy, &names, "192.0.2.1:1", START + seconds(120)));
    assert!(may_connect(
        &policy,
        &names,
        "192.0.2.2:1",
        START + SHORTEST_PIN - seconds(1)
    ));
    assert!(!may_connect(&policy, &names, "192.0.2.2:1", START + SHORTEST_PIN));
    // Nothing with a lifetime of 0 is answered from the cache.
    assert_eq!(known(&names, "short.example", START), None);
    // The last seconds of a cached answer still are long enough.
    assert!(known(&names, "long.example", START + seconds(119)).is_some());
    assert!(may_connect(&policy, &names, "192.0.2.1:1", START + seconds(140)));
}

/// A2: the server gives another address the second time; only what it gave is allowed, and never what it did not give.
#[test]
fn an_answer_that_changes_allows_what_was_answered_and_nothing_else() {
    let policy = policy(&["db.example:5432"]);
    let names = names(&policy);
    names
        .finish(&question("db.example"), reply(&["198.51.100.1"], Some(0)), START)
        .unwrap();
    assert!(may_connect(&policy, &names, "198.51.100.1:5432", START));
    assert!(!may_connect(&policy, &names, "198.51.100.2:5432", START));
    // The second answer is loopback, which a public name may not stand for.
    names
        .finish(&question("db.example"), reply(&["127.0.0.1"], Some(0)), START)
        .unwrap();
    assert!(!may_connect(&policy, &names, "127.0.0.1:5432", START));
}

/// A20: a name that may not be looked up is not asked for, so that nothing can be said by asking.
#[test]
fn a_denied_name_is_never_asked_for() {
    let policy = policy(&["db.example:5432"]);
    let names = names(&policy);
    assert_eq!(
        known(&names, "secret.evil.example", START),
        Some(Err(LookupError::Fail))
    );
    let address = Question::Pointer(ip("2001:db8::1234"));
    assert!(matches!(
        names.begin(&address, START),
        CacheLookup::Known(Err(LookupError::Fail))
    ));
    // An address that it was given says nothing new.
    names
        .finish(
            &question("db.example"),
            reply(&["2001:db8::1234"], Some(60)),
            START,
        )
        .unwrap();
    assert!(matches!(names.begin(&address, START), CacheLookup::Ask));
}

/// A26: what one guest asks for changes nothing for another.
#[test]
fn each_guest_has_its_own_cache_and_pins() {
    let policy = policy(&["db.example:5432"]);
    let (one, other) = (names(&policy), names(&policy));
    one.finish(&question("db.example"), reply(&["192.0.2.1"], Some(60)), START)
        .unwrap();
    assert_eq!(known(&other, "db.example", START), None);
    assert!(may_connect(&policy, &one, "192.0.2.1:5432", START));
    assert!(!may_connect(&policy, &other, "192.0.2.1:5432", START));
}

#[test]
fn what_the_guest_says_of_a_name_is_believed_and_allows_nothing() {
    let policy = policy(&["db:5432"]);
    let names = names(&policy);
    names.set_hosts(Arc::new(Hosts::parse("10.0.0.7 db")));
    names.set_guest_hosts(Arc::new(Hosts::parse("10.0.0.9 db")));
    assert_eq!(known(&names, "db", START), Some(Ok(vec![ip("10.0.0.9")])));
    assert!(!may_connect(&policy, &names, "10.0.0.9:5432", START));
    assert!(!may_connect(&policy, &names, "10.0.0.7:5432", START));
    names.set_guest_hosts(Arc::default());
    assert_eq!(known(&names, "db", START), Some(Ok(vec![ip("10.0.0.7")])));
    assert!(may_connect(&policy, &names, "10.0.0.7:5432", START));
}

#[test]
fn the_hosts_file_comes_before_the_cache_and_the_server() {
    let policy = policy(&["db:5432"]);
    let names = names(&policy);
    names.set_hosts(Arc::new(Hosts::parse("10.0.0.7 db\n10.0.0.8 other")));
    assert_eq!(known(&names, "db", START), Some(Ok(vec![ip("10.0.0.7")])));
    assert!(may_connect(&policy, &names, "10.0.0.7:5432", START));
    // It does not make a name allowed.
    assert_eq!(known(&names, "other", START), Some(Err(LookupError::Fail)));
    let v6 = Question::Addresses {
        name: Name::parse("db").unwrap(),
        family: Some(Domain::Inet6),
    };
    assert!(matches!(
        names.begin(&v6, START),
        CacheLookup::Known(Err(LookupError::NoData))
    ));
    let CacheLookup::Known(Ok(found)) = names.begin(&Question::Pointer(ip("10.0.0.8")), START) else {
        panic!("the file has it");
    };
    assert_eq!(found.name, "other");
}

#[test]
fn localhost_never_leaves_the_machine() {
    let policy = policy(&["*"]);
    let names = names(&policy);
    for name in ["localhost", "LOCALHOST.", "a.localhost"] {
        assert_eq!(
            known(&names, name, START),
            Some(Ok(vec![ip("::1"), ip("127.0.0.1")])),
            "{name}"
        );
    }
}

/// glibc's answers with such a file, for each family.
#[test]
fn a_hosts_file_that_has_localhost_says_what_it_is() {
    let ask = |text: &str, name: &str, family| {
        let policy = policy(&["*"]);
        let names = names(&policy);
        names.set_hosts(Arc::new(Hosts::parse(text)));
        let name = Name::parse(name).unwrap();
        match names.begin(&Question::Addresses { name, family }, START) {
            CacheLookup::Known(outcome) => outcome.map(|found| {
                let texts: Vec<String> = found.addresses.iter().map(ToString::to_string).collect();
                texts.join(" ")
            }),
            CacheLookup::Ask => panic!("it never leaves the machine"),
        }
    };
    let (any, v4, v6) = (None, Some(Domain::Inet), Some(Domain::Inet6));
    let found = |text: &str| Ok(text.to_owned());
    let only_v4 = "127.0.0.1 localhost";
    assert_eq!(ask(only_v4, "localhost", any), found("127.0.0.1"));
    assert_eq!(ask(only_v4, "localhost", v6), Err(LookupError::NoData));
    let both = "127.0.0.1 localhost\n::1 localhost ip6-localhost";
    assert_eq!(
        ask(both, "LocalHost.", any),
        found("127.0.0.1 ::1"),
        "in the file's order, to be sorted"
    );
    assert_eq!(ask(both, "localhost", v4), found("127.0.0.1"));
    assert_eq!(ask("::1 localhost", "localhost", any), found("::1"));
    assert_eq!(ask("::1 localhost", "localhost", v4), found("127.0.0.1"));
    let elsewhere = "10.0.0.7 localhost\n10.0.0.8 a.localhost";
    assert_eq!(ask(elsewhere, "localhost", any), found("10.0.0.7"));
    assert_eq!(ask(elsewhere, "a.localhost", any), found("10.0.0.8"));
    assert_eq!(ask(elsewhere, "b.localhost", any), found("::1 127.0.0.1"));
}

/// A rule with the name localhost is about the loopback addresses, and no hosts file makes it one about others.
#[test]
fn a_rule_for_localhost_covers_no_other_address_that_a_hosts_file_gives_it() {
    let policy = policy(&["localhost:80"]);
    let names = names(&policy);
    names.set_hosts(Arc::new(Hosts::parse("10.0.0.7 localhost")));
    assert_eq!(known(&names, "localhost", START), Some(Ok(vec![ip("10.0.0.7")])));
    assert!(!may_connect(&policy, &names, "10.0.0.7:80", START));
    assert!(may_connect(&policy, &names, "127.0.0.1:80", START));
}

#[test]
fn above_the_rate_it_is_try_again_and_the_cache_costs_nothing() {
    let mut builder = PolicyBuilder::new();
    builder.allow_net().limits_mut().lookups_per_second = 2;
    let names = Names::new(Arc::new(builder.build()));
    assert_eq!(known(&names, "a.example", START), None);
    names
        .finish(&question("a.example"), reply(&["192.0.2.1"], Some(60)), START)
        .unwrap();
    assert_eq!(known(&names, "b.example", START), None);
    assert_eq!(known(&names, "c.example", START), Some(Err(LookupError::Again)));
    assert!(known(&names, "a.example", START).is_some_and(|outcome| outcome.is_ok()));
    assert_eq!(
        known(&names, "c.example", START + Duration::from_millis(500)),
        None
    );
}

/// A19: what a server says beyond the question is dropped.
#[test]
fn a_reply_is_held_to_its_question() {
    let policy = policy(&["*"]);
    let names = names(&policy);
    let only_v4 = Question::Addresses {
        name: Name::parse("db.example").unwrap(),
        family: Some(Domain::Inet),
    };
    let found = names
        .finish(&only_v4, reply(&["2001:db8::1", "192.0.2.1"], Some(60)), START)
        .unwrap();
    assert_eq!(found.addresses, [ip("192.0.2.1")]);
    let error = names.finish(&only_v4, reply(&["2001:db8::1"], Some(60)), START);
    assert_eq!(error, Err(LookupError::NoData));
    let many: Vec<String> = (0..1000)
        .map(|n| format!("10.0.{}.{}", n / 250, n % 250))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let found = names.finish(&only_v4, reply(&many, Some(60)), START).unwrap();
    assert_eq!(found.addresses.len(), MAX_RESULTS);
    let odd = LookupReply {
        outcome: Ok(Records {
            addresses: vec![ip("192.0.2.1")],
            name: "a\u{0}b\n.example".to_owned(),
            aliases: vec!["a\u{0}b".to_owned(), "other.example".to_owned()],
            sorted: false,
        }),
        lifetime: None,
    };
    assert_eq!(
        names.finish(&only_v4, odd.clone(), START).unwrap().aliases,
        ["other.example"]
    );
    assert_eq!(
        names.finish(&only_v4, odd.clone(), START).unwrap().name,
        "db.example"
    );
    let pointer = names.finish(&Question::Pointer(ip("192.0.2.1")), odd, START);
    assert_eq!(pointer, Err(LookupError::NoName));
}

#[test]
fn the_name_of_an_address_is_spelled_backwards() {
    assert_eq!(pointer_name(ip("192.0.2.17")), "17.2.0.192.in-addr.arpa");
    assert_eq!(pointer_name(ip("::ffff:192.0.2.17")), "17.2.0.192.in-addr.arpa");
    assert_eq!(
        pointer_name(ip("2001:db8::1")),
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
    );
}

/// What a machine with some of the families makes of `AI_ADDRCONFIG`.
fn configured(v4: Option<&str>, v6: Option<&str>) -> Vec<String> {
    let mut addresses = ["192.0.2.7", "127.0.0.1", "2001:db8::7", "::1"].map(ip).to_vec();
    keep_configured(&mut addresses, |to| if to.is_ipv4() { v4 } else { v6 }.map(ip));
    addresses.iter().map(IpAddr::to_string).collect()
}

#[test]
fn a_family_that_the_machine_has_no_address_of_is_left_out() {
    let all = ["192.0.2.7", "127.0.0.1", "2001:db8::7", "::1"];
    let (v4, v6) = (Some("10.0.0.1"), Some("2001:db8:1::1"));
    assert_eq!(configured(v4, v6), all);
    assert_eq!(configured(v4, None), ["192.0.2.7", "127.0.0.1", "::1"]);
    assert_eq!(configured(None, v6), ["127.0.0.1", "2001:db8::7", "::1"]);
    // An address of loopback counts as none, and a machine without any address gets everything.
    assert_eq!(configured(v4, Some("::1")), ["192.0.2.7", "127.0.0.1", "::1"]);
    assert_eq!(configured(Some("127.0.0.1"), None), all);
    assert_eq!(configured(None, None), all);
}

/// An observer's view of the decisions: call, target, outcome and reason.
#[derive(Clone, Default)]
struct Decisions(Arc<std::sync::Mutex<Vec<String>>>);

impl crate::Observer for Decisions {
    fn wants_calls(&self) -> bool {
        false
    }

    fn call(&mut self, _: &'static str, _: std::fmt::Arguments<'_>, _: crate::Result<u64>) {}

    fn denied(&mut self, _: &crate::Denial<'_>) {}

    fn wants_decisions(&self) -> bool {
        true
    }

    fn decided(&mut self, decided: &crate::AuditRecord<'_>) {
        let line = format!("{} {}: {}", decided.call, decided.target, decided.decision);
        lock(&self.0).push(line);
    }
}

/// A36: what the guest learns about an address leaves a line in the audit, wherever the name comes from.
#[test]
fn a_question_for_the_name_of_an_address_is_a_decision_too() {
    let mut builder = PolicyBuilder::new();
    builder.allow(Use::Connect, "db.example:80").unwrap();
    builder.deny(Use::Resolve, "18.2.0.192.in-addr.arpa").unwrap();
    let names = Names::new(Arc::new(builder.build()));
    names.set_hosts(Arc::new(Hosts::parse("192.0.2.99 web")));
    let decisions = Decisions::default();
    names.set_audited(true);
    *lock(&names.observer) = Some(Box::new(decisions.clone()));
    names
        .finish(
            &question("db.example"),
            reply(&["192.0.2.17", "192.0.2.18"], Some(60)),
            START,
        )
        .unwrap();
    let ask = |address| match names.begin(&Question::Pointer(ip(address)), START) {
        CacheLookup::Known(outcome) => outcome.map(|found| found.name.clone()).map_err(Some),
        CacheLookup::Ask => Err(None),
    };
    assert_eq!(
        ask("192.0.2.17"),
        Err(None),
        "the name of an address that it was given is asked for"
    );
    assert_eq!(
        ask("192.0.2.18"),
        Err(Some(LookupError::Fail)),
        "deny beats allow"
    );
    assert_eq!(ask("192.0.2.19"), Err(Some(LookupError::Fail)));
    assert_eq!(ask("192.0.2.99"), Ok("web".to_owned()));
    assert_eq!(ask("127.0.0.1"), Ok("localhost".to_owned()));
    let ptr = |last: &str| format!("getnameinfo {last}.2.0.192.in-addr.arpa: ");
    assert_eq!(
        *lock(&decisions.0),
        [
            ptr("17") + "allowed because the guest was given this address for a name",
            ptr("18") + "denied by deny resolve 18.2.0.192.in-addr.arpa",
            ptr("19") + "denied because no rule allows it",
            ptr("99") + "allowed because the name never leaves this machine",
            "getnameinfo 1.0.0.127.in-addr.arpa: allowed because the name never leaves this machine"
                .to_owned(),
        ]
    );
}
