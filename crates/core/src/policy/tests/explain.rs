//! The words.

use super::{addr, policy, tcp};
use crate::policy::{Flag, Name, Pins, Policy, Protocol, Question, Use, explain};
use std::time::Duration;

fn explained(flags: &str, usage: Use, target: &str) -> String {
    let question = Question::parse(usage, target).unwrap_or_else(|error| panic!("{target}: {error}"));
    let explanation = explain(&policy(flags), &question);
    let first = explanation.text.split(' ').next();
    assert_eq!(
        first,
        Some(if explanation.allowed { "allowed" } else { "denied" }),
        "{explanation}"
    );
    explanation.to_string()
}

#[test]
fn the_rule_that_decides_is_named() {
    let flags = "--allow-connect 10.0.0.0/8:443 --deny-connect 10.6.0.0/16";
    assert_eq!(
        explained(flags, Use::Connect, "10.0.0.5:443"),
        "allowed by --allow-connect 10.0.0.0/8:443"
    );
    assert_eq!(
        explained(flags, Use::Connect, "10.6.0.5:443"),
        "denied by --deny-connect 10.6.0.0/16"
    );
    assert_eq!(
        explained("--allow-net", Use::Listen, "0.0.0.0:80"),
        "allowed by --allow-net"
    );
    assert_eq!(
        explained("--allow-unix /run/*", Use::Unix, "/run/x"),
        "allowed by --allow-unix /run/*"
    );
    assert_eq!(
        explained("", Use::Accept, "10.0.0.1:5"),
        "allowed because no rule restricts peers"
    );
}

#[test]
fn without_a_rule_the_flag_is_named_that_would_allow() {
    let no = "denied because no rule allows it;";
    assert_eq!(
        explained("", Use::Connect, "10.0.0.5:5432"),
        format!("{no} --allow-connect 10.0.0.5:5432 would")
    );
    assert_eq!(
        explained("", Use::Connect, "udp://[fe80::1%2]:53"),
        format!("{no} --allow-connect 'udp://[fe80::1%2]:53' would")
    );
    assert_eq!(
        explained("", Use::Connect, "[::ffff:0.0.0.0]:80"),
        format!("{no} --allow-connect 127.0.0.1:80 would")
    );
    assert_eq!(
        explained("", Use::Listen, "[::]:80"),
        format!("{no} --allow-listen '[::]:80' would")
    );
    assert_eq!(
        explained("--allow-accept 10.0.0.1", Use::Accept, "10.0.0.2:99"),
        format!("{no} --allow-accept 10.0.0.2 would")
    );
    assert_eq!(
        explained("", Use::Resolve, "Example.com"),
        format!("{no} --allow-resolve example.com would")
    );
    assert_eq!(
        explained("", Use::Unix, "/run/x"),
        format!("{no} --allow-unix /run/x would")
    );
    assert_eq!(
        explained("", Use::Unix, "/run/$(touch pwned)"),
        format!("{no} --allow-unix '/run/$(touch pwned)' would")
    );
    // No flag: what is copied would not be what is read.
    assert_eq!(
        explained("", Use::Unix, "/run/\u{202e}kcos"),
        "denied because no rule allows it"
    );
    assert_eq!(
        explained("", Use::Connect, "db:5432"),
        format!("{no} --allow-connect db:5432 would")
    );
}

#[test]
fn groups_and_spellings_are_explained_as_they_are_decided() {
    let rules = "--allow-net --deny-connect 127.0.0.0/8 --deny-connect ::/0";
    assert_eq!(
        explained(rules, Use::Connect, "udp://224.0.0.251:5353"),
        "denied because a receiver that --deny-connect 127.0.0.0/8 covers can get it too, and no rule names the group; \
         --allow-connect udp://224.0.0.251:5353 would"
    );
    let named = format!("{rules} --allow-connect udp://224.0.0.251:5353");
    assert_eq!(
        explained(&named, Use::Connect, "udp://224.0.0.251:5353"),
        "allowed by --allow-connect udp://224.0.0.251:5353"
    );
    for spelling in ["[::ffff:10.0.0.1]", "[64:ff9b::a00:1]"] {
        assert_eq!(
            explained(rules, Use::Connect, &format!("{spelling}:80")),
            "denied by --deny-connect ::/0"
        );
    }
    assert_eq!(
        explained(rules, Use::Connect, "10.0.0.1:80"),
        "allowed by --allow-net"
    );
}

#[test]
fn the_flag_that_is_named_does_allow() {
    for (usage, to) in [
        (Use::Connect, "10.0.0.5:5432"),
        (Use::Connect, "0.0.0.0:80"),
        (Use::Connect, "[::]:80"),
        (Use::Connect, "[2002:a00:1::]:80"),
        (Use::Connect, "[fe80::1%2]:80"),
        (Use::Listen, "[::]:80"),
        (Use::Listen, "0.0.0.0:0"),
        (Use::Accept, "[2001:db8::1]:40000"),
    ] {
        for protocol in Protocol::ALL {
            let before = "--allow-accept 192.0.2.1";
            let flag = Flag::address(usage, protocol, addr(to));
            let flag = format!("--{} {}", flag.option(), flag.value());
            let decide = |policy: &Policy| {
                policy
                    .decide(usage, protocol, addr(to), &crate::policy::NoPins)
                    .is_allowed()
            };
            assert!(!decide(&policy(before)), "{to}");
            assert!(decide(&policy(&format!("{before} {flag}"))), "{flag} for {to}");
        }
    }
}

#[test]
fn a_connection_by_name_is_explained_before_the_look_up() {
    assert_eq!(
        explained(
            "--allow-connect *.example.com:443",
            Use::Connect,
            "tcp://a.example.com:443"
        ),
        "allowed by --allow-connect *.example.com:443, at the addresses that the look-up returns; private and \
         metadata addresses need a rule of their own"
    );
    assert_eq!(
        explained("--allow-connect db:5432", Use::Connect, "db:5432"),
        "allowed by --allow-connect db:5432, at the addresses that the look-up returns; link-local and \
         metadata addresses need a rule of their own"
    );
    assert_eq!(
        explained(
            "--allow-connect a.b:80 --deny-resolve a.b",
            Use::Connect,
            "a.b:80"
        ),
        "denied by --deny-resolve a.b, so the name cannot be looked up"
    );
    assert_eq!(
        explained("--allow-net", Use::Connect, "a.b:80"),
        "allowed by --allow-net"
    );
    assert_eq!(
        explained("--allow-connect *:80", Use::Connect, "a.b:80"),
        "allowed by --allow-connect *:80"
    );
    assert_eq!(
        explained("--allow-connect 127.0.0.1:80", Use::Connect, "localhost:80"),
        "allowed by --allow-connect 127.0.0.1:80"
    );
    assert_eq!(
        explained("", Use::Resolve, "localhost"),
        "allowed because the name never leaves this machine"
    );
}

#[test]
fn an_address_that_a_name_cannot_open_says_so() {
    let policy = policy("--allow-connect a.example.com:80");
    let mut pins = Pins::new();
    let name = Name::parse("a.example.com").expect("a name");
    pins.insert(
        &name,
        "10.0.0.1".parse().expect("an address"),
        Duration::from_secs(9),
    );
    let decision = policy.decide(
        Use::Connect,
        Protocol::Tcp,
        addr("10.0.0.1:80"),
        &pins.at(Duration::ZERO),
    );
    assert_eq!(
        decision.to_string(),
        "denied because a private address behind the name of --allow-connect a.example.com:80 needs a rule of its own"
    );
}

#[test]
fn a_wildcard_bind_that_includes_a_denied_address_says_so() {
    let policy = policy("--allow-net --deny-listen 10.0.0.1:22");
    assert_eq!(
        tcp(&policy, Use::Listen, "0.0.0.0:22").to_string(),
        "denied by --deny-listen 10.0.0.1:22, an address that the wildcard includes"
    );
}

#[test]
fn a_question_is_about_one_concrete_thing() {
    for (usage, text, message) in [
        (
            Use::Connect,
            "10.0.0.0/8:80",
            "one address or name can be explained",
        ),
        (
            Use::Connect,
            "*.example.com:80",
            "one address or name can be explained",
        ),
        (Use::Connect, "10.0.0.1", "a port is needed, as in 10.0.0.5:443"),
        (
            Use::Connect,
            "10.0.0.1:80,81",
            "one port can be explained, not several",
        ),
        (
            Use::Connect,
            "10.0.0.1:80-90",
            "one port can be explained, not several",
        ),
        (
            Use::Connect,
            "10.0.0.1:x",
            "`x` is not a port, a range FROM-TO or `*`",
        ),
        (
            Use::Listen,
            "example.com:80",
            "only a connection can be explained by name; use the address",
        ),
        (
            Use::Resolve,
            "*.example.com",
            "one name can be explained, not a wildcard",
        ),
        (
            Use::Unix,
            "/run/*",
            "one path can be explained, not everything below a directory",
        ),
    ] {
        let error = Question::parse(usage, text).expect_err(text);
        assert_eq!(error.message(), message, "{text}");
    }
}
