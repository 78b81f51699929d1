//! [`PolicyBuilder`] collects rules; [`Policy`] holds them compiled and judges. Matching itself is in `matcher.rs` and
//! `name_table.rs`, and the words about a judgement are in `explain.rs`.

use super::address::canonical_parts;
use super::matcher::{Addresses, AddressesBuilder, Found, RuleId};
use super::name_table::{Names, NamesBuilder};
use super::unix::{Paths, PathsBuilder};
use super::{
    AddressClass, Decision, Effect, HostPattern, Name, NamePattern, ParseError, PinLookup, PolicyFileError,
    Prefix, Protocol, Reason, Rule, Source, Target, UnixPattern, Use, address_class, file,
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
            Use::Connect => Pattern::Target(text.parse()?),
            Use::Listen | Use::Accept => Pattern::Target(local_target(usage, text)?),
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

    /// Adds what a policy file says. `file_name` stands in errors and in [`Source::File`]; nothing is opened.
    /// The schema is in `docs/policy.md`. On an error the builder is as it was before.
    ///
    /// # Errors
    /// The first mistake in the file, with line and column.
    pub fn file(&mut self, text: &str, file_name: &str) -> Result<&mut Self, PolicyFileError> {
        let mut with_file = self.clone();
        file::read(&mut with_file, text, file_name)?;
        *self = with_file;
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
        let peers_restricted = accept.iter().any(NetBuilder::allows);
        let net = self.net.then_some(Reason::AllowNet);
        let any_peer = if self.net || peers_restricted {
            net
        } else {
            Some(Reason::AnyPeer)
        };
        Policy {
            connect: connect.each_ref().map(|table| table.build(net)),
            listen: listen.each_ref().map(|table| table.build(net)),
            accept: accept.each_ref().map(|table| table.build(any_peer)),
            resolve_unrestricted: self.net && !resolve.has(true),
            resolve: resolve.build(),
            unix_unrestricted: self.net && !unix.has_denials(),
            unix: unix.build(),
            net: self.net,
            rules: self.rules.iter().map(|(rule, _)| rule.clone()).collect(),
            limits: self.limits.clone(),
        }
    }
}

/// Rules about names only, as rules about all ports.
const ANY_PORT: &[(u16, u16)] = &[(0, u16::MAX)];

/// A target whose host is an address, or a name that stands for a fixed address.
fn local_target(usage: Use, text: &str) -> Result<Target, ParseError> {
    let target: Target = text.parse()?;
    if let HostPattern::Name(NamePattern::Exact(name) | NamePattern::Below(name)) = &target.host
        && !name.is_loopback()
    {
        let at = text.find("://").map_or(0, |scheme| scheme + 3);
        let message = format!("a rule for {usage} takes addresses; of names only localhost is one");
        return Err(ParseError::new(text, at, message));
    }
    Ok(target)
}

/// The rules of one use and one protocol while they are being collected.
#[derive(Default)]
struct NetBuilder {
    addresses: AddressesBuilder,
    names: NamesBuilder,
}

impl NetBuilder {
    fn add(&mut self, usage: Use, target: &Target, deny: bool, rule: RuleId) {
        let ports = target.ports.ranges();
        let mut add = |prefix: Prefix| self.addresses.add(prefix, deny, ports, rule);
        match &target.host {
            HostPattern::Net(prefix) => add(canonical_prefix(usage, *prefix)),
            HostPattern::Scoped(ip, scope) => self.addresses.add_scoped(*ip, *scope, deny, ports, rule),
            HostPattern::Name(NamePattern::Any) => {
                for zero in [
                    IpAddr::V4(Ipv4Addr::UNSPECIFIED),
                    IpAddr::V6(Ipv6Addr::UNSPECIFIED),
                ] {
                    Prefix::new(zero, 0).into_iter().for_each(&mut add);
                }
            }
            HostPattern::Name(NamePattern::Exact(name) | NamePattern::Below(name)) if name.is_loopback() => {
                add(Prefix::single(IpAddr::V4(Ipv4Addr::LOCALHOST)));
                add(Prefix::single(IpAddr::V6(Ipv6Addr::LOCALHOST)));
            }
            HostPattern::Name(names) => self.names.add(names, deny, ports, rule),
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
            name_denials: self.names.has(true),
            name_allowances: self.names.has(false),
            addresses: self.addresses.build(),
            names: self.names.build(),
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

/// What a guest may do. Immutable; put it behind an [`Arc`](std::sync::Arc) to share it.
///
/// The default is [`deny_all`](Self::deny_all).
#[derive(Debug)]
pub struct Policy {
    connect: [Net; 2],
    listen: [Net; 2],
    accept: [Net; 2],
    resolve: Names,
    resolve_unrestricted: bool,
    unix: Paths,
    unix_unrestricted: bool,
    /// `--allow-net`.
    net: bool,
    rules: Box<[Rule]>,
    limits: Limits,
}

/// The compiled rules of one use and one protocol.
#[derive(Debug)]
struct Net {
    /// Why everything is allowed, if no rule needs to be looked at.
    unrestricted: Option<Reason<'static>>,
    /// Why that is allowed which no rule covers; `None` if it is denied.
    otherwise: Option<Reason<'static>>,
    name_denials: bool,
    name_allowances: bool,
    addresses: Addresses,
    names: Names,
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

    /// A policy from a file alone. See [`PolicyBuilder::file`].
    ///
    /// # Errors
    /// The first mistake in the file, with line and column.
    pub fn from_toml(text: &str, file_name: &str) -> Result<Policy, PolicyFileError> {
        Ok(PolicyBuilder::new().file(text, file_name)?.build())
    }

    /// Whether everything of this kind is allowed, so that [`decide`](Self::decide) need not be asked. For
    /// [`Use::Resolve`] and [`Use::Unix`] the protocol means nothing.
    #[must_use]
    #[inline]
    pub fn is_unrestricted(&self, usage: Use, protocol: Protocol) -> bool {
        match usage {
            Use::Resolve => self.resolve_unrestricted,
            Use::Unix => self.unix_unrestricted,
            Use::Connect | Use::Listen | Use::Accept => self
                .net_rules(usage, protocol)
                .is_some_and(|rules| rules.unrestricted.is_some()),
        }
    }

    /// Whether a rule for connect has a name, so that the answers of look-ups must be kept as
    /// [`Pins`](super::Pins).
    #[must_use]
    pub fn uses_pins(&self) -> bool {
        self.connect
            .iter()
            .any(|rules| rules.name_allowances || rules.name_denials)
    }

    /// The limits that go with the rules.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Every rule, in the order in which they were added.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Judges an address: for connect the destination, for listen the local address (port 0 is the request for an
    /// ephemeral one), for accept the peer. The address is made canonical first, see
    /// [`canonical_addr`](super::canonical_addr). `pins`
    /// is asked only if a rule with a name matters. Allocates nothing.
    ///
    /// [`Use::Resolve`] and [`Use::Unix`] are not about addresses: they are denied here, see
    /// [`decide_name`](Self::decide_name) and [`decide_unix`](Self::decide_unix).
    #[inline]
    pub fn decide(
        &self,
        usage: Use,
        protocol: Protocol,
        addr: SocketAddr,
        pins: &dyn PinLookup,
    ) -> Decision<'_> {
        let Some(net) = self.net_rules(usage, protocol) else {
            return Decision::denied(Reason::NoRule);
        };
        if let Some(reason) = net.unrestricted {
            return Decision::allowed(reason);
        }
        let addr = canonical_addr(usage, addr);
        let scope = if let SocketAddr::V6(v6) = addr {
            v6.scope_id()
        } else {
            0
        };
        let found = net.addresses.find(addr.ip(), scope, addr.port());
        if let Some(rule) = self.rule(found.deny) {
            return Decision::denied(Reason::Rule(rule));
        }
        if usage == Use::Listen
            && ip.is_unspecified()
            && let Some(rule) = self.rule(net.addresses.denied_below_wildcard(ip, port))
        {
            return Decision::denied(Reason::Includes(rule));
        }
        let by_name = if net.name_denials || (net.name_allowances && found.allow.is_none()) {
            net.find_names(ip, port, pins)
        } else {
            ByName::default()
        };
        if let Some(rule) = self.rule(by_name.found.deny) {
            return Decision::denied(Reason::Rule(rule));
        }
        if let Some(rule) = self.rule(found.allow.or(by_name.found.allow)) {
            return Decision::allowed(Reason::Rule(rule));
        }
        match (net.otherwise, by_name.refused) {
            (Some(reason), _) => Decision::allowed(reason),
            (None, Some((rule, class))) => {
                let reason = self
                    .rule(Some(rule))
                    .map_or(Reason::NoRule, |rule| Reason::NeedsOwnRule(rule, class));
                Decision::denied(reason)
            }
            (None, None) => Decision::denied(Reason::NoRule),
        }
    }

    /// Judges a look-up, before a query leaves. A name is allowed if a rule for resolve covers it, or one for
    /// connect: what a guest may connect to, it may look up. It is denied if a deny rule for resolve covers it, or
    /// one for connect that is about all ports of both protocols. Loopback names, which never leave the machine,
    /// are allowed unless a deny rule covers them.
    pub fn decide_name(&self, name: &Name) -> Decision<'_> {
        let found = self.resolve.find(name, 0);
        let otherwise = if self.net {
            Some(Reason::AllowNet)
        } else {
            name.is_loopback().then_some(Reason::LoopbackName)
        };
        self.conclude(found, otherwise)
    }

    /// Judges a UNIX socket path: absolute in the guest's view, with symlinks resolved. A path that is not absolute
    /// and normalised (an abstract name, for one) is denied, unless every path is allowed.
    pub fn decide_unix(&self, path: &str) -> Decision<'_> {
        if self.unix_unrestricted {
            return Decision::allowed(Reason::AllowNet);
        }
        if !super::unix::is_normal(path) {
            return Decision::denied(Reason::NotNormal);
        }
        self.conclude(self.unix.find(path), self.net.then_some(Reason::AllowNet))
    }

    /// What rules say of a name and a port before it is looked up: for [`explain`](super::explain()).
    pub(super) fn connect_by_name(&self, protocol: Protocol, name: &Name, port: u16) -> Decision<'_> {
        match self.net_rules(Use::Connect, protocol) {
            Some(net) => self.conclude(net.names.find(name, port), net.otherwise),
            None => Decision::denied(Reason::NoRule),
        }
    }

    fn conclude(&self, found: Found, otherwise: Option<Reason<'static>>) -> Decision<'_> {
        match (self.rule(found.deny), self.rule(found.allow), otherwise) {
            (Some(rule), ..) => Decision::denied(Reason::Rule(rule)),
            (None, Some(rule), _) => Decision::allowed(Reason::Rule(rule)),
            (None, None, Some(reason)) => Decision::allowed(reason),
            (None, None, None) => Decision::denied(Reason::NoRule),
        }
    }

    #[inline]
    fn net_rules(&self, usage: Use, protocol: Protocol) -> Option<&Net> {
        let [tcp, udp] = match usage {
            Use::Connect => &self.connect,
            Use::Listen => &self.listen,
            Use::Accept => &self.accept,
            Use::Resolve | Use::Unix => return None,
        };
        Some(match protocol {
            Protocol::Tcp => tcp,
            Protocol::Udp => udp,
        })
    }

    #[inline]
    fn rule(&self, id: Option<RuleId>) -> Option<&Rule> {
        self.rules.get(usize::try_from(id?).ok()?)
    }
}

/// What the names say that led to an address.
#[derive(Default)]
struct ByName {
    found: Found,
    /// A rule that would allow it, were the address not of this class.
    refused: Option<(RuleId, AddressClass)>,
}

impl Net {
    fn find_names(&self, ip: IpAddr, port: u16, pins: &dyn PinLookup) -> ByName {
        let class = address_class(ip);
        let mut result = ByName::default();
        pins.visit(ip, &mut |name, live| {
            let found = self.names.find(name, port);
            // An answer that ran out still tells where the denied name is.
            result.found.deny = result.found.deny.or(found.deny);
            let Some(allow) = found.allow.filter(|_| live) else {
                return;
            };
            if class.may_follow_name(name.is_local()) {
                result.found.allow = result.found.allow.or(Some(allow));
            } else {
                result.refused = result.refused.or(Some((allow, class)));
            }
        });
        result
    }
}
