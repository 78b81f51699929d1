//! Uncaught errors, as qjs prints them: the error, then its stack, on the guest's standard error.

use guestnet_core::{Host, visible_lines};
use rquickjs::{Coerced, Ctx, Value};

use crate::os::file;
use crate::state::State;
use crate::sys;

/// Prints an error that nothing caught.
pub(crate) fn uncaught<H: Host + 'static>(ctx: &Ctx<'_>, state: &State<H>, error: &Value<'_>) {
    write(ctx, state, "", error);
}

/// Prints the reason of a promise that was rejected with nobody to handle it.
pub(crate) fn unhandled<H: Host + 'static>(ctx: &Ctx<'_>, state: &State<H>, reason: &Value<'_>) {
    write(ctx, state, "Possibly unhandled promise rejection: ", reason);
}

fn write<H: Host + 'static>(ctx: &Ctx<'_>, state: &State<H>, before: &str, error: &Value<'_>) {
    let mut text = format!("{before}{}\n", text(ctx, error));
    if let Some(stack) = error.as_exception().and_then(rquickjs::Exception::stack) {
        text.push_str(&stack);
        if !stack.is_empty() && !stack.ends_with('\n') {
            text.push('\n');
        }
    }
    // A script that wants to drive the terminal writes to it; here it is guestnet that speaks.
    file::write_all(state, 2, visible_lines(&text).as_bytes());
}

/// The error as a string; a conversion that fails itself leaves a word.
fn text(ctx: &Ctx<'_>, error: &Value<'_>) -> String {
    let text = error.get::<Coerced<rquickjs::String<'_>>>();
    match text.and_then(|text| sys::text(&text.0)) {
        Ok(text) => text,
        Err(_) => {
            ctx.catch();
            "[exception]".to_owned()
        }
    }
}
