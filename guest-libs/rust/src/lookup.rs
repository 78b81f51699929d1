//! Names: look-ups by the host. They block the program and start no thread.

use std::error::Error;
use std::net::SocketAddr;
use std::{fmt, io};

use crate::addr::{self, Domain, Kind, ToSocketAddrs};
use crate::sys;

/// Looks a name up, as tokio's function of this name does: `lookup_host("example.com:443")`, `lookup_host(("example.com", 443))`.
///
/// The host answers, with its cache, its hosts file and its policy. The program waits meanwhile. What is found does not borrow the name.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let name = String::from("127.0.0.1:443");
/// let mut found = guestnet_guest::lookup_host(name.as_str())?;
/// drop(name);
/// assert_eq!(found.next(), Some("127.0.0.1:443".parse().unwrap()));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// Those of [`ToSocketAddrs`].
pub fn lookup_host<T: ToSocketAddrs>(host: T) -> io::Result<T::Iter> {
    host.to_socket_addrs()
}

/// The addresses of a name, with a port.
pub(crate) fn addresses(host: &str, port: u16, domain: Option<Domain>) -> io::Result<Vec<SocketAddr>> {
    let mut found = sys::lookup(host, "", domain, Kind::Stream)?;
    for addr in &mut found {
        addr.set_port(port);
    }
    Ok(found)
}

/// The port of a text: a number, the name of a service such as `https`, or 0 for no text.
///
/// # Errors
/// `InvalidInput` for another text. The C library's own numbers have signs and spaces, and what is above 65535 begins at 0 again.
pub(crate) fn port(text: &str, kind: Kind) -> io::Result<u16> {
    if text.is_empty() {
        return Ok(0);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| addr::invalid("invalid port value"));
    }
    if !text.contains(|c: char| c.is_ascii_alphabetic()) {
        return Err(addr::invalid("invalid port value"));
    }
    // With an address instead of a name it needs no flag.
    let found = sys::lookup("127.0.0.1", text, Some(Domain::Inet), kind)?;
    found
        .first()
        .map(SocketAddr::port)
        .ok_or_else(|| LookupError::Service.into())
}

/// Why a name has no addresses: the `EAI_*` of getaddrinfo(3).
///
/// It is inside of the [`io::Error`] that a look-up returns:
///
/// ```
/// use guestnet_guest::{LookupError, lookup_host};
///
/// let Err(error) = lookup_host("no-such-name.invalid:80") else { return };
/// let why = error.get_ref().and_then(|inner| inner.downcast_ref::<LookupError>());
/// assert!(why.is_some());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LookupError {
    /// `EAI_ADDRFAMILY`: it has no addresses of this family.
    AddrFamily,
    /// `EAI_AGAIN`: no server has answered.
    Again,
    /// `EAI_BADFLAGS`.
    BadFlags,
    /// `EAI_FAIL`: a server refuses to answer, or the policy does not allow the name. The host has one code for both, and tells the
    /// owner of the program which it was.
    Fail,
    /// `EAI_FAMILY`.
    Family,
    /// `EAI_MEMORY`.
    Memory,
    /// `EAI_NODATA`: the name exists and has no addresses.
    NoData,
    /// `EAI_NONAME`: there is no such name.
    NoName,
    /// `EAI_SERVICE`: there is no such service.
    Service,
    /// `EAI_SOCKTYPE`.
    SockType,
    /// `EAI_SYSTEM`: another errno.
    System,
}

impl LookupError {
    /// The kind of the [`io::Error`] that it is inside of.
    #[must_use]
    pub const fn kind(self) -> io::ErrorKind {
        match self {
            Self::NoName | Self::NoData | Self::AddrFamily => io::ErrorKind::NotFound,
            Self::Service | Self::BadFlags | Self::Family | Self::SockType => io::ErrorKind::InvalidInput,
            Self::Memory => io::ErrorKind::OutOfMemory,
            Self::Again | Self::Fail | Self::System => io::ErrorKind::Other,
        }
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AddrFamily => "the name has no address of this family",
            Self::Again => "no name server has answered",
            Self::BadFlags => "wrong flags of a look-up",
            Self::Fail => "the name server refuses to answer, or the name is not allowed",
            Self::Family => "wrong family of a look-up",
            Self::Memory => "no memory for a look-up",
            Self::NoData => "the name has no address",
            Self::NoName => "no such name",
            Self::Service => "no such service",
            Self::SockType => "wrong socket type of a look-up",
            Self::System => "the look-up failed",
        })
    }
}

impl Error for LookupError {}

impl From<LookupError> for io::Error {
    fn from(error: LookupError) -> Self {
        Self::new(error.kind(), error)
    }
}
