//! `os.recv`, `send`, `recvfrom` and `sendto`.

use std::sync::Arc;

use guestnet_core::{Descriptor, Errno, Host, Kind, OpenFile, RecvFlags, SockAddr};
use rquickjs::{Ctx, Exception, Result, Value};

use super::{pending, socket};
use crate::abort::Signal;
use crate::argument::{int, number};
use crate::buffer::Buffer;
use crate::convert::{self, negative};
use crate::native::{Call, Member};
use crate::operation::{Operation, Receive, Send};
use crate::sys::settled::settled;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("recv", 2, recv),
        Member::Function("recvfrom", 2, recvfrom),
        Member::Function("send", 2, send),
        Member::Function("sendto", 3, sendto),
    ]
}

type JsResult<'js> = Result<Value<'js>>;

/// What the optional arguments say: `length?, flags?, fully?`, or an object `{length, offset, flags, fully, signal}` in the
/// place of any of them.
#[derive(Default)]
struct Options<'js> {
    length: Option<usize>,
    offset: usize,
    flags: i32,
    fully: bool,
    signal: Option<Signal<'js>>,
}

impl<'js> Options<'js> {
    fn read<H: Host + 'static>(call: &Call<'_, 'js, H>, from: usize) -> Result<Self> {
        let ctx = call.ctx();
        let mut options = Options::default();
        for (place, index) in (from..call.len().min(from + 3)).enumerate() {
            let value = call.arg(index);
            if value.is_undefined() || value.is_null() {
                continue;
            }
            if let Some(object) = value.as_object() {
                let length: Value<'_> = object.get("length")?;
                if !length.is_undefined() {
                    options.length = Some(size(ctx, &length, "the length")?);
                }
                let offset: Value<'_> = object.get("offset")?;
                if !offset.is_undefined() {
                    options.offset = size(ctx, &offset, "the offset")?;
                }
                let flags: Value<'_> = object.get("flags")?;
                if !flags.is_undefined() {
                    options.flags = int(ctx, &flags, "the flags")?;
                }
                let fully: Value<'_> = object.get("fully")?;
                if !fully.is_undefined() {
                    options.fully = boolean(ctx, &fully)?;
                }
                options.signal = Signal::of(ctx, call.state(), object)?;
                break;
            }
            match place {
                0 => options.length = Some(size(ctx, &value, "the length")?),
                1 => options.flags = int(ctx, &value, "the flags")?,
                _ => options.fully = boolean(ctx, &value)?,
            }
        }
        Ok(options)
    }
}

fn boolean(ctx: &Ctx<'_>, value: &Value<'_>) -> Result<bool> {
    value
        .as_bool()
        .ok_or_else(|| Exception::throw_type(ctx, "fully must be a boolean"))
}

/// A count of bytes.
pub(crate) fn size(ctx: &Ctx<'_>, value: &Value<'_>, name: &str) -> Result<usize> {
    number(value)
        .filter(|number| number.fract() == 0.0 && (0.0..9_007_199_254_740_992.0).contains(number))
        .map(|number| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole, not negative, and below 2^53"
            )]
            let size = number as usize;
            size
        })
        .ok_or_else(|| Exception::throw_type(ctx, &format!("{name} must be a count of bytes")))
}

/// `recv(fd, buffer[, length[, flags[, fully]]])` or `recv(fd, buffer, {length, offset, flags, fully, signal})`: a promise for the count of bytes, 0 at the end.
fn recv<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    receive(call, false)
}

/// `recvfrom(fd, buffer[, length[, flags]])`: a promise for `[count, addr]`.
fn recvfrom<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    receive(call, true)
}

fn receive<'js, H: Host + 'static>(call: &Call<'_, 'js, H>, from: bool) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    let buffer = Buffer::new(call.ctx(), call.arg(1))?;
    let options = Options::read(call, 2)?;
    let flags = match convert::recv_flags(options.flags) {
        Ok(flags) => flags,
        Err(errno) => return reject(call, errno),
    };
    let fully = options.fully || flags.contains(RecvFlags::WAITALL);
    let descriptor = call.state().look_up(fd);
    let receive = Receive {
        buffer,
        offset: options.offset,
        length: options.length,
        flags,
        // WAITALL of a promise is `fully`: nothing blocks. What is only looked at would be found again and again.
        fully: fully && is_stream(&descriptor) && !flags.intersects(RecvFlags::PEEK | RecvFlags::OOB),
        from,
        done: 0,
    };
    pending::begin(
        call.ctx(),
        call.state(),
        descriptor,
        Operation::Receive(receive),
        options.signal.as_ref(),
    )
}

/// `send(fd, buffer[, length[, flags[, fully]]])`: a promise for the count of bytes.
fn send<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    let buffer = Buffer::new(call.ctx(), call.arg(1))?;
    let options = Options::read(call, 2)?;
    begin_send(call, fd, buffer, &options, None)
}

/// `sendto(fd, buffer, length, addr[, flags or {flags, offset, signal}])` or `sendto(fd, addr, buffer[, length[, flags]])`: a promise for the
/// count of bytes.
fn sendto<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    let domain =
        socket::domain(call.state(), fd).map_or(Some(guestnet_core::Domain::Inet), |(_, domain)| domain);
    let ctx = call.ctx();
    if Buffer::is(&call.arg(1)) {
        let buffer = Buffer::new(ctx, call.arg(1))?;
        // Without a length the address comes in its place.
        let (length, at) = match call.arg(2) {
            value if value.is_object() => (None, 2),
            value if value.is_undefined() || value.is_null() => (None, 3),
            value => (Some(size(ctx, &value, "the length")?), 3),
        };
        let addr = socket::address(call, &call.arg(at), domain)?;
        let options = match call.arg(at + 1) {
            object if object.is_object() => Options {
                length,
                ..Options::read(call, at + 1)?
            },
            _ => Options {
                length,
                flags: call.int_or(at + 1, "the flags", 0)?,
                ..Options::default()
            },
        };
        return begin_send(call, fd, buffer, &options, Some(addr));
    }
    let addr = socket::address(call, &call.arg(1), domain)?;
    let buffer = Buffer::new(ctx, call.arg(2))?;
    let options = Options::read(call, 3)?;
    begin_send(call, fd, buffer, &options, Some(addr))
}

fn begin_send<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    fd: i32,
    buffer: Buffer,
    options: &Options<'js>,
    to: Option<SockAddr>,
) -> JsResult<'js> {
    let flags = match convert::send_flags(options.flags) {
        Ok(flags) => flags,
        Err(errno) => return reject(call, errno),
    };
    let descriptor = call.state().look_up(fd);
    let send = Send {
        buffer,
        offset: options.offset,
        length: options.length,
        flags,
        fully: options.fully && is_stream(&descriptor),
        to,
        done: 0,
    };
    pending::begin(
        call.ctx(),
        call.state(),
        descriptor,
        Operation::Send(send),
        options.signal.as_ref(),
    )
}

/// Whether a descriptor is of a stream: a datagram is moved whole in one call, or not.
fn is_stream<Io, F>(descriptor: &guestnet_core::Result<Descriptor<Arc<OpenFile<Io, F>>>>) -> bool {
    let file = descriptor.as_ref().map(Descriptor::open_file);
    matches!(file, Ok(OpenFile::Socket(socket)) if socket.kind() == Kind::Stream)
}

fn reject<'js, H: Host + 'static>(call: &Call<'_, 'js, H>, errno: Errno) -> JsResult<'js> {
    let number = Value::new_int(call.ctx().clone(), negative(errno));
    settled(call.ctx(), true, &number)
}
