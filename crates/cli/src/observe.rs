//! [`Reporter`]: the trace, and the one line about the first denial of a run.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Write;

use guestnet_core::{Denial, Observer, Result, ResultLine};

use crate::failure::Failure;
use crate::policy_args::io_reason;
use crate::run_args::Trace;
use crate::say;

/// Prints what the core tells of a guest.
#[derive(Debug)]
pub(crate) struct Reporter {
    trace: Option<Sink>,
    /// Whether a denial was printed already: a program that tries again and again must not fill the terminal.
    denied: bool,
    /// The line being made, kept for its memory.
    line: String,
}

#[derive(Debug)]
enum Sink {
    Stderr,
    File(File),
}

impl Reporter {
    /// A reporter that prints the first denial and, if asked for, a trace.
    ///
    /// # Errors
    /// The trace's file cannot be written.
    pub(crate) fn new(trace: Option<&Trace>) -> std::result::Result<Reporter, Failure> {
        let trace = match trace {
            None => None,
            Some(Trace::Stderr) => Some(Sink::Stderr),
            Some(Trace::File(path)) => Some(Sink::File(File::create(path).map_err(|error| {
                Failure::failed(format!(
                    "cannot write the trace to {}: {}",
                    path.display(),
                    io_reason(&error)
                ))
            })?)),
        };
        Ok(Reporter {
            trace,
            denied: false,
            line: String::new(),
        })
    }

    /// Writes one whole line in one write: a guest's own output does not get into it, and nothing is lost when the
    /// process ends.
    fn write(&mut self, text: fmt::Arguments<'_>) {
        let Some(sink) = &mut self.trace else { return };
        self.line.clear();
        let _ = Visible(&mut self.line).write_fmt(text);
        self.line.push('\n');
        // A full disk or a closed terminal must not end the guest.
        let _ = match sink {
            Sink::Stderr => std::io::stderr().lock().write_all(self.line.as_bytes()),
            Sink::File(file) => file.write_all(self.line.as_bytes()),
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
        let sentence = Sentence(denial);
        if !self.denied {
            self.denied = true;
            let mut line = String::new();
            let _ = write!(Visible(&mut line), "{sentence}");
            say::complain(line);
        }
        self.write(format_args!("--- {sentence} ---"));
    }
}

/// `connect 10.0.0.5:5432: denied because no rule allows it; --allow-connect 10.0.0.5:5432 would`.
struct Sentence<'a>(&'a Denial<'a>);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Denial {
            call,
            target,
            reason,
            flag,
            ..
        } = self.0;
        write!(f, "{call} {target}: {reason}")?;
        if flag.is_empty() {
            Ok(())
        } else {
            write!(f, "; {flag} would")
        }
    }
}

/// Lets no control character of a guest's through.
struct Visible<'a>(&'a mut String);

impl fmt::Write for Visible<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        say::push_visible(self.0, text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use guestnet_core::Errno;

    #[test]
    fn a_trace_has_one_line_a_call_as_strace_prints_them() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace");
        let mut reporter = Reporter::new(Some(&Trace::File(path.clone()))).unwrap();
        assert!(reporter.wants_calls());
        reporter.call("connect", format_args!("4, 127.0.0.1:80"), Err(Errno::Inprogress));
        reporter.call("bind", format_args!("5, unix:/tmp/a\nb"), Ok(0));
        let denial = Denial {
            call: "connect",
            target: &"10.0.0.5:5432",
            reason: "denied because no rule allows it",
            flag: "--allow-connect 10.0.0.5:5432",
            errno: Errno::Acces,
        };
        reporter.denied = true;
        reporter.denied(&denial);
        let expected = "connect(4, 127.0.0.1:80) = -1 EINPROGRESS (Operation now in progress)\n\
            bind(5, unix:/tmp/a\\nb) = 0\n\
            --- connect 10.0.0.5:5432: denied because no rule allows it; --allow-connect 10.0.0.5:5432 would ---\n";
        assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
    }

    #[test]
    fn a_denial_by_a_rule_names_no_flag() {
        let reason = "denied by --deny-connect 10.6.6.6";
        let denial = Denial {
            call: "connect",
            target: &"10.6.6.6:1",
            reason,
            flag: "",
            errno: Errno::Acces,
        };
        assert_eq!(
            Sentence(&denial).to_string(),
            "connect 10.6.6.6:1: denied by --deny-connect 10.6.6.6"
        );
    }
}
