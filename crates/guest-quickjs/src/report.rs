//! Uncaught errors, as qjs prints them: the error, then its stack, on the guest's standard error.

use guestnet_core::Host;
use rquickjs::{Coerced, Ctx, Value};

use crate::os::file;
use crate::state::State;
use crate::sys::heap::Bytes;
use crate::sys::inspect;

/// Prints an error that nothing caught.
pub(crate) fn uncaught<H: Host + 'static>(ctx: &Ctx<'_>, state: &State<H>, error: &Value<'_>) {
    write(ctx, state, "", error);
}

/// Prints the reason of a promise that was rejected with nobody to handle it.
pub(crate) fn unhandled<H: Host + 'static>(ctx: &Ctx<'_>, state: &State<H>, reason: &Value<'_>) {
    write(ctx, state, "Possibly unhandled promise rejection: ", reason);
}

fn write<H: Host + 'static>(ctx: &Ctx<'_>, state: &State<H>, before: &str, error: &Value<'_>) {
    let text = error.get::<Coerced<rquickjs::String<'_>>>();
    let text = text.and_then(|text| inspect::bytes_of(&text.0));
    if text.is_err() {
        ctx.catch();
    }
    let stack = error.as_exception().and_then(|exception| exception.get("stack").ok());
    let stack = stack.and_then(|stack: rquickjs::String<'_>| inspect::bytes_of(&stack).ok());
    ctx.catch();
    // A conversion that fails itself leaves a word.
    let text = text.as_deref().unwrap_or(b"[exception]");
    let stack = stack.as_deref().unwrap_or_default();
    let end: &[u8] = if stack.is_empty() || stack.ends_with(b"\n") { b"" } else { b"\n" };
    let parts = [before.as_bytes(), text, b"\n", stack, end];
    let mut line = Bytes::new(&state.memory);
    if parts.iter().try_for_each(|part| line.extend(part)).is_ok() {
        file::write_all(state, 2, &line);
    } else {
        // There is no memory to say it at once.
        for part in parts {
            file::write_all(state, 2, part);
        }
    }
}
