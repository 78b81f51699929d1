//! services(5) and protocols(5) of the machine, read once.

use std::cell::OnceCell;
use std::sync::Arc;

use guestnet_core::resolve::{Protocols, Services};

/// What a machine without protocols(5) knows all the same.
const PROTOCOLS: &str = "ip 0 IP\nicmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6 41 IPv6\nipv6-icmp 58 IPv6-ICMP\n";

/// Both files, each read when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Tables {
    services: OnceCell<Arc<Services>>,
    protocols: OnceCell<Arc<Protocols>>,
}

impl Tables {
    /// /etc/services; a machine without the file knows no names.
    pub(crate) fn services(&self) -> Arc<Services> {
        let read = || Services::parse(&std::fs::read_to_string("/etc/services").unwrap_or_default());
        Arc::clone(self.services.get_or_init(|| Arc::new(read())))
    }

    /// /etc/protocols.
    pub(crate) fn protocols(&self) -> Arc<Protocols> {
        let read = || {
            let text = std::fs::read_to_string("/etc/protocols");
            Protocols::parse(text.as_deref().unwrap_or(PROTOCOLS))
        };
        Arc::clone(self.protocols.get_or_init(|| Arc::new(read())))
    }
}
