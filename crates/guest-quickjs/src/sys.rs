//! The only unsafe code of this crate: what rquickjs has no safe call for.
#![expect(
    unsafe_code,
    reason = "the engine's C interface; every block says why it holds"
)]

pub(crate) mod content;
pub(crate) mod eval;
pub(crate) mod heap;
pub(crate) mod inspect;
pub(crate) mod intrinsics;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod opaque;
pub(crate) mod settled;
pub(crate) mod stack;
pub(crate) mod value;

use rquickjs::{Ctx, Value, qjs};

use self::heap::{Memory, Text};

/// A string of the engine in UTF-8, with lone surrogates replaced (rquickjs's own conversion refuses them).
///
/// # Errors
/// No memory.
pub(crate) fn text(text: &rquickjs::String<'_>) -> rquickjs::Result<Text> {
    let memory = Memory::of(text.ctx())?;
    let bytes = inspect::bytes_of(text)?;
    Text::lossy(&memory, &bytes).map_err(|error| error.throw(text.ctx()))
}

/// Throws an error that no `catch` and no `finally` sees.
pub(crate) fn throw_uncatchable(ctx: &Ctx<'_>, error: Value<'_>) -> rquickjs::Error {
    let raw = error.as_raw();
    // SAFETY: both are alive and of one runtime; the function sets a flag of the error object.
    unsafe { qjs::JS_SetUncatchableError(ctx.as_raw().as_ptr(), raw) };
    rethrow(ctx, error)
}

/// An error that holds the stack of calls at this moment, which no code of the guest has seen. Runs code of the guest where
/// it has set `Error.prepareStackTrace`. `None`: there is no memory, which the context's exception says.
pub(crate) fn stack_here<'js>(ctx: &Ctx<'js>) -> Option<Value<'js>> {
    // SAFETY: the context is alive.
    let error = unsafe { qjs::JS_NewError(ctx.as_raw().as_ptr()) };
    // SAFETY: the call has given us one reference, or an exception.
    let error = unsafe { Value::from_raw(ctx.clone(), error) };
    error.is_object().then_some(error)
}

fn rethrow(ctx: &Ctx<'_>, error: Value<'_>) -> rquickjs::Error {
    // SAFETY: the value is alive; the engine takes over one reference, which this call adds.
    let raw = unsafe { qjs::JS_DupValue(ctx.as_raw().as_ptr(), error.as_raw()) };
    // SAFETY: as above.
    unsafe { qjs::JS_Throw(ctx.as_raw().as_ptr(), raw) };
    rquickjs::Error::Exception
}
