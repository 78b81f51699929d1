//! Interfaces: the requests of ioctl(2) that netdevice(7) has, and the list that getifaddrs(3) and if_nameindex(3) of the
//! package's C code are made from.

use std::net::{IpAddr, Ipv4Addr};

use guestnet_core::{Domain, Errno, Host, Interface, InterfaceAddr, InterfaceFlags, Result};

use crate::abi;
use crate::args::Args;
use crate::context::ThreadContext;
use crate::memory::Memory;

/// `IFNAMSIZ`: a name with its NUL.
const NAME: usize = 16;

/// `struct ifreq`: a name, and a union as long as `struct ifmap`.
const IFREQ: u32 = 32;

/// What getifaddrs() of the package's C code reads: `struct interface` and `struct address` of `interface.c`.
const LIST_INTERFACE: usize = NAME + 4 * 4;
const LIST_ADDRESS: usize = 4 * 4 + 16 + 4;

/// interfaces(list, room): how many bytes the list has. It is written if there is room for it.
pub(crate) fn interfaces<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let mut list = Vec::new();
    for interface in context.guest.interfaces()? {
        list.extend(name_bytes(&interface));
        let count = u32::try_from(interface.addresses.len()).map_err(|_| Errno::EOVERFLOW)?;
        for number in [
            interface.index,
            abi::interface_flags(interface.flags),
            interface.mtu,
            count,
        ] {
            list.extend(number.to_le_bytes());
        }
        for address in &interface.addresses {
            list.extend(list_address(&interface, address));
        }
    }
    // At most 1,024 interfaces with 64 addresses each.
    let len = u32::try_from(list.len()).map_err(|_| Errno::EOVERFLOW)?;
    if len <= args.pointer(1) {
        memory.write(args.pointer(0), &list)?;
    }
    i32::try_from(len).map_err(|_| Errno::EOVERFLOW)
}

fn list_address(interface: &Interface, address: &InterfaceAddr) -> Vec<u8> {
    let (family, octets, scope) = match address.ip {
        IpAddr::V4(ip) => {
            let mut octets = [0; 16];
            for (to, from) in octets.iter_mut().zip(ip.octets()) {
                *to = from;
            }
            (abi::AF_INET, octets, 0)
        }
        IpAddr::V6(ip) if ip.is_unicast_link_local() => (abi::AF_INET6, ip.octets(), interface.index),
        IpAddr::V6(ip) => (abi::AF_INET6, ip.octets(), 0),
    };
    let numbers = [
        family.cast_unsigned(),
        u32::from(address.prefix_len),
        scope,
        u32::from(address.broadcast.is_some()),
    ];
    let broadcast = address.broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED).octets();
    let bytes = [
        numbers.map(u32::to_le_bytes).concat(),
        octets.to_vec(),
        broadcast.to_vec(),
    ]
    .concat();
    debug_assert_eq!(bytes.len(), LIST_ADDRESS);
    bytes
}

/// interfaceRequest(fd, request, at): the requests of netdevice(7) about interfaces, on any socket.
pub(crate) fn interface_request<H: Host>(
    context: &mut ThreadContext<H>,
    memory: Memory<'_>,
    args: &Args,
) -> Result<i32> {
    let fd = &context.guest.look_up_socket(args.fd(0))?;
    let domain = fd.open_file().socket()?.domain();
    let (request, at) = (args.pointer(1), args.pointer(2));
    let of_ipv4 = matches!(
        request,
        abi::SIOCGIFADDR | abi::SIOCGIFDSTADDR | abi::SIOCGIFBRDADDR | abi::SIOCGIFNETMASK
    );
    if abi::SIOCSIF.contains(&request) {
        // A privilege, which no guest has.
        return Err(Errno::EPERM);
    }
    if of_ipv4 && domain != Domain::Inet {
        return Err(Errno::ENOTTY);
    }
    if at == 0 {
        return Err(Errno::EFAULT);
    }
    if request == abi::SIOCGIFCONF {
        return configuration(&context.guest.interfaces()?, memory, at);
    }
    let asked = memory.read_bytes(at, IFREQ)?;
    let (name, union) = asked.split_at_checked(NAME).ok_or(Errno::EFAULT)?;
    let interfaces = context.guest.interfaces()?;
    let value_at = at
        .checked_add(u32::try_from(NAME).unwrap_or(0))
        .ok_or(Errno::EFAULT)?;
    if request == abi::SIOCGIFNAME {
        let index = union.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let found = interfaces.iter().find(|each| Some(each.index) == index);
        memory.write(at, &name_bytes(found.ok_or(Errno::ENODEV)?))?;
        return Ok(0);
    }
    let interface = interfaces
        .iter()
        .find(|each| is_named(each, name))
        .ok_or(Errno::ENODEV)?;
    // With a label Linux looks for an address that has it; labels are not shown.
    if of_ipv4 && name.contains(&b':') {
        return Err(Errno::EADDRNOTAVAIL);
    }
    memory.write(value_at, &value(request, interface)?)?;
    Ok(0)
}

/// What a request stores in the union of `struct ifreq`.
///
/// # Errors
/// `EADDRNOTAVAIL`: no address of IPv4. `EPERM`: a link address, by which the machine could be recognised. `ENOTTY`: no such
/// request.
fn value(request: u32, interface: &Interface) -> Result<Vec<u8>> {
    let flags = interface.flags;
    let address = || {
        let mut addresses = interface.addresses.iter();
        let found = addresses.find_map(|each| match each.ip {
            IpAddr::V4(ip) => Some((ip, each.prefix_len, each.broadcast)),
            IpAddr::V6(_) => None,
        });
        found.ok_or(Errno::EADDRNOTAVAIL)
    };
    Ok(match request {
        abi::SIOCGIFINDEX => interface.index.to_le_bytes().to_vec(),
        // A short: what netlink says above that is not there.
        abi::SIOCGIFFLAGS => abi::interface_flags(flags).to_le_bytes()[..2].to_vec(),
        abi::SIOCGIFMETRIC => vec![0; 4],
        abi::SIOCGIFMTU => interface.mtu.to_le_bytes().to_vec(),
        abi::SIOCGIFADDR => sockaddr(address()?.0),
        abi::SIOCGIFNETMASK => {
            let ones = u32::from(address()?.1);
            sockaddr(Ipv4Addr::from(
                u32::MAX.checked_shl(32 - ones.min(32)).unwrap_or(0),
            ))
        }
        abi::SIOCGIFBRDADDR => {
            let broadcast = address()?.2.filter(|_| flags.contains(InterfaceFlags::BROADCAST));
            sockaddr(broadcast.unwrap_or(Ipv4Addr::UNSPECIFIED))
        }
        abi::SIOCGIFDSTADDR => {
            let (own, _, other) = address()?;
            let other = other.filter(|_| flags.contains(InterfaceFlags::POINTOPOINT));
            sockaddr(other.unwrap_or(own))
        }
        abi::SIOCGIFHWADDR if flags.contains(InterfaceFlags::LOOPBACK) => {
            let mut link = [0; 16];
            for (to, from) in link.iter_mut().zip(abi::ARPHRD_LOOPBACK.to_le_bytes()) {
                *to = from;
            }
            link.to_vec()
        }
        abi::SIOCGIFHWADDR => return Err(Errno::EPERM),
        _ => return Err(Errno::ENOTTY),
    })
}

/// `SIOCGIFCONF`: each address of IPv4 as a `struct ifreq`, as many as there is room for; how much room is needed, if there is no
/// buffer.
fn configuration(interfaces: &[Interface], memory: Memory<'_>, at: u32) -> Result<i32> {
    let buffer_at = at.checked_add(4).ok_or(Errno::EFAULT)?;
    let (room, buffer) = (memory.u32(at)?.cast_signed(), memory.u32(buffer_at)?);
    let mut stored: u32 = 0;
    for interface in interfaces {
        for address in &interface.addresses {
            let IpAddr::V4(ip) = address.ip else { continue };
            let next = stored.checked_add(IFREQ).ok_or(Errno::EOVERFLOW)?;
            if buffer != 0 {
                if i64::from(next) > i64::from(room) {
                    break;
                }
                let request = [name_bytes(interface).to_vec(), sockaddr(ip)].concat();
                memory.write(buffer.checked_add(stored).ok_or(Errno::EFAULT)?, &request)?;
            }
            stored = next;
        }
    }
    memory.set_u32(at, stored)?;
    Ok(0)
}

/// `struct sockaddr_in`, without a port.
fn sockaddr(ip: Ipv4Addr) -> Vec<u8> {
    // AF_INET, the port, the address, 8 bytes of nothing.
    [vec![2, 0, 0, 0], ip.octets().to_vec(), vec![0; 8]].concat()
}

/// The name with its NUL, as long as it can be.
fn name_bytes(interface: &Interface) -> [u8; NAME] {
    let mut name = [0; NAME];
    for (to, from) in name.iter_mut().take(NAME - 1).zip(interface.name.bytes()) {
        *to = from;
    }
    name
}

/// Whether the program's name is this interface's. As in Linux, the last byte counts as a NUL, and a colon ends it.
fn is_named(interface: &Interface, name: &[u8]) -> bool {
    let name = name.get(..NAME - 1).unwrap_or(name);
    let end = name.iter().position(|byte| matches!(byte, 0 | b':'));
    name.get(..end.unwrap_or(name.len())) == Some(interface.name.as_bytes())
}

const _: () = assert!(LIST_INTERFACE == 32 && LIST_ADDRESS == 36);
