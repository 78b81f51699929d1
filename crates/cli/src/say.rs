//! The one place that prints, but for a screen with a prompt (`screen.rs`). A message about a message that could not be printed has no reader, so errors of the
//! terminal are dropped: the exit code is still there.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, OnceLock};

use guestnet::core::{Sink, visible};

use crate::screen::Screen;

/// Prints to standard output.
pub(crate) fn print(text: impl fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// Prints to standard error, as it is.
pub(crate) fn print_error(text: impl fmt::Display) {
    let text = text.to_string();
    let _ = Stderr.write_all(text.as_bytes());
}

/// Prints one line on standard error, in one write, so that it stays whole between a guest's own lines. What a guest has
/// put into it, as the names in a module, does not act on the terminal.
pub(crate) fn complain(message: impl fmt::Display) {
    let line = format!("guestnet: {}\n", visible(&message.to_string()));
    let _ = Stderr.write_all(line.as_bytes());
}

/// Standard error, for what is reported of a guest.
pub(crate) fn stderr() -> Sink {
    Box::new(Stderr)
}

/// The screen that standard error is on, while lines are typed at it.
static SCREEN: OnceLock<Arc<Screen>> = OnceLock::new();

/// Has what is printed on standard error stand above the prompt of a screen.
pub(crate) fn share(screen: &Arc<Screen>) {
    // There is one terminal a process.
    let _ = SCREEN.set(Arc::clone(screen));
}

/// Standard error, locked for each write.
struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match SCREEN.get() {
            Some(screen) if screen.take(bytes) => Ok(bytes.len()),
            _ => io::stderr().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
