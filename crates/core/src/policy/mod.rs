//! The network policy: what a guest may do, decided before the first system call.
//!
//! This module parses rules, compiles them into a [`Policy`] and answers questions about addresses, names and
//! UNIX paths. It enforces nothing and makes no system call: the gate in this crate calls it, passes it the addresses
//! that were looked up ([`Pins`]) and the time, and turns a refusal into an errno.
//!
//! Three laws hold for every use: what no rule allows is denied, deny beats allow, and the order of rules means
//! nothing. `docs/policy.md` is the description for users.
//!
//! The public signatures of this module are stable: adapters and the command line are written against them.

mod address;
mod builder;
mod compiled;
mod decision;
mod explain;
mod file;
mod flag;
mod matcher;
mod name;
mod name_table;
mod options;
mod pins;
mod prefix;
mod rule;
mod target;
mod unix;

#[cfg(test)]
mod tests;

pub use address::{
    AddressClass, NumericHost, address_class, canonical_addr, canonical_ip, parse_numeric_host,
};
pub use builder::PolicyBuilder;
pub use compiled::Policy;
pub(crate) use decision::DecisionIdentity;
pub use decision::{Decision, Reason};
pub use explain::{Explanation, Question, explain};
pub use file::PolicyFileError;
pub use flag::{Flag, shell_word};
pub use name::{MAX_NAME_INPUT, Name, NameError, NamePattern};
pub use options::{OptionError, PolicyOption, PolicyOptions};
pub use pins::{MAX_NAMES_PER_ADDRESS, MAX_PINS, NoPins, PinLookup, Pins, PinsAt};
pub use prefix::Prefix;
pub use rule::{Effect, Rule, Source};
pub use target::{HostPattern, ParseError, PortSet, Target};
pub use unix::UnixPattern;

use std::fmt;

/// What a guest wants to do. Each use has its own rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Use {
    /// Reach a peer: TCP connect, UDP connect, and every datagram's destination.
    Connect,
    /// Take a local address: an explicit bind, and listen.
    Listen,
    /// Be reached by a peer: the peer of accept, and the sender of a received datagram.
    Accept,
    /// Look up a name.
    Resolve,
    /// Use a UNIX socket path.
    Unix,
}

impl Use {
    /// Every use, in the order in which the documentation lists them.
    pub const ALL: [Use; 5] = [Use::Connect, Use::Listen, Use::Accept, Use::Resolve, Use::Unix];

    /// The word for this use in flags and policy files, such as `connect`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Use::Connect => "connect",
            Use::Listen => "listen",
            Use::Accept => "accept",
            Use::Resolve => "resolve",
            Use::Unix => "unix",
        }
    }

    /// The use whose [`word`](Self::word) this is.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Use> {
        Use::ALL.into_iter().find(|each| each.word() == word)
    }
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// The transport protocol of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// A stream over TCP.
    Tcp,
    /// Datagrams over UDP.
    Udp,
}

impl Protocol {
    /// Both protocols.
    pub const ALL: [Protocol; 2] = [Protocol::Tcp, Protocol::Udp];

    /// `tcp` or `udp`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
