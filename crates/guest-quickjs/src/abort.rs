//! [`Signal`]: an `AbortSignal` that ends a call of `os` which waits.
//!
//! The class is written in JavaScript (`guest-libs/js/web/event.js`). While a call waits, its signal has the call's id and
//! descriptor, and gives them to [`cancel`] when it is aborted. Not here: how calls wait (`event_loop.rs`).

use guestnet_core::{Fd, Host};
use rquickjs::{Ctx, Exception, Function, Object, Persistent, Result, Value};

use crate::argument::number;
use crate::native::Call;
use crate::os::path::float;
use crate::os::time::whole;
use crate::promise::{Attachment, Id, Resolvers};
use crate::state::State;
use crate::web::exports::EVENT;

/// A signal that a script gives to a call.
pub(crate) struct Signal<'js> {
    value: Value<'js>,
    /// What `event.js` exports.
    library: Object<'js>,
}

impl<'js> Signal<'js> {
    /// The property `signal` of an argument with options, `None` if there is none.
    ///
    /// # Errors
    /// `TypeError` for options that are no object, and for what is no `AbortSignal`; what a getter throws.
    pub(crate) fn of_options<H: Host + 'static>(
        ctx: &Ctx<'js>,
        state: &State<H>,
        options: &Value<'js>,
    ) -> Result<Option<Self>> {
        if options.is_undefined() || options.is_null() {
            return Ok(None);
        }
        match options.as_object() {
            Some(options) => Signal::of(ctx, state, options),
            None => Err(Exception::throw_type(ctx, "the options must be an object")),
        }
    }

    /// As [`Signal::of_options`], of an object.
    ///
    /// # Errors
    /// As there.
    pub(crate) fn of<H: Host + 'static>(
        ctx: &Ctx<'js>,
        state: &State<H>,
        options: &Object<'js>,
    ) -> Result<Option<Self>> {
        let value: Value<'js> = options.get("signal")?;
        if value.is_undefined() || value.is_null() {
            return Ok(None);
        }
        // As long as the library is not loaded there is no object of its classes.
        let Some(library) = state.libraries.find(ctx, EVENT) else {
            return Err(Exception::throw_type(ctx, "the signal must be an AbortSignal"));
        };
        let signal = Signal { value, library };
        signal.reason()?;
        Ok(Some(signal))
    }

    /// Why it was aborted; `None` if it was not.
    ///
    /// # Errors
    /// `TypeError` for what is no `AbortSignal`.
    pub(crate) fn reason(&self) -> Result<Option<Value<'js>>> {
        let aborted: Function<'js> = self.library.get("aborted")?;
        let reason: Value<'js> = aborted.call((self.value.clone(),))?;
        reason.as_array().map(|reason| reason.get(0)).transpose()
    }

    /// Lets it end a call that waits, whose promise this is: one on a descriptor, or a look-up. `None` if it was aborted
    /// before that, perhaps by what ran while the promise was made: the promise is settled then.
    ///
    /// # Errors
    /// No memory.
    pub(crate) fn attach(
        &self,
        ctx: &Ctx<'js>,
        promise: Resolvers,
        transferred: usize,
        id: Id,
        fd: Option<Fd>,
    ) -> Result<Option<Resolvers>> {
        if let Some(reason) = self.reason()? {
            return end(ctx, promise, transferred, reason).map(|()| None);
        }
        let attach: Function<'js> = self.library.get("attach")?;
        let detach: Function<'js> = self.library.get("detach")?;
        let fd = fd.map_or(LOOKUP, f64::from);
        attach.call::<_, ()>((self.value.clone(), float(id), fd))?;
        let attachment = Attachment {
            signal: Persistent::save(ctx, self.value.clone()),
            detach: Persistent::save(ctx, detach),
            id,
        };
        Ok(Some(promise.attached(attachment)))
    }
}

/// Ends a call: so many bytes that it has moved are its result, and otherwise the promise is rejected with the reason.
fn end<'js>(ctx: &Ctx<'js>, promise: Resolvers, transferred: usize, reason: Value<'js>) -> Result<()> {
    if transferred == 0 {
        return promise.abort(ctx, reason);
    }
    let count = u64::try_from(transferred).map_or(f64::INFINITY, float);
    promise.resolve(ctx, Value::new_number(ctx.clone(), count))
}

/// What stands in the place of a descriptor for a look-up.
const LOOKUP: f64 = -1.0;

/// `cancel(id, fd, reason)`: ends a call that waits. What a transfer has moved is its result; a call that has done nothing
/// is rejected with the reason. A call that has ended meanwhile is none of its business.
pub(crate) fn cancel<'js, H: Host + 'static>(call: &Call<'_, 'js, H>) -> Result<Value<'js>> {
    let (ctx, state) = (call.ctx(), call.state());
    let (id, fd) = (whole(&call.arg(0)), number(&call.arg(1)));
    if let (Some(id), Some(fd)) = (id, fd) {
        if fd == LOOKUP {
            let found = state.events.borrow_mut().lookups.remove(&id);
            if let Some((lookup, promise)) = found {
                state.guest.borrow_mut().getaddrinfo_cancel(lookup);
                end(ctx, promise, 0, call.arg(2))?;
            }
        } else if let Some(fd) = whole(&call.arg(1)).and_then(|fd| Fd::try_from(fd).ok()) {
            let found = state.events.borrow_mut().cancel(fd, id);
            if let Some(pending) = found {
                let transferred = pending.operation.transferred();
                end(ctx, pending.promise, transferred, call.arg(2))?;
            }
        }
    }
    call.value(rquickjs::Undefined)
}
