//! The machine's interfaces, as the core has them.

use std::net::IpAddr;
use std::os::fd::AsFd;

use guestnet_core::{
    Interface, InterfaceAddr, InterfaceFlags, MAX_INTERFACE_ADDRESSES, MAX_INTERFACES, Result,
};
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use crate::convert::errno;
use crate::sys::interface::{Entry, EntryKind, entries, mtu};

/// How much of getifaddrs(3) is read.
const MAX_ENTRIES: usize = MAX_INTERFACES * MAX_INTERFACE_ADDRESSES;

/// `IFF_*` of linux/if.h.
const FLAGS: [(libc::c_int, InterfaceFlags); 9] = [
    (libc::IFF_UP, InterfaceFlags::UP),
    (libc::IFF_BROADCAST, InterfaceFlags::BROADCAST),
    (libc::IFF_LOOPBACK, InterfaceFlags::LOOPBACK),
    (libc::IFF_POINTOPOINT, InterfaceFlags::POINTOPOINT),
    (libc::IFF_RUNNING, InterfaceFlags::RUNNING),
    (libc::IFF_NOARP, InterfaceFlags::NOARP),
    (libc::IFF_PROMISC, InterfaceFlags::PROMISC),
    (libc::IFF_ALLMULTI, InterfaceFlags::ALLMULTI),
    (libc::IFF_MULTICAST, InterfaceFlags::MULTICAST),
];

/// getifaddrs(3), by interface.
///
/// # Errors
/// What socket(2) says.
pub(crate) fn interfaces() -> Result<Vec<Interface>> {
    let asking = rustix::net::socket_with(AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .map_err(errno)?;
    let entries = entries(MAX_ENTRIES).map_err(errno)?;
    let mut interfaces: Vec<Interface> = Vec::new();
    for entry in &entries {
        if let EntryKind::Link(index) = entry.kind
            && index != 0
        {
            interfaces.push(Interface {
                name: entry.name.clone(),
                index,
                flags: flags(entry.flags),
                // It may be gone meanwhile.
                mtu: mtu(asking.as_fd(), &entry.name).unwrap_or(0),
                addresses: Vec::new(),
            });
        }
    }
    for entry in &entries {
        let interface = interfaces
            .iter_mut()
            .find(|interface| interface.name == base_name(&entry.name));
        if let (Some(interface), Some(address)) = (interface, address(entry))
            && interface.addresses.len() < MAX_INTERFACE_ADDRESSES
        {
            interface.addresses.push(address);
        }
    }
    Ok(interfaces)
}

fn address(entry: &Entry) -> Option<InterfaceAddr> {
    let EntryKind::Address {
        ip,
        netmask,
        broadcast,
    } = entry.kind
    else {
        return None;
    };
    let ones = match netmask {
        Some(IpAddr::V4(mask)) => mask.to_bits().leading_ones(),
        Some(IpAddr::V6(mask)) => mask.to_bits().leading_ones(),
        None => 0,
    };
    Some(InterfaceAddr {
        ip,
        // 128 at most.
        prefix_len: u8::try_from(ones).unwrap_or(0),
        broadcast,
    })
}

/// An address of IPv4 may have a label, which is the interface's name, a colon and more.
fn base_name(label: &str) -> &str {
    label.split(':').next().unwrap_or(label)
}

fn flags(bits: u32) -> InterfaceFlags {
    FLAGS
        .iter()
        .filter(|(bit, _)| bits & bit.cast_unsigned() != 0)
        .map(|(_, flag)| *flag)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn the_loopback_interface_is_there_with_its_address() {
        let interfaces = interfaces().expect("getifaddrs");
        let lo = interfaces.iter().find(|each| each.name == "lo").expect("lo");
        // Linux's loopback interface always has this index.
        assert_eq!(lo.index, 1);
        assert!(lo.flags.contains(InterfaceFlags::LOOPBACK | InterfaceFlags::UP));
        assert!(lo.mtu >= 1500);
        let home = lo
            .addresses
            .iter()
            .find(|each| each.ip == Ipv4Addr::LOCALHOST)
            .expect("127.0.0.1");
        assert_eq!(home.prefix_len, 8);
        if let Some(home) = lo.addresses.iter().find(|each| each.ip == Ipv6Addr::LOCALHOST) {
            assert_eq!(home.prefix_len, 128);
        }
    }

    #[test]
    fn a_label_is_the_name_and_more() {
        assert_eq!(base_name("eth0:1"), "eth0");
        assert_eq!(base_name("eth0"), "eth0");
    }
}
