//! Socket addresses as scripts have them: `{family, port, addr}`, `{family, path}`.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use guestnet_core::policy::{NumericHost, parse_numeric_host};
use guestnet_core::{Domain, SockAddr};
use rquickjs::{Ctx, Exception, Object, Persistent, Result, Value};

use crate::abi;
use crate::argument::{excerpt, int, string};
use crate::convert;
use crate::sys::value::{self, Key, Keys, define, get, record};

/// The names of the properties of an address, and the last address in either
/// direction, because most programs give and get the same one many times.
#[derive(Default)]
pub(crate) struct AddressCache(RefCell<Option<Contents>>);

struct Contents {
    keys: Keys<7>,
    /// The last address that was made text, and its text.
    formatted: Option<(IpAddr, Persistent<Value<'static>>)>,
    /// The last text that was an address. The engine's strings do not change, and this one stays the same as long as it is here.
    parsed: Option<(Persistent<Value<'static>>, NumericHost)>,
}

/// The properties of an address, and of the result of a look-up.
pub(crate) struct Properties {
    family: Key,
    port: Key,
    addr: Key,
    path: Key,
    scope: Key,
    pub(crate) socktype: Key,
    pub(crate) canonname: Key,
}

impl AddressCache {
    /// # Errors
    /// No memory.
    pub(crate) fn properties(&self, ctx: &Ctx<'_>) -> Result<Properties> {
        if self.0.borrow().is_none() {
            let names = [
                c"family",
                c"port",
                c"addr",
                c"path",
                c"scope",
                c"socktype",
                c"canonname",
            ];
            // Nothing is borrowed meanwhile: where memory is short this makes an exception.
            let keys = Keys::new(ctx, names)?;
            let contents = Contents {
                keys,
                formatted: None,
                parsed: None,
            };
            self.0.borrow_mut().get_or_insert(contents);
        }
        let contents = self.0.borrow();
        let [family, port, addr, path, scope, socktype, canonname] =
            contents.as_ref().ok_or(rquickjs::Error::Unknown)?.keys.all();
        Ok(Properties {
            family,
            port,
            addr,
            path,
            scope,
            socktype,
            canonname,
        })
    }

    /// Drops it: it must not outlive the engine.
    pub(crate) fn forget(&self) {
        drop(self.0.take());
    }

    /// The text of an address.
    fn text<'js>(&self, ctx: &Ctx<'js>, ip: IpAddr) -> Result<Value<'js>> {
        let cached = self.0.borrow().as_ref().and_then(|contents| {
            let (last, text) = contents.formatted.as_ref()?;
            (*last == ip).then(|| text.clone())
        });
        if let Some(text) = cached {
            return text.restore(ctx);
        }
        let text = text(ctx, &ip.to_string())?;
        if let Some(contents) = &mut *self.0.borrow_mut() {
            contents.formatted = Some((ip, Persistent::save(ctx, text.clone())));
        }
        Ok(text)
    }

    /// The address that a text is; `None` if it is none.
    fn parse<'js>(&self, ctx: &Ctx<'js>, text: &Value<'js>) -> Result<Option<NumericHost>> {
        let cached = self
            .0
            .borrow()
            .as_ref()
            .and_then(|contents| contents.parsed.clone());
        if let Some((last, numeric)) = cached
            && value::is_same_string(&last.restore(ctx)?, text)
        {
            return Ok(Some(numeric));
        }
        let numeric = parse_numeric_host(&string(ctx, text, "the address's addr")?);
        if let (Some(contents), Some(numeric)) = (&mut *self.0.borrow_mut(), numeric) {
            contents.parsed = Some((Persistent::save(ctx, text.clone()), numeric));
        }
        Ok(numeric)
    }
}

/// Reads an address. Every property is read once.
///
/// `domain` is the socket's family, which is meant if the object names none.
///
/// # Errors
/// `TypeError` that says what is wrong with it, or what a getter of the guest threw.
pub(crate) fn decode<'js>(
    ctx: &Ctx<'js>,
    cache: &AddressCache,
    value: &Value<'js>,
    domain: Option<Domain>,
) -> Result<SockAddr> {
    let Some(object) = value.as_object() else {
        return Err(wrong(ctx, "the address must be an object {family, port, addr}"));
    };
    let keys = cache.properties(ctx)?;
    let family = get(ctx, object, keys.family)?;
    let family = match (family.is_undefined(), domain) {
        (false, _) => int(ctx, &family, "the address's family")?,
        (true, Some(domain)) => convert::family(domain),
        (true, None) => return Err(wrong(ctx, "the address has no family")),
    };
    match family {
        abi::AF_UNSPEC => Ok(SockAddr::Unspec),
        abi::AF_UNIX => unix(ctx, &keys, object),
        abi::AF_INET => inet(ctx, cache, &keys, object, Domain::Inet),
        abi::AF_INET6 => inet(ctx, cache, &keys, object, Domain::Inet6),
        _ => Err(wrong(
            ctx,
            "the address's family must be AF_INET, AF_INET6, AF_UNIX or AF_UNSPEC",
        )),
    }
}

fn unix<'js>(ctx: &Ctx<'js>, keys: &Properties, object: &Object<'js>) -> Result<SockAddr> {
    let path = string(ctx, &get(ctx, object, keys.path)?, "the address's path")?;
    Ok(SockAddr::Unix((*path).into()))
}

fn inet<'js>(
    ctx: &Ctx<'js>,
    cache: &AddressCache,
    keys: &Properties,
    object: &Object<'js>,
    domain: Domain,
) -> Result<SockAddr> {
    let port = get(ctx, object, keys.port)?;
    let port = if port.is_undefined() {
        0
    } else {
        let port = int(ctx, &port, "the address's port")?;
        u16::try_from(port).map_err(|_| wrong(ctx, "the address's port must be from 0 to 65535"))?
    };
    let addr = get(ctx, object, keys.addr)?;
    // Not the wildcard: a misspelt key would open the socket to everybody.
    if addr.is_undefined() {
        return Err(wrong(ctx, "the address has no addr"));
    }
    let numeric = cache
        .parse(ctx, &addr)?
        .filter(|numeric| numeric.ip.is_ipv4() == (domain == Domain::Inet))
        .ok_or_else(|| {
            let text = string(ctx, &addr, "the address's addr");
            let text = text.as_deref().map_or("", excerpt);
            let version = if domain == Domain::Inet { "IPv4" } else { "IPv6" };
            wrong(
                ctx,
                &format!("the address's addr is not an {version} address: {text}"),
            )
        })?;
    let (ip, mut scope) = (numeric.ip, numeric.scope_id);
    if domain == Domain::Inet6 {
        let number = get(ctx, object, keys.scope)?;
        if !number.is_undefined() {
            let number = int(ctx, &number, "the address's scope")?;
            scope =
                u32::try_from(number).map_err(|_| wrong(ctx, "the address's scope must not be negative"))?;
        }
    }
    Ok(SockAddr::Inet(match ip {
        IpAddr::V4(_) => SocketAddr::new(ip, port),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
    }))
}

fn wrong(ctx: &Ctx<'_>, reason: &str) -> rquickjs::Error {
    Exception::throw_type(ctx, reason)
}

/// The object for an address. An IPv6 address with a scope has it in `scope`; an unnamed UNIX socket's path is `""`.
///
/// # Errors
/// No memory.
pub(crate) fn encode<'js>(ctx: &Ctx<'js>, cache: &AddressCache, addr: &SockAddr) -> Result<Value<'js>> {
    let number = |number: i32| Value::new_int(ctx.clone(), number);
    let keys = cache.properties(ctx)?;
    let unix = |path: &str| {
        record(
            ctx,
            [(keys.family, number(abi::AF_UNIX)), (keys.path, text(ctx, path)?)],
        )
    };
    let object = match addr {
        SockAddr::Unspec => record(ctx, [(keys.family, number(abi::AF_UNSPEC))])?,
        SockAddr::Inet(inet) => encode_inet(ctx, cache, &keys, *inet)?,
        SockAddr::Unix(path) => unix(path)?,
        SockAddr::UnixUnnamed => unix("")?,
    };
    Ok(object.into_value())
}

/// The object for an IP address.
///
/// # Errors
/// No memory.
pub(crate) fn encode_inet<'js>(
    ctx: &Ctx<'js>,
    cache: &AddressCache,
    keys: &Properties,
    addr: SocketAddr,
) -> Result<Object<'js>> {
    let number = |number: i32| Value::new_int(ctx.clone(), number);
    let family = if addr.is_ipv4() {
        abi::AF_INET
    } else {
        abi::AF_INET6
    };
    let object = record(
        ctx,
        [
            (keys.family, number(family)),
            (keys.port, number(i32::from(addr.port()))),
            (keys.addr, cache.text(ctx, addr.ip())?),
        ],
    )?;
    if let SocketAddr::V6(v6) = addr
        && v6.scope_id() != 0
    {
        let scope = Value::new_number(ctx.clone(), f64::from(v6.scope_id()));
        define(ctx, &object, keys.scope, scope)?;
    }
    Ok(object)
}

/// A string of the engine.
///
/// # Errors
/// No memory.
pub(crate) fn text<'js>(ctx: &Ctx<'js>, text: &str) -> Result<Value<'js>> {
    rquickjs::String::from_str(ctx.clone(), text).map(rquickjs::String::into_value)
}
