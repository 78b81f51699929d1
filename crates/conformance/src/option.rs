//! Options: each is the kernel's own, set and read back.

use std::net::Ipv4Addr;
use std::time::Duration;

use guestnet_core::{Domain, Errno, Fd, Kind, MAX_OPTION_BYTES, OptKind, OptValue, PeerProgram, SockOpt};

use crate::behaviour::behaviours;
use crate::guest::{Calls, TestGuest, guest};
use crate::world::World;

behaviours! { "option":
    every_flag_is_set_and_read_back: Ipv6,
    every_number_is_set_and_read_back: Ipv6,
    buffers_are_what_the_kernel_makes_of_them,
    time_limits_are_rounded_up_by_the_kernel_at_most,
    linger_is_set_and_read_back,
    facts_are_reported_and_cannot_be_set: UnixSockets,
    an_option_of_another_protocol_is_enoprotoopt_or_eopnotsupp: UnixSockets,
    every_wrong_shape_is_einval_or_refused,
    a_number_out_of_range_is_refused,
    bind_to_device_is_refused,
    a_membership_cannot_be_read,
    the_low_water_mark_is_read_back,
    v6only_cannot_be_set_after_bind: Ipv6,
    the_congestion_control_can_be_read_and_not_set,
    what_the_kernel_knows_of_a_connection_can_be_read: TcpInfo,
    only_the_ends_of_a_pair_are_certain_to_be_the_guests_own: UnixSockets SocketPairs,
    a_privilege_of_the_process_is_none_of_the_guests,
}

fn set_and_read<W: World>(guest: &mut TestGuest<W>, fd: Fd, option: SockOpt, value: i32) {
    assert_eq!(
        guest.set_option(fd, option, OptValue::Int(value)),
        Ok(()),
        "{}",
        option.name()
    );
    assert_eq!(
        guest.option(fd, option),
        Ok(OptValue::Int(value)),
        "{}",
        option.name()
    );
}

fn every_flag_is_set_and_read_back<W: World>(world: &W) {
    let mut guest = guest(world);
    let (tcp, udp) = (guest.tcp(), guest.udp());
    let tcp6 = guest.socket(Domain::Inet6, Kind::Stream).unwrap();
    let udp6 = guest.socket(Domain::Inet6, Kind::Datagram).unwrap();
    for (fd, option) in [
        (tcp, SockOpt::ReuseAddr),
        (tcp, SockOpt::ReusePort),
        (tcp, SockOpt::KeepAlive),
        (tcp, SockOpt::OobInline),
        (tcp, SockOpt::TcpNoDelay),
        (tcp, SockOpt::TcpCork),
        (tcp, SockOpt::TcpFastOpenConnect),
        (tcp6, SockOpt::Ipv6Only),
        (udp, SockOpt::Broadcast),
        (udp, SockOpt::DontRoute),
        (udp, SockOpt::IpMulticastLoop),
        (udp6, SockOpt::Ipv6MulticastLoop),
    ] {
        for value in [1, 0, 1] {
            set_and_read::<W>(&mut guest, fd, option, value);
        }
    }
}

fn every_number_is_set_and_read_back<W: World>(world: &W) {
    let mut guest = guest(world);
    let (tcp, udp) = (guest.tcp(), guest.udp());
    let udp6 = guest.socket(Domain::Inet6, Kind::Datagram).unwrap();
    for (fd, option, value) in [
        (tcp, SockOpt::TcpKeepIdle, 77),
        (tcp, SockOpt::TcpKeepIntvl, 7),
        (tcp, SockOpt::TcpKeepCnt, 5),
        (tcp, SockOpt::TcpSynCnt, 3),
        (tcp, SockOpt::TcpUserTimeout, 12_345),
        (tcp, SockOpt::IpTtl, 33),
        (udp, SockOpt::IpTos, 0x10),
        (udp, SockOpt::IpMulticastTtl, 9),
        (udp6, SockOpt::Ipv6UnicastHops, 44),
        (udp6, SockOpt::Ipv6MulticastHops, 4),
        (udp6, SockOpt::Ipv6Tclass, 0x20),
    ] {
        set_and_read::<W>(&mut guest, fd, option, value);
    }
    // The kernel may change these values; it takes them and gives a number.
    for (option, value) in [
        (SockOpt::TcpDeferAccept, 5),
        (SockOpt::TcpQuickAck, 1),
        (SockOpt::TcpMaxSeg, 1000),
    ] {
        assert_eq!(
            guest.set_option(tcp, option, OptValue::Int(value)),
            Ok(()),
            "{}",
            option.name()
        );
        assert!(
            matches!(guest.option(tcp, option), Ok(OptValue::Int(_))),
            "{}",
            option.name()
        );
    }
}

fn buffers_are_what_the_kernel_makes_of_them<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    for option in [SockOpt::SndBuf, SockOpt::RcvBuf] {
        guest.set_option(fd, option, OptValue::Int(10_000)).unwrap();
        assert_eq!(
            guest.option(fd, option),
            Ok(OptValue::Int(20_000)),
            "Linux doubles it"
        );
        guest.set_option(fd, option, OptValue::Int(0)).unwrap();
        assert!(matches!(guest.option(fd, option), Ok(OptValue::Int(least)) if least > 0));
    }
}

fn time_limits_are_rounded_up_by_the_kernel_at_most<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    for option in [SockOpt::RcvTimeo, SockOpt::SndTimeo] {
        assert_eq!(guest.option(fd, option), Ok(OptValue::Time(None)));
        for limit in [
            Duration::from_nanos(1),
            Duration::from_micros(1500),
            Duration::from_millis(2250),
        ] {
            guest.set_option(fd, option, OptValue::Time(Some(limit))).unwrap();
            let Ok(OptValue::Time(Some(rounded))) = guest.option(fd, option) else {
                panic!("{limit:?} is a limit")
            };
            assert!(
                rounded >= limit && rounded - limit < Duration::from_millis(20),
                "{limit:?} became {rounded:?}"
            );
        }
        guest
            .set_option(fd, option, OptValue::Time(Some(Duration::MAX)))
            .unwrap();
        assert_eq!(
            guest.option(fd, option),
            Ok(OptValue::Time(None)),
            "for ever is no limit"
        );
        guest
            .set_option(fd, option, OptValue::Time(Some(Duration::ZERO)))
            .unwrap();
        assert_eq!(
            guest.option(fd, option),
            Ok(OptValue::Time(None)),
            "so is all zero"
        );
    }
}

fn linger_is_set_and_read_back<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    for (on, seconds) in [(true, 5), (true, 0), (false, 0)] {
        let value = OptValue::Linger { on, seconds };
        assert_eq!(guest.set_option(fd, SockOpt::Linger, value), Ok(()));
        assert_eq!(guest.option(fd, SockOpt::Linger), Ok(value));
    }
}

fn facts_are_reported_and_cannot_be_set<W: World>(world: &W) {
    let mut guest = guest(world);
    let (listener, _) = guest.tcp_listener();
    for domain in [Domain::Inet, Domain::Inet6, Domain::Unix] {
        for kind in [Kind::Stream, Kind::Datagram] {
            let fd = guest.socket(domain, kind).unwrap();
            assert_eq!(guest.option(fd, SockOpt::Type), Ok(OptValue::Kind(kind)));
            assert_eq!(guest.option(fd, SockOpt::Domain), Ok(OptValue::Domain(domain)));
            assert_eq!(guest.option(fd, SockOpt::Error), Ok(OptValue::Error(None)));
            assert_eq!(guest.option(fd, SockOpt::AcceptConn), Ok(OptValue::Flag(false)));
        }
    }
    assert_eq!(
        guest.option(listener, SockOpt::AcceptConn),
        Ok(OptValue::Flag(true))
    );
    for option in SockOpt::ALL
        .iter()
        .filter(|option| option.kind() == OptKind::Fact)
    {
        assert_eq!(
            guest.set_option(listener, *option, OptValue::Int(1)),
            Err(Errno::ENOPROTOOPT)
        );
    }
}

fn an_option_of_another_protocol_is_enoprotoopt_or_eopnotsupp<W: World>(world: &W) {
    let mut guest = guest(world);
    let udp = guest.udp();
    let unix = guest.socket(Domain::Unix, Kind::Stream).unwrap();
    for (fd, option) in [
        (udp, SockOpt::TcpNoDelay),
        (unix, SockOpt::TcpNoDelay),
        (unix, SockOpt::IpTtl),
    ] {
        for error in [guest.option(fd, option).unwrap_err(), {
            guest.set_option(fd, option, OptValue::Int(1)).unwrap_err()
        }] {
            assert!(
                matches!(error, Errno::ENOPROTOOPT | Errno::EOPNOTSUPP),
                "{}: {error}",
                option.name()
            );
        }
    }
}

/// A value of each shape, harmless where it fits.
fn values() -> [OptValue; 13] {
    let group = Ipv4Addr::new(239, 255, 77, 4);
    [
        OptValue::Int(1),
        OptValue::Time(Some(Duration::from_secs(1))),
        OptValue::Linger {
            on: false,
            seconds: 0,
        },
        OptValue::Error(None),
        OptValue::Kind(Kind::Stream),
        OptValue::Flag(true),
        OptValue::Membership4 {
            group,
            interface: Ipv4Addr::LOCALHOST,
        },
        OptValue::Membership6 {
            group: "ff01::7".parse().unwrap(),
            interface: 0,
        },
        OptValue::Source4 {
            group,
            source: Ipv4Addr::LOCALHOST,
            interface: Ipv4Addr::LOCALHOST,
        },
        OptValue::Group {
            group: group.into(),
            interface: 1,
        },
        OptValue::GroupSource {
            group: group.into(),
            source: Ipv4Addr::LOCALHOST.into(),
            interface: 1,
        },
        OptValue::Interface(1),
        OptValue::Peer(PeerProgram::Own),
    ]
}

/// Whether a membership has the option's shape.
fn is_membership_of(option: SockOpt, value: OptValue) -> bool {
    match value {
        OptValue::Membership4 { .. } => {
            matches!(option, SockOpt::IpAddMembership | SockOpt::IpDropMembership)
        }
        OptValue::Membership6 { .. } => matches!(option, SockOpt::Ipv6JoinGroup | SockOpt::Ipv6LeaveGroup),
        OptValue::Source4 { .. } => matches!(
            option,
            SockOpt::IpAddSourceMembership
                | SockOpt::IpDropSourceMembership
                | SockOpt::IpBlockSource
                | SockOpt::IpUnblockSource
        ),
        // That of IPv4 has the index of `struct ip_mreqn`.
        OptValue::Group { .. } => matches!(
            option,
            SockOpt::McastJoinGroup
                | SockOpt::McastLeaveGroup
                | SockOpt::IpAddMembership
                | SockOpt::IpDropMembership
        ),
        OptValue::GroupSource { .. } => matches!(
            option,
            SockOpt::McastJoinSourceGroup
                | SockOpt::McastLeaveSourceGroup
                | SockOpt::McastBlockSource
                | SockOpt::McastUnblockSource
        ),
        _ => false,
    }
}

fn every_wrong_shape_is_einval_or_refused<W: World>(world: &W) {
    let mut guest = guest(world);
    for &option in SockOpt::ALL {
        let fd = guest.udp();
        for value in values() {
            let fits = matches!(
                (option.kind(), value),
                (OptKind::Int, OptValue::Int(_))
                    | (OptKind::Time, OptValue::Time(_))
                    | (OptKind::Linger, OptValue::Linger { .. })
                    | (
                        OptKind::Interface4,
                        OptValue::Interface4(_) | OptValue::Interface(_)
                    )
            );
            if fits || is_membership_of(option, value) {
                continue;
            }
            let expected = match option.kind() {
                OptKind::Fact | OptKind::Bytes => Errno::ENOPROTOOPT,
                OptKind::Name => Errno::EOPNOTSUPP,
                OptKind::Int
                | OptKind::Time
                | OptKind::Linger
                | OptKind::Interface4
                | OptKind::Membership => Errno::EINVAL,
            };
            let (name, result) = (option.name(), guest.set_option(fd, option, value));
            assert_eq!(result, Err(expected), "{name} with {value:?}");
        }
        guest.close(fd).unwrap();
    }
}

fn a_number_out_of_range_is_refused<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    for (option, value) in [
        (SockOpt::IpTtl, 256),
        (SockOpt::IpTtl, 0),
        (SockOpt::TcpKeepIdle, -1),
        (SockOpt::TcpKeepCnt, 1000),
        (SockOpt::TcpUserTimeout, -1),
    ] {
        let result = guest.set_option(fd, option, OptValue::Int(value));
        assert_eq!(result, Err(Errno::EINVAL), "{} = {value}", option.name());
    }
}

fn bind_to_device_is_refused<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    assert_eq!(guest.option(fd, SockOpt::BindToDevice), Err(Errno::EOPNOTSUPP));
    for value in values() {
        assert_eq!(
            guest.set_option(fd, SockOpt::BindToDevice, value),
            Err(Errno::EOPNOTSUPP)
        );
    }
}

fn a_membership_cannot_be_read<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.udp();
    for option in SockOpt::ALL
        .iter()
        .filter(|option| option.kind() == OptKind::Membership)
    {
        assert_eq!(guest.option(fd, *option), Err(Errno::ENOPROTOOPT));
    }
}

fn the_low_water_mark_is_read_back<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.tcp();
    assert_eq!(guest.option(fd, SockOpt::RcvLowat), Ok(OptValue::Int(1)));
    set_and_read::<W>(&mut guest, fd, SockOpt::RcvLowat, 100);
    set_and_read::<W>(&mut guest, fd, SockOpt::RcvLowat, 1);
    // socket(7): negative is the largest there is, 0 is 1.
    guest
        .set_option(fd, SockOpt::RcvLowat, OptValue::Int(-1))
        .unwrap();
    assert!(matches!(guest.option(fd, SockOpt::RcvLowat), Ok(OptValue::Int(most)) if most > 1000));
    guest.set_option(fd, SockOpt::RcvLowat, OptValue::Int(0)).unwrap();
    assert_eq!(guest.option(fd, SockOpt::RcvLowat), Ok(OptValue::Int(1)));
}

fn v6only_cannot_be_set_after_bind<W: World>(world: &W) {
    let mut guest = guest(world);
    let fd = guest.socket(Domain::Inet6, Kind::Stream).unwrap();
    let any = std::net::SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, 0));
    guest.bind(fd, &any.into()).unwrap();
    assert_eq!(
        guest.set_option(fd, SockOpt::Ipv6Only, OptValue::Int(1)),
        Err(Errno::EINVAL)
    );
}

fn the_congestion_control_can_be_read_and_not_set<W: World>(world: &W) {
    let mut guest = guest(world);
    let (tcp, udp) = (guest.tcp(), guest.udp());
    let mut room = [b'?'; 64];
    let len = guest
        .option_bytes(tcp, SockOpt::TcpCongestion, &mut room)
        .unwrap();
    let name = room[..len].split(|byte| *byte == 0).next().unwrap();
    assert!(!name.is_empty() && name.is_ascii(), "{name:?}");
    // What does not fit is cut.
    let mut two = [b'?'; 2];
    assert_eq!(guest.option_bytes(tcp, SockOpt::TcpCongestion, &mut two), Ok(2));
    assert_eq!(two, name[..2]);
    assert_eq!(guest.option_bytes(tcp, SockOpt::TcpCongestion, &mut []), Ok(0));
    let refused = guest.set_option(tcp, SockOpt::TcpCongestion, OptValue::Int(0));
    assert_eq!(refused, Err(Errno::EPERM));
    // Bytes are no value of any other option, and this one has no other value.
    for result in [
        guest.option(tcp, SockOpt::TcpCongestion).map(|_| 0),
        guest.option_bytes(tcp, SockOpt::SndBuf, &mut room),
    ] {
        assert_eq!(result, Err(Errno::ENOPROTOOPT));
    }
    for option in [SockOpt::TcpCongestion, SockOpt::TcpInfo] {
        let result = guest.option_bytes(udp, option, &mut room);
        assert!(
            matches!(result, Err(Errno::ENOPROTOOPT | Errno::EOPNOTSUPP)),
            "{result:?}"
        );
    }
}

fn what_the_kernel_knows_of_a_connection_can_be_read<W: World>(world: &W) {
    let mut guest = guest(world);
    let (listener, _) = guest.tcp_listener();
    let (connected, _peer) = guest.tcp_pair(world);
    let mut room = [0; MAX_OPTION_BYTES];
    let unconnected = guest.tcp();
    // The first byte is the state: TCP_ESTABLISHED, TCP_LISTEN, TCP_CLOSE of netinet/tcp.h.
    for (fd, state) in [(connected, 1), (listener, 10), (unconnected, 7)] {
        let len = guest.option_bytes(fd, SockOpt::TcpInfo, &mut room).unwrap();
        assert!((100..MAX_OPTION_BYTES).contains(&len), "{len} bytes");
        assert_eq!(room[0], state);
    }
}

fn only_the_ends_of_a_pair_are_certain_to_be_the_guests_own<W: World>(world: &W) {
    let mut guest = guest(world);
    // So that what the kernel says of the process is not certain to be about this guest.
    let _another = crate::guest::guest(world);
    let peer = |guest: &mut TestGuest<W>, fd| guest.option(fd, SockOpt::PeerCred);
    for kind in [Kind::Stream, Kind::Datagram] {
        let (one, other) = guest.socket_pair(kind).unwrap();
        assert_eq!(peer(&mut guest, one), Ok(OptValue::Peer(PeerProgram::Own)));
        assert_eq!(peer(&mut guest, other), Ok(OptValue::Peer(PeerProgram::Own)));
        assert_eq!(
            guest.set_option(one, SockOpt::PeerCred, OptValue::Int(1)),
            Err(Errno::ENOPROTOOPT)
        );
    }
    let unix = guest.socket(Domain::Unix, Kind::Stream).unwrap();
    let tcp = guest.tcp();
    for fd in [unix, tcp] {
        assert_eq!(peer(&mut guest, fd), Ok(OptValue::Peer(PeerProgram::None)));
    }
}

fn a_privilege_of_the_process_is_none_of_the_guests<W: World>(world: &W) {
    let mut guest = guest(world);
    for fd in [guest.tcp(), guest.udp()] {
        for (option, value) in [(SockOpt::BusyPoll, 1_000_000), (SockOpt::IpFreebind, 1)] {
            assert_eq!(
                guest.option(fd, option),
                Ok(OptValue::Int(0)),
                "{}",
                option.name()
            );
            let set = guest.set_option(fd, option, OptValue::Int(value));
            assert_eq!(set, Err(Errno::EPERM), "{}", option.name());
            assert_eq!(guest.set_option(fd, option, OptValue::Int(0)), Ok(()));
            assert_eq!(
                guest.option(fd, option),
                Ok(OptValue::Int(0)),
                "{}",
                option.name()
            );
        }
        let negative = guest.set_option(fd, SockOpt::BusyPoll, OptValue::Int(-1));
        assert_eq!(negative, Err(Errno::EINVAL));
    }
}
