//! What DNS servers answer, any bytes: through hickory's client and `host-os`'s reading of it into the core's look-ups,
//! cache and pins. A guest gets no more addresses than the caps, and may connect to those that it got and to no others.
//!
//! The sources of `host-os` are compiled in here without the rest of it: nothing below needs a kernel.
#![no_main]
#![expect(dead_code, reason = "the sources hold more than this target asks for")]

#[path = "../../crates/host-os/src/dns.rs"]
mod dns;
#[path = "../shared/server.rs"]
mod server;
#[path = "../shared/world.rs"]
mod world;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use guestnet_core::policy::{Name, address_class};
use guestnet_core::resolve::{LookupFlags, MAX_RESULTS, NameInfoFlags, Query, Question};
use guestnet_core::{Domain, Kind, LookupError};
use libfuzzer_sys::fuzz_target;
use server::Server;
use world::World;

const NAMES: [&str; 10] = [
    "x.example",
    "y.example",
    "bad.example",
    "db",
    "evil.test",
    "example",
    "X.EXAMPLE.",
    "localhost",
    "sub.x.example",
    "a..example",
];

/// The most queries that one look-up may send: two families, a chain of names, each name tried a few times and over TCP.
const MOST_QUERIES: usize = 256;

/// The longest that an answer and a failure are kept.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
const LONGEST_NEGATIVE: Duration = Duration::from_secs(300);

/// When each question went to the server last.
type Queries = Rc<RefCell<HashMap<String, Duration>>>;

fuzz_target!(|data: &[u8]| {
    let server = Server::new(data);
    let policy = world::policy();
    let ticks = Arc::default();
    let asked = Queries::default();
    let said: Rc<RefCell<Vec<IpAddr>>> = Rc::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let resolver = {
        let (server, policy) = (server.clone(), Arc::clone(&policy));
        let (asked, said) = (Rc::clone(&asked), Rc::clone(&said));
        let ticks: Arc<std::sync::atomic::AtomicU64> = Arc::clone(&ticks);
        Box::new(move |question: &Question| {
            if let Question::Addresses { name, .. } = question {
                assert!(policy.decide_name(name).is_allowed(), "{name} was asked for");
            }
            let now = Duration::from_millis(ticks.load(std::sync::atomic::Ordering::Relaxed));
            asked.borrow_mut().insert(format!("{question:?}"), now);
            let before = server.queries();
            let reply = runtime.block_on(async { dns::ask(&server.client(), question).await });
            let queries = server.queries() - before;
            assert!(queries <= MOST_QUERIES, "{queries} queries for {question:?}");
            let found = reply.outcome.iter().flat_map(|found| &found.addresses);
            said.borrow_mut().extend(found);
            reply
        })
    };
    let mut world = World::new(policy, resolver, ticks);
    while let Some(op) = server.next() {
        match op % 8 {
            0..=3 => look_up(&mut world, &server, &asked),
            4 => name_of(&mut world, &server),
            5 => world.advance(server.one_of(&[1, 29, 31, 299, 301, 86_399, 86_401])),
            _ => world.probe(),
        }
        for ip in said.borrow_mut().drain(..) {
            world.see(ip);
        }
    }
    world.probe();
});

fn look_up(world: &mut World, server: &Server, asked: &Queries) {
    let node = server.one_of(&NAMES);
    let family = server.one_of(&[None, Some(Domain::Inet), Some(Domain::Inet6)]);
    let query = Query {
        node: Some(node.as_bytes()),
        flags: LookupFlags::CANONNAME,
        family,
        kind: Some(Kind::Stream),
        ..Query::default()
    };
    let mut lookup = world.guest.getaddrinfo_start(&query);
    world.guest.poll_begin();
    world
        .guest
        .poll_add_lookup(0, &mut lookup)
        .expect("nothing fails");
    let result = world
        .guest
        .getaddrinfo_take(&mut lookup)
        .expect("the host answers at once");
    let Ok(name) = Name::parse(node) else {
        assert_eq!(result, Err(LookupError::NoName));
        return;
    };
    if !world.policy.decide_name(&name).is_allowed() {
        assert_eq!(result, Err(LookupError::Fail));
        return;
    }
    let question = Question::Addresses {
        name: name.clone(),
        family,
    };
    let last = asked.borrow().get(&format!("{question:?}")).copied();
    let age = last.map(|at| world.now() - at);
    match result {
        Ok(answer) => {
            assert!(!answer.results.is_empty() && answer.results.len() <= MAX_RESULTS);
            let canonical = answer.canonical.expect("it was asked for");
            assert_eq!(Name::parse(&canonical).expect("a name").as_str(), canonical);
            for result in answer.results {
                let ip = result.addr.ip();
                assert!(
                    family.is_none_or(|family| (family == Domain::Inet) == ip.is_ipv4()),
                    "{ip}"
                );
                world.record_given(&name, ip, false);
            }
            assert!(
                name.is_loopback() || age.is_some_and(|age| age < LONGEST),
                "{age:?}"
            );
        }
        // A rate of 100 look-ups a second, or a server that says nothing.
        Err(LookupError::Again | LookupError::Fail) => {}
        Err(LookupError::NoName | LookupError::NoData) => {
            assert!(age.is_some_and(|age| age < LONGEST_NEGATIVE), "{age:?}");
        }
        Err(error) => panic!("{error}"),
    }
}

/// Asks for the name of an address, which only goes to a server if the guest was given the address.
fn name_of(world: &mut World, server: &Server) {
    let ip = server.one_of(&server::ADDRESSES).parse().expect("an address");
    let known = world.was_given(ip);
    let before = server.queries();
    let flags = NameInfoFlags::NAMEREQD | NameInfoFlags::NUMERICSERV;
    let result = world.guest.getnameinfo(SocketAddr::new(ip, 1), flags);
    assert!(
        known || server.queries() == before,
        "{ip}: {:?}",
        address_class(ip)
    );
    if let Ok(info) = result {
        assert!(Name::parse(&info.host).is_ok(), "{}", info.host);
    }
}
