//! The one place that prints. A message about a message that could not be printed has no reader, so errors of the
//! terminal are dropped: the exit code is still there.

use std::fmt;
use std::io::Write;

use guestnet::core::visible;

/// Prints to standard output.
pub(crate) fn print(text: impl fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// Prints one line on standard error, in one write, so that it stays whole between a guest's own lines. What a guest has
/// put into it, as the names in a module, does not act on the terminal.
pub(crate) fn complain(message: impl fmt::Display) {
    let line = format!("guestnet: {}\n", visible(&message.to_string()));
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
