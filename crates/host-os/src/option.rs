//! Socket options: the kernel's levels, numbers and C types.

use std::os::fd::BorrowedFd;
use std::time::Duration;

use guestnet_core::{Domain, Errno, Kind, OptKind, OptValue, Result, SockOpt};

use crate::convert::{errno, errno_of_raw};
use crate::sys::{getsockopt, setsockopt};

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
        SockOpt::Priority => (SOL_SOCKET, libc::SO_PRIORITY),
        SockOpt::Timestamp => (SOL_SOCKET, libc::SO_TIMESTAMP),
        SockOpt::TimestampNs => (SOL_SOCKET, libc::SO_TIMESTAMPNS),
        SockOpt::RxqOvfl => (SOL_SOCKET, libc::SO_RXQ_OVFL),
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
        (_, OptKind::Name | OptKind::Membership) => return Err(Errno::ENOPROTOOPT),
    })
}

pub(crate) fn set_option(fd: BorrowedFd<'_>, option: SockOpt, value: OptValue) -> Result<()> {
    let (level, name) = number(option);
    let done = match (option.kind(), value) {
        (OptKind::Int, OptValue::Int(value)) => setsockopt(fd, level, name, &value),
        (OptKind::Interface4, OptValue::Interface4(addr)) => {
            setsockopt(fd, level, name, &i32::from_ne_bytes(addr.octets()))
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
        (OptKind::Membership, OptValue::Membership4 { group, interface }) => {
            let address = |ip: std::net::Ipv4Addr| libc::in_addr {
                s_addr: u32::from(ip).to_be(),
            };
            let request = libc::ip_mreq {
                imr_multiaddr: address(group),
                imr_interface: address(interface),
            };
            setsockopt(fd, level, name, &request)
        }
        (OptKind::Membership, OptValue::Membership6 { group, interface }) => {
            let request = libc::ipv6_mreq {
                ipv6mr_multiaddr: libc::in6_addr {
                    s6_addr: group.octets(),
                },
                ipv6mr_interface: interface,
            };
            setsockopt(fd, level, name, &request)
        }
        _ => return Err(Errno::EINVAL),
    };
    done.map_err(errno)
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
