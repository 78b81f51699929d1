//! Destinations that are more than one address: groups and broadcasts, and the options that choose where they go.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use guestnet_core::policy::{PolicyBuilder, Use};
use guestnet_core::{Domain, Errno, Kind, OptValue, SockOpt};

use crate::behaviour::behaviours;
use crate::guest::{Calls, TestGuest, allow, deny, guest_under};
use crate::patience::eventually;
use crate::world::{PeerUdp, World};

behaviours! { "gate":
    a33_a_group_does_not_reach_a_member_that_is_denied: Groups,
    a33_a_group_that_a_rule_names_is_reached: Groups,
    a33_a_group_of_ipv6_does_not_reach_a_member_that_is_denied: Groups Ipv6,
    a33_a_broadcast_does_not_reach_receivers_that_no_rule_allows: Groups,
    a33_broadcasting_can_always_be_switched_off,
}

/// A group of this machine's own, and no other than these tests have.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 77, 33);

/// A peer that has joined the group on loopback.
fn member<W: World>(world: &W) -> (W::Udp, u16) {
    let socket = world.udp((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    socket.join(GROUP, Ipv4Addr::LOCALHOST).unwrap();
    socket.set_nonblocking(true).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

/// Whether a datagram was there. On loopback it is there once the call that sends it has returned.
fn was_reached(socket: &impl PeerUdp) -> bool {
    socket.recv(&mut [0; 8]).is_ok()
}

/// Sends to the group by way of loopback, by both ways that there are.
fn send_to_group<W: World>(guest: &mut TestGuest<W>, port: u16) -> [Result<usize, Errno>; 2] {
    let fd = guest.udp();
    let loopback = OptValue::Interface4(Ipv4Addr::LOCALHOST);
    guest.set_option(fd, SockOpt::IpMulticastIf, loopback).unwrap();
    let to = SocketAddr::from((GROUP, port));
    let once = guest.transmit_to(fd, b"x", to);
    let connected = guest.connect_to(fd, to).and_then(|()| guest.transmit(fd, b"x"));
    [once, connected]
}

fn a33_a_group_does_not_reach_a_member_that_is_denied<W: World>(world: &W) {
    let (member, port) = member(world);
    let one_port = format!("udp://127.0.0.1:{port}");
    for rule in ["127.0.0.0/8", &one_port, "peer.example", "::1"] {
        let mut guest = guest_under(world, deny(&[(Use::Connect, rule)]));
        assert_eq!(
            send_to_group::<W>(&mut guest, port),
            [Err(Errno::EACCES); 2],
            "{rule}"
        );
        assert!(!was_reached(&member), "{rule}");
    }
}

fn a33_a_group_that_a_rule_names_is_reached<W: World>(world: &W) {
    let (member, port) = member(world);
    let mut policy = PolicyBuilder::new();
    policy.deny(Use::Connect, "127.0.0.0/8").unwrap();
    policy
        .allow(Use::Connect, &format!("udp://{GROUP}:{port}"))
        .unwrap();
    // A rule for the other protocol does not name members of this one.
    for policy in [policy.build(), deny(&[(Use::Connect, "tcp://127.0.0.0/8")])] {
        let mut guest = guest_under(world, policy);
        assert_eq!(send_to_group::<W>(&mut guest, port), [Ok(1); 2]);
        for _ in 0..2 {
            eventually("the member is reached", || was_reached(&member).then_some(()));
        }
    }
}

fn a33_a_group_of_ipv6_does_not_reach_a_member_that_is_denied<W: World>(world: &W) {
    // Every node is a member of ff01::1, on loopback too.
    let member = world.udp((Ipv6Addr::UNSPECIFIED, 0)).unwrap();
    member.set_nonblocking(true).unwrap();
    let port = member.local_addr().unwrap().port();
    for group in ["[ff01::1%1]", "[ff02::1%1]", "[ff02::1]"] {
        let mut guest = guest_under(world, deny(&[(Use::Connect, "::1")]));
        let fd = guest.socket(Domain::Inet6, Kind::Datagram).unwrap();
        // The index of loopback.
        guest
            .set_option(fd, SockOpt::Ipv6MulticastIf, OptValue::Int(1))
            .unwrap();
        let to: SocketAddr = format!("{group}:{port}").parse().unwrap();
        assert_eq!(guest.transmit_to(fd, b"x", to), Err(Errno::EACCES), "{group}");
        assert_eq!(guest.connect_to(fd, to), Err(Errno::EACCES), "{group}");
        assert!(!was_reached(&member), "{group}");
    }
}

fn a33_a_broadcast_does_not_reach_receivers_that_no_rule_allows<W: World>(world: &W) {
    let receiver = world.udp((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    receiver.set_nonblocking(true).unwrap();
    let port = receiver.local_addr().unwrap().port();
    // The broadcast address of loopback's network, which looks like any other.
    let everyone = format!("127.255.255.255:{port}");
    for policy in [
        allow(&[(Use::Connect, &everyone)]),
        deny(&[(Use::Connect, "127.0.0.0/9")]),
        deny(&[(Use::Connect, "10.0.0.1")]),
        allow(&[(Use::Connect, &everyone), (Use::Connect, "255.255.255.255:1")]),
    ] {
        let mut guest = guest_under(world, policy);
        let fd = guest.udp();
        let on = OptValue::Int(1);
        // A program that always sets it, as Go does, goes on; it has no effect.
        assert_eq!(guest.set_option(fd, SockOpt::Broadcast, on), Ok(()));
        assert_eq!(guest.option(fd, SockOpt::Broadcast), Ok(on));
        let to = everyone.parse().unwrap();
        assert_eq!(guest.transmit_to(fd, b"x", to), Err(Errno::EACCES));
        assert_eq!(guest.connect_to(fd, to), Err(Errno::EACCES));
        assert!(!was_reached(&receiver));
    }
    // A rule that names the broadcast address allows every receiver in its network.
    let named = [
        (Use::Connect, everyone.as_str()),
        (Use::Connect, "255.255.255.255"),
    ];
    let mut guest = guest_under(world, allow(&named));
    let fd = guest.udp();
    guest
        .set_option(fd, SockOpt::Broadcast, OptValue::Int(1))
        .unwrap();
    assert_eq!(guest.transmit_to(fd, b"x", everyone.parse().unwrap()), Ok(1));
    eventually("a broadcast arrives", || was_reached(&receiver).then_some(()));
}

fn a33_broadcasting_can_always_be_switched_off<W: World>(world: &W) {
    let mut guest = guest_under(world, deny(&[(Use::Connect, "10.0.0.1")]));
    let fd = guest.udp();
    for (value, seen) in [(1, 1), (0, 0), (-1, 1), (0, 0)] {
        guest
            .set_option(fd, SockOpt::Broadcast, OptValue::Int(value))
            .unwrap();
        assert_eq!(guest.option(fd, SockOpt::Broadcast), Ok(OptValue::Int(seen)));
    }
}
