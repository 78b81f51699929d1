//! `os.getaddrinfo`, which holds the loop, and `os.getaddrinfoAsync`, which does not.

use guestnet_core::resolve::{AddrInfoList, Lookup, LookupFlags, Query};
use guestnet_core::{Domain, Host, Kind, LookupError};
use rquickjs::{Ctx, Exception, Result, Value};

use super::address::{AddressCache, encode_inet, text};
use crate::abi;
use crate::abort::Signal;
use crate::argument::{int, number, string};
use crate::call_site::CallSite;
use crate::convert::{self, lookup_error};
use crate::native::{Call, Member};
use crate::promise::Resolvers;
use crate::state::StateRef;
use crate::sys::heap::{Memory, Text};
use crate::sys::settled::settled;
use crate::sys::value::{define, list};

/// How many look-ups a script may have under way at a time.
const MAX_LOOKUPS: usize = 1_024;

/// What a look-up counts for while it is under way, in bytes: its name and its answer, of which no part is longer than a limit.
const LOOKUP: usize = 8 << 10;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("getaddrinfo", 2, getaddrinfo),
        Member::Function("getaddrinfoAsync", 2, getaddrinfo_async),
    ]
}

/// A [`Query`] that owns its text.
struct OwnedQuery {
    node: Option<Text>,
    service: Option<Text>,
    flags: LookupFlags,
    family: Option<Domain>,
    kind: Option<Kind>,
}

impl OwnedQuery {
    fn query(&self) -> Query<'_> {
        Query {
            node: self.node.as_ref().map(|text| text.as_bytes()),
            service: self.service.as_ref().map(|text| text.as_bytes()),
            flags: self.flags,
            family: self.family,
            kind: self.kind,
        }
    }

    /// `(node, service)` or `(node, {service, family, socktype, flags})`. The inner result is what getaddrinfo(3)
    /// would say of the hints.
    fn read<H: Host + 'static>(
        call: &Call<'_, '_, H>,
    ) -> Result<std::result::Result<OwnedQuery, LookupError>> {
        let ctx = call.ctx();
        let mut query = OwnedQuery {
            node: None,
            service: None,
            flags: LookupFlags::empty(),
            family: None,
            kind: None,
        };
        let node = call.arg(0);
        if !node.is_undefined() && !node.is_null() {
            query.node = Some(string(ctx, &node, "the node")?);
        }
        let second = call.arg(1);
        let Some(hints) = second.as_object() else {
            query.service = service(ctx, &second)?;
            return Ok(Ok(query));
        };
        query.service = service(ctx, &hints.get("service")?)?;
        let family = hint(ctx, &hints.get("family")?, "the family")?;
        let kind = hint(ctx, &hints.get("socktype")?, "the socktype")?;
        let flags = hint(ctx, &hints.get("flags")?, "the flags")?;
        Ok(query.with_hints(family, kind, flags))
    }

    fn with_hints(
        mut self,
        family: i32,
        kind: i32,
        flags: i32,
    ) -> std::result::Result<OwnedQuery, LookupError> {
        self.flags = convert::lookup_flags(flags).ok_or(LookupError::BadFlags)?;
        if family != abi::AF_UNSPEC {
            self.family = Some(convert::domain(family).ok_or(LookupError::Family)?);
        }
        if kind != 0 {
            self.kind = Some(convert::kind(kind).ok_or(LookupError::SockType)?);
        }
        Ok(self)
    }
}

fn hint<'js>(ctx: &Ctx<'js>, value: &Value<'js>, name: &str) -> Result<i32> {
    if value.is_undefined() {
        return Ok(0);
    }
    int(ctx, value, name)
}

/// A service name, or a port as a string or a number.
fn service<'js>(ctx: &Ctx<'js>, value: &Value<'js>) -> Result<Option<Text>> {
    if value.is_undefined() || value.is_null() {
        return Ok(None);
    }
    if value.is_string() {
        return string(ctx, value, "the service").map(Some);
    }
    match number(value).filter(|number| number.fract() == 0.0) {
        Some(number) => Text::lossy(&Memory::of(ctx)?, number.to_string().as_bytes())
            .map(Some)
            .map_err(|error| error.throw(ctx)),
        None => Err(Exception::throw_type(
            ctx,
            "the service must be a string or a port",
        )),
    }
}

/// `getaddrinfo(node, service)`: an array of addresses, an `EAI_*`, or a negative errno.
fn getaddrinfo<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let answer =
        OwnedQuery::read(call)?.and_then(|query| call.state().guest.borrow_mut().getaddrinfo(&query.query()));
    match answer {
        Ok(answer) => encode(call.ctx(), &call.state().addresses, &answer),
        Err(error) => call.value(lookup_error(error)),
    }
}

/// `getaddrinfoAsync(node, service)`, or with `{service, …, signal}`: a promise for the array; it rejects with an `EAI_*` or a
/// negative errno, which is `EAI_MEMORY` with [`MAX_LOOKUPS`] under way.
fn getaddrinfo_async<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let (ctx, state) = (call.ctx(), call.state());
    let query = OwnedQuery::read(call)?;
    let signal = match call.arg(1).as_object() {
        Some(hints) => Signal::of(ctx, state, hints)?,
        None => None,
    };
    if let Some(reason) = signal.as_ref().map(Signal::reason).transpose()?.flatten() {
        return settled(ctx, true, &reason);
    }
    let (promise, mut resolvers) = Resolvers::new(
        ctx,
        &state.memory,
        CallSite::here(ctx, "os.getaddrinfoAsync"),
        LOOKUP,
    )?;
    match query {
        Ok(_) if state.events.borrow().lookups() >= MAX_LOOKUPS => {
            resolvers.reject(ctx, &state.failed_calls, lookup_error(LookupError::Memory))?;
        }
        Ok(query) => {
            let id = state.events.borrow_mut().next_id();
            if let Some(signal) = signal {
                match signal.attach(ctx, resolvers, 0, id, None)? {
                    Some(attached) => resolvers = attached,
                    None => return Ok(promise),
                }
            }
            let lookup = state.guest.borrow_mut().getaddrinfo_start(&query.query());
            state.events.borrow_mut().wait_for_lookup(id, lookup, resolvers);
        }
        Err(error) => resolvers.reject(ctx, &state.failed_calls, lookup_error(error))?,
    }
    Ok(promise)
}

/// A look-up and the promise for its result.
type PendingLookup<H> = (Lookup<<H as Host>::Io>, Resolvers);

/// Settles the promise of a look-up, or gives both back if there is no result yet.
///
/// # Errors
/// No memory.
pub(crate) fn finish<H: Host + 'static>(
    ctx: &Ctx<'_>,
    state: &StateRef<H>,
    mut lookup: Lookup<H::Io>,
    promise: Resolvers,
) -> Result<Option<PendingLookup<H>>> {
    let answer = state.guest.borrow_mut().getaddrinfo_take(&mut lookup);
    match answer {
        None => return Ok(Some((lookup, promise))),
        Some(Ok(answer)) => promise.resolve(ctx, encode(ctx, &state.addresses, &answer)?)?,
        Some(Err(error)) => promise.reject(ctx, &state.failed_calls, lookup_error(error))?,
    }
    Ok(None)
}

/// `[{family, port, addr, socktype}, …]`; the first one has `canonname` if it was asked for.
fn encode<'js>(ctx: &Ctx<'js>, cache: &AddressCache, answer: &AddrInfoList) -> Result<Value<'js>> {
    let keys = cache.properties(ctx)?;
    let mut results = Vec::with_capacity(answer.results.len());
    let mut canonical = answer.canonical.as_deref();
    for result in &answer.results {
        let object = encode_inet(ctx, cache, &keys, result.addr)?;
        let kind = Value::new_int(ctx.clone(), convert::socktype(result.kind));
        define(ctx, &object, keys.socktype, kind)?;
        if let Some(name) = canonical.take() {
            define(ctx, &object, keys.canonname, text(ctx, name)?)?;
        }
        results.push(object.into_value());
    }
    list(ctx, &results)
}
