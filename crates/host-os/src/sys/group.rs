//! `struct group_req` and `struct group_source_req` of linux/in.h, which libc does not have.

use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr};

use super::Plain;

/// `struct sockaddr_storage`, as integers without padding.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct Storage([u8; 128]);

impl Storage {
    /// An address without a port.
    fn new(ip: IpAddr) -> Self {
        let (family, at) = match ip {
            // sockaddr_in: family, port, address.
            IpAddr::V4(_) => (libc::AF_INET, 4),
            // sockaddr_in6: family, port, flow, address.
            IpAddr::V6(_) => (libc::AF_INET6, 8),
        };
        let (v4, v6) = match ip {
            IpAddr::V4(ip) => (ip.octets(), [0; 16]),
            IpAddr::V6(ip) => (Ipv4Addr::UNSPECIFIED.octets(), ip.octets()),
        };
        let octets: &[u8] = if ip.is_ipv4() { &v4 } else { &v6 };
        let family = libc::sa_family_t::try_from(family).unwrap_or(0).to_ne_bytes();
        let mut bytes = [0; 128];
        for (to, from) in bytes.iter_mut().zip(family) {
            *to = from;
        }
        for (to, from) in bytes.iter_mut().skip(at).zip(octets) {
            *to = *from;
        }
        Storage(bytes)
    }
}

/// `struct group_req`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct GroupReq {
    interface: u32,
    /// The padding of a 64-bit kernel, as a field.
    zero: u32,
    group: Storage,
}

impl GroupReq {
    pub(crate) fn new(group: IpAddr, interface: u32) -> Self {
        GroupReq {
            interface,
            zero: 0,
            group: Storage::new(group),
        }
    }
}

/// `struct group_source_req`.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct GroupSourceReq {
    interface: u32,
    /// The padding of a 64-bit kernel, as a field.
    zero: u32,
    group: Storage,
    source: Storage,
}

impl GroupSourceReq {
    pub(crate) fn new(group: IpAddr, source: IpAddr, interface: u32) -> Self {
        GroupSourceReq {
            interface,
            zero: 0,
            group: Storage::new(group),
            source: Storage::new(source),
        }
    }
}

// The layout of a 64-bit kernel.
const _: () = assert!(size_of::<GroupReq>() == 136 && size_of::<GroupSourceReq>() == 264);

// SAFETY: integers, whose padding is a field.
unsafe impl Plain for GroupReq {}
// SAFETY: integers, whose padding is a field.
unsafe impl Plain for GroupSourceReq {}
