//! [`PolicyBuilder`] collects rules and compiles them into a [`Policy`], which judges (`compiled.rs`).

use super::address::canonical_parts;
use super::compiled::{Net, Policy};
use super::matcher::{AddressesBuilder, PortRulesBuilder, RuleId};
use super::name_table::NamesBuilder;
use super::unix::PathsBuilder;
use super::{
    Effect, HostPattern, NamePattern, ParseError, Prefix, Protocol, Reason, Rule, Source, Target,
    UnixPattern, Use,
};
use crate::limits::Limits;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Collects rules and limits, in any order, and compiles them into a [`Policy`].
///
/// ```
/// use guestnet_core::policy::{NoPins, PolicyBuilder, Protocol, Use};
///
/// let mut builder = PolicyBuilder::new();
/// builder.allow(Use::Connect, "tcp://10.0.0.0/8:443")?.deny(Use::Connect, "10.6.6.6")?;
/// let policy = builder.build();
/// let decide = |addr: &str| policy.decide(Use::Connect, Protocol::Tcp, addr.parse().unwrap(), &NoPins);
/// assert!(decide("10.1.2.3:443").is_allowed());
/// assert!(decide("10.6.6.6:443").is_denied());
/// # Ok::<(), guestnet_core::policy::ParseError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct PolicyBuilder {
    net: bool,
    rules: Vec<(Rule, Pattern)>,
    limits: Limits,
}

#[derive(Clone, Debug)]
enum Pattern {
    Target(Target),
    Names(NamePattern),
    Path(UnixPattern),
}

impl PolicyBuilder {
    /// Nothing is allowed, and the limits are the default ones.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Allows everything that no deny rule covers: `--allow-net`.
    pub fn allow_net(&mut self) -> &mut Self {
        self.net = true;
        self
    }

    /// Adds an allow rule: [`rule`](Self::rule) without a source.
    ///
    /// # Errors
    /// As for [`rule`](Self::rule).
    pub fn allow(&mut self, usage: Use, text: &str) -> Result<&mut Self, ParseError> {
        self.rule(usage, Effect::Allow, text, Source::Api)
    }

    /// Adds a deny rule: [`rule`](Self::rule) without a source.
    ///
    /// # Errors
    /// As for [`rule`](Self::rule).
    pub fn deny(&mut self, usage: Use, text: &str) -> Result<&mut Self, ParseError> {
        self.rule(usage, Effect::Deny, text, Source::Api)
    }

    /// Adds a rule from its text: a [`Target`] for connect, listen and accept, a [`NamePattern`] for resolve, a
    /// [`UnixPattern`] for unix.
    ///
    /// # Errors
    /// The first mistake in the text. A name other than `localhost` in a rule for listen or accept is one: only an
    /// outgoing connection begins with a look-up.
    pub fn rule(
        &mut self,
        usage: Use,
        effect: Effect,
        text: &str,
        source: Source,
    ) -> Result<&mut Self, ParseError> {
        let pattern = match usage {
            Use::Connect => Pattern::Target(target(effect, text)?),
            Use::Listen | Use::Accept => Pattern::Target(local_target(usage, effect, text)?),
            Use::Resolve => Pattern::Names(text.parse()?),
            Use::Unix => Pattern::Path(text.parse()?),
        };
        self.rules.push((
            Rule {
                usage,
                effect,
                text: text.into(),
                source,
            },
            pattern,
        ));
        Ok(self)
    }

    /// Replaces the limits.
    pub fn limits(&mut self, limits: Limits) -> &mut Self {
        self.limits = limits;
        self
    }

    /// The limits so far, to change some of them.
    pub fn limits_mut(&mut self) -> &mut Limits {
        &mut self.limits
    }

    /// Compiles the rules. The builder can be used further; the policy does not change.
    #[must_use]
    pub fn build(&self) -> Policy {
        let mut connect = [NetBuilder::default(), NetBuilder::default()];
        let mut listen = [NetBuilder::default(), NetBuilder::default()];
        let mut accept = [NetBuilder::default(), NetBuilder::default()];
        let mut resolve = NamesBuilder::default();
        let mut unix = PathsBuilder::default();
        for (id, (rule, pattern)) in (0_u32..).zip(&self.rules) {
            let deny = rule.effect == Effect::Deny;
            match pattern {
                Pattern::Names(names) => resolve.add(names, deny, ANY_PORT, id),
                Pattern::Path(path) => unix.add(path, deny, id),
                Pattern::Target(target) => {
                    let tables = match rule.usage {
                        Use::Listen => &mut listen,
                        Use::Accept => &mut accept,
                        Use::Connect | Use::Resolve | Use::Unix => &mut connect,
                    };
                    for (table, protocol) in tables.iter_mut().zip(Protocol::ALL) {
                        if target.protocol.is_none_or(|only| only == protocol) {
                            table.add(rule.usage, target, deny, id);
                        }
                    }
                    // A name that may be connected to may be looked up, and one that may never be, may not.
                    if let (HostPattern::Name(names), Use::Connect) = (&target.host, rule.usage)
                        && (!deny || (target.protocol.is_none() && target.ports.is_all()))
                    {
                        resolve.add(names, deny, ANY_PORT, id);
                    }
                }
            }
        }
        let [_, udp] = &connect;
        let stretches = udp.any.stretches();
        let peers_restricted = accept.iter().any(NetBuilder::allows);
        let net = self.net.then_some(Reason::AllowNet);
        let any_peer = if self.net || peers_restricted {
            net
        } else {
            Some(Reason::AnyPeer)
        };
        let mut policy = Policy {
            connect: connect.each_ref().map(|table| table.build(net)),
            listen: listen.each_ref().map(|table| table.build(net)),
            accept: accept.each_ref().map(|table| table.build(any_peer)),
            resolve_unrestricted: self.net && !resolve.has(true),
            resolves: self.net || resolve.has(false),
            resolve: resolve.build(),
            unix_unrestricted: self.net && !unix.has_denials(),
            unix: unix.build(),
            without_broadcast: None,
            listen_ports: listen
                .each_ref()
                .map(|table| table.any.stretches().into_iter().collect()),
            net: self.net,
            rules: self.rules.iter().map(|(rule, _)| rule.clone()).collect(),
            limits: self.limits.clone(),
        };
        policy.without_broadcast = policy.without_broadcast(stretches);
        policy
    }
}

/// Rules about names only, as rules about all ports.
const ANY_PORT: &[(u16, u16)] = &[(0, u16::MAX)];

/// A target. A rule that allows a range of IPv4 addresses says so: a reader of `2002::/16` does not see that it covers
/// every address.
fn target(effect: Effect, text: &str) -> Result<Target, ParseError> {
    let target: Target = text.parse()?;
    if effect == Effect::Allow
        && let HostPattern::Net(prefix) = &target.host
        && !prefix.is_single()
        && let Some(spelled) = prefix.spelled_v4()
    {
        let message = format!("this range is one of IPv4 in another spelling; write {spelled}");
        return Err(ParseError::new(text, host_at(text), message));
    }
    Ok(target)
}

/// A target whose host is an address, or a name that stands for a fixed address.
fn local_target(usage: Use, effect: Effect, text: &str) -> Result<Target, ParseError> {
    let target = target(effect, text)?;
    if let HostPattern::Name(NamePattern::Exact(name) | NamePattern::Below(name)) = &target.host
        && !name.is_loopback()
    {
        let message = format!("a rule for {usage} takes addresses; of names only localhost is one");
        return Err(ParseError::new(text, host_at(text), message));
    }
    Ok(target)
}

/// Where the host begins in a target.
fn host_at(text: &str) -> usize {
    text.find("://").map_or(0, |scheme| scheme + 3)
}

/// The rules of one use and one protocol while they are being collected.
#[derive(Default)]
struct NetBuilder {
    addresses: AddressesBuilder,
    names: NamesBuilder,
    /// Whether an allow or a deny rule has a name, so that the names of an address matter.
    name_allowances: bool,
    name_denials: bool,
    any: PortRulesBuilder,
    /// The allow rules that name groups, in their order.
    groups: Vec<RuleId>,
}

impl NetBuilder {
    fn add(&mut self, usage: Use, target: &Target, deny: bool, rule: RuleId) {
        let ports = target.ports.ranges();
        self.any.add(deny, ports, rule);
        let names_groups = match &target.host {
            HostPattern::Net(prefix) => prefix.canonical().is_of_groups(),
            HostPattern::Scoped(ip, _) => ip.is_multicast(),
            HostPattern::Name(_) => false,
        };
        if names_groups && !deny {
            self.groups.push(rule);
        }
        let mut add = |prefix: Prefix| self.addresses.add(prefix, deny, ports, rule);
        match &target.host {
            HostPattern::Net(prefix) => {
                let canonical = canonical_prefix(usage, *prefix);
                add(canonical);
                // What is denied is denied as it is written, too: `::/96` has `::` and `::1` in it, which are no IPv4.
                if deny && canonical != *prefix {
                    add(*prefix);
                }
            }
            HostPattern::Scoped(ip, scope) => self.addresses.add_scoped(*ip, *scope, deny, ports, rule),
            HostPattern::Name(NamePattern::Any) => {
                for zero in [
                    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                ] {
                    Prefix::new(zero, 0).into_iter().for_each(&mut add);
                }
                // Also for a question about a name that was not looked up yet.
                self.names.add(&NamePattern::Any, deny, ports, rule);
            }
            HostPattern::Name(NamePattern::Exact(name) | NamePattern::Below(name)) if name.is_loopback() => {
                add(Prefix::single(IpAddr::V4(Ipv4Addr::LOCALHOST)));
                add(Prefix::single(IpAddr::V6(Ipv6Addr::LOCALHOST)));
            }
            HostPattern::Name(names) => {
                self.names.add(names, deny, ports, rule);
                self.name_denials |= deny;
                self.name_allowances |= !deny;
            }
        }
    }

    fn allows(&self) -> bool {
        self.addresses.has(false) || self.names.has(false)
    }

    fn build(&self, otherwise: Option<Reason<'static>>) -> Net {
        let denies = self.addresses.has(true) || self.names.has(true);
        Net {
            unrestricted: otherwise.filter(|_| !denies),
            otherwise,
            name_denials: self.name_denials,
            name_allowances: self.name_allowances,
            addresses: self.addresses.build(),
            names: self.names.build(),
            any: self.any.build(),
            groups: self.groups.clone().into(),
        }
    }
}

/// The range of a rule as addresses are compared: as
/// [`canonical_addr`](super::canonical_addr) does for an address.
fn canonical_prefix(usage: Use, prefix: Prefix) -> Prefix {
    let prefix = prefix.canonical();
    if prefix.is_single() {
        return Prefix::single(canonical_parts(usage, SocketAddr::new(prefix.base(), 0)).0);
    }
    prefix
}

impl Default for Policy {
    fn default() -> Self {
        Policy::deny_all()
    }
}

impl Policy {
    /// Nothing is allowed. (Peers are, but without a listener there are none.)
    #[must_use]
    pub fn deny_all() -> Policy {
        PolicyBuilder::new().build()
    }

    /// Everything is allowed, UNIX paths and names too: `--allow-net`.
    #[must_use]
    pub fn allow_all() -> Policy {
        PolicyBuilder::new().allow_net().build()
    }
}
