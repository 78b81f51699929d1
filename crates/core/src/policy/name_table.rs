//! Rules about names in the form in which they are looked up: a hash look-up for the name and one for each of its
//! parents, whatever the number of rules.

use super::matcher::{Found, PortRules, PortRulesBuilder, RuleId};
use super::{Name, NamePattern};
use std::collections::HashMap;

/// The rules about names for one use and one protocol. Rules for resolve have no ports; they are kept as all ports.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    exact: HashMap<Box<str>, PortRules>,
    below: HashMap<Box<str>, PortRules>,
    any: PortRules,
}

impl Names {
    /// What covers this name and port. The most particular rule of each effect is the one reported.
    pub(super) fn find(&self, name: &Name, port: u16) -> Found {
        let name = name.as_str();
        let mut found = self
            .exact
            .get(name)
            .map_or(Found::default(), |rules| rules.find(port));
        if !self.below.is_empty() {
            let mut rest = name;
            while let Some((_, parent)) = rest.split_once('.') {
                if let Some(rules) = self.below.get(parent) {
                    found = found.or(rules.find(port));
                }
                rest = parent;
            }
        }
        found.or(self.any.find(port))
    }
}

/// [`Names`] while rules are still being added.
#[derive(Clone, Debug, Default)]
pub(super) struct NamesBuilder {
    exact: HashMap<Box<str>, PortRulesBuilder>,
    below: HashMap<Box<str>, PortRulesBuilder>,
    any: PortRulesBuilder,
    allows: bool,
    denies: bool,
}

impl NamesBuilder {
    pub(super) fn add(&mut self, pattern: &NamePattern, deny: bool, ports: &[(u16, u16)], rule: RuleId) {
        let rules = match pattern {
            NamePattern::Exact(name) => self.exact.entry(name.as_str().into()).or_default(),
            NamePattern::Below(parent) => self.below.entry(parent.as_str().into()).or_default(),
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
        let compile = |rules: &HashMap<Box<str>, PortRulesBuilder>| {
            rules
                .iter()
                .map(|(name, rules)| (name.clone(), rules.build()))
                .collect()
        };
        Names {
            exact: compile(&self.exact),
            below: compile(&self.below),
            any: self.any.build(),
        }
    }
}
