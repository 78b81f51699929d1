//! The order of several addresses: destination address selection of RFC 6724, section 6.
//!
//! Rules 3, 4 and 7 (deprecated, home and tunnelled addresses) need what connect(2) and getsockname(2) do not
//! show; they are left out, as musl does.

use std::cmp::{Ordering, Reverse};
use std::net::{IpAddr, Ipv6Addr};

use crate::addr::{Domain, Kind, SockAddr};
use crate::host::Host;

/// Sorts addresses, best first. The source of each is asked of the host's routing table: a datagram socket is
/// connected, which sends nothing.
pub(super) fn sort<H: Host>(host: &mut H, addresses: &mut Vec<IpAddr>) {
    if addresses.len() < 2 {
        return;
    }
    let mut ranked: Vec<Candidate> = addresses
        .iter()
        .map(|&ip| Candidate::new(ip, source(host, ip)))
        .collect();
    // Stable: rule 10 leaves equal ones in the order of the answer.
    ranked.sort_by(Candidate::compare);
    *addresses = ranked.into_iter().map(|ranked| ranked.ip).collect();
}

/// The address that the host would send from, `None` if it has no way there.
pub(super) fn source<H: Host>(host: &mut H, to: IpAddr) -> Option<IpAddr> {
    let domain = if to.is_ipv4() { Domain::Inet } else { Domain::Inet6 };
    let io = host.socket(domain, Kind::Datagram).ok()?;
    // The port is without meaning: nothing is sent.
    let target = SockAddr::Inet(std::net::SocketAddr::new(to, 53));
    let local = host
        .connect(&io, &target)
        .and_then(|()| host.local_addr(&io))
        .ok()
        .and_then(|addr| addr.inet());
    host.close(io);
    local.map(|addr| addr.ip())
}

#[derive(Debug)]
struct Candidate {
    ip: IpAddr,
    source: Option<Ipv6Addr>,
    destination: Ipv6Addr,
}

impl Candidate {
    fn new(ip: IpAddr, source: Option<IpAddr>) -> Candidate {
        Candidate {
            ip,
            source: source.map(as_v6),
            destination: as_v6(ip),
        }
    }

    fn compare(&self, other: &Candidate) -> Ordering {
        let key = |ranked: &Candidate| {
            let (precedence, label) = policy(ranked.destination);
            let scope = scope(ranked.destination);
            let source = ranked.source;
            (
                // Rule 1: one that can be reached.
                source.is_none(),
                // Rule 2: a source of the same scope.
                source.is_none_or(|source| self::scope(source) != scope),
                // Rule 5: a source of the same label.
                source.is_none_or(|source| policy(source).1 != label),
                // Rule 6: the higher precedence.
                Reverse(precedence),
                // Rule 8: the smaller scope.
                scope,
            )
        };
        key(self).cmp(&key(other)).then_with(|| {
            // Rule 9: the longer common prefix with the source, between IPv6 addresses only: with IPv4 it defeats
            // the rotation of servers and says nothing of distance.
            match (self.ip, other.ip, self.source, other.source) {
                (IpAddr::V6(_), IpAddr::V6(_), Some(mine), Some(theirs)) => {
                    common(other.destination, theirs).cmp(&common(self.destination, mine))
                }
                _ => Ordering::Equal,
            }
        })
    }
}

fn as_v6(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// The first 64 bits, as RFC 6724 counts.
fn common(one: Ipv6Addr, other: Ipv6Addr) -> u32 {
    (one.to_bits() ^ other.to_bits()).leading_zeros().min(64)
}

/// Precedence and label of section 2.1.
fn policy(ip: Ipv6Addr) -> (u8, u8) {
    const TABLE: [(u128, u32, u8, u8); 8] = [
        (1, 128, 50, 0),
        (0xffff << 32, 96, 35, 4),
        (0, 96, 1, 3),
        (0x2001 << 112, 32, 5, 5),
        (0x2002 << 112, 16, 30, 2),
        (0x3ffe << 112, 16, 1, 12),
        (0xfec0 << 112, 10, 1, 11),
        (0xfc00 << 112, 7, 3, 13),
    ];
    let bits = ip.to_bits();
    TABLE
        .into_iter()
        .find(|&(base, len, ..)| (bits ^ base) >> (128 - len) == 0)
        .map_or((40, 1), |(_, _, precedence, label)| (precedence, label))
}

/// The scopes of RFC 4291 and section 3.2: 2 link-local, 5 site-local, 14 global.
fn scope(ip: Ipv6Addr) -> u8 {
    if let Some(v4) = ip.to_ipv4_mapped() {
        return if v4.is_loopback() || v4.is_link_local() {
            2
        } else {
            14
        };
    }
    let [first, second, ..] = ip.octets();
    match (first, second & 0xc0) {
        (0xff, _) => second & 0xf,
        (0xfe, 0x80) => 2,
        (0xfe, 0xc0) => 5,
        _ if ip.is_loopback() => 2,
        _ => 14,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sorts pairs of destination and source.
    fn sorted(pairs: &[(&str, Option<&str>)]) -> Vec<String> {
        let mut ranked: Vec<Candidate> = pairs
            .iter()
            .map(|(ip, source)| {
                Candidate::new(ip.parse().unwrap(), source.map(|source| source.parse().unwrap()))
            })
            .collect();
        ranked.sort_by(Candidate::compare);
        ranked.into_iter().map(|ranked| ranked.ip.to_string()).collect()
    }

    /// The examples of RFC 6724, section 10.2, that need no state of an address.
    #[test]
    fn the_rfcs_own_examples() {
        assert_eq!(
            sorted(&[
                ("2001:db8:1::1", Some("2001:db8:1::2")),
                ("198.51.100.121", Some("169.254.13.78"))
            ]),
            ["2001:db8:1::1", "198.51.100.121"]
        );
        assert_eq!(
            sorted(&[
                ("2001:db8:1::1", Some("fe80::1")),
                ("198.51.100.121", Some("198.51.100.117"))
            ]),
            ["198.51.100.121", "2001:db8:1::1"]
        );
        assert_eq!(
            sorted(&[
                ("10.1.2.3", Some("10.1.2.4")),
                ("2001:db8:1::1", Some("2001:db8:1::2"))
            ]),
            ["2001:db8:1::1", "10.1.2.3"]
        );
        assert_eq!(
            sorted(&[
                ("2001:db8:1::1", Some("2001:db8:1::2")),
                ("fe80::1", Some("fe80::2"))
            ]),
            ["fe80::1", "2001:db8:1::1"]
        );
        assert_eq!(
            sorted(&[
                ("2001:db8:3ffe::1", Some("2001:db8:3f44::2")),
                ("2001:db8:1::1", Some("2001:db8:1::2"))
            ]),
            ["2001:db8:1::1", "2001:db8:3ffe::1"]
        );
        assert_eq!(
            sorted(&[
                ("2002:c633:6401::1", Some("2002:c633:6401::2")),
                ("2001:db8:1::1", Some("2002:c633:6401::2"))
            ]),
            ["2002:c633:6401::1", "2001:db8:1::1"]
        );
    }

    #[test]
    fn what_cannot_be_reached_comes_last_and_equals_keep_their_order() {
        assert_eq!(
            sorted(&[
                ("2001:db8::1", None),
                ("192.0.2.9", Some("10.0.0.1")),
                ("192.0.2.1", Some("10.0.0.1"))
            ]),
            ["192.0.2.9", "192.0.2.1", "2001:db8::1"]
        );
        assert_eq!(
            sorted(&[("127.0.0.1", Some("127.0.0.1")), ("::1", Some("::1"))]),
            ["::1", "127.0.0.1"]
        );
        // localhost on a machine without IPv6.
        assert_eq!(
            sorted(&[("::1", None), ("127.0.0.1", Some("127.0.0.1"))]),
            ["127.0.0.1", "::1"]
        );
    }
}
