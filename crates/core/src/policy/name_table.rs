//! Rules about names in the form in which they are looked up: one probe for the name and one for each of its
//! parents, by the hashes that a [`Name`] carries, whatever the number of rules.

use super::matcher::{Matches, PortRules, PortRulesBuilder, RuleId};
use super::{Name, NamePattern};
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};

/// The rules about names for one use and one protocol. Rules for resolve have no ports; they are kept as all ports.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    exact: Table,
    below: Table,
    /// The bit of each number of labels that a name in `below` has: parents of other lengths need no probe.
    below_labels: u128,
    any: PortRules,
}

/// By the name's hash; names with the same hash stand next to each other.
type Table = HashMap<u64, SmallVec<[(Name, PortRules); 1]>, BuildHasherDefault<IdentityHasher>>;

impl Names {
    /// What covers this name and port. The most particular rule of each effect is the one reported.
    pub(super) fn find(&self, name: &Name, port: u16) -> Matches {
        let mut found = probe(&self.exact, name.as_str(), name.suffix_hash(), port);
        if self.below_labels != 0 {
            for (parent, hash, labels) in name.parents() {
                if self.below_labels & label_bit(labels) != 0 {
                    found = found.or(probe(&self.below, parent, hash, port));
                }
            }
        }
        found.or(self.any.find(port))
    }
}

fn probe(table: &Table, name: &str, hash: u64, port: u16) -> Matches {
    let entries = table.get(&hash).map_or(&[][..], |entries| entries);
    let entry = entries.iter().find(|entry| entry.0.as_str() == name);
    entry.map_or(Matches::default(), |(_, rules)| rules.find(port))
}

/// Passes a hash on that has been made before.
#[derive(Default)]
struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        // Not reached: the keys are u64.
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// [`Names`] while rules are still being added.
#[derive(Clone, Debug, Default)]
pub(super) struct NamesBuilder {
    exact: BTreeMap<Name, PortRulesBuilder>,
    below: BTreeMap<Name, PortRulesBuilder>,
    any: PortRulesBuilder,
    allows: bool,
    denies: bool,
}

impl NamesBuilder {
    pub(super) fn add(&mut self, pattern: &NamePattern, deny: bool, ports: &[(u16, u16)], rule: RuleId) {
        let rules = match pattern {
            NamePattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
            NamePattern::Below(parent) => self.below.entry(parent.clone()).or_default(),
            NamePattern::Any => &mut self.any,
        };
        rules.add(deny, ports, rule);
        if deny {
            self.denies = true;
        } else {
            self.allows = true;
        }
    }

    /// Whether any rule with this effect was added.
    pub(super) fn has(&self, deny: bool) -> bool {
        if deny { self.denies } else { self.allows }
    }

    pub(super) fn build(&self) -> Names {
        Names {
            exact: table(&self.exact),
            below: table(&self.below),
            below_labels: self
                .below
                .keys()
                .fold(0, |bits, name| bits | label_bit(name.labels())),
            any: self.any.build(),
        }
    }
}

fn label_bit(labels: usize) -> u128 {
    u32::try_from(labels)
        .ok()
        .and_then(|labels| 1_u128.checked_shl(labels))
        .unwrap_or(0)
}

fn table(names: &BTreeMap<Name, PortRulesBuilder>) -> Table {
    let mut by_hash = Table::default();
    for (name, rules) in names {
        by_hash
            .entry(name.suffix_hash())
            .or_default()
            .push((name.clone(), rules.build()));
    }
    by_hash
}
