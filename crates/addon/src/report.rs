//! [`Reporter`]: the one line about the first denial of a program, and its trace.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Write as _;

use guestnet_core::{Denial, Observer, Result, ResultLine};

/// Prints what the core tells of a program.
#[derive(Debug)]
pub(crate) struct Reporter {
    trace: Option<Sink>,
    /// Whether a denial was printed: a program that tries again and again must not fill the terminal.
    denied: bool,
}

#[derive(Debug)]
enum Sink {
    Stderr,
    File(File),
}

impl Reporter {
    /// `trace` is a file to make, `-` for standard error, `None` for no trace.
    ///
    /// # Errors
    /// The file cannot be written; the sentence says so.
    pub(crate) fn new(trace: Option<&str>) -> std::result::Result<Self, String> {
        let trace = match trace {
            None => None,
            Some("-") => Some(Sink::Stderr),
            Some(path) => {
                let file = File::create(path)
                    .map_err(|error| format!("guestnet: cannot write the trace to {path}: {error}"))?;
                Some(Sink::File(file))
            }
        };
        Ok(Reporter { trace, denied: false })
    }

    /// One line in one write, so that what the program prints does not get into it.
    fn write(&mut self, text: fmt::Arguments<'_>) {
        let line = line(text);
        // A full disk or a closed terminal must not end the program.
        let _ = match &mut self.trace {
            None => Ok(()),
            Some(Sink::Stderr) => std::io::stderr().lock().write_all(line.as_bytes()),
            Some(Sink::File(file)) => file.write_all(line.as_bytes()),
        };
    }
}

impl Observer for Reporter {
    fn wants_calls(&self) -> bool {
        self.trace.is_some()
    }

    fn call(&mut self, name: &'static str, args: fmt::Arguments<'_>, result: Result<u64>) {
        self.write(format_args!("{name}({args}) = {}", ResultLine(result)));
    }

    fn denied(&mut self, denial: &Denial<'_>) {
        let Denial {
            call, target, reason, ..
        } = denial;
        // No flags here: the policy is a file, and the reason names the rule.
        if !self.denied {
            self.denied = true;
            let line = line(format_args!("guestnet: {call} {target}: {reason}"));
            let _ = std::io::stderr().lock().write_all(line.as_bytes());
        }
        self.write(format_args!("--- {call} {target}: {reason} ---"));
    }
}

/// A line with no control character of a program's.
fn line(text: fmt::Arguments<'_>) -> String {
    let mut line = String::new();
    for character in text.to_string().chars() {
        if character.is_control() {
            // Into a String.
            let _ = write!(line, "{}", character.escape_default());
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}
