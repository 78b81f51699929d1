//! getaddrinfo: numeric forms, services, flags and loopback names. No behaviour asks a name server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use guestnet_core::policy::{Policy, Use};
use guestnet_core::resolve::{AddrInfo, AddrInfoList, LookupFlags, Query};
use guestnet_core::{Domain, Kind, LookupError, Result};

use crate::behaviour::behaviours;
use crate::guest::{Calls, LOOPBACK, TestGuest, allow, deny, guest, guest_under};
use crate::world::{PeerUdp, World};

behaviours! { "resolve":
    a_numeric_address_is_itself,
    numeric_aliases_are_parsed_once_by_us,
    a_scope_is_kept,
    both_types_are_answered_unless_one_is_asked_for,
    a_port_number_is_taken_as_it_is,
    a_service_has_a_port_for_its_protocols: Services,
    a_wrong_service_is_eai_service,
    without_a_node_it_is_loopback_or_the_wildcard,
    localhost_is_loopback_and_never_leaves,
    the_family_is_kept_to,
    mapped_addresses_are_given_if_asked_for,
    contradictions_are_refused,
    a_malformed_name_is_eai_noname,
    numerichost_asks_no_resolver,
    the_canonical_name_is_given_if_asked_for,
    a_denied_name_is_eai_fail,
    a_loopback_name_gives_the_right_to_connect_to_it,
}

fn ask<W: World>(guest: &mut TestGuest<W>, query: Query<'_>) -> Result<Vec<SocketAddr>, LookupError> {
    // One type, so that each address comes once.
    let query = Query {
        kind: Some(query.kind.unwrap_or(Kind::Stream)),
        ..query
    };
    guest
        .getaddrinfo(&query)
        .map(|answer| answer.results.into_iter().map(|info| info.addr).collect())
}

fn node(node: &str) -> Query<'_> {
    Query {
        node: Some(node.as_bytes()),
        ..Query::default()
    }
}

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn a_numeric_address_is_itself<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    for text in ["192.0.2.7", "2001:db8::7", "::", "0.0.0.0", "255.255.255.255"] {
        let expected = SocketAddr::new(text.parse().unwrap(), 0);
        assert_eq!(ask::<W>(&mut guest, node(text)), Ok(vec![expected]));
    }
}

fn numeric_aliases_are_parsed_once_by_us<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    for text in ["127.1", "0x7f.1", "2130706433", "0177.0.0.1", "127.0.1"] {
        assert_eq!(
            ask::<W>(&mut guest, node(text)),
            Ok(vec![SocketAddr::new(V4, 0)]),
            "{text}"
        );
    }
}

fn a_scope_is_kept<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    let expected = SocketAddrV6::new("fe80::1".parse().unwrap(), 80, 0, 3);
    let query = Query {
        service: Some(b"80"),
        ..node("fe80::1%3")
    };
    assert_eq!(ask::<W>(&mut guest, query), Ok(vec![expected.into()]));
}

fn both_types_are_answered_unless_one_is_asked_for<W: World>(world: &W) {
    let mut guest = guest(world);
    let answer = guest.getaddrinfo(&node("192.0.2.7")).unwrap();
    let addr = "192.0.2.7:0".parse().unwrap();
    let [stream, datagram] = [Kind::Stream, Kind::Datagram].map(|kind| AddrInfo { addr, kind });
    assert_eq!(
        answer,
        AddrInfoList {
            results: vec![stream, datagram],
            ..AddrInfoList::default()
        }
    );
    for info in [stream, datagram] {
        let answer = guest
            .getaddrinfo(&Query {
                kind: Some(info.kind),
                ..node("192.0.2.7")
            })
            .unwrap();
        assert_eq!(answer.results, [info]);
    }
}

fn a_port_number_is_taken_as_it_is<W: World>(world: &W) {
    let mut guest = guest(world);
    for (text, port) in [("0", 0), ("80", 80), ("0080", 80), ("65535", 65_535)] {
        let query = Query {
            service: Some(text.as_bytes()),
            ..node("192.0.2.7")
        };
        assert_eq!(ask::<W>(&mut guest, query).unwrap()[0].port(), port);
    }
}

fn a_service_has_a_port_for_its_protocols<W: World>(world: &W) {
    let mut guest = guest(world);
    let http = Query {
        service: Some(b"http"),
        flags: LookupFlags::PASSIVE,
        ..Query::default()
    };
    assert_eq!(ask::<W>(&mut guest, http).unwrap()[0].port(), 80);
    let domain = Query {
        service: Some(b"domain"),
        kind: Some(Kind::Datagram),
        ..node("192.0.2.7")
    };
    assert_eq!(ask::<W>(&mut guest, domain).unwrap()[0].port(), 53);
}

fn a_wrong_service_is_eai_service<W: World>(world: &W) {
    let mut guest = guest(world);
    for (service, flags, expected) in [
        (
            &b"no-such-service"[..],
            LookupFlags::empty(),
            LookupError::Service,
        ),
        (b"", LookupFlags::empty(), LookupError::Service),
        (b"65536", LookupFlags::empty(), LookupError::Service),
        (
            b"99999999999999999999",
            LookupFlags::empty(),
            LookupError::Service,
        ),
        (b"-1", LookupFlags::empty(), LookupError::Service),
        (b"\xff\xfe", LookupFlags::empty(), LookupError::Service),
        (b"http", LookupFlags::NUMERICSERV, LookupError::NoName),
    ] {
        let query = Query {
            service: Some(service),
            flags,
            ..node("192.0.2.7")
        };
        assert_eq!(ask::<W>(&mut guest, query), Err(expected), "{service:?}");
    }
}

fn without_a_node_it_is_loopback_or_the_wildcard<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    let query = Query {
        service: Some(b"80"),
        ..Query::default()
    };
    let at = |ip: IpAddr| SocketAddr::new(ip, 80);
    assert_eq!(ask::<W>(&mut guest, query), Ok(vec![at(V6), at(V4)]));
    let passive = Query {
        flags: LookupFlags::PASSIVE,
        ..query
    };
    let [any4, any6] = [at(Ipv4Addr::UNSPECIFIED.into()), at(Ipv6Addr::UNSPECIFIED.into())];
    assert_eq!(ask::<W>(&mut guest, passive), Ok(vec![any4, any6]));
    for (family, loopback, any) in [(Domain::Inet, V4, any4), (Domain::Inet6, V6, any6)] {
        let family = Some(family);
        assert_eq!(
            ask::<W>(&mut guest, Query { family, ..query }),
            Ok(vec![at(loopback)])
        );
        assert_eq!(ask::<W>(&mut guest, Query { family, ..passive }), Ok(vec![any]));
    }
}

fn localhost_is_loopback_and_never_leaves<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    for name in [
        "localhost",
        "LocalHost",
        "localhost.",
        "any.localhost",
        "a.b.localhost.",
    ] {
        let both = vec![SocketAddr::new(V6, 0), SocketAddr::new(V4, 0)];
        assert_eq!(ask::<W>(&mut guest, node(name)), Ok(both), "{name}");
    }
}

fn the_family_is_kept_to<W: World>(world: &W) {
    let mut guest = guest(world);
    for (family, ip) in [(Domain::Inet, V4), (Domain::Inet6, V6)] {
        let family = Some(family);
        let expected = Ok(vec![SocketAddr::new(ip, 0)]);
        assert_eq!(
            ask::<W>(
                &mut guest,
                Query {
                    family,
                    ..node("localhost")
                }
            ),
            expected
        );
    }
    for (family, text) in [(Domain::Inet6, "192.0.2.7"), (Domain::Inet, "2001:db8::7")] {
        let query = Query {
            family: Some(family),
            ..node(text)
        };
        assert_eq!(ask::<W>(&mut guest, query), Err(LookupError::NoName));
    }
    let query = Query {
        family: Some(Domain::Unix),
        ..node("localhost")
    };
    assert_eq!(ask::<W>(&mut guest, query), Err(LookupError::Family));
}

fn mapped_addresses_are_given_if_asked_for<W: World>(world: &W) {
    let mut guest = guest(world);
    let family = Some(Domain::Inet6);
    let query = Query {
        family,
        flags: LookupFlags::V4MAPPED,
        ..node("192.0.2.7")
    };
    assert_eq!(
        ask::<W>(&mut guest, query),
        Ok(vec!["[::ffff:192.0.2.7]:0".parse().unwrap()])
    );
    let query = Query {
        family,
        flags: LookupFlags::V4MAPPED,
        ..node("localhost")
    };
    assert_eq!(
        ask::<W>(&mut guest, query),
        Ok(vec![SocketAddr::new(V6, 0)]),
        "there is an IPv6 address"
    );
    let query = Query {
        family,
        flags: LookupFlags::V4MAPPED | LookupFlags::ALL,
        ..node("localhost")
    };
    let mapped = SocketAddr::new(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), 0);
    assert_eq!(
        ask::<W>(&mut guest, query),
        Ok(vec![SocketAddr::new(V6, 0), mapped])
    );
}

fn contradictions_are_refused<W: World>(world: &W) {
    let mut guest = guest(world);
    assert_eq!(ask::<W>(&mut guest, Query::default()), Err(LookupError::NoName));
    let query = Query {
        service: Some(b"80"),
        flags: LookupFlags::CANONNAME,
        ..Query::default()
    };
    assert_eq!(ask::<W>(&mut guest, query), Err(LookupError::BadFlags));
}

fn a_malformed_name_is_eai_noname<W: World>(world: &W) {
    let mut guest = guest(world);
    let long = "a".repeat(5000);
    let labels = "a.".repeat(200);
    for name in [
        "",
        "a\0b",
        "localhost\0.example",
        "a..b",
        ".",
        "a b",
        "a\nb",
        "\u{7f}",
        long.as_str(),
        labels.as_str(),
    ] {
        assert_eq!(
            ask::<W>(&mut guest, node(name)),
            Err(LookupError::NoName),
            "{name:?}"
        );
    }
    let query = Query {
        node: Some(b"\xff\xfe"),
        ..Query::default()
    };
    assert_eq!(ask::<W>(&mut guest, query), Err(LookupError::NoName));
}

fn numerichost_asks_no_resolver<W: World>(world: &W) {
    let mut guest = guest_under(world, Policy::deny_all());
    let query = |name| Query {
        flags: LookupFlags::NUMERICHOST,
        ..node(name)
    };
    for name in ["example.com", "localhost"] {
        assert_eq!(ask::<W>(&mut guest, query(name)), Err(LookupError::NoName));
    }
    assert!(ask::<W>(&mut guest, query("192.0.2.7")).is_ok());
}

fn the_canonical_name_is_given_if_asked_for<W: World>(world: &W) {
    let mut guest = guest(world);
    for (name, canonical) in [("localhost", "localhost"), ("192.0.2.7", "192.0.2.7")] {
        let query = Query {
            flags: LookupFlags::CANONNAME,
            ..node(name)
        };
        assert_eq!(
            guest.getaddrinfo(&query).unwrap().canonical.as_deref(),
            Some(canonical)
        );
        assert_eq!(guest.getaddrinfo(&node(name)).unwrap().canonical, None);
    }
}

fn a_denied_name_is_eai_fail<W: World>(world: &W) {
    for policy in [Policy::deny_all(), deny(&[(Use::Resolve, "*.example.com")])] {
        let mut guest = guest_under(world, policy);
        for name in ["www.example.com", "WWW.EXAMPLE.COM.", "www.example.com."] {
            assert_eq!(ask::<W>(&mut guest, node(name)), Err(LookupError::Fail), "{name}");
        }
    }
    let mut guest = guest_under(world, deny(&[(Use::Resolve, "localhost")]));
    assert_eq!(ask::<W>(&mut guest, node("localhost")), Err(LookupError::Fail));
}

fn a_loopback_name_gives_the_right_to_connect_to_it<W: World>(world: &W) {
    let peer = world.udp(LOOPBACK).unwrap();
    let to = peer.local_addr().unwrap();
    let mut guest = guest_under(
        world,
        allow(&[(Use::Connect, &format!("udp://localhost:{}", to.port()))]),
    );
    let fd = guest.udp();
    ask::<W>(&mut guest, node("localhost")).unwrap();
    assert_eq!(guest.connect_to(fd, to), Ok(()));
    // Another port needs another rule.
    let other = SocketAddr::new(to.ip(), to.port().wrapping_add(1));
    assert_eq!(guest.connect_to(fd, other), Err(guestnet_core::Errno::EACCES));
}
