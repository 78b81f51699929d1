//! What the fuzz targets share: the input as a script, and a host that does what the script says.

mod host;

pub use host::{COUNTED, FORBIDDEN, Io, Meanwhile, Resolver, ScriptHost, allowed};

use guestnet_core::{Domain, Kind, SockAddr};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

/// The bytes of the input, taken one by one by the target and by its host. When they are used up everything ends
/// soon: nothing blocks, nothing more arrives.
#[derive(Clone, Debug)]
pub struct Script(Rc<RefCell<VecDeque<u8>>>);

impl Script {
    /// A script of these bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Rc::new(RefCell::new(bytes.iter().copied().collect())))
    }

    /// The next byte.
    pub fn next(&self) -> Option<u8> {
        self.0.borrow_mut().pop_front()
    }

    /// The next byte, or 0 at the end.
    pub fn byte(&self) -> u8 {
        self.next().unwrap_or(0)
    }

    /// One of these.
    pub fn one_of<T: Clone>(&self, choices: &[T]) -> T {
        choices[usize::from(self.byte()) % choices.len()].clone()
    }

    /// Yes or no.
    pub fn bool(&self) -> bool {
        self.byte() & 1 == 1
    }

    /// A descriptor that is often open and sometimes absurd.
    pub fn fd(&self) -> u32 {
        match self.byte() {
            255 => u32::MAX,
            byte => u32::from(byte % 10),
        }
    }

    /// A family and type.
    pub fn socket(&self) -> (Domain, Kind) {
        (
            self.one_of(&[Domain::Inet, Domain::Inet6, Domain::Unix]),
            self.one_of(&[Kind::Stream, Kind::Datagram, Kind::SeqPacket]),
        )
    }

    /// An IP address with a port, of those that policies treat differently.
    pub fn inet(&self) -> SocketAddr {
        const HOSTS: [&str; 12] = [
            "127.0.0.1",
            "127.1.2.3",
            "10.0.0.5",
            "10.9.9.9",
            "8.8.8.8",
            "0.0.0.0",
            "169.254.169.254",
            "::1",
            "::",
            "::ffff:10.0.0.5",
            "::ffff:127.0.0.1",
            "fe80::1",
        ];
        let host: IpAddr = self.one_of(&HOSTS).parse().expect("a literal address");
        SocketAddr::new(host, self.one_of(&[0, 53, 80, 443, 5432]))
    }

    /// A UNIX socket path.
    pub fn path(&self) -> &'static str {
        self.one_of(&["/tmp/a", "/tmp/b", "/run/db", "/", "", "a", "/tmp/../run/db"])
    }

    /// An address of any family.
    pub fn address(&self) -> SockAddr {
        match self.byte() % 8 {
            0 => SockAddr::Unspec,
            1 => SockAddr::UnixUnnamed,
            2 => SockAddr::Unix(self.path().into()),
            _ => SockAddr::Inet(self.inet()),
        }
    }
}
