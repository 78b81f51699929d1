//! Rules about addresses in the form in which they are looked up. Compiles and finds; what a hit means is decided in
//! `builder.rs`.
//!
//! CIDR ranges are nested or disjoint, never overlapping. So the number line falls into intervals, each with one
//! innermost range, and each range has one parent. A look-up is a binary search for the interval and a walk outwards
//! over the few ranges around it; every range has its ports as sorted disjoint pieces. Memory is linear in the rules,
//! and no policy makes a look-up slow: at most 33 (IPv4) or 129 (IPv6) steps outwards.

use super::Prefix;
use smallvec::{SmallVec, smallvec};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

/// The position of a rule in the policy's list.
pub(super) type RuleId = u32;

/// No node.
const NONE: u32 = u32::MAX;

/// The rules that cover what was asked for: of each effect the one of the innermost range, if there is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Matches {
    pub(super) allow: Option<RuleId>,
    pub(super) deny: Option<RuleId>,
}

impl Matches {
    /// What either found; `self` is preferred.
    pub(super) fn or(self, other: Matches) -> Matches {
        Matches {
            allow: self.allow.or(other.allow),
            deny: self.deny.or(other.deny),
        }
    }
}

/// The ports of the rules of one effect at one place, as sorted disjoint ranges with the first rule of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports(SmallVec<[PortRange; 1]>);

#[derive(Clone, Copy, Debug)]
struct PortRange {
    first: u16,
    last: u16,
    rule: RuleId,
}

impl Ports {
    /// From ranges that may overlap. Where they do, the rule that was given first counts.
    fn new(given: &[(u16, u16, RuleId)]) -> Ports {
        if let [(first, last, rule)] = *given {
            return Ports(smallvec![PortRange { first, last, rule }]);
        }
        // At each port where something begins or ends: which rules are open from there on.
        let mut events: Vec<(u32, bool, RuleId)> = Vec::with_capacity(given.len() * 2);
        for &(first, last, rule) in given {
            events.push((u32::from(first), true, rule));
            events.push((u32::from(last) + 1, false, rule));
        }
        events.sort_unstable();
        // A rule's ranges never overlap each other, so a set of rules is enough, if ends come before beginnings.
        let mut open = BTreeSet::new();
        let mut ranges: SmallVec<[PortRange; 1]> = SmallVec::new();
        let mut events = events.into_iter().peekable();
        while let Some((port, begins, rule)) = events.next() {
            if begins {
                open.insert(rule);
            } else {
                open.remove(&rule);
            }
            let Some(&(next, ..)) = events.peek() else { break };
            let (Ok(first), Ok(last), Some(&rule)) = (
                u16::try_from(port),
                u16::try_from(next.saturating_sub(1)),
                open.first(),
            ) else {
                continue;
            };
            match ranges.last_mut() {
                _ if next == port => {}
                Some(previous) if previous.rule == rule && u32::from(previous.last) + 1 == port => {
                    previous.last = last;
                }
                _ => ranges.push(PortRange { first, last, rule }),
            }
        }
        ranges.shrink_to_fit();
        Ports(ranges)
    }

    #[inline]
    fn find(&self, port: u16) -> Option<RuleId> {
        let candidate = match self.0.as_slice() {
            [] => return None,
            [only] => only,
            ranges => ranges.get(ranges.partition_point(|range| range.last < port))?,
        };
        (candidate.first <= port && port <= candidate.last).then_some(candidate.rule)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The ports of both effects at one place.
#[derive(Clone, Debug, Default)]
pub(super) struct PortRules {
    allow: Ports,
    deny: Ports,
}

impl PortRules {
    #[inline]
    pub(super) fn find(&self, port: u16) -> Matches {
        Matches {
            allow: self.allow.find(port),
            deny: self.deny.find(port),
        }
    }
}

/// [`PortRules`] while rules are still being added.
#[derive(Clone, Debug, Default)]
pub(super) struct PortRulesBuilder {
    allow: Vec<(u16, u16, RuleId)>,
    deny: Vec<(u16, u16, RuleId)>,
}

impl PortRulesBuilder {
    pub(super) fn add(&mut self, deny: bool, ports: &[(u16, u16)], rule: RuleId) {
        let list = if deny { &mut self.deny } else { &mut self.allow };
        list.extend(ports.iter().map(|&(first, last)| (first, last, rule)));
    }

    /// A port of each stretch throughout which the same rules count.
    pub(super) fn stretches(&self) -> BTreeSet<u16> {
        let ranges = self.allow.iter().chain(&self.deny);
        let begins = ranges.flat_map(|&(first, last, _)| [Some(first), last.checked_add(1)]);
        begins.flatten().chain([0]).collect()
    }

    pub(super) fn build(&self) -> PortRules {
        PortRules {
            allow: Ports::new(&self.allow),
            deny: Ports::new(&self.deny),
        }
    }
}

/// The rules about one address family.
#[derive(Clone, Debug)]
struct Ranges<K> {
    /// Where each interval begins, ascending. It ends before the next one; the last goes on to the end.
    starts: Box<[K]>,
    /// The innermost range around each interval, or `NONE`.
    owners: Box<[u32]>,
    nodes: Box<[Node]>,
}

#[derive(Clone, Debug)]
struct Node {
    rules: PortRules,
    /// The next range outwards, or `NONE`.
    parent: u32,
    /// Whether this range or one outwards has a deny rule.
    denies: bool,
}

impl<K: Copy + Ord> Ranges<K> {
    /// From ranges `(first, last)` with their rules, in the order of their beginnings, outer before inner. `next` is
    /// the key behind another one, if there is one.
    fn new(ranges: Vec<(K, K, PortRules)>, next: impl Fn(K) -> Option<K>) -> Self {
        let mut intervals: Vec<(K, u32)> = Vec::with_capacity(ranges.len() * 2);
        let mut nodes: Vec<Node> = Vec::with_capacity(ranges.len());
        let mut around: Vec<(K, u32)> = Vec::new();
        let begin = |intervals: &mut Vec<(K, u32)>, start: K, owner: u32| match intervals.last_mut() {
            Some(last) if last.0 == start => last.1 = owner,
            _ => intervals.push((start, owner)),
        };
        let close = |intervals: &mut Vec<(K, u32)>, around: &[(K, u32)], end: K| {
            if let Some(start) = next(end) {
                begin(intervals, start, around.last().map_or(NONE, |outer| outer.1));
            }
        };
        for (index, (first, last, rules)) in (0_u32..).zip(ranges) {
            while let Some((end, _)) = around.pop_if(|inner| inner.0 < first) {
                close(&mut intervals, &around, end);
            }
            let parent = around.last().map_or(NONE, |outer| outer.1);
            let denied_outside = node(&nodes, parent).is_some_and(|outer| outer.denies);
            let denies = denied_outside || !rules.deny.is_empty();
            nodes.push(Node {
                rules,
                parent,
                denies,
            });
            begin(&mut intervals, first, index);
            around.push((last, index));
        }
        while let Some((end, _)) = around.pop() {
            close(&mut intervals, &around, end);
        }
        let (starts, owners): (Vec<K>, Vec<u32>) = intervals.into_iter().unzip();
        Ranges {
            starts: starts.into(),
            owners: owners.into(),
            nodes: nodes.into(),
        }
    }

    #[inline]
    fn find(&self, key: K, port: u16) -> Matches {
        let mut found = Matches::default();
        let interval = self.starts.partition_point(|start| *start <= key);
        let Some(&owner) = interval.checked_sub(1).and_then(|at| self.owners.get(at)) else {
            return found;
        };
        let mut next = node(&self.nodes, owner);
        while let Some(node) = next {
            if !node.denies && found.allow.is_some() {
                return found;
            }
            found = found.or(node.rules.find(port));
            if found.deny.is_some() {
                return found;
            }
            next = self::node(&self.nodes, node.parent);
        }
        found
    }
}

#[inline]
fn node(nodes: &[Node], index: u32) -> Option<&Node> {
    nodes.get(usize::try_from(index).ok()?)
}

/// The rules about addresses for one use and one protocol.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    v4: Ranges<u32>,
    v6: Ranges<u128>,
    /// Rules about one address on one interface, sorted.
    scoped: Box<[((u128, u32), PortRules)]>,
    /// The ports of every deny rule of each family.
    denied_v4: Ports,
    denied_v6: Ports,
}

impl Addresses {
    /// What covers this canonical address. A rule without a scope covers every scope.
    #[inline]
    pub(super) fn find(&self, ip: IpAddr, scope: u32, port: u16) -> Matches {
        match ip {
            IpAddr::V4(ip) => self.v4.find(ip.to_bits(), port),
            IpAddr::V6(ip) if self.scoped.is_empty() => self.v6.find(ip.to_bits(), port),
            IpAddr::V6(ip) => self
                .find_scoped(ip, scope, port)
                .or(self.v6.find(ip.to_bits(), port)),
        }
    }

    /// What denies this IPv6 address as it is written.
    pub(super) fn denies_spelling(&self, ip: Ipv6Addr, port: u16) -> Option<RuleId> {
        self.v6.find(ip.to_bits(), port).deny
    }

    fn find_scoped(&self, ip: Ipv6Addr, scope: u32, port: u16) -> Matches {
        let at = self
            .scoped
            .binary_search_by_key(&(ip.to_bits(), scope), |entry| entry.0)
            .ok();
        at.and_then(|at| self.scoped.get(at))
            .map_or(Matches::default(), |(_, rules)| rules.find(port))
    }

    /// The first deny rule about this port of any address that the wildcard address `ip` takes: `0.0.0.0` every IPv4
    /// address, `::` every address.
    pub(super) fn denied_below_wildcard(&self, ip: IpAddr, port: u16) -> Option<RuleId> {
        let v4 = self.denied_v4.find(port);
        if ip.is_ipv4() {
            v4
        } else {
            self.denied_v6.find(port).or(v4)
        }
    }
}

/// [`Addresses`] while rules are still being added.
#[derive(Clone, Debug, Default)]
pub(super) struct AddressesBuilder {
    /// By beginning, then by length: outer before inner.
    v4: BTreeMap<(u32, u8), PortRulesBuilder>,
    v6: BTreeMap<(u128, u8), PortRulesBuilder>,
    scoped: BTreeMap<(u128, u32), PortRulesBuilder>,
}

impl AddressesBuilder {
    /// A rule about a canonical range.
    pub(super) fn add(&mut self, prefix: Prefix, deny: bool, ports: &[(u16, u16)], rule: RuleId) {
        let rules = match prefix.base() {
            IpAddr::V4(ip) => self.v4.entry((ip.to_bits(), prefix.bits())).or_default(),
            IpAddr::V6(ip) => self.v6.entry((ip.to_bits(), prefix.bits())).or_default(),
        };
        rules.add(deny, ports, rule);
    }

    /// A rule about one address on one interface. A deny rule covers the address without a scope too, for then a
    /// bound socket decides on the interface.
    pub(super) fn add_scoped(
        &mut self,
        ip: Ipv6Addr,
        scope: u32,
        deny: bool,
        ports: &[(u16, u16)],
        rule: RuleId,
    ) {
        self.scoped
            .entry((ip.to_bits(), scope))
            .or_default()
            .add(deny, ports, rule);
        if deny {
            self.scoped
                .entry((ip.to_bits(), 0))
                .or_default()
                .add(deny, ports, rule);
        }
    }

    /// Whether any rule with this effect was added.
    pub(super) fn has(&self, deny: bool) -> bool {
        let mut all = self
            .v4
            .values()
            .chain(self.v6.values())
            .chain(self.scoped.values());
        all.any(|rules| {
            !if deny {
                rules.deny.is_empty()
            } else {
                rules.allow.is_empty()
            }
        })
    }

    pub(super) fn build(&self) -> Addresses {
        let v4 = self.v4.iter().map(|(&(base, bits), rules)| {
            let host = u32::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
            (base, base | host, rules.build())
        });
        let v6 = self.v6.iter().map(|(&(base, bits), rules)| {
            let host = u128::MAX.checked_shr(u32::from(bits)).unwrap_or(0);
            (base, base | host, rules.build())
        });
        let denied = |rules: &mut dyn Iterator<Item = &PortRulesBuilder>| {
            Ports::new(
                &rules
                    .flat_map(|rules| rules.deny.iter().copied())
                    .collect::<Vec<_>>(),
            )
        };
        Addresses {
            v4: Ranges::new(v4.collect(), |key| key.checked_add(1)),
            v6: Ranges::new(v6.collect(), |key| key.checked_add(1)),
            scoped: self
                .scoped
                .iter()
                .map(|(&key, rules)| (key, rules.build()))
                .collect(),
            denied_v4: denied(&mut self.v4.values()),
            denied_v6: denied(&mut self.v6.values().chain(self.scoped.values())),
        }
    }
}
