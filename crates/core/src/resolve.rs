//! getaddrinfo(3): numeric forms, services and the list; names are asked of the host after the policy.
//!
//! Not here: caching, hosts files and DNS. This is the plain system look-up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::time::Duration;

use crate::addr::{Domain, Kind};
use crate::errno::Errno;
use crate::guest::Guest;
use crate::host::{Clock, Host, LookupError};
use crate::policy::{Name, parse_numeric_host};

/// How long the addresses of a name may be dialled under a rule with that name. The system's resolver does not say
/// how long its answer lives; this is long enough for a program that looks up once and connects again on failure.
const SYSTEM_ANSWER_LIFETIME: Duration = Duration::from_secs(600);

/// The most results of one look-up. No resolver returns more in practice, and a guest can hold them all.
pub const MAX_RESULTS: usize = 64;

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
        /// `AI_ADDRCONFIG`: only families that this machine has an address of. The host's resolver applies it.
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
pub struct Answer {
    /// The results, best first, at most [`MAX_RESULTS`].
    pub results: Vec<AddrInfo>,
    /// The canonical name, if [`LookupFlags::CANONNAME`] asked for it.
    pub canonical: Option<String>,
}

impl<H: Host, F> Guest<H, F> {
    /// getaddrinfo(3). Blocks the guest until the host's resolver has answered.
    ///
    /// # Errors
    /// [`LookupError`]: `NoName` (no such name, a malformed one, or neither node nor service), `Service`, `Family`,
    /// `Fail` (the policy), `System(EINTR)` (told to stop).
    pub fn getaddrinfo(&mut self, query: &Query<'_>) -> Result<Answer, LookupError> {
        let result = self.do_getaddrinfo(query);
        if self.traced {
            let node = String::from_utf8_lossy(query.node.unwrap_or_default());
            let service = String::from_utf8_lossy(query.service.unwrap_or_default());
            let outcome = match &result {
                Ok(_) => String::new(),
                Err(error) => format!(", {error}"),
            };
            let value =
                result
                    .as_ref()
                    .map(|answer| answer.results.len() as u64)
                    .map_err(|error| match error {
                        LookupError::System(errno) => *errno,
                        _ => Errno::Noent,
                    });
            self.trace(
                "getaddrinfo",
                &value,
                |count| *count,
                format_args!("{node:?}, {service:?}{outcome}"),
            );
        }
        result
    }

    fn do_getaddrinfo(&mut self, query: &Query<'_>) -> Result<Answer, LookupError> {
        if query.family == Some(Domain::Unix) {
            return Err(LookupError::Family);
        }
        if query.node.is_none() && query.service.is_none() {
            return Err(LookupError::NoName);
        }
        if query.node.is_none() && query.flags.contains(LookupFlags::CANONNAME) {
            return Err(LookupError::BadFlags);
        }
        let ports = self.ports(query)?;
        let (addresses, canonical) = self.addresses(query)?;
        let results = addresses
            .into_iter()
            .flat_map(|(ip, scope)| {
                ports.iter().map(move |&(kind, port)| AddrInfo {
                    addr: with_port(ip, scope, port),
                    kind,
                })
            })
            .take(MAX_RESULTS)
            .collect();
        Ok(Answer { results, canonical })
    }

    /// The socket types asked for, each with the service's port.
    fn ports(&mut self, query: &Query<'_>) -> Result<Vec<(Kind, u16)>, LookupError> {
        let kinds = match query.kind {
            Some(Kind::Stream) => &[Kind::Stream][..],
            Some(Kind::Datagram) => &[Kind::Datagram],
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
        let known: Vec<_> = kinds
            .iter()
            .filter_map(|&kind| Some((kind, self.host.service(service, kind)?)))
            .collect();
        if known.is_empty() {
            Err(LookupError::Service)
        } else {
            Ok(known)
        }
    }

    /// The addresses of the node with their scope ids, and the canonical name.
    #[expect(
        clippy::type_complexity,
        reason = "the two halves of one answer, named where they are used"
    )]
    fn addresses(&mut self, query: &Query<'_>) -> Result<(Vec<(IpAddr, u32)>, Option<String>), LookupError> {
        let Some(node) = query.node else {
            return Ok((unnamed(query), None));
        };
        let node = std::str::from_utf8(node).map_err(|_| LookupError::NoName)?;
        let canonical = |name: &str| {
            query
                .flags
                .contains(LookupFlags::CANONNAME)
                .then(|| name.to_owned())
        };
        if let Some(numeric) = parse_numeric_host(node) {
            let ip = in_family(numeric.ip, query).ok_or(LookupError::NoName)?;
            return Ok((vec![(ip, numeric.scope_id)], canonical(node)));
        }
        if query.flags.contains(LookupFlags::NUMERICHOST) {
            return Err(LookupError::NoName);
        }
        let name = Name::parse(node).map_err(|_| LookupError::NoName)?;
        if !self.gate.resolve(&name) {
            return Err(LookupError::Fail);
        }
        let found = if name.is_loopback() {
            // RFC 6761: these names never leave the machine.
            vec![IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)]
        } else {
            let mapped = query.flags.contains(LookupFlags::V4MAPPED);
            let family = if mapped { None } else { query.family };
            self.host.lookup(name.as_str(), family)?
        };
        let expires = self
            .host
            .now(Clock::Monotonic)
            .saturating_add(SYSTEM_ANSWER_LIFETIME);
        for ip in &found {
            self.gate.pin(&name, *ip, expires);
        }
        let has_v6 = found.iter().any(IpAddr::is_ipv6);
        let addresses: Vec<_> = found
            .into_iter()
            .filter(|ip| {
                ip.is_ipv6()
                    || !has_v6
                    || query.family != Some(Domain::Inet6)
                    || query.flags.contains(LookupFlags::ALL)
            })
            .filter_map(|ip| Some((in_family(ip, query)?, 0)))
            .collect();
        if addresses.is_empty() {
            Err(LookupError::NoData)
        } else {
            Ok((addresses, canonical(name.as_str())))
        }
    }
}

/// The addresses when no node is given.
fn unnamed(query: &Query<'_>) -> Vec<(IpAddr, u32)> {
    let (v4, v6) = if query.flags.contains(LookupFlags::PASSIVE) {
        (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED)
    } else {
        (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST)
    };
    match query.family {
        Some(Domain::Inet) => vec![(v4.into(), 0)],
        Some(Domain::Inet6) => vec![(v6.into(), 0)],
        // What RFC 6724 puts first: the IPv4 wildcard, the IPv6 loopback.
        _ if query.flags.contains(LookupFlags::PASSIVE) => vec![(v4.into(), 0), (v6.into(), 0)],
        _ => vec![(v6.into(), 0), (v4.into(), 0)],
    }
}

/// The address as the query's family wants it, `None` if it cannot be had.
fn in_family(ip: IpAddr, query: &Query<'_>) -> Option<IpAddr> {
    match (query.family, ip) {
        (None, _) | (Some(Domain::Inet), IpAddr::V4(_)) | (Some(Domain::Inet6), IpAddr::V6(_)) => Some(ip),
        (Some(Domain::Inet6), IpAddr::V4(v4)) if query.flags.contains(LookupFlags::V4MAPPED) => {
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
