//! The TCP ports of a policy, as far as Landlock can say them: it knows ports, and no addresses.

use std::fmt;

use guestnet::core::policy::{Effect, Policy, Protocol, Target, Use};

/// The most ports that are listed one by one; a policy with more of them is left to the policy's gate alone.
const MOST: usize = 1024;

/// Some ports, or all of them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Ports {
    /// Landlock is not asked.
    #[default]
    All,
    Only(Vec<u16>),
}

impl Ports {
    /// `None` for all of them.
    pub(crate) fn numbers(&self) -> Option<&[u16]> {
        match self {
            Ports::All => None,
            Ports::Only(ports) => Some(ports),
        }
    }

    fn and(mut self, port: u16) -> Ports {
        if let Ports::Only(ports) = &mut self
            && !ports.contains(&port)
        {
            ports.push(port);
        }
        self
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ports::All => f.write_str("to every port"),
            Ports::Only(ports) if ports.is_empty() => f.write_str("to no port"),
            Ports::Only(ports) if ports.len() > 8 => write!(f, "to {} ports", ports.len()),
            Ports::Only(ports) => {
                let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
                write!(f, "to port {}", ports.join(", "))
            }
        }
    }
}

/// Where a guest may connect to. One that may look names up also reaches the DNS stub, whose port is not known before it
/// is there, and DNS servers on any port that `--dns` names.
pub(crate) fn connect(policy: &Policy) -> Ports {
    if policy.resolves_names() {
        return Ports::All;
    }
    allowed(policy, Use::Connect)
}

/// Where a guest may listen. The stub binds port 0.
pub(crate) fn bind(policy: &Policy) -> Ports {
    let ports = allowed(policy, Use::Listen);
    if policy.resolves_names() {
        ports.and(0)
    } else {
        ports
    }
}

/// The ports of the rules that allow something; deny rules take addresses away, and Landlock knows none.
fn allowed(policy: &Policy, usage: Use) -> Ports {
    if policy.allows_net() || policy.is_unrestricted(usage, Protocol::Tcp) {
        return Ports::All;
    }
    let mut ports = Vec::new();
    for rule in policy.rules() {
        if rule.usage() != usage || rule.effect() != Effect::Allow {
            continue;
        }
        // It was read once; whatever cannot be read now is not restricted.
        let Ok(target) = rule.text().parse::<Target>() else {
            return Ports::All;
        };
        if target.protocol == Some(Protocol::Udp) {
            continue;
        }
        for (first, last) in target.ports.ranges() {
            ports.extend(*first..=*last);
            if ports.len() > MOST {
                return Ports::All;
            }
        }
    }
    ports.sort_unstable();
    ports.dedup();
    Ports::Only(ports)
}

#[cfg(test)]
mod tests {
    use super::*;
    use guestnet::core::policy::{PolicyOption, PolicyOptions, Source};

    fn policy(rules: &[(&str, &str)]) -> Policy {
        let mut options = PolicyOptions::default();
        for (name, value) in rules {
            let option = PolicyOption::from_name(name).unwrap();
            options.set(option, value, Source::Flag).unwrap();
        }
        options.build()
    }

    #[test]
    fn ports_are_those_of_the_rules_that_allow() {
        let none = policy(&[]);
        assert_eq!(
            (connect(&none), bind(&none)),
            (Ports::Only(vec![]), Ports::Only(vec![]))
        );
        let some = policy(&[
            ("allow-connect", "tcp://127.0.0.1:7,9"),
            ("allow-connect", "10.0.0.0/8:80-82"),
            ("allow-connect", "udp://10.0.0.1:5"),
            ("deny-connect", "10.0.0.1:81"),
            ("allow-listen", "127.0.0.1:0"),
        ]);
        assert_eq!(connect(&some), Ports::Only(vec![7, 9, 80, 81, 82]));
        assert_eq!(bind(&some), Ports::Only(vec![0]));
    }

    #[test]
    fn what_cannot_be_said_is_not_restricted() {
        for rules in [
            &[("allow-connect", "10.0.0.1")][..],
            &[("allow-connect", "10.0.0.1:1-2000")],
            &[("allow-net", ""), ("deny-connect", "10.0.0.1")],
            &[("allow-net", "")],
        ] {
            assert_eq!(connect(&policy(rules)), Ports::All, "{rules:?}");
        }
        let named = policy(&[
            ("allow-connect", "db.example.com:5432"),
            ("allow-listen", "127.0.0.1:80"),
        ]);
        assert_eq!(connect(&named), Ports::All);
        assert_eq!(bind(&named), Ports::Only(vec![80, 0]));
        let listens = policy(&[("allow-net", ""), ("deny-listen", "0.0.0.0:80")]);
        assert_eq!(bind(&listens), Ports::All);
    }
}
