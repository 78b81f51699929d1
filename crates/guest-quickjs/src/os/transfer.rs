//! `os.recv`, `send`, `recvfrom` and `sendto`.

use std::io::{IoSlice, IoSliceMut};

use guestnet_core::{Errno, Fd, Host, Kind, OpenFile, RecvFlags, SendFlags, SockAddr};
use rquickjs::{Ctx, Exception, Result, Value};

use super::pending::{self, Operation, Outcome};
use super::{address, socket};
use crate::argument::{int, number};
use crate::buffer::Buffer;
use crate::convert::{self, negative};
use crate::native::{Call, Member};
use crate::state::Shared;
use crate::sys::value;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("recv", 2, recv),
        Member::Function("recvfrom", 2, recvfrom),
        Member::Function("send", 2, send),
        Member::Function("sendto", 3, sendto),
    ]
}

type JsResult<'js> = Result<Value<'js>>;

/// What the optional arguments say: `length?, flags?, fully?`, or an object `{length, offset, flags, fully}` in the
/// place of any of them.
#[derive(Default)]
struct Options {
    length: Option<usize>,
    offset: usize,
    flags: i32,
    fully: bool,
}

impl Options {
    fn read<'js, H: Host + 'static>(call: &Call<'_, 'js, H>, from: usize) -> Result<Options> {
        let ctx = call.ctx();
        let mut options = Options::default();
        for (place, index) in (from..from + 3).enumerate() {
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

/// `recv(fd, buffer[, length[, flags[, fully]]])`: a promise for the count of bytes, 0 at the end.
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
    let receive = Receive {
        buffer,
        offset: options.offset,
        length: options.length,
        flags,
        // WAITALL of a promise is `fully`: nothing blocks. What is only looked at would be found again and again.
        fully: fully && is_stream(call, fd) && !flags.intersects(RecvFlags::PEEK | RecvFlags::OOB),
        from,
        done: 0,
    };
    pending::begin(call.ctx(), call.state(), fd, Operation::Receive(receive))
}

/// `send(fd, buffer[, length[, flags[, fully]]])`: a promise for the count of bytes.
fn send<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    let buffer = Buffer::new(call.ctx(), call.arg(1))?;
    let options = Options::read(call, 2)?;
    begin_send(call, fd, buffer, &options, None)
}

/// `sendto(fd, buffer, length, addr[, flags])` or `sendto(fd, addr, buffer[, length[, flags]])`: a promise for the
/// count of bytes.
fn sendto<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    let domain =
        socket::domain(call.state(), fd).map_or(Some(guestnet_core::Domain::Inet), |(_, domain)| domain);
    let ctx = call.ctx();
    if Buffer::is(ctx, &call.arg(1)) {
        let buffer = Buffer::new(ctx, call.arg(1))?;
        // Without a length the address comes in its place.
        let (length, at) = match call.arg(2) {
            value if value.is_object() => (None, 2),
            value if value.is_undefined() || value.is_null() => (None, 3),
            value => (Some(size(ctx, &value, "the length")?), 3),
        };
        let addr = address::argument(call, &call.arg(at), domain)?;
        let options = Options {
            length,
            flags: call.int_or(at + 1, "the flags", 0)?,
            ..Options::default()
        };
        return begin_send(call, fd, buffer, &options, Some(addr));
    }
    let addr = address::argument(call, &call.arg(1), domain)?;
    let buffer = Buffer::new(ctx, call.arg(2))?;
    let options = Options::read(call, 3)?;
    begin_send(call, fd, buffer, &options, Some(addr))
}

fn begin_send<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    fd: i32,
    buffer: Buffer,
    options: &Options,
    to: Option<SockAddr>,
) -> JsResult<'js> {
    let flags = match convert::send_flags(options.flags) {
        Ok(flags) => flags,
        Err(errno) => return reject(call, errno),
    };
    let send = Send {
        buffer,
        offset: options.offset,
        length: options.length,
        flags,
        fully: options.fully && is_stream(call, fd),
        to,
        done: 0,
    };
    pending::begin(call.ctx(), call.state(), fd, Operation::Send(send))
}

/// Whether a descriptor is of a stream: a datagram is moved whole in one call, or not.
fn is_stream<H: Host + 'static>(call: &Call<'_, '_, H>, fd: i32) -> bool {
    let Ok(fd) = pending::open(call.state(), fd) else {
        return false;
    };
    let guest = call.state().guest.borrow();
    guest
        .open_file(fd)
        .is_ok_and(|entry| matches!(&*entry, OpenFile::Socket(socket) if socket.kind() == Kind::Stream))
}

fn reject<'js, H: Host + 'static>(call: &Call<'_, 'js, H>, errno: Errno) -> JsResult<'js> {
    let number = Value::new_int(call.ctx().clone(), negative(errno));
    value::settled(call.ctx(), true, &number)
}

/// A receive that may wait.
pub(crate) struct Receive {
    buffer: Buffer,
    offset: usize,
    length: Option<usize>,
    flags: RecvFlags,
    fully: bool,
    /// Whether the sender's address is wanted.
    from: bool,
    /// Bytes received so far.
    pub(crate) done: usize,
}

impl Receive {
    pub(crate) fn attempt<'js, H: Host + 'static>(
        &mut self,
        ctx: &Ctx<'js>,
        state: &Shared<H>,
        fd: Fd,
    ) -> Result<Outcome<'js>> {
        let flags = self.flags.difference(RecvFlags::WAITALL) | RecvFlags::DONTWAIT;
        loop {
            let wanted = self
                .length
                .map_or(usize::MAX, |length| length.saturating_sub(self.done));
            let skip = self.offset.saturating_add(self.done);
            let received = self.buffer.write(ctx, &state.getters, skip, wanted, |bytes| {
                let mut guest = state.guest.borrow_mut();
                let room = bytes.len();
                let bufs = &mut [IoSliceMut::new(bytes)];
                let (received, from) = if self.from {
                    guest.recv_from(fd, bufs, flags)?
                } else {
                    (guest.recv(fd, bufs, flags)?, SockAddr::Unspec)
                };
                Ok((received.len.min(room), (received.len, from)))
            });
            let (count, from) = match received {
                Ok(received) => received,
                // What came before the error is told first; the error comes with the next call.
                Err(Errno::EAGAIN) if self.dontwait() => return self.end(ctx, Errno::EAGAIN),
                Err(Errno::EAGAIN) => return Ok(Outcome::Wait),
                Err(errno) => return self.end(ctx, errno),
            };
            if self.from {
                let from = address::encode(ctx, &state.addresses, &from)?;
                return value::array(ctx, [number_of(ctx, count), from]).map(Outcome::Value);
            }
            self.done = self.done.saturating_add(count);
            // 0 is the end of the stream, or a buffer that has shrunk to nothing.
            if !self.fully || count == 0 || count >= rest(&self.buffer, ctx, state, skip).min(wanted) {
                return Ok(Outcome::Value(number_of(ctx, self.done)));
            }
        }
    }

    /// Whether it fails in place of waiting.
    pub(crate) fn dontwait(&self) -> bool {
        self.flags.contains(RecvFlags::DONTWAIT)
    }

    fn end<'js>(&self, ctx: &Ctx<'js>, errno: Errno) -> Result<Outcome<'js>> {
        Ok(finished(ctx, self.done, errno))
    }
}

/// A send that may wait.
pub(crate) struct Send {
    buffer: Buffer,
    offset: usize,
    length: Option<usize>,
    flags: SendFlags,
    fully: bool,
    to: Option<SockAddr>,
    /// Bytes sent so far.
    pub(crate) done: usize,
}

impl Send {
    /// The bytes of text that it holds.
    pub(crate) fn text(&self) -> usize {
        match &self.to {
            Some(SockAddr::Unix(path)) => path.len(),
            Some(_) | None => 0,
        }
    }

    /// Whether it fails in place of waiting.
    pub(crate) fn dontwait(&self) -> bool {
        self.flags.contains(SendFlags::DONTWAIT)
    }

    pub(crate) fn attempt<'js, H: Host + 'static>(
        &mut self,
        ctx: &Ctx<'js>,
        state: &Shared<H>,
        fd: Fd,
    ) -> Result<Outcome<'js>> {
        let flags = self.flags | SendFlags::DONTWAIT;
        loop {
            let wanted = self
                .length
                .map_or(usize::MAX, |length| length.saturating_sub(self.done));
            let skip = self.offset.saturating_add(self.done);
            let sent = self.buffer.read(ctx, &state.getters, skip, wanted, |bytes| {
                let mut guest = state.guest.borrow_mut();
                let bufs = &mut [IoSlice::new(bytes)];
                match &self.to {
                    Some(addr) => guest.send_to(fd, bufs, addr, flags),
                    None => guest.send(fd, bufs, flags),
                }
            });
            let count = match sent {
                Ok(sent) => sent,
                Err(Errno::EAGAIN) if self.dontwait() => {
                    return Ok(finished(ctx, self.done, Errno::EAGAIN));
                }
                Err(Errno::EAGAIN) => return Ok(Outcome::Wait),
                Err(errno) => return Ok(finished(ctx, self.done, errno)),
            };
            self.done = self.done.saturating_add(count);
            if !self.fully || count == 0 || count >= rest(&self.buffer, ctx, state, skip).min(wanted) {
                return Ok(Outcome::Value(number_of(ctx, self.done)));
            }
        }
    }
}

/// How many bytes a buffer has from `skip` on, now.
fn rest<H: Host + 'static>(buffer: &Buffer, ctx: &Ctx<'_>, state: &Shared<H>, skip: usize) -> usize {
    buffer
        .len(ctx, &state.getters)
        .map_or(0, |len| len.saturating_sub(skip))
}

/// The end of a transfer by an error: what was moved before it is told first, as read(2) and write(2) do.
fn finished<'js>(ctx: &Ctx<'js>, done: usize, errno: Errno) -> Outcome<'js> {
    match (done, errno) {
        // Not `Outcome::of`: it was asked not to wait.
        (0, errno) => Outcome::Error(errno),
        (done, _) => Outcome::Value(number_of(ctx, done)),
    }
}

/// A count as a number of the engine.
pub(crate) fn number_of<'js>(ctx: &Ctx<'js>, count: usize) -> Value<'js> {
    #[expect(clippy::cast_precision_loss, reason = "no buffer has 2^53 bytes")]
    let number = count as f64;
    Value::new_number(ctx.clone(), number)
}
