//! Ranges of addresses in CIDR notation. Compares nothing: see `matcher.rs`.

use super::canonical_ip;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address range such as `10.0.0.0/8`. The bits behind the prefix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    base: IpAddr,
    bits: u8,
}

impl Prefix {
    /// The range of the first `bits` bits of `base`. `None` if there are more bits than the address has, or if the
    /// address has bits set behind the prefix.
    #[must_use]
    pub fn new(base: IpAddr, bits: u8) -> Option<Prefix> {
        let prefix = Prefix::containing(base, bits)?;
        (prefix.base == base).then_some(prefix)
    }

    /// The range with this prefix length in which `ip` lies. `None` if there are more bits than the address has.
    #[must_use]
    pub fn containing(ip: IpAddr, bits: u8) -> Option<Prefix> {
        let base = match ip {
            IpAddr::V4(ip) if bits <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask))
            }
            IpAddr::V6(ip) if bits <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
            }
            IpAddr::V4(_) | IpAddr::V6(_) => return None,
        };
        Some(Prefix { base, bits })
    }

    /// The range of one address.
    #[must_use]
    pub fn single(ip: IpAddr) -> Prefix {
        Prefix {
            base: ip,
            bits: if ip.is_ipv4() { 32 } else { 128 },
        }
    }

    /// The first address.
    #[must_use]
    pub fn base(&self) -> IpAddr {
        self.base
    }

    /// How many leading bits are fixed.
    #[must_use]
    pub fn bits(&self) -> u8 {
        self.bits
    }

    /// Whether the range is one address.
    #[must_use]
    pub fn is_single(&self) -> bool {
        *self == Prefix::single(self.base)
    }

    /// Whether `ip` is in the range. Compares as written; canonicalise both sides first.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.base.is_ipv4() == ip.is_ipv4() && Prefix::containing(ip, self.bits) == Some(*self)
    }

    /// The range of the addresses that these reach, see [`canonical_ip`]: `::ffff:10.0.0.0/104` is `10.0.0.0/8`, and
    /// a range within one 6to4 site is the IPv4 address of the site. A range that is wider than one of the blocks
    /// with an IPv4 address inside stays IPv6.
    #[must_use]
    pub fn canonical(&self) -> Prefix {
        self.spelled_v4().unwrap_or(*self)
    }

    /// The IPv4 range that this is in another spelling, if it lies within one of the blocks with an IPv4 address inside:
    /// `::ffff:0:0/96`, `::/96`, `64:ff9b::/96` and `2002::/16`. `::`, `::1` and the two together are no IPv4.
    #[must_use]
    pub fn spelled_v4(&self) -> Option<Prefix> {
        let IpAddr::V6(v6) = self.base else { return None };
        // Where the IPv4 address begins in the blocks that have one.
        let skipped = if v6.segments().first() == Some(&0x2002) {
            16
        } else {
            96
        };
        let bits = self.bits.checked_sub(skipped)?.min(32);
        match canonical_ip(self.base) {
            base @ IpAddr::V4(_) => Prefix::containing(base, bits),
            IpAddr::V6(base) if base.is_unspecified() && self.bits < 127 => {
                Prefix::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), bits)
            }
            IpAddr::V6(_) => None,
        }
    }

    /// Whether all of these are group or broadcast addresses: a rule with such a range names groups.
    pub(super) fn is_of_groups(&self) -> bool {
        match self.base {
            IpAddr::V4(base) => base.is_broadcast() || (base.is_multicast() && self.bits >= 4),
            IpAddr::V6(base) => base.is_multicast() && self.bits >= 8,
        }
    }
}

impl fmt::Display for Prefix {
    /// A single address without a length, IPv6 in brackets, as it stands in a target.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.base {
            IpAddr::V4(ip) => write!(f, "{ip}")?,
            IpAddr::V6(ip) => write!(f, "[{ip}]")?,
        }
        if self.is_single() {
            Ok(())
        } else {
            write!(f, "/{}", self.bits)
        }
    }
}
