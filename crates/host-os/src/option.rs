//! Socket options: the kernel's levels, numbers and C types.

use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::BorrowedFd;
use std::time::Duration;

use guestnet_core::{Domain, Errno, Kind, OptKind, OptValue, Result, SockOpt};

use crate::convert::{errno, errno_of_raw};
use crate::sys::group::{GroupReq, GroupSourceReq};
use crate::sys::{getsockopt, getsockopt_bytes, setsockopt};

// linux/in.h, which libc does not have for every target.
const MCAST_JOIN_GROUP: i32 = 42;
const MCAST_BLOCK_SOURCE: i32 = 43;
const MCAST_UNBLOCK_SOURCE: i32 = 44;
const MCAST_LEAVE_GROUP: i32 = 45;
const MCAST_JOIN_SOURCE_GROUP: i32 = 46;
const MCAST_LEAVE_SOURCE_GROUP: i32 = 47;

/// Level and name of getsockopt(2).
const fn number(option: SockOpt) -> (i32, i32) {
    use libc::{IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, SOL_SOCKET};
    match option {
        SockOpt::ReuseAddr => (SOL_SOCKET, libc::SO_REUSEADDR),
        SockOpt::ReusePort => (SOL_SOCKET, libc::SO_REUSEPORT),
        SockOpt::Type => (SOL_SOCKET, libc::SO_TYPE),
        SockOpt::Domain => (SOL_SOCKET, libc::SO_DOMAIN),
        SockOpt::Error => (SOL_SOCKET, libc::SO_ERROR),
        SockOpt::DontRoute => (SOL_SOCKET, libc::SO_DONTROUTE),
        SockOpt::Broadcast => (SOL_SOCKET, libc::SO_BROADCAST),
        SockOpt::SndBuf => (SOL_SOCKET, libc::SO_SNDBUF),
        SockOpt::RcvBuf => (SOL_SOCKET, libc::SO_RCVBUF),
        SockOpt::KeepAlive => (SOL_SOCKET, libc::SO_KEEPALIVE),
        SockOpt::OobInline => (SOL_SOCKET, libc::SO_OOBINLINE),
        SockOpt::Linger => (SOL_SOCKET, libc::SO_LINGER),
        SockOpt::RcvLowat => (SOL_SOCKET, libc::SO_RCVLOWAT),
        SockOpt::RcvTimeo => (SOL_SOCKET, libc::SO_RCVTIMEO),
        SockOpt::SndTimeo => (SOL_SOCKET, libc::SO_SNDTIMEO),
        SockOpt::AcceptConn => (SOL_SOCKET, libc::SO_ACCEPTCONN),
        SockOpt::BindToDevice => (SOL_SOCKET, libc::SO_BINDTODEVICE),
        SockOpt::PeerCred => (SOL_SOCKET, libc::SO_PEERCRED),
        SockOpt::BusyPoll => (SOL_SOCKET, libc::SO_BUSY_POLL),
        SockOpt::Priority => (SOL_SOCKET, libc::SO_PRIORITY),
        SockOpt::Timestamp => (SOL_SOCKET, libc::SO_TIMESTAMP),
        SockOpt::TimestampNs => (SOL_SOCKET, libc::SO_TIMESTAMPNS),
        SockOpt::RxqOvfl => (SOL_SOCKET, libc::SO_RXQ_OVFL),
        SockOpt::UdpSegment => (libc::SOL_UDP, libc::UDP_SEGMENT),
        SockOpt::UdpGro => (libc::SOL_UDP, libc::UDP_GRO),
        SockOpt::TcpNoDelay => (IPPROTO_TCP, libc::TCP_NODELAY),
        SockOpt::TcpMaxSeg => (IPPROTO_TCP, libc::TCP_MAXSEG),
        SockOpt::TcpCork => (IPPROTO_TCP, libc::TCP_CORK),
        SockOpt::TcpKeepIdle => (IPPROTO_TCP, libc::TCP_KEEPIDLE),
        SockOpt::TcpKeepIntvl => (IPPROTO_TCP, libc::TCP_KEEPINTVL),
        SockOpt::TcpKeepCnt => (IPPROTO_TCP, libc::TCP_KEEPCNT),
        SockOpt::TcpSynCnt => (IPPROTO_TCP, libc::TCP_SYNCNT),
        SockOpt::TcpDeferAccept => (IPPROTO_TCP, libc::TCP_DEFER_ACCEPT),
        SockOpt::TcpQuickAck => (IPPROTO_TCP, libc::TCP_QUICKACK),
        SockOpt::TcpUserTimeout => (IPPROTO_TCP, libc::TCP_USER_TIMEOUT),
        SockOpt::TcpLinger2 => (IPPROTO_TCP, libc::TCP_LINGER2),
        SockOpt::TcpWindowClamp => (IPPROTO_TCP, libc::TCP_WINDOW_CLAMP),
        SockOpt::TcpFastOpen => (IPPROTO_TCP, libc::TCP_FASTOPEN),
        SockOpt::TcpNotSentLowat => (IPPROTO_TCP, libc::TCP_NOTSENT_LOWAT),
        SockOpt::TcpFastOpenConnect => (IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT),
        SockOpt::TcpInfo => (IPPROTO_TCP, libc::TCP_INFO),
        SockOpt::TcpCongestion => (IPPROTO_TCP, libc::TCP_CONGESTION),
        SockOpt::IpTtl => (IPPROTO_IP, libc::IP_TTL),
        SockOpt::IpTos => (IPPROTO_IP, libc::IP_TOS),
        SockOpt::IpMulticastTtl => (IPPROTO_IP, libc::IP_MULTICAST_TTL),
        SockOpt::IpMulticastLoop => (IPPROTO_IP, libc::IP_MULTICAST_LOOP),
        SockOpt::IpMulticastIf => (IPPROTO_IP, libc::IP_MULTICAST_IF),
        SockOpt::IpMulticastAll => (IPPROTO_IP, libc::IP_MULTICAST_ALL),
        SockOpt::IpPktInfo => (IPPROTO_IP, libc::IP_PKTINFO),
        SockOpt::IpRecvTtl => (IPPROTO_IP, libc::IP_RECVTTL),
        SockOpt::IpRecvTos => (IPPROTO_IP, libc::IP_RECVTOS),
        SockOpt::IpMtuDiscover => (IPPROTO_IP, libc::IP_MTU_DISCOVER),
        SockOpt::IpMtu => (IPPROTO_IP, libc::IP_MTU),
        SockOpt::IpBindAddressNoPort => (IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT),
        SockOpt::IpAddMembership => (IPPROTO_IP, libc::IP_ADD_MEMBERSHIP),
        SockOpt::IpDropMembership => (IPPROTO_IP, libc::IP_DROP_MEMBERSHIP),
        SockOpt::IpFreebind => (IPPROTO_IP, libc::IP_FREEBIND),
        SockOpt::IpAddSourceMembership => (IPPROTO_IP, libc::IP_ADD_SOURCE_MEMBERSHIP),
        SockOpt::IpDropSourceMembership => (IPPROTO_IP, libc::IP_DROP_SOURCE_MEMBERSHIP),
        SockOpt::IpBlockSource => (IPPROTO_IP, libc::IP_BLOCK_SOURCE),
        SockOpt::IpUnblockSource => (IPPROTO_IP, libc::IP_UNBLOCK_SOURCE),
        // At the level of the group's family.
        SockOpt::McastJoinGroup => (IPPROTO_IP, MCAST_JOIN_GROUP),
        SockOpt::McastBlockSource => (IPPROTO_IP, MCAST_BLOCK_SOURCE),
        SockOpt::McastUnblockSource => (IPPROTO_IP, MCAST_UNBLOCK_SOURCE),
        SockOpt::McastLeaveGroup => (IPPROTO_IP, MCAST_LEAVE_GROUP),
        SockOpt::McastJoinSourceGroup => (IPPROTO_IP, MCAST_JOIN_SOURCE_GROUP),
        SockOpt::McastLeaveSourceGroup => (IPPROTO_IP, MCAST_LEAVE_SOURCE_GROUP),
        SockOpt::Ipv6Only => (IPPROTO_IPV6, libc::IPV6_V6ONLY),
        SockOpt::Ipv6UnicastHops => (IPPROTO_IPV6, libc::IPV6_UNICAST_HOPS),
        SockOpt::Ipv6MulticastHops => (IPPROTO_IPV6, libc::IPV6_MULTICAST_HOPS),
        SockOpt::Ipv6MulticastLoop => (IPPROTO_IPV6, libc::IPV6_MULTICAST_LOOP),
        SockOpt::Ipv6Tclass => (IPPROTO_IPV6, libc::IPV6_TCLASS),
        SockOpt::Ipv6MulticastIf => (IPPROTO_IPV6, libc::IPV6_MULTICAST_IF),
        SockOpt::Ipv6RecvPktInfo => (IPPROTO_IPV6, libc::IPV6_RECVPKTINFO),
        SockOpt::Ipv6RecvHopLimit => (IPPROTO_IPV6, libc::IPV6_RECVHOPLIMIT),
        SockOpt::Ipv6RecvTclass => (IPPROTO_IPV6, libc::IPV6_RECVTCLASS),
        SockOpt::Ipv6MtuDiscover => (IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER),
        SockOpt::Ipv6Mtu => (IPPROTO_IPV6, libc::IPV6_MTU),
        SockOpt::Ipv6JoinGroup => (IPPROTO_IPV6, libc::IPV6_ADD_MEMBERSHIP),
        SockOpt::Ipv6LeaveGroup => (IPPROTO_IPV6, libc::IPV6_DROP_MEMBERSHIP),
    }
}

/// `SO_TYPE` as the core's type; raw sockets are not ours.
pub(crate) fn kind(fd: BorrowedFd<'_>) -> Result<Kind> {
    match getsockopt::<i32>(fd, libc::SOL_SOCKET, libc::SO_TYPE).map_err(errno)? {
        libc::SOCK_STREAM => Ok(Kind::Stream),
        libc::SOCK_DGRAM => Ok(Kind::Datagram),
        libc::SOCK_SEQPACKET => Ok(Kind::SeqPacket),
        _ => Err(Errno::EPROTOTYPE),
    }
}

pub(crate) fn option(fd: BorrowedFd<'_>, option: SockOpt) -> Result<OptValue> {
    let (level, name) = number(option);
    let int = || getsockopt::<i32>(fd, level, name).map_err(errno);
    Ok(match (option, option.kind()) {
        (SockOpt::Type, _) => OptValue::Kind(kind(fd)?),
        (SockOpt::Domain, _) => OptValue::Domain(match int()? {
            libc::AF_INET => Domain::Inet,
            libc::AF_INET6 => Domain::Inet6,
            libc::AF_UNIX => Domain::Unix,
            _ => return Err(Errno::EAFNOSUPPORT),
        }),
        (SockOpt::Error, _) => OptValue::Error(errno_of_raw(int()?)),
        (_, OptKind::Fact) => OptValue::Flag(int()? != 0),
        (_, OptKind::Int) => OptValue::Int(int()?),
        (_, OptKind::Linger) => {
            let linger = getsockopt::<libc::linger>(fd, level, name).map_err(errno)?;
            OptValue::Linger {
                on: linger.l_onoff != 0,
                seconds: linger.l_linger,
            }
        }
        (_, OptKind::Interface4) => OptValue::Interface4(int()?.to_ne_bytes().into()),
        (_, OptKind::Time) => {
            let time = getsockopt::<libc::timeval>(fd, level, name).map_err(errno)?;
            let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
            let micros = u32::try_from(time.tv_usec).unwrap_or(0);
            let limit = Duration::new(seconds, micros.saturating_mul(1000));
            OptValue::Time((!limit.is_zero()).then_some(limit))
        }
        (_, OptKind::Name | OptKind::Membership | OptKind::Bytes) => return Err(Errno::ENOPROTOOPT),
    })
}

/// getsockopt(2) of the system's own bytes.
pub(crate) fn option_bytes(fd: BorrowedFd<'_>, option: SockOpt, room: &mut [u8]) -> Result<usize> {
    let (level, name) = number(option);
    getsockopt_bytes(fd, level, name, room).map_err(errno)
}

/// Whether the peer of a UNIX socket is in this process.
pub(crate) fn peer_is_in_process(fd: BorrowedFd<'_>) -> Result<Option<bool>> {
    let peer = getsockopt::<libc::ucred>(fd, libc::SOL_SOCKET, libc::SO_PEERCRED).map_err(errno)?;
    // unix(7): of a socket without a peer the user is -1; process 0 alone is one outside of our namespace.
    let there_is_none = peer.pid == 0 && peer.uid == libc::uid_t::MAX;
    let own = rustix::process::getpid().as_raw_pid();
    Ok((!there_is_none).then_some(peer.pid == own))
}

pub(crate) fn set_option(fd: BorrowedFd<'_>, option: SockOpt, value: OptValue) -> Result<()> {
    let (level, name) = number(option);
    let done = match (option.kind(), value) {
        (OptKind::Int, OptValue::Int(value)) => setsockopt(fd, level, name, &value),
        (OptKind::Interface4, OptValue::Interface4(addr)) => {
            setsockopt(fd, level, name, &i32::from_ne_bytes(addr.octets()))
        }
        (OptKind::Interface4, OptValue::Interface(index)) => {
            setsockopt(fd, level, name, &mreqn(Ipv4Addr::UNSPECIFIED, index)?)
        }
        (OptKind::Linger, OptValue::Linger { on, seconds }) => setsockopt(
            fd,
            level,
            name,
            &libc::linger {
                l_onoff: i32::from(on),
                l_linger: seconds,
            },
        ),
        (OptKind::Time, OptValue::Time(limit)) => setsockopt(fd, level, name, &timeval(limit)),
        (OptKind::Membership, value) => return set_membership(fd, option, value),
        _ => return Err(Errno::EINVAL),
    };
    done.map_err(errno)
}

/// Joining and leaving groups: each option has one shape, those of IPv4 also that with an index.
fn set_membership(fd: BorrowedFd<'_>, option: SockOpt, value: OptValue) -> Result<()> {
    let (level, name) = number(option);
    let by_family = |group: IpAddr| match group {
        IpAddr::V4(_) => libc::IPPROTO_IP,
        IpAddr::V6(_) => libc::IPPROTO_IPV6,
    };
    let done = match (option, value) {
        (
            SockOpt::IpAddMembership | SockOpt::IpDropMembership,
            OptValue::Membership4 { group, interface },
        ) => {
            let request = libc::ip_mreq {
                imr_multiaddr: in_addr(group),
                imr_interface: in_addr(interface),
            };
            setsockopt(fd, level, name, &request)
        }
        (
            SockOpt::IpAddMembership | SockOpt::IpDropMembership,
            OptValue::Group {
                group: IpAddr::V4(group),
                interface,
            },
        ) => setsockopt(fd, level, name, &mreqn(group, interface)?),
        (SockOpt::Ipv6JoinGroup | SockOpt::Ipv6LeaveGroup, OptValue::Membership6 { group, interface }) => {
            let request = libc::ipv6_mreq {
                ipv6mr_multiaddr: libc::in6_addr {
                    s6_addr: group.octets(),
                },
                ipv6mr_interface: interface,
            };
            setsockopt(fd, level, name, &request)
        }
        (
            SockOpt::IpAddSourceMembership
            | SockOpt::IpDropSourceMembership
            | SockOpt::IpBlockSource
            | SockOpt::IpUnblockSource,
            OptValue::Source4 {
                group,
                source,
                interface,
            },
        ) => {
            let request = libc::ip_mreq_source {
                imr_multiaddr: in_addr(group),
                imr_interface: in_addr(interface),
                imr_sourceaddr: in_addr(source),
            };
            setsockopt(fd, level, name, &request)
        }
        (SockOpt::McastJoinGroup | SockOpt::McastLeaveGroup, OptValue::Group { group, interface }) => {
            setsockopt(fd, by_family(group), name, &GroupReq::new(group, interface))
        }
        (
            SockOpt::McastJoinSourceGroup
            | SockOpt::McastLeaveSourceGroup
            | SockOpt::McastBlockSource
            | SockOpt::McastUnblockSource,
            OptValue::GroupSource {
                group,
                source,
                interface,
            },
        ) => setsockopt(
            fd,
            by_family(group),
            name,
            &GroupSourceReq::new(group, source, interface),
        ),
        _ => return Err(Errno::EINVAL),
    };
    done.map_err(errno)
}

fn in_addr(ip: Ipv4Addr) -> libc::in_addr {
    libc::in_addr {
        s_addr: u32::from(ip).to_be(),
    }
}

/// # Errors
/// `ENODEV`: no interface has such an index.
fn mreqn(group: Ipv4Addr, interface: u32) -> Result<libc::ip_mreqn> {
    Ok(libc::ip_mreqn {
        imr_multiaddr: in_addr(group),
        imr_address: in_addr(Ipv4Addr::UNSPECIFIED),
        imr_ifindex: i32::try_from(interface).map_err(|_| Errno::ENODEV)?,
    })
}

/// socket(7): all zero is no limit, so that the shortest limit is a microsecond.
fn timeval(limit: Option<Duration>) -> libc::timeval {
    let limit = limit.unwrap_or(Duration::ZERO);
    let micros = if limit.is_zero() {
        0
    } else {
        limit.subsec_micros().max(u32::from(limit.as_secs() == 0))
    };
    libc::timeval {
        tv_sec: libc::time_t::try_from(limit.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_usec: libc::suseconds_t::from(micros),
    }
}
