//! Interfaces: which of them a policy shows, and that one which it hides is as one that does not exist.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use guestnet_core::policy::{Policy, Use};
use guestnet_core::resolve::{NameInfoFlags, Query};
use guestnet_core::{Domain, Errno, Interface, InterfaceFlags, Kind, LookupError, OptValue, SockOpt};

use crate::behaviour::behaviours;
use crate::guest::{Calls, TestGuest, allow, deny, guest, guest_under};
use crate::world::World;

behaviours! { "interface":
    without_rules_for_listen_every_interface_is_shown,
    a_policy_shows_loopback_and_what_it_lets_listen_on,
    a_scope_may_be_the_name_of_an_interface_that_is_shown,
    a33_a_group_is_sent_to_by_no_interface_that_is_hidden: Groups,
    a33_a_group_is_joined_at_no_interface_that_is_hidden: Groups Ipv6,
    a33_every_way_to_join_a_group_needs_the_permission_to_listen: Groups Ipv6,
    a_group_of_one_source_is_heard_without_the_others: Groups,
}

/// An index that no interface has.
const NO_INDEX: u32 = 1_000_000_007;

/// The loopback interface of a list.
fn loopback(interfaces: &[Interface]) -> &Interface {
    let mut interfaces = interfaces.iter();
    interfaces
        .find(|interface| interface.flags.contains(InterfaceFlags::LOOPBACK))
        .expect("a loopback interface")
}

/// Interfaces of this machine that no rule about loopback shows, and their addresses of IPv4. A machine may have none.
fn others<W: World>(world: &W) -> Vec<Interface> {
    let mut all = guest(world).interfaces().unwrap();
    all.retain(|interface| !interface.flags.contains(InterfaceFlags::LOOPBACK));
    all
}

fn without_rules_for_listen_every_interface_is_shown<W: World>(world: &W) {
    let interfaces = guest(world).interfaces().unwrap();
    let lo = loopback(&interfaces);
    assert!(lo.flags.contains(InterfaceFlags::UP | InterfaceFlags::RUNNING));
    assert!(lo.index > 0 && lo.mtu >= 1500 && lo.name.len() < 16);
    let home = |each: &&guestnet_core::InterfaceAddr| each.ip == Ipv4Addr::LOCALHOST;
    assert_eq!(lo.addresses.iter().find(home).unwrap().prefix_len, 8);
    assert!(interfaces.is_sorted_by_key(|interface| interface.index));
    // A rule for another use hides nothing.
    let mut other = guest_under(world, deny(&[(Use::Connect, "127.0.0.1")]));
    assert_eq!(other.interfaces().unwrap(), interfaces);
}

fn a_policy_shows_loopback_and_what_it_lets_listen_on<W: World>(world: &W) {
    for policy in [
        Policy::deny_all(),
        allow(&[
            (Use::Connect, "*"),
            (Use::Listen, "198.51.100.7"),
            (Use::Accept, "*"),
        ]),
        // The wildcard is itself, and no address of an interface.
        allow(&[(Use::Listen, "0.0.0.0"), (Use::Listen, "[::]:80")]),
    ] {
        let shown = guest_under(world, policy).interfaces().unwrap();
        for interface in &shown {
            assert!(
                interface.flags.contains(InterfaceFlags::LOOPBACK),
                "{interface:?}"
            );
            assert!(interface.addresses.iter().all(|each| each.ip.is_loopback()));
        }
        loopback(&shown);
    }
    for hidden in others(world) {
        for each in &hidden.addresses {
            let scope = match each.ip {
                IpAddr::V6(ip) if ip.is_unicast_link_local() => format!("[{ip}%{}]:80", hidden.index),
                IpAddr::V6(ip) => format!("[{ip}]:80"),
                IpAddr::V4(ip) => format!("tcp://{ip}:80"),
            };
            let shown = guest_under(world, allow(&[(Use::Listen, &scope)]))
                .interfaces()
                .unwrap();
            let seen: Vec<_> = shown
                .iter()
                .filter(|interface| !interface.flags.contains(InterfaceFlags::LOOPBACK))
                .collect();
            let [seen] = *seen else {
                panic!("{scope} shows {seen:?}")
            };
            assert_eq!((seen.index, &seen.name), (hidden.index, &hidden.name));
            assert_eq!(seen.addresses, [*each], "the address that the rule is about");
        }
    }
    // What is denied on every port is hidden, what is denied on some is not.
    let mut some = guest_under(
        world,
        deny(&[(Use::Listen, "0.0.0.0/0:1-65535"), (Use::Listen, "::/0")]),
    );
    let of_ipv4 = |interface: &Interface| interface.addresses.iter().any(|each| each.ip.is_ipv4());
    let mut seen: Vec<_> = some.interfaces().unwrap().iter().map(|each| each.index).collect();
    seen.retain(|index| *index != loopback(&guest(world).interfaces().unwrap()).index);
    let expected: Vec<_> = others(world)
        .iter()
        .filter(|each| of_ipv4(each))
        .map(|each| each.index)
        .collect();
    assert_eq!(seen, expected);
    let everything = [(Use::Listen, "0.0.0.0/0"), (Use::Listen, "::/0")];
    let mut none = guest_under(world, deny(&everything));
    assert_eq!(none.interfaces().unwrap().len(), 1);
}

/// The scope that getaddrinfo gives an address.
fn scope<W: World>(guest: &mut TestGuest<W>, node: &str) -> Result<u32, LookupError> {
    let list = guest.getaddrinfo(&Query {
        node: Some(node.as_bytes()),
        ..Query::default()
    })?;
    match list.results[0].addr {
        SocketAddr::V6(addr) => Ok(addr.scope_id()),
        SocketAddr::V4(addr) => panic!("{addr}"),
    }
}

fn a_scope_may_be_the_name_of_an_interface_that_is_shown<W: World>(world: &W) {
    let others = others(world);
    let mut guest = guest_under(world, Policy::deny_all());
    let lo = loopback(&guest.interfaces().unwrap()).clone();
    let name = &lo.name;
    for link_local in ["fe80::1", "ff02::1"] {
        assert_eq!(
            scope::<W>(&mut guest, &format!("{link_local}%{name}")),
            Ok(lo.index)
        );
        assert_eq!(scope::<W>(&mut guest, &format!("{link_local}%7")), Ok(7));
        let mut hidden = vec!["no-such-name", ""];
        hidden.extend(others.iter().map(|interface| &*interface.name));
        for name in hidden {
            let node = format!("{link_local}%{name}");
            assert_eq!(scope::<W>(&mut guest, &node), Err(LookupError::NoName), "{node}");
        }
        let ip = link_local.parse().unwrap();
        let mut in_numbers = |scope, flags| {
            let addr = SocketAddrV6::new(ip, 80, 0, scope).into();
            let flags = flags | NameInfoFlags::NUMERICHOST;
            guest.getnameinfo(addr, flags).unwrap().host
        };
        let none = NameInfoFlags::empty();
        assert_eq!(in_numbers(lo.index, none), format!("{link_local}%{name}"));
        assert_eq!(
            in_numbers(lo.index, NameInfoFlags::NUMERICSCOPE),
            format!("{link_local}%{}", lo.index)
        );
        for hidden in others.iter().map(|interface| interface.index).chain([NO_INDEX]) {
            assert_eq!(in_numbers(hidden, none), format!("{link_local}%{hidden}"));
        }
    }
    // An address that is not of one link has no such scope.
    let node = format!("2001:db8::1%{name}");
    assert_eq!(scope::<W>(&mut guest, &node), Err(LookupError::NoName));
}

fn a33_a_group_is_sent_to_by_no_interface_that_is_hidden<W: World>(world: &W) {
    let others = others(world);
    let rules = [(Use::Connect, "*"), (Use::Listen, "127.0.0.1")];
    let mut guest = guest_under(world, allow(&rules));
    let fd = guest.udp();
    let mut set = |value| guest.set_option(fd, SockOpt::IpMulticastIf, value);
    // To the guest all of these are the same, whether the machine has them or not.
    let mut hidden = vec![Ipv4Addr::new(198, 51, 100, 7)];
    hidden.extend(others.iter().flat_map(|each| {
        let addresses = each.addresses.iter();
        addresses.filter_map(|each| match each.ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        })
    }));
    for ip in hidden {
        assert_eq!(set(OptValue::Interface4(ip)), Err(Errno::EADDRNOTAVAIL), "{ip}");
    }
    let indices = others.iter().map(|each| each.index).chain([NO_INDEX, u32::MAX]);
    for index in indices.clone() {
        assert_eq!(
            set(OptValue::Interface(index)),
            Err(Errno::EADDRNOTAVAIL),
            "{index}"
        );
    }
    for value in [
        OptValue::Interface4(Ipv4Addr::LOCALHOST),
        OptValue::Interface4(Ipv4Addr::UNSPECIFIED),
        OptValue::Interface(1),
        OptValue::Interface(0),
    ] {
        assert_eq!(set(value), Ok(()), "{value:?}");
    }
    if let Ok(fd) = guest.socket(Domain::Inet6, Kind::Datagram) {
        for index in indices {
            let value = OptValue::Int(index.cast_signed());
            let result = guest.set_option(fd, SockOpt::Ipv6MulticastIf, value);
            assert_eq!(result, Err(Errno::ENODEV), "{index}");
        }
        for index in [1, 0] {
            assert_eq!(
                guest.set_option(fd, SockOpt::Ipv6MulticastIf, OptValue::Int(index)),
                Ok(())
            );
        }
    }
}

/// A group that a rule of these tests names, one that none does, and a source.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 77, 41);
const OTHER: Ipv4Addr = Ipv4Addr::new(239, 255, 77, 42);
const SOURCE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const GROUP6: Ipv6Addr = Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0x77, 0x41);
const OTHER6: Ipv6Addr = Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0x77, 0x42);

/// Every way to join one of these groups at an interface of this index and address.
fn joins(group: Ipv4Addr, group6: Ipv6Addr, index: u32, interface: Ipv4Addr) -> [(SockOpt, OptValue); 8] {
    let (source, at) = (SOURCE, index);
    let by_index = |group: IpAddr| OptValue::Group { group, interface: at };
    let by_source = |group: IpAddr, source: IpAddr| OptValue::GroupSource {
        group,
        source,
        interface: at,
    };
    let plain = OptValue::Membership4 { group, interface };
    let six = OptValue::Membership6 {
        group: group6,
        interface: at,
    };
    let of_source = OptValue::Source4 {
        group,
        source,
        interface,
    };
    [
        (SockOpt::IpAddMembership, plain),
        (SockOpt::IpAddMembership, by_index(group.into())),
        (SockOpt::IpAddSourceMembership, of_source),
        (SockOpt::McastJoinGroup, by_index(group.into())),
        (
            SockOpt::McastJoinSourceGroup,
            by_source(group.into(), source.into()),
        ),
        (SockOpt::Ipv6JoinGroup, six),
        (SockOpt::McastJoinGroup, by_index(group6.into())),
        (
            SockOpt::McastJoinSourceGroup,
            by_source(group6.into(), Ipv6Addr::LOCALHOST.into()),
        ),
    ]
}

/// Joins by a socket of its own, of the group's family.
fn join<W: World>(guest: &mut TestGuest<W>, option: SockOpt, value: OptValue) -> Result<(), Errno> {
    let six = match value {
        OptValue::Membership6 { .. } => true,
        OptValue::Group { group, .. } | OptValue::GroupSource { group, .. } => group.is_ipv6(),
        _ => false,
    };
    let domain = if six { Domain::Inet6 } else { Domain::Inet };
    let fd = guest.socket(domain, Kind::Datagram).unwrap();
    let result = guest.set_option(fd, option, value);
    guest.close(fd).unwrap();
    result
}

fn a33_every_way_to_join_a_group_needs_the_permission_to_listen<W: World>(world: &W) {
    let rules = [
        (Use::Listen, "udp://239.255.77.41"),
        (Use::Listen, "[ff15::77:41]"),
    ];
    let mut guest = guest_under(world, allow(&rules));
    for (option, value) in joins(GROUP, GROUP6, 1, Ipv4Addr::LOCALHOST) {
        assert_eq!(
            join::<W>(&mut guest, option, value),
            Ok(()),
            "{option:?} {value:?}"
        );
    }
    for (option, value) in joins(OTHER, OTHER6, 1, Ipv4Addr::LOCALHOST) {
        let result = join::<W>(&mut guest, option, value);
        assert_eq!(result, Err(Errno::EACCES), "{option:?} {value:?}");
    }
}

fn a33_a_group_is_joined_at_no_interface_that_is_hidden<W: World>(world: &W) {
    let rules = [
        (Use::Listen, "udp://239.255.77.41"),
        (Use::Listen, "[ff15::77:41]"),
    ];
    let mut guest = guest_under(world, allow(&rules));
    let mut hidden = vec![(NO_INDEX, Ipv4Addr::new(198, 51, 100, 7))];
    for interface in others(world) {
        let mut addresses = interface.addresses.iter();
        let ip = addresses.find_map(|each| match each.ip {
            IpAddr::V4(ip) => Some(ip),
            IpAddr::V6(_) => None,
        });
        hidden.push((interface.index, ip.unwrap_or(Ipv4Addr::new(198, 51, 100, 8))));
    }
    for (index, ip) in hidden {
        for (option, value) in joins(GROUP, GROUP6, index, ip) {
            let result = join::<W>(&mut guest, option, value);
            assert_eq!(result, Err(Errno::ENODEV), "{option:?} {value:?}");
        }
    }
}

fn a_group_of_one_source_is_heard_without_the_others<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    let any = std::net::SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    guest.bind(fd, &any.into()).unwrap();
    guest.make_nonblocking(fd);
    let to = std::net::SocketAddr::from((GROUP, guest.inet_addr(fd).port()));
    let sender = guest.udp();
    let loopback = OptValue::Interface4(Ipv4Addr::LOCALHOST);
    guest
        .set_option(sender, SockOpt::IpMulticastIf, loopback)
        .unwrap();
    let of = |source| OptValue::Source4 {
        group: GROUP,
        source,
        interface: Ipv4Addr::LOCALHOST,
    };
    let (this, another) = (Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 9));
    guest
        .set_option(fd, SockOpt::IpAddSourceMembership, of(another))
        .unwrap();
    guest.transmit_to(sender, b"blocked", to).unwrap();
    guest
        .set_option(fd, SockOpt::IpAddSourceMembership, of(this))
        .unwrap();
    guest.transmit_to(sender, b"joined", to).unwrap();
    guest.until(fd, guestnet_core::Ready::READ);
    let flags = guestnet_core::RecvFlags::empty();
    assert_eq!(guest.receive(fd, 16, flags), Ok(b"joined".to_vec()));
    assert_eq!(guest.receive(fd, 16, flags), Err(Errno::EAGAIN));
    guest
        .set_option(fd, SockOpt::IpDropSourceMembership, of(this))
        .unwrap();
    assert_eq!(
        guest.set_option(fd, SockOpt::IpDropSourceMembership, of(this)),
        Err(Errno::EADDRNOTAVAIL)
    );
}
