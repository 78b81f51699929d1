//! Socket options by name, with typed values.
//!
//! Not here: levels and numbers. Each ABI and each kernel has its own; both sides convert to these.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::addr::{Domain, Kind};
use crate::errno::Errno;

/// The shape of an option's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptKind {
    /// An `int`, booleans included.
    Int,
    /// A `struct timeval`.
    Time,
    /// A `struct linger`.
    Linger,
    /// An interface name of at most 15 bytes.
    Name,
    /// A group membership (`struct ip_mreqn`, `struct ipv6_mreq`, `struct group_req` and their like); can be set only.
    Membership,
    /// The IPv4 address of an interface (`struct in_addr`), or its index (`struct ip_mreqn`).
    Interface4,
    /// A fact of the socket; can be read only.
    Fact,
    /// Bytes of the system's own, [`MAX_OPTION_BYTES`] at most; can be read only, by
    /// [`GuestThread::option_bytes`](crate::GuestThread::option_bytes).
    Bytes,
}

/// The most bytes of an option of the kind [`OptKind::Bytes`]: more than any Linux has in its `struct tcp_info`.
pub const MAX_OPTION_BYTES: usize = 512;

/// Declares the options with their shapes and documentation from one list.
macro_rules! options {
    ($($(#[$doc:meta])* $variant:ident $name:literal $kind:ident,)*) => {
        /// A socket option (getsockopt(2), socket(7), ip(7), ipv6(7), tcp(7)).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum SockOpt { $($(#[$doc])* $variant,)* }

        impl SockOpt {
            /// Every option, in declaration order.
            pub const ALL: &'static [SockOpt] = &[$(SockOpt::$variant,)*];

            /// The name as the manual pages spell it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(SockOpt::$variant => $name,)* }
            }

            /// The shape of its value.
            #[must_use]
            pub const fn kind(self) -> OptKind {
                match self { $(SockOpt::$variant => OptKind::$kind,)* }
            }
        }
    };
}

options! {
    /// Allow to bind an address that is in `TIME_WAIT`.
    ReuseAddr "SO_REUSEADDR" Int,
    /// Let several sockets of one user bind the same address.
    ReusePort "SO_REUSEPORT" Int,
    /// The socket type; read-only.
    Type "SO_TYPE" Fact,
    /// The family; read-only.
    Domain "SO_DOMAIN" Fact,
    /// The pending error; reading clears it; read-only.
    Error "SO_ERROR" Fact,
    /// Send to directly connected hosts only.
    DontRoute "SO_DONTROUTE" Int,
    /// Allow datagrams to a broadcast address.
    Broadcast "SO_BROADCAST" Int,
    /// Send buffer size, bytes. The kernel doubles what is set and reports the doubled value.
    SndBuf "SO_SNDBUF" Int,
    /// Receive buffer size, bytes. Doubled as [`SockOpt::SndBuf`].
    RcvBuf "SO_RCVBUF" Int,
    /// Keep-alive probes on an idle connection.
    KeepAlive "SO_KEEPALIVE" Int,
    /// Deliver urgent data in line.
    OobInline "SO_OOBINLINE" Int,
    /// What close(2) does with unsent data.
    Linger "SO_LINGER" Linger,
    /// Bytes that make a stream readable.
    RcvLowat "SO_RCVLOWAT" Int,
    /// Limit for a blocking receive or accept.
    RcvTimeo "SO_RCVTIMEO" Time,
    /// Limit for a blocking send or connect.
    SndTimeo "SO_SNDTIMEO" Time,
    /// Whether the socket listens; read-only.
    AcceptConn "SO_ACCEPTCONN" Fact,
    /// Bind to an interface. Refused: it would reach round the policy.
    BindToDevice "SO_BINDTODEVICE" Name,
    /// Who the peer of a UNIX socket is, as far as the guest may know; read-only ([`PeerProgram`]).
    PeerCred "SO_PEERCRED" Fact,
    /// Microseconds of polling the device instead of waiting for it. A guest may lower it, and not raise it.
    BusyPoll "SO_BUSY_POLL" Int,
    /// Queueing priority of what is sent.
    Priority "SO_PRIORITY" Int,
    /// Give the time of arrival as control data, in microseconds.
    Timestamp "SO_TIMESTAMP" Int,
    /// Give the time of arrival as control data, in nanoseconds.
    TimestampNs "SO_TIMESTAMPNS" Int,
    /// Give the number of dropped datagrams as control data.
    RxqOvfl "SO_RXQ_OVFL" Int,
    /// The size of the datagrams that one send is cut into, bytes; 0 for no cut (udp(7)).
    UdpSegment "UDP_SEGMENT" Int,
    /// Receive several datagrams of one size at once, with that size as control data.
    UdpGro "UDP_GRO" Int,
    /// Send small segments at once (tcp(7)).
    TcpNoDelay "TCP_NODELAY" Int,
    /// Maximum segment size, bytes.
    TcpMaxSeg "TCP_MAXSEG" Int,
    /// Hold back partial frames.
    TcpCork "TCP_CORK" Int,
    /// Seconds of idleness before the first keep-alive probe.
    TcpKeepIdle "TCP_KEEPIDLE" Int,
    /// Seconds between keep-alive probes.
    TcpKeepIntvl "TCP_KEEPINTVL" Int,
    /// Keep-alive probes before the connection is dropped.
    TcpKeepCnt "TCP_KEEPCNT" Int,
    /// SYN retransmits before a connect fails.
    TcpSynCnt "TCP_SYNCNT" Int,
    /// Wake a listener only when data has arrived, seconds.
    TcpDeferAccept "TCP_DEFER_ACCEPT" Int,
    /// Acknowledge at once.
    TcpQuickAck "TCP_QUICKACK" Int,
    /// Milliseconds that sent data may stay unacknowledged.
    TcpUserTimeout "TCP_USER_TIMEOUT" Int,
    /// Seconds that a connection stays in FIN_WAIT2.
    TcpLinger2 "TCP_LINGER2" Int,
    /// Upper bound of the advertised window, bytes.
    TcpWindowClamp "TCP_WINDOW_CLAMP" Int,
    /// Accept data in the SYN, with a queue of this length.
    TcpFastOpen "TCP_FASTOPEN" Int,
    /// Unsent bytes below which a stream is writable.
    TcpNotSentLowat "TCP_NOTSENT_LOWAT" Int,
    /// Open with data in the SYN.
    TcpFastOpenConnect "TCP_FASTOPEN_CONNECT" Int,
    /// What the kernel knows of the connection (`struct tcp_info`); read-only.
    TcpInfo "TCP_INFO" Bytes,
    /// The name of the congestion control. Reading only: to set it is `EPERM`.
    TcpCongestion "TCP_CONGESTION" Bytes,
    /// Time to live of unicast packets (ip(7)).
    IpTtl "IP_TTL" Int,
    /// Type-of-service byte.
    IpTos "IP_TOS" Int,
    /// Time to live of multicast packets.
    IpMulticastTtl "IP_MULTICAST_TTL" Int,
    /// Loop multicast packets back to local members.
    IpMulticastLoop "IP_MULTICAST_LOOP" Int,
    /// The interface of outgoing multicast packets, by its address.
    IpMulticastIf "IP_MULTICAST_IF" Interface4,
    /// Deliver to groups that other sockets of the machine have joined.
    IpMulticastAll "IP_MULTICAST_ALL" Int,
    /// Give the interface and destination of a datagram as control data.
    IpPktInfo "IP_PKTINFO" Int,
    /// Give the time to live of a datagram as control data.
    IpRecvTtl "IP_RECVTTL" Int,
    /// Give the type of service of a datagram as control data.
    IpRecvTos "IP_RECVTOS" Int,
    /// Path MTU discovery.
    IpMtuDiscover "IP_MTU_DISCOVER" Int,
    /// The path's MTU, bytes, of a connected socket; cannot be set.
    IpMtu "IP_MTU" Int,
    /// Choose the port at connect, not at bind.
    IpBindAddressNoPort "IP_BIND_ADDRESS_NO_PORT" Int,
    /// Allow to bind an address that the machine does not have (yet). Reading only: to switch it on is `EPERM`.
    IpFreebind "IP_FREEBIND" Int,
    /// Join an IPv4 group; set-only.
    IpAddMembership "IP_ADD_MEMBERSHIP" Membership,
    /// Leave an IPv4 group; set-only.
    IpDropMembership "IP_DROP_MEMBERSHIP" Membership,
    /// Join an IPv4 group for what one source sends to it; set-only.
    IpAddSourceMembership "IP_ADD_SOURCE_MEMBERSHIP" Membership,
    /// Leave an IPv4 group as far as one source is concerned; set-only.
    IpDropSourceMembership "IP_DROP_SOURCE_MEMBERSHIP" Membership,
    /// Block one source of an IPv4 group; set-only.
    IpBlockSource "IP_BLOCK_SOURCE" Membership,
    /// Receive again from a source that was blocked; set-only.
    IpUnblockSource "IP_UNBLOCK_SOURCE" Membership,
    /// Join a group of the socket's family (RFC 3678); set-only. On Linux one number at two levels, that of the group's family.
    McastJoinGroup "MCAST_JOIN_GROUP" Membership,
    /// Leave a group; set-only.
    McastLeaveGroup "MCAST_LEAVE_GROUP" Membership,
    /// Join a group for what one source sends to it; set-only.
    McastJoinSourceGroup "MCAST_JOIN_SOURCE_GROUP" Membership,
    /// Leave a group as far as one source is concerned; set-only.
    McastLeaveSourceGroup "MCAST_LEAVE_SOURCE_GROUP" Membership,
    /// Block one source of a group; set-only.
    McastBlockSource "MCAST_BLOCK_SOURCE" Membership,
    /// Receive again from a source that was blocked; set-only.
    McastUnblockSource "MCAST_UNBLOCK_SOURCE" Membership,
    /// Refuse IPv4 on an IPv6 socket (ipv6(7)).
    Ipv6Only "IPV6_V6ONLY" Int,
    /// Hop limit of unicast packets.
    Ipv6UnicastHops "IPV6_UNICAST_HOPS" Int,
    /// Hop limit of multicast packets.
    Ipv6MulticastHops "IPV6_MULTICAST_HOPS" Int,
    /// Loop multicast packets back to local members.
    Ipv6MulticastLoop "IPV6_MULTICAST_LOOP" Int,
    /// Traffic-class byte.
    Ipv6Tclass "IPV6_TCLASS" Int,
    /// The interface of outgoing multicast packets, by its index.
    Ipv6MulticastIf "IPV6_MULTICAST_IF" Int,
    /// Give the interface and destination of a datagram as control data.
    Ipv6RecvPktInfo "IPV6_RECVPKTINFO" Int,
    /// Give the hop limit of a datagram as control data.
    Ipv6RecvHopLimit "IPV6_RECVHOPLIMIT" Int,
    /// Give the traffic class of a datagram as control data.
    Ipv6RecvTclass "IPV6_RECVTCLASS" Int,
    /// Path MTU discovery.
    Ipv6MtuDiscover "IPV6_MTU_DISCOVER" Int,
    /// The path's MTU, bytes, of a connected socket.
    Ipv6Mtu "IPV6_MTU" Int,
    /// Join an IPv6 group; set-only.
    Ipv6JoinGroup "IPV6_JOIN_GROUP" Membership,
    /// Leave an IPv6 group; set-only.
    Ipv6LeaveGroup "IPV6_LEAVE_GROUP" Membership,
}

impl SockOpt {
    /// Whether it makes the socket a member of a group, so that it is reached at the group's address.
    pub(crate) const fn joins(self) -> bool {
        matches!(
            self,
            SockOpt::IpAddMembership
                | SockOpt::IpAddSourceMembership
                | SockOpt::McastJoinGroup
                | SockOpt::McastJoinSourceGroup
                | SockOpt::Ipv6JoinGroup
        )
    }
}

/// Who the other end of a UNIX socket is (`SO_PEERCRED`). The identity of other programs, and the machine's numbers of
/// processes and users, are no guest's to know: an adapter has the guest's own for the first, and what Linux says for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerProgram {
    /// The guest itself. It sees its own process, user and group.
    Own,
    /// Another program, or one of which that is not certain. To the guest it is as one outside of its namespaces: process 0, and
    /// the user and group that stand for those without a number (65534).
    Other,
    /// None: it is not connected, or no UNIX socket. Process 0, user and group -1.
    None,
}

/// The value of an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptValue {
    /// An `int`; booleans are 0 and not 0.
    Int(i32),
    /// A time limit; `None` (all zero in `struct timeval`) is no limit.
    Time(Option<Duration>),
    /// `struct linger`: whether close waits, and for how many seconds.
    Linger {
        /// `l_onoff`.
        on: bool,
        /// `l_linger`, seconds.
        seconds: i32,
    },
    /// `SO_ERROR`: the pending error, `None` for 0.
    Error(Option<Errno>),
    /// `SO_TYPE`.
    Kind(Kind),
    /// `SO_DOMAIN`.
    Domain(Domain),
    /// `SO_PEERCRED`.
    Peer(PeerProgram),
    /// A flag that is only read, such as `SO_ACCEPTCONN`.
    Flag(bool),
    /// An IPv4 group and the address of the interface, unspecified for the default one.
    Membership4 {
        /// The group.
        group: Ipv4Addr,
        /// The interface's address.
        interface: Ipv4Addr,
    },
    /// An IPv4 group, one source of it, and the address of the interface (`struct ip_mreq_source`).
    Source4 {
        /// The group.
        group: Ipv4Addr,
        /// The source.
        source: Ipv4Addr,
        /// The interface's address, unspecified for the default one.
        interface: Ipv4Addr,
    },
    /// A group and the index of the interface (`struct group_req`; `struct ip_mreqn` with an index).
    Group {
        /// The group.
        group: IpAddr,
        /// The interface's index, 0 for the default one.
        interface: u32,
    },
    /// A group, one source of it, and the index of the interface (`struct group_source_req`).
    GroupSource {
        /// The group.
        group: IpAddr,
        /// The source.
        source: IpAddr,
        /// The interface's index, 0 for the default one.
        interface: u32,
    },
    /// The address of an interface, unspecified for the default one (`IP_MULTICAST_IF`).
    Interface4(Ipv4Addr),
    /// The index of an interface, for an option that otherwise takes its address; 0 for the default one.
    Interface(u32),
    /// An IPv6 group and the index of the interface, 0 for the default one.
    Membership6 {
        /// The group.
        group: Ipv6Addr,
        /// The interface's index.
        interface: u32,
    },
}

impl OptValue {
    /// The group of a membership.
    pub(crate) fn group(self) -> Option<IpAddr> {
        match self {
            OptValue::Membership4 { group, .. } | OptValue::Source4 { group, .. } => Some(group.into()),
            OptValue::Membership6 { group, .. } => Some(group.into()),
            OptValue::Group { group, .. } | OptValue::GroupSource { group, .. } => Some(group),
            OptValue::Int(_)
            | OptValue::Time(_)
            | OptValue::Linger { .. }
            | OptValue::Error(_)
            | OptValue::Kind(_)
            | OptValue::Domain(_)
            | OptValue::Peer(_)
            | OptValue::Flag(_)
            | OptValue::Interface4(_)
            | OptValue::Interface(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table for users has every option, and says of each whether it can be read and set.
    #[test]
    fn docs_options_md_is_about_these_options() {
        let page = include_str!("../../../docs/options.md");
        let mut documented = 0;
        for &option in SockOpt::ALL {
            let begins = format!("| `{}` | ", option.name());
            let mut rows = page.lines().filter_map(|line| line.strip_prefix(&begins));
            let row = rows.next().unwrap_or_else(|| panic!("{begins}is missing"));
            let expected = match option.kind() {
                // A path's MTU is a fact, though Linux gives it as a number.
                OptKind::Fact | OptKind::Bytes => "yes | no |",
                OptKind::Int if option == SockOpt::IpMtu => "yes | no |",
                OptKind::Int | OptKind::Time | OptKind::Linger | OptKind::Interface4 => "yes | yes |",
                OptKind::Membership => "no | yes |",
                OptKind::Name => "no | no |",
            };
            assert!(row.starts_with(expected), "{begins}{row}");
            assert_eq!(rows.next(), None, "{begins}is there twice");
            documented += 1;
        }
        // SO_PROTOCOL is the adapters' own.
        let rows = page
            .lines()
            .filter(|line| line.matches(" | ").count() == 6 && line.starts_with("| `"));
        assert_eq!(rows.count(), documented + 1);
    }
}
