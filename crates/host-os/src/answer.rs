//! DNS messages of a guest that speaks DNS itself: from a query to its reply, by way of the guest's own [`Names`].
//!
//! Not here: sockets (`stub.rs`), and who knows the names (`upstream.rs`). Every byte of a query is the guest's.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use guestnet_core::policy::Name;
use guestnet_core::resolve::{CacheLookup, LookupReply, Names, Question, Records, SHORTEST_PIN};
use guestnet_core::{Domain, LookupError};
use hickory_resolver::proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, PTR};
use hickory_resolver::proto::rr::{DNSClass, Name as DnsName, RData, Record, RecordType};

/// What a client without EDNS can take over UDP (RFC 1035, 4.2.1).
const PLAIN_UDP: usize = 512;

/// The most sent over UDP, whatever the client says: what fits an Ethernet frame (RFC 9715).
const MAX_UDP: usize = 1232;

/// How a query came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// What is too long is cut off.
    Udp,
    Tcp,
}

/// Who is asked what [`Names`] do not know.
pub(crate) trait Ask: Sync {
    /// Addresses, and names of addresses.
    fn ask(&self, question: &Question) -> impl Future<Output = LookupReply> + Send;

    /// Records of any other type.
    fn records(
        &self,
        name: &str,
        kind: RecordType,
    ) -> impl Future<Output = Result<Vec<Record>, LookupError>> + Send;
}

/// The reply to a message, `None` if it is not one that deserves any. `now` is the host's monotonic clock.
pub(crate) async fn reply(
    names: &Names,
    upstream: &impl Ask,
    now: impl Fn() -> Duration + Send + Sync,
    query: &[u8],
    transport: Transport,
) -> Option<Vec<u8>> {
    let server = Server { names, upstream, now };
    server.reply(query, transport).await
}

struct Server<'a, U, N> {
    names: &'a Names,
    upstream: &'a U,
    now: N,
}

impl<U: Ask, N: Fn() -> Duration + Send + Sync> Server<'_, U, N> {
    async fn reply(&self, bytes: &[u8], transport: Transport) -> Option<Vec<u8>> {
        let query = Message::from_vec(bytes).ok()?;
        if query.metadata.message_type != MessageType::Query {
            return None;
        }
        let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
        reply.metadata.recursion_desired = query.metadata.recursion_desired;
        reply.metadata.recursion_available = true;
        // Several questions, which no server answers, are not said back either: they may not fit.
        if let [question] = query.queries.as_slice() {
            reply.add_query(question.clone());
        }
        reply.metadata.response_code = match query.queries.as_slice() {
            _ if query.metadata.op_code != OpCode::Query => ResponseCode::NotImp,
            [question] => match self.answers(question).await {
                Ok(records) => {
                    reply.add_answers(records);
                    ResponseCode::NoError
                }
                Err(code) => code,
            },
            _ => ResponseCode::FormErr,
        };
        let bytes = reply.to_vec().ok()?;
        let room = match &query.edns {
            Some(edns) => usize::from(edns.max_payload()).clamp(PLAIN_UDP, MAX_UDP),
            None => PLAIN_UDP,
        };
        if transport == Transport::Udp && bytes.len() > room {
            reply.answers.clear();
            reply.metadata.truncation = true;
            return reply.to_vec().ok();
        }
        Some(bytes)
    }

    async fn answers(&self, question: &Query) -> std::result::Result<Vec<Record>, ResponseCode> {
        if question.query_class != DNSClass::IN {
            return Err(ResponseCode::Refused);
        }
        let asked = question.name.clone();
        let text = asked.to_ascii();
        match question.query_type {
            kind @ (RecordType::A | RecordType::AAAA) => {
                let family = if kind == RecordType::A {
                    Domain::Inet
                } else {
                    Domain::Inet6
                };
                let name = Name::parse(&text).map_err(|_| ResponseCode::NXDomain)?;
                let asks = Question::Addresses {
                    name,
                    family: Some(family),
                };
                match self.look_up(&asks).await {
                    Ok(found) => Ok(address_records(asked, &found)),
                    Err(LookupError::NoData) => Ok(Vec::new()),
                    Err(error) => Err(code(error)),
                }
            }
            RecordType::PTR => match address_of(&text) {
                Some(ip) => match self.look_up(&Question::Pointer(ip)).await {
                    Ok(found) => {
                        let name = DnsName::from_ascii(format!("{}.", found.name))
                            .map_err(|_| ResponseCode::ServFail)?;
                        Ok(vec![Record::from_rdata(asked, ttl(), RData::PTR(PTR(name)))])
                    }
                    Err(error) => Err(code(error)),
                },
                None => self.other(&text, RecordType::PTR).await,
            },
            kind => self.other(&text, kind).await,
        }
    }

    async fn look_up(&self, question: &Question) -> std::result::Result<Arc<Records>, LookupError> {
        match self.names.begin(question, (self.now)()) {
            CacheLookup::Known(outcome) => outcome,
            CacheLookup::Ask => {
                let reply = self.upstream.ask(question).await;
                self.names.finish(question, reply, (self.now)())
            }
        }
    }

    /// Records other than addresses: they contain names, and a guest that wants to reach one of them asks again.
    async fn other(&self, text: &str, kind: RecordType) -> std::result::Result<Vec<Record>, ResponseCode> {
        let text = text.strip_suffix('.').unwrap_or(text);
        let name = Name::parse(text).map_err(|_| ResponseCode::NXDomain)?;
        if !self.names.allowed(&name) {
            return Err(ResponseCode::Refused);
        }
        if matches!(kind, RecordType::ANY | RecordType::AXFR | RecordType::IXFR) {
            return Err(ResponseCode::NotImp);
        }
        if name.is_loopback() {
            return Ok(Vec::new());
        }
        if !self.names.within_rate((self.now)()) {
            return Err(ResponseCode::ServFail);
        }
        match self.upstream.records(name.as_str(), kind).await {
            // An address next to the records that were asked for would not be pinned.
            Ok(records) => Ok(records
                .into_iter()
                .filter(|record| !matches!(record.record_type(), RecordType::A | RecordType::AAAA))
                .collect()),
            Err(LookupError::NoData) => Ok(Vec::new()),
            Err(error) => Err(code(error)),
        }
    }
}

/// The lifetime in the answers to the guest: no longer than the addresses stay pinned.
fn ttl() -> u32 {
    u32::try_from(SHORTEST_PIN.as_secs()).unwrap_or(0)
}

fn address_records(asked: DnsName, found: &Records) -> Vec<Record> {
    let mut records = Vec::new();
    let mut owner = asked;
    if let Ok(canonical) = DnsName::from_ascii(format!("{}.", found.name))
        && canonical != owner
    {
        records.push(Record::from_rdata(
            owner,
            ttl(),
            RData::CNAME(CNAME(canonical.clone())),
        ));
        owner = canonical;
    }
    records.extend(found.addresses.iter().map(|ip| {
        let data = match ip {
            IpAddr::V4(ip) => RData::A(A(*ip)),
            IpAddr::V6(ip) => RData::AAAA(AAAA(*ip)),
        };
        Record::from_rdata(owner.clone(), ttl(), data)
    }));
    records
}

fn code(error: LookupError) -> ResponseCode {
    match error {
        LookupError::NoName => ResponseCode::NXDomain,
        LookupError::NoData => ResponseCode::NoError,
        // The policy's refusal, or the server's.
        LookupError::Fail => ResponseCode::Refused,
        LookupError::Again
        | LookupError::Family
        | LookupError::SockType
        | LookupError::Service
        | LookupError::BadFlags
        | LookupError::Memory
        | LookupError::System(_) => ResponseCode::ServFail,
    }
}

/// The address that a name below in-addr.arpa or ip6.arpa stands for.
fn address_of(name: &str) -> Option<IpAddr> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    if let Some(labels) = name.strip_suffix(".in-addr.arpa") {
        let mut octets = labels.rsplit('.').map(str::parse::<u8>);
        let [Ok(a), Ok(b), Ok(c), Ok(d)] = [octets.next()?, octets.next()?, octets.next()?, octets.next()?]
        else {
            return None;
        };
        return octets.next().is_none().then(|| Ipv4Addr::new(a, b, c, d).into());
    }
    let labels = name.strip_suffix(".ip6.arpa")?;
    let mut bits = 0_u128;
    let mut count = 0;
    for label in labels.rsplit('.') {
        let digit = u128::from_str_radix(label, 16)
            .ok()
            .filter(|_| label.len() == 1)?;
        bits = bits << 4 | digit;
        count += 1;
    }
    (count == 32).then(|| Ipv6Addr::from_bits(bits).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use guestnet_core::resolve::pointer_name;

    #[test]
    fn the_names_of_addresses_are_read_back() {
        for text in ["192.0.2.17", "2001:db8::1", "::1"] {
            let ip = text.parse().unwrap();
            assert_eq!(address_of(&pointer_name(ip)), Some(ip));
            assert_eq!(
                address_of(&format!("{}.", pointer_name(ip).to_uppercase())),
                Some(ip)
            );
        }
        for text in [
            "1.2.3.in-addr.arpa",
            "1.2.3.4.5.in-addr.arpa",
            "256.2.3.4.in-addr.arpa",
            "1.ip6.arpa",
            "x",
            "",
        ] {
            assert_eq!(address_of(text), None, "{text}");
        }
    }
}
