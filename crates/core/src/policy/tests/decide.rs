//! What rules of each kind cover, use by use.

use super::{addr, connects, listens, policy, tcp, udp};
use crate::policy::{Name, NoPins, PinLookup, Pins, Policy, PolicyBuilder, Protocol, Reason, Use};
use std::net::IpAddr;
use std::time::Duration;

fn name(text: &str) -> Name {
    Name::parse(text).expect("a name")
}

fn pinned(pairs: &[(&str, &str)]) -> Pins {
    let mut pins = Pins::new();
    for (host, ip) in pairs {
        pins.insert(
            &name(host),
            ip.parse().expect("an address"),
            Duration::from_secs(60),
        );
    }
    pins
}

fn connects_by_name(policy: &Policy, pins: &Pins, to: &str, now: u64) -> bool {
    policy
        .decide(
            Use::Connect,
            Protocol::Tcp,
            addr(to),
            &pins.at(Duration::from_secs(now)),
        )
        .is_allowed()
}

fn resolves(policy: &Policy, host: &str) -> bool {
    policy.decide_name(&name(host)).is_allowed()
}

#[test]
fn nothing_is_allowed_without_a_rule() {
    let policy = Policy::default();
    for usage in [Use::Connect, Use::Listen] {
        for protocol in Protocol::ALL {
            assert_eq!(
                policy
                    .decide(usage, protocol, addr("8.8.8.8:53"), &NoPins)
                    .reason(),
                Reason::NoRule
            );
            assert!(!policy.is_unrestricted(usage, protocol));
        }
    }
    assert!(!resolves(&policy, "example.com"));
    assert!(policy.decide_unix("/a").is_denied());
}

#[test]
fn everything_is_allowed_with_allow_net() {
    let policy = Policy::allow_all();
    for usage in Use::ALL {
        for protocol in Protocol::ALL {
            assert!(policy.is_unrestricted(usage, protocol));
        }
    }
    assert!(connects(&policy, "169.254.169.254:80") && connects(&policy, "[::1]:0"));
    assert!(listens(&policy, "0.0.0.0:0") && resolves(&policy, "example.com"));
    assert_eq!(
        tcp(&policy, Use::Connect, "8.8.8.8:53").reason(),
        Reason::AllowNet
    );
}

#[test]
fn the_uses_have_rules_of_their_own() {
    let connect = policy("--allow-connect 10.0.0.1:80");
    assert!(connects(&connect, "10.0.0.1:80") && !listens(&connect, "10.0.0.1:80"));
    let listen = policy("--allow-listen 10.0.0.1:80");
    assert!(listens(&listen, "10.0.0.1:80") && !connects(&listen, "10.0.0.1:80"));
    let accept = policy("--allow-accept 10.0.0.1:80");
    assert!(!listens(&accept, "10.0.0.1:80") && !connects(&accept, "10.0.0.1:80"));
}

#[test]
fn an_address_rule_covers_its_address_and_ports() {
    let policy = policy("--allow-connect 10.0.0.1:80,443,8000-8010 --allow-connect [2001:db8::1]:80");
    for covered in [
        "10.0.0.1:80",
        "10.0.0.1:443",
        "10.0.0.1:8000",
        "10.0.0.1:8010",
        "[2001:db8::1]:80",
    ] {
        assert!(connects(&policy, covered), "{covered}");
    }
    for other in [
        "10.0.0.2:80",
        "10.0.0.1:81",
        "10.0.0.1:7999",
        "10.0.0.1:8011",
        "10.0.0.1:0",
        "[2001:db8::2]:80",
    ] {
        assert!(!connects(&policy, other), "{other}");
    }
}

#[test]
fn a_range_covers_its_addresses() {
    let policy = policy("--allow-connect 10.0.0.0/8 --allow-connect 2001:db8::/32:443");
    assert!(connects(&policy, "10.0.0.0:1") && connects(&policy, "10.255.255.255:65535"));
    assert!(!connects(&policy, "9.255.255.255:1") && !connects(&policy, "11.0.0.0:1"));
    assert!(connects(&policy, "[2001:db8::]:443"));
    assert!(connects(&policy, "[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:443"));
    assert!(!connects(&policy, "[2001:db9::]:443") && !connects(&policy, "[2001:db8::]:80"));
}

#[test]
fn the_whole_of_a_family_can_be_covered() {
    let v4 = policy("--allow-connect 0.0.0.0/0:1");
    assert!(
        connects(&v4, "255.255.255.255:1") && connects(&v4, "0.0.0.0:1") && !connects(&v4, "[2001:db8::]:1")
    );
    let v6 = policy("--allow-connect ::/0:1");
    assert!(connects(&v6, "[::]:1") && connects(&v6, "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:1"));
    assert!(!connects(&v6, "1.1.1.1:1") && !connects(&v6, "[::ffff:1.1.1.1]:1"));
}

#[test]
fn a_star_covers_every_address_and_every_name() {
    let policy = policy("--allow-connect tcp://*:443");
    assert!(connects(&policy, "8.8.8.8:443") && connects(&policy, "[2001:db8::1]:443"));
    assert!(!connects(&policy, "8.8.8.8:80") && udp(&policy, Use::Connect, "8.8.8.8:443").is_denied());
    assert!(resolves(&policy, "example.com"));
}

#[test]
fn a_protocol_in_a_rule_leaves_the_other_one_out() {
    let policy = policy(
        "--allow-connect udp://10.0.0.1:53 --allow-connect tcp://10.0.0.1:80 --allow-connect 10.0.0.1:7",
    );
    assert!(udp(&policy, Use::Connect, "10.0.0.1:53").is_allowed() && !connects(&policy, "10.0.0.1:53"));
    assert!(udp(&policy, Use::Connect, "10.0.0.1:80").is_denied() && connects(&policy, "10.0.0.1:80"));
    assert!(udp(&policy, Use::Connect, "10.0.0.1:7").is_allowed() && connects(&policy, "10.0.0.1:7"));
}

#[test]
fn deny_beats_allow_whatever_the_order_and_the_width() {
    for flags in [
        "--allow-connect 10.0.0.0/8 --deny-connect 10.1.0.0/16:22",
        "--deny-connect 10.1.0.0/16:22 --allow-connect 10.0.0.0/8",
        "--deny-connect 10.1.0.0/16:22 --allow-connect 10.0.0.0/8 --allow-connect 10.1.2.3:22",
        "--allow-net --deny-connect 10.1.0.0/16:22",
    ] {
        let policy = policy(flags);
        assert!(!connects(&policy, "10.1.2.3:22"), "{flags}");
        assert!(
            connects(&policy, "10.1.2.3:23") && connects(&policy, "10.2.2.3:22"),
            "{flags}"
        );
    }
    assert!(!connects(
        &policy("--allow-connect 10.1.2.3 --deny-connect 10.1.2.3"),
        "10.1.2.3:1"
    ));
    assert!(!connects(
        &policy("--allow-connect 10.1.2.3 --deny-connect *"),
        "10.1.2.3:1"
    ));
}

#[test]
fn the_innermost_rule_is_the_one_that_is_named() {
    let policy = policy("--allow-connect 10.0.0.0/8 --allow-connect 10.1.0.0/16 --allow-connect 10.1.2.3:80");
    let text = |to| {
        tcp(&policy, Use::Connect, to)
            .rule()
            .map(|rule| rule.text().to_owned())
    };
    assert_eq!(text("10.1.2.3:80").as_deref(), Some("10.1.2.3:80"));
    assert_eq!(text("10.1.2.3:81").as_deref(), Some("10.1.0.0/16"));
    assert_eq!(text("10.2.2.3:80").as_deref(), Some("10.0.0.0/8"));
    assert_eq!(text("11.2.2.3:80"), None);
}

#[test]
fn a_rule_without_a_scope_covers_every_scope_and_one_with_a_scope_only_that() {
    let policy = policy("--allow-connect [fe80::1]:80 --allow-connect [fe80::2%3]:80");
    assert!(connects(&policy, "[fe80::1]:80") && connects(&policy, "[fe80::1%7]:80"));
    assert!(connects(&policy, "[fe80::2%3]:80"));
    assert!(!connects(&policy, "[fe80::2%4]:80") && !connects(&policy, "[fe80::2]:80"));
}

#[test]
fn a_deny_rule_with_a_scope_covers_the_address_without_a_scope_too() {
    let policy = policy("--allow-net --deny-connect [fe80::2%3]:80");
    assert!(!connects(&policy, "[fe80::2%3]:80") && !connects(&policy, "[fe80::2]:80"));
    assert!(connects(&policy, "[fe80::2%4]:80") && connects(&policy, "[fe80::2%3]:81"));
}

#[test]
fn a_wildcard_bind_needs_a_rule_that_covers_the_wildcard_itself() {
    assert!(!listens(&policy("--allow-listen 127.0.0.1:80"), "0.0.0.0:80"));
    assert!(!listens(&policy("--allow-listen 127.0.0.0/8:80"), "0.0.0.0:80"));
    assert!(!listens(&policy("--allow-listen localhost:80"), "[::]:80"));
    assert!(listens(&policy("--allow-listen 0.0.0.0:80"), "0.0.0.0:80"));
    assert!(listens(&policy("--allow-listen [::]:80"), "[::]:80"));
    assert!(listens(&policy("--allow-listen 0.0.0.0/0:80"), "0.0.0.0:80"));
    assert!(!listens(&policy("--allow-listen 0.0.0.0:80"), "127.0.0.1:80"));
    assert!(!listens(&policy("--allow-listen 0.0.0.0/0:80"), "[::]:80"));
    assert!(listens(&policy("--allow-listen *:80"), "[::]:80"));
}

#[test]
fn a_wildcard_bind_is_denied_where_any_address_that_it_takes_is() {
    let v4 = policy("--allow-net --deny-listen 10.0.0.1:22");
    assert_eq!(
        tcp(&v4, Use::Listen, "0.0.0.0:22").rule().map(|rule| rule.text()),
        Some("10.0.0.1:22")
    );
    assert!(!listens(&v4, "[::]:22"), "a dual-stack socket takes IPv4 too");
    assert!(!listens(&v4, "[::ffff:0.0.0.0]:22"));
    assert!(listens(&v4, "0.0.0.0:23") && listens(&v4, "10.0.0.2:22"));
    let v6 = policy("--allow-net --deny-listen [2001:db8::1]:22");
    assert!(!listens(&v6, "[::]:22") && listens(&v6, "0.0.0.0:22"));
    let scoped = policy("--allow-net --deny-listen [fe80::1%2]:22");
    assert!(!listens(&scoped, "[::]:22") && listens(&scoped, "[::]:23"));
}

#[test]
fn port_zero_of_a_listen_rule_is_the_request_for_an_ephemeral_port() {
    let ephemeral = policy("--allow-listen 127.0.0.1:0");
    assert!(listens(&ephemeral, "127.0.0.1:0") && !listens(&ephemeral, "127.0.0.1:8080"));
    let range = policy("--allow-listen 127.0.0.1:1024-65535");
    assert!(!listens(&range, "127.0.0.1:0") && listens(&range, "127.0.0.1:1024"));
    assert!(listens(&policy("--allow-listen 127.0.0.1"), "127.0.0.1:0"));
}

#[test]
fn every_peer_is_accepted_until_a_rule_allows_some() {
    for flags in ["", "--allow-listen 127.0.0.1:80"] {
        let policy = policy(flags);
        assert_eq!(tcp(&policy, Use::Accept, "8.8.8.8:1").reason(), Reason::AnyPeer);
        assert!(policy.is_unrestricted(Use::Accept, Protocol::Tcp));
    }
    let some = policy("--allow-accept tcp://10.0.0.0/8");
    assert!(tcp(&some, Use::Accept, "10.0.0.1:1").is_allowed());
    assert_eq!(tcp(&some, Use::Accept, "8.8.8.8:1").reason(), Reason::NoRule);
    assert!(
        udp(&some, Use::Accept, "8.8.8.8:1").is_denied(),
        "of any protocol"
    );
    assert!(!some.is_unrestricted(Use::Accept, Protocol::Udp));
}

#[test]
fn a_deny_rule_for_accept_refuses_some_and_leaves_the_others() {
    let policy = policy("--deny-accept 10.0.0.0/8");
    assert!(tcp(&policy, Use::Accept, "10.0.0.1:1").is_denied());
    assert!(tcp(&policy, Use::Accept, "[::ffff:10.0.0.1]:1").is_denied());
    assert!(udp(&policy, Use::Accept, "11.0.0.1:1").is_allowed());
}

#[test]
fn a_fast_path_is_offered_only_where_no_rule_can_deny() {
    let policy = policy("--allow-net --deny-connect tcp://10.0.0.1 --deny-resolve a.b --deny-unix /x");
    assert!(!policy.is_unrestricted(Use::Connect, Protocol::Tcp));
    assert!(policy.is_unrestricted(Use::Connect, Protocol::Udp));
    assert!(policy.is_unrestricted(Use::Listen, Protocol::Tcp));
    assert!(!policy.is_unrestricted(Use::Resolve, Protocol::Tcp));
    assert!(!policy.is_unrestricted(Use::Unix, Protocol::Tcp));
}

#[test]
fn a_name_rule_covers_the_addresses_that_were_looked_up_while_they_live() {
    let policy = policy("--allow-connect db.example.com:443");
    let pins = pinned(&[("db.example.com", "8.8.8.8"), ("other.example.com", "9.9.9.9")]);
    assert!(policy.uses_pins());
    assert!(connects_by_name(&policy, &pins, "8.8.8.8:443", 0));
    assert!(connects_by_name(&policy, &pins, "[::ffff:8.8.8.8]:443", 0));
    assert!(!connects_by_name(&policy, &pins, "8.8.8.8:80", 0));
    assert!(!connects_by_name(&policy, &pins, "9.9.9.9:443", 0));
    assert!(!connects_by_name(&policy, &pins, "8.8.8.8:443", 60));
    assert!(!connects(&policy, "8.8.8.8:443"), "nothing was looked up");
}

#[test]
fn a_wildcard_rule_covers_the_addresses_of_the_names_below() {
    let policy = policy("--allow-connect *.example.com:443");
    let pins = pinned(&[
        ("a.b.example.com", "8.8.8.8"),
        ("example.com", "9.9.9.9"),
        ("evilexample.com", "9.9.9.9"),
    ]);
    assert!(connects_by_name(&policy, &pins, "8.8.8.8:443", 0));
    assert!(!connects_by_name(&policy, &pins, "9.9.9.9:443", 0));
}

#[test]
fn private_addresses_behind_a_public_name_need_their_own_rule() {
    let named = policy("--allow-connect db.example.com:443");
    for target in [
        "10.0.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "fd00:ec2::254",
        "fe80::1",
        "::1",
    ] {
        let pins = pinned(&[("db.example.com", target)]);
        let ip: IpAddr = target.parse().expect("an address");
        let decision = named.decide(
            Use::Connect,
            Protocol::Tcp,
            (ip, 443).into(),
            &pins.at(Duration::ZERO),
        );
        assert!(
            matches!(decision.reason(), Reason::NeedsOwnRule(rule, _) if rule.text() == "db.example.com:443")
        );
    }
    let both = policy("--allow-connect db.example.com:443 --allow-connect 10.0.0.0/8:443");
    assert!(connects_by_name(
        &both,
        &pinned(&[("db.example.com", "10.0.0.1")]),
        "10.0.0.1:443",
        0
    ));
}

#[test]
fn a_name_outside_the_public_dns_may_lead_to_private_addresses_but_not_to_metadata() {
    let policy = policy("--allow-connect db:5432 --allow-connect *.internal");
    let pins = pinned(&[
        ("db", "172.18.0.2"),
        ("app.internal", "10.0.0.2"),
        ("metadata.google.internal", "169.254.169.254"),
        ("link.internal", "fe80::1"),
    ]);
    assert!(connects_by_name(&policy, &pins, "172.18.0.2:5432", 0));
    assert!(connects_by_name(&policy, &pins, "10.0.0.2:80", 0));
    assert!(!connects_by_name(&policy, &pins, "169.254.169.254:80", 0));
    assert!(!connects_by_name(&policy, &pins, "[fe80::1]:80", 0));
}

#[test]
fn localhost_in_a_rule_is_the_two_loopback_addresses() {
    for host in ["localhost", "app.localhost", "*.localhost"] {
        let policy = policy(&format!("--allow-connect {host}:80"));
        assert!(
            connects(&policy, "127.0.0.1:80") && connects(&policy, "[::1]:80"),
            "{host}"
        );
        assert!(
            !connects(&policy, "127.0.0.2:80") && !connects(&policy, "127.0.0.1:81"),
            "{host}"
        );
        assert!(!policy.uses_pins());
    }
}

#[test]
fn a_deny_rule_with_a_name_holds_for_its_addresses_even_when_the_answer_has_expired() {
    let policy = policy("--allow-net --deny-connect evil.example.com:443");
    let pins = pinned(&[("evil.example.com", "8.8.8.8"), ("good.example.com", "8.8.8.8")]);
    assert!(!connects_by_name(&policy, &pins, "8.8.8.8:443", 0));
    assert!(!connects_by_name(&policy, &pins, "8.8.8.8:443", 1000));
    assert!(connects_by_name(&policy, &pins, "8.8.8.8:80", 0));
    let pins = pinned(&[("evil.example.com", "10.0.0.1")]);
    assert!(
        !connects_by_name(&policy, &pins, "10.0.0.1:443", 0),
        "also for private addresses"
    );
}

#[test]
fn deny_by_name_beats_allow_by_address() {
    let policy = policy("--allow-connect 0.0.0.0/0:443 --deny-connect *.example.com:443");
    let pins = pinned(&[("evil.example.com", "8.8.8.8")]);
    assert!(!connects_by_name(&policy, &pins, "8.8.8.8:443", 0));
    assert!(connects_by_name(&policy, &pins, "8.8.4.4:443", 0));
}

#[test]
fn a_name_may_be_looked_up_if_a_rule_for_resolve_or_connect_covers_it() {
    let policy = policy("--allow-resolve *.example.com --allow-connect db.example.org:5432");
    assert!(resolves(&policy, "a.example.com") && resolves(&policy, "db.example.org"));
    assert!(!resolves(&policy, "example.com") && !resolves(&policy, "a.db.example.org"));
    assert!(!resolves(&policy, "evilexample.com"));
}

#[test]
fn deny_beats_allow_for_look_ups() {
    let policy = policy(
        "--allow-resolve *.example.com --deny-resolve *.evil.example.com --allow-connect a.evil.example.com",
    );
    assert!(resolves(&policy, "a.example.com") && !resolves(&policy, "a.evil.example.com"));
    let net = super::policy(
        "--allow-net --deny-resolve a.b --deny-connect c.d --deny-connect e.f:80 --deny-connect tcp://g.h",
    );
    assert!(!resolves(&net, "a.b"));
    assert!(!resolves(&net, "c.d"), "never to be connected to");
    assert!(
        resolves(&net, "e.f") && resolves(&net, "g.h"),
        "some connections to it are allowed"
    );
}

#[test]
fn loopback_names_may_be_looked_up_unless_denied() {
    let policy = Policy::deny_all();
    assert_eq!(
        policy.decide_name(&name("localhost")).reason(),
        Reason::LoopbackName
    );
    assert!(resolves(&policy, "a.localhost") && !resolves(&policy, "localhost.example.com"));
    assert!(!resolves(&super::policy("--deny-resolve localhost"), "localhost"));
}

#[test]
fn pins_are_asked_only_when_a_name_rule_can_matter() {
    struct Untouched;
    impl PinLookup for Untouched {
        fn visit(&self, ip: IpAddr, _: &mut dyn FnMut(&Name, bool)) {
            panic!("asked about {ip}");
        }
    }
    for flags in [
        "",
        "--allow-net",
        "--allow-connect 8.8.8.8",
        "--allow-net --deny-connect 8.8.8.8",
    ] {
        let _ = policy(flags).decide(Use::Connect, Protocol::Tcp, addr("8.8.8.8:1"), &Untouched);
    }
    // The address rule suffices.
    let both = policy("--allow-connect 8.8.8.8 --allow-connect example.com");
    assert!(
        both.decide(Use::Connect, Protocol::Tcp, addr("8.8.8.8:1"), &Untouched)
            .is_allowed()
    );
}

#[test]
fn a_use_that_is_not_about_addresses_is_denied_by_decide() {
    let policy = Policy::allow_all();
    assert!(
        tcp(&policy, Use::Resolve, "8.8.8.8:1").is_denied()
            && tcp(&policy, Use::Unix, "8.8.8.8:1").is_denied()
    );
}

#[test]
fn rules_are_kept_in_their_order() {
    let policy = policy("--allow-connect b --deny-unix /x --allow-connect a");
    assert_eq!(
        policy.rules().iter().map(|rule| rule.text()).collect::<Vec<_>>(),
        ["b", "/x", "a"]
    );
}

#[test]
fn names_are_looked_up_only_where_some_rule_allows_one() {
    let resolves = |rules: &[(Use, &str)]| {
        let mut builder = PolicyBuilder::new();
        for (usage, target) in rules {
            builder.allow(*usage, target).unwrap();
        }
        builder.build().resolves_names()
    };
    assert!(!resolves(&[]));
    assert!(!resolves(&[
        (Use::Connect, "10.0.0.5:80"),
        (Use::Listen, "127.0.0.1")
    ]));
    assert!(resolves(&[(Use::Connect, "db.example:80")]));
    assert!(resolves(&[(Use::Resolve, "db.example")]));
    assert!(Policy::allow_all().resolves_names());
    assert!(!Policy::deny_all().resolves_names());
}

#[test]
fn a_policy_knows_whether_everything_was_allowed() {
    assert!(Policy::allow_all().allows_net());
    assert!(!Policy::deny_all().allows_net());
    let mut builder = PolicyBuilder::new();
    builder.allow(Use::Connect, "*").unwrap();
    assert!(!builder.build().allows_net());
}

#[test]
fn a_broadcast_is_allowed_for_the_reason_that_there_is() {
    let reason = |policy: &Policy| policy.decide_broadcast().to_string();
    let everything = reason(&Policy::allow_all());
    let mut builder = PolicyBuilder::new();
    builder.allow(Use::Connect, "0.0.0.0/0").unwrap();
    builder.allow(Use::Connect, "255.255.255.255").unwrap();
    let covered = builder.build();
    assert!(covered.decide_broadcast().is_allowed());
    assert_ne!(reason(&covered), everything);
    assert!(everything.contains("--allow-net"), "{everything}");
}

#[test]
fn limits_are_replaced_as_a_whole() {
    let mut builder = PolicyBuilder::new();
    let limits = crate::limits::Limits {
        pending: 7,
        ..Default::default()
    };
    builder.limits(limits.clone()).allow_net();
    let policy = builder.build();
    assert_eq!(*policy.limits(), limits);
    assert!(policy.allows_net());
}

#[test]
fn wildcards_of_the_same_depth_do_not_hide_each_other() {
    let mut builder = PolicyBuilder::new();
    for parent in ["a.example", "b.example", "c.example", "d.example"] {
        builder.allow(Use::Resolve, &format!("*.{parent}")).unwrap();
    }
    let policy = builder.build();
    for parent in ["a", "b", "c", "d"] {
        assert!(resolves(&policy, &format!("x.{parent}.example")), "{parent}");
    }
    assert!(!resolves(&policy, "x.e.example"));
}
