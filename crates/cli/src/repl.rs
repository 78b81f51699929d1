//! `guestnet repl`: JavaScript, line by line, under the same options as a script.
//!
//! The script has a thread, whose event loop turns while another one reads lines: at a terminal (`terminal.rs`), or as they
//! come. What Ctrl-C does at a terminal is in `interrupt.rs`.

mod input;
mod interrupt;
mod lines;
mod terminal;

use std::io::{BufRead, IsTerminal};
use std::sync::Arc;
use std::sync::mpsc::TryRecvError;
use std::thread;

use guestnet::core::visible_lines;
use guestnet::host_os::OutputHook;
use guestnet::quickjs::{End as ScriptEnd, Evaluation, Script};
use guestnet::{End, OsHost};

use crate::failure::Failure;
use crate::inherit::Listeners;
use crate::run_args::RunArgs;
use crate::say;
use crate::script::ScriptSetup;

use input::PendingInput;
use interrupt::Interrupter;
use lines::{Lines, Request, Requests};
use terminal::{Terminal, TerminalMode};

/// What is run before the first line: it gives the modules their names.
const PRELUDE: &[u8] =
    b"import * as std from 'std'; import * as os from 'os'; Object.assign(globalThis, { std, os });";

/// Reads and evaluates until the input ends, and returns the exit code.
///
/// # Errors
/// One sentence on why it could not begin.
pub(crate) fn repl(args: RunArgs, inherited: Listeners) -> Result<i32, Failure> {
    let terminal = if std::io::stdin().is_terminal() {
        Some(Terminal::new()?)
    } else {
        None
    };
    let screen = terminal.as_ref().and_then(|terminal| terminal.screen.clone());
    if let Some(screen) = &screen
        && std::io::stderr().is_terminal()
    {
        say::share(screen);
    }
    let hook = screen
        .clone()
        .map(|screen| OutputHook::new(move |bytes| screen.take(bytes)));
    let ScriptSetup {
        mut parts,
        mut supervisor,
        confinement,
    } = ScriptSetup::new(args, inherited, "guestnet repl", hook)?;
    let session = parts.session();
    let interrupter = Arc::new(Interrupter::new(session.clone()));
    if terminal.is_some() {
        supervisor.interruptible = Some(Box::new(Arc::clone(&interrupter)));
    }
    let mode = TerminalMode::save();
    confinement.enforce()?;
    let outcome = supervisor.run(move || {
        let mut script = parts
            .builder
            .build()
            .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
        if script.run("<repl>", PRELUDE) != ScriptEnd::Exit(0) {
            return Err(Failure::failed("cannot load os and std"));
        }
        let (lines, requests) = Lines::new(session, Arc::clone(&interrupter));
        let at_terminal = terminal.is_some();
        interrupter.at_prompt();
        thread::Builder::new()
            .name("lines".to_owned())
            .spawn(move || match terminal {
                Some(terminal) => terminal.read_lines(&lines),
                None => read_input(&lines),
            })
            .map_err(|error| Failure::failed(format!("cannot start a thread: {error}")))?;
        Session {
            script,
            requests,
            interrupter,
            at_terminal,
            failed: false,
        }
        .run()
    });
    if let Some(screen) = screen {
        screen.close();
    }
    mode.restore();
    outcome
}

/// Reads lines as they come until the input ends.
fn read_input(lines: &Lines) {
    let mut pending = PendingInput::default();
    for line in std::io::stdin().lock().lines() {
        let request = match line {
            Ok(line) => match pending.push(&line) {
                Some(input) => Request::Input(input),
                None => continue,
            },
            Err(error) => Request::Broken(Failure::failed(format!("cannot read standard input: {error}"))),
        };
        if !lines.perform(request) {
            return;
        }
    }
    if lines.perform(Request::Input(pending.into_text())) {
        lines.perform(Request::End);
    }
}

/// A script that lines are evaluated in.
struct Session {
    script: Script<OsHost>,
    requests: Requests,
    interrupter: Arc<Interrupter>,
    at_terminal: bool,
    /// A line has thrown.
    failed: bool,
}

impl Session {
    /// Performs requests until the session ends.
    ///
    /// # Errors
    /// The input cannot be read.
    fn run(mut self) -> Result<End, Failure> {
        loop {
            let requests = &self.requests.requests;
            let request = self.script.run_until(|| match requests.try_recv() {
                Ok(request) => Some(request),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(Request::End),
            });
            match request {
                Ok(Request::Input(input)) => {
                    if let Some(end) = self.evaluate(&input) {
                        return Ok(end.into());
                    }
                }
                Ok(Request::Nothing) => {
                    if self.interrupter.is_interrupted() {
                        say::print_error("interrupted\n");
                    }
                }
                Ok(Request::Complete(text, answer)) => {
                    // The editor may have given up waiting.
                    let _ = answer.send(self.script.completions(&text));
                    continue;
                }
                Ok(Request::End) => return Ok(self.end()),
                Ok(Request::Broken(failure)) => return Err(failure),
                Err(end) => return Ok(end.into()),
            }
            self.interrupter.at_prompt();
            // Nothing follows from a thread that is gone.
            let _ = self.requests.answers.send(());
        }
    }

    /// Evaluates one input and prints what came of it; how everything ends, if it does.
    fn evaluate(&mut self, input: &str) -> Option<ScriptEnd> {
        if input.trim().is_empty() {
            return None;
        }
        let evaluation = if self.interrupter.is_interrupted() {
            Evaluation::Interrupted
        } else {
            self.script.evaluate(input)
        };
        match evaluation {
            Evaluation::Value(text) => say::print(format_args!("{}\n", visible_lines(&text))),
            Evaluation::Exception(text) => {
                self.failed = true;
                say::print_error(format_args!("{}\n", visible_lines(&text)));
            }
            // Behind the ^C that the terminal shows.
            Evaluation::Interrupted => say::print_error("\ninterrupted\n"),
            Evaluation::End(end) => return Some(end),
        }
        None
    }

    /// The input has ended. At a terminal that is the end; otherwise what the lines have begun goes on to its own.
    fn end(&mut self) -> End {
        if self.at_terminal {
            return End::Exit(0);
        }
        match self.script.run_to_idle() {
            Ok(()) => End::Exit(i32::from(self.failed || self.script.has_failed())),
            Err(end) => end.into(),
        }
    }
}
