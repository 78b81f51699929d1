//! Addresses: what std's types cannot say, and names that become addresses. No socket here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::path::{Path, PathBuf};
use std::{fmt, iter, option, slice, vec};

use crate::lookup;

/// The longest path of a UNIX socket: that of `sun_path` on Linux, less its NUL.
const MAX_PATH: usize = 107;

/// An address of any family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Addr {
    Inet(SocketAddr),
    Unix(UnixAddr),
    /// None: of the peer of a stream that `recvfrom` is called on.
    Unspec,
}

impl Addr {
    pub(crate) fn inet(self) -> io::Result<SocketAddr> {
        match self {
            Self::Inet(addr) => Ok(addr),
            Self::Unix(_) | Self::Unspec => Err(invalid("not an Internet address")),
        }
    }

    pub(crate) fn unix(self) -> io::Result<UnixAddr> {
        match self {
            Self::Unix(addr) => Ok(addr),
            Self::Unspec => Ok(UnixAddr(Name::Unnamed)),
            Self::Inet(_) => Err(invalid("not the address of a UNIX socket")),
        }
    }

    pub(crate) fn domain(&self) -> Domain {
        match self {
            Self::Inet(SocketAddr::V6(_)) => Domain::Inet6,
            Self::Inet(SocketAddr::V4(_)) | Self::Unspec => Domain::Inet,
            Self::Unix(_) => Domain::Unix,
        }
    }
}

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Domain {
    Inet,
    Inet6,
    Unix,
}

/// A type of socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Stream,
    Datagram,
}

/// The address of a UNIX socket, as [`std::os::unix::net::SocketAddr`].
#[derive(Clone, PartialEq, Eq)]
pub struct UnixAddr(pub(crate) Name);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Name {
    Unnamed,
    Path(PathBuf),
    /// Of a peer, on Linux: outside of any directory.
    #[cfg_attr(
        target_os = "wasi",
        expect(dead_code, reason = "no host of WASI has such names")
    )]
    Abstract(Vec<u8>),
}

impl UnixAddr {
    /// The address of a path.
    ///
    /// # Errors
    /// `InvalidInput` for a path that is empty, has a zero byte in it or more than 107 bytes.
    pub fn from_pathname<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let path = path.as_ref();
        let bytes = path.as_os_str().as_encoded_bytes();
        if bytes.contains(&0) {
            return Err(invalid("paths must not contain interior null bytes"));
        }
        if bytes.len() > MAX_PATH {
            return Err(invalid("path must be shorter than SUN_LEN"));
        }
        if bytes.is_empty() {
            return Err(invalid("the path of a UNIX socket is not empty"));
        }
        Ok(Self(Name::Path(path.to_owned())))
    }

    /// Its path, if it has one.
    #[must_use]
    pub fn as_pathname(&self) -> Option<&Path> {
        match &self.0 {
            Name::Path(path) => Some(path),
            Name::Unnamed | Name::Abstract(_) => None,
        }
    }

    /// Whether it is that of a socket that was not bound.
    #[must_use]
    pub fn is_unnamed(&self) -> bool {
        self.0 == Name::Unnamed
    }
}

impl fmt::Debug for UnixAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Name::Unnamed => f.write_str("(unnamed)"),
            Name::Path(path) => write!(f, "{path:?} (pathname)"),
            Name::Abstract(name) => write!(f, "\"{}\" (abstract)", name.escape_ascii()),
        }
    }
}

/// What can be turned into Internet addresses: [`std::net::ToSocketAddrs`], whose look-ups work on wasm32-wasip1 as well.
///
/// It is for the same types. A name is looked up by the host, which blocks the program. A name that has no addresses, or that the
/// policy does not allow ([`LookupError::Fail`](crate::LookupError::Fail)), is an error with a [`LookupError`](crate::LookupError)
/// inside; an address that the policy does not allow is one of the call that uses it.
pub trait ToSocketAddrs {
    /// The addresses.
    type Iter: Iterator<Item = SocketAddr>;

    /// Turns it into addresses.
    ///
    /// # Errors
    /// `InvalidInput` for text that is no address; a [`LookupError`](crate::LookupError) in an error of the kind of its
    /// [`kind`](crate::LookupError::kind) for a name that has none.
    fn to_socket_addrs(&self) -> io::Result<Self::Iter>;
}

impl ToSocketAddrs for SocketAddr {
    type Iter = option::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(Some(*self).into_iter())
    }
}

macro_rules! one_address {
    ($($ty:ty),*) => {
        $(impl ToSocketAddrs for $ty {
            type Iter = option::IntoIter<SocketAddr>;

            fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
                SocketAddr::from(*self).to_socket_addrs()
            }
        })*
    };
}

one_address! { SocketAddrV4, SocketAddrV6, (IpAddr, u16), (Ipv4Addr, u16), (Ipv6Addr, u16) }

impl ToSocketAddrs for (&str, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        let (host, port) = *self;
        let addresses = match host.parse::<IpAddr>() {
            Ok(ip) => vec![SocketAddr::new(ip, port)],
            Err(_) => lookup::addresses(host, port, None)?,
        };
        Ok(addresses.into_iter())
    }
}

impl ToSocketAddrs for (String, u16) {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (self.0.as_str(), self.1).to_socket_addrs()
    }
}

impl ToSocketAddrs for str {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        if let Ok(addr) = self.parse::<SocketAddr>() {
            return Ok(vec![addr].into_iter());
        }
        let (host, port) = self
            .rsplit_once(':')
            .ok_or_else(|| invalid("invalid socket address"))?;
        let port = port.parse().map_err(|_| invalid("invalid port value"))?;
        (host, port).to_socket_addrs()
    }
}

impl ToSocketAddrs for String {
    type Iter = vec::IntoIter<SocketAddr>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        self.as_str().to_socket_addrs()
    }
}

impl<'a> ToSocketAddrs for &'a [SocketAddr] {
    type Iter = iter::Copied<slice::Iter<'a, SocketAddr>>;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        Ok(self.iter().copied())
    }
}

impl<T: ToSocketAddrs + ?Sized> ToSocketAddrs for &T {
    type Iter = T::Iter;

    fn to_socket_addrs(&self) -> io::Result<Self::Iter> {
        (**self).to_socket_addrs()
    }
}

/// Calls `f` with each address until one succeeds, as std's `each_addr` does; the last error otherwise.
pub(crate) fn each<T>(
    addrs: impl ToSocketAddrs,
    mut f: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for addr in addrs.to_socket_addrs()? {
        match f(addr) {
            Ok(value) => return Ok(value),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| invalid("could not resolve to any addresses")))
}

pub(crate) fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(text: &str) -> Result<Vec<SocketAddr>, io::ErrorKind> {
        text.to_socket_addrs()
            .map(Iterator::collect)
            .map_err(|error| error.kind())
    }

    fn stds(text: &str) -> Result<Vec<SocketAddr>, io::ErrorKind> {
        std::net::ToSocketAddrs::to_socket_addrs(text)
            .map(Iterator::collect)
            .map_err(|error| error.kind())
    }

    #[test]
    fn text_becomes_the_addresses_that_std_makes_of_it() {
        for text in [
            "127.0.0.1:80",
            "[::1]:65535",
            "127.0.0.1",
            "127.0.0.1:65536",
            "127.0.0.1:",
            "nothing",
            "[::1]",
        ] {
            assert_eq!(ours(text), stds(text), "{text}");
        }
    }

    #[test]
    fn the_address_of_a_path_is_refused_where_std_refuses_it_and_when_it_is_empty() {
        let long = "x".repeat(108);
        for path in ["/tmp/a", "a", &long, &long[1..], "a\0b"] {
            let (ours, stds) = (
                UnixAddr::from_pathname(path),
                std::os::unix::net::SocketAddr::from_pathname(path),
            );
            let (ours, stds) = (
                ours.map(|addr| format!("{addr:?}"))
                    .map_err(|error| error.to_string()),
                stds.map(|addr| format!("{addr:?}"))
                    .map_err(|error| error.to_string()),
            );
            assert_eq!(ours, stds, "{path:?}");
        }
        assert!(UnixAddr::from_pathname("").is_err());
    }

    #[test]
    fn the_last_error_of_several_addresses_is_that_of_all() {
        let addrs = ["127.0.0.1:1", "127.0.0.1:2"].map(|addr| addr.parse::<SocketAddr>().unwrap());
        let tried = each(&addrs[..], |addr| {
            Err::<(), _>(io::Error::other(addr.port().to_string()))
        });
        assert_eq!(tried.unwrap_err().to_string(), "2");
        assert!(each(&[][..], Ok).is_err());
    }
}
