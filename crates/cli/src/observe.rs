//! [`Reporter`]: the trace, and the one line about the first denial of a run.

use std::fmt::{self, Write as _};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use guestnet_core::{Decided, Denial, Observer, Result, ResultLine};

use crate::failure::Failure;
use crate::policy_args::io_reason;
use crate::run_args::Trace;
use crate::say;

/// Prints what the core tells of a guest.
#[derive(Debug)]
pub(crate) struct Reporter {
    trace: Option<Sink>,
    audit: Option<File>,
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
    /// A reporter that prints the first denial and, if asked for, a trace and an audit.
    ///
    /// # Errors
    /// The trace's or the audit's file cannot be written.
    pub(crate) fn new(trace: Option<&Trace>, audit: Option<&Path>) -> std::result::Result<Reporter, Failure> {
        let trace = match trace {
            None => None,
            Some(Trace::Stderr) => Some(Sink::Stderr),
            Some(Trace::File(path)) => Some(Sink::File(create("trace", path)?)),
        };
        Ok(Reporter {
            trace,
            audit: audit.map(|path| create("audit", path)).transpose()?,
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

    fn wants_decisions(&self) -> bool {
        self.audit.is_some()
    }

    fn decided(&mut self, decided: &Decided<'_>) {
        let Some(audit) = &mut self.audit else { return };
        // A clock before 1970 is no reason to lose the line.
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let line = audit_line(time.as_secs(), time.subsec_micros(), decided);
        // One write for one line. A full disk must not end the guest.
        let _ = audit.write_all(line.as_bytes());
    }
}

fn create(what: &str, path: &Path) -> std::result::Result<File, Failure> {
    File::create(path).map_err(|error| {
        Failure::failed(format!(
            "cannot write the {what} to {}: {}",
            path.display(),
            io_reason(&error)
        ))
    })
}

/// One JSON object and the end of the line. docs/policy.md names its members.
fn audit_line(seconds: u64, micros: u32, decided: &Decided<'_>) -> String {
    let mut line = format!("{{\"time\":{seconds}.{micros:06},\"call\":\"{}\"", decided.call);
    let _ = write!(line, ",\"use\":\"{}\"", decided.usage);
    if let Some(protocol) = decided.protocol {
        let _ = write!(line, ",\"protocol\":\"{protocol}\"");
    }
    line.push_str(",\"target\":");
    push_json(&mut line, &decided.target.to_string());
    let outcome = match (decided.served, decided.decision.is_allowed()) {
        (true, _) => "served",
        (false, true) => "allowed",
        (false, false) => "denied",
    };
    let _ = write!(line, ",\"outcome\":\"{outcome}\",\"reason\":");
    push_json(&mut line, &decided.decision.to_string());
    if let Some(rule) = decided.decision.rule() {
        line.push_str(",\"rule\":");
        push_json(&mut line, &rule.to_string());
    }
    line.push_str("}\n");
    line
}

/// A JSON string (RFC 8259, section 7).
fn push_json(line: &mut String, text: &str) {
    line.push('"');
    for character in text.chars() {
        match character {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            control if control < ' ' => {
                let _ = write!(line, "\\u{:04x}", u32::from(control));
            }
            other => line.push(other),
        }
    }
    line.push('"');
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
        let mut reporter = Reporter::new(Some(&Trace::File(path.clone())), None).unwrap();
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
    fn an_audit_line_is_json_whatever_a_path_has_in_it() {
        use guestnet_core::policy::{PolicyBuilder, Use};
        let mut builder = PolicyBuilder::new();
        builder.allow(Use::Unix, "/run/*").unwrap();
        let policy = builder.build();
        let path = "/run/a\"b\\c\nd";
        let decided = Decided {
            call: "connect",
            usage: Use::Unix,
            protocol: None,
            target: &path,
            decision: policy.decide_unix(path),
            served: false,
        };
        let line = audit_line(7, 42, &decided);
        let start = r#"{"time":7.000042,"call":"connect","use":"unix","target":"/run/a\"b\\c\u000ad","outcome":"denied","reason":"#;
        assert!(line.starts_with(start), "{line}");
        assert!(line.ends_with("}\n") && line.lines().count() == 1, "{line}");
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
