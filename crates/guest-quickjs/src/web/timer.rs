//! `setTimeout`, `setInterval` and what takes them back.

use std::time::Duration;

use guestnet_core::Host;
use rquickjs::{Array, Coerced, Exception, Persistent, Result, Value};

use crate::event_loop::Task;
use crate::native::{Call, Member};
use crate::os::path::float;
use crate::os::time::{SHORTEST, start, whole};

/// What the event library is given.
pub(super) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("background", 2, background),
        Member::Function("clear", 1, clear),
    ]
}

/// `setTimeout(func[, delay[, ...args]])`: a number, by which [`clear`] knows the timer.
pub(super) fn set_timeout<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let delay = delay(call, 1)?;
    let id = start(call, delay, task(call)?, None, true)?;
    call.value(float(id))
}

/// `setInterval(func[, delay[, ...args]])`.
pub(super) fn set_interval<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let every = delay(call, 1)?.max(SHORTEST);
    let id = start(call, every, task(call)?, Some(every), true)?;
    call.value(float(id))
}

/// `clearTimeout(timer)` and `clearInterval(timer)`, which are the same. What is no timer is ignored.
pub(super) fn clear<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    if let Some(id) = whole(&call.arg(0)) {
        let task = call.state().events.borrow_mut().clear_timer(id);
        drop(task);
    }
    call.value(rquickjs::Undefined)
}

/// `background(func, delay)`: a timer that keeps no script going.
fn background<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let delay = delay(call, 1)?;
    let id = start(call, delay, task(call)?, None, false)?;
    call.value(float(id))
}

/// What a timer calls: the first argument, with those from the third on.
fn task<H: Host + 'static>(call: &Call<'_, '_, H>) -> Result<Task> {
    let ctx = call.ctx();
    let Some(function) = call.arg(0).into_function() else {
        return Err(Exception::throw_type(ctx, "the callback must be a function"));
    };
    let function = Persistent::save(ctx, function);
    if call.len() <= 2 {
        return Ok(Task::Call(function));
    }
    let args = Array::new(ctx.clone())?;
    for index in 2..call.len() {
        args.set(index - 2, call.arg(index))?;
    }
    Ok(Task::Apply(function, Persistent::save(ctx, args)))
}

/// Milliseconds, converted as a script converts: what is no number, or none that is finite, is 0.
fn delay<H: Host + 'static>(call: &Call<'_, '_, H>, index: usize) -> Result<Duration> {
    let value = call.arg(index);
    if value.is_undefined() {
        return Ok(Duration::ZERO);
    }
    let milliseconds = value.get::<Coerced<f64>>()?.0;
    if !milliseconds.is_finite() || milliseconds <= 0.0 {
        return Ok(Duration::ZERO);
    }
    Ok(Duration::try_from_secs_f64(milliseconds / 1_000.0).unwrap_or(Duration::MAX))
}
