//! The answer to one question: allowed or not, and why. It borrows the policy and costs nothing to make.

use super::{AddressClass, Rule};
use std::fmt;

/// Why a decision fell as it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason<'p> {
    /// This rule decides.
    Rule(&'p Rule),
    /// This deny rule names one address, and the wildcard address that was asked for includes it. Only for
    /// [`Use::Listen`](super::Use::Listen).
    Includes(&'p Rule),
    /// The address is that of a group or a broadcast, behind which any machine may be, and this deny rule covers the port. Only
    /// for [`Use::Connect`](super::Use::Connect).
    Group(&'p Rule),
    /// A broadcast reaches only receivers that the rules allow. Only for
    /// [`Policy::decide_broadcast`](super::Policy::decide_broadcast).
    Covered,
    /// A datagram would choose the interface that it leaves by, and there are rules about where it may go.
    Interface,
    /// The guest was given this address in answer to a look-up, so a query for its name reveals nothing new.
    OwnAnswer,
    /// Everything is allowed (`--allow-net`) and no deny rule covers it.
    AllowNet,
    /// Peers are not restricted: no allow rule for accept exists, and no deny rule covers this peer.
    AnyPeer,
    /// `localhost` and the names below it never leave the machine.
    LoopbackName,
    /// No rule allows it.
    NoRule,
    /// The rule's name was looked up and this address was the answer, but an address of this class behind such a
    /// name needs a rule of its own.
    NeedsOwnRule(&'p Rule, AddressClass),
    /// The path is not absolute, or has an empty, `.` or `..` component or a NUL.
    NotNormal,
    /// The path leads to none of the directories that the guest was given. No rule helps.
    Outside,
}

/// Whether something is allowed, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Decision<'p> {
    allowed: bool,
    reason: Reason<'p>,
}

/// [`Decision::identity`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DecisionIdentity {
    allowed: bool,
    reason: u8,
    rule: usize,
    class: Option<AddressClass>,
}

impl<'p> Decision<'p> {
    pub(super) fn allowed(reason: Reason<'p>) -> Self {
        Decision {
            allowed: true,
            reason,
        }
    }

    /// About a path of a guest's that no directory of it leads to.
    pub(crate) fn outside() -> Self {
        Decision::denied(Reason::Outside)
    }

    /// About a datagram that chooses its interface.
    pub(crate) fn interface(unrestricted: bool) -> Self {
        if unrestricted {
            Decision::allowed(Reason::AllowNet)
        } else {
            Decision::denied(Reason::Interface)
        }
    }

    /// About a question that is answered without a DNS question.
    pub(crate) fn known_here() -> Self {
        Decision::allowed(Reason::LoopbackName)
    }

    /// About a question for the name of an address that the guest has from us.
    pub(crate) fn own_answer() -> Self {
        Decision::allowed(Reason::OwnAnswer)
    }

    pub(super) fn denied(reason: Reason<'p>) -> Self {
        Decision {
            allowed: false,
            reason,
        }
    }

    /// What distinguishes it from the other decisions of the same policy, as long as that lives.
    pub(crate) fn identity(&self) -> DecisionIdentity {
        let rule = |rule: &Rule| std::ptr::from_ref(rule).addr();
        let (reason, rule, class) = match self.reason {
            Reason::Rule(by) => (0, rule(by), None),
            Reason::Includes(by) => (1, rule(by), None),
            Reason::Group(by) => (2, rule(by), None),
            Reason::NeedsOwnRule(by, class) => (3, rule(by), Some(class)),
            Reason::Covered => (4, 0, None),
            Reason::Interface => (5, 0, None),
            Reason::OwnAnswer => (6, 0, None),
            Reason::AllowNet => (7, 0, None),
            Reason::AnyPeer => (8, 0, None),
            Reason::LoopbackName => (9, 0, None),
            Reason::NoRule => (10, 0, None),
            Reason::NotNormal => (11, 0, None),
            Reason::Outside => (12, 0, None),
        };
        DecisionIdentity {
            allowed: self.allowed,
            reason,
            rule,
            class,
        }
    }

    /// Whether the guest may do it.
    #[must_use]
    pub fn is_allowed(&self) -> bool {
        self.allowed
    }

    /// Whether the guest may not do it.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        !self.allowed
    }

    /// Why.
    #[must_use]
    pub fn reason(&self) -> Reason<'p> {
        self.reason
    }

    /// The rule that decides, if one does.
    #[must_use]
    pub fn rule(&self) -> Option<&'p Rule> {
        match self.reason {
            Reason::Rule(rule) | Reason::Includes(rule) | Reason::Group(rule) => Some(rule),
            Reason::AllowNet
            | Reason::AnyPeer
            | Reason::LoopbackName
            | Reason::NoRule
            | Reason::NeedsOwnRule(..)
            | Reason::NotNormal
            | Reason::Covered
            | Reason::Interface
            | Reason::OwnAnswer
            | Reason::Outside => None,
        }
    }
}

/// `allowed by RULE`, `denied by RULE`, `denied because no rule allows it`: a clause for a trace or an audit line.
impl fmt::Display for Decision<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.allowed { "allowed" } else { "denied" };
        match self.reason {
            Reason::Rule(rule) => write!(f, "{word} by {rule}"),
            Reason::Includes(rule) => write!(f, "{word} by {rule}, an address that the wildcard includes"),
            Reason::Group(rule) => {
                write!(
                    f,
                    "{word} because a receiver that {rule} covers can get it too, and no rule names the group"
                )
            }
            Reason::Covered => write!(f, "{word} because only receivers that the rules allow can get it"),
            Reason::Interface => {
                write!(
                    f,
                    "{word} because where it may go depends on rules, and the interface would decide too"
                )
            }
            Reason::OwnAnswer => write!(f, "{word} because the guest was given this address for a name"),
            Reason::AllowNet => write!(f, "{word} by --allow-net"),
            Reason::AnyPeer => write!(f, "{word} because no rule restricts peers"),
            Reason::LoopbackName => write!(f, "{word} because the name never leaves this machine"),
            Reason::NoRule => write!(f, "{word} because no rule allows it"),
            Reason::NeedsOwnRule(rule, class) => {
                write!(
                    f,
                    "{word} because {class} behind the name of {rule} needs a rule of its own"
                )
            }
            Reason::NotNormal => write!(f, "{word} because the path is not absolute and normalised"),
            Reason::Outside => write!(f, "{word} because no directory of the guest leads there"),
        }
    }
}
