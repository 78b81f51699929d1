//! The compiled matcher against a naive model: every rule is held against every question, one after the other.
//! The model shares no code with the matcher but [`address_class`], which has its own table of tests.
//!
//! The fuzz target `policy_model` compiles this file too, and lets the fuzzer choose the cases.

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
const V4: [u32; 9] = [
    0,
    0x7f00_0001,
    0x0808_0808,
    0x0808_0809,
    0x0808_ff00,
    0x0a01_0203,
    0x0a01_02ff,
    0xe000_00fb,
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
struct Query {
    usage: Use,
    protocol: Protocol,
    addr: SocketAddr,
    /// The address as the model sees it, before 0 becomes loopback.
    reached: Result<u32, u128>,
    scope: u32,
}

#[derive(Clone, Debug)]
struct Pin {
    name: &'static str,
    ip: IpAddr,
    live: bool,
}

/// An IPv4 address in one of its IPv6 spellings; of 6to4 with something behind it.
fn spell(spelling: u8, v4: u32, noise: u8) -> u128 {
    let wide = u128::from(v4);
    match spelling % 4 {
        0 => 0xffff_0000_0000 | wide,
        1 => wide,
        2 => 0x0064_ff9b << 96 | wide,
        _ => 0x2002 << 112 | wide << 80 | u128::from(noise),
    }
}

/// The IPv4 range that an IPv6 range is in another spelling.
fn spelled(base: u128, bits: u32) -> Option<(u32, u32)> {
    let low = |bits: u128| u32::try_from(bits & 0xffff_ffff).expect("32 bits");
    if base >> 112 == 0x2002 {
        return (bits >= 16).then(|| (low(base >> 80), (bits - 16).min(32)));
    }
    let is_block = match base >> 32 {
        0 => base > 1 || bits < 127,
        high => high == 0xffff || high == 0x0064_ff9b << 64,
    };
    (bits >= 96 && is_block).then(|| (low(base), bits - 96))
}

fn within_v4(bits: u32, base: u32, prefix: u32) -> bool {
    prefix == 0 || bits >> (32 - prefix) == base >> (32 - prefix)
}

fn within_v6(bits: u128, base: u128, prefix: u32) -> bool {
    prefix == 0 || bits >> (128 - prefix) == base >> (128 - prefix)
}

/// Whether a rule's host is nothing but group or broadcast addresses.
fn names_groups(host: &Host) -> bool {
    let v4 = |base: u32, bits: u32| base == u32::MAX || (base >> 28 == 0xe && bits >= 4);
    match *host {
        Host::V4(base, bits) => v4(base, bits),
        Host::V6(base, bits) => match spelled(base, bits) {
            Some((base, bits)) => v4(base, bits),
            None => base >> 120 == 0xff && bits >= 8,
        },
        _ => false,
    }
}

/// What the model says: allowed or not, and every rule that may be named for it.
fn model(rules: &[RuleSpec], net: bool, pins: &[Pin], asked: &Query) -> (bool, Vec<usize>) {
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
    let of_v4 = |bits, base, prefix| match (base, prefix) {
        (0, 32) if connect => bits == 0x7f00_0001,
        _ => within_v4(bits, base, prefix),
    };
    let written = |base, prefix| match asked.addr.ip() {
        IpAddr::V6(ip) => within_v6(ip.to_bits(), base, prefix),
        IpAddr::V4(_) => false,
    };
    let covers = |rule: &RuleSpec| match (&rule.host, reached) {
        (Host::V4(base, prefix), Ok(bits)) => of_v4(bits, *base, *prefix),
        (Host::V6(base, prefix), Ok(bits)) => {
            let v4 = spelled(*base, *prefix);
            v4.is_some_and(|(base, prefix)| of_v4(bits, base, prefix))
                || (rule.deny && written(*base, *prefix))
        }
        (Host::V6(0, 128), Err(bits)) if connect => bits == 1,
        (Host::V6(base, prefix), Err(bits)) => within_v6(bits, *base, *prefix),
        (Host::Scoped(scope), Err(bits)) => {
            bits == V6[LINK_LOCAL] && (asked.scope == *scope || (rule.deny && asked.scope == 0))
        }
        (Host::V4(..), Err(_)) | (Host::Scoped(_), Ok(_)) => false,
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
        (Host::V6(base, prefix), Ok(0)) => spelled(*base, *prefix).is_some(),
        _ => false,
    };
    let of_port = |deny: bool| {
        let rules = rules.iter().enumerate();
        rules.filter(move |(_, rule)| {
            (rule.usage, rule.deny) == (asked.usage, deny)
                && rule.protocol.is_none_or(|only| only == asked.protocol)
                && rule.covers_port(port)
        })
    };
    let relevant = |deny: bool| -> Vec<usize> {
        of_port(deny)
            .filter(|(_, rule)| covers(rule) || included(rule))
            .map(|(index, _)| index)
            .collect()
    };
    let (denying, allowing) = (relevant(true), relevant(false));
    let restricted = rules.iter().any(|rule| rule.usage == Use::Accept && !rule.deny);
    let otherwise = net || (asked.usage == Use::Accept && !restricted);
    let group = match reached {
        Ok(bits) => bits >> 28 == 0xe || bits == u32::MAX,
        Err(bits) => bits >> 120 == 0xff,
    };
    // A peer that is denied on the port may be a member, unless a rule names the group.
    let named = allowing.iter().any(|&index| names_groups(&rules[index].host));
    let members: Vec<usize> = of_port(true).map(|(index, _)| index).collect();
    if !denying.is_empty() {
        (false, denying)
    } else if connect && group && !named && !members.is_empty() && (otherwise || !allowing.is_empty()) {
        (false, members)
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

/// Bytes that a case is read from; zeros at their end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        *first
    }

    /// A number below this one.
    fn below(&mut self, end: u8) -> usize {
        usize::from(self.byte() % end)
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()]
    }

    fn many<T>(&mut self, most: u8, mut read: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most)).map(|_| read(self)).collect()
    }

    fn usage(&mut self) -> Use {
        self.one_of(&[Use::Connect, Use::Connect, Use::Connect, Use::Listen, Use::Accept])
    }

    fn protocol(&mut self) -> Protocol {
        self.one_of(&Protocol::ALL)
    }

    fn port(&mut self) -> u16 {
        match self.byte() {
            byte @ 0..192 => u16::from(byte % 8),
            byte => u16::MAX - u16::from(byte % 6),
        }
    }

    fn host(&mut self) -> Host {
        match self.byte() % 14 {
            0..4 => {
                let (base, bits) = (self.one_of(&V4), u32::from(self.byte() % 50).min(32));
                Host::V4(base & u32::MAX.checked_shl(32 - bits).unwrap_or(0), bits)
            }
            4..8 => {
                let base = match self.byte() {
                    byte @ 0..128 => V6[usize::from(byte) % V6.len()],
                    byte => spell(byte, self.one_of(&V4), 0),
                };
                let bits = u32::from(self.byte() % 192).min(128);
                Host::V6(base & u128::MAX.checked_shl(128 - bits).unwrap_or(0), bits)
            }
            8 => Host::Scoped(1 + u32::from(self.byte() % 3)),
            9 | 10 => Host::Name(self.one_of(&NAMES)),
            11 => Host::Below(self.one_of(&PARENTS)),
            12 => Host::Localhost,
            _ => Host::Any,
        }
    }

    fn rule(&mut self) -> RuleSpec {
        let host = self.host();
        let usage = match host {
            // Names are for connect only.
            Host::Name(_) | Host::Below(_) => Use::Connect,
            _ => self.usage(),
        };
        let ports = self.many(4, |bytes| (bytes.port(), bytes.port()));
        // To allow a range in another spelling is a mistake.
        let mistaken = matches!(host, Host::V6(base, bits) if bits < 128 && spelled(base, bits).is_some());
        RuleSpec {
            usage,
            deny: self.byte() & 1 == 1 || mistaken,
            protocol: self.one_of(&[None, Some(Protocol::Tcp), Some(Protocol::Udp)]),
            host,
            ports: ports.into_iter().map(|(a, b)| (a.min(b), a.max(b))).collect(),
        }
    }

    /// An address in one of its spellings.
    fn asked(&mut self) -> Query {
        let (noise, port, scope) = (self.byte(), self.port(), u32::from(self.byte() % 4));
        let spelling = self.byte() % 10;
        let (ip, reached) = if spelling < 5 {
            let bits = self.one_of(&V4) ^ u32::from(noise & 3 == 0);
            let ip = match spelling {
                2 if bits <= 1 => IpAddr::V4(Ipv4Addr::from_bits(bits)),
                1..=4 => IpAddr::V6(Ipv6Addr::from_bits(spell(spelling - 1, bits, noise))),
                _ => IpAddr::V4(Ipv4Addr::from_bits(bits)),
            };
            (ip, Ok(bits))
        } else {
            let bits = self.one_of(&V6);
            (IpAddr::V6(Ipv6Addr::from_bits(bits)), Err(bits))
        };
        let addr = match ip {
            IpAddr::V4(_) => SocketAddr::new(ip, port),
            IpAddr::V6(ip) => SocketAddr::V6(SocketAddrV6::new(ip, port, 9, scope)),
        };
        Query {
            usage: self.usage(),
            protocol: self.protocol(),
            addr,
            reached,
            scope,
        }
    }

    fn pin(&mut self) -> Pin {
        let v4 = V4[1..].iter().map(|bits| IpAddr::V4(Ipv4Addr::from_bits(*bits)));
        let v6 = V6[1..].iter().map(|bits| IpAddr::V6(Ipv6Addr::from_bits(*bits)));
        Pin {
            name: self.one_of(&NAMES),
            ip: self.one_of(&v4.chain(v6).collect::<Vec<_>>()),
            live: self.byte() & 1 == 1,
        }
    }
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
    fn the_matcher_agrees_with_a_naive_model(bytes in prop::collection::vec(any::<u8>(), 64..512)) {
        let case = Case::read(&bytes);
        if let Err(reason) = agrees(&case) {
            prop_assert!(false, "{}: {:#?}", reason, case);
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

/// A policy, what was looked up, and what is asked.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    rules: Vec<RuleSpec>,
    net: bool,
    pins: Vec<Pin>,
    questions: Vec<Query>,
}

impl Case {
    /// Every sequence of bytes is a case: the property test draws them, the fuzz target is given them.
    pub(crate) fn read(bytes: &[u8]) -> Case {
        let bytes = &mut Bytes(bytes);
        let net = bytes.byte() % 5 == 4;
        let mut pins = bytes.many(6, Bytes::pin);
        // The same name and address twice would be one pin with the later time.
        pins.sort_by_key(|pin| (pin.name, pin.ip));
        pins.dedup_by_key(|pin| (pin.name, pin.ip));
        Case {
            rules: bytes.many(24, Bytes::rule),
            net,
            pins,
            questions: bytes.many(24, Bytes::asked),
        }
    }
}

/// Holds the matcher against the model, with the rules in either order.
pub(crate) fn agrees(case: &Case) -> Result<(), String> {
    let Case {
        rules,
        net,
        pins,
        questions,
    } = case;
    let mut held = Pins::new();
    for pin in pins {
        let name = Name::parse(pin.name).expect("a name");
        held.insert(&name, pin.ip, Duration::from_secs(if pin.live { 20 } else { 5 }));
    }
    let (forwards, backwards) = (policy(rules.iter(), *net), policy(rules.iter().rev(), *net));
    let now = held.at(Duration::from_secs(10));
    for asked in questions {
        let (allowed, candidates) = model(rules, *net, pins, asked);
        for policy in [&forwards, &backwards] {
            let decision = policy.decide(asked.usage, asked.protocol, asked.addr, &now);
            if decision.is_allowed() != allowed {
                return Err(format!("{asked:?}: {decision}"));
            }
            let unrestricted = policy.is_unrestricted(asked.usage, asked.protocol);
            check_rule(&decision, rules, &candidates, unrestricted)?;
            if unrestricted && !allowed {
                return Err(format!("a fast path where something is denied: {asked:?}"));
            }
        }
    }
    Ok(())
}

/// The rule that is named is one that covers what was asked, and one is named unless none covers it.
fn check_rule(
    decision: &Decision<'_>,
    rules: &[RuleSpec],
    candidates: &[usize],
    unrestricted: bool,
) -> Result<(), String> {
    let complaint = match decision.rule() {
        Some(rule) => {
            let mut texts = candidates.iter().map(|&index| rules[index].text());
            let fits = texts.any(|text| text == rule.text())
                && (rule.effect() == Effect::Allow) == decision.is_allowed();
            (!fits).then(|| format!("{rule} decides"))
        }
        // Where nothing can be denied, no rule is looked at.
        None if unrestricted => {
            let fits = matches!(decision.reason(), Reason::AllowNet | Reason::AnyPeer);
            (!fits).then(|| "an unrestricted use has a reason".to_owned())
        }
        None => {
            let named = matches!(decision.reason(), Reason::Rule(_) | Reason::Includes(_));
            (named || !candidates.is_empty()).then(|| "no rule is named".to_owned())
        }
    };
    match complaint {
        Some(complaint) => Err(format!("{complaint}: {decision}; candidates {candidates:?}")),
        None => Ok(()),
    }
}
