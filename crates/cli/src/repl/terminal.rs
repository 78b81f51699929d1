//! Lines from a terminal: edited, remembered and completed by rustyline, on a thread of its own.

use std::borrow::Cow;
use std::io::IsTerminal;
use std::sync::Arc;
use std::thread;

use guestnet::core::is_hidden;
use nix::sys::termios::{SetArg, Termios, tcgetattr, tcsetattr};
use rustix::process::{Resource, getrlimit, setrlimit};
use rustyline::config::{ColorMode, Configurer};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::history::MemHistory;
use rustyline::{Completer, Config, Editor, ExternalPrinter, Helper, Hinter, Validator};

use crate::failure::Failure;
use crate::repl::input::PendingInput;
use crate::repl::lines::{Lines, Request, Requester};
use crate::screen::Screen;

const PROMPT: &str = "js> ";
const CONTINUATION_PROMPT: &str = "... ";

/// The editor waits by select(2), whose sets have room for the descriptors below this one (`FD_SETSIZE`).
const MAX_DESCRIPTORS: u64 = 1024;

/// What has the editor paint its line once more: up one row, and down to where it was.
const REPAINT: &str = "\x1b[A\n";

/// The mode that a terminal had before the line editor took it over. One that is stopped while it waits for a key cannot
/// give it back itself.
pub(super) struct TerminalMode(Option<Termios>);

impl TerminalMode {
    pub(super) fn save() -> TerminalMode {
        // Not a terminal: nothing to restore.
        TerminalMode(tcgetattr(std::io::stdin()).ok())
    }

    pub(super) fn restore(&self) {
        if let Some(mode) = &self.0 {
            // It may be gone, as after SIGHUP.
            let _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, mode);
        }
    }
}

/// The line editor, and the screen that it shares with the script.
pub(super) struct Terminal {
    editor: Editor<LineHelper, MemHistory>,
    /// Has the editor print something.
    printer: Option<Box<dyn ExternalPrinter + Send>>,
    /// `None` where the editor does not have the whole terminal: it is a dumb one, or the output goes elsewhere.
    pub(super) screen: Option<Arc<Screen>>,
}

impl Terminal {
    /// Makes the editor.
    ///
    /// # Errors
    /// One sentence on why it cannot be had.
    pub(super) fn new() -> Result<Terminal, Failure> {
        let config = Config::builder().auto_add_history(true).build();
        let mut editor: Editor<LineHelper, MemHistory> =
            Editor::with_history(config, MemHistory::new()).map_err(|error| broken(&error))?;
        let printer = if std::io::stdout().is_terminal() {
            editor.create_external_printer().ok()
        } else {
            None
        };
        let Some(printer) = printer else {
            return Ok(Terminal {
                editor,
                printer: None,
                screen: None,
            });
        };
        limit_descriptors()?;
        // The helper is asked for the prompt in this mode only. It colours nothing.
        editor.set_color_mode(ColorMode::Forced);
        Ok(Terminal {
            editor,
            printer: Some(Box::new(printer)),
            screen: Some(Arc::default()),
        })
    }

    /// Reads lines until the session ends.
    pub(super) fn read_lines(mut self, lines: &Lines) {
        if let (Some(mut printer), Some(screen)) = (self.printer.take(), self.screen.clone()) {
            let paint = move || {
                // It fails when the editor is gone, with the session.
                loop {
                    screen.wait_for_news();
                    if printer.print(REPAINT.to_owned()).is_err() {
                        return;
                    }
                }
            };
            // A thread of its own, because it waits while the editor reads no keys, as in a long list of completions. Without
            // it, what handlers write is shown with the next key.
            let _ = thread::Builder::new().name("painter".to_owned()).spawn(paint);
        }
        self.editor.set_helper(Some(LineHelper {
            completer: NameCompleter(lines.requester.clone()),
            screen: self.screen.clone(),
        }));
        let mut pending = PendingInput::default();
        loop {
            let prompt = if pending.is_empty() {
                PROMPT
            } else {
                CONTINUATION_PROMPT
            };
            if let Some(screen) = &self.screen {
                screen.show_prompt();
            }
            let line = self.editor.readline(prompt);
            if let Some(screen) = &self.screen {
                screen.hide_prompt();
            }
            let request = match line {
                Ok(line) => match pending.push(&line) {
                    Some(input) => Request::Input(input),
                    None => continue,
                },
                // Ctrl-C gives the line up.
                Err(ReadlineError::Interrupted) => {
                    pending.clear();
                    Request::Nothing
                }
                Err(ReadlineError::Eof) => Request::End,
                Err(error) => Request::Broken(broken(&error)),
            };
            if !lines.perform(request) {
                return;
            }
        }
    }
}

fn broken(error: &ReadlineError) -> Failure {
    Failure::failed(format!("cannot use the terminal: {error}"))
}

/// Has no descriptor of this process be one that the editor cannot wait for.
///
/// # Errors
/// One sentence on what the system refused.
fn limit_descriptors() -> Result<(), Failure> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = Some(
        limit
            .current
            .map_or(MAX_DESCRIPTORS, |most| most.min(MAX_DESCRIPTORS)),
    );
    setrlimit(Resource::Nofile, limit)
        .map_err(|errno| Failure::failed(format!("cannot set the number of descriptors: {errno}")))
}

/// What the line editor asks while a line is typed.
#[derive(Completer, Helper, Hinter, Validator)]
struct LineHelper {
    #[rustyline(Completer)]
    completer: NameCompleter,
    screen: Option<Arc<Screen>>,
}

impl Highlighter for LineHelper {
    /// What the script has written goes before the prompt: the editor reckons with the prompt alone, which then begins a row
    /// further down, as it does on a screen that has scrolled.
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _default: bool) -> Cow<'b, str> {
        match &self.screen {
            Some(screen) => match screen.above_prompt() {
                above if above.is_empty() => Cow::Borrowed(prompt),
                above => Cow::Owned(above + prompt),
            },
            None => Cow::Borrowed(prompt),
        }
    }
}

/// Completes the names that the script knows.
struct NameCompleter(Requester);

impl rustyline::completion::Completer for NameCompleter {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let text = line.get(..position).unwrap_or(line);
        let (start, mut names) = self.0.completions(text).unwrap_or((position, Vec::new()));
        // Listed at the terminal as they are.
        names.retain(|name| !name.contains(is_hidden));
        Ok((start, names))
    }
}
