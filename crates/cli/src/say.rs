//! The one place that prints. Nobody reads a message about a message that could not be printed, so errors of the
//! terminal are dropped: the exit code still tells.

use std::fmt;
use std::io::Write;

/// Prints to standard output.
pub(crate) fn print(text: impl fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{text}").and_then(|()| out.flush());
}

/// Prints one line on standard error, in one write, so that it stays whole between a guest's own lines.
pub(crate) fn complain(message: impl fmt::Display) {
    let line = format!("guestnet: {message}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// A text of the guest's on one line: control characters, with which it could drive the terminal, are spelled out.
pub(crate) fn push_visible(line: &mut String, text: &str) {
    for each in text.chars() {
        if each.is_control() {
            line.extend(each.escape_default());
        } else {
            line.push(each);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_guests_text_cannot_drive_the_terminal() {
        let mut line = String::new();
        super::push_visible(&mut line, "/tmp/\u{1b}[2J\n\u{9b}é");
        assert_eq!(line, "/tmp/\\u{1b}[2J\\n\\u{9b}é");
    }
}
