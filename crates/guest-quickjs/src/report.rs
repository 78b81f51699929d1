//! Uncaught errors, as qjs prints them: the error, then its stack, on the guest's standard error.

use guestnet_core::{Host, visible_lines};
use rquickjs::{Coerced, Ctx, Value};

use crate::convert::error_words;
use crate::os::file;
use crate::state::State;
use crate::sys::heap::{Bytes, NoMemory};
use crate::sys::inspect;

/// Prints an error that nothing caught.
pub(crate) fn uncaught<H: Host + 'static>(ctx: &Ctx<'_>, state: &State<H>, error: &Value<'_>) {
    write(ctx, state, "", error);
}

/// Prints the reason of a promise that was rejected and has no handler.
pub(crate) fn unhandled<H: Host + 'static>(ctx: &Ctx<'_>, state: &State<H>, reason: &Value<'_>) {
    write(ctx, state, "Possibly unhandled promise rejection: ", reason);
}

/// Prints one sentence of guestnet's own.
pub(crate) fn line<H: Host + 'static>(state: &State<H>, text: &str) {
    file::write_all(state, 2, visible_lines(&format!("{text}\n")).as_bytes());
}

fn write<H: Host + 'static>(ctx: &Ctx<'_>, state: &State<H>, before: &str, error: &Value<'_>) {
    if let Some(text) = failed_call(ctx, state, error) {
        let line = visible_lines(&format!("{before}{text}\n")).into_owned();
        return file::write_all(state, 2, line.as_bytes());
    }
    let text = error.get::<Coerced<rquickjs::String<'_>>>();
    let text = text.and_then(|text| inspect::bytes_of(&text.0));
    if text.is_err() {
        ctx.catch();
    }
    let stack = error
        .as_exception()
        .and_then(|exception| exception.get("stack").ok());
    let stack = stack.and_then(|stack: rquickjs::String<'_>| inspect::bytes_of(&stack).ok());
    ctx.catch();
    // A conversion that fails itself leaves a word.
    let text = text.as_deref().unwrap_or(b"[exception]");
    let stack = stack.as_deref().unwrap_or_default();
    let end: &[u8] = if stack.is_empty() || stack.ends_with(b"\n") {
        b""
    } else {
        b"\n"
    };
    let parts = [before.as_bytes(), text, b"\n", stack, end];
    let mut line = Bytes::new(&state.memory);
    if parts.iter().try_for_each(|part| visible(&mut line, part)).is_ok() {
        file::write_all(state, 2, &line);
    } else {
        // Without memory for the whole text, it is written in pieces.
        for piece in parts.iter().flat_map(|part| part.chunks(PIECE)) {
            file::write_all(
                state,
                2,
                visible_lines(&String::from_utf8_lossy(piece)).as_bytes(),
            );
        }
    }
}

/// What a number says that a call of the script was rejected with, such as
/// `ECONNREFUSED (connection refused), from os.connect at app.js:12`; `None` for all else.
pub(crate) fn failed_call<H: Host + 'static>(
    ctx: &Ctx<'_>,
    state: &State<H>,
    error: &Value<'_>,
) -> Option<String> {
    let number = error.as_int()?;
    let (name, words) = error_words(number)?;
    let call = state.failed_calls.take(ctx, number)?;
    // `ai_family` and its like begin with a small letter as it is.
    let (first, rest) = words.split_at_checked(1)?;
    Some(format!(
        "{name} ({}{rest}), from {call}",
        first.to_ascii_lowercase()
    ))
}

/// How much of a text is looked at at once, in bytes.
const PIECE: usize = 4 << 10;

/// Appends a text. A script that wants to drive the terminal writes to it; here it is guestnet that speaks.
///
/// # Errors
/// There is no memory for it.
fn visible(line: &mut Bytes, text: &[u8]) -> std::result::Result<(), NoMemory> {
    for chunk in text.utf8_chunks() {
        let mut rest = chunk.valid();
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE));
            line.extend(visible_lines(piece).as_bytes())?;
            rest = after;
        }
        if !chunk.invalid().is_empty() {
            line.extend("\u{fffd}".as_bytes())?;
        }
    }
    Ok(())
}
