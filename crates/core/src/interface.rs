//! Network interfaces as values. Not here: the call that lists them, and which of them a guest sees (`netdevice`).

use std::net::{IpAddr, Ipv4Addr};

/// The most interfaces that a guest is shown. Machines with many containers have some hundreds.
pub const MAX_INTERFACES: usize = 1024;

/// The most addresses of one interface that a guest is shown.
pub const MAX_INTERFACE_ADDRESSES: usize = 64;

bitflags::bitflags! {
    /// `IFF_*` of netdevice(7). Each ABI has its own numbers.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct InterfaceFlags: u16 {
        /// `IFF_UP`: it is switched on.
        const UP = 1;
        /// `IFF_BROADCAST`: it has a broadcast address.
        const BROADCAST = 1 << 1;
        /// `IFF_LOOPBACK`: it leads back to this machine.
        const LOOPBACK = 1 << 2;
        /// `IFF_POINTOPOINT`: there is one other machine at its end.
        const POINTOPOINT = 1 << 3;
        /// `IFF_RUNNING`: it can send.
        const RUNNING = 1 << 4;
        /// `IFF_NOARP`: it does not ask for link addresses.
        const NOARP = 1 << 5;
        /// `IFF_PROMISC`: it takes every packet.
        const PROMISC = 1 << 6;
        /// `IFF_ALLMULTI`: it takes every multicast packet.
        const ALLMULTI = 1 << 7;
        /// `IFF_MULTICAST`: it can send to groups.
        const MULTICAST = 1 << 8;
    }
}

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name, 15 bytes at most, such as `lo`.
    pub name: String,
    /// Its index, which is what a scope id is; never 0.
    pub index: u32,
    /// What it is and can.
    pub flags: InterfaceFlags,
    /// The largest packet that it sends, bytes.
    pub mtu: u32,
    /// Its addresses, in the host's order.
    pub addresses: Vec<InterfaceAddr>,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InterfaceAddr {
    /// The address.
    pub ip: IpAddr,
    /// How many bits of it are the network's.
    pub prefix_len: u8,
    /// Of IPv4, the broadcast address, or the address of the machine at the other end
    /// ([`InterfaceFlags::POINTOPOINT`]), if there is one.
    pub broadcast: Option<Ipv4Addr>,
}
