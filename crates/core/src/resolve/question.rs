//! [`Question`], [`LookupReply`] and [`LookupError`]: what is asked of a resolver, and what it says.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use crate::addr::Domain;
use crate::errno::Errno;
use crate::policy::Name;

/// Where a guest that speaks DNS itself finds the stub that answers for us, as its resolv.conf says. No machine has this
/// address (RFC 5737), so that what is sent to it is served by us if the policy lets the guest look any name up. For
/// a guest that may look none up it is an address like any other.
pub const STUB: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 53), 53));

/// The most results of one look-up. No resolver returns more in practice, and a guest can hold them all.
pub const MAX_RESULTS: usize = 64;

/// The most other names of a name that are kept. A chain of CNAMEs that is followed is no longer.
pub const MAX_ALIASES: usize = 16;

/// What is asked of a resolver.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Question {
    /// The addresses of a name; of both families for `None`.
    Addresses {
        /// The name.
        name: Name,
        /// The family.
        family: Option<Domain>,
    },
    /// The names of an address (PTR).
    Pointer(IpAddr),
}

/// What a resolver found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Records {
    /// The addresses, at most [`MAX_RESULTS`]; empty for a [`Question::Pointer`].
    pub addresses: Vec<IpAddr>,
    /// The canonical name, or the name of the address; empty if the resolver does not say.
    pub name: String,
    /// Its other names, as far as the resolver says, at most [`MAX_ALIASES`] (gethostbyname(3): `h_aliases`).
    pub aliases: Vec<String>,
    /// The addresses are in the order of RFC 6724 already.
    pub sorted: bool,
}

/// A resolver's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LookupReply {
    /// What was found, or why nothing was.
    pub outcome: Result<Records, LookupError>,
    /// For how long this is true, if the resolver says. Without it nothing is cached.
    pub lifetime: Option<Duration>,
}

/// Why a look-up failed (the `EAI_*` of getaddrinfo(3)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookupError {
    /// `EAI_AGAIN`: a temporary failure.
    Again,
    /// `EAI_NONAME`: no such name.
    NoName,
    /// `EAI_NODATA`: the name exists and has no address of the family asked for.
    NoData,
    /// `EAI_FAIL`: a permanent failure, and every denial by the policy.
    Fail,
    /// `EAI_FAMILY`: an unknown family.
    Family,
    /// `EAI_SOCKTYPE`: an unknown socket type.
    SockType,
    /// `EAI_SERVICE`: the service is unknown for the socket type.
    Service,
    /// `EAI_BADFLAGS`: unknown flags, or flags that contradict each other.
    BadFlags,
    /// `EAI_MEMORY`.
    Memory,
    /// `EAI_SYSTEM`: see the errno. `EINTR` means that the guest was stopped.
    System(Errno),
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LookupError::Again => "EAI_AGAIN",
            LookupError::NoName => "EAI_NONAME",
            LookupError::NoData => "EAI_NODATA",
            LookupError::Fail => "EAI_FAIL",
            LookupError::Family => "EAI_FAMILY",
            LookupError::SockType => "EAI_SOCKTYPE",
            LookupError::Service => "EAI_SERVICE",
            LookupError::BadFlags => "EAI_BADFLAGS",
            LookupError::Memory => "EAI_MEMORY",
            LookupError::System(_) => "EAI_SYSTEM",
        })
    }
}
