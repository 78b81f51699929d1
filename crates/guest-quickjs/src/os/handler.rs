//! `os.setReadHandler` and `setWriteHandler`, and `os.read`, `write` and `close` on every kind of descriptor.

use std::io::{IoSlice, IoSliceMut};

use guestnet_core::{Errno, Fd, Host};
use rquickjs::{Exception, Function, Persistent, Result, Value};

use super::pending::{self, open};
use super::transfer::{number_of, size};
use crate::buffer::Buffer;
use crate::convert::negative;
use crate::event_loop::{Direction, Task};
use crate::native::{Call, Member};
use crate::state::Shared;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("setReadHandler", 2, set_read_handler),
        Member::Function("setWriteHandler", 2, set_write_handler),
        Member::Function("read", 4, read),
        Member::Function("write", 4, write),
        Member::Function("close", 1, close),
    ]
}

type JsResult<'js> = Result<Value<'js>>;

/// `setReadHandler(fd, func)`: `func` is called as long as `fd` can be read; null removes it.
fn set_read_handler<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    set_handler(call, Direction::Read)
}

/// `setWriteHandler(fd, func)`: as above, for writing.
fn set_write_handler<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    set_handler(call, Direction::Write)
}

/// Nothing, or `-EBADF`.
fn set_handler<'js, H: Host + 'static>(call: &Call<'_, 'js, H>, direction: Direction) -> JsResult<'js> {
    let ctx = call.ctx();
    let fd = call.int(0, "the descriptor")?;
    let task = match call.arg(1) {
        value if value.is_null() => None,
        value => {
            let function = Function::from_value(value)
                .map_err(|_| Exception::throw_type(ctx, "the handler must be a function or null"))?;
            Some(Task::Call(Persistent::save(ctx, function)))
        }
    };
    let fd = match open(call.state(), fd) {
        Ok(fd) => fd,
        Err(errno) => return call.value(negative(errno)),
    };
    let old = call
        .state()
        .events
        .borrow_mut()
        .set_handler(fd, direction, task, true);
    drop(old);
    Ok(Value::new_undefined(ctx.clone()))
}

/// A part of a buffer: `(…, buffer[, offset[, length]])`.
struct Part {
    fd: i32,
    buffer: Buffer,
    offset: usize,
    length: usize,
}

fn part<H: Host + 'static>(call: &Call<'_, '_, H>) -> Result<Part> {
    let ctx = call.ctx();
    let fd = call.int(0, "the descriptor")?;
    let buffer = Buffer::new(ctx, call.arg(1))?;
    let count = |index: usize, name: &str, default: usize| match call.arg(index) {
        value if value.is_undefined() => Ok(default),
        value => size(ctx, &value, name),
    };
    let offset = count(2, "the offset", 0)?;
    let length = count(3, "the length", usize::MAX)?;
    // As qjs: a part that is not inside of the buffer is the script's mistake.
    let len = buffer.len(ctx, &call.state().getters).unwrap_or(0);
    if offset > len || (length != usize::MAX && length > len - offset) {
        return Err(Exception::throw_range(ctx, "the offset and the length lie outside of the buffer"));
    }
    Ok(Part {
        fd,
        buffer,
        offset,
        length,
    })
}

/// `read(fd, buffer, offset, length)`: the count of bytes or a negative errno.
fn read<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let part = part(call)?;
    let state = call.state();
    let result = open(state, part.fd).and_then(|fd| {
        let Part {
            buffer,
            offset,
            length,
            ..
        } = &part;
        buffer.write(call.ctx(), &state.getters, *offset, *length, |bytes| {
            read_from(state, fd, bytes).map(|count| (count, count))
        })
    });
    count(call, result)
}

/// read(2) on any descriptor.
///
/// # Errors
/// Those of the descriptor.
pub(crate) fn read_from<H: Host + 'static>(
    state: &Shared<H>,
    fd: Fd,
    bytes: &mut [u8],
) -> guestnet_core::Result<usize> {
    let mut guest = state.guest.borrow_mut();
    if let Some(file) = guest.file(fd)? {
        return file.read(bytes);
    }
    guest.read(fd, &mut [IoSliceMut::new(bytes)])
}

/// `write(fd, buffer, offset, length)`: the count of bytes or a negative errno.
fn write<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let part = part(call)?;
    let state = call.state();
    let result = open(state, part.fd).and_then(|fd| {
        let Part {
            buffer,
            offset,
            length,
            ..
        } = &part;
        buffer.read(call.ctx(), &state.getters, *offset, *length, |bytes| {
            let mut guest = state.guest.borrow_mut();
            if let Some(file) = guest.file(fd)? {
                return file.write(bytes);
            }
            guest.write(fd, &mut [IoSlice::new(bytes)])
        })
    });
    count(call, result)
}

fn count<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    result: std::result::Result<usize, Errno>,
) -> JsResult<'js> {
    match result {
        Ok(count) => Ok(number_of(call.ctx(), count)),
        Err(errno) => call.value(negative(errno)),
    }
}

/// `close(fd)`: 0 or a negative errno. What is pending on it is rejected with `-ECANCELED`.
fn close<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> JsResult<'js> {
    let fd = call.int(0, "the descriptor")?;
    let state = call.state();
    let fd = match open(state, fd) {
        Ok(fd) => fd,
        Err(errno) => return call.value(negative(errno)),
    };
    let closed = state.guest.borrow_mut().close(fd).map(drop);
    let pending = state.events.borrow_mut().remove(fd);
    pending::cancel(call.ctx(), pending)?;
    call.status(closed)
}
