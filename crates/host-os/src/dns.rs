//! Names asked of DNS servers. The client is hickory's; here its answers, which any machine may have written, become the
//! core's [`LookupReply`].
//!
//! Not here: which servers are asked (`upstream.rs`), and what a guest may ask for (the core). Generic over where the
//! bytes come from, so that a fuzz target can be the server.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use guestnet_core::resolve::{LookupReply, Question, Records};
use guestnet_core::{Domain, Errno, LookupError, Result};
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};
use hickory_resolver::{ConnectionProvider, Resolver};

/// How long one server has for one answer. resolv.conf(5) gives 5 s and 2 attempts, which programs with a time limit
/// of 10 s of their own never see the end of.
const SERVER_TIMEOUT: Duration = Duration::from_secs(2);

/// How often each server is asked.
const ATTEMPTS: usize = 2;

/// How long one look-up may take in all, chains of names and TCP included.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// The most names that an answer may lead through. Real chains have three or four; a longer one is most likely a circle.
const MAX_CHAIN: usize = 16;

/// A client that asks these servers, over UDP and over TCP for long answers.
///
/// # Errors
/// `EINVAL`: no server was named, or the client cannot be set up.
pub(crate) fn client<P: ConnectionProvider>(servers: &[SocketAddr], provider: P) -> Result<Resolver<P>> {
    if servers.is_empty() {
        return Err(Errno::EINVAL);
    }
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
    // The chain of names is checked here once more.
    options.preserve_intermediates = true;
    Resolver::builder_with_config(config, provider)
        .with_options(options)
        .build()
        .map_err(|_| Errno::EINVAL)
}

/// The records of any type, for a guest that speaks DNS.
pub(crate) async fn records<P: ConnectionProvider>(
    resolver: &Resolver<P>,
    name: &str,
    kind: RecordType,
) -> Result<Vec<Record>, LookupError> {
    let answer = query(resolver, &absolute(name)?, kind).await;
    answer.map_err(|(error, _)| error)
}

/// A failure, and how long it holds if the server says.
type Failure = (LookupError, Option<Duration>);

/// Asks for what the core wants to know.
pub(crate) async fn ask<P: ConnectionProvider>(resolver: &Resolver<P>, question: &Question) -> LookupReply {
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
        Question::Pointer(ip) => pointer(resolver, *ip).await,
    };
    match outcome {
        Ok((found, lifetime)) => LookupReply {
            outcome: Ok(found),
            lifetime: Some(lifetime),
        },
        Err((error, lifetime)) => LookupReply {
            outcome: Err(error),
            // A server that says nothing of it leaves the failure uncached.
            lifetime: Some(lifetime.unwrap_or(Duration::ZERO)),
        },
    }
}

async fn addresses<P: ConnectionProvider>(
    resolver: &Resolver<P>,
    name: &str,
    kind: RecordType,
) -> Result<(Records, Duration), Failure> {
    let asked = absolute(name).map_err(|error| (error, None))?;
    let records = query(resolver, &asked, kind).await?;
    let end = end_of_chain(&records, &asked, kind)?;
    let addresses = end.records.iter().filter_map(|record| match &record.data {
        RData::A(ip) => Some(IpAddr::V4(ip.0)),
        RData::AAAA(ip) => Some(IpAddr::V6(ip.0)),
        _ => None,
    });
    let found = Records {
        addresses: addresses.collect(),
        // The end of the chain is the canonical name.
        name: end.owner.to_ascii(),
        aliases: end.aliases,
        ..Records::default()
    };
    Ok((found, end.lifetime))
}

async fn pointer<P: ConnectionProvider>(
    resolver: &Resolver<P>,
    ip: IpAddr,
) -> Result<(Records, Duration), Failure> {
    let asked = absolute(&guestnet_core::resolve::pointer_name(ip)).map_err(|error| (error, None))?;
    let records = query(resolver, &asked, RecordType::PTR).await?;
    // A chain here is usual too (RFC 2317).
    let end = end_of_chain(&records, &asked, RecordType::PTR)?;
    let name = end.records.iter().find_map(|record| match &record.data {
        RData::PTR(name) => Some(name.to_ascii()),
        _ => None,
    });
    let found = Records {
        name: name.ok_or((LookupError::NoName, None))?,
        aliases: end.aliases,
        ..Records::default()
    };
    Ok((found, end.lifetime))
}

/// Where a chain of CNAMEs ends.
struct End<'r> {
    owner: Name,
    /// The names before it, from the one that was asked for.
    aliases: Vec<String>,
    /// Of the type that was asked for; at least one.
    records: Vec<&'r Record>,
    /// The shortest of the chain and the records.
    lifetime: Duration,
}

/// Follows the chain from the name that was asked for. A record of any other name answers nothing.
fn end_of_chain<'r>(records: &'r [Record], asked: &Name, kind: RecordType) -> Result<End<'r>, Failure> {
    let mut owner = asked;
    let mut aliases = Vec::new();
    let mut ttl = u32::MAX;
    for _ in 0..MAX_CHAIN {
        let of_owner = |kind: RecordType| {
            records.iter().filter(move |record| {
                record.name == *owner && record.dns_class == DNSClass::IN && record.record_type() == kind
            })
        };
        let found: Vec<&Record> = of_owner(kind).collect();
        if !found.is_empty() {
            let ttl = found.iter().map(|record| record.ttl).fold(ttl, u32::min);
            return Ok(End {
                owner: owner.clone(),
                aliases,
                records: found,
                lifetime: Duration::from_secs(ttl.into()),
            });
        }
        let Some((record, next)) = of_owner(RecordType::CNAME).find_map(|record| match &record.data {
            RData::CNAME(next) => Some((record, &next.0)),
            _ => None,
        }) else {
            return Err((LookupError::NoData, None));
        };
        ttl = ttl.min(record.ttl);
        aliases.push(owner.to_ascii());
        owner = next;
    }
    Err((LookupError::Again, None))
}

/// With the final dot no search domain is tried.
fn absolute(name: &str) -> Result<Name, LookupError> {
    Name::from_ascii(format!("{name}.")).map_err(|_| LookupError::NoName)
}

/// The answers of both families as one.
fn both(
    v4: Result<(Records, Duration), Failure>,
    v6: Result<(Records, Duration), Failure>,
) -> Result<(Records, Duration), Failure> {
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

async fn query<P: ConnectionProvider>(
    resolver: &Resolver<P>,
    name: &Name,
    kind: RecordType,
) -> Result<Vec<Record>, Failure> {
    match tokio::time::timeout(LOOKUP_TIMEOUT, resolver.lookup(name.clone(), kind)).await {
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

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_resolver::proto::rr::rdata::{A, CNAME};
    use std::net::Ipv4Addr;

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn cname(owner: &str, to: &str, ttl: u32) -> Record {
        Record::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name(to))))
    }

    fn a(owner: &str, last: u8, ttl: u32) -> Record {
        Record::from_rdata(name(owner), ttl, RData::A(A(Ipv4Addr::new(192, 0, 2, last))))
    }

    fn ends(records: &[Record]) -> Result<(String, usize, u64), LookupError> {
        end_of_chain(records, &name("x.example."), RecordType::A)
            .map(|end| (end.owner.to_ascii(), end.records.len(), end.lifetime.as_secs()))
            .map_err(|(error, _)| error)
    }

    #[test]
    fn a_chain_is_followed_in_whatever_order_it_stands() {
        let records = [
            a("end.example.", 1, 50),
            cname("b.example.", "end.example.", 40),
            cname("X.example.", "B.example.", 60),
            a("END.example.", 2, 70),
        ];
        assert_eq!(ends(&records), Ok(("end.example.".to_owned(), 2, 40)));
        assert_eq!(ends(&records[..2]), Err(LookupError::NoData));
    }

    #[test]
    fn the_names_of_a_chain_are_aliases() {
        let records = [
            cname("x.example.", "b.example.", 60),
            cname("b.example.", "end.example.", 60),
            a("end.example.", 1, 60),
        ];
        let end = end_of_chain(&records, &name("x.example."), RecordType::A).map_err(|(error, _)| error);
        assert_eq!(
            end.map(|end| end.aliases),
            Ok(vec!["x.example.".to_owned(), "b.example.".to_owned()])
        );
    }

    #[test]
    fn records_of_other_names_are_no_answer() {
        let records = [
            a("bank.example.", 1, 60),
            a("x.example.", 2, 60),
            a("example.", 3, 60),
        ];
        assert_eq!(ends(&records), Ok(("x.example.".to_owned(), 1, 60)));
        assert_eq!(ends(&records[..1]), Err(LookupError::NoData));
    }

    #[test]
    fn a_circle_and_an_endless_chain_end() {
        let circle = [
            cname("x.example.", "y.example.", 60),
            cname("y.example.", "x.example.", 60),
        ];
        assert_eq!(ends(&circle), Err(LookupError::Again));
        let mut chain: Vec<Record> = (0..MAX_CHAIN)
            .map(|n| cname(&format!("n{n}.example."), &format!("n{}.example.", n + 1), 60))
            .collect();
        chain.push(cname("x.example.", "n0.example.", 60));
        chain.push(a(&format!("n{MAX_CHAIN}.example."), 1, 60));
        assert_eq!(ends(&chain), Err(LookupError::Again));
        chain.push(a(&format!("n{}.example.", MAX_CHAIN - 2), 1, 60));
        assert!(ends(&chain).is_ok());
    }
}
