//! Look-ups of a guest on the kernel's sockets, against DNS servers that the tests script: good, slow, dead and hostile
//! ones. What the policy makes of the answers is seen by connecting.

use std::fmt;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use guestnet_core::policy::{PolicyBuilder, Use};
use guestnet_core::resolve::{AddrInfoList, Hosts, LookupFlags, NameInfoFlags, Query, STUB, TriedLookup};
use guestnet_core::{
    AuditRecord, Capacity, Denial, Domain, Errno, GuestThread, Kind, LookupError, Observer, RecvFlags,
    SendFlags, SockAddr,
};
use guestnet_host_os::{OsHost, Upstream};
use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};

type LookupReply = Box<dyn Fn(&Message, usize) -> Vec<Vec<u8>> + Send + Sync>;

/// A server on UDP and TCP that answers as the test says. Its threads end with the process.
struct Server {
    addr: SocketAddr,
    queries: Arc<AtomicUsize>,
}

/// `reply` is given the query and how many there were before, and returns the datagrams to send; over TCP the first.
fn server(udp_reply: LookupReply, tcp_reply: LookupReply) -> Server {
    let (tcp, udp) = loop {
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()) {
            break (tcp, udp);
        }
    };
    let addr = udp.local_addr().unwrap();
    let queries = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&queries);
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok((len, from)) = udp.recv_from(&mut buffer) {
            let query = Message::from_vec(&buffer[..len]).unwrap();
            for datagram in udp_reply(&query, count.fetch_add(1, Ordering::SeqCst)) {
                udp.send_to(&datagram, from).unwrap();
            }
        }
    });
    thread::spawn(move || {
        for stream in tcp.incoming() {
            let mut stream = stream.unwrap();
            let mut len = [0; 2];
            while stream.read_exact(&mut len).is_ok() {
                let mut query = vec![0; u16::from_be_bytes(len).into()];
                stream.read_exact(&mut query).unwrap();
                let query = Message::from_vec(&query).unwrap();
                let Some(reply) = tcp_reply(&query, 0).into_iter().next() else {
                    break;
                };
                let len = u16::try_from(reply.len()).unwrap().to_be_bytes();
                if stream.write_all(&[&len[..], &reply].concat()).is_err() {
                    break;
                }
            }
        }
    });
    Server { addr, queries }
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

fn response(query: &Message) -> Message {
    let mut reply = Message::response(query.metadata.id, OpCode::Query);
    reply.metadata.recursion_available = true;
    reply.add_queries(query.queries.clone());
    reply
}

fn kind(query: &Message) -> RecordType {
    query.queries[0].query_type
}

fn asked(query: &Message) -> Name {
    query.queries[0].name.clone()
}

fn a(owner: Name, ttl: u32, ip: Ipv4Addr) -> Record {
    Record::from_rdata(owner, ttl, RData::A(A(ip)))
}

/// An A record for every name, and no other records.
fn plain(ip: Ipv4Addr, ttl: u32) -> LookupReply {
    Box::new(move |query, _| {
        let mut reply = response(query);
        if kind(query) == RecordType::A {
            reply.add_answer(a(asked(query), ttl, ip));
        }
        vec![reply.to_vec().unwrap()]
    })
}

fn failing(code: ResponseCode) -> LookupReply {
    Box::new(move |query, _| {
        let mut reply = response(query);
        reply.metadata.response_code = code;
        if code == ResponseCode::NXDomain {
            let soa = SOA::new(name("example."), name("root.example."), 1, 2, 3, 4, 60);
            reply.add_authority(Record::from_rdata(name("example."), 60, RData::SOA(soa)));
        }
        vec![reply.to_vec().unwrap()]
    })
}

fn silent() -> LookupReply {
    Box::new(|_, _| Vec::new())
}

fn guest(servers: &[SocketAddr], rules: &[&str]) -> GuestThread<OsHost, ()> {
    let mut host = OsHost::new().unwrap();
    host.set_upstream(&Upstream::Servers(servers.to_vec())).unwrap();
    let mut policy = PolicyBuilder::new();
    for rule in rules {
        policy.allow(Use::Connect, rule).unwrap();
    }
    GuestThread::new(host, Arc::new(policy.build()), Capacity::default())
}

fn look_up(
    guest: &mut GuestThread<OsHost, ()>,
    node: &str,
    family: Option<Domain>,
) -> Result<Vec<IpAddr>, LookupError> {
    let query = Query {
        node: Some(node.as_bytes()),
        family,
        kind: Some(Kind::Stream),
        ..Query::default()
    };
    let answer = guest.getaddrinfo(&query)?;
    Ok(answer
        .results
        .into_iter()
        .map(|result| result.addr.ip())
        .collect())
}

fn connect(guest: &mut GuestThread<OsHost, ()>, to: SocketAddr) -> Result<(), Errno> {
    let fd = guest.socket(Domain::Inet, Kind::Stream).unwrap();
    let result = guest.connect(fd, &to.into());
    guest.close(fd).unwrap();
    result
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn both_families_a_chain_of_names_and_the_canonical_one() {
    let reply = || -> LookupReply {
        Box::new(|query, _| {
            let mut reply = response(query);
            let (middle, end) = (name("middle.example."), name("end.example."));
            reply.add_answer(Record::from_rdata(
                asked(query),
                60,
                RData::CNAME(CNAME(middle.clone())),
            ));
            reply.add_answer(Record::from_rdata(middle, 60, RData::CNAME(CNAME(end.clone()))));
            match kind(query) {
                RecordType::A => reply.add_answer(a(end, 60, Ipv4Addr::new(192, 0, 2, 1))),
                _ => reply.add_answer(Record::from_rdata(
                    end,
                    60,
                    RData::AAAA(AAAA("2001:db8::1".parse().unwrap())),
                )),
            };
            vec![reply.to_vec().unwrap()]
        })
    };
    let server = server(reply(), reply());
    let mut guest = guest(&[server.addr], &["*.example"]);
    let query = Query {
        node: Some(b"start.example"),
        service: Some(b"443"),
        flags: LookupFlags::CANONNAME,
        kind: Some(Kind::Stream),
        ..Query::default()
    };
    let answer = guest.getaddrinfo(&query).unwrap();
    assert_eq!(answer.canonical.as_deref(), Some("end.example"));
    let mut addresses: Vec<String> = answer
        .results
        .iter()
        .map(|result| result.addr.to_string())
        .collect();
    addresses.sort();
    assert_eq!(addresses, ["192.0.2.1:443", "[2001:db8::1]:443"]);
    assert_eq!(
        look_up(&mut guest, "start.example", Some(Domain::Inet6)),
        Ok(vec![ip("2001:db8::1")])
    );
    // From now on the cache has it.
    let before = server.queries.load(Ordering::SeqCst);
    guest.getaddrinfo(&query).unwrap();
    assert_eq!(server.queries.load(Ordering::SeqCst), before);
}

#[test]
fn a_truncated_answer_is_fetched_whole_over_tcp() {
    let truncated: LookupReply = Box::new(|query, _| {
        let mut reply = response(query);
        reply.metadata.truncation = true;
        vec![reply.to_vec().unwrap()]
    });
    let many: LookupReply = Box::new(|query, _| {
        let mut reply = response(query);
        for last in 1..=200 {
            reply.add_answer(a(asked(query), 60, Ipv4Addr::new(192, 0, 2, last)));
        }
        vec![reply.to_vec().unwrap()]
    });
    let server = server(truncated, many);
    let mut guest = guest(&[server.addr], &["*.example"]);
    let found = look_up(&mut guest, "many.example", Some(Domain::Inet)).unwrap();
    // As many as a guest is given.
    assert_eq!(found.len(), 64);
}

#[test]
fn the_failures_of_servers_are_distinguished() {
    let table = [
        (ResponseCode::NXDomain, LookupError::NoName),
        (ResponseCode::NoError, LookupError::NoData),
        (ResponseCode::ServFail, LookupError::Again),
        (ResponseCode::Refused, LookupError::Fail),
    ];
    for (code, error) in table {
        let server = server(failing(code), failing(code));
        let mut guest = guest(&[server.addr], &["*.example"]);
        assert_eq!(look_up(&mut guest, "x.example", None), Err(error), "{code}");
    }
}

#[test]
fn a_dead_server_is_passed_over_for_one_that_answers() {
    // Bound and closed again: no server is there.
    let gone = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let good = server(plain(Ipv4Addr::new(192, 0, 2, 1), 60), silent());
    let mut guest = guest(&[gone, good.addr], &["*.example"]);
    assert_eq!(look_up(&mut guest, "x.example", None), Ok(vec![ip("192.0.2.1")]));
}

#[test]
fn a_look_up_at_a_silent_server_can_be_stopped() {
    let server = server(silent(), silent());
    let mut host = OsHost::new().unwrap();
    host.set_upstream(&Upstream::Servers(vec![server.addr])).unwrap();
    let stopper = host.stopper();
    let queries = Arc::clone(&server.queries);
    thread::spawn(move || {
        // The server has the question: the guest waits.
        while queries.load(Ordering::SeqCst) == 0 {
            thread::yield_now();
        }
        stopper.stop().unwrap();
    });
    let policy = guestnet_core::policy::Policy::allow_all();
    let mut guest: GuestThread<OsHost, ()> = GuestThread::new(host, Arc::new(policy), Capacity::default());
    assert_eq!(
        look_up(&mut guest, "x.example", None),
        Err(LookupError::System(Errno::EINTR))
    );
}

/// A19.
#[test]
fn hostile_answers_are_not_believed() {
    let evil = Ipv4Addr::new(203, 0, 113, 66);
    let hostile: LookupReply = Box::new(move |query, _| {
        let mut wrong_id = response(query);
        wrong_id.metadata.id = query.metadata.id.wrapping_add(1);
        wrong_id.add_answer(a(asked(query), 60, evil));
        let mut other_question = Message::response(query.metadata.id, OpCode::Query);
        let mut question = query.queries[0].clone();
        question.name = name("other.example.");
        other_question.add_query(question);
        other_question.add_answer(a(name("other.example."), 60, evil));
        // A name that points at itself, for ever.
        let mut endless = response(query).to_vec().unwrap();
        endless[7] = 1;
        let at = u8::try_from(endless.len()).unwrap();
        endless.extend([0xc0, at, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 203, 0, 113, 66]);
        let mut lying = response(query).to_vec().unwrap();
        lying[6] = 0xff;
        lying[7] = 0xff;
        vec![
            wrong_id.to_vec().unwrap(),
            other_question.to_vec().unwrap(),
            endless,
            lying,
            vec![0xff; 3],
            vec![0; 4096],
        ]
    });
    let server = server(hostile, silent());
    let mut guest = guest(&[server.addr], &["*.example:443"]);
    assert_eq!(
        look_up(&mut guest, "x.example", Some(Domain::Inet)),
        Err(LookupError::Again)
    );
    assert_eq!(
        connect(&mut guest, SocketAddr::new(evil.into(), 443)),
        Err(Errno::EACCES)
    );
}

/// A19: a record of a name that was not asked for allows nothing.
#[test]
fn what_a_server_adds_to_its_answer_is_not_pinned() {
    let extra = || -> LookupReply {
        Box::new(|query, _| {
            let mut reply = response(query);
            if kind(query) == RecordType::A {
                reply.add_answer(a(name("bank.example."), 60, Ipv4Addr::new(203, 0, 113, 68)));
                reply.add_answer(a(asked(query), 60, Ipv4Addr::new(192, 0, 2, 1)));
                reply.add_additional(a(name("bank.example."), 60, Ipv4Addr::new(203, 0, 113, 66)));
                reply.add_authority(a(asked(query), 60, Ipv4Addr::new(203, 0, 113, 67)));
            }
            vec![reply.to_vec().unwrap()]
        })
    };
    let server = server(extra(), extra());
    let mut guest = guest(&[server.addr], &["*.example:443"]);
    assert_eq!(
        look_up(&mut guest, "x.example", Some(Domain::Inet)),
        Ok(vec![ip("192.0.2.1")])
    );
    for addr in ["203.0.113.66:443", "203.0.113.67:443", "203.0.113.68:443"] {
        assert_eq!(connect(&mut guest, addr.parse().unwrap()), Err(Errno::EACCES));
    }
}

/// A1, A2 and A21: the answer changes from a good address to loopback; what is dialled is what was answered, and a
/// public name does not open loopback or metadata addresses.
#[test]
fn rebinding_gains_nothing() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let changing: LookupReply = Box::new(|query, count| {
        let addresses = [
            Ipv4Addr::new(192, 0, 2, 1),
            Ipv4Addr::LOCALHOST,
            Ipv4Addr::new(169, 254, 169, 254),
        ];
        let mut reply = response(query);
        reply.add_answer(a(asked(query), 0, addresses[count % 3]));
        vec![reply.to_vec().unwrap()]
    });
    let server = server(changing, silent());
    let mut guest = guest(&[server.addr], &["*.example"]);
    let family = Some(Domain::Inet);
    assert_eq!(
        look_up(&mut guest, "x.example", family),
        Ok(vec![ip("192.0.2.1")])
    );
    assert_eq!(
        look_up(&mut guest, "x.example", family),
        Ok(vec![ip("127.0.0.1")])
    );
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    assert_eq!(connect(&mut guest, loopback), Err(Errno::EACCES));
    assert_eq!(
        look_up(&mut guest, "x.example", family),
        Ok(vec![ip("169.254.169.254")])
    );
    let metadata = SocketAddr::from((Ipv4Addr::new(169, 254, 169, 254), 80));
    assert_eq!(connect(&mut guest, metadata), Err(Errno::EACCES));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err());
}

/// A20, A3, A6 and A7: only names that may be looked up reach a server, in whatever spelling.
#[test]
fn no_other_name_reaches_a_server() {
    let server = server(plain(Ipv4Addr::new(192, 0, 2, 1), 60), silent());
    let mut guest = guest(&[server.addr], &["*.example:443"]);
    for (node, error) in [
        ("secret.evil.test", LookupError::Fail),
        ("example", LookupError::Fail),
        ("xexample", LookupError::Fail),
        ("a..example", LookupError::NoName),
        ("a\0.example", LookupError::NoName),
        ("a\n.example", LookupError::NoName),
    ] {
        assert_eq!(look_up(&mut guest, node, None), Err(error), "{node:?}");
    }
    for (node, address) in [
        ("2130706433", "127.0.0.1"),
        ("0x7f.1", "127.0.0.1"),
        ("localhost", "127.0.0.1"),
    ] {
        assert_eq!(
            look_up(&mut guest, node, Some(Domain::Inet)),
            Ok(vec![ip(address)]),
            "{node}"
        );
        assert_eq!(
            connect(&mut guest, SocketAddr::new(ip(address), 443)),
            Err(Errno::EACCES)
        );
    }
    assert_eq!(server.queries.load(Ordering::SeqCst), 0);
    assert!(look_up(&mut guest, "A.EXAMPLE.", None).is_ok());
    assert_ne!(server.queries.load(Ordering::SeqCst), 0);
}

#[test]
fn a_look_up_without_waiting_completes_on_a_later_turn() {
    let server = server(plain(Ipv4Addr::new(192, 0, 2, 1), 60), silent());
    let mut guest = guest(&[server.addr], &["*.example"]);
    for (node, expected) in [
        ("127.0.0.1", Ok(ip("127.0.0.1"))),
        ("a..b", Err(LookupError::NoName)),
        ("x.example", Ok(ip("192.0.2.1"))),
        ("x.example", Ok(ip("192.0.2.1"))),
    ] {
        let query = Query {
            node: Some(node.as_bytes()),
            family: Some(Domain::Inet),
            kind: Some(Kind::Stream),
            ..Query::default()
        };
        let mut lookup = guest.getaddrinfo_start(&query);
        assert_eq!(
            guest.getaddrinfo_take(&mut lookup),
            None,
            "{node}: not on the same turn"
        );
        let result = loop {
            guest.poll_begin();
            guest.poll_add_lookup(7, &mut lookup).unwrap();
            guest.poll_wait(None).unwrap();
            assert!(guest.poll_events().any(|event| event.token == 7));
            if let Some(result) = guest.getaddrinfo_take(&mut lookup) {
                break result;
            }
        };
        let first = result.map(|answer| answer.results[0].addr.ip());
        assert_eq!(first, expected, "{node}");
        assert_eq!(guest.getaddrinfo_take(&mut lookup), None);
    }
}

#[test]
fn a_look_up_in_two_steps_waits_in_the_second_only_and_is_judged_once() {
    let server = server(plain(Ipv4Addr::new(192, 0, 2, 1), 60), silent());
    let mut guest = guest(&[server.addr], &["*.example"]);
    guest.set_hosts(Arc::new(Hosts::parse("192.0.2.7 hosts.example alias.example")));
    let decisions = Decisions::default();
    guest.observe(Box::new(decisions.clone()));
    let query = |node: &'static str| Query {
        node: Some(node.as_bytes()),
        family: Some(Domain::Inet),
        kind: Some(Kind::Stream),
        flags: LookupFlags::CANONNAME,
        ..Query::default()
    };
    let first = |list: &AddrInfoList| list.results[0].addr.ip();
    for (node, expected) in [
        ("127.0.0.1", Ok(ip("127.0.0.1"))),
        ("localhost", Ok(ip("127.0.0.1"))),
        ("hosts.example", Ok(ip("192.0.2.7"))),
        ("a..b", Err(LookupError::NoName)),
        ("denied.test", Err(LookupError::Fail)),
    ] {
        let TriedLookup::Answered(result) = guest.try_getaddrinfo(&query(node)) else {
            panic!("{node} needs no resolver");
        };
        assert_eq!(result.as_ref().map(first), expected.as_ref().copied(), "{node}");
        let aliases = result.map(|list| list.aliases).unwrap_or_default();
        assert_eq!(aliases.len(), usize::from(node == "hosts.example"), "{node}");
    }
    assert_eq!(server.queries.load(Ordering::SeqCst), 0);
    decisions.take();
    let TriedLookup::MustAsk(unasked) = guest.try_getaddrinfo(&query("x.example")) else {
        panic!("a resolver must be asked for the name");
    };
    assert_eq!(server.queries.load(Ordering::SeqCst), 0);
    let asked = guest.ask_getaddrinfo(&query("x.example"), unasked);
    assert_eq!(asked.as_ref().map(first), Ok(ip("192.0.2.1")));
    assert_eq!(decisions.take(), ["getaddrinfo x.example allowed"]);
    assert!(matches!(
        guest.try_getaddrinfo(&query("x.example")),
        TriedLookup::Answered(Ok(_))
    ));
    assert_eq!(server.queries.load(Ordering::SeqCst), 1);
}

#[test]
fn names_of_addresses_and_ports() {
    let server = server(failing(ResponseCode::NXDomain), silent());
    let mut guest = guest(&[server.addr], &["192.0.2.1:80", "*.in-addr.arpa"]);
    guest.set_hosts(Arc::new(Hosts::parse("192.0.2.1 web.example")));
    let info = guest
        .getnameinfo("192.0.2.1:1".parse().unwrap(), NameInfoFlags::NUMERICSERV)
        .unwrap();
    assert_eq!((info.host.as_str(), info.service.as_str()), ("web.example", "1"));
    let unknown: SocketAddr = "192.0.2.9:1".parse().unwrap();
    let numbers = NameInfoFlags::NUMERICSERV;
    assert_eq!(guest.getnameinfo(unknown, numbers).unwrap().host, "192.0.2.9");
    assert_eq!(
        guest.getnameinfo(unknown, numbers | NameInfoFlags::NAMEREQD),
        Err(LookupError::NoName)
    );
    let denied: SocketAddr = "[2001:db8::1]:1".parse().unwrap();
    assert_eq!(
        guest.getnameinfo(denied, numbers | NameInfoFlags::NAMEREQD),
        Err(LookupError::Fail)
    );
}

fn family(addr: SocketAddr) -> Domain {
    if addr.is_ipv4() {
        Domain::Inet
    } else {
        Domain::Inet6
    }
}

/// A guest that sends DNS queries itself: one query and its reply, as the guest sees it.
fn ask_udp(guest: &mut GuestThread<OsHost, ()>, to: SocketAddr, query: &Message) -> (Message, SockAddr) {
    let fd = guest.socket(family(to), Kind::Datagram).unwrap();
    let bytes = query.to_vec().unwrap();
    guest
        .send_to(fd, &mut [IoSlice::new(&bytes)], &to.into(), SendFlags::empty())
        .unwrap();
    let mut reply = [0; 4096];
    let (received, from) = guest
        .recv_from(fd, &mut [IoSliceMut::new(&mut reply)], RecvFlags::empty())
        .unwrap();
    guest.close(fd).unwrap();
    (Message::from_vec(&reply[..received.len]).unwrap(), from)
}

fn question(owner: &str, kind: RecordType) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = true;
    message.add_query(hickory_resolver::proto::op::Query::query(name(owner), kind));
    message
}

#[test]
fn a_guest_that_speaks_dns_is_answered_by_us_under_the_policy() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = server(plain(Ipv4Addr::LOCALHOST, 60), silent());
    // A single label may stand for loopback.
    let mut guest = guest(&[server.addr], &["db"]);
    let somewhere: SocketAddr = "198.51.100.53:53".parse().unwrap();
    for to in [somewhere, STUB] {
        let query = question("db.", RecordType::A);
        let (reply, from) = ask_udp(&mut guest, to, &query);
        assert_eq!(
            from,
            SockAddr::Inet(to),
            "the guest sees the server that it asked"
        );
        assert_eq!(reply.metadata.id, query.metadata.id);
        assert_eq!(reply.answers.len(), 1);
        assert_eq!(reply.answers[0].data, RData::A(A(Ipv4Addr::LOCALHOST)));
    }
    // The addresses that it was given are pinned.
    assert_eq!(
        connect(&mut guest, SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        Ok(())
    );
    let before = server.queries.load(Ordering::SeqCst);
    let (reply, _) = ask_udp(
        &mut guest,
        somewhere,
        &question("secret.evil.test.", RecordType::TXT),
    );
    assert_eq!(reply.metadata.response_code, ResponseCode::Refused);
    let (reply, _) = ask_udp(&mut guest, somewhere, &question("evil.test.", RecordType::AAAA));
    assert_eq!(reply.metadata.response_code, ResponseCode::Refused);
    assert_eq!(
        server.queries.load(Ordering::SeqCst),
        before,
        "no denied name reached the server"
    );
}

#[test]
fn a_socket_of_ipv6_is_answered_too() {
    let server = server(plain(Ipv4Addr::new(192, 0, 2, 1), 60), silent());
    let mut guest = guest(&[server.addr], &["*.example:443"]);
    for to in ["[2001:db8::53]:53", "[::ffff:198.51.100.53]:53"] {
        let to: SocketAddr = to.parse().unwrap();
        let (reply, from) = ask_udp(&mut guest, to, &question("x.example.", RecordType::A));
        assert_eq!(from, SockAddr::Inet(to));
        assert_eq!(reply.answers[0].data, RData::A(A(Ipv4Addr::new(192, 0, 2, 1))));
        ask_tcp(&mut guest, to);
    }
}

/// One socket asks, is connected, asks, is dissolved, and asks again.
#[test]
fn a_socket_is_answered_whatever_it_was_connected_to() {
    let server = server(plain(Ipv4Addr::new(192, 0, 2, 1), 60), silent());
    let mut guest = guest(&[server.addr], &["*.example"]);
    let to: SocketAddr = "198.51.100.53:53".parse().unwrap();
    let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
    let query = question("x.example.", RecordType::A).to_vec().unwrap();
    let mut reply = [0; 512];
    for round in 0..4 {
        if round % 2 == 0 {
            let sent = guest.send_to(fd, &mut [IoSlice::new(&query)], &to.into(), SendFlags::empty());
            assert_eq!(sent, Ok(query.len()));
        } else {
            guest.connect(fd, &to.into()).unwrap();
            guest
                .send(fd, &mut [IoSlice::new(&query)], SendFlags::empty())
                .unwrap();
        }
        let received = guest.recv_from(fd, &mut [IoSliceMut::new(&mut reply)], RecvFlags::empty());
        assert_eq!(received.unwrap().1, SockAddr::Inet(to), "{round}");
        if round % 2 == 1 {
            guest.connect(fd, &SockAddr::Unspec).unwrap();
        }
    }
}

#[test]
fn the_stub_answers_over_tcp_and_shows_the_address_that_was_dialled() {
    let server = server(plain(Ipv4Addr::new(192, 0, 2, 1), 60), silent());
    let mut guest = guest(&[server.addr], &["*.example"]);
    ask_tcp(&mut guest, "198.51.100.53:53".parse().unwrap());
}

/// Two questions on one connection.
fn ask_tcp(guest: &mut GuestThread<OsHost, ()>, to: SocketAddr) {
    let fd = guest.socket(family(to), Kind::Stream).unwrap();
    guest.connect(fd, &to.into()).unwrap();
    assert_eq!(guest.peer_addr(fd), Ok(SockAddr::Inet(to)));
    for _ in 0..2 {
        let query = question("x.example.", RecordType::A).to_vec().unwrap();
        let framed = [&u16::try_from(query.len()).unwrap().to_be_bytes()[..], &query].concat();
        guest
            .send(fd, &mut [IoSlice::new(&framed)], SendFlags::empty())
            .unwrap();
        let mut len = [0; 2];
        guest
            .recv(fd, &mut [IoSliceMut::new(&mut len)], RecvFlags::WAITALL)
            .unwrap();
        let mut reply = vec![0; u16::from_be_bytes(len).into()];
        guest
            .recv(fd, &mut [IoSliceMut::new(&mut reply)], RecvFlags::WAITALL)
            .unwrap();
        let reply = Message::from_vec(&reply).unwrap();
        assert_eq!(reply.answers[0].data, RData::A(A(Ipv4Addr::new(192, 0, 2, 1))));
    }
    guest.close(fd).unwrap();
}

#[test]
fn dns_of_a_guest_that_may_look_nothing_up_is_denied() {
    let mut guest = guest(&["127.0.0.1:1".parse().unwrap()], &["10.0.0.1:80"]);
    let decisions = Decisions::default();
    guest.observe(Box::new(decisions.clone()));
    let somewhere: SocketAddr = "198.51.100.53:53".parse().unwrap();
    // A36: the stub's address is one like any other for such a guest, and no stub is started.
    for to in [somewhere, STUB] {
        assert_eq!(connect(&mut guest, to), Err(Errno::EACCES));
        let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
        let sent = guest.send_to(fd, &mut [IoSlice::new(b"x")], &to.into(), SendFlags::empty());
        assert_eq!(sent, Err(Errno::EACCES));
        assert_eq!(guest.connect(fd, &to.into()), Err(Errno::EACCES));
    }
    let lines = |to| ["connect", "sendto", "connect"].map(|call| format!("{call} {to} denied"));
    assert_eq!(decisions.take(), [lines(somewhere), lines(STUB)].concat());
}

/// A36: what the stub answers is audited as served, whether the policy allows its address or not.
#[test]
fn dns_that_is_served_leaves_a_line() {
    let server = server(plain(Ipv4Addr::new(192, 0, 2, 1), 60), silent());
    for rules in [&["*.example"][..], &["*"]] {
        let mut guest = guest(&[server.addr], rules);
        let decisions = Decisions::default();
        guest.observe(Box::new(decisions.clone()));
        let query = question("x.example.", RecordType::A);
        ask_udp(&mut guest, STUB, &query);
        ask_tcp(&mut guest, STUB);
        let decisions = decisions.take();
        let served: Vec<_> = decisions
            .iter()
            .filter(|line| line.ends_with(" served"))
            .collect();
        assert_eq!(
            served,
            ["sendto 192.0.2.53:53 served", "connect 192.0.2.53:53 served"]
        );
        // And each question.
        let asked = decisions
            .iter()
            .filter(|line| **line == "getaddrinfo x.example allowed");
        assert_eq!(asked.count(), 3, "{decisions:?}");
    }
}

/// An observer's view of the decisions.
#[derive(Clone, Default)]
struct Decisions(Arc<Mutex<Vec<String>>>);

impl Decisions {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Decisions {
    fn wants_calls(&self) -> bool {
        false
    }

    fn call(&mut self, _: &'static str, _: fmt::Arguments<'_>, _: guestnet_core::Result<u64>) {}

    fn denied(&mut self, _: &Denial<'_>) {}

    fn wants_decisions(&self) -> bool {
        true
    }

    fn decided(&mut self, decided: &AuditRecord<'_>) {
        let outcome = match (decided.redirected, decided.decision.is_allowed()) {
            (true, _) => "served",
            (false, true) => "allowed",
            (false, false) => "denied",
        };
        let line = format!("{} {} {outcome}", decided.call, decided.target);
        self.0.lock().unwrap().push(line);
    }
}

/// A8 and A24: what looks like DNS is no way round. Another port, and another socket's stub, stay closed.
#[test]
fn only_the_stub_itself_may_answer_a_served_socket() {
    let server = server(plain(Ipv4Addr::new(192, 0, 2, 1), 60), silent());
    let mut guest = guest(&[server.addr], &["*.example"]);
    let intruder = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let fd = guest.socket(Domain::Inet, Kind::Datagram).unwrap();
    let query = question("x.example.", RecordType::A).to_vec().unwrap();
    let to: SocketAddr = "198.51.100.53:53".parse().unwrap();
    guest
        .send_to(fd, &mut [IoSlice::new(&query)], &to.into(), SendFlags::empty())
        .unwrap();
    let port = guest.local_addr(fd).unwrap().inet().unwrap().port();
    intruder.send_to(b"forged", (Ipv4Addr::LOCALHOST, port)).unwrap();
    let mut reply = [0; 512];
    let (received, from) = guest
        .recv_from(fd, &mut [IoSliceMut::new(&mut reply)], RecvFlags::empty())
        .unwrap();
    assert_eq!(from, SockAddr::Inet(to));
    assert!(Message::from_vec(&reply[..received.len]).is_ok());
    guest.set_nonblocking(fd, true).unwrap();
    let again = guest.recv_from(fd, &mut [IoSliceMut::new(&mut reply)], RecvFlags::empty());
    assert_eq!(again.map(drop), Err(Errno::EAGAIN));
    let other: SocketAddr = "198.51.100.53:54".parse().unwrap();
    let sent = guest.send_to(fd, &mut [IoSlice::new(&query)], &other.into(), SendFlags::empty());
    assert_eq!(sent, Err(Errno::EACCES));
}
