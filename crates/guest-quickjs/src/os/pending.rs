//! How operations that may have to wait begin and are tried.
//!
//! First an operation is tried, and only what would block waits: behind those of the same descriptor and direction that
//! wait already, so that results come in the order of the calls. A receive from a stream where there was nothing yet
//! time after time waits at once.

use guestnet_core::{Errno, Host, RecvStrategy, SharedDescriptor};
use rquickjs::{Ctx, Result, Value};

use crate::abort::Signal;
use crate::call_site::CallSite;
use crate::convert::negative;
use crate::file::File;
use crate::operation::{Operation, PendingOperation};
use crate::promise::{Outcome, Resolvers};
use crate::state::StateRef;
use crate::sys::settled::settled;

/// How many operations may wait on one descriptor in one direction.
const MAX_PENDING: usize = 1 << 14;

/// Begins an operation and returns the promise for its result. To its end it is about what the number stood for when the
/// call looked it up. A signal ends it while it waits; one that is aborted already lets nothing be tried.
///
/// # Errors
/// No memory.
pub(crate) fn begin<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &StateRef<H>,
    descriptor: guestnet_core::Result<SharedDescriptor<H, File>>,
    mut operation: Operation,
    signal: Option<&Signal<'js>>,
) -> Result<Value<'js>> {
    let call = operation.call();
    if let Some(reason) = signal.map(Signal::reason).transpose()?.flatten() {
        return settled(ctx, true, &reason);
    }
    let descriptor = match descriptor {
        Ok(descriptor) => descriptor,
        Err(errno) => return rejected(ctx, state, call, negative(errno)),
    };
    let direction = operation.direction();
    let waiting = state.events.borrow_mut().waiting(&descriptor, direction);
    if waiting >= MAX_PENDING {
        return rejected(ctx, state, call, negative(Errno::ENOBUFS));
    }
    let first = waiting == 0 && waits_first(ctx, state, &operation, &descriptor);
    if waiting > 0 {
        // Those before it come first, and it will not wait for them.
        if operation.dontwait() {
            return rejected(ctx, state, call, negative(Errno::EAGAIN));
        }
    } else if !first {
        let outcome = operation.attempt(ctx, state, &descriptor)?;
        if let Some(strategy) = strategy::<H>(&operation, &descriptor) {
            strategy.learn(matches!(outcome, Outcome::Wait) && operation.transferred() == 0);
        }
        match outcome {
            Outcome::Value(value) => return fulfilled(ctx, state, &value),
            Outcome::Error(errno) => return rejected(ctx, state, call, negative(errno)),
            Outcome::Wait => {}
        }
    }
    if !state.events.borrow().admits_operation(&descriptor) {
        return rejected(ctx, state, call, negative(Errno::ENOMEM));
    }
    let site = match strategy::<H>(&operation, &descriptor) {
        Some(_) => state.failed_calls.receive(ctx, call, descriptor.number(), first),
        None => CallSite::here(ctx, call),
    };
    let (promise, mut resolvers) = Resolvers::new(ctx, &state.memory, site, operation.text())?;
    let id = state.events.borrow_mut().next_id();
    if let Some(signal) = signal {
        match signal.attach(
            ctx,
            resolvers,
            operation.transferred(),
            id,
            Some(descriptor.number()),
        )? {
            Some(attached) => resolvers = attached,
            None => return Ok(promise),
        }
    }
    let pending = PendingOperation {
        id,
        operation,
        promise: resolvers,
    };
    state.events.borrow_mut().wait(descriptor, direction, pending);
    Ok(promise)
}

/// What receives on the descriptor have met, for one that may wait before it is tried.
fn strategy<'d, H: Host + 'static>(
    operation: &Operation,
    descriptor: &'d SharedDescriptor<H, File>,
) -> Option<&'d RecvStrategy> {
    match operation {
        Operation::Receive(receive) if receive.may_wait_first() => {
            descriptor.open_file().socket().ok()?.recv_strategy()
        }
        _ => None,
    }
}

/// Whether a receive is not tried before it waits: those before it came too early, time after time, as those of a program that asks and
/// waits for the answer.
fn waits_first<H: Host + 'static>(
    ctx: &Ctx<'_>,
    state: &StateRef<H>,
    operation: &Operation,
    descriptor: &SharedDescriptor<H, File>,
) -> bool {
    strategy::<H>(operation, descriptor).is_some_and(RecvStrategy::waits_first)
        // One that asks for nothing, or that fails, does so at once.
        && matches!(operation, Operation::Receive(receive)
            if receive.buffer.room(ctx, &state.getters, receive.offset).is_ok_and(|room| room > 0))
}

/// A promise that is rejected with a number, by the call that runs.
fn rejected<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &StateRef<H>,
    call: &'static str,
    number: i32,
) -> Result<Value<'js>> {
    state.failed_calls.note(number, CallSite::here(ctx, call));
    settled(ctx, true, &Value::new_int(ctx.clone(), number))
}

/// A promise that is fulfilled with the result of an operation.
fn fulfilled<'js, H: Host + 'static>(
    ctx: &Ctx<'js>,
    state: &StateRef<H>,
    value: &Value<'js>,
) -> Result<Value<'js>> {
    match state.promises {
        Some(layout) => layout.fulfilled(ctx, value),
        None => settled(ctx, false, value),
    }
}
