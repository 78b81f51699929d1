//! `guestnet repl`: JavaScript, line by line, under the same options as a script.
//!
//! At a terminal lines are edited, remembered and completed; otherwise they are read as they come.

use std::io::{BufRead, IsTerminal};

use guestnet::core::{is_hidden, visible_lines};
use guestnet::quickjs::{End as ScriptEnd, Evaluation, Script};
use guestnet::{End, OsHost};
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Completer, Config, Editor, Helper, Highlighter, Hinter, Validator};

use crate::failure::Failure;
use crate::inherit::Listeners;
use crate::run_args::RunArgs;
use crate::say;
use crate::script::ScriptSetup;

/// What is run before the first line: it gives the modules their names.
const PRELUDE: &[u8] =
    b"import * as std from 'std'; import * as os from 'os'; Object.assign(globalThis, { std, os });";

const PROMPT: &str = "js> ";
const CONTINUATION_PROMPT: &str = "... ";

/// Reads and evaluates until the input ends, and returns the exit code.
///
/// # Errors
/// One sentence on why it could not begin.
pub(crate) fn repl(args: RunArgs, inherited: Listeners) -> Result<i32, Failure> {
    let ScriptSetup {
        builder,
        supervisor,
        confinement,
    } = ScriptSetup::new(args, inherited, "guestnet repl")?;
    let mode = TerminalMode::save();
    confinement.enforce()?;
    let outcome = supervisor.run(move || {
        let mut script = builder
            .build()
            .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
        if script.run("<repl>", PRELUDE) != ScriptEnd::Exit(0) {
            return Err(Failure::failed("cannot load os and std"));
        }
        if std::io::stdin().is_terminal() {
            at_terminal(&mut script)
        } else {
            from_input(&mut script)
        }
    });
    mode.restore();
    outcome
}

/// The mode that a terminal had before the line editor took it over. One that is stopped while it waits for a key cannot
/// give it back itself.
struct TerminalMode(Option<Termios>);

impl TerminalMode {
    fn save() -> TerminalMode {
        // Not a terminal: nothing to restore.
        TerminalMode(tcgetattr(std::io::stdin()).ok())
    }

    fn restore(&self) {
        if let Some(mode) = &self.0 {
            // It may be gone, as after SIGHUP.
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, mode);
        }
    }
}

/// What has been typed of an input that goes over several lines.
#[derive(Default)]
struct PendingInput(String);

impl PendingInput {
    /// Takes a line; the whole input, once it is complete.
    fn push(&mut self, line: &str) -> Option<String> {
        if !self.0.is_empty() {
            self.0.push('\n');
        }
        self.0.push_str(line);
        (!is_open(&self.0)).then(|| std::mem::take(&mut self.0))
    }
}

fn from_input(script: &mut Script<OsHost>) -> Result<End, Failure> {
    let mut pending = PendingInput::default();
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(|error| Failure::failed(format!("cannot read standard input: {error}")))?;
        if let Some(input) = pending.push(&line)
            && let Some(end) = perform(script, &input)
        {
            return Ok(end);
        }
    }
    if let Some(end) = perform(script, &pending.0) {
        return Ok(end);
    }
    Ok(End::Exit(0))
}

/// What the line editor asks while a line is typed.
#[derive(Completer, Helper, Highlighter, Hinter, Validator)]
struct LineHelper<'a> {
    #[rustyline(Completer)]
    completer: NameCompleter<'a>,
}

/// Completes the names that the script knows.
struct NameCompleter<'a>(&'a std::cell::RefCell<&'a mut Script<OsHost>>);

impl rustyline::completion::Completer for NameCompleter<'_> {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let text = line.get(..position).unwrap_or(line);
        let (start, mut names) = self.0.borrow().completions(text);
        // Listed at the terminal as they are.
        names.retain(|name| !name.contains(is_hidden));
        Ok((start, names))
    }
}

fn at_terminal(script: &mut Script<OsHost>) -> Result<End, Failure> {
    let broken = |error: ReadlineError| Failure::failed(format!("cannot use the terminal: {error}"));
    let script = std::cell::RefCell::new(script);
    let config = Config::builder().auto_add_history(true).build();
    let mut editor: Editor<LineHelper<'_>, MemHistory> =
        Editor::with_history(config, MemHistory::new()).map_err(broken)?;
    editor.set_helper(Some(LineHelper {
        completer: NameCompleter(&script),
    }));
    let mut pending = PendingInput::default();
    loop {
        script.borrow_mut().run_pending();
        let prompt = if pending.0.is_empty() {
            PROMPT
        } else {
            CONTINUATION_PROMPT
        };
        match editor.readline(prompt) {
            Ok(line) => {
                if let Some(input) = pending.push(&line)
                    && let Some(end) = perform(&mut script.borrow_mut(), &input)
                {
                    return Ok(end);
                }
            }
            // Ctrl-C gives the line up.
            Err(ReadlineError::Interrupted) => pending.0.clear(),
            Err(ReadlineError::Eof) => return Ok(End::Exit(0)),
            Err(error) => return Err(broken(error)),
        }
    }
}

/// Evaluates one input and prints what came of it; how everything ends, if it does.
fn perform(script: &mut Script<OsHost>, input: &str) -> Option<End> {
    if input.trim().is_empty() {
        return None;
    }
    match script.evaluate(input) {
        Evaluation::Value(text) | Evaluation::Exception(text) => {
            say::print(format!("{}\n", visible_lines(&text)));
        }
        Evaluation::End(end) => return Some(end.into()),
    }
    script.run_pending();
    None
}

/// Whether a bracket, a text over several lines or a comment is still open. A regular expression with a bracket of its
/// own can deceive it; an empty line does not help then, Ctrl-C does.
fn is_open(input: &str) -> bool {
    let mut depth = 0_usize;
    // What encloses each template: the depth at which its `${` was.
    let mut templates = Vec::new();
    let mut letters = input.chars().peekable();
    let mut in_template = false;
    while let Some(letter) = letters.next() {
        if in_template {
            match letter {
                '\\' => drop(letters.next()),
                '`' => in_template = false,
                '$' if letters.peek() == Some(&'{') => {
                    letters.next();
                    templates.push(depth);
                    in_template = false;
                }
                _ => {}
            }
            continue;
        }
        match letter {
            '"' | '\'' => {
                while let Some(inner) = letters.next() {
                    match inner {
                        '\\' => drop(letters.next()),
                        // A text ends with its line: the engine will say what is wrong.
                        '\n' => break,
                        _ if inner == letter => break,
                        _ => {}
                    }
                }
            }
            '`' => in_template = true,
            '/' if letters.peek() == Some(&'/') => {
                letters
                    .by_ref()
                    .take_while(|letter| *letter != '\n')
                    .for_each(drop);
            }
            '/' if letters.peek() == Some(&'*') => {
                let mut last = ' ';
                letters.next();
                loop {
                    match letters.next() {
                        Some('/') if last == '*' => break,
                        Some(next) => last = next,
                        None => return true,
                    }
                }
            }
            '(' | '[' | '{' => depth += 1,
            '}' if templates.last() == Some(&depth) => {
                templates.pop();
                in_template = true;
            }
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth > 0 || in_template || !templates.is_empty()
}

#[cfg(test)]
mod tests {
    use super::is_open;

    #[test]
    fn an_input_goes_on_while_something_is_open() {
        for open in [
            "{",
            "f(",
            "[1,",
            "`a",
            "`${",
            "`${a} b",
            "/* a",
            "if (a) {\n b();",
            "`${`${",
        ] {
            assert!(is_open(open), "{open}");
        }
        for closed in [
            "",
            "1",
            "{}",
            "f(\n)",
            "')'",
            "\"{\"",
            "// {",
            "'a\\'{'",
            "`{`",
            "`${ {} }`",
            "/* { */",
            "`${`a`}`",
            "'{",
            ")",
        ] {
            assert!(!is_open(closed), "{closed}");
        }
    }
}
