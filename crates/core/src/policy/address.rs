//! Addresses in the one form in which they are compared, the classes that matter to a policy, and the numeric
//! spellings of a host that getaddrinfo knows. Parsing of rules is in `target.rs`.

use super::Use;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

/// The address that a packet to `ip` reaches.
///
/// IPv4-mapped (`::ffff:a.b.c.d`), IPv4-compatible (`::a.b.c.d`, but not `::` and `::1`), NAT64
/// (`64:ff9b::a.b.c.d`) and 6to4 (`2002:aabb:ccdd::`) addresses become the IPv4 address inside them. Everything
/// else stays as it is.
#[must_use]
pub fn canonical_ip(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => embedded_v4(v6).map_or(ip, IpAddr::V4),
    }
}

#[inline]
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = ip.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => None,
    }
}

/// The form of a socket address that rules for `usage` are compared with.
///
/// This is [`canonical_ip`], and for [`Use::Connect`] `0.0.0.0` and `::` become the loopback addresses `127.0.0.1`
/// and `::1`, because that is where the kernel sends them. A scope id is kept where the kernel looks at it, which is
/// on link-local addresses, and dropped elsewhere. The flow label is dropped.
#[must_use]
pub fn canonical_addr(usage: Use, addr: SocketAddr) -> SocketAddr {
    match canonical_parts(usage, addr) {
        (IpAddr::V4(ip), _) => SocketAddr::V4(SocketAddrV4::new(ip, addr.port())),
        (IpAddr::V6(ip), scope) => SocketAddr::V6(SocketAddrV6::new(ip, addr.port(), 0, scope)),
    }
}

/// The address and the scope id of [`canonical_addr`].
#[inline]
pub(super) fn canonical_parts(usage: Use, addr: SocketAddr) -> (IpAddr, u32) {
    let destination = usage == Use::Connect;
    let v4 = |ip: Ipv4Addr| {
        let loopback = destination && ip.is_unspecified();
        (IpAddr::V4(if loopback { Ipv4Addr::LOCALHOST } else { ip }), 0)
    };
    match addr {
        SocketAddr::V4(addr) => v4(*addr.ip()),
        SocketAddr::V6(addr) => match embedded_v4(*addr.ip()) {
            Some(ip) => v4(ip),
            None if destination && addr.ip().is_unspecified() => (IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
            None if addr.scope_id() != 0 && takes_scope(*addr.ip()) => {
                (IpAddr::V6(*addr.ip()), addr.scope_id())
            }
            None => (IpAddr::V6(*addr.ip()), 0),
        },
    }
}

/// Whether the kernel looks at a scope id on this address: link-local unicast, and multicast of interface-local and
/// link-local scope.
#[must_use]
pub(super) fn takes_scope(ip: Ipv6Addr) -> bool {
    match ip.segments() {
        [first, ..] => first & 0xffc0 == 0xfe80 || matches!(first & 0xff0f, 0xff01 | 0xff02),
    }
}

/// Whether this canonical address stands for all that listen: multicast, or the broadcast address of IPv4.
#[inline]
pub(super) fn is_group(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_multicast() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    }
}

/// What kind of place an address is in, as far as a rule with a name is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressClass {
    /// The internet.
    Public,
    /// 10/8, 172.16/12, 192.168/16, 100.64/10 (CGNAT), 198.18/15, fc00::/7 (ULA), fec0::/10.
    Private,
    /// 127/8 and ::1.
    Loopback,
    /// 169.254/16 and fe80::/10.
    LinkLocal,
    /// Where clouds hand out credentials: 169.254.169.254 (nearly all), 169.254.170.2 and 169.254.170.23 (AWS containers),
    /// 169.254.42.42 (Scaleway), 169.254.0.23 and 169.254.10.10 (Tencent), 100.100.100.200 (Alibaba), 100.96.0.96
    /// (Volcano Engine), 192.0.0.192 (Oracle), 168.63.129.16 (Azure); fd00:ec2::/32 (AWS), fd20:ce::254 (Google),
    /// fd00:c1::a9fe:a9fe (Oracle), fd00:42::42 (Scaleway), fd00:a9fe:a9fe::1 (Akamai), fd00:100::100:200 (Alibaba),
    /// fe80::a9fe:a9fe (OpenStack).
    Metadata,
    /// Multicast, broadcast, "this network", reserved ranges, and tunnels whose far end cannot be read off:
    /// Teredo 2001::/32, local NAT64 64:ff9b:1::/48, SIIT ::ffff:0:a.b.c.d.
    Special,
}

impl AddressClass {
    /// Whether an address of this class may be reached through a rule that has only the name.
    ///
    /// `local_name` says that the name is not one of the public DNS ([`Name::is_local`](super::Name::is_local)):
    /// `db` may well be 172.18.0.2, `www.example.com` may not. Link-local, metadata and special addresses always
    /// need a rule of their own.
    #[must_use]
    pub fn may_follow_name(self, local_name: bool) -> bool {
        match self {
            AddressClass::Public => true,
            AddressClass::Private | AddressClass::Loopback => local_name,
            AddressClass::LinkLocal | AddressClass::Metadata | AddressClass::Special => false,
        }
    }
}

impl fmt::Display for AddressClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            AddressClass::Public => "a public address",
            AddressClass::Private => "a private address",
            AddressClass::Loopback => "a loopback address",
            AddressClass::LinkLocal => "a link-local address",
            AddressClass::Metadata => "a metadata address",
            AddressClass::Special => "a multicast or reserved address",
        })
    }
}

/// The class of an address, judged in its canonical form.
#[must_use]
pub fn address_class(ip: IpAddr) -> AddressClass {
    match canonical_ip(ip) {
        IpAddr::V4(ip) => class_v4(ip),
        IpAddr::V6(ip) => class_v6(ip),
    }
}

fn class_v4(ip: Ipv4Addr) -> AddressClass {
    match ip.octets() {
        [169, 254, 169, 254]
        | [169, 254, 170, 2 | 23]
        | [169, 254, 42, 42]
        | [169, 254, 0, 23]
        | [169, 254, 10, 10]
        | [100, 100, 100, 200]
        | [100, 96, 0, 96]
        | [192, 0, 0, 192]
        | [168, 63, 129, 16] => AddressClass::Metadata,
        [127, ..] => AddressClass::Loopback,
        [169, 254, ..] => AddressClass::LinkLocal,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] | [198, 18..=19, ..] => {
            AddressClass::Private
        }
        [0, ..] | [192, 0, 0, _] | [224..=255, ..] => AddressClass::Special,
        _ => AddressClass::Public,
    }
}

fn class_v6(ip: Ipv6Addr) -> AddressClass {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Loopback,
        [0xfd00, 0xec2, ..]
        | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
        | [0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]
        | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42]
        | [0xfd00, 0xa9fe, 0xa9fe, 0, 0, 0, 0, 1]
        | [0xfd00, 0x100, 0, 0, 0, 0, 0x100, 0x200]
        | [0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe] => AddressClass::Metadata,
        [0xfe80..=0xfebf, ..] => AddressClass::LinkLocal,
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => AddressClass::Private,
        [0, ..] | [0xff00..=0xffff, ..] | [0x2001, 0, ..] | [0x64, 0xff9b, 1, ..] | [0x100, 0, 0, 0, ..] => {
            AddressClass::Special
        }
        _ => AddressClass::Public,
    }
}

/// A host that is a number already, as getaddrinfo reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NumericHost {
    /// The address as written: an IPv4-mapped address stays one.
    pub ip: IpAddr,
    /// The scope id behind `%`, or 0.
    pub scope_id: u32,
}

/// inet_aton(3) and inet_pton(3): reads every numeric spelling of a host, so that none of them is taken for a name.
///
/// IPv4 in one to four parts, each decimal, octal (`0177`) or hexadecimal (`0x7f`), the last part filling the
/// remaining bytes: `127.0.0.1`, `127.1`, `0177.0.0.1`, `0x7f.1` and `2130706433` are one address. IPv6 in any
/// notation, with a numeric scope id: `fe80::1%2`. An interface's name as a scope is for getaddrinfo to translate.
/// Returns `None` for everything else.
#[must_use]
pub fn parse_numeric_host(host: &str) -> Option<NumericHost> {
    if host.contains(':') {
        let (address, scope_id) = match host.split_once('%') {
            None => (host, 0),
            Some((address, scope)) => (address, decimal(scope)?),
        };
        return Some(NumericHost {
            ip: IpAddr::V6(address.parse().ok()?),
            scope_id,
        });
    }
    inet_aton(host).map(|ip| NumericHost {
        ip: IpAddr::V4(ip),
        scope_id: 0,
    })
}

fn inet_aton(host: &str) -> Option<Ipv4Addr> {
    let mut parts = [0_u32; 4];
    let mut count = 0;
    for text in host.split('.') {
        *parts.get_mut(count)? = inet_aton_part(text)?;
        count += 1;
    }
    let (last, leading) = parts.get(..count)?.split_last()?;
    let mut value = 0_u32;
    let mut free_bits = 32;
    for &part in leading {
        let byte = u8::try_from(part).ok()?;
        free_bits -= 8;
        value |= u32::from(byte) << free_bits;
    }
    if free_bits < 32 && *last >> free_bits != 0 {
        return None;
    }
    Some(Ipv4Addr::from_bits(value | last))
}

fn inet_aton_part(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (text.get(2..)?, 16),
        [b'0', _, ..] => (text.get(1..)?, 8),
        _ => (text, 10),
    };
    // from_str_radix takes a sign, which is not part of any of these forms.
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, radix).ok()
}

/// An unsigned decimal number without a sign.
pub(super) fn decimal<T: std::str::FromStr>(text: &str) -> Option<T> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}
