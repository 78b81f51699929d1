//! [`Policy`]: the compiled rules, and the judgement. Rules are collected in `builder.rs`, found in `matcher.rs` and
//! `name_table.rs`, and put into words in `explain.rs`.

use super::address::{canonical_parts, is_group};
use super::matcher::{Addresses, Matches, PortRules, RuleId};
use super::name_table::Names;
use super::unix::{Paths, is_normal};
use super::{AddressClass, Decision, Name, NoPins, PinLookup, Protocol, Reason, Rule, Use, address_class};
use crate::limits::Limits;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

/// What a guest may do. Immutable; put it behind an [`Arc`](std::sync::Arc) to share it.
///
/// The default is [`deny_all`](Self::deny_all).
#[derive(Debug)]
pub struct Policy {
    pub(super) connect: [Net; 2],
    pub(super) listen: [Net; 2],
    pub(super) accept: [Net; 2],
    pub(super) resolve: Names,
    pub(super) resolve_unrestricted: bool,
    pub(super) unix: Paths,
    pub(super) unix_unrestricted: bool,
    /// A port of UDP on which something is allowed and the broadcast address is not.
    pub(super) without_broadcast: Option<u16>,
    /// For TCP and UDP, a port of each stretch throughout which the same rules for listen count.
    pub(super) listen_ports: [Box<[u16]>; 2],
    /// `--allow-net`.
    pub(super) net: bool,
    /// Whether some name may be looked up.
    pub(super) resolves: bool,
    pub(super) rules: Box<[Rule]>,
    pub(super) limits: Limits,
}

/// The compiled rules of one use and one protocol.
#[derive(Debug)]
pub(super) struct Net {
    /// Why everything is allowed, if no rule needs to be looked at.
    pub(super) unrestricted: Option<Reason<'static>>,
    /// Why that is allowed which no rule covers; `None` if it is denied.
    pub(super) otherwise: Option<Reason<'static>>,
    pub(super) name_denials: bool,
    pub(super) name_allowances: bool,
    pub(super) addresses: Addresses,
    pub(super) names: Names,
    /// The ports of every rule, whatever it is about.
    pub(super) any: PortRules,
    /// The allow rules that name groups, sorted.
    pub(super) groups: Box<[RuleId]>,
}

impl Policy {
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

    /// Whether an allow rule lets some name other than `localhost` be looked up.
    #[must_use]
    pub fn resolves_names(&self) -> bool {
        self.resolves
    }

    /// Whether everything that no deny rule covers is allowed: `--allow-net`.
    #[must_use]
    pub fn allows_net(&self) -> bool {
        self.net
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
    /// [`canonical_addr`](super::canonical_addr). `pins` is asked only if a rule with a name matters. Allocates
    /// nothing.
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
        let ((ip, scope), port) = (canonical_parts(usage, addr), addr.port());
        let mut found = net.addresses.find(ip, scope, port);
        // A deny rule about an IPv6 range is also about the IPv4 addresses that are written as one in it.
        if let (SocketAddr::V6(written), IpAddr::V4(_), None) = (addr, ip, found.deny) {
            found.deny = net.addresses.denies_spelling(*written.ip(), port);
        }
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
        let allowed = net.otherwise.is_some() || found.allow.or(by_name.found.allow).is_some();
        if usage == Use::Connect
            && allowed
            && is_group(ip)
            && let Some(rule) = self.rule(net.any.find(port).deny)
            && found
                .allow
                .is_none_or(|id| net.groups.binary_search(&id).is_err())
        {
            return Decision::denied(Reason::Group(rule));
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

    /// Judges `SO_BROADCAST`. A broadcast address of one network looks like an ordinary address, and the option lets a
    /// socket send to any of them. So it is allowed if the broadcast address of all networks (255.255.255.255) is, on
    /// every port of UDP on which anything is.
    pub fn decide_broadcast(&self) -> Decision<'_> {
        match self.without_broadcast {
            Some(port) => self.decide(Use::Connect, Protocol::Udp, everywhere(port), &NoPins),
            None if self.net => Decision::allowed(Reason::AllowNet),
            None => Decision::allowed(Reason::Covered),
        }
    }

    /// The first of these ports of UDP on which something is allowed and the broadcast address is not.
    pub(super) fn without_broadcast(&self, ports: impl IntoIterator<Item = u16>) -> Option<u16> {
        let [_, udp] = &self.connect;
        ports.into_iter().find(|&port| {
            let anything = udp.otherwise.is_some() || udp.any.find(port).allow.is_some();
            let decision = self.decide(Use::Connect, Protocol::Udp, everywhere(port), &NoPins);
            anything && decision.is_denied()
        })
    }

    /// Whether a guest may listen on this address of the interface with this index, on some port of TCP or UDP.
    #[must_use]
    pub fn listens_on(&self, ip: IpAddr, interface: u32) -> bool {
        let at = |port| match ip {
            IpAddr::V4(ip) => SocketAddr::from((ip, port)),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, interface).into(),
        };
        Protocol::ALL
            .into_iter()
            .zip(&self.listen_ports)
            .any(|(protocol, ports)| {
                let mut ports = ports.iter();
                ports.any(|port| {
                    self.decide(Use::Listen, protocol, at(*port), &NoPins)
                        .is_allowed()
                })
            })
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
        if !is_normal(path) {
            return Decision::denied(Reason::NotNormal);
        }
        self.conclude(self.unix.find(path), self.net.then_some(Reason::AllowNet))
    }

    /// Judges a connection to a name whose address is not known before it is made, as in a browser. What the rules say of the name
    /// counts; where they say nothing, it is allowed if an address could be, on this port. Where the connection has led is
    /// then judged by [`decide`](Self::decide).
    pub fn decide_before_address(&self, protocol: Protocol, name: &Name, port: u16) -> Decision<'_> {
        let by_name = self.connect_by_name(protocol, name, port);
        let Some(net) = self.net_rules(Use::Connect, protocol) else {
            return by_name;
        };
        match self.rule(net.any.find(port).allow) {
            Some(rule) if by_name.reason() == Reason::NoRule => Decision::allowed(Reason::Rule(rule)),
            _ => by_name,
        }
    }

    /// What rules say of a name and a port before it is looked up: for [`explain`](super::explain()).
    pub(super) fn connect_by_name(&self, protocol: Protocol, name: &Name, port: u16) -> Decision<'_> {
        match self.net_rules(Use::Connect, protocol) {
            Some(net) => self.conclude(net.names.find(name, port), net.otherwise),
            None => Decision::denied(Reason::NoRule),
        }
    }

    fn conclude(&self, found: Matches, otherwise: Option<Reason<'static>>) -> Decision<'_> {
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

/// The broadcast address of all networks.
fn everywhere(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::BROADCAST.into(), port)
}

/// What the names say that led to an address.
#[derive(Default)]
struct ByName {
    found: Matches,
    /// A rule that would allow it, were the address not of this class.
    refused: Option<(RuleId, AddressClass)>,
}

impl Net {
    fn find_names(&self, ip: IpAddr, port: u16, pins: &dyn PinLookup) -> ByName {
        let class = address_class(ip);
        let mut result = ByName::default();
        pins.visit(ip, &mut |name, live| {
            let found = self.names.find(name, port);
            // An expired answer still shows which address the denied name has.
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
