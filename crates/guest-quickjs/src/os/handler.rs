//! `os.setReadHandler` and `setWriteHandler`, on every kind of descriptor.

use guestnet_core::{Errno, Host};
use rquickjs::{Exception, Function, Persistent, Result, Value};

use crate::convert::negative;
use crate::event_loop::Task;
use crate::native::{Call, Member};
use crate::operation::Direction;

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("setReadHandler", 2, set_read_handler),
        Member::Function("setWriteHandler", 2, set_write_handler),
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

/// Nothing, or `-EBADF`; `-ENOMEM`.
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
    let fd = match call.state().open_fd(fd) {
        Ok(fd) => fd,
        Err(errno) => return call.value(negative(errno)),
    };
    if task.is_some() && !call.state().events.borrow().admits_handler(fd) {
        return call.value(negative(Errno::ENOMEM));
    }
    let old = call
        .state()
        .events
        .borrow_mut()
        .set_handler(fd, direction, task, true);
    drop(old);
    Ok(Value::new_undefined(ctx.clone()))
}
