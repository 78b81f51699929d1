//! Timers, sleeping and the clock: `setTimeout`, `sleepAsync`, `now`, ….

use std::time::Duration;

use guestnet_core::{Clock, Host};
use rquickjs::{Ctx, Exception, Function, Object, Persistent, Result, Value};

use crate::argument::number;
use crate::errno;
use crate::event_loop::{MAX_TIMERS, Task, Timer};
use crate::native::{Call, Member, ending, function};
use crate::os::path::float;
use crate::state::StateRef;
use crate::sys::heap::NoMemory;

/// The shortest time from one call of an interval to the next: none must take the whole processor.
pub(crate) const SHORTEST: Duration = Duration::from_millis(1);

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    vec![
        Member::Function("setTimeout", 2, set_timeout),
        Member::Function("clearTimeout", 1, clear_timeout),
        Member::Function("setInterval", 2, set_interval),
        Member::Function("clearInterval", 1, clear_timeout),
        Member::Function("sleep", 1, sleep),
        Member::Function("sleepAsync", 1, sleep_async),
        Member::Function("now", 0, now),
        Member::Function("cputime", 0, cputime),
    ]
}

/// Adds the global `performance`.
pub(crate) fn install<H: Host + 'static>(ctx: &Ctx<'_>, state: &StateRef<H>) -> Result<()> {
    let performance = Object::new(ctx.clone())?;
    performance.set("now", function(ctx, state, "now", 0, now)?)?;
    ctx.globals().set("performance", performance)
}

fn set_timeout<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let Some(callback) = call.arg(0).into_function() else {
        return Err(Exception::throw_type(call.ctx(), "not a function"));
    };
    let delay = milliseconds(call, 1)?;
    let id = start_once(call, delay, callback)?;
    call.value(float(id))
}

/// As quickjs-ng: at least [`SHORTEST`] passes between two calls.
fn set_interval<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let Some(callback) = call.arg(0).into_function() else {
        return Err(Exception::throw_type(call.ctx(), "not a function"));
    };
    let every = milliseconds(call, 1)?.max(SHORTEST);
    let task = Task::Call(Persistent::save(call.ctx(), callback));
    let id = start(call, every, task, Some(every), true)?;
    call.value(float(id))
}

/// A number that is no timer's, or any more, is not an error, as for qjs and browsers.
fn clear_timeout<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let id = call.arg(0);
    if let Some(id) = whole(&id) {
        call.state().events.borrow_mut().clear_timer(id);
    } else if !id.is_undefined() && !id.is_null() {
        return Err(Exception::throw_type(call.ctx(), "the timer must be a number"));
    }
    call.value(rquickjs::Undefined)
}

fn sleep_async<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let delay = milliseconds(call, 0)?;
    let (promise, resolve, _) = call.ctx().promise()?;
    start_once(call, delay, resolve)?;
    Ok(promise.into_value())
}

/// Holds everything, as qjs's does; the script can be stopped meanwhile.
fn sleep<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let delay = milliseconds(call, 0)?;
    let slept = {
        let mut guest = call.state().guest.borrow_mut();
        guest.poll_begin();
        guest.poll_wait(Some(delay))
    };
    if call.state().is_unwinding() {
        return Err(ending(call.ctx()));
    }
    call.value(slept.map_or_else(|errno| -errno::number(errno), |()| 0))
}

/// Microseconds of processor time, whole. Those of this thread: a process has other guests in it, which qjs's has not.
fn cputime<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let computed = call.state().guest.borrow().now(Clock::ThreadCpu);
    call.value(float(u64::try_from(computed.as_micros()).unwrap_or(u64::MAX)))
}

/// Milliseconds of the monotonic clock, to the nanosecond.
pub(crate) fn now<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let now = call.state().guest.borrow().now(Clock::Monotonic);
    call.value(now.as_secs_f64() * 1_000.0)
}

/// Sets a timer that does `task`.
///
/// # Errors
/// `RangeError` for too many of them; no memory.
pub(crate) fn start<H: Host + 'static>(
    call: &Call<'_, '_, H>,
    delay: Duration,
    task: Task,
    every: Option<Duration>,
    keeps_alive: bool,
) -> Result<u64> {
    let now = call.state().now();
    // A statement of its own: an exception may run code of the guest, which may set timers.
    let full = call.state().events.borrow().timers() >= MAX_TIMERS;
    if full {
        return Err(Exception::throw_range(call.ctx(), "too many timers"));
    }
    let charge = call.state().events.borrow().admit_timer();
    let charge = charge.ok_or_else(|| NoMemory.throw(call.ctx()))?;
    let timer = Timer {
        task,
        _charge: charge,
        every,
        keeps_alive,
        origin: 0,
    };
    Ok(call.state().events.borrow_mut().set_timer(now, delay, timer))
}

/// Sets a timer that calls a function once.
fn start_once<'js, H: Host + 'static>(
    call: &Call<'_, 'js, H>,
    delay: Duration,
    callback: Function<'js>,
) -> Result<u64> {
    let task = Task::Call(Persistent::save(call.ctx(), callback));
    start(call, delay, task, None, true)
}

/// A time that an argument gives; none is 0, and so is a negative one.
fn milliseconds<H: Host + 'static>(call: &Call<'_, '_, H>, index: usize) -> Result<Duration> {
    let value = call.arg(index);
    if value.is_undefined() {
        return Ok(Duration::ZERO);
    }
    match number(&value) {
        Some(milliseconds) if milliseconds > 0.0 => {
            Ok(Duration::try_from_secs_f64(milliseconds / 1_000.0).unwrap_or(Duration::MAX))
        }
        Some(_) => Ok(Duration::ZERO),
        None => Err(Exception::throw_type(
            call.ctx(),
            "the time must be a number of milliseconds",
        )),
    }
}

pub(crate) fn whole(value: &Value<'_>) -> Option<u64> {
    let number = number(value)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be whole and in range"
    )]
    let id = number as u64;
    (number >= 0.0 && float(id).to_bits() == number.to_bits()).then_some(id)
}
