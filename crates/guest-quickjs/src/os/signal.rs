//! `os.signal`: a script's handlers for signals of its process.
//!
//! Which signals a script may handle, and what they do otherwise, is the embedder's to say: this keeps the functions and
//! calls them from the event loop. Where the embedder offers nothing, and in workers, `os.signal` is undefined.

use std::io::IoSliceMut;
use std::rc::Rc;

use guestnet_core::{Errno, Fd, Host};
use rquickjs::{Ctx, Exception, Function, IntoJs, Persistent, Result, Value};

use crate::abi;
use crate::convert::negative;
use crate::event_loop::Task;
use crate::native::{Call, Member, function};
use crate::operation::Direction;
use crate::signals::SignalAction;
use crate::state::{State, StateRef};

pub(crate) fn members<H: Host + 'static>() -> Vec<Member<H>> {
    let mut members: Vec<Member<H>> = abi::SIGNALS
        .iter()
        .map(|(name, number)| Member::Int(name, *number))
        .collect();
    members.push(Member::Value("signal", |ctx, state| match state.signals.ask {
        Some(_) => function(ctx, state, "signal", 2, signal)?.into_js(ctx),
        None => Ok(Value::new_undefined(ctx.clone())),
    }));
    members
}

/// `signal(number, func)`: `func` is called when the signal comes; null gives the signal its default action back,
/// undefined ignores it. Nothing, or `-EINVAL` for a signal that is not the script's to handle.
fn signal<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let (ctx, signals) = (call.ctx(), &call.state().signals);
    let number = call.int(0, "the signal")?;
    let (action, handler) = match call.arg(1) {
        value if value.is_null() => (SignalAction::Default, None),
        value if value.is_undefined() => (SignalAction::Ignore, None),
        value => {
            let function = Function::from_value(value).map_err(|_| {
                Exception::throw_type(ctx, "the handler must be a function, null or undefined")
            })?;
            (SignalAction::Deliver, Some(Persistent::save(ctx, function)))
        }
    };
    let asked = match &signals.ask {
        Some(ask) => ask(number, action),
        None => Err(Errno::ENOSYS),
    };
    let asked = asked.and_then(|()| match action {
        SignalAction::Deliver => listen(call.state()).inspect_err(|_| {
            // It could not be delivered.
            if let Some(ask) = &signals.ask {
                let _ = ask(number, SignalAction::Default);
            }
        }),
        SignalAction::Default | SignalAction::Ignore => Ok(()),
    });
    if let Err(errno) = asked {
        return call.value(negative(errno));
    }
    let mut handlers = signals.handlers.borrow_mut();
    let old = match handler {
        Some(handler) => handlers.insert(number, handler),
        None => handlers.remove(&number),
    };
    drop(handlers);
    drop(old);
    Ok(Value::new_undefined(ctx.clone()))
}

/// Lets the event loop poll the stream of signals. A script that waits for nothing else ends.
///
/// # Errors
/// `EMFILE`.
fn listen<H: Host + 'static>(state: &StateRef<H>) -> guestnet_core::Result<()> {
    let Some(stream) = state.signals.stream.take() else {
        return Ok(());
    };
    let fd = {
        let mut guest = state.guest.borrow_mut();
        // Before the stream is given away for good.
        if let Err(errno) = guest.next_descriptor() {
            state.signals.stream.set(Some(stream));
            return Err(errno);
        }
        let fd = guest.insert_stream(stream)?;
        guest.set_nonblocking(fd, true)?;
        fd
    };
    let task = Task::Run(Rc::new(move |ctx: &Ctx<'_>| {
        deliver(ctx, &State::<H>::of(ctx)?, fd)
    }));
    let old = state
        .events
        .borrow_mut()
        .set_handler(fd, Direction::Read, Some(task), false);
    drop(old);
    Ok(())
}

/// Calls one handler, if there is one to call.
fn deliver<H: Host + 'static>(ctx: &Ctx<'_>, state: &StateRef<H>, fd: Fd) -> Result<()> {
    let mut bytes = [0; 64];
    let read = state
        .guest
        .borrow_mut()
        .read(fd, &mut [IoSliceMut::new(&mut bytes)]);
    match read {
        Ok(count) if count > 0 => note(state, bytes.get(..count).unwrap_or_default()),
        // Called once more, for signals that were read before.
        Err(Errno::EAGAIN) => {}
        // The embedder closed its end: no signal follows.
        Ok(_) | Err(_) => {
            let old = state
                .events
                .borrow_mut()
                .set_handler(fd, Direction::Read, None, false);
            drop(old);
        }
    }
    let Some(handler) = state.signals.next() else {
        return Ok(());
    };
    if state.signals.came.get() != 0 {
        state.events.borrow_mut().again(fd, Direction::Read);
    }
    handler.restore(ctx)?.call::<_, ()>(())
}

fn note<H: Host + 'static>(state: &State<H>, numbers: &[u8]) {
    for number in numbers {
        let bit = 1_u64.checked_shl(u32::from(*number)).unwrap_or(0);
        state.signals.came.set(state.signals.came.get() | bit);
    }
}
