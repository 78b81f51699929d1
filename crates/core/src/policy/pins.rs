//! Addresses that our resolver returned to a guest, and until when. A rule with a name covers these addresses and
//! no others, so a second look-up that answers differently cannot widen a rule. Holds no clock: times are
//! [`Duration`]s since whatever epoch the caller keeps to.

use super::{Name, canonical_ip};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;
use std::time::Duration;

/// The most pins one guest holds. A guest decides how many names it looks up, so the number needs an end; 4096
/// (about 300 KiB) is far above what a program keeps in use within the lifetime of its answers.
pub const MAX_PINS: usize = 4096;

/// The most names that are kept for one address. Every one of them is compared when a datagram goes to that
/// address, so a guest that resolves a thousand names of one server must not make its own checks slow.
pub const MAX_NAMES_PER_ADDRESS: usize = 16;

/// Answers which names led to an address. [`Pins::at`] is the usual implementation; the gate may have its own, for
/// example one that takes a lock and reads the clock only when it is asked.
pub trait PinLookup {
    /// Calls `visit` for each name that was answered with `ip`, which is canonical ([`canonical_ip`]). The flag says
    /// whether the answer is still within its lifetime: deny rules look at all of them, allow rules at the live ones.
    fn visit(&self, ip: IpAddr, visit: &mut dyn FnMut(&Name, bool));
}

/// No name was looked up.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoPins;

impl PinLookup for NoPins {
    fn visit(&self, _ip: IpAddr, _visit: &mut dyn FnMut(&Name, bool)) {}
}

/// The pins of one guest.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    by_address: HashMap<u128, SmallVec<[Pin; 1]>, BuildHasherDefault<AddressHasher>>,
    count: usize,
}

#[derive(Clone, Debug)]
struct Pin {
    name: Name,
    expires: Duration,
}

impl Pins {
    /// No pins.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many pins are held, expired ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Records that `name` was answered with `addr`, for use until `expires`. The same name and address again
    /// keeps the later of the two times.
    ///
    /// At [`MAX_PINS`] the pins that expire soonest make room, and at [`MAX_NAMES_PER_ADDRESS`] the name of this
    /// address that expires soonest does.
    pub fn insert(&mut self, name: &Name, addr: IpAddr, expires: Duration) {
        let key = key(canonical_ip(addr));
        let names = self.by_address.entry(key).or_default();
        if let Some(pin) = names.iter_mut().find(|pin| pin.name == *name) {
            pin.expires = pin.expires.max(expires);
            return;
        }
        let pin = Pin {
            name: name.clone(),
            expires,
        };
        if names.len() >= MAX_NAMES_PER_ADDRESS {
            if let Some(soonest) = names.iter_mut().min_by_key(|pin| pin.expires) {
                *soonest = pin;
            }
            return;
        }
        names.push(pin);
        self.count += 1;
        if self.count > MAX_PINS {
            self.make_room();
        }
    }

    /// Forgets every pin that has expired at `now`. Not needed for correctness; deny rules with a name lose the
    /// addresses of expired answers by it.
    pub fn purge(&mut self, now: Duration) {
        self.retain(|pin| pin.expires > now);
    }

    /// A view for [`Policy::decide`](super::Policy::decide) at this time.
    #[must_use]
    pub fn at(&self, now: Duration) -> PinsAt<'_> {
        PinsAt { pins: self, now }
    }

    /// The names that led to `addr` and are still within their lifetime at `now`.
    pub fn names(&self, addr: IpAddr, now: Duration) -> impl Iterator<Item = &Name> {
        let names = self
            .by_address
            .get(&key(canonical_ip(addr)))
            .map_or(&[][..], |names| &names[..]);
        names
            .iter()
            .filter(move |pin| pin.expires > now)
            .map(|pin| &pin.name)
    }

    /// Drops the eighth that expires soonest, so that the search for it is paid once in many insertions.
    fn make_room(&mut self) {
        let mut times: Vec<Duration> = self
            .by_address
            .values()
            .flatten()
            .map(|pin| pin.expires)
            .collect();
        let surplus = (times.len() / 8).max(1);
        if surplus > times.len() {
            return;
        }
        let (_, &mut latest, _) = times.select_nth_unstable(surplus - 1);
        // Those before the latest of them, and of those at that time as many as it takes.
        let mut at_latest = surplus - times.iter().filter(|&&time| time < latest).count();
        self.retain(|pin| {
            if pin.expires == latest && at_latest > 0 {
                at_latest -= 1;
                return false;
            }
            pin.expires >= latest
        });
    }

    fn retain(&mut self, mut keep: impl FnMut(&Pin) -> bool) {
        self.by_address.retain(|_, names| {
            names.retain(|pin| keep(pin));
            !names.is_empty()
        });
        self.count = self.by_address.values().map(|names| names.len()).sum();
    }
}

/// One number for a canonical address. IPv4 ones are in the block of the IPv4-mapped ones, which are never canonical.
fn key(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().to_bits(),
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// A multiplication instead of the standard hash, because this is on the way of every datagram to a name. An attacker
/// who picks addresses so that they collide makes one guest compare at most [`MAX_PINS`] numbers.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u128(u128::from(byte));
        }
    }

    fn write_u128(&mut self, address: u128) {
        let [high, low] = [address >> 64, address & u128::from(u64::MAX)];
        let mixed = high.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low ^ u128::from(self.0);
        let folded = (mixed & u128::from(u64::MAX)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        let halves = (folded >> 64) ^ folded;
        self.0 = u64::try_from(halves & u128::from(u64::MAX)).unwrap_or(0);
    }
}

/// The pins of one guest at one time.
#[derive(Clone, Copy, Debug)]
pub struct PinsAt<'a> {
    pins: &'a Pins,
    now: Duration,
}

impl PinLookup for PinsAt<'_> {
    fn visit(&self, ip: IpAddr, visit: &mut dyn FnMut(&Name, bool)) {
        if let Some(names) = self.pins.by_address.get(&key(ip)) {
            for pin in names {
                visit(&pin.name, pin.expires > self.now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(ip: IpAddr) -> u64 {
        let mut hasher = AddressHasher::default();
        hasher.write_u128(key(ip));
        hasher.finish()
    }

    /// The table takes its place from the lowest bits and a tag from the highest seven.
    fn check_spread(name: &str, addresses: impl Iterator<Item = IpAddr>) {
        let hashes: Vec<u64> = addresses.map(hash).collect();
        let distinct = |part: fn(u64) -> u64| {
            let parts: std::collections::HashSet<u64> = hashes.iter().map(|hash| part(*hash)).collect();
            parts.len()
        };
        assert_eq!((hashes.len(), distinct(|hash| hash)), (256, 256), "{name}");
        assert!(distinct(|hash| hash & 0xff) > 128, "{name}");
        assert!(distinct(|hash| hash >> 57) > 64, "{name}");
    }

    #[test]
    fn neighbouring_addresses_are_spread_over_the_table() {
        let v4 = |number: u32| IpAddr::V4(std::net::Ipv4Addr::from_bits(number));
        let v6 = |number: u128| IpAddr::V6(std::net::Ipv6Addr::from_bits(number));
        let network = 0x2001_0db8_u128 << 96;
        check_spread("hosts of a network", (0..256).map(|host| v4(0x0a00_0000 + host)));
        check_spread(
            "networks",
            (0..256).map(|network| v4(0x0a00_0001 + (network << 8))),
        );
        check_spread("IPv6 hosts", (0..256).map(|host| v6(network + host)));
        check_spread(
            "IPv6 networks",
            (0..256).map(|subnet| v6(network + (subnet << 64) + 1)),
        );
    }
}
