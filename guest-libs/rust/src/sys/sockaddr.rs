//! `struct sockaddr` of the C library, to and from this crate's addresses.

use std::io;
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::addr::{self, Addr};
#[cfg(target_os = "linux")]
use crate::addr::{Name, UnixAddr};

/// A `struct sockaddr` of any family, and how much of it is there.
pub(super) struct SockAddr {
    storage: MaybeUninit<libc::sockaddr_storage>,
    pub(super) len: libc::socklen_t,
}

/// The size of a structure of the C library, none of which is large.
pub(super) const fn size<T>() -> libc::socklen_t {
    #[expect(clippy::cast_possible_truncation, reason = "at most a few hundred bytes")]
    let size = size_of::<T>() as libc::socklen_t;
    size
}

impl SockAddr {
    /// Room for an address that the kernel stores.
    pub(super) fn room() -> Self {
        Self {
            storage: MaybeUninit::zeroed(),
            len: size::<libc::sockaddr_storage>(),
        }
    }

    pub(super) fn new(addr: &Addr) -> io::Result<Self> {
        match addr {
            Addr::Inet(SocketAddr::V4(addr)) => Ok(Self::v4(addr)),
            Addr::Inet(SocketAddr::V6(addr)) => Ok(Self::v6(addr)),
            #[cfg(target_os = "linux")]
            Addr::Unix(UnixAddr(Name::Path(path))) => {
                let path = path.as_os_str().as_encoded_bytes();
                // The NUL counts.
                Self::unix(path, path.len() + 1)
            }
            #[cfg(target_os = "linux")]
            Addr::Unix(UnixAddr(Name::Abstract(name))) => {
                let name = [&[0], &name[..]].concat();
                Self::unix(&name, name.len())
            }
            Addr::Unix(_) | Addr::Unspec => Err(addr::invalid("no such address")),
        }
    }

    fn v4(addr: &SocketAddrV4) -> Self {
        // SAFETY: all bytes zero are a value of this structure.
        let mut value: libc::sockaddr_in = unsafe { mem::zeroed() };
        value.sin_family = family(libc::AF_INET);
        value.sin_port = addr.port().to_be();
        value.sin_addr.s_addr = u32::from_ne_bytes(addr.ip().octets());
        Self::holding(value)
    }

    fn v6(addr: &SocketAddrV6) -> Self {
        // SAFETY: all bytes zero are a value of this structure.
        let mut value: libc::sockaddr_in6 = unsafe { mem::zeroed() };
        value.sin6_family = family(libc::AF_INET6);
        value.sin6_port = addr.port().to_be();
        value.sin6_addr.s6_addr = addr.ip().octets();
        value.sin6_flowinfo = addr.flowinfo();
        value.sin6_scope_id = addr.scope_id();
        Self::holding(value)
    }

    #[cfg(target_os = "linux")]
    fn unix(name: &[u8], len: usize) -> io::Result<Self> {
        // SAFETY: all bytes zero are a value of this structure.
        let mut value: libc::sockaddr_un = unsafe { mem::zeroed() };
        value.sun_family = family(libc::AF_UNIX);
        if len > value.sun_path.len() {
            return Err(addr::invalid("path must be shorter than SUN_LEN"));
        }
        // A C character has a sign on some machines, and none on others.
        for (to, from) in value.sun_path.iter_mut().zip(name) {
            *to = libc::c_char::from_ne_bytes([*from]);
        }
        let mut this = Self::holding(value);
        this.len = libc::socklen_t::try_from(mem::offset_of!(libc::sockaddr_un, sun_path) + len)
            .map_err(|_| addr::invalid("path must be shorter than SUN_LEN"))?;
        Ok(this)
    }

    fn holding<T: Copy>(value: T) -> Self {
        const {
            assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>());
            assert!(align_of::<T>() <= align_of::<libc::sockaddr_storage>());
        }
        let mut this = Self::room();
        this.len = size::<T>();
        // SAFETY: the storage is at least as large and as aligned as `T`, which the assertions above hold.
        unsafe { this.storage.as_mut_ptr().cast::<T>().write(value) };
        this
    }

    pub(super) fn as_ptr(&self) -> *const libc::sockaddr {
        self.storage.as_ptr().cast()
    }

    pub(super) fn as_mut_ptr(&mut self) -> *mut libc::sockaddr {
        self.storage.as_mut_ptr().cast()
    }

    /// Where a call stores an address and its length. Both at once: a second borrow of the whole would end the first pointer's.
    pub(super) fn as_mut_ptrs(&mut self) -> (*mut libc::sockaddr, *mut libc::socklen_t) {
        (self.storage.as_mut_ptr().cast(), &raw mut self.len)
    }

    /// The bytes as one of the structures. What the kernel has not stored is zero.
    fn read<T: Copy>(&self) -> T {
        const {
            assert!(size_of::<T>() <= size_of::<libc::sockaddr_storage>());
            assert!(align_of::<T>() <= align_of::<libc::sockaddr_storage>());
        }
        // SAFETY: the storage was zeroed and is as large and aligned as `T`, a structure of integers, for which any bytes are a
        // value.
        unsafe { self.storage.as_ptr().cast::<T>().read() }
    }

    pub(super) fn addr(&self) -> Addr {
        if self.len == 0 {
            return Addr::Unspec;
        }
        match i32::from(self.read::<libc::sockaddr_in>().sin_family) {
            libc::AF_INET => {
                let value: libc::sockaddr_in = self.read();
                let ip = Ipv4Addr::from(value.sin_addr.s_addr.to_ne_bytes());
                Addr::Inet(SocketAddrV4::new(ip, u16::from_be(value.sin_port)).into())
            }
            libc::AF_INET6 => {
                let value: libc::sockaddr_in6 = self.read();
                Addr::Inet(
                    SocketAddrV6::new(
                        Ipv6Addr::from(value.sin6_addr.s6_addr),
                        u16::from_be(value.sin6_port),
                        value.sin6_flowinfo,
                        value.sin6_scope_id,
                    )
                    .into(),
                )
            }
            #[cfg(target_os = "linux")]
            libc::AF_UNIX => Addr::Unix(UnixAddr(self.name())),
            _ => Addr::Unspec,
        }
    }

    #[cfg(target_os = "linux")]
    fn name(&self) -> Name {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;

        let value: libc::sockaddr_un = self.read();
        let bytes = value.sun_path.map(|c| u8::from_ne_bytes(c.to_ne_bytes()));
        let len = usize::try_from(self.len).unwrap_or(0);
        let len = len.saturating_sub(mem::offset_of!(libc::sockaddr_un, sun_path));
        let bytes = bytes.get(..len).unwrap_or(&bytes);
        match bytes.split_first() {
            None => Name::Unnamed,
            Some((0, name)) => Name::Abstract(name.to_vec()),
            Some(_) => {
                let path = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
                Name::Path(OsStr::from_bytes(path).into())
            }
        }
    }
}

/// An `AF_*` in its field.
fn family(number: libc::c_int) -> libc::sa_family_t {
    // They are small.
    libc::sa_family_t::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_reads_back() {
        let scoped = SocketAddrV6::new(Ipv6Addr::LOCALHOST, 65535, 7, 9);
        for addr in [
            Addr::Inet("127.0.0.1:80".parse().unwrap()),
            Addr::Inet(scoped.into()),
            Addr::Unix(UnixAddr::from_pathname("/tmp/a").unwrap()),
            Addr::Unix(UnixAddr::from_pathname("x".repeat(107)).unwrap()),
            Addr::Unix(UnixAddr(Name::Abstract(b"a\0b".to_vec()))),
            Addr::Unix(UnixAddr(Name::Abstract(vec![b'x'; 107]))),
        ] {
            assert_eq!(SockAddr::new(&addr).unwrap().addr(), addr);
        }
    }
}
