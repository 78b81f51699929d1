//! The interfaces that a guest sees, and may name. What the machine has the host says ([`Host::interfaces`]), which of them are
//! shown the gate.

use std::net::Ipv4Addr;

use crate::errno::{Errno, Result};
use crate::fd::Slots;
use crate::gate::Gate;
use crate::guest::GuestThread;
use crate::host::Host;
use crate::interface::{Interface, MAX_INTERFACE_ADDRESSES, MAX_INTERFACES};
use crate::open_file::OpenFile;

/// An interface as a call names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InterfaceChoice {
    /// By its index.
    Index(u32),
    /// By one of its addresses.
    Address(Ipv4Addr),
}

impl InterfaceChoice {
    /// The one with this index; `None` for 0, which leaves the choice to the system.
    pub(crate) fn index(index: u32) -> Option<Self> {
        (index != 0).then_some(InterfaceChoice::Index(index))
    }

    /// The one with this address; `None` for 0.0.0.0, which leaves the choice to the system.
    pub(crate) fn address(ip: Ipv4Addr) -> Option<Self> {
        (!ip.is_unspecified()).then_some(InterfaceChoice::Address(ip))
    }

    fn is(self, interface: &Interface) -> bool {
        match self {
            InterfaceChoice::Index(index) => interface.index == index,
            InterfaceChoice::Address(ip) => interface.addresses.iter().any(|each| each.ip == ip),
        }
    }
}

impl<H: Host, F, T: Slots<OpenFile<H::Io, F>>> GuestThread<H, F, T> {
    /// getifaddrs(3), if_nameindex(3), and the requests of netdevice(7): the interfaces that the policy shows, in the order of
    /// their indices, with the addresses that it shows.
    ///
    /// Those are the loopback interface with its loopback addresses, and every interface with an address that the guest may
    /// bind on some port, with such addresses only. All others are as if they did not exist. With a policy that does not restrict
    /// listening, they are all the machine has, [`MAX_INTERFACES`] at most.
    ///
    /// # Errors
    /// `EOPNOTSUPP`: this host has none to show. What the kernel says.
    pub fn interfaces(&mut self) -> Result<Vec<Interface>> {
        let result = self.shown_interfaces();
        self.traced(
            "getifaddrs",
            result,
            |interfaces| interfaces.len() as u64,
            format_args!(""),
        )
    }
}

impl<H: Host, F, T> GuestThread<H, F, T> {
    /// [`GuestThread::interfaces`] for a call that needs to know them.
    pub(crate) fn shown_interfaces(&mut self) -> Result<Vec<Interface>> {
        shown(&mut self.host, &self.guest.gate)
    }
}

/// The interfaces that the policy shows.
fn shown<H: Host>(host: &mut H, gate: &Gate) -> Result<Vec<Interface>> {
    let mut interfaces: Vec<_> = host
        .interfaces()?
        .into_iter()
        .filter_map(|interface| gate.shown(interface))
        .take(MAX_INTERFACES)
        .collect();
    for interface in &mut interfaces {
        interface.addresses.truncate(MAX_INTERFACE_ADDRESSES);
    }
    interfaces.sort_by_key(|interface| interface.index);
    Ok(interfaces)
}

/// Whether the guest may name this interface: the policy shows it.
///
/// # Errors
/// `unknown`, which is what the kernel says of one that does not exist.
pub(crate) fn check<H: Host>(
    host: &mut H,
    gate: &Gate,
    choice: Option<InterfaceChoice>,
    unknown: Errno,
) -> Result<()> {
    let Some(choice) = choice else { return Ok(()) };
    if gate.shows_every_interface() {
        return Ok(());
    }
    match shown(host, gate) {
        Ok(interfaces) if interfaces.iter().any(|interface| choice.is(interface)) => Ok(()),
        _ => Err(unknown),
    }
}
