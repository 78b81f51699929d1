//! [`Upstream`]: who is asked for names: the system's resolver, or DNS servers of the owner's choice.

use std::ffi::CString;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use guestnet_core::resolve::{Found, Question, Reply};
use guestnet_core::{Domain, Errno, LookupError, Result};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::sync::Semaphore;

use crate::convert::errno;
use crate::sys;

/// The most servers that can be named; resolv.conf(5) takes three.
pub const MAX_SERVERS: usize = 8;

/// How long one server has for one answer. resolv.conf(5) gives 5 s and 2 attempts, which programs with a time limit
/// of 10 s of their own never see the end of.
const SERVER_TIMEOUT: Duration = Duration::from_secs(2);

/// How often each server is asked.
const ATTEMPTS: usize = 2;

/// How long one look-up may take in all, chains of names and TCP included.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// The most look-ups by getaddrinfo(3) of one guest at a time: each holds a thread until it ends.
const SYSTEM_CALLS: usize = 16;

/// Who is asked for names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Upstream {
    /// getaddrinfo(3) and getnameinfo(3): what the machine's other programs see.
    #[default]
    System,
    /// DNS servers, over UDP and over TCP for long answers.
    Servers(Vec<SocketAddr>),
}

impl FromStr for Upstream {
    type Err = String;

    /// `system`, or addresses separated by commas, each with a port if it is not 53: `1.1.1.1,[2606:4700::1]:5353`.
    fn from_str(text: &str) -> Result<Upstream, String> {
        if text == "system" {
            return Ok(Upstream::System);
        }
        let servers = text
            .split(',')
            .map(|server| {
                let server = server.trim();
                let bare = server
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'))
                    .unwrap_or(server);
                server
                    .parse()
                    .or_else(|_| bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 53)))
                    .map_err(|_| {
                        format!("`{server}` is not `system` and not an IP address, with a port or without")
                    })
            })
            .collect::<Result<Vec<SocketAddr>, String>>()?;
        if servers.len() > MAX_SERVERS {
            return Err(format!("{MAX_SERVERS} servers are the most"));
        }
        Ok(Upstream::Servers(servers))
    }
}

/// An upstream that can be asked.
#[derive(Debug)]
pub(crate) enum Resolver {
    System(Semaphore),
    Dns(Box<TokioResolver>),
}

impl Resolver {
    /// # Errors
    /// `EINVAL`: no server was named, or the client cannot be set up.
    pub(crate) fn new(upstream: &Upstream) -> Result<Resolver> {
        let servers = match upstream {
            Upstream::System => return Ok(Resolver::System(Semaphore::new(SYSTEM_CALLS))),
            Upstream::Servers(servers) if servers.is_empty() => return Err(Errno::Inval),
            Upstream::Servers(servers) => servers,
        };
        let servers = servers.iter().map(|server| {
            let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
            for connection in &mut connections {
                connection.port = server.port();
            }
            NameServerConfig::new(server.ip(), true, connections)
        });
        let config = ResolverConfig::from_name_servers(servers.collect());
        let mut options = ResolverOpts::default();
        options.timeout = SERVER_TIMEOUT;
        options.attempts = ATTEMPTS;
        // Each guest has a cache of its own, and the hosts file is read by us.
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        options.try_tcp_on_error = true;
        let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            .with_options(options)
            .build()
            .map_err(|_| Errno::Inval)?;
        Ok(Resolver::Dns(Box::new(resolver)))
    }

    pub(crate) async fn ask(&self, question: &Question) -> Reply {
        match self {
            Resolver::System(calls) => system(calls, question).await,
            Resolver::Dns(resolver) => dns(resolver, question).await,
        }
    }

    /// The records of any type, for a guest that speaks DNS. `None` if this upstream has addresses only.
    pub(crate) async fn records(
        &self,
        name: &str,
        kind: RecordType,
    ) -> Option<Result<Vec<Record>, LookupError>> {
        match self {
            Resolver::System(_) => None,
            Resolver::Dns(resolver) => {
                let answer = query(resolver, name, kind).await;
                Some(answer.map_err(|(error, _)| error))
            }
        }
    }
}

/// getaddrinfo(3) cannot be interrupted, so it runs on a thread of its own: a guest that is stopped leaves it behind,
/// to end when the resolver gives up.
async fn system(calls: &Semaphore, question: &Question) -> Reply {
    let failed = |error| Reply {
        outcome: Err(error),
        lifetime: None,
    };
    let Ok(_permit) = calls.acquire().await else {
        return failed(LookupError::Again);
    };
    let question = question.clone();
    let outcome = tokio::task::spawn_blocking(move || match question {
        Question::Addresses { name, family } => {
            let family = match family {
                None => libc::AF_UNSPEC,
                Some(Domain::Inet) => libc::AF_INET,
                Some(Domain::Inet6) => libc::AF_INET6,
                Some(Domain::Unix) => return Err(LookupError::Family),
            };
            let text = CString::new(name.as_str()).map_err(|_| LookupError::NoName)?;
            sys::getaddrinfo(&text, family)
                .map(|(addresses, canonical)| Found {
                    addresses,
                    name: canonical.unwrap_or_default(),
                    sorted: true,
                })
                .map_err(|(code, error)| lookup_error(code, errno(error)))
        }
        Question::Pointer(ip) => sys::getnameinfo(ip)
            .map(|name| Found {
                name,
                ..Found::default()
            })
            .map_err(|(code, error)| lookup_error(code, errno(error))),
    })
    .await;
    Reply {
        outcome: outcome.unwrap_or(Err(LookupError::Again)),
        lifetime: None,
    }
}

fn lookup_error(code: i32, error: Errno) -> LookupError {
    match code {
        libc::EAI_AGAIN => LookupError::Again,
        libc::EAI_NONAME => LookupError::NoName,
        libc::EAI_NODATA => LookupError::NoData,
        libc::EAI_FAMILY => LookupError::Family,
        libc::EAI_SOCKTYPE => LookupError::SockType,
        libc::EAI_SERVICE => LookupError::Service,
        libc::EAI_BADFLAGS => LookupError::BadFlags,
        libc::EAI_MEMORY => LookupError::Memory,
        libc::EAI_SYSTEM => LookupError::System(error),
        _ => LookupError::Fail,
    }
}

/// A failure, and how long it holds if the server says.
type Failed = (LookupError, Option<Duration>);

async fn dns(resolver: &TokioResolver, question: &Question) -> Reply {
    let outcome = match question {
        Question::Addresses { name, family } => match family {
            None => {
                let (v4, v6) = tokio::join!(
                    addresses(resolver, name.as_str(), RecordType::A),
                    addresses(resolver, name.as_str(), RecordType::AAAA),
                );
                both(v4, v6)
            }
            Some(Domain::Inet) => addresses(resolver, name.as_str(), RecordType::A).await,
            Some(Domain::Inet6) => addresses(resolver, name.as_str(), RecordType::AAAA).await,
            Some(Domain::Unix) => Err((LookupError::Family, None)),
        },
        Question::Pointer(ip) => {
            let name = guestnet_core::resolve::pointer_name(*ip);
            query(resolver, &name, RecordType::PTR).await.and_then(|records| {
                let name = records.iter().find_map(|record| match &record.data {
                    RData::PTR(name) => Some(name.to_ascii()),
                    _ => None,
                });
                let name = name.ok_or((LookupError::NoName, None))?;
                Ok((
                    Found {
                        name,
                        ..Found::default()
                    },
                    lifetime(&records),
                ))
            })
        }
    };
    match outcome {
        Ok((found, lifetime)) => Reply {
            outcome: Ok(found),
            lifetime: Some(lifetime),
        },
        Err((error, lifetime)) => Reply {
            outcome: Err(error),
            // A server that says nothing of it leaves the failure uncached.
            lifetime: Some(lifetime.unwrap_or(Duration::ZERO)),
        },
    }
}

async fn addresses(
    resolver: &TokioResolver,
    name: &str,
    kind: RecordType,
) -> Result<(Found, Duration), Failed> {
    let records = query(resolver, name, kind).await?;
    let mut found = Found {
        name: name.to_owned(),
        ..Found::default()
    };
    for record in &records {
        let ip = match &record.data {
            RData::A(ip) => IpAddr::V4(ip.0),
            RData::AAAA(ip) => IpAddr::V6(ip.0),
            _ => continue,
        };
        if record.record_type() == kind {
            found.addresses.push(ip);
            // The end of the chain of CNAMEs is the canonical name.
            found.name = record.name.to_ascii();
        }
    }
    if found.addresses.is_empty() {
        return Err((LookupError::NoData, None));
    }
    Ok((found, lifetime(&records)))
}

/// The answers of both families as one.
fn both(
    v4: Result<(Found, Duration), Failed>,
    v6: Result<(Found, Duration), Failed>,
) -> Result<(Found, Duration), Failed> {
    match (v6, v4) {
        (Ok((mut found, one)), Ok((other, two))) => {
            found.addresses.extend(other.addresses);
            Ok((found, one.min(two)))
        }
        (Ok((found, lifetime)), Err((error, negative))) | (Err((error, negative)), Ok((found, lifetime))) => {
            // What one family has is an answer. It is the whole one only if the other has none for sure.
            let lifetime = match (error, negative) {
                (LookupError::NoName | LookupError::NoData, negative) => {
                    lifetime.min(negative.unwrap_or(lifetime))
                }
                _ => Duration::ZERO,
            };
            Ok((found, lifetime))
        }
        (Err((one, first)), Err((other, second))) => {
            let lifetime = first.zip(second).map(|(first, second)| first.min(second));
            let rank = |error: &LookupError| match error {
                LookupError::Again => 0,
                LookupError::Fail => 1,
                LookupError::NoData => 2,
                LookupError::NoName => 3,
                _ => 4,
            };
            Err((if rank(&one) <= rank(&other) { one } else { other }, lifetime))
        }
    }
}

async fn query(resolver: &TokioResolver, name: &str, kind: RecordType) -> Result<Vec<Record>, Failed> {
    // With the final dot no search domain is tried.
    let name = Name::from_ascii(format!("{name}.")).map_err(|_| (LookupError::NoName, None))?;
    match tokio::time::timeout(LOOKUP_TIMEOUT, resolver.lookup(name, kind)).await {
        Err(_) => Err((LookupError::Again, None)),
        Ok(Ok(lookup)) => Ok(lookup.answers().to_vec()),
        Ok(Err(NetError::Dns(DnsError::NoRecordsFound(none)))) => {
            let lifetime = none
                .negative_ttl
                .map(|seconds| Duration::from_secs(seconds.into()));
            Err((code(none.response_code), lifetime))
        }
        Ok(Err(NetError::Dns(DnsError::ResponseCode(response)))) => Err((code(response), None)),
        // No answer, or none that can be read: another time there may be one.
        Ok(Err(_)) => Err((LookupError::Again, None)),
    }
}

fn code(code: ResponseCode) -> LookupError {
    match code {
        ResponseCode::NXDomain => LookupError::NoName,
        ResponseCode::NoError => LookupError::NoData,
        ResponseCode::ServFail => LookupError::Again,
        _ => LookupError::Fail,
    }
}

fn lifetime(records: &[Record]) -> Duration {
    let seconds = records.iter().map(|record| record.ttl).min().unwrap_or(0);
    Duration::from_secs(seconds.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_read_with_and_without_ports() {
        assert_eq!("system".parse(), Ok(Upstream::System));
        let servers =
            ["1.1.1.1:53", "[2606:4700::1]:5353", "[::1]:53", "[::2]:53"].map(|text| text.parse().unwrap());
        assert_eq!(
            "1.1.1.1, [2606:4700::1]:5353,::1,[::2]".parse(),
            Ok(Upstream::Servers(servers.to_vec()))
        );
        assert!("dns.example".parse::<Upstream>().is_err());
        assert!("".parse::<Upstream>().is_err());
        assert!(["::1"; 9].join(",").parse::<Upstream>().is_err());
    }
}
