//! Socket addresses as scripts have them: `{family, port, addr}`, `{family, path}`.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use guestnet_core::policy::parse_numeric_host;
use guestnet_core::{Domain, Host, SockAddr};
use rquickjs::{Ctx, Exception, Object, Result, Value};

use crate::abi;
use crate::convert;
use crate::native::{Call, int, string};
use crate::sys::value::{define, record};

/// As [`decode`], with a relative UNIX path counting from the script's directory (`os.chdir`).
///
/// # Errors
/// As [`decode`].
pub(crate) fn argument<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    value: &Value<'js>,
    domain: Option<Domain>,
) -> Result<SockAddr> {
    let addr = decode(call.ctx(), value, domain)?;
    let SockAddr::Unix(path) = &addr else {
        return Ok(addr);
    };
    let current = call.state().directories.current();
    // An empty path is wrong, and stays so.
    if current == "/" || path.is_empty() || path.starts_with('/') {
        return Ok(addr);
    }
    Ok(SockAddr::Unix(format!("{current}/{path}").into()))
}

/// Reads an address. Every property is read once.
///
/// `domain` is the socket's family, which is meant if the object names none.
///
/// # Errors
/// `TypeError` that says what is wrong with it, or what a getter of the guest threw.
fn decode<'js>(ctx: &Ctx<'js>, value: &Value<'js>, domain: Option<Domain>) -> Result<SockAddr> {
    let Some(object) = value.as_object() else {
        return Err(wrong(ctx, "the address must be an object {family, port, addr}"));
    };
    let family: Value<'_> = object.get("family")?;
    let family = match (family.is_undefined(), domain) {
        (false, _) => int(ctx, &family, "the address's family")?,
        (true, Some(domain)) => convert::family(domain),
        (true, None) => return Err(wrong(ctx, "the address has no family")),
    };
    match family {
        abi::AF_UNSPEC => Ok(SockAddr::Unspec),
        abi::AF_UNIX => unix(ctx, object),
        abi::AF_INET => inet(ctx, object, Domain::Inet),
        abi::AF_INET6 => inet(ctx, object, Domain::Inet6),
        _ => Err(wrong(
            ctx,
            "the address's family must be AF_INET, AF_INET6, AF_UNIX or AF_UNSPEC",
        )),
    }
}

fn unix<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Result<SockAddr> {
    let path = string(ctx, &object.get("path")?, "the address's path")?;
    Ok(SockAddr::Unix(path.into()))
}

fn inet<'js>(ctx: &Ctx<'js>, object: &Object<'js>, domain: Domain) -> Result<SockAddr> {
    let port: Value<'_> = object.get("port")?;
    let port = if port.is_undefined() {
        0
    } else {
        let port = int(ctx, &port, "the address's port")?;
        u16::try_from(port).map_err(|_| wrong(ctx, "the address's port must be from 0 to 65535"))?
    };
    let addr: Value<'_> = object.get("addr")?;
    let wildcard = guestnet_core::wildcard(domain);
    let (ip, mut scope) = if addr.is_undefined() {
        let ip = wildcard.map(|addr| addr.ip());
        (ip.ok_or_else(|| wrong(ctx, "the address has no addr"))?, 0)
    } else {
        let text = string(ctx, &addr, "the address's addr")?;
        let numeric = parse_numeric_host(&text)
            .filter(|numeric| numeric.ip.is_ipv4() == (domain == Domain::Inet))
            .ok_or_else(|| {
                let version = if domain == Domain::Inet { "IPv4" } else { "IPv6" };
                wrong(
                    ctx,
                    &format!("the address's addr is not an {version} address: {text}"),
                )
            })?;
        (numeric.ip, numeric.scope_id)
    };
    if domain == Domain::Inet6 {
        let given: Value<'_> = object.get("scope")?;
        if !given.is_undefined() {
            let given = int(ctx, &given, "the address's scope")?;
            scope =
                u32::try_from(given).map_err(|_| wrong(ctx, "the address's scope must not be negative"))?;
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
pub(crate) fn encode<'js>(ctx: &Ctx<'js>, addr: &SockAddr) -> Result<Value<'js>> {
    let number = |number: i32| Value::new_int(ctx.clone(), number);
    let object = match addr {
        SockAddr::Unspec => record(ctx, [(c"family", number(abi::AF_UNSPEC))])?,
        SockAddr::Inet(inet) => encode_inet(ctx, *inet)?,
        SockAddr::Unix(path) => record(
            ctx,
            [(c"family", number(abi::AF_UNIX)), (c"path", text(ctx, path)?)],
        )?,
        SockAddr::UnixUnnamed => record(
            ctx,
            [(c"family", number(abi::AF_UNIX)), (c"path", text(ctx, "")?)],
        )?,
    };
    Ok(object.into_value())
}

/// The object for an IP address.
///
/// # Errors
/// No memory.
pub(crate) fn encode_inet<'js>(ctx: &Ctx<'js>, addr: SocketAddr) -> Result<Object<'js>> {
    let number = |number: i32| Value::new_int(ctx.clone(), number);
    let family = if addr.is_ipv4() {
        abi::AF_INET
    } else {
        abi::AF_INET6
    };
    let object = record(
        ctx,
        [
            (c"family", number(family)),
            (c"port", number(i32::from(addr.port()))),
            (c"addr", text(ctx, &addr.ip().to_string())?),
        ],
    )?;
    if let SocketAddr::V6(v6) = addr
        && v6.scope_id() != 0
    {
        let scope = Value::new_number(ctx.clone(), f64::from(v6.scope_id()));
        define(ctx, &object, c"scope", scope)?;
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
