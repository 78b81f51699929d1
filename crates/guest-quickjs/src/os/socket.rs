//! `os.socket`, `bind`, `listen`, `accept`, `connect`, `shutdown` and the addresses of a socket.

use guestnet_core::{
    Domain, Errno, Fd, Host, OpenFile, Result, SharedDescriptor, SharedGuestThread, SockAddr,
};
use rquickjs::Value;

use super::address;
use super::pending;
use crate::abort::Signal;
use crate::convert::{self, negative};
use crate::file::File;
use crate::native::{Call, Member};
use crate::operation::Operation;
use crate::state::StateRef;
use crate::sys::value;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("socket", 2, socket),
        Member::Function("socketpair", 2, socketpair),
        Member::Function("bind", 2, bind),
        Member::Function("listen", 1, listen),
        Member::Function("accept", 1, accept),
        Member::Function("connect", 2, connect),
        Member::Function("shutdown", 2, shutdown),
        Member::Function("getsockname", 1, getsockname),
        Member::Function("getpeername", 1, getpeername),
    ]
}

/// The backlog of `os.listen` without one.
const BACKLOG: i32 = 10;

type JsResult<'js> = rquickjs::Result<Value<'js>>;

/// `socket(family, type[, protocol])`: a descriptor or a negative errno. Non-blocking unless `SOCK_BLOCK` is given.
fn socket<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let family = call.int(0, "the family")?;
    let kind = call.int(1, "the type")?;
    let protocol = call.int_or(2, "the protocol", 0)?;
    call.number(
        convert::socket(family, kind, protocol).and_then(|(domain, kind, blocks)| {
            let mut guest = call.state().guest.borrow_mut();
            let fd = guest.socket(domain, kind)?;
            guest.set_nonblocking(fd, !blocks)?;
            Ok(fd)
        }),
    )
}

/// `socketpair(AF_UNIX, type[, protocol])`: two connected descriptors `[a, b]`, or a negative errno.
fn socketpair<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let family = call.int(0, "the family")?;
    let kind = call.int(1, "the type")?;
    let protocol = call.int_or(2, "the protocol", 0)?;
    let pair = convert::socket(family, kind, protocol).and_then(|(domain, kind, blocks)| {
        if domain != Domain::Unix {
            return Err(Errno::EOPNOTSUPP);
        }
        let mut guest = call.state().guest.borrow_mut();
        let (one, other) = guest.socket_pair(kind)?;
        guest.set_nonblocking(one, !blocks)?;
        guest.set_nonblocking(other, !blocks)?;
        Ok([one, other])
    });
    match pair {
        Ok(pair) => value::array(
            call.ctx(),
            pair.map(|fd| Value::new_number(call.ctx().clone(), f64::from(fd))),
        ),
        Err(errno) => call.value(negative(errno)),
    }
}

/// `bind(fd, addr)`: 0 or a negative errno.
fn bind<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    match domain(call.state(), fd) {
        Err(errno) => call.value(negative(errno)),
        Ok((fd, domain)) => {
            let addr = self::address(call, &call.arg(1), domain)?;
            call.status(call.state().guest.borrow_mut().bind(fd, &addr))
        }
    }
}

/// `listen(fd[, backlog])`: 0 or a negative errno.
fn listen<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    let backlog = call.int_or(1, "the backlog", BACKLOG)?;
    call.status(
        call.state()
            .look_up(fd)
            .and_then(|fd| call.state().guest.borrow_mut().listen(&fd, backlog)),
    )
}

/// `accept(fd[, {signal}])`: a promise for `[fd, addr]`.
fn accept<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    let signal = Signal::of_options(call.ctx(), call.state(), &call.arg(1))?;
    let descriptor = call.state().look_up(fd);
    pending::begin(
        call.ctx(),
        call.state(),
        descriptor,
        Operation::Accept,
        signal.as_ref(),
    )
}

/// `connect(fd, addr[, {signal}])`: a promise for 0.
fn connect<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    // EBADF comes before the error of a wrong address.
    let domain = domain(call.state(), fd).map_or(Some(Domain::Inet), |(_, domain)| domain);
    let addr = self::address(call, &call.arg(1), domain)?;
    let signal = Signal::of_options(call.ctx(), call.state(), &call.arg(2))?;
    let descriptor = call.state().look_up(fd);
    pending::begin(
        call.ctx(),
        call.state(),
        descriptor,
        Operation::Connect(addr, false),
        signal.as_ref(),
    )
}

/// `shutdown(fd, how)`: 0 or a negative errno.
fn shutdown<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    let how = call.int(1, "how")?;
    call.status(call.state().look_up(fd).and_then(|fd| {
        let how = convert::shutdown(how)?;
        call.state().guest.borrow_mut().shutdown(&fd, how)
    }))
}

/// `getsockname(fd)`: an address or a negative errno.
fn getsockname<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    name(call, |guest, fd| guest.local_addr(fd))
}

/// `getpeername(fd)`: an address or a negative errno.
fn getpeername<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    name(call, |guest, fd| guest.peer_addr(fd))
}

fn name<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    ask: impl FnOnce(&mut SharedGuestThread<H, File>, &SharedDescriptor<H, File>) -> Result<SockAddr>,
) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    let addr = call
        .state()
        .look_up(fd)
        .and_then(|fd| ask(&mut call.state().guest.borrow_mut(), &fd));
    match addr {
        Ok(addr) => address::encode(call.ctx(), &call.state().addresses, &addr),
        Err(errno) => call.value(negative(errno)),
    }
}

/// A descriptor and its family, `None` if it is no socket. By the family an address is read, which may run code of the guest;
/// the call itself looks the number up when it has read everything.
///
/// # Errors
/// `EBADF`.
pub(crate) fn domain<H: Host + 'static>(state: &StateRef<H>, fd: i32) -> Result<(Fd, Option<Domain>)> {
    let fd = Fd::try_from(fd).map_err(|_| Errno::EBADF)?;
    let guest = state.guest.borrow();
    Ok(match &*guest.open_file(fd)? {
        OpenFile::Socket(socket) => (fd, Some(socket.domain())),
        OpenFile::Stream(_) | OpenFile::File(_) => (fd, None),
    })
}

/// An address as an argument ([`address::decode`]), with a relative UNIX path counting from the script's directory (`os.chdir`).
///
/// # Errors
/// As [`address::decode`].
pub(crate) fn address<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    value: &Value<'js>,
    domain: Option<Domain>,
) -> rquickjs::Result<SockAddr> {
    let addr = address::decode(call.ctx(), &call.state().addresses, value, domain)?;
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
