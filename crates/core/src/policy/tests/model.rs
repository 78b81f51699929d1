//! The compiled matcher against a naive model: every rule is held against every question, one after the other.
//! The model shares no code with the matcher but [`address_class`], which has its own table of tests.

use crate::policy::{
    Decision, Effect, Name, Pins, Policy, PolicyBuilder, Protocol, Reason, Source, Use, address_class,
};
use proptest::prelude::*;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

const NAMES: [&str; 5] = [
    "example.com",
    "a.example.com",
    "b.a.example.com",
    "evilexample.com",
    "db",
];
const PARENTS: [&str; 3] = ["example.com", "a.example.com", "com"];
const V4: [u32; 8] = [
    0,
    0x7f00_0001,
    0x0808_0808,
    0x0808_0809,
    0x0808_ff00,
    0x0a01_0203,
    0x0a01_02ff,
    0xffff_ffff,
];
const V6: [u128; 8] = [
    0,
    1,
    0x2001_0db8_0000_0000_0000_0000_0000_0001,
    0x2001_0db8_0000_0000_0000_0000_0000_0002,
    0x2001_0db8_ffff_0000_0000_0000_0000_0001,
    0xfe80_0000_0000_0000_0000_0000_0000_0001,
    0xfd00_0000_0000_0000_0000_0000_0000_0001,
    0xffff_ffff_ffff_ffff_ffff_ffff_ffff_ffff,
];
const LINK_LOCAL: usize = 5;

#[derive(Clone, Debug)]
enum Host {
    V4(u32, u32),
    V6(u128, u32),
    Scoped(u32),
    Name(&'static str),
    Below(&'static str),
    Localhost,
    Any,
}

#[derive(Clone, Debug)]
struct RuleSpec {
    usage: Use,
    deny: bool,
    protocol: Option<Protocol>,
    host: Host,
    ports: Vec<(u16, u16)>,
}

impl RuleSpec {
    fn text(&self) -> String {
        let scheme = self
            .protocol
            .map_or(String::new(), |protocol| format!("{}://", protocol.word()));
        let host = match &self.host {
            Host::V4(base, bits) => format!("{}/{bits}", Ipv4Addr::from_bits(*base)),
            Host::V6(base, bits) => format!("[{}]/{bits}", Ipv6Addr::from_bits(*base)),
            Host::Scoped(scope) => format!("[{}%{scope}]", Ipv6Addr::from_bits(V6[LINK_LOCAL])),
            Host::Name(name) => (*name).to_owned(),
            Host::Below(parent) => format!("*.{parent}"),
            Host::Localhost => "localhost".to_owned(),
            Host::Any => "*".to_owned(),
        };
        let ports: Vec<String> = self
            .ports
            .iter()
            .map(|(first, last)| format!("{first}-{last}"))
            .collect();
        if ports.is_empty() {
            format!("{scheme}{host}")
        } else {
            format!("{scheme}{host}:{}", ports.join(","))
        }
    }

    fn covers_port(&self, port: u16) -> bool {
        self.ports.is_empty()
            || self
                .ports
                .iter()
                .any(|&(first, last)| first <= port && port <= last)
    }
}

#[derive(Clone, Debug)]
struct Asked {
    usage: Use,
    protocol: Protocol,
    addr: SocketAddr,
    /// The address as the model sees it, before 0 becomes loopback.
    reached: Result<u32, u128>,
    scope: u32,
}

#[derive(Clone, Debug)]
struct Pinned {
    name: &'static str,
    ip: IpAddr,
    live: bool,
}

/// What the model says: allowed or not, and every rule that may be named for it.
fn model(rules: &[RuleSpec], net: bool, pins: &[Pinned], asked: &Asked) -> (bool, Vec<usize>) {
    let connect = asked.usage == Use::Connect;
    let reached = match asked.reached {
        Ok(0) if connect => Ok(0x7f00_0001),
        Err(0) if connect => Err(1),
        other => other,
    };
    let port = asked.addr.port();
    let ip = match reached {
        Ok(bits) => IpAddr::V4(Ipv4Addr::from_bits(bits)),
        Err(bits) => IpAddr::V6(Ipv6Addr::from_bits(bits)),
    };
    let named = |wanted: &dyn Fn(&str) -> bool, deny: bool| {
        let mut pinned = pins.iter().filter(|pin| pin.ip == ip && wanted(pin.name));
        pinned.any(|pin| deny || (pin.live && address_class(ip).may_follow_name(pin.name == "db")))
    };
    let covers = |rule: &RuleSpec| match (&rule.host, reached) {
        (Host::V4(0, 32), Ok(bits)) if connect => bits == 0x7f00_0001,
        (Host::V4(base, prefix), Ok(bits)) => *prefix == 0 || bits >> (32 - prefix) == base >> (32 - prefix),
        (Host::V6(0, 128), Err(bits)) if connect => bits == 1,
        (Host::V6(base, prefix), Err(bits)) => {
            *prefix == 0 || bits >> (128 - prefix) == base >> (128 - prefix)
        }
        (Host::Scoped(scope), Err(bits)) => {
            bits == V6[LINK_LOCAL] && (asked.scope == *scope || (rule.deny && asked.scope == 0))
        }
        (Host::V4(..), Err(_)) | (Host::V6(..) | Host::Scoped(_), Ok(_)) => false,
        (Host::Localhost, Ok(bits)) => bits == 0x7f00_0001,
        (Host::Localhost, Err(bits)) => bits == 1,
        (Host::Name(name), _) => named(&|pinned| pinned == *name, rule.deny),
        (Host::Below(parent), _) => named(&|pinned| pinned.ends_with(&format!(".{parent}")), rule.deny),
        (Host::Any, _) => true,
    };
    // A wildcard bind takes every address of the family, and :: takes IPv4 too.
    let included = |rule: &RuleSpec| match (&rule.host, reached) {
        _ if asked.usage != Use::Listen || !rule.deny => false,
        (Host::V4(..) | Host::Any | Host::Localhost, Ok(0) | Err(0)) => true,
        (Host::V6(..) | Host::Scoped(_), Err(0)) => true,
        _ => false,
    };
    let relevant = |deny: bool| -> Vec<usize> {
        let rules = rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| rule.usage == asked.usage && rule.deny == deny);
        rules
            .filter(|(_, rule)| {
                rule.protocol.is_none_or(|only| only == asked.protocol) && rule.covers_port(port)
            })
            .filter(|(_, rule)| covers(rule) || included(rule))
            .map(|(index, _)| index)
            .collect()
    };
    let (denying, allowing) = (relevant(true), relevant(false));
    let restricted = rules.iter().any(|rule| rule.usage == Use::Accept && !rule.deny);
    let otherwise = net || (asked.usage == Use::Accept && !restricted);
    if !denying.is_empty() {
        (false, denying)
    } else {
        (otherwise || !allowing.is_empty(), allowing)
    }
}

fn policy<'r>(rules: impl Iterator<Item = &'r RuleSpec>, net: bool) -> Policy {
    let mut builder = PolicyBuilder::new();
    if net {
        builder.allow_net();
    }
    for rule in rules {
        let effect = if rule.deny { Effect::Deny } else { Effect::Allow };
        builder
            .rule(rule.usage, effect, &rule.text(), Source::Api)
            .expect("a rule");
    }
    builder.build()
}

fn usage() -> impl Strategy<Value = Use> {
    prop_oneof![3 => Just(Use::Connect), 1 => Just(Use::Listen), 1 => Just(Use::Accept)]
}

fn protocol() -> impl Strategy<Value = Protocol> {
    prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp)]
}

fn host() -> impl Strategy<Value = Host> {
    let v4 = (0..V4.len(), prop_oneof![2 => 0..=32_u32, 1 => Just(32)])
        .prop_map(|(base, bits)| Host::V4(V4[base] & u32::MAX.checked_shl(32 - bits).unwrap_or(0), bits));
    // Not 2002::/16 nor the blocks of IPv4 aliases: only ranges whose base is one of V6.
    let v6 = (0..V6.len(), prop_oneof![2 => 0..=128_u32, 1 => Just(128)])
        .prop_map(|(base, bits)| Host::V6(V6[base] & u128::MAX.checked_shl(128 - bits).unwrap_or(0), bits));
    prop_oneof![
        4 => v4,
        4 => v6,
        1 => (1..4_u32).prop_map(Host::Scoped),
        2 => (0..NAMES.len()).prop_map(|index| Host::Name(NAMES[index])),
        1 => (0..PARENTS.len()).prop_map(|index| Host::Below(PARENTS[index])),
        1 => Just(Host::Localhost),
        1 => Just(Host::Any),
    ]
}

fn port() -> impl Strategy<Value = u16> {
    prop_oneof![4 => 0..8_u16, 1 => 65530..=u16::MAX]
}

fn rule() -> impl Strategy<Value = RuleSpec> {
    let ports = prop::collection::vec((port(), port()), 0..4);
    (
        usage(),
        any::<bool>(),
        prop::option::of(protocol()),
        host(),
        ports,
    )
        .prop_map(|(usage, deny, protocol, host, ports)| {
            // Names are for connect only.
            let usage = if matches!(host, Host::Name(_) | Host::Below(_)) {
                Use::Connect
            } else {
                usage
            };
            let ports = ports.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect();
            RuleSpec {
                usage,
                deny,
                protocol,
                host,
                ports,
            }
        })
}

/// An address in one of its spellings.
fn asked() -> impl Strategy<Value = Asked> {
    let v4 = (0..V4.len(), 0..5_u32, any::<u8>()).prop_map(|(index, spelling, noise)| {
        let bits = V4[index] ^ u32::from(noise & 3 == 0);
        let wide = u128::from(bits);
        let ip = match spelling {
            1 => IpAddr::V6(Ipv6Addr::from_bits(0xffff_0000_0000 | wide)),
            2 if bits > 1 => IpAddr::V6(Ipv6Addr::from_bits(wide)),
            3 => IpAddr::V6(Ipv6Addr::from_bits(0x0064_ff9b << 96 | wide)),
            4 => IpAddr::V6(Ipv6Addr::from_bits(
                0x2002 << 112 | wide << 80 | u128::from(noise),
            )),
            _ => IpAddr::V4(Ipv4Addr::from_bits(bits)),
        };
        (ip, Ok(bits))
    });
    let v6 = (0..V6.len()).prop_map(|index| (IpAddr::V6(Ipv6Addr::from_bits(V6[index])), Err(V6[index])));
    (usage(), protocol(), prop_oneof![v4, v6], port(), 0..4_u32).prop_map(
        |(usage, protocol, (ip, reached), port, scope)| {
            let addr = match ip {
                IpAddr::V4(_) => SocketAddr::new(ip, port),
                IpAddr::V6(ip) => SocketAddr::V6(SocketAddrV6::new(ip, port, 9, scope)),
            };
            Asked {
                usage,
                protocol,
                addr,
                reached,
                scope,
            }
        },
    )
}

fn pin() -> impl Strategy<Value = Pinned> {
    let ip = prop_oneof![
        (1..V4.len()).prop_map(|index| IpAddr::V4(Ipv4Addr::from_bits(V4[index]))),
        (1..V6.len()).prop_map(|index| IpAddr::V6(Ipv6Addr::from_bits(V6[index]))),
    ];
    (0..NAMES.len(), ip, any::<bool>()).prop_map(|(index, ip, live)| Pinned {
        name: NAMES[index],
        ip,
        live,
    })
}

fn config() -> ProptestConfig {
    // A failure prints its case; it leaves no file.
    ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_matcher_agrees_with_a_naive_model(
        rules in prop::collection::vec(rule(), 0..24),
        net in prop::bool::weighted(0.2),
        mut pins in prop::collection::vec(pin(), 0..6),
        questions in prop::collection::vec(asked(), 1..24),
    ) {
        // The same name and address twice would be one pin with the later time.
        pins.sort_by_key(|pin| (pin.name, pin.ip));
        pins.dedup_by_key(|pin| (pin.name, pin.ip));
        let mut held = Pins::new();
        for pin in &pins {
            let name = Name::parse(pin.name).expect("a name");
            held.insert(&name, pin.ip, Duration::from_secs(if pin.live { 20 } else { 5 }));
        }
        let (forwards, backwards) = (policy(rules.iter(), net), policy(rules.iter().rev(), net));
        let now = held.at(Duration::from_secs(10));
        for asked in &questions {
            let (allowed, candidates) = model(&rules, net, &pins, asked);
            for policy in [&forwards, &backwards] {
                let decision = policy.decide(asked.usage, asked.protocol, asked.addr, &now);
                prop_assert_eq!(decision.is_allowed(), allowed, "{:?}: {}", asked, decision);
                check_rule(&decision, &rules, &candidates, policy.is_unrestricted(asked.usage, asked.protocol))?;
                if policy.is_unrestricted(asked.usage, asked.protocol) {
                    prop_assert!(allowed, "a fast path where something is denied: {:?}", asked);
                }
            }
        }
    }

    #[test]
    fn look_ups_agree_with_a_naive_model(
        rules in prop::collection::vec((any::<bool>(), 0..3_usize, 0..NAMES.len(), 0..PARENTS.len()), 0..12),
        net in any::<bool>(),
    ) {
        let mut builder = PolicyBuilder::new();
        if net {
            builder.allow_net();
        }
        for &(deny, kind, name, parent) in &rules {
            let text = [NAMES[name], &format!("*.{}", PARENTS[parent]), "*"][kind].to_owned();
            let effect = if deny { Effect::Deny } else { Effect::Allow };
            builder.rule(Use::Resolve, effect, &text, Source::Api).expect("a rule");
        }
        let policy = builder.build();
        for name in NAMES {
            let covers = |&&(_, kind, exact, parent): &&(bool, usize, usize, usize)| match kind {
                0 => NAMES[exact] == name,
                1 => name.ends_with(&format!(".{}", PARENTS[parent])),
                _ => true,
            };
            let denied = rules.iter().filter(covers).any(|rule| rule.0);
            let allowed = rules.iter().filter(covers).any(|rule| !rule.0);
            let decision = policy.decide_name(&Name::parse(name).expect("a name"));
            prop_assert_eq!(decision.is_allowed(), !denied && (allowed || net), "{}", name);
        }
    }

    #[test]
    fn no_text_makes_a_parser_panic(text in "(tcp://|udp://)?[a-z0-9.:*/%,ü\\[\\]-]{0,24}") {
        for usage in Use::ALL {
            let mut builder = PolicyBuilder::new();
            if builder.allow(usage, &text).is_ok() {
                let _ = builder.build();
            }
        }
        let _ = crate::policy::parse_numeric_host(&text);
    }

    #[test]
    fn a_target_that_is_read_prints_as_an_equal_one(text in "(tcp://|udp://)?[a-z0-9.:*/%,\\[\\]-]{1,16}") {
        if let Ok(target) = text.parse::<crate::policy::Target>() {
            prop_assert_eq!(target.to_string().parse::<crate::policy::Target>(), Ok(target));
        }
    }
}

/// The rule that is named is one that covers what was asked, and one is named unless none covers it.
fn check_rule(
    decision: &Decision<'_>,
    rules: &[RuleSpec],
    candidates: &[usize],
    unrestricted: bool,
) -> Result<(), TestCaseError> {
    match decision.rule() {
        Some(rule) => {
            let texts: Vec<String> = candidates.iter().map(|&index| rules[index].text()).collect();
            prop_assert!(
                texts.iter().any(|text| text == rule.text()),
                "{} is not one of {:?}",
                rule,
                texts
            );
            prop_assert_eq!(rule.effect() == Effect::Allow, decision.is_allowed());
        }
        // Where nothing can be denied, no rule is looked at.
        None if unrestricted => {
            prop_assert!(
                matches!(decision.reason(), Reason::AllowNet | Reason::AnyPeer),
                "{}",
                decision
            );
        }
        None => {
            prop_assert!(
                candidates.is_empty(),
                "{} names none of {:?}",
                decision,
                candidates
            );
            prop_assert!(!matches!(
                decision.reason(),
                Reason::Rule(_) | Reason::Includes(_)
            ));
        }
    }
    Ok(())
}
