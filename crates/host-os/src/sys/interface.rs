//! getifaddrs(3), and the MTU by `SIOCGIFMTU` of netdevice(7), which getifaddrs does not give.

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd, BorrowedFd};

use rustix::io::Errno;

use super::{check, ip_at};

/// What getifaddrs(3) says of one address of an interface, or of the interface itself.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// `IFF_*`.
    pub(crate) flags: u32,
    pub(crate) kind: EntryKind,
}

/// What an entry is about.
#[derive(Debug)]
pub(crate) enum EntryKind {
    /// The interface: its index.
    Link(u32),
    /// One of its addresses.
    Address {
        ip: IpAddr,
        netmask: Option<IpAddr>,
        /// The broadcast address, or the other end's.
        broadcast: Option<Ipv4Addr>,
    },
}

/// The list that getifaddrs(3) has allocated, until it is freed.
struct List(*mut libc::ifaddrs);

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: it came from getifaddrs, and nothing refers to it any more.
        unsafe { libc::freeifaddrs(self.0) };
    }
}

/// getifaddrs(3), `most` entries at most. One whose name is no UTF-8 is left out.
pub(crate) fn entries(most: usize) -> Result<Vec<Entry>, Errno> {
    let mut list = std::ptr::null_mut();
    // SAFETY: `list` is where the list's beginning is stored.
    check(unsafe { libc::getifaddrs(&raw mut list) })?;
    let list = List(list);
    let mut entries = Vec::new();
    let mut node = list.0;
    // SAFETY: getifaddrs returned a list of valid nodes that ends with a null pointer, and `list` is not freed yet.
    while let Some(entry) = unsafe { node.as_ref() } {
        node = entry.ifa_next;
        if entries.len() == most {
            break;
        }
        // SAFETY: a name is a NUL-terminated string that lives as long as the list.
        let name = unsafe { CStr::from_ptr(entry.ifa_name) };
        // SAFETY: the node's addresses have the types that their families say.
        let kind = unsafe { kind_of(entry) };
        if let (Ok(name), Some(kind)) = (name.to_str(), kind) {
            entries.push(Entry {
                name: name.to_owned(),
                flags: entry.ifa_flags,
                kind,
            });
        }
    }
    Ok(entries)
}

/// # Safety
/// The node is one of getifaddrs(3), which is not freed yet.
unsafe fn kind_of(entry: &libc::ifaddrs) -> Option<EntryKind> {
    // SAFETY: null, or a sockaddr of the list's; the family is at its beginning.
    let family = unsafe { entry.ifa_addr.as_ref() }?.sa_family;
    if i32::from(family) == libc::AF_PACKET {
        // SAFETY: the family says that it is a sockaddr_ll.
        let link = unsafe { entry.ifa_addr.cast::<libc::sockaddr_ll>().read_unaligned() };
        return Some(EntryKind::Link(u32::try_from(link.sll_ifindex).ok()?));
    }
    // SAFETY: null, or the kind of address that its family says.
    let ip = unsafe { ip_at(entry.ifa_addr) };
    // SAFETY: as above.
    let netmask = unsafe { ip_at(entry.ifa_netmask) };
    // SAFETY: as above.
    let other = unsafe { ip_at(entry.ifa_ifu) };
    Some(EntryKind::Address {
        ip: ip?,
        netmask,
        broadcast: match other {
            Some(IpAddr::V4(ip)) => Some(ip),
            Some(IpAddr::V6(_)) | None => None,
        },
    })
}

/// `SIOCGIFMTU` of netdevice(7), by any socket: the MTU of the interface with this name.
pub(crate) fn mtu(fd: BorrowedFd<'_>, name: &str) -> Result<u32, Errno> {
    // SAFETY: all zero is a valid ifreq: an empty name and integers.
    let mut request: libc::ifreq = unsafe { MaybeUninit::zeroed().assume_init() };
    // The last byte stays NUL.
    let room = request.ifr_name.len() - 1;
    if name.len() > room {
        return Err(Errno::NODEV);
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from.cast_signed();
    }
    // SAFETY: SIOCGIFMTU reads the name and stores an int, both of the ifreq, which outlives the call.
    check(unsafe { libc::ioctl(fd.as_raw_fd(), libc::SIOCGIFMTU, &raw mut request) })?;
    // SAFETY: the kernel has stored the MTU there.
    let mtu = unsafe { request.ifr_ifru.ifru_mtu };
    u32::try_from(mtu).map_err(|_| Errno::NODEV)
}
