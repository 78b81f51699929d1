//! [`Observer`]: it gets what a guest did. The core itself logs nothing.

use std::fmt;
use std::net::SocketAddr;

use crate::errno::{Errno, Result};
use crate::policy::{Decision, Flag, Protocol, Use};

/// Receives a guest's calls and denials, as they happen, on the guest's thread.
pub trait Observer: Send {
    /// Whether [`Observer::call`] wants anything; asked once, when the observer is installed.
    fn wants_calls(&self) -> bool;

    /// A call returned. `args` prints its arguments as strace(1) would, `result` is its value.
    fn call(&mut self, name: &'static str, args: fmt::Arguments<'_>, result: Result<u64>);

    /// The policy denied something.
    fn denied(&mut self, denial: &Denial<'_>);

    /// Whether [`Observer::decided`] wants anything; asked once, when the observer is installed.
    fn wants_decisions(&self) -> bool {
        false
    }

    /// The policy decided something, a denial too. The call may come on another thread than the guest's.
    fn decided(&mut self, _decided: &AuditRecord<'_>) {}

    /// Nothing more may come: the observer writes now what it has held back.
    fn flush(&mut self) {}
}

/// A decision of the policy, for an audit.
pub struct AuditRecord<'a> {
    /// The call, such as `"connect"`.
    pub call: &'static str,
    /// What was asked for: which kind of rules was looked at.
    pub usage: Use,
    /// The protocol, for addresses.
    pub protocol: Option<Protocol>,
    /// The address, name or path, printed.
    pub target: &'a dyn fmt::Display,
    /// The address, if it is one: an observer that knows the last ones need not print them again.
    pub address: Option<SocketAddr>,
    /// The decision, with its rule.
    pub decision: Decision<'a>,
    /// The traffic is DNS that goes to our own resolver instead, where each name is decided on.
    pub redirected: bool,
}

/// What a decision is about.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    Address(&'a SocketAddr),
    /// A name, a path, or what else a call may ask for.
    Other(&'a dyn fmt::Display),
}

impl<'a> Subject<'a> {
    /// What prints it.
    pub(crate) fn shown(self) -> &'a dyn fmt::Display {
        match self {
            Subject::Address(addr) => addr,
            Subject::Other(other) => other,
        }
    }

    pub(crate) fn address(self) -> Option<SocketAddr> {
        match self {
            Subject::Address(addr) => Some(*addr),
            Subject::Other(_) => None,
        }
    }
}

impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.shown().fmt(f)
    }
}

impl fmt::Debug for AuditRecord<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AuditRecord({} {}: {})", self.call, self.target, self.decision)
    }
}

/// A denial by the policy.
pub struct Denial<'a> {
    /// The call that was denied, such as `"connect"`.
    pub call: &'static str,
    /// The address, name or path, printed.
    pub target: &'a dyn fmt::Display,
    /// What denied it: a rule with its source, or that no rule allows it.
    pub reason: &'a str,
    /// The command-line flag that would allow it; `None` where a rule denies it.
    pub flag: Option<&'a Flag>,
    /// The errno that the guest gets.
    pub errno: Errno,
}

impl fmt::Debug for Denial<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Denial({} {}: {})", self.call, self.target, self.reason)
    }
}

impl fmt::Debug for dyn Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// Prints a call's result as strace(1) does: the value, or -1 with the errno's name and message.
#[derive(Debug)]
pub struct ResultLine(pub Result<u64>);

impl fmt::Display for ResultLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(value) => value.fmt(f),
            Err(errno) => write!(f, "-1 {errno}"),
        }
    }
}
