//! [`Placeholders`]: addresses that stand for names. A browser looks a name up only to connect to it, and does not say what it found
//! before.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use guestnet_core::policy::{Name, Protocol};
use guestnet_core::resolve::{LookupReply, Question, Records};
use guestnet_core::{Domain, LookupError, PeerJudge};

/// Where they begin: networks for measurements (RFC 2544, RFC 5180), in which no machine has an address.
const FIRST_V4: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const FIRST_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 1);

/// How many names have one. The name that got its own first loses it for another one, and a later one gets its address: so many
/// names later.
const MAX_NAMES: usize = 16_384;

/// The names of a guest, and what judges where they lead.
#[derive(Debug, Default)]
pub(crate) struct Placeholders(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// By the texts of names, the number of each.
    numbers: HashMap<String, u32>,
    /// The names that have numbers, the oldest first. Numbers follow each other, and begin again.
    names: VecDeque<(u32, Name)>,
    next: u32,
    judge: Option<PeerJudge>,
}

/// A name that is connected to, and what judges where that leads.
#[derive(Clone, Debug)]
pub(crate) struct NamedPeer {
    pub(crate) name: Name,
    judge: Option<PeerJudge>,
}

impl NamedPeer {
    /// Whether the connection may go on, which has led there; if that is not known it may not.
    pub(crate) fn allows(&self, protocol: Protocol, peer: Option<SocketAddr>, now: Duration) -> bool {
        match (&self.judge, peer) {
            (Some(judge), Some(peer)) => judge.allows(protocol, &self.name, peer, now),
            _ => false,
        }
    }
}

/// Where a number's address is.
fn number_of(ip: IpAddr) -> Option<u32> {
    let most = u32::try_from(MAX_NAMES).unwrap_or(u32::MAX);
    let number = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_bits().checked_sub(FIRST_V4.to_bits())?,
        IpAddr::V6(ip) => u32::try_from(ip.to_bits().checked_sub(FIRST_V6.to_bits())?).ok()?,
    };
    (number < most).then_some(number)
}

impl Placeholders {
    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn set_judge(&self, judge: PeerJudge) {
        self.with(|state| state.judge = Some(judge));
    }

    /// The name that an address stands for.
    pub(crate) fn name_of(&self, ip: IpAddr) -> Option<Name> {
        let number = number_of(ip)?;
        self.with(|state| state.name(number).cloned())
    }

    /// The same, with what judges where it leads.
    pub(crate) fn peer(&self, ip: IpAddr) -> Option<NamedPeer> {
        let number = number_of(ip)?;
        self.with(|state| {
            Some(NamedPeer {
                name: state.name(number)?.clone(),
                judge: state.judge.clone(),
            })
        })
    }

    /// The reply to a question. Of both families a name has an address of IPv4: the browser takes whichever the name has.
    pub(crate) fn reply(&self, question: &Question) -> LookupReply {
        let outcome = match question {
            Question::Addresses { name, family } => {
                let number = self.with(|state| state.number(name));
                let address: IpAddr = match family {
                    Some(Domain::Inet6) => {
                        Ipv6Addr::from_bits(FIRST_V6.to_bits() + u128::from(number)).into()
                    }
                    _ => Ipv4Addr::from_bits(FIRST_V4.to_bits() + number).into(),
                };
                Ok(Records {
                    name: name.as_str().to_owned(),
                    addresses: vec![address],
                    ..Records::default()
                })
            }
            Question::Pointer(ip) => match self.name_of(*ip) {
                Some(name) => Ok(Records {
                    name: name.as_str().to_owned(),
                    ..Records::default()
                }),
                None => Err(LookupError::NoName),
            },
        };
        LookupReply {
            outcome,
            lifetime: None,
        }
    }
}

impl State {
    fn name(&self, number: u32) -> Option<&Name> {
        let (first, _) = self.names.front()?;
        let most = u32::try_from(MAX_NAMES).unwrap_or(u32::MAX);
        let place = (number + most - first) % most;
        let (found, name) = self.names.get(place as usize)?;
        (*found == number).then_some(name)
    }

    fn number(&mut self, name: &Name) -> u32 {
        if let Some(number) = self.numbers.get(name.as_str()) {
            return *number;
        }
        if self.names.len() >= MAX_NAMES
            && let Some((_, oldest)) = self.names.pop_front()
        {
            self.numbers.remove(oldest.as_str());
        }
        let number = self.next;
        self.next = (number + 1) % u32::try_from(MAX_NAMES).unwrap_or(u32::MAX);
        self.numbers.insert(name.as_str().to_owned(), number);
        self.names.push_back((number, name.clone()));
        number
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look_up(placeholders: &Placeholders, name: &str) -> IpAddr {
        let question = Question::Addresses {
            name: Name::parse(name).unwrap(),
            family: None,
        };
        placeholders.reply(&question).outcome.unwrap().addresses[0]
    }

    #[test]
    fn each_name_has_an_address_and_the_oldest_of_too_many_loses_its_own() {
        let placeholders = Placeholders::default();
        let first = look_up(&placeholders, "first.example");
        let second = look_up(&placeholders, "second.example");
        assert_eq!(look_up(&placeholders, "First.Example."), first);
        let name = |ip| placeholders.name_of(ip).map(|name| name.as_str().to_owned());
        assert_eq!(name(first).as_deref(), Some("first.example"));
        for other in 2..=MAX_NAMES {
            look_up(&placeholders, &format!("n{other}.example"));
        }
        let last = format!("n{MAX_NAMES}.example");
        assert_eq!(name(first).as_deref(), Some(last.as_str()));
        assert_eq!(name(second).as_deref(), Some("second.example"));
        assert_eq!(name("192.0.2.1".parse().unwrap()), None);
        assert_eq!(name("198.19.255.255".parse().unwrap()), None);
    }

    #[test]
    fn an_address_of_ipv6_stands_for_the_same_name() {
        let placeholders = Placeholders::default();
        let question = Question::Addresses {
            name: Name::parse("six.example").unwrap(),
            family: Some(Domain::Inet6),
        };
        let found = placeholders.reply(&question).outcome.unwrap();
        let [ip] = found.addresses[..] else {
            panic!("{found:?}")
        };
        assert!(ip.is_ipv6());
        assert_eq!(placeholders.name_of(ip).unwrap().as_str(), "six.example");
        let back = placeholders.reply(&Question::Pointer(ip)).outcome.unwrap();
        assert_eq!(back.name, "six.example");
    }
}
