//! `Atomics.wait`, `Atomics.notify` and `Atomics.waitAsync` in the place of the engine's, whose waits nothing can end.
//!
//! As in browsers and qjs, only workers may wait: the main thread has `waitAsync`. Not here: who waits (`waiters.rs`).

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use guestnet_core::{Host, Ready};
use rquickjs::object::Property;
use rquickjs::{Coerced, Ctx, Exception, IntoJs, Object, Persistent, Result, Value};

use crate::buffer::Buffer;
use crate::call_site::CallSite;
use crate::event_loop::{Event, Task};
use crate::native::{Call, NativeFn, ending, function};
use crate::os::path::float;
use crate::os::time::start;
use crate::promise::Resolvers;
use crate::state::{State, StateRef};
use crate::sys::memory::{self, Class, Width};
use crate::sys::value::to_big_int64;
use crate::waiters::{AsyncWait, WaitId, Waker};

/// Puts the functions in the place of the engine's.
///
/// # Errors
/// No memory.
pub(crate) fn install<H: Host + 'static>(ctx: &Ctx<'_>, state: &StateRef<H>) -> Result<()> {
    let atomics: Object<'_> = ctx.globals().get("Atomics")?;
    let functions: [(_, _, NativeFn<H>); 3] = [
        ("wait", 4, wait),
        ("notify", 3, notify),
        ("waitAsync", 4, wait_async),
    ];
    for (name, length, native) in functions {
        let function = function(ctx, state, name, length, native)?;
        atomics.prop(name, Property::from(function).writable().configurable())?;
    }
    Ok(())
}

const OK: &str = "ok";
const NOT_EQUAL: &str = "not-equal";
const TIMED_OUT: &str = "timed-out";

/// What a call is about: an element of an array.
struct Cell<'js> {
    buffer: Value<'js>,
    shared: bool,
    width: Width,
    /// In the buffer, in bytes.
    offset: usize,
}

impl<'js> Cell<'js> {
    /// The arguments `array, index`.
    ///
    /// # Errors
    /// `TypeError` for other arrays than those that can be waited on, `RangeError` for an index that is not in it.
    fn read<H: Host + 'static>(call: &Call<'_, 'js, H>, must_be_shared: bool) -> Result<Cell<'js>> {
        let (ctx, array) = (call.ctx(), call.arg(0));
        let wrong = |text| Exception::throw_type(ctx, text);
        let Some(width) = memory::waitable(&array) else {
            return Err(wrong("the array must be an Int32Array or a BigInt64Array"));
        };
        let Some(view) = memory::typed_array(ctx, &array) else {
            return Err(wrong("the ArrayBuffer is detached"));
        };
        let shared = memory::class(&view.buffer) == Some(Class::Shared);
        if must_be_shared && !shared {
            return Err(wrong("the array must be one of a SharedArrayBuffer"));
        }
        let Ok(length) = Buffer::new(ctx, array)?.len(ctx, &call.state().getters) else {
            return Err(wrong("the ArrayBuffer is detached"));
        };
        let index = integer(&call.arg(1))?;
        let outside = || Exception::throw_range(ctx, "the index is not in the array");
        #[expect(clippy::cast_precision_loss, reason = "no array has 2^53 elements")]
        let elements = (length / width.bytes()) as f64;
        if !(0.0..elements).contains(&index) {
            return Err(outside());
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is less than the count of elements, and not negative"
        )]
        let index = index as usize;
        Ok(Cell {
            buffer: view.buffer,
            shared,
            width,
            offset: view.offset + index * width.bytes(),
        })
    }

    /// Calls `f` with the cell's address and a function that loads it.
    ///
    /// # Errors
    /// `RangeError` if it is not in the buffer by now.
    fn with<R>(&self, ctx: &Ctx<'js>, f: impl FnOnce(usize, &dyn Fn() -> i64) -> R) -> Result<R> {
        memory::with_cell(ctx, &self.buffer, self.offset, self.width, f)
            .ok_or_else(|| Exception::throw_range(ctx, "the index is not in the array"))
    }
}

/// `ToIntegerOrInfinity` of the language.
fn integer(value: &Value<'_>) -> Result<f64> {
    let number = value.get::<Coerced<f64>>()?.0;
    // No negative zero.
    Ok(if number.is_nan() {
        0.0
    } else {
        number.trunc() + 0.0
    })
}

/// The arguments of a wait.
struct Arguments<'js> {
    cell: Cell<'js>,
    expected: i64,
    /// `None` is for ever.
    timeout: Option<Duration>,
}

impl<'js> Arguments<'js> {
    fn read<H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Self> {
        let cell = Cell::read(call, true)?;
        let expected = match cell.width {
            Width::Int32 => i64::from(call.arg(2).get::<Coerced<i32>>()?.0),
            Width::Int64 => to_big_int64(call.ctx(), &call.arg(2))?,
        };
        let milliseconds = call.arg(3).get::<Coerced<f64>>()?.0;
        let timeout = if milliseconds.is_nan() {
            None
        } else {
            // What is too long for a time is for ever.
            Duration::try_from_secs_f64(milliseconds.max(0.0) / 1_000.0).ok()
        };
        Ok(Arguments {
            cell,
            expected,
            timeout,
        })
    }

    /// The result of a wait that may take no time; `None` for others, which have to begin.
    fn at_once(&self, ctx: &Ctx<'js>) -> Result<Option<&'static str>> {
        if self.timeout != Some(Duration::ZERO) {
            return Ok(None);
        }
        let is_expected = self.cell.with(ctx, |_, load| load() == self.expected)?;
        Ok(Some(if is_expected { TIMED_OUT } else { NOT_EQUAL }))
    }

    /// Begins to wait: the cell's address, and the wait's id unless the cell has another value.
    fn enter<H: Host + 'static>(
        &self,
        call: &Call<'_, 'js, H>,
        waker: &Arc<Waker<H>>,
    ) -> Result<(usize, Option<WaitId>)> {
        let all = &call.state().waits.all;
        self.cell.with(call.ctx(), |address, load| {
            (address, all.enter(address, waker, || load() == self.expected))
        })
    }
}

/// How the thread of the call is woken.
///
/// # Errors
/// `RangeError` where the system has no descriptor for it.
fn waker<H: Host + 'static>(call: &Call<'_, '_, H>) -> Result<Arc<Waker<H>>> {
    let made = call.state().waits.waker(&mut call.state().guest.borrow_mut());
    made.map_err(|errno| Exception::throw_range(call.ctx(), &format!("the thread cannot wait: {errno}")))
}

/// `Atomics.wait(array, index, value[, timeout])`: "ok", "not-equal" or "timed-out".
fn wait<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let arguments = Arguments::read(call)?;
    let (ctx, state) = (call.ctx(), call.state());
    if state.workers.parent.is_none() {
        return Err(Exception::throw_type(
            ctx,
            "Atomics.wait cannot block the main thread; there is Atomics.waitAsync",
        ));
    }
    if let Some(result) = arguments.at_once(ctx)? {
        return call.value(result);
    }
    let waker = waker(call)?;
    let (address, Some(id)) = arguments.enter(call, &waker)? else {
        return call.value(NOT_EQUAL);
    };
    let deadline = arguments
        .timeout
        .and_then(|timeout| state.now().checked_add(timeout));
    let result = block(state, &waker, (address, id), deadline);
    if state.waits.polled().is_some() {
        // What woke promises of this thread is taken.
        state.events.borrow_mut().ready.push_back(Event::Notified);
    }
    match result {
        Some(result) => call.value(result),
        None => {
            state.stop.store(true, Ordering::Relaxed);
            Err(ending(ctx))
        }
    }
}

/// Waits in the host, as for a descriptor. `None`: the script is stopped.
fn block<H: Host + 'static>(
    state: &State<H>,
    waker: &Waker<H>,
    (address, id): (usize, WaitId),
    deadline: Option<Duration>,
) -> Option<&'static str> {
    loop {
        let remaining = deadline.map(|deadline| deadline.saturating_sub(state.now()));
        let waited = {
            let mut guest = state.guest.borrow_mut();
            guest.poll_begin();
            let waited = guest
                .poll_add(0, &waker.event, Ready::READ)
                .and_then(|()| guest.poll_wait(remaining));
            waker.drain(&mut guest);
            waited
        };
        let is_over = remaining == Some(Duration::ZERO) || waited.is_err() || state.is_ending();
        // Once it has left, nothing notifies it any more.
        let has_left = is_over && state.waits.all.leave(address, id);
        if waited.is_err() || state.is_ending() {
            return None;
        }
        if has_left {
            return Some(TIMED_OUT);
        }
        if waker.take(id) {
            return Some(OK);
        }
    }
}

/// `Atomics.notify(array, index[, count])`: how many were notified.
fn notify<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let cell = Cell::read(call, false)?;
    let most = match call.arg(2) {
        undefined if undefined.is_undefined() => usize::MAX,
        count => crate::buffer::count(integer(&count)?),
    };
    if !cell.shared {
        return call.value(0);
    }
    let state = call.state();
    let (count, threads) = cell.with(call.ctx(), |address, _| state.waits.all.notify(address, most))?;
    for thread in threads {
        thread.wake(&mut state.guest.borrow_mut());
    }
    call.value(float(u64::try_from(count).unwrap_or(u64::MAX)))
}

/// `Atomics.waitAsync(array, index, value[, timeout])`: `{async: false, value}` with what [`wait`] returns, if that is known at
/// once, or `{async: true, value}` with a promise for it.
fn wait_async<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let arguments = Arguments::read(call)?;
    let (ctx, state) = (call.ctx(), call.state());
    if let Some(result) = arguments.at_once(ctx)? {
        return answer(ctx, false, result);
    }
    let waker = waker(call)?;
    let (promise, resolvers) =
        Resolvers::new(ctx, &state.memory, CallSite::here(ctx, "Atomics.waitAsync"), 0)?;
    let promised = answer(ctx, true, promise)?;
    let (address, Some(id)) = arguments.enter(call, &waker)? else {
        return answer(ctx, false, NOT_EQUAL);
    };
    let expires = |timeout| {
        let task = Task::Run(Rc::new(move |ctx: &Ctx<'_>| expire::<H>(ctx, id)));
        start(call, timeout, task, None, true)
    };
    let timer = match arguments.timeout.map(expires).transpose() {
        Ok(timer) => timer,
        Err(error) => {
            state.waits.all.leave(address, id);
            return Err(error);
        }
    };
    let wait = AsyncWait {
        address,
        promise: resolvers,
        timer,
        _buffer: Persistent::save(ctx, arguments.cell.buffer),
    };
    state.waits.promises.borrow_mut().insert(id, wait);
    Ok(promised)
}

fn answer<'js>(ctx: &Ctx<'js>, is_async: bool, value: impl IntoJs<'js>) -> Result<Value<'js>> {
    let answer = Object::new(ctx.clone())?;
    let property = |value| Property::from(value).writable().enumerable().configurable();
    answer.prop("async", property(is_async.into_js(ctx)?))?;
    answer.prop("value", property(value.into_js(ctx)?))?;
    Ok(answer.into_value())
}

/// The time of a promise is over.
fn expire<H: Host + 'static>(ctx: &Ctx<'_>, id: WaitId) -> Result<()> {
    let state = State::<H>::of(ctx)?;
    let address = state.waits.promises.borrow().get(&id).map(|wait| wait.address);
    // One that was notified before comes with what was notified.
    if !address.is_some_and(|address| state.waits.all.leave(address, id)) {
        return Ok(());
    }
    match state.waits.remove(id) {
        Some(wait) => wait.promise.resolve(ctx, TIMED_OUT.into_js(ctx)?),
        None => Ok(()),
    }
}

/// Settles the promises that were notified.
///
/// # Errors
/// No memory.
pub(crate) fn settle<H: Host + 'static>(ctx: &Ctx<'_>, state: &StateRef<H>) -> Result<()> {
    let Some(waker) = state.waits.polled().map(Arc::clone) else {
        return Ok(());
    };
    // First of all, so that what is notified from now on wakes the loop again.
    waker.drain(&mut state.guest.borrow_mut());
    for id in waker.take_all() {
        let Some(wait) = state.waits.remove(id) else {
            continue;
        };
        if let Some(timer) = wait.timer {
            let task = state.events.borrow_mut().clear_timer(timer);
            drop(task);
        }
        wait.promise.resolve(ctx, OK.into_js(ctx)?)?;
    }
    Ok(())
}

/// Whether promises wait that another thread can still notify. A worker always has its parent; the main thread has its workers.
pub(crate) fn keeps_alive<H: Host + 'static>(state: &State<H>) -> bool {
    let workers = &state.workers;
    state.waits.polled().is_some() && (workers.parent.is_some() || workers.any_runs())
}
