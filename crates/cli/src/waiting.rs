//! [`Waiting`]: a line on the terminal for as long as something takes, which goes when it is over.

use std::io::IsTerminal;
use std::time::Duration;

use guestnet::core::visible;

use crate::say;

/// How long something may take before a word is said of it, and how often the word is said anew.
pub(crate) const INTERVAL: Duration = Duration::from_secs(1);

/// The most characters of what is waited for. A line that does not fit could not be taken back.
const LONGEST: usize = 48;

/// To the first column, and nothing behind it.
const CLEAR: &str = "\r\x1b[K";

/// What is waited for. It is shown where standard error is a terminal: a log has no use for it.
#[derive(Debug)]
pub(crate) struct Waiting {
    what: Option<String>,
    shown: bool,
}

impl Waiting {
    /// `what` is the end of "guestnet: compiling".
    pub(crate) fn new(what: &str) -> Self {
        let mut visible = visible(what).to_string();
        if let Some((end, _)) = visible.char_indices().nth(LONGEST) {
            visible.truncate(end);
            visible.push('…');
        }
        Waiting {
            what: std::io::stderr().is_terminal().then_some(visible),
            shown: false,
        }
    }

    /// Says how long it has taken.
    pub(crate) fn show(&mut self, time: Duration) {
        if let Some(what) = &self.what {
            say::print_error(format_args!(
                "{CLEAR}guestnet: compiling {what}, {} s; the next start is fast",
                time.as_secs()
            ));
            self.shown = true;
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.shown {
            say::print_error(CLEAR);
        }
    }
}
