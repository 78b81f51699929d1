//! getaddrinfo(3): numeric forms, services, the hosts file, the cache, and then an upstream, after the policy.
//!
//! Not here: which server is asked for a name (the host), and what a guest may ask for ([`Names`] and the policy).

mod cache;
mod hosts;
mod nameinfo;
mod names;
mod order;
mod pending;
mod question;
mod services;
#[cfg(test)]
mod tests;
mod tried;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;

use crate::addr::{Domain, Kind};
use crate::errno::Errno;
use crate::fd::Slots;
use crate::guest::GuestThread;
use crate::host::{Clock, Host};
use crate::open_file::OpenFile;
use crate::policy::{Name, NumericHost, parse_numeric_host};
use crate::readiness::Ready;

pub use cache::MAX_CACHED;
pub use hosts::{Hosts, MAX_HOSTS};
pub use nameinfo::{NameInfo, NameInfoFlags};
pub use names::{CacheLookup, Names, SHORTEST_PIN, SYSTEM_ANSWER_LIFETIME, pointer_name};
pub use pending::Lookup;
pub use question::{LookupError, LookupReply, MAX_ALIASES, MAX_RESULTS, Question, Records, STUB};
pub use services::{Protocol, Protocols, Service, Services};
pub use tried::{TriedLookup, UnaskedLookup};

bitflags::bitflags! {
    /// `AI_*` of getaddrinfo(3).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct LookupFlags: u16 {
        /// `AI_PASSIVE`: without a node, the wildcard address rather than loopback.
        const PASSIVE = 1;
        /// `AI_CANONNAME`: the canonical name is wanted.
        const CANONNAME = 1 << 1;
        /// `AI_NUMERICHOST`: the node is an address.
        const NUMERICHOST = 1 << 2;
        /// `AI_NUMERICSERV`: the service is a number.
        const NUMERICSERV = 1 << 3;
        /// `AI_V4MAPPED`: without IPv6 addresses, IPv4 ones in mapped form.
        const V4MAPPED = 1 << 4;
        /// `AI_ALL`: with `V4MAPPED`, both kinds.
        const ALL = 1 << 5;
        /// `AI_ADDRCONFIG`: only families that this machine has an address of other than loopback.
        const ADDRCONFIG = 1 << 6;
    }
}

/// A look-up: the arguments of getaddrinfo(3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<'a> {
    /// A name or a numeric address.
    pub node: Option<&'a [u8]>,
    /// A service name or a port number.
    pub service: Option<&'a [u8]>,
    /// `ai_flags`.
    pub flags: LookupFlags,
    /// `ai_family`, `None` for `AF_UNSPEC`. [`Domain::Unix`] is `EAI_FAMILY`.
    pub family: Option<Domain>,
    /// `ai_socktype`, `None` for both.
    pub kind: Option<Kind>,
}

/// One result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrInfo {
    /// The address, with the service's port.
    pub addr: SocketAddr,
    /// The socket type that it is for.
    pub kind: Kind,
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddrInfoList {
    /// The results, best first, at most [`MAX_RESULTS`].
    pub results: Vec<AddrInfo>,
    /// The canonical name, if [`LookupFlags::CANONNAME`] asked for it.
    pub canonical: Option<String>,
    /// Its other names, as far as they are known, if [`LookupFlags::CANONNAME`] asked for it (gethostbyname(3): `h_aliases`).
    pub aliases: Vec<String>,
}

/// A look-up that has been read and judged: all of it but the reply that it may wait for.
#[derive(Debug)]
struct Plan {
    ports: Vec<(Kind, u16)>,
    flags: LookupFlags,
    family: Option<Domain>,
    what: Source,
}

#[derive(Debug)]
enum Source {
    /// Addresses with their scope ids, and a canonical name.
    Numeric(Vec<(IpAddr, u32)>, Option<String>),
    /// Both loopback addresses, in the order that connects on this machine.
    Loopback,
    Known(Arc<Records>),
    Ask(Question),
}

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// Gives the names of a hosts file, which come before the cache and any server.
    pub fn set_hosts(&mut self, hosts: Arc<Hosts>) {
        self.guest.gate.names.set_hosts(hosts);
    }

    /// Gives the names of the guest's own hosts file, which come before all others. What the guest says itself is no
    /// reason to let it through: unlike an answer of ours, such an address is not covered by a rule with the name.
    pub fn set_guest_hosts(&mut self, hosts: Arc<Hosts>) {
        self.guest.gate.names.set_guest_hosts(hosts);
    }

    /// The names of this guest: what it may look up and which answers it got. For code elsewhere that answers look-ups.
    #[must_use]
    pub fn names(&self) -> &Arc<Names> {
        &self.guest.gate.names
    }

    /// The services of the machine, for getservbyname(3) and its like.
    pub fn services(&mut self) -> Arc<Services> {
        self.host.services()
    }

    /// The protocols of the machine, for getprotobyname(3) and its like.
    pub fn protocols(&mut self) -> Arc<Protocols> {
        self.host.protocols()
    }

    /// getaddrinfo(3). Blocks the guest until the host's resolver has answered.
    ///
    /// # Errors
    /// [`LookupError`]: `NoName` (no such name, a malformed one, or neither node nor service), `NoData` (no address of
    /// the family), `Again` (a server did not answer, or the rate of look-ups is over), `Service`, `Family`, `BadFlags`,
    /// `Fail` (the policy, or a server's refusal), `System(EINTR)` (the guest was stopped).
    pub fn getaddrinfo(&mut self, query: &Query<'_>) -> Result<AddrInfoList, LookupError> {
        match self.try_getaddrinfo(query) {
            TriedLookup::Answered(result) => result,
            TriedLookup::MustAsk(unasked) => self.ask_getaddrinfo(query, unasked),
        }
    }

    fn trace_lookup(&mut self, query: &Query<'_>, result: &Result<AddrInfoList, LookupError>) {
        let node = String::from_utf8_lossy(query.node.unwrap_or_default());
        let service = String::from_utf8_lossy(query.service.unwrap_or_default());
        let outcome = match result {
            Ok(_) => String::new(),
            Err(error) => format!(", {error}"),
        };
        let value = match result {
            Ok(answer) => Ok(answer.results.len() as u64),
            Err(LookupError::System(errno)) => Err(*errno),
            Err(_) => Err(Errno::ENOENT),
        };
        self.trace(
            "getaddrinfo",
            &value,
            |count| *count,
            format_args!("{node:?}, {service:?}{outcome}"),
        );
    }

    fn complete(&mut self, plan: Plan) -> Result<AddrInfoList, LookupError> {
        match &plan.what {
            Source::Ask(question) => {
                let found = self.ask(question)?;
                self.answer(&plan, &found)
            }
            Source::Known(found) => self.answer(&plan, &Arc::clone(found)),
            Source::Numeric(addresses, canonical) => Ok(AddrInfoList {
                results: results(addresses.iter().copied(), &plan.ports),
                canonical: canonical.clone(),
                aliases: Vec::new(),
            }),
            Source::Loopback => {
                let mut both = vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
                order::sort(&mut self.host, &mut both);
                Ok(AddrInfoList {
                    results: results(both.into_iter().map(|ip| (ip, 0)), &plan.ports),
                    ..AddrInfoList::default()
                })
            }
        }
    }

    /// Asks the host's resolver and waits.
    fn ask(&mut self, question: &Question) -> Result<Arc<Records>, LookupError> {
        let io = self.host.lookup_start(question)?;
        let waited = self.host.wait(&io, Ready::READ, None);
        let reply = self.host.lookup_take(&io);
        self.host.close(io);
        waited.map_err(LookupError::System)?;
        let reply = reply.ok_or(LookupError::System(Errno::EIO))?;
        let now = self.host.now(Clock::Monotonic);
        self.guest.gate.names.finish(question, reply, now)
    }

    /// Everything that can be said without waiting.
    fn plan(&mut self, query: &Query<'_>) -> Result<Plan, LookupError> {
        if query.family == Some(Domain::Unix) {
            return Err(LookupError::Family);
        }
        if query.node.is_none() && query.service.is_none() {
            return Err(LookupError::NoName);
        }
        if query.node.is_none() && query.flags.contains(LookupFlags::CANONNAME) {
            return Err(LookupError::BadFlags);
        }
        Ok(Plan {
            ports: self.ports(query)?,
            flags: query.flags,
            family: query.family,
            what: self.what(query)?,
        })
    }

    /// The socket types asked for, each with the service's port.
    fn ports(&mut self, query: &Query<'_>) -> Result<Vec<(Kind, u16)>, LookupError> {
        let kinds = match query.kind {
            Some(Kind::Stream) => &[Kind::Stream][..],
            Some(Kind::Datagram) => &[Kind::Datagram],
            // No protocol of IP has it.
            Some(Kind::SeqPacket) => return Err(LookupError::SockType),
            None => &[Kind::Stream, Kind::Datagram],
        };
        let service = match query.service {
            None => return Ok(kinds.iter().map(|&kind| (kind, 0)).collect()),
            Some(service) => std::str::from_utf8(service).map_err(|_| LookupError::Service)?,
        };
        if !service.is_empty() && service.bytes().all(|byte| byte.is_ascii_digit()) {
            let port = service.parse().map_err(|_| LookupError::Service)?;
            return Ok(kinds.iter().map(|&kind| (kind, port)).collect());
        }
        if query.flags.contains(LookupFlags::NUMERICSERV) {
            return Err(LookupError::NoName);
        }
        let services = self.host.services();
        let port = |kind| Some(services.by_name(service, services::protocol_of(kind))?.port);
        let known: Vec<_> = kinds
            .iter()
            .filter_map(|&kind| Some((kind, port(kind)?)))
            .collect();
        if known.is_empty() {
            Err(LookupError::Service)
        } else {
            Ok(known)
        }
    }

    /// The addresses of the node, or what to ask for them.
    fn what(&mut self, query: &Query<'_>) -> Result<Source, LookupError> {
        let Some(node) = query.node else {
            return Ok(match unnamed(query) {
                Some(addresses) => Source::Numeric(addresses, None),
                None => Source::Loopback,
            });
        };
        let node = std::str::from_utf8(node).map_err(|_| LookupError::NoName)?;
        if let Some(numeric) = parse_numeric_host(node).or_else(|| self.scoped_by_name(node)) {
            let ip = in_family(numeric.ip, query.family, query.flags).ok_or(LookupError::NoName)?;
            let canonical = query
                .flags
                .contains(LookupFlags::CANONNAME)
                .then(|| node.to_owned());
            return Ok(Source::Numeric(vec![(ip, numeric.scope_id)], canonical));
        }
        if query.flags.contains(LookupFlags::NUMERICHOST) {
            return Err(LookupError::NoName);
        }
        let name = Name::parse(node).map_err(|_| LookupError::NoName)?;
        let mapped = query.flags.contains(LookupFlags::V4MAPPED) && query.family == Some(Domain::Inet6);
        let family = if mapped { None } else { query.family };
        let question = Question::Addresses { name, family };
        let now = self.host.now(Clock::Monotonic);
        match self.guest.gate.names.begin(&question, now) {
            CacheLookup::Known(outcome) => outcome.map(Source::Known),
            CacheLookup::Ask => Ok(Source::Ask(question)),
        }
    }

    /// A link-local address whose scope is an interface's name, such as `fe80::1%lo`. An interface that the policy does not show
    /// has no name.
    fn scoped_by_name(&mut self, node: &str) -> Option<NumericHost> {
        let (address, name) = node.split_once('%')?;
        let ip: Ipv6Addr = address.parse().ok()?;
        if !is_link_local(ip) {
            return None;
        }
        let interfaces = self.shown_interfaces().ok()?;
        let interface = interfaces.iter().find(|interface| interface.name == name)?;
        Some(NumericHost {
            ip: ip.into(),
            scope_id: interface.index,
        })
    }

    /// Puts what was found into the form that was asked for.
    fn answer(&mut self, plan: &Plan, found: &Records) -> Result<AddrInfoList, LookupError> {
        let mut addresses = found.addresses.clone();
        if plan.flags.contains(LookupFlags::ADDRCONFIG) {
            keep_configured(&mut addresses, |ip| order::source(&mut self.host, ip));
        }
        if !found.sorted {
            order::sort(&mut self.host, &mut addresses);
        }
        let only_v6 = plan.family == Some(Domain::Inet6)
            && !plan.flags.contains(LookupFlags::ALL)
            && addresses.iter().any(IpAddr::is_ipv6);
        let addresses = addresses
            .into_iter()
            .filter(|ip| ip.is_ipv6() || !only_v6)
            .filter_map(|ip| Some((in_family(ip, plan.family, plan.flags)?, 0)));
        let results = results(addresses, &plan.ports);
        if results.is_empty() {
            return Err(LookupError::NoData);
        }
        if !plan.flags.contains(LookupFlags::CANONNAME) {
            return Ok(AddrInfoList {
                results,
                ..AddrInfoList::default()
            });
        }
        Ok(AddrInfoList {
            results,
            canonical: Some(found.name.clone()),
            aliases: found.aliases.clone(),
        })
    }
}

/// Whether an address may have an interface's name as its scope: link-local ones, of groups too.
fn is_link_local(ip: Ipv6Addr) -> bool {
    ip.is_unicast_link_local() || ip.segments()[0] & 0xff0f == 0xff02
}

/// `AI_ADDRCONFIG`: leaves a family out that this machine cannot send from, if it can from the other. `source` says which
/// address the machine would send from.
fn keep_configured(addresses: &mut Vec<IpAddr>, mut source: impl FnMut(IpAddr) -> Option<IpAddr>) {
    // Documentation addresses (RFC 5737, RFC 3849) stand for somewhere far away; nothing is sent.
    let far = [
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)),
    ];
    let [v4, v6] = far.map(|ip| source(ip).is_some_and(|ip| !ip.is_loopback()));
    if v4 != v6 {
        addresses.retain(|ip| if ip.is_ipv4() { v4 } else { v6 } || ip.is_loopback());
    }
}

/// Every address with every socket type, at most [`MAX_RESULTS`].
fn results(addresses: impl Iterator<Item = (IpAddr, u32)>, ports: &[(Kind, u16)]) -> Vec<AddrInfo> {
    addresses
        .flat_map(|(ip, scope)| {
            ports.iter().map(move |&(kind, port)| AddrInfo {
                addr: with_port(ip, scope, port),
                kind,
            })
        })
        .take(MAX_RESULTS)
        .collect()
}

/// The addresses when no node is given; `None` for both loopback addresses.
fn unnamed(query: &Query<'_>) -> Option<Vec<(IpAddr, u32)>> {
    let (v4, v6) = if query.flags.contains(LookupFlags::PASSIVE) {
        (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED)
    } else {
        (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST)
    };
    match query.family {
        Some(Domain::Inet) => Some(vec![(v4.into(), 0)]),
        Some(Domain::Inet6) => Some(vec![(v6.into(), 0)]),
        // What RFC 6724 puts first: the IPv4 wildcard.
        _ if query.flags.contains(LookupFlags::PASSIVE) => Some(vec![(v4.into(), 0), (v6.into(), 0)]),
        _ => None,
    }
}

/// The address as the query's family wants it, `None` if it cannot be had.
fn in_family(ip: IpAddr, family: Option<Domain>, flags: LookupFlags) -> Option<IpAddr> {
    match (family, ip) {
        (None, _) | (Some(Domain::Inet), IpAddr::V4(_)) | (Some(Domain::Inet6), IpAddr::V6(_)) => Some(ip),
        (Some(Domain::Inet6), IpAddr::V4(v4)) if flags.contains(LookupFlags::V4MAPPED) => {
            Some(v4.to_ipv6_mapped().into())
        }
        (Some(_), _) => None,
    }
}

fn with_port(ip: IpAddr, scope: u32, port: u16) -> SocketAddr {
    match ip {
        IpAddr::V4(_) => SocketAddr::new(ip, port),
        IpAddr::V6(v6) => SocketAddrV6::new(v6, port, 0, scope).into(),
    }
}
