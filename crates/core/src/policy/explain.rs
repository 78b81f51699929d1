//! Why the policy answers as it does, in words for people: `guestnet policy explain` and the first denial of a run.

use super::{
    Decision, Flag, HostPattern, Name, NamePattern, NoPins, ParseError, Policy, Protocol, Reason, Rule,
    Target, UnixPattern, Use,
};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};

/// What to explain: one thing that a guest might do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// An address, for [`Use::Connect`], [`Use::Listen`] or [`Use::Accept`].
    Address(Use, Protocol, SocketAddr),
    /// A connection to a name and a port, before the name is looked up.
    Host(Protocol, Name, u16),
    /// A look-up.
    Name(Name),
    /// A UNIX socket path.
    Path(String),
}

impl Question {
    /// Reads the target of `guestnet policy explain USE TARGET`: in the grammar of rules, but one address or name
    /// and one port. Without a protocol it is TCP.
    ///
    /// # Errors
    /// The first mistake in the text, or that it is not one concrete thing.
    pub fn parse(usage: Use, text: &str) -> Result<Question, ParseError> {
        let error = |message: &str| Err(ParseError::new(text, 0, message));
        let target: Target = match usage {
            Use::Connect | Use::Listen | Use::Accept => text.parse()?,
            Use::Resolve => {
                return match text.parse()? {
                    NamePattern::Exact(name) => Ok(Question::Name(name)),
                    NamePattern::Below(_) | NamePattern::Any => {
                        error("one name can be explained, not a wildcard")
                    }
                };
            }
            Use::Unix => {
                return match text.parse()? {
                    UnixPattern::Exact(path) => Ok(Question::Path(path.into())),
                    UnixPattern::Below(_) => {
                        error("one path can be explained, not everything below a directory")
                    }
                };
            }
        };
        let &[(port, last)] = target.ports.ranges() else {
            return error("one port can be explained, not several");
        };
        if target.ports.is_all() {
            return error("a port is needed, as in 10.0.0.5:443");
        }
        if port != last {
            return error("one port can be explained, not several");
        }
        let protocol = target.protocol.unwrap_or(Protocol::Tcp);
        let addr = match target.host {
            HostPattern::Net(prefix) if prefix.is_single() => SocketAddr::new(prefix.base(), port),
            HostPattern::Scoped(ip, scope) => SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope)),
            HostPattern::Name(NamePattern::Exact(name)) if name.is_loopback() => {
                SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
            }
            HostPattern::Name(NamePattern::Exact(name)) if usage == Use::Connect => {
                return Ok(Question::Host(protocol, name, port));
            }
            HostPattern::Name(NamePattern::Exact(_)) => {
                return error("only a connection can be explained by name; use the address");
            }
            HostPattern::Net(_) | HostPattern::Name(_) => {
                return error("one address or name can be explained");
            }
        };
        Ok(Question::Address(usage, protocol, addr))
    }
}

/// An answer in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Whether it is allowed.
    pub allowed: bool,
    /// A sentence without its full stop. Its first word is `allowed` or `denied`.
    pub text: String,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Explains what the policy decides, by which rule from where, or which flag would allow it.
#[must_use]
pub fn explain(policy: &Policy, question: &Question) -> Explanation {
    match question {
        Question::Address(usage, protocol, addr) => {
            let decision = policy.decide(*usage, *protocol, *addr, &NoPins);
            with_advice(decision, || Some(Flag::address(*usage, *protocol, *addr)))
        }
        Question::Name(name) => with_advice(policy.decide_name(name), || Some(Flag::name(name))),
        Question::Path(path) => with_advice(policy.decide_unix(path), || Flag::path(path)),
        Question::Host(protocol, name, port) => explain_host(policy, *protocol, name, *port),
    }
}

fn explain_host(policy: &Policy, protocol: Protocol, name: &Name, port: u16) -> Explanation {
    let lookup = policy.decide_name(name);
    let connect = policy.connect_by_name(protocol, name, port);
    let flag = || Some(Flag::host(protocol, name, port));
    if lookup.is_denied() && connect.is_allowed() {
        let text = format!("{lookup}, so the name cannot be looked up");
        return Explanation { allowed: false, text };
    }
    let mut explanation = with_advice(connect, flag);
    if let Reason::Rule(rule) = connect.reason()
        && connect.is_allowed()
        && !covers_every_address(rule)
    {
        let others = if name.is_local() { "link-local" } else { "private" };
        let clause = format!("; {others} and metadata addresses need a rule of their own");
        explanation
            .text
            .push_str(", at the addresses that the look-up returns");
        explanation.text.push_str(&clause);
    }
    explanation
}

/// Whether this is a rule about `*`, which is about addresses as much as about names.
fn covers_every_address(rule: &Rule) -> bool {
    rule.text()
        .parse()
        .is_ok_and(|target: Target| matches!(target.host, HostPattern::Name(NamePattern::Any)))
}

fn with_advice(decision: Decision<'_>, flag: impl FnOnce() -> Option<Flag>) -> Explanation {
    let flag = match decision.reason() {
        Reason::NoRule | Reason::NeedsOwnRule(..) | Reason::Group(_) => flag(),
        _ => None,
    };
    let text = match flag {
        Some(flag) => format!("{decision}; {flag} would"),
        None => decision.to_string(),
    };
    Explanation {
        allowed: decision.is_allowed(),
        text,
    }
}
