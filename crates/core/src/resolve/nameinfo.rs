//! getnameinfo(3): the name of an address and of a port.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::services::protocol_of;
use super::{CacheLookup, LookupError, Question, Records, is_link_local};
use crate::addr::Kind;
use crate::fd::Slots;
use crate::guest::GuestThread;
use crate::host::{Clock, Host};
use crate::open_file::OpenFile;

bitflags::bitflags! {
    /// `NI_*` of getnameinfo(3).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct NameInfoFlags: u8 {
        /// `NI_NUMERICHOST`: the address as a number.
        const NUMERICHOST = 1;
        /// `NI_NUMERICSERV`: the port as a number.
        const NUMERICSERV = 1 << 1;
        /// `NI_NAMEREQD`: without a name it is `EAI_NONAME`.
        const NAMEREQD = 1 << 2;
        /// `NI_DGRAM`: the service is one of UDP.
        const DGRAM = 1 << 3;
        /// `NI_NOFQDN`: without the domain. The core knows no domain of its own and leaves the name whole.
        const NOFQDN = 1 << 4;
        /// `NI_NUMERICSCOPE`: the scope as a number.
        const NUMERICSCOPE = 1 << 5;
    }
}

/// The answer of getnameinfo(3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NameInfo {
    /// The name of the address, or the address in numbers, with its scope: the name of an interface that the policy shows, or the
    /// number.
    pub host: String,
    /// The name of the service, or the port in numbers.
    pub service: String,
    /// Other names of the address, as far as they are known (gethostbyaddr(3): `h_aliases`).
    pub aliases: Vec<String>,
}

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// getnameinfo(3). Blocks the guest until the host's resolver has answered. An address that has no name, or that
    /// the policy does not let the guest ask about, comes back in numbers.
    ///
    /// # Errors
    /// With [`NameInfoFlags::NAMEREQD`]: `NoName` (it has none), `Fail` (the policy), `Again` (no answer). Always:
    /// `System(EINTR)` (the guest was stopped).
    pub fn getnameinfo(&mut self, addr: SocketAddr, flags: NameInfoFlags) -> Result<NameInfo, LookupError> {
        let kind = if flags.contains(NameInfoFlags::DGRAM) {
            Kind::Datagram
        } else {
            Kind::Stream
        };
        let services = self.host.services();
        let service = Some(addr.port())
            .filter(|_| !flags.contains(NameInfoFlags::NUMERICSERV))
            .and_then(|port| services.by_port(port, protocol_of(kind)))
            .map_or_else(|| addr.port().to_string(), |service| service.name.to_string());
        let name = if flags.contains(NameInfoFlags::NUMERICHOST) {
            Err(LookupError::NoName)
        } else {
            self.name_of(addr.ip())
        };
        let (host, aliases) = match name {
            Ok(found) => (found.name.clone(), found.aliases.clone()),
            Err(error @ LookupError::System(_)) => return Err(error),
            Err(error) if flags.contains(NameInfoFlags::NAMEREQD) => return Err(error),
            Err(_) => {
                let numeric_scope = flags.contains(NameInfoFlags::NUMERICSCOPE);
                (self.numeric(addr, numeric_scope), Vec::new())
            }
        };
        Ok(NameInfo {
            host,
            service,
            aliases,
        })
    }

    /// The address without its port.
    fn numeric(&mut self, addr: SocketAddr, numeric_scope: bool) -> String {
        let mut text = addr.ip().to_string();
        if let SocketAddr::V6(addr) = addr
            && addr.scope_id() != 0
        {
            let scope = addr.scope_id();
            let interfaces = if numeric_scope || !is_link_local(*addr.ip()) {
                Vec::new()
            } else {
                self.shown_interfaces().unwrap_or_default()
            };
            let interface = interfaces.iter().find(|interface| interface.index == scope);
            let _ = match interface {
                Some(interface) => write!(text, "%{}", interface.name),
                None => write!(text, "%{scope}"),
            };
        }
        text
    }

    fn name_of(&mut self, ip: IpAddr) -> Result<Arc<Records>, LookupError> {
        let question = Question::Pointer(ip);
        let now = self.host.now(Clock::Monotonic);
        match self.guest.gate.names.begin(&question, now) {
            CacheLookup::Known(outcome) => outcome,
            CacheLookup::Ask => self.ask(&question),
        }
    }
}
