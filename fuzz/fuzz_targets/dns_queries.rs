//! What a guest that speaks DNS itself sends to our stub, any bytes, before a server that answers anything. Whatever
//! is replied can be read, fits, and names no address that is not pinned for the name that was asked for.
//!
//! The sources of `host-os` are compiled in here without the rest of it: nothing below needs a kernel.
#![no_main]
#![expect(dead_code, reason = "the sources hold more than this target asks for")]

#[path = "../../crates/host-os/src/answer.rs"]
mod answer;
#[path = "../../crates/host-os/src/dns.rs"]
mod dns;
#[path = "../shared/server.rs"]
mod server;
#[path = "../shared/world.rs"]
mod world;

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use answer::{Ask, Transport};
use guestnet_core::LookupError;
use guestnet_core::policy::{Name, Policy};
use guestnet_core::resolve::{LookupReply, MAX_RESULTS, Question, SHORTEST_PIN};
use hickory_resolver::Resolver;
use hickory_resolver::proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name as DnsName, RData, Record, RecordType};
use libfuzzer_sys::fuzz_target;
use server::{Provider, Server};
use world::World;

const NAMES: [&str; 10] = [
    "x.example.",
    "Y.example.",
    "bad.example.",
    "db.",
    "evil.test.",
    "localhost.",
    ".",
    "34.216.184.93.in-addr.arpa.",
    "5.0.0.10.in-addr.arpa.",
    "1.0.0.127.in-addr.arpa.",
];

const TYPES: [RecordType; 10] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::PTR,
    RecordType::TXT,
    RecordType::CNAME,
    RecordType::ANY,
    RecordType::AXFR,
    RecordType::SOA,
    RecordType::OPT,
    RecordType::Unknown(65_280),
];

/// What fits an Ethernet frame, and what every client takes.
const MAX_UDP: usize = 1232;
const PLAIN_UDP: usize = 512;

/// The stub's upstream. It notes the answers that the stub gets, and checks that the stub follows the policy.
struct Upstream {
    client: Resolver<Provider>,
    policy: Arc<Policy>,
    answers: Mutex<Vec<(Name, IpAddr)>>,
}

impl Ask for Upstream {
    async fn ask(&self, question: &Question) -> LookupReply {
        let reply = dns::ask(&self.client, question).await;
        if let Question::Addresses { name, .. } = question {
            assert!(self.policy.decide_name(name).is_allowed(), "{name} was asked for");
            let found = reply.outcome.iter().flat_map(|found| &found.addresses);
            let mut answers = self.answers.lock().expect("no panic while it is held");
            answers.extend(found.map(|ip| (name.clone(), *ip)));
        }
        reply
    }

    async fn records(&self, name: &str, kind: RecordType) -> Result<Vec<Record>, LookupError> {
        let parsed = Name::parse(name).expect("a name");
        assert!(
            self.policy.decide_name(&parsed).is_allowed(),
            "{name} was asked for"
        );
        dns::records(&self.client, name, kind).await
    }
}

fuzz_target!(|data: &[u8]| {
    let server = Server::new(data);
    let policy = world::policy();
    let ticks: Arc<AtomicU64> = Arc::default();
    let unused = Box::new(|_: &Question| -> LookupReply { panic!("the guest asks only the stub") });
    let mut world = World::new(Arc::clone(&policy), unused, Arc::clone(&ticks));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let names = Arc::clone(world.guest.names());
    while let Some(op) = server.next() {
        match op % 8 {
            0 => world.advance(server.one_of(&[1, 31, 301, 86_401])),
            1 => world.probe(),
            _ => {
                let query = query(&server);
                let transport = if op & 64 == 0 {
                    Transport::Udp
                } else {
                    Transport::Tcp
                };
                let now = || Duration::from_millis(ticks.fetch_add(1, Ordering::Relaxed));
                let (reply, answers) = runtime.block_on(async {
                    let upstream = Upstream {
                        client: server.client(),
                        policy: Arc::clone(&policy),
                        answers: Mutex::default(),
                    };
                    let reply = answer::reply(&names, &upstream, now, &query, transport).await;
                    (
                        reply,
                        upstream.answers.into_inner().expect("no panic while it was held"),
                    )
                });
                for (name, ip) in answers {
                    world.record_given(&name, ip, true);
                }
                if let Some(reply) = reply {
                    check(&mut world, &query, &reply, transport);
                }
            }
        }
    }
    world.probe();
});

/// Mostly a query that can be read, sometimes anything.
fn query(server: &Server) -> Vec<u8> {
    let kind = server.byte();
    if kind < 64 {
        return server.take(usize::from(server.byte()) * 4);
    }
    let mut message = Message::query();
    message.metadata.id = u16::from(server.byte());
    for _ in 0..=u8::from(kind > 250) {
        let name = DnsName::from_ascii(server.one_of(&NAMES)).expect("a name");
        let mut question = Query::query(name, server.one_of(&TYPES));
        if kind == 64 {
            question.query_class = DNSClass::CH;
        }
        message.add_query(question);
    }
    if kind & 1 == 1 {
        let mut edns = Edns::new();
        edns.set_max_payload(u16::from_be_bytes([server.byte(), server.byte()]));
        message.set_edns(edns);
    }
    let mut bytes = message.to_vec().expect("a short message");
    if kind & 6 == 6 {
        let at = usize::from(server.byte());
        if let Some(byte) = bytes.get_mut(at) {
            *byte = server.byte();
        }
    }
    bytes
}

fn check(world: &mut World, query: &[u8], reply: &[u8], transport: Transport) {
    let query = Message::from_vec(query).expect("it was replied to");
    let reply_len = reply.len();
    let reply = Message::from_vec(reply).expect("what we write can be read");
    assert_eq!(reply.metadata.id, query.metadata.id);
    assert_eq!(reply.metadata.message_type, MessageType::Response);
    if transport == Transport::Udp {
        let room = if query.edns.is_some() { MAX_UDP } else { PLAIN_UDP };
        assert!(reply_len <= room, "{reply_len} bytes");
    }
    assert!(reply.authorities.is_empty() && reply.additionals.is_empty());
    let addresses: Vec<(IpAddr, u32)> = reply
        .answers
        .iter()
        .filter_map(|record| match &record.data {
            RData::A(ip) => Some((ip.0.into(), record.ttl)),
            RData::AAAA(ip) => Some((ip.0.into(), record.ttl)),
            _ => None,
        })
        .collect();
    if reply.metadata.response_code != ResponseCode::NoError {
        assert!(reply.answers.is_empty());
        return;
    }
    let [question] = query.queries.as_slice() else {
        panic!("only one question is answered");
    };
    // Only the name of an address that the guest was given needs no rule.
    let name = Name::parse(&question.name.to_ascii()).ok();
    let allowed = |name: &Name| world.policy.decide_name(name).is_allowed();
    assert!(
        question.query_type == RecordType::PTR || name.as_ref().is_some_and(allowed),
        "{question} was answered"
    );
    assert!(addresses.len() <= MAX_RESULTS);
    for (ip, ttl) in addresses {
        let wanted = if ip.is_ipv4() {
            RecordType::A
        } else {
            RecordType::AAAA
        };
        assert_eq!(question.query_type, wanted, "{ip}");
        assert!(Duration::from_secs(ttl.into()) <= SHORTEST_PIN, "{ttl}");
        let name = name.as_ref().expect("it was looked up");
        world.record_given(name, ip, false);
    }
}
