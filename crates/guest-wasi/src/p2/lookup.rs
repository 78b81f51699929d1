//! `wasi:sockets/ip-name-lookup`: the core's look-ups, which the guest does not wait for.

use std::net::{IpAddr, Ipv6Addr};

use guestnet_core::policy::Name;
use guestnet_core::resolve::Query;
use guestnet_core::{Host, Kind};
use wasmtime::component::Resource;
use wasmtime_wasi::p2::DynPollable;
use wasmtime_wasi::p2::bindings::sockets::ip_name_lookup::{
    Host as LookupHost, HostResolveAddressStream, ResolveAddressStream,
};
use wasmtime_wasi::p2::bindings::sockets::network::{ErrorCode, IpAddress, Network};

use super::ctx::State;
use super::error::wrong_kind;
use super::network::{SocketResult, ip_address, lookup_error, socket_error};
use super::object::{Addresses, Handle, Object, Role};

/// How many look-ups a guest may have that are not over: each is a question to a server. One more fails for the moment.
const MAX_LOOKUPS: usize = 64;

/// The longest text of an address in brackets.
const MAX_BRACKETED: usize = 64;

impl<H: Host> State<H> {
    pub(crate) fn poll_add_lookup(&mut self, token: u32, handle: Handle) -> wasmtime::Result<()> {
        match &mut self.slots.entry_mut(handle.slot)?.object {
            Object::Lookup(lookup) => Ok(self.ctx.guest.poll_add_lookup(token, lookup)?),
            _ => Err(wrong_kind()),
        }
    }

    /// Takes the result of a look-up, if it is there.
    fn settle_lookup(&mut self, handle: Handle) -> wasmtime::Result<()> {
        if !matches!(self.slots.entry(handle.slot)?.object, Object::Lookup(_)) || !self.is_ready(handle)? {
            return Ok(());
        }
        let object = &mut self.slots.entry_mut(handle.slot)?.object;
        if let Object::Lookup(lookup) = object
            && let Some(result) = self.ctx.guest.getaddrinfo_take(lookup)
        {
            *object = Object::Addresses(Addresses::new(result));
            self.lookups = self.lookups.saturating_sub(1);
        }
        Ok(())
    }
}

impl<H: Host> LookupHost for State<H> {
    fn resolve_addresses(
        &mut self,
        _network: Resource<Network>,
        name: String,
    ) -> SocketResult<Resource<ResolveAddressStream>> {
        let node = checked(&name).ok_or(ErrorCode::InvalidArgument)?;
        if self.lookups >= MAX_LOOKUPS {
            return Err(ErrorCode::TemporaryResolverFailure.into());
        }
        let query = Query {
            node: Some(node.as_bytes()),
            // Each address once.
            kind: Some(Kind::Stream),
            ..Query::default()
        };
        let lookup = self.ctx.guest.getaddrinfo_start(&query);
        self.lookups += 1;
        match self.insert(Object::Lookup(lookup)) {
            Ok(slot) => Ok(Handle::new(Role::Itself, slot).own()),
            Err((errno, object)) => {
                self.discard(object);
                Err(socket_error(errno))
            }
        }
    }
}

impl<H: Host> HostResolveAddressStream for State<H> {
    fn resolve_next_address(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> SocketResult<Option<IpAddress>> {
        let handle = Handle::of(&stream).map_err(trap)?;
        self.settle_lookup(handle).map_err(trap)?;
        match &mut self.slot(handle.slot).map_err(trap)?.object {
            Object::Addresses(Addresses(Ok(addresses))) => Ok(addresses.next().map(ip_address)),
            Object::Addresses(Addresses(Err(error))) => Err(lookup_error(*error)),
            _ => Err(ErrorCode::WouldBlock.into()),
        }
    }

    fn subscribe(
        &mut self,
        stream: Resource<ResolveAddressStream>,
    ) -> wasmtime::Result<Resource<DynPollable>> {
        let handle = Handle::of(&stream)?;
        self.subscribe(handle)?;
        Ok(handle.own())
    }

    fn drop(&mut self, stream: Resource<ResolveAddressStream>) -> wasmtime::Result<()> {
        self.drop_object(Handle::of(&stream)?)
    }
}

fn trap(error: wasmtime::Error) -> wasmtime_wasi::p2::SocketError {
    wasmtime_wasi::p2::SocketError::trap(error)
}

/// What to look up: a name, or an address, which may stand in brackets if it is one of IPv6. `None`: it is neither.
fn checked(name: &str) -> Option<String> {
    if let Some(inner) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr = inner.get(..MAX_BRACKETED.min(inner.len()))?.parse().ok()?;
        return Some(address.to_string());
    }
    if name.parse::<IpAddr>().is_ok() || Name::parse(name).is_ok() {
        return Some(name.to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::checked;

    #[test]
    fn names_and_addresses_are_looked_up() {
        for name in [
            "localhost",
            "example.com",
            "127.0.0.1",
            "::1",
            "::",
            "bücher.example",
        ] {
            assert_eq!(checked(name).as_deref(), Some(name));
        }
        assert_eq!(checked("[::]").as_deref(), Some("::"));
        assert_eq!(checked("[::1]").as_deref(), Some("::1"));
    }

    #[test]
    fn what_is_neither_is_refused() {
        let long = "a.".repeat(1 << 20);
        for name in [
            "",
            ".",
            "a b",
            "a..b",
            "[127.0.0.1]",
            "[]",
            "[::1",
            "::1]",
            "256.1.1.1",
            &long,
        ] {
            assert_eq!(checked(name), None, "{}", name.get(..20).unwrap_or(name));
        }
        assert_eq!(checked(&format!("[{long}]")), None);
    }
}
